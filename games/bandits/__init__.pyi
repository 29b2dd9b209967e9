from .action_set import ActionSet as ActionSet, Membership as Membership, cardinality as cardinality
from .argmax_certificate import (
    certify_argmax as certify_argmax,
    enumerated_argmax as enumerated_argmax,
    forward_value as forward_value,
)
from .arms import RestlessArms as RestlessArms, ladder_arms as ladder_arms
from .arrays import Variables as Variables, from_arrays as from_arrays
from .bandit_env import BanditEnv as BanditEnv, do_nothing as do_nothing, refuse as refuse
from .capacity_sets import capacity as capacity
from .effects import Effect as Effect, OneBitAnArm as OneBitAnArm, SigmoidLink as SigmoidLink
from .exclusion import excluding as excluding
from .factors import Factor as Factor, factor_of as factor_of, factors_of as factors_of
from .families import (
    Family as Family,
    base_arms as base_arms,
    corrected_instance as corrected_instance,
    paper_instance as paper_instance,
)
from .fixing import fixing as fixing
from .interval_arms import (
    Intervals as Intervals,
    RobustGame as RobustGame,
    around as around,
    robust_values as robust_values,
)
from .joint import (
    JointProcess as JointProcess,
    allowed_actions as allowed_actions,
    joint_process as joint_process,
)
from .knapsack_sets import knapsack as knapsack, partition as partition
from .path_sets import path as path, path_as_released as path_as_released
from .patrol import patrolled_arms as patrolled_arms, unguarded as unguarded
from .planners import (
    Combine as Combine,
    PlannersGame as PlannersGame,
    SharedBandit as SharedBandit,
    agreement as agreement,
    clash as clash,
    rival_planners as rival_planners,
    union as union,
)
from .planners_chain import PlannersChain as PlannersChain, planners_chain as planners_chain
from .planners_env import PlannersEnv as PlannersEnv
from .planners_response import (
    Mixture as Mixture,
    PlannersGaps as PlannersGaps,
    ResponseBounds as ResponseBounds,
    planners_gaps as planners_gaps,
    response_bounds as response_bounds,
)
from .planners_tree import planners_tree as planners_tree
from .problem import (
    EVALUATION_START as EVALUATION_START,
    TRAINING_START as TRAINING_START,
    BernoulliStart as BernoulliStart,
    CoupledBandit as CoupledBandit,
    StartRule as StartRule,
)
from .pyomo_block import from_pyomo as from_pyomo
from .return_bound import (
    ReturnBound as ReturnBound,
    lagrangian_bound as lagrangian_bound,
    starting_at_random as starting_at_random,
    starting_in as starting_in,
)
from .rows import most_allowed as most_allowed, rows_allow as rows_allow
from .schedule_sets import Meeting as Meeting, schedule as schedule
from .simulator import (
    BatchPolicy as BatchPolicy,
    Noise as Noise,
    Rollout as Rollout,
    draw_noise as draw_noise,
    rollout as rollout,
)
from .state_sets import (
    Feasible as Feasible,
    StateSets as StateSets,
    allowed as allowed,
    state_and_step as state_and_step,
    whole_state as whole_state,
)
from .transport import transversal as transversal
from .tube import planar_graph as planar_graph
