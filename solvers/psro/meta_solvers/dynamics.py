"""Meta-solvers from dynamics and noise: replicator, alpha-rank, quantal response, and fixed rules."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from games.certificates import Certificate
from games.errors import UnsupportedGameError
from games.normal_form import NormalFormGame, nash_conv
from games.normal_form.selection import InfiniteSelection, Selection
from games.profiles import Profile
from games.results import SolveResult, Status
from solvers.equilibrium.alpha_rank import solve_alpha_rank
from solvers.equilibrium.matrix_solution import normalised
from solvers.equilibrium.projected_replicator import solve_projected_replicator
from solvers.equilibrium.quantal_response import solve_quantal_response
from solvers.equilibrium.zero_sum import solve_zero_sum

_USED = 1e-12  # weight from which a policy counts as part of a mixture


@dataclass(frozen=True, slots=True)
class ProjectedReplicatorMetaSolver:
    """Projected replicator dynamics from uniform mixtures; every policy keeps some weight.

    Attributes:
        gamma: exploration: policy k of n keeps at least gamma / (n + 1).
        rate: step size, in 1/(payoff range).
        max_steps: most steps.
        tol: NashConv in the empirical game at which to stop, in payoff ranges.
    """

    gamma: float = 1e-6
    rate: float = 1e-2
    max_steps: int = 50_000
    tol: float = 1e-3

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        return f"prd(gamma={self.gamma:g},rate={self.rate:g},max_steps={self.max_steps},tol={self.tol:g})"

    def solve(
        self, game: NormalFormGame, start: Profile, *, rng: np.random.Generator
    ) -> SolveResult[Profile]:
        """See ``MetaSolver.solve``; not from the start, where new policies have no weight to grow from."""
        return solve_projected_replicator(
            game, gamma=self.gamma, rate=self.rate, max_steps=self.max_steps, tol=self.tol
        )


@dataclass(frozen=True, slots=True)
class AlphaRankMetaSolver:
    """Marginals of the alpha-rank distribution.

    Players draw from the marginals independently, so whatever the joint distribution correlates is lost.

    Attributes:
        selection: how mutants take over; infinitely strong selection by default, which needs no units.
    """

    selection: Selection = field(default_factory=InfiniteSelection)

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        return f"alpha_rank({self.selection})"

    def solve(
        self, game: NormalFormGame, start: Profile, *, rng: np.random.Generator
    ) -> SolveResult[Profile]:
        """See ``MetaSolver.solve``; the certificate says how far from Nash the marginals are.

        Raises:
            UnsupportedGameError: more profiles than alpha-rank treats.
        """
        result = solve_alpha_rank(game, self.selection)
        return other_concept(game, result, result.unwrap().marginals, self.name)


@dataclass(frozen=True, slots=True)
class QuantalResponseMetaSolver:
    """Logit quantal response equilibrium on the branch from uniform play.

    Attributes:
        lam: precision, in 1/payoff; 0 is uniform play, large values come near a Nash equilibrium.
    """

    lam: float = 10.0

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        return f"qre(lam={self.lam:g})"

    def solve(
        self, game: NormalFormGame, start: Profile, *, rng: np.random.Generator
    ) -> SolveResult[Profile]:
        """See ``MetaSolver.solve``; the certificate says how far from Nash the mixtures are."""
        result = solve_quantal_response(game, self.lam)
        return other_concept(game, result, result.unwrap().profile, self.name)


@dataclass(frozen=True, slots=True)
class LastPoliciesMetaSolver:
    """Equal weight on the latest policies of each player; with k = 1, iterated best response.

    Attributes:
        k: how many policies count, at least 1; all where there are fewer.
    """

    k: int = 3

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k must be at least 1, got {self.k!r}")

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        return f"last(k={self.k})"

    def solve(
        self, game: NormalFormGame, start: Profile, *, rng: np.random.Generator
    ) -> SolveResult[Profile]:
        """See ``MetaSolver.solve``; the certificate says how far from Nash the mixtures are."""
        profile = tuple(normalised((np.arange(n) >= n - self.k).astype(float)) for n in game.num_actions)
        certificate = Certificate("nash_conv", nash_conv(game, profile))
        return SolveResult(profile, Status.STATIONARY, certificate, self.name, 0, 0.0)


@dataclass(frozen=True, slots=True)
class RectifiedNashMetaSolver:
    r"""Nash mixtures that lean to the opponents whom the own policies beat ("amplify strengths") [1]_.

    With a Nash equilibrium (x, y) of payoffs A to the row player and value v, the published method gives each
    row policy l of the support an oracle of its own against the weights y_k [A_lk - v]^+. Here every
    player has one oracle, so the row player's oracle answers the mean of these weights over x,

    .. math::  y_k \sum_l x_l [A_{lk} - v]^+ ,

    brought to sum one, and the column player's likewise; the Nash mixture stands where all are zero, as in
    a pure equilibrium. The mixtures are no equilibrium, so a run's NashConv need not fall to zero.

    .. [1] D. Balduzzi et al., "Open-ended learning in symmetric zero-sum games", ICML 2019.

    Attributes:
        tol: largest NashConv of the mixtures before they are rectified, in payoff ranges.
    """

    tol: float = 1e-9

    @property
    def name(self) -> str:
        """Registered name."""
        return "rectified_nash"

    def solve(
        self, game: NormalFormGame, start: Profile, *, rng: np.random.Generator
    ) -> SolveResult[Profile]:
        """See ``MetaSolver.solve``; the certificate says how far from Nash the mixtures are.

        Raises:
            UnsupportedGameError: the game is not two-player constant-sum.
        """
        if game.num_players != 2 or game.constant_sum() is None:
            raise UnsupportedGameError(
                f"rectified_nash needs a two-player constant-sum game, and {game.name} is not; "
                "prd and alpha_rank weigh the policies of any game"
            )
        result = solve_zero_sum(game, tol=self.tol)
        x, y = result.unwrap()
        margin = game.payoffs[0] - x @ game.payoffs[0] @ y
        # Margins of rounding size are ties.
        margin[np.abs(margin) <= 1e-12 * game.payoff_range] = 0.0
        rows = x * (np.maximum(-margin, 0.0) @ y)
        columns = y * (x @ np.maximum(margin, 0.0))
        kept = tuple(
            normalised(weights) if weights.max() > _USED * game.payoff_range else nash
            for weights, nash in ((rows, x), (columns, y))
        )
        return other_concept(game, result, kept, self.name)


def other_concept(
    game: NormalFormGame, result: SolveResult[Any], profile: Profile, name: str
) -> SolveResult[Profile]:
    """Mixtures that answer another question than Nash, certified by how far from Nash they are.

    The status stays that of the underlying result where it did not succeed; success is STATIONARY, since
    nobody claims that the NashConv is small.
    """
    status = Status.STATIONARY if result.status is Status.CERTIFIED else result.status
    certificate = Certificate("nash_conv", nash_conv(game, profile))
    return SolveResult(profile, status, certificate, name, result.steps, result.seconds, result.info)
