r"""Two-player zero-sum and constant-sum matrix games: one entry point, several methods, one certificate.

For payoffs A to the row player a solution is a pair (x, y) with

.. math::
    \max_i (A y)_i = v = \min_j (x^\top A)_j ,

the minimax theorem [1]_. Every method is an object with the signature of ``MatrixMethod``; whatever it
claims, the certificate is the NashConv of the pair, computed by ``games`` from the game alone.

``Automatic`` follows measurements on uniform(-1, 1) games (``benchmarks/zero_sum.py``, one thread). Pivots on
a dense tableau win while either player has fewer than about 150 actions: the linear program in HiGHS takes
2.7 to 4.2 times as long at n = 3 to 100, scipy 6 to 10 times, OpenSpiel 29 to 54 times. Beyond, predictive
regret matching+ to a gap of 1e-3 of the range and then pivots on the actions that look useful win: at
n = 300 and 1000 HiGHS takes 10 and 18 times as long, scipy 21 and 39 times, for the same accuracy (1e-8
of the range is asked for, 1e-13 reached). Games with small supports (payoffs of low rank) are the exception:
there plain pivots stay 2 to 3 times ahead up to n = 500.

.. [1] J. von Neumann, "Zur Theorie der Gesellschaftsspiele", Mathematische Annalen 100, 1928.
"""

import math
import time
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from games.certificates import Certificate
from games.errors import UnsupportedGameError
from games.normal_form import NormalFormGame, nash_conv
from games.profiles import Profile
from games.progress import ProgressCallback, ignore_progress
from games.results import SolveResult, Status
from solvers.equilibrium.matrix_lp import MatrixLP
from solvers.equilibrium.matrix_solution import RELATIVE_TOLERANCE, MatrixSolution, gap_allowance
from solvers.equilibrium.pivoting import MatrixSimplex
from solvers.equilibrium.regret_matching import RegretMatching
from solvers.equilibrium.sifting import sift

_LARGE = 150  # actions of the player who has fewer, from which first-order steps come first
_SIFT_FROM = 1e-3  # relative gap at which first-order steps hand over to pivots on the useful actions
_FIRST_ORDER_STEPS = 2000  # games that resist for longer are sifted from where they are


class MatrixMethod(Protocol):
    """A way to solve a zero-sum matrix game."""

    @property
    def name(self) -> str:
        """What results call the method."""

    def __call__(
        self,
        matrix: NDArray[np.float64],
        *,
        tol: float,
        time_limit: float | None,
        progress: ProgressCallback,
    ) -> MatrixSolution:
        """Solve for payoffs ``matrix``, shape (m, n), to the row player.

        ``tol`` is in units of the payoff range, ``time_limit`` in seconds.
        """


@dataclass(frozen=True, slots=True)
class LinearProgram:
    """The minimax linear program in HiGHS."""

    name: str = "lp"

    def __call__(
        self,
        matrix: NDArray[np.float64],
        *,
        tol: float,
        time_limit: float | None,
        progress: ProgressCallback,
    ) -> MatrixSolution:
        """Solve in one call of HiGHS; progress is reported once, at the end."""
        solution = MatrixLP(matrix).solve(tol=tol, time_limit=time_limit)
        progress(solution.steps, None, gap=solution.gap)
        return solution


@dataclass(frozen=True, slots=True)
class Pivoting:
    """Pivots on a dense condensed tableau."""

    name: str = "pivoting"

    def __call__(
        self,
        matrix: NDArray[np.float64],
        *,
        tol: float,
        time_limit: float | None,
        progress: ProgressCallback,
    ) -> MatrixSolution:
        """Solve by the simplex method; progress is reported once, at the end."""
        solution = MatrixSimplex(matrix).solve(tol=tol, time_limit=time_limit)
        progress(solution.steps, None, gap=solution.gap)
        return solution


