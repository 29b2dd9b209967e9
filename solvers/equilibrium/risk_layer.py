r"""Equilibria of risk-adjusted games: measures and regularisers mixed freely among any number of players.

The equilibrium and its certificate are those of ``games.normal_form.risk_profiles``. Where nobody has a
regulariser, linear complementarity problems come first (``solvers.equilibrium.risk_layer_linear``): between
two players, neutral play, conditional value at risk, the worst case under trembles and first-order shortfalls
below a number are one such problem, which Lemke's path solves; other measures are a sequence of them. Paths
start from the given start, then from random ones. What that leaves unsolved, in order:

1. fictitious play with certified best responses walks from the start;
2. Newton finishes: on supports where everything is smooth and unregularised, otherwise (or failing that)
   along a path of shrinking barriers that starts near the walk, and for piecewise linear measures on a face;
3. extragradient with supergradients goes on from there, then Newton again;
4. the whole path is followed from uniform play, and without kinks and regularisers the tracing procedure
   from beliefs near the start;
5. where there are regularisers, linear problems with their slopes linearised too, from random beliefs (last,
   since paths of barriers keep to the principal branch of quantal response);
6. everything is repeated from random starts.

Where every player is neutral or mean-variance without a regulariser, ``solve_risk_averse`` does the work.
Only the single linear problem is sure to succeed, up to rounding, so the result states the certified distance
reached, whatever it is. Without trembles the worst case may have no equilibrium at all.
"""

import math
import time
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.certificates import Certificate
from games.normal_form import NormalFormGame, nash_conv
from games.normal_form.risk import RiskAversion
from games.normal_form.risk_measures import MeanVariance, Neutral
from games.normal_form.risk_profiles import (
    RiskProfile,
    opponents_joint,
    risk_profile_nash_conv,
    risk_profile_payoffs,
)
from games.normal_form.risk_response import respond
from games.profiles import Profile, tremble_profile, uniform_profile
from games.progress import ProgressCallback, ignore_progress
from games.results import SolveResult, Status
from solvers.equilibrium.certified_search import CertifiedSearch
from solvers.equilibrium.risk_averse import solve_risk_averse
from solvers.equilibrium.risk_dynamics import project_simplices
from solvers.equilibrium.risk_layer_faces import settled_on_faces
from solvers.equilibrium.risk_layer_linear import has_linear_steps, linear_steps
from solvers.equilibrium.risk_layer_path import follow
from solvers.equilibrium.risk_layer_problem import LayerProblem
from solvers.equilibrium.risk_newton import polished
from solvers.equilibrium.risk_tracing import trace

FloatArray = NDArray[np.float64]

_FP_STEPS, _FP_CHUNK = 40, 20
_EG_STEPS, _EG_CHUNK = 600, 200
_NEAR_WIDTHS = (1e-4, 1e-2)  # barriers at which the path is joined from a walk
_FAR_WIDTH = 10.0  # at which every equilibrium is near uniform play
_STARTS = 3
_PRIORS = 5
_RATE = 0.1
_TRACE_STEPS = 4000
_PRIOR_NOISE = 1e-2


