r"""Risk-averse equilibria of n-player normal-form games.

The equilibrium, its trembles and its certificate are those of ``games.normal_form.risk``. A game may have
many; *which* one is returned is decided by the start point and the dynamics, in this order:

1. simultaneous fictitious play with exact best responses walks from the start and settles a basin;
2. Newton on the support finishes, and is taken at once only where it lands near the walk's limit;
3. extragradient, which converges where play against averages is slow, goes on from there, then Newton again;
4. failing a landing nearby, the nearest equilibrium that Newton met on the way is taken;
5. failing that, the tracing procedure follows a path from beliefs near the start to an equilibrium;
6. failing that, everything is repeated from random starts.

With total variance equilibria need not exist; pure ones are found by looking at every pure profile.
None of the steps is guaranteed to succeed for gamma > 0, so the result states the certified distance
that was reached, whatever it is.
"""

import math
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.certificates import Certificate
from games.normal_form import NormalFormGame, nash_conv, payoff_variances
from games.normal_form.risk import RiskAversion, risk_figures, risk_nash_conv
from games.profiles import Profile
from games.progress import ProgressCallback, ignore_progress
from games.results import SolveResult, Status
from solvers.equilibrium.certified_search import CertifiedSearch
from solvers.equilibrium.risk_dynamics import extragradient, fictitious_play
from solvers.equilibrium.risk_newton import polished
from solvers.equilibrium.risk_problem import RiskProblem
from solvers.equilibrium.risk_pure import pure_equilibria
from solvers.equilibrium.risk_tracing import trace

FloatArray = NDArray[np.float64]

_FP_CHUNK, _FP_STEPS = 100, 500
_EG_CHUNK, _EG_STEPS = 500, 2000
_TRACE_STEPS = 4000
_NEAR = 0.1  # total variation within which Newton counts as finishing the walk rather than leaving it
_PRIOR_NOISE = 1e-2
_EXACT = 1e-13  # a certificate, in units of the payoff range, that leaves nothing to polish


