"""Ready-made methods by name: what the literature calls variants of PSRO, from parts of this package.

Each function returns a fresh method for ``run_psro``; parameters are those of its parts. All but
``fictitious_play`` need two-player constant-sum games and say so when they meet another.
"""

from solvers.psro.expanders import AddAllAnswers
from solvers.psro.meta_solvers.basic import NashMetaSolver, UniformMetaSolver
from solvers.psro.method import PSRO, pure_opening
from solvers.psro.variants.anytime import AnytimeMetaSolver, FreshBestResponse
from solvers.psro.variants.candidates import CandidateSelection
from solvers.psro.variants.diversity import DiverseBestResponse
from solvers.psro.variants.extensive_double_oracle import RestrictedTreeSolver
from solvers.psro.variants.pipeline import PipelinePSRO
from solvers.psro.variants.self_play import SelfPlayOracle


def double_oracle() -> PSRO:
    """Exact best responses to Nash mixtures of the populations (McMahan, Gordon, Blum 2003)."""
    return PSRO()


def fictitious_play() -> PSRO:
    """Exact best responses to the average of all earlier ones (Brown 1951)."""
    return PSRO(meta_solver=UniformMetaSolver(), expander=AddAllAnswers())


def extensive_double_oracle(ratio: float = 0.1) -> PSRO:
    """XDO: mix anew at every information set; see ``solvers.psro.variants.extensive_double_oracle``."""
    return PSRO(meta_solver=RestrictedTreeSolver(ratio), opening=pure_opening)


def anytime() -> PSRO:
    """Mixtures hardest to exploit in the full game; see ``solvers.psro.variants.anytime``."""
    return PSRO(FreshBestResponse(), AnytimeMetaSolver())


def self_play(rounds: int = 100) -> PSRO:
    """Anytime PSRO that adds a mixed policy each iteration; see ``solvers.psro.variants.self_play``."""
    return PSRO(SelfPlayOracle(rounds), AnytimeMetaSolver())


def pipeline(active: int = 4, workers: int = 1) -> PipelinePSRO:
    """Levels of unfinished responses that learn at once; see ``solvers.psro.variants.pipeline``."""
    return PipelinePSRO(active=active, workers=workers)


def diversity(weight: float = 0.1) -> PSRO:
    """Best responses that widen the policy hull; see ``solvers.psro.variants.diversity``."""
    return PSRO(DiverseBestResponse(weight), NashMetaSolver())


def candidate_selection(candidates: int = 5) -> PSRO:
    """The answer that leaves the population least exploitable; see ``solvers.psro.variants.candidates``."""
    return PSRO(CandidateSelection(candidates), AnytimeMetaSolver())
