from .adaptive import (
    AdaptiveRun as AdaptiveRun,
    Observer as Observer,
    SimulatedWorld as SimulatedWorld,
    invite_in_rounds as invite_in_rounds,
)
from .anytime import solve_capacity as solve_capacity
from .competition import (
    CompetitionSolution as CompetitionSolution,
    Response as Response,
    ThresholdDescent as ThresholdDescent,
    greedy_response as greedy_response,
    solve_competition as solve_competition,
    swapped_response as swapped_response,
)
from .dual import DualDescent as DualDescent
from .family import FamilySeeds as FamilySeeds, solve_family as solve_family
from .family_selection import (
    BoundDescent as BoundDescent,
    BudgetedGreedy as BudgetedGreedy,
    FamilyGreedy as FamilyGreedy,
    FamilySelector as FamilySelector,
    StagedGreedy as StagedGreedy,
)
from .heuristics import solve_degree as solve_degree, solve_pagerank as solve_pagerank
from .imm import solve_imm as solve_imm
from .invitations import Invitation as Invitation
from .judging import FreshSets as FreshSets
from .local import solve_imm_local as solve_imm_local, solve_opim_c_local as solve_opim_c_local
from .maximin import MaximinSeeds as MaximinSeeds, solve_maximin as solve_maximin
from .monte_carlo import solve_mg_greedy as solve_mg_greedy, solve_rr_greedy as solve_rr_greedy
from .one_call import DiffusionOf as DiffusionOf, solve as solve
from .opim import (
    OnlineProcessing as OnlineProcessing,
    solve_mg_opim as solve_mg_opim,
    solve_opim as solve_opim,
    solve_rr_opim as solve_rr_opim,
    solve_rr_opim_plus as solve_rr_opim_plus,
)
from .plain import Sentinels as Sentinels, solve_hist as solve_hist, solve_opim_c as solve_opim_c
from .relaxation import LinearRelaxation as LinearRelaxation
from .robust import solve_robust as solve_robust
from .rounding import pipage as pipage
from .seeds import Seeds as Seeds
from .selection import (
    GainGreedy as GainGreedy,
    RoundsGreedy as RoundsGreedy,
    Selection as Selection,
    Selector as Selector,
)