def solve_risk_profile(
    game: NormalFormGame,
    risk: RiskProfile,
    *,
    start: Sequence[ArrayLike] | None = None,
    tol: float = 1e-8,
    max_steps: int = 20_000,
    time_limit: float | None = None,
    rng: np.random.Generator | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[Profile]:
    """Find an equilibrium of ``game`` when every player weighs risk as ``risk`` says.

    Args:
        game: any normal-form game.
        risk: measure and regulariser of each player, and the tremble.
        start: where play starts; uniform by default. Among several equilibria it favours one nearby.
        tol: largest ``risk_profile_nash_conv`` called certified, in units of the payoff range.
        max_steps: most steps of all methods together.
        time_limit: seconds after which to return the best profile so far, checked between blocks of steps.
        rng: source of further starts; a fixed seed by default, so that equal calls give equal answers.
        progress: called after each block of steps, with the best certificate so far in payoff units.

    Returns:
        The profile with its certificate ``risk_profile_nash_conv``. Status LIMIT or FAILED says that ``tol``
        was not reached. ``info`` holds ``stage``, the method that produced the profile, ``worth_i``, the
        risk-adjusted payoff of player i, and ``nash_conv``.

    Raises:
        ValueError: an argument out of its range, or a start or risk profile that does not fit the game.
    """
    search = _Search(game, risk, start, tol, max_steps, time_limit, progress)
    rng = np.random.default_rng(0) if rng is None else rng
    linear_rng, rng = rng.spawn(2)
    if _is_mean_variance(risk):
        search.delegate(rng)
        return search.result()
    if not any(risk.regularisers):
        search.linear_steps(linear_rng)
    for attempt in range(_STARTS):
        if search.over():
            break
        if attempt:
            search.x = search.draw(rng)
        prior = search.x
        search.fictitious_play()
        search.finish("fictitious_play")
        search.extragradient()
        search.finish("extragradient")
        if attempt == 0:
            search.walk("path", search.uniform, _FAR_WIDTH)
        if any(risk.regularisers):  # last, since paths of barriers keep to the principal branch
            search.linear_steps(linear_rng)
        search.trace((1.0 - _PRIOR_NOISE) * prior + _PRIOR_NOISE * search.draw(rng))
    return search.result()


def _is_mean_variance(risk: RiskProfile) -> bool:
    return not any(risk.regularisers) and all(isinstance(m, Neutral | MeanVariance) for m in risk.measures)


class _Search(CertifiedSearch):
    """A search with the steps of this solver."""

    def __init__(
        self,
        game: NormalFormGame,
        risk: RiskProfile,
        start: Sequence[ArrayLike] | None,
        tol: float,
        max_steps: int,
        time_limit: float | None,
        progress: ProgressCallback,
    ) -> None:
        super().__init__(
            game,
            lambda profile: risk_profile_nash_conv(game, profile, risk),
            start,
            tol,
            max_steps,
            time_limit,
            progress,
        )
        self.risk = risk
        self.problem = LayerProblem.of(game, risk)
        self.uniform = np.concatenate(uniform_profile(game.num_actions))

    def _offer_until_certified(self, candidates: Iterator[FloatArray], stage: str) -> None:
        for flat in candidates:
            if self.certified:
                return
            self.offer(flat, stage)

    def delegate(self, rng: np.random.Generator) -> None:
        """Leave a mean-variance game to its own solver."""
        gammas = tuple(m.gamma if isinstance(m, MeanVariance) else 0.0 for m in self.risk.measures)
        left = None if math.isinf(self.deadline) else max(self.deadline - time.perf_counter(), 1e-3)
        result = solve_risk_averse(
            self.game,
            RiskAversion(gammas, self.risk.tremble),
            start=self.best,
            tol=self.tol,
            max_steps=self.max_steps,
            time_limit=left,
            rng=rng,
            progress=self.progress,
        )
        self.steps += result.steps
        self.offer(np.concatenate(result.unwrap()), str(result.info["stage"]))

    def linear_steps(self, rng: np.random.Generator) -> None:
        """Solve linear complementarity problems, from the start and then from random priors."""
        if self.over() or not has_linear_steps(self.problem):
            return
        prior = self.x
        for _ in range(_PRIORS):
            solved = linear_steps(
                self.problem,
                prior,
                lambda flat: self.offer(flat, "lemke"),
                goal=self.goal,
                max_problems=self.max_steps - self.steps,
                deadline=self.deadline,
            )
            self.report(max(solved, 1))
            if self.over():
                return
            prior = self.draw(rng)

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """A random profile, flat."""
        return np.concatenate([rng.dirichlet(np.ones(n)) for n in self.problem.sizes])

    def trace(self, prior: FloatArray) -> None:
        """Follow the path of the tracing procedure where everything is smooth, then finish with Newton."""
        if self.over() or not self.problem.smooth:
            return
        budget = min(_TRACE_STEPS, self.max_steps - self.steps)
        flat, taken = trace(self.problem, prior, max_steps=budget, deadline=self.deadline)
        if flat is not None:
            self.offer(flat, "tracing")
            self._offer_until_certified(polished(self.problem, flat), "tracing+newton")
        self.report(taken)

    def fictitious_play(self) -> None:
        """Move ``x`` to the average of best responses, all players at once; the start is one observation."""
        problem = self.problem
        for first in range(1, _FP_STEPS + 1, _FP_CHUNK):
            if self.over():
                return
            taken = 0
            for t in range(first, min(first + _FP_CHUNK, first + self.max_steps - self.steps)):
                believed = tremble_profile(problem.split(self.x), problem.tremble)
                responses = [
                    respond(a, opponents_joint(believed, i), problem.measures[i], problem.regularisers[i])[0]
                    for i, a in enumerate(problem.matrices)
                ]
                self.x = self.x + (np.concatenate(responses) - self.x) / (t + 1.0)
                taken += 1
                if time.perf_counter() >= self.deadline:
                    break
            self.offer(self.x, "fictitious_play")
            self.report(taken)

    def extragradient(self) -> None:
        """Move ``x`` by projected extragradient on the supergradients; regularisers act by their own slopes.

        The slope of a regulariser is infinite at the walls, so its players step in log x instead (the
        mirror-prox form), each step at most a factor e.
        """
        rate = _RATE
        for _ in range(0, _EG_STEPS, _EG_CHUNK):
            if self.over():
                return
            taken = min(_EG_CHUNK, self.max_steps - self.steps)
            for _ in range(taken):
                g = self._ascent(self.x)
                while True:
                    ahead = self._moved(self.x, g, rate)
                    slope = self._ascent(ahead)
                    size = float(np.linalg.norm(ahead - self.x))
                    if rate * float(np.linalg.norm(slope - g)) <= 0.7 * size or rate < 1e-4:
                        break
                    rate *= 0.6
                self.x = self._moved(self.x, slope, rate)
                rate = min(1.05 * rate, 10.0)
                if time.perf_counter() >= self.deadline:
                    break
            self.offer(self.x, "extragradient")
            self.report(taken)

    def _ascent(self, flat: FloatArray) -> FloatArray:
        g = self.problem.gradient(flat, self.problem.belief())
        logs = np.log(np.maximum(flat, 1e-300))
        for own, part, u in zip(
            self.problem.regularisers, self.problem.blocks(g), self.problem.blocks(logs), strict=True
        ):
            if own is not None:
                part += own.slope(u)
        return g

    def _moved(self, flat: FloatArray, g: FloatArray, rate: float) -> FloatArray:
        moved = flat + rate * g
        project_simplices(moved, np.array(self.problem.sizes, dtype=np.int64))
        blocks = zip(
            self.problem.regularisers,
            self.problem.blocks(moved),
            self.problem.blocks(flat),
            self.problem.blocks(g),
            strict=True,
        )
        for own, part, x, slope in blocks:
            if own is not None:
                weights = x * np.exp(np.clip(rate * (slope - x @ slope), -1.0, 1.0))
                part[:] = weights / weights.sum()
        return moved

    def finish(self, stage: str) -> None:
        """Newton from where the dynamics stand."""
        if self.over():
            return
        if self.problem.smooth:
            self._offer_until_certified(polished(self.problem, self.x), f"{stage}+newton")
            self.report(1)
        for width in _NEAR_WIDTHS:
            self.walk(f"{stage}+path", self.x, width)

    def walk(self, stage: str, flat: FloatArray, width: float) -> None:
        """Join the path of barriers at ``width`` near ``flat`` and follow it down."""
        if self.over():
            return
        left = self.max_steps - self.steps
        walk = follow(self.problem, flat, width, max_steps=left, deadline=self.deadline)
        if walk is None:
            self.report(1)
            return
        self.offer(walk.flat, stage)
        if self.problem.smooth:
            self._offer_until_certified(polished(self.problem, walk.flat), f"{stage}+newton")
        if self.problem.piecewise_linear:
            faces = settled_on_faces(self.problem, walk.flat, walk.width)
            self._offer_until_certified(faces, f"{stage}+faces")
        self.report(max(walk.steps, 1))

    def result(self) -> SolveResult[Profile]:
        unsolved = Status.LIMIT if self.limited else Status.FAILED
        status = Status.CERTIFIED if self.certified else unsolved
        info: dict[str, float | int | str | bool] = {
            "stage": self.stage,
            "nash_conv": nash_conv(self.game, self.best),
        }
        for i, worth in enumerate(risk_profile_payoffs(self.game, self.best, self.risk)):
            info[f"worth_{i}"] = float(worth)
        certificate = Certificate("risk_profile_nash_conv", self.bound)
        seconds = time.perf_counter() - self.began
        return SolveResult(self.best, status, certificate, "risk_profile", self.steps, seconds, info)
