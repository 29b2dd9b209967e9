"""What a run of SEQUOIA is told."""

import math
from dataclasses import dataclass, field

from games.bandits.problem import EVALUATION_START, StartRule
from marl.oracles.schedules import LinearDecay
from solvers.sequoia.learning.exploration import NeighbourExploration
from solvers.sequoia.learning.families import QFamily, ResidualFamily
from solvers.sequoia.learning.improvement import Improvement
from solvers.sequoia.learning.penalties import Penalty, WeightPenalty
from solvers.sequoia.learning.schedules import CosineRate, SoftTarget, TargetRule
from solvers.sequoia.learning.value_base import BaseRule, LagrangianBase
from solvers.sequoia.result import ShrinkingTolerance, Tolerance


@dataclass(frozen=True, slots=True)
class WarmStart:
    """Supervision before learning: the network is fitted to the base's Q on allowed actions.

    Attributes:
        rows: states, each drawn from play of random allowed actions.
        actions: allowed actions in each of them.
        updates: steps of the optimiser.
        batch: pairs in each.
    """

    rows: int = 1_000
    actions: int = 8
    updates: int = 1_000
    batch: int = 256

    def __post_init__(self) -> None:
        _at_least_one(self, ("rows", "actions", "updates", "batch"))


@dataclass(frozen=True, slots=True)
class Validation:
    """Looks at the greedy policy on chance that is the same at every look; the best policy so far is kept.

    Attributes:
        every: rounds between looks.
        episodes: played at each.
        errors: a policy is better than the best so far if its mean is, by more than this many standard errors
            of the difference. The least difference that chance brings about is not worth a change.
        patience: looks without a better policy after which learning stops; None: it does not.
    """

    every: int = 5
    episodes: int = 512
    errors: float = 1.0
    patience: int | None = 4

    def __post_init__(self) -> None:
        _at_least_one(self, ("every", "episodes"))
        if not 0.0 <= self.errors < math.inf or (self.patience is not None and self.patience < 1):
            raise ValueError(
                f"need errors >= 0 and patience >= 1 or None, got {self.errors} and {self.patience}"
            )


@dataclass(frozen=True, slots=True)
class SequoiaSettings:
    """Settings; the defaults are for the families of the paper with 20 arms.

    A round plays ``lanes`` episodes side by side, draws ``pool`` records from the replay, solves the maxima
    in their targets, and makes ``updates`` steps of the optimiser on batches of them.

    Attributes:
        family: of the Q-function.
        base: the additive values that returns are measured against, and that the family may start from.
        discount: of later rewards; 1 as evaluation counts them.
        rounds: how many.
        lanes: episodes in a round.
        start: how they begin.
        epsilon: share of explored decisions, by the share of the rounds done.
        exploration: how actions are explored; always allowed ones.
        n_steps: steps of a return, which is cut before explored actions.
        next_samples: next states drawn for each expectation in a target.
        capacity: records kept.
        alpha: how much priorities count.
        beta: how far weights undo them, at the start and at the end.
        pool: records drawn in a round.
        batch: of them in each update.
        updates: in a round.
        target: how the target network follows.
        learning_rate: of Adam, by the share of the rounds done; it never vanishes.
        max_gradient: longer gradients are cut to it.
        penalties: on the weights.
        tolerance: gap of the maxima in targets by round, in units of Q [1]_.
        acting: gap of the maxima that are played.
        dual_filter: leave out records whose maximum, of the online network, is proven so small that their
            error would not be positive [1]_; the target network, which values the action, may differ. The
            loss then pulls estimates up only, so it is meant for late refinement.
        warm_start: for families that do not start at the base.
        improvement: policy iteration before the first round, where it needs no programs; None: none.
        validation: when the policy is looked at.
        certified: validation episodes whose decisions are checked for the certificate.

    .. [1] Ryu, Chow, Anderson, Tjandraatmadja, Boutilier (2020), CAQL: Continuous action Q-learning, ICLR.
    """

    family: QFamily = field(default_factory=ResidualFamily)
    base: BaseRule = field(default_factory=LagrangianBase)
    discount: float = 1.0
    rounds: int = 60
    lanes: int = 16
    start: StartRule = EVALUATION_START
    epsilon: LinearDecay = field(default_factory=lambda: LinearDecay(0.3, 0.1, 0.5))
    exploration: NeighbourExploration = field(default_factory=NeighbourExploration)
    n_steps: int = 20
    next_samples: int = 2
    capacity: int = 20_000
    alpha: float = 0.6
    beta: LinearDecay = field(default_factory=lambda: LinearDecay(0.4, 1.0, 1.0))
    pool: int = 256
    batch: int = 64
    updates: int = 80
    target: TargetRule = field(default_factory=SoftTarget)
    learning_rate: CosineRate = field(default_factory=CosineRate)
    max_gradient: float = 10.0
    penalties: tuple[Penalty, ...] = (WeightPenalty(),)
    tolerance: ShrinkingTolerance = field(
        default_factory=lambda: ShrinkingTolerance(0.0, 1.0, Tolerance(1e-3))
    )
    acting: Tolerance = field(default_factory=lambda: Tolerance(1e-5))
    dual_filter: bool = False
    warm_start: WarmStart = field(default_factory=WarmStart)
    improvement: Improvement | None = field(default_factory=Improvement)
    validation: Validation = field(default_factory=Validation)
    certified: int = 2

    def __post_init__(self) -> None:
        _at_least_one(
            self,
            (
                "rounds",
                "lanes",
                "n_steps",
                "next_samples",
                "capacity",
                "pool",
                "batch",
                "updates",
                "certified",
            ),
        )
        if not 0.0 <= self.alpha <= 1.0:
            raise ValueError(f"alpha must be in [0, 1], got {self.alpha}")
        if not 0.0 <= self.discount <= 1.0 or not 0.0 < self.max_gradient < math.inf:
            raise ValueError(
                f"need discount in [0, 1] and a positive max_gradient, got {self.discount} "
                f"and {self.max_gradient}"
            )


def _at_least_one(settings: object, names: tuple[str, ...]) -> None:
    for name in names:
        if getattr(settings, name) < 1:
            raise ValueError(f"{name} must be at least 1, got {getattr(settings, name)}")
