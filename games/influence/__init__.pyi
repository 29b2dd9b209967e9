from .category_capacities import CategoryCapacities as CategoryCapacities
from .collection import ReverseSets as ReverseSets, SetCollection as SetCollection
from .competition import (
    Competition as Competition,
    DepthSets as DepthSets,
    EqualShares as EqualShares,
    Firm as Firm,
    NobodyWins as NobodyWins,
    Strategy as Strategy,
    TieRule as TieRule,
    UniformDraw as UniformDraw,
    competition_game as competition_game,
    draw_depth_sets as draw_depth_sets,
)
from .competition_env import CompetitionEnv as CompetitionEnv
from .competition_payoffs import (
    empirical_game as empirical_game,
    normal_form as normal_form,
    profile_moments as profile_moments,
)
from .diffusion import (
    Diffusion as Diffusion,
    IndependentCascade as IndependentCascade,
    LinearThreshold as LinearThreshold,
    Triggering as Triggering,
    trivalency_cascade as trivalency_cascade,
    uniform_cascade as uniform_cascade,
    uniform_threshold as uniform_threshold,
    weighted_cascade as weighted_cascade,
)
from .dynamic import (
    Refresh as Refresh,
    TrackedSets as TrackedSets,
    refreshed as refreshed,
    track_sets as track_sets,
)
from .exact import exact_spread as exact_spread
from .families import (
    Capacities as Capacities,
    Choice as Choice,
    Family as Family,
    Knapsack as Knapsack,
    Matroid as Matroid,
    Quotas as Quotas,
    at_most as at_most,
    family_bound as family_bound,
)
from .family_problems import (
    FamilyProblem as FamilyProblem,
    family_problem as family_problem,
    with_capacities as with_capacities,
)
from .graph import (
    DirectedGraph as DirectedGraph,
    as_graph as as_graph,
    graph_from_arcs as graph_from_arcs,
    read_edge_list as read_edge_list,
)
from .intersection import Intersection as Intersection, SplitWeights as SplitWeights
from .live_arcs import LiveArcs as LiveArcs, SharedSimulations as SharedSimulations
from .maximin import (
    MaximinProblem as MaximinProblem,
    group_ends as group_ends,
    model_ends as model_ends,
)
from .problem import CapacityProblem as CapacityProblem, capacity_problem as capacity_problem
from .rounds import RoundsProblem as RoundsProblem, rounds_problem as rounds_problem
from .sampler import ReverseModel as ReverseModel, reverse_model as reverse_model
from .seeding import SeedProblem as SeedProblem, seed_problem as seed_problem
from .sentinel import SentinelSets as SentinelSets
from .simulation import SpreadEstimate as SpreadEstimate, simulate_spread as simulate_spread