@dataclass(frozen=True, slots=True)
class PredictiveRegretMatching:
    """Predictive regret matching+ with quadratic averages.

    Attributes:
        max_steps: iterations, or None for no limit.
        polish: whether to solve the equalities on the supports on the way.
    """

    max_steps: int | None = 100_000
    polish: bool = True
    name: str = "prm"

    def __post_init__(self) -> None:
        if self.max_steps is not None and self.max_steps < 0:
            raise ValueError(f"max_steps must be at least 0 or None, got {self.max_steps}")

    def __call__(
        self,
        matrix: NDArray[np.float64],
        *,
        tol: float,
        time_limit: float | None,
        progress: ProgressCallback,
    ) -> MatrixSolution:
        """Iterate to the tolerance or the first limit."""
        return RegretMatching(matrix).solve(
            tol=tol,
            time_limit=time_limit,
            max_steps=self.max_steps,
            polish=self.polish,
            progress=progress,
        )


@dataclass(frozen=True, slots=True)
class Automatic:
    """The fastest method for the size, with the linear program in reserve should it break down."""

    name: str = "automatic"

    def __call__(
        self,
        matrix: NDArray[np.float64],
        *,
        tol: float,
        time_limit: float | None,
        progress: ProgressCallback,
    ) -> MatrixSolution:
        """Pivot on small games; approach large ones by regret matching, then sift."""
        start = time.perf_counter()

        def left() -> float | None:
            return None if time_limit is None else max(time_limit - (time.perf_counter() - start), 0.0)

        if min(matrix.shape) < _LARGE:
            solution = Pivoting()(matrix, tol=tol, time_limit=left(), progress=progress)
        else:
            first = PredictiveRegretMatching(max_steps=_FIRST_ORDER_STEPS, polish=False)
            solution = first(matrix, tol=max(tol, _SIFT_FROM), time_limit=left(), progress=progress)
            low, high = float(matrix.min()), float(matrix.max())
            if solution.gap > gap_allowance(tol, low, high):
                solution = sift(matrix, solution, tol=tol, time_limit=left(), progress=progress)
        if solution.status is not Status.FAILED:
            return solution
        reserve = LinearProgram()(matrix, tol=tol, time_limit=left(), progress=progress)
        return reserve if reserve.gap < solution.gap else solution


