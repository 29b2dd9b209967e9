r"""Regret matching+ and fictitious play in n-player games: equilibria as what learners' averages settle to.

*Regret matching+* [1]_ keeps regrets Q >= 0 and plays in proportion to them:

.. math::
    Q_t = [Q_{t-1} + v_t - \langle v_t, x_t\rangle 1]^+, \qquad x_{t+1} \propto Q_t ,

with v_t the payoffs of the own actions against the others' newest strategies; averages weigh round t by t. In
*fictitious play* [2]_ every player in turn plays a best response to the others' average mixtures.

In two-player zero-sum games the averages of both approach the Nash equilibria, at O(1 / sqrt(t)) or better
for regret matching+. In other games nothing of the kind holds: the empirical *joint* play of regret matching+
approaches the coarse correlated equilibria, but the product of the averages may stay away from Nash, and
fictitious play may cycle [3]_. The better of the averages and the latest strategies is returned, with its
NashConv, and a status that claims no more than this.

.. [1] O. Tammelin, N. Burch, M. Johanson and M. Bowling, "Solving heads-up limit Texas hold'em", IJCAI 2015.
.. [2] G. W. Brown, "Iterative solution of games by fictitious play", 1951; moving in turn, as here and there:
   U. Berger, "Brown's original fictitious play", Journal of Economic Theory 135, 2007.
.. [3] L. S. Shapley, "Some topics in two-person games", Advances in Game Theory, 1964.
"""

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from games.certificates import Certificate
from games.normal_form import NormalFormGame, nash_conv
from games.normal_form.risk import RiskAversion
from games.profiles import Profile, uniform_profile
from games.progress import ProgressCallback, ignore_progress
from games.results import SolveResult, Status
from solvers.equilibrium.learning_kernels import answer_averages, match_regrets
from solvers.equilibrium.matrix_solution import gap_allowance
from solvers.equilibrium.risk_problem import RiskProblem

FloatArray = NDArray[np.float64]

_FIRST_CHUNK = 16
_GROWTH = 1.5  # checks at geometrically growing distances cost a fixed share of the work
_LARGEST_CHUNK = 2_000  # rounds between looks at the clock
_TIE = 1e-12  # of the payoff range


def solve_regret_matching_plus(
    game: NormalFormGame,
    *,
    tol: float = 1e-3,
    max_steps: int = 50_000,
    time_limit: float | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[Profile]:
    """Average strategies of regret matching+.

    Args:
        game: any normal-form game.
        tol: NashConv at which to stop, in units of the payoff range.
        max_steps: most rounds.
        time_limit: seconds, or None for no limit; looked at every 2,000 rounds or more often.
        progress: called as often, with the figure ``nash_conv`` in payoff units.

    Returns:
        The best of the averages and latest strategies seen, with certificate ``nash_conv``. Status CERTIFIED,
        or LIMIT: play goes on for ever. ``info``: ``averaged``, whether the answer is an average.

    Raises:
        ValueError: an argument out of its range.

    Example:
        >>> game = NormalFormGame.zero_sum([[2, -1], [-1, 1]])
        >>> [x.round(2).tolist() for x in solve_regret_matching_plus(game).unwrap()]
        [[0.4, 0.6], [0.4, 0.6]]
    """
    problem = RiskProblem.of(game, RiskAversion(0.0))
    x = np.concatenate(uniform_profile(game.num_actions))
    regrets, sums = np.zeros_like(x), np.zeros_like(x)

    def advance(done: int, steps: int) -> tuple[FloatArray, FloatArray]:
        match_regrets(problem.flat_payoffs, problem.sizes_array, regrets, x, sums, done, steps)
        total = 0.5 * (done + steps) * (done + steps + 1)
        return sums / total, x

    return _follow(game, problem, advance, "regret_matching_plus", tol, max_steps, time_limit, progress)


def solve_fictitious_play(
    game: NormalFormGame,
    *,
    tol: float = 1e-3,
    max_steps: int = 50_000,
    time_limit: float | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[Profile]:
    """Average mixtures of discrete fictitious play, players in turn.

    Play starts from uniform mixtures, and ties go to the first action. Arguments, answer and
    errors are those of ``solve_regret_matching_plus``.

    Example:
        >>> game = NormalFormGame.bimatrix([[3, 0], [5, 1]], [[3, 5], [0, 1]])
        >>> [x.round(2).tolist() for x in solve_fictitious_play(game).unwrap()]
        [[0.0, 1.0], [0.0, 1.0]]
    """
    problem = RiskProblem.of(game, RiskAversion(0.0))
    averages = np.concatenate(uniform_profile(game.num_actions))
    last = averages.copy()

    def advance(done: int, steps: int) -> tuple[FloatArray, FloatArray]:
        answer_averages(problem.flat_payoffs, problem.sizes_array, last, averages, _TIE, done, steps)
        return averages, last

    return _follow(game, problem, advance, "fictitious_play", tol, max_steps, time_limit, progress)


def _follow(
    game: NormalFormGame,
    problem: RiskProblem,
    advance: Callable[[int, int], tuple[FloatArray, FloatArray]],
    name: str,
    tol: float,
    max_steps: int,
    time_limit: float | None,
    progress: ProgressCallback,
) -> SolveResult[Profile]:
    """Advance in chunks and keep the best of what comes: averages first, latest play second."""
    if not tol >= 0.0:  # `not >=` also refuses NaN
        raise ValueError(f"tol must be at least 0, got {tol!r}")
    if max_steps < 0:
        raise ValueError(f"max_steps must be at least 0, got {max_steps!r}")
    if time_limit is not None and not time_limit >= 0.0:
        raise ValueError(f"time_limit must be at least 0 seconds or None, got {time_limit!r}")
    began = time.perf_counter()
    allowance = gap_allowance(tol, float(game.payoffs.min()), float(game.payoffs.max()))
    best = uniform_profile(game.num_actions)
    bound, averaged, done = nash_conv(game, best), False, 0
    while bound > allowance and done < max_steps:
        if time_limit is not None and time.perf_counter() - began >= time_limit:
            break
        chunk = min(max(_FIRST_CHUNK, int((_GROWTH - 1.0) * done)), _LARGEST_CHUNK, max_steps - done)
        for flat, is_average in zip(advance(done, chunk), (True, False), strict=True):
            profile = problem.split(flat)
            gap = nash_conv(game, profile)
            if gap < bound:
                best, bound, averaged = profile, gap, is_average
        done += chunk
        progress(done, max_steps, nash_conv=bound)
    status = Status.CERTIFIED if bound <= allowance else Status.LIMIT
    return SolveResult(
        best,
        status,
        Certificate("nash_conv", bound),
        name,
        done,
        time.perf_counter() - began,
        {"averaged": averaged},
    )