def solve_risk_averse(
    game: NormalFormGame,
    risk: RiskAversion,
    *,
    start: Sequence[ArrayLike] | None = None,
    tol: float = 1e-8,
    max_steps: int = 50_000,
    time_limit: float | None = None,
    starts: int = 12,
    rng: np.random.Generator | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[Profile]:
    """Find a risk-averse equilibrium near the limit of fictitious play from ``start``.

    Args:
        game: any normal-form game.
        risk: risk aversion, trembles and kind of variance. At gamma = 0 the answer is a Nash equilibrium.
        start: where play starts; uniform by default. It decides which equilibrium is found.
        tol: largest ``risk_nash_conv`` called certified, in units of the payoff range.
        max_steps: most steps of all dynamics and homotopies together.
        time_limit: seconds after which to return the best profile so far, checked between blocks of steps.
        starts: how many starts to try, the first included, before giving up.
        rng: source of the further starts and of the noise that breaks ties on a traced path; a fixed seed
            by default, so that equal calls give equal answers.
        progress: called after each block of steps, with the best certificate so far in payoff units.

    Returns:
        The profile with its certificate ``risk_nash_conv``. Status LIMIT or FAILED says that ``tol`` was
        not reached. ``info`` holds ``mean_i`` and ``variance_i`` (as the objective of player i sees them),
        ``realised_variance_i`` (of the payoff itself, own randomisation included, no trembles),
        ``nash_conv``, and ``stage``, the method that produced the profile.

    Raises:
        ValueError: an argument out of its range, or a start that does not fit the game.
    """
    search = _Search(game, risk, start, tol, max_steps, time_limit, progress)
    if starts < 1:
        raise ValueError(f"starts must be at least 1, got {starts}")
    rng = np.random.default_rng(0) if rng is None else rng
    for attempt in range(starts):
        if search.over():
            break
        if attempt:
            search.x = np.concatenate([rng.dirichlet(np.ones(n)) for n in game.num_actions])
        prior = search.x
        search.fictitious_play(_FP_STEPS)
        anchor = search.x.copy()
        search.polish("fictitious_play+newton", anchor, search.problem.total)
        if not search.over():
            search.extragradient(_EG_STEPS, anchor)
        search.accept_far()
        if not search.over():
            noise = np.concatenate([rng.dirichlet(np.ones(n)) for n in game.num_actions])
            search.trace((1.0 - _PRIOR_NOISE) * prior + _PRIOR_NOISE * noise)
    return search.result("risk_averse")


def solve_risk_averse_fp(
    game: NormalFormGame,
    risk: RiskAversion,
    *,
    start: Sequence[ArrayLike] | None = None,
    tol: float = 1e-8,
    max_steps: int = 10_000,
    time_limit: float | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[Profile]:
    """Simultaneous fictitious play with exact risk-averse best responses, unpolished.

    Step t moves every mixture by 1 / (t + 1) towards the best response to the others' mixtures, the start
    counting as one observation. The residual falls about as 1 / t where play converges, which is not
    guaranteed; use it to see basins of attraction, and ``solve_risk_averse`` for accurate equilibria.
    Arguments and result are those of ``solve_risk_averse``.
    """
    search = _Search(game, risk, start, tol, max_steps, time_limit, progress)
    search.fictitious_play(max_steps)
    return search.result("risk_averse_fp")


def solve_risk_averse_extragradient(
    game: NormalFormGame,
    risk: RiskAversion,
    *,
    start: Sequence[ArrayLike] | None = None,
    tol: float = 1e-8,
    max_steps: int = 20_000,
    time_limit: float | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[Profile]:
    """Projected extragradient on the product of simplices, unpolished; the best iterate is returned.

    It converges where the game is monotone, as zero-sum games at gamma = 0 are [1]_, and may cycle
    elsewhere. Arguments and result are those of ``solve_risk_averse``.

    .. [1] Korpelevich (1976), "The extragradient method for finding saddle points and other problems".
    """
    search = _Search(game, risk, start, tol, max_steps, time_limit, progress)
    search.extragradient(max_steps, None)
    return search.result("risk_averse_extragradient")


class _Search(CertifiedSearch):
    """A search with the steps of this solver."""

    def __init__(
        self,
        game: NormalFormGame,
        risk: RiskAversion,
        start: Sequence[ArrayLike] | None,
        tol: float,
        max_steps: int,
        time_limit: float | None,
        progress: ProgressCallback,
    ) -> None:
        super().__init__(
            game,
            lambda profile: risk_nash_conv(game, profile, risk),
            start,
            tol,
            max_steps,
            time_limit,
            progress,
        )
        self.risk = risk
        self.problem = RiskProblem.of(game, risk)
        self.kernel = (
            self.problem.flat_payoffs,
            self.problem.sizes_array,
            self.problem.gammas,
            self.problem.tremble,
            self.problem.total,
        )
        self.far: list[tuple[float, float, Profile, str]] = []

    def fictitious_play(self, steps: int) -> None:
        """Move ``x`` by fictitious play."""
        responses = np.zeros_like(self.x)
        first = 1
        while first <= steps and not self.over():
            chunk = min(_FP_CHUNK, steps - first + 1, self.max_steps - self.steps)
            following, _ = fictitious_play(*self.kernel, self.x, responses, first, chunk, self.tol)
            self.offer(self.x, "fictitious_play")
            self.report(following - first)
            if following < first + chunk:
                break
            first = following

    def extragradient(self, steps: int, anchor: FloatArray | None) -> None:
        """Move ``x`` by extragradient; with an anchor, try Newton after every block."""
        best = self.x.copy()
        rate, gap, taken = 0.1, math.inf, 0
        while taken < steps and not self.over():
            chunk = min(_EG_CHUNK, steps - taken, self.max_steps - self.steps)
            done, rate, gap = extragradient(*self.kernel, self.x, best, rate, gap, chunk, self.tol)
            taken += done
            self.offer(best, "extragradient")
            self.report(done)
            if anchor is not None:
                self.polish("extragradient+newton", best, False)
            if done < chunk:
                break

    def polish(self, stage: str, anchor: FloatArray, pure: bool) -> None:
        """Finish from ``anchor``: keep an equilibrium nearby, remember those farther away.

        Certified profiles are finished too: the certificate is quadratic in the distance where the objective
        is strictly concave, so a certificate of 1e-8 alone fixes only four digits of the mixture.
        """
        if self.bound <= _EXACT * self.game.payoff_range:
            return
        candidates = [*pure_equilibria(self.problem, anchor)] if pure else []
        for flat in (*candidates, *polished(self.problem, anchor)):
            profile = self.problem.split(flat)
            bound = risk_nash_conv(self.game, profile, self.risk)
            if bound > self.goal:
                if bound < self.bound:
                    self.bound, self.best, self.stage = bound, profile, stage
                continue
            move = np.abs(np.concatenate(profile) - anchor)
            distance = 0.5 * float(np.add.reduceat(move, self.problem.offsets[:-1]).max())
            if distance <= _NEAR and bound <= self.bound:
                self.bound, self.best, self.stage = bound, profile, stage
                return
            self.far.append((distance, bound, profile, stage))

    def accept_far(self) -> None:
        """Take the nearest of the equilibria that lay far from where they were sought."""
        if self.far and not self.certified:
            _, self.bound, self.best, self.stage = min(self.far, key=lambda found: found[:2])

    def trace(self, prior: FloatArray) -> None:
        """Follow the path of the tracing procedure, then finish with Newton."""
        budget = min(_TRACE_STEPS, self.max_steps - self.steps)
        flat, taken = trace(self.problem, prior, max_steps=budget, deadline=self.deadline)
        if flat is not None:
            self.offer(flat, "tracing")
            self.polish("tracing+newton", np.concatenate(self.problem.split(flat)), False)
        self.report(taken)

    def result(self, solver: str) -> SolveResult[Profile]:
        unsolved = Status.LIMIT if self.limited else Status.FAILED
        status = Status.CERTIFIED if self.certified else unsolved
        means, variances = risk_figures(self.game, self.best, self.risk)
        realised = payoff_variances(self.game, self.best)
        info: dict[str, float | int | str | bool] = {
            "stage": self.stage,
            "nash_conv": nash_conv(self.game, self.best),
        }
        for i in range(self.game.num_players):
            info[f"mean_{i}"] = float(means[i])
            info[f"variance_{i}"] = float(variances[i])
            info[f"realised_variance_{i}"] = float(realised[i])
        certificate = Certificate("risk_nash_conv", self.bound)
        seconds = time.perf_counter() - self.began
        return SolveResult(self.best, status, certificate, solver, self.steps, seconds, info)