def solve_zero_sum(
    game: NormalFormGame,
    *,
    tol: float = RELATIVE_TOLERANCE,
    method: MatrixMethod | None = None,
    time_limit: float | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[Profile]:
    """Solve a two-player zero-sum or constant-sum game.

    Args:
        game: two players whose payoffs add up to the same total in every cell.
        tol: largest NashConv still reported CERTIFIED, in units of the range of one player's payoffs
            (greatest minus least; both players have the same), so that the answer does not depend on units
            or offset. The rounding error of the certificate itself is always allowed: about 4e-15 of the
            largest absolute payoff, which is all that counts when payoffs are constant.
        method: how to solve; None takes ``Automatic()``.
        time_limit: seconds, or None for no limit. Looked at between inner steps; compiling the kernels
            on their first use on a machine is not interrupted.
        progress: called with the figure ``gap`` in payoff units.

    Returns:
        The profile (x, y) with certificate ``nash_conv``. Status CERTIFIED; LIMIT when time or steps ran
        out, with the best pair met; FAILED when the method broke down, with the best pair met.
        ``info``: ``value`` (to the row player, within half the certificate), ``method``, and ``tolerance``,
        the NashConv that was asked for in payoff units.

    Raises:
        UnsupportedGameError: more or fewer than two players, or payoffs that are not constant-sum.
        ValueError: ``tol`` or ``time_limit`` is negative or NaN, or the payoffs overflow.

    Example:
        >>> game = NormalFormGame.zero_sum([[2, -1], [-1, 1]])
        >>> result = solve_zero_sum(game)
        >>> result.unwrap()
        (array([0.4, 0.6]), array([0.4, 0.6]))
        >>> round(result.info["value"], 12)
        0.2
    """
    return _solve(game, Automatic() if method is None else method, "zero_sum", tol, time_limit, progress)


def solve_zero_sum_lp(
    game: NormalFormGame, *, tol: float = RELATIVE_TOLERANCE, time_limit: float | None = None
) -> SolveResult[Profile]:
    """Solve a constant-sum game by the minimax linear program in HiGHS; see ``solve_zero_sum``."""
    return _solve(game, LinearProgram(), "zero_sum_lp", tol, time_limit, ignore_progress)


def solve_zero_sum_pivoting(
    game: NormalFormGame, *, tol: float = RELATIVE_TOLERANCE, time_limit: float | None = None
) -> SolveResult[Profile]:
    """Solve a constant-sum game by pivots on a dense tableau; see ``solve_zero_sum``."""
    return _solve(game, Pivoting(), "zero_sum_pivoting", tol, time_limit, ignore_progress)


def solve_zero_sum_prm(
    game: NormalFormGame,
    *,
    tol: float = RELATIVE_TOLERANCE,
    time_limit: float | None = None,
    max_steps: int | None = 100_000,
    polish: bool = True,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[Profile]:
    """Solve a constant-sum game by predictive regret matching+; see ``solve_zero_sum``.

    Args:
        game: as for ``solve_zero_sum``, and so are ``tol``, ``time_limit`` and ``progress``.
        tol: see there.
        time_limit: see there.
        max_steps: iterations, or None for no limit.
        polish: whether to solve the equalities on the supports on the way.
        progress: see there.
    """
    method = PredictiveRegretMatching(max_steps=max_steps, polish=polish)
    return _solve(game, method, "zero_sum_prm", tol, time_limit, progress)


def _solve(
    game: NormalFormGame,
    method: MatrixMethod,
    solver: str,
    tol: float,
    time_limit: float | None,
    progress: ProgressCallback,
) -> SolveResult[Profile]:
    start = time.perf_counter()
    _require_constant_sum(game)
    if not tol >= 0.0:  # `not >=` also refuses NaN
        raise ValueError(f"tol must be at least 0, got {tol!r}")
    if time_limit is not None and not time_limit >= 0.0:
        raise ValueError(f"time_limit must be at least 0 seconds or None, got {time_limit!r}")
    matrix = game.payoffs[0]
    solution = method(matrix, tol=tol, time_limit=time_limit, progress=progress)
    profile = (solution.rows, solution.columns)
    bound = nash_conv(game, profile)
    tolerance = gap_allowance(tol, float(matrix.min()), float(matrix.max())) + _unevenness(game)
    if bound <= tolerance:
        status = Status.CERTIFIED
    else:
        status = Status.LIMIT if solution.status is Status.LIMIT else Status.FAILED
    return SolveResult(
        solution=profile,
        status=status,
        certificate=Certificate("nash_conv", bound),
        solver=solver,
        steps=solution.steps,
        seconds=time.perf_counter() - start,
        info={"value": solution.value, "method": method.name, "tolerance": tolerance},
    )


def _require_constant_sum(game: NormalFormGame) -> None:
    if game.num_players != 2:
        raise UnsupportedGameError(
            f"need two players, {game.name!r} has {game.num_players}; "
            "'risk_averse' with gamma 0 finds Nash equilibria for any number of players"
        )
    if game.constant_sum() is None:
        raise UnsupportedGameError(
            f"the payoffs of {game.name!r} do not add up to a constant; "
            "'risk_averse' with gamma 0 finds Nash equilibria of general-sum games"
        )


def _unevenness(game: NormalFormGame) -> float:
    """How far the totals of the cells are apart: rounding, which no pair of strategies can undo."""
    spread = float(np.ptp(game.payoffs.sum(axis=0)))
    return spread if math.isfinite(spread) else 0.0
