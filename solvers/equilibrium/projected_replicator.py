r"""Projected replicator dynamics of n-player games [1]_.

Every player moves by the replicator equation and stays away from the boundary:

.. math::
    x_i \leftarrow \Pi_{\gamma}\left[ x_i + \eta\, x_i \odot (v_i - x_i \cdot v_i) \right], \qquad
    \Delta_\gamma = \{ x : x_a \ge \gamma / (n_i + 1) \},

with v_i the payoffs of the own actions against the others' mixtures and Pi the Euclidean projection onto
Delta_gamma, so that no action dies out. The time average is the answer in cyclic games, the last mixtures
where play comes to rest: the better of the two is returned. Convergence is slow and not guaranteed; the
method is here because policies answer its interior mixtures more usefully than those of an exact equilibrium.

.. [1] M. Lanctot et al., "A unified game-theoretic approach to multiagent reinforcement learning",
   NeurIPS 2017.
"""

import math
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from games.certificates import Certificate
from games.normal_form import NormalFormGame, nash_conv
from games.normal_form.risk import RiskAversion
from games.profiles import Profile, as_profile, uniform_profile
from games.progress import ProgressCallback, ignore_progress
from games.results import SolveResult, Status
from solvers.equilibrium.matrix_solution import gap_allowance
from solvers.equilibrium.replicator_kernels import project_above, replicate
from solvers.equilibrium.risk_problem import RiskProblem

_CHUNK = 2_000  # steps between looks at the clock and the certificate


def solve_projected_replicator(
    game: NormalFormGame,
    *,
    gamma: float = 1e-6,
    rate: float = 1e-2,
    start: Sequence[ArrayLike] | None = None,
    tol: float = 1e-3,
    max_steps: int = 50_000,
    time_limit: float | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[Profile]:
    """Follow projected replicator dynamics.

    Args:
        game: any normal-form game.
        gamma: exploration; every action of player i keeps at least gamma / (n_i + 1). In [0, 1].
        rate: step size eta, in 1/(payoff range), so that units do not matter.
        start: mixtures to begin with, moved away from the boundary; uniform where None.
        tol: NashConv at which to stop, in units of the payoff range.
        max_steps: most steps.
        time_limit: seconds, or None for no limit; looked at every 2,000 steps.
        progress: called as often, with the figure ``nash_conv`` in payoff units.

    Returns:
        The best of the averages and last mixtures seen, with certificate ``nash_conv``. Status CERTIFIED, or
        LIMIT. ``info``: ``averaged``, whether the answer is a time average.

    Raises:
        ValueError: an argument out of its range, or a start that does not fit the game.

    Example:
        >>> game = NormalFormGame.bimatrix([[3, 0], [5, 1]], [[3, 5], [0, 1]])
        >>> [x.round(3).tolist() for x in solve_projected_replicator(game).unwrap()]
        [[0.0, 1.0], [0.0, 1.0]]
    """
    _check(gamma, rate, tol, max_steps, time_limit)
    began = time.perf_counter()
    problem = RiskProblem.of(game, RiskAversion(0.0))
    floors = gamma / (problem.sizes_array + 1.0)
    sizes = game.num_actions
    mixtures = uniform_profile(sizes) if start is None else as_profile(start, sizes)
    for block, floor in zip(mixtures, floors, strict=True):
        project_above(block, floor)
    x = np.concatenate(mixtures)
    sums = x.copy()
    allowance = gap_allowance(tol, float(game.payoffs.min()), float(game.payoffs.max()))
    best, bound, averaged, done = mixtures, nash_conv(game, mixtures), False, 0
    while bound > allowance and done < max_steps:
        if time_limit is not None and time.perf_counter() - began >= time_limit:
            break
        chunk = min(_CHUNK, max_steps - done)
        replicate(problem.flat_payoffs, problem.sizes_array, floors, x, sums, rate, chunk)
        done += chunk
        for flat, is_average in ((sums / (done + 1), True), (x, False)):
            profile = problem.split(flat)
            gap = nash_conv(game, profile)
            if gap < bound:
                best, bound, averaged = profile, gap, is_average
        progress(done, max_steps, nash_conv=bound)
    status = Status.CERTIFIED if bound <= allowance else Status.LIMIT
    return SolveResult(
        best,
        status,
        Certificate("nash_conv", bound),
        "projected_replicator",
        done,
        time.perf_counter() - began,
        {"averaged": averaged},
    )


def _check(gamma: float, rate: float, tol: float, max_steps: int, time_limit: float | None) -> None:
    if not 0.0 <= gamma <= 1.0:
        raise ValueError(f"gamma must lie in [0, 1], got {gamma!r}")
    if not (math.isfinite(rate) and 0.0 < rate <= 1.0):
        raise ValueError(f"rate must lie in (0, 1], got {rate!r}")
    if not tol >= 0.0:  # `not >=` also refuses NaN
        raise ValueError(f"tol must be at least 0, got {tol!r}")
    if max_steps < 0:
        raise ValueError(f"max_steps must be at least 0, got {max_steps!r}")
    if time_limit is not None and not time_limit >= 0.0:
        raise ValueError(f"time_limit must be at least 0 seconds or None, got {time_limit!r}")
