r"""Equilibria of risk-adjusted games: measures and regularisers mixed freely among any number of players.

The equilibrium and its certificate are those of ``games.normal_form.risk_profiles``. In order:

1. fictitious play with certified best responses walks from the start;
2. Newton finishes: on supports where everything is smooth and unregularised, otherwise (or failing that)
   along a path of shrinking barriers that starts near the walk, and for piecewise linear measures on a face;
3. extragradient with supergradients goes on from there, then Newton again;
4. the whole path is followed from uniform play;
5. everything is repeated from random starts.

Where every player is neutral or mean-variance without a regulariser, ``solve_risk_averse`` does the work. No
step is guaranteed to succeed, so the result states the certified distance reached, whatever it is.
Piecewise linear measures are the hard ones: the path often turns back before their face shows, and without
trembles the worst case may have no equilibrium at all.
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
from solvers.equilibrium.risk_layer_path import follow
from solvers.equilibrium.risk_layer_problem import LayerProblem
from solvers.equilibrium.risk_newton import polished

FloatArray = NDArray[np.float64]

_FP_STEPS, _FP_CHUNK = 40, 20
_EG_STEPS, _EG_CHUNK = 600, 200
_NEAR_WIDTHS = (1e-4, 1e-2)  # barriers at which the path is joined from a walk
_FAR_WIDTH = 10.0  # at which every equilibrium is near uniform play
_STARTS = 3
_RATE = 0.1


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
    if _is_mean_variance(risk):
        search.delegate(rng)
        return search.result()
    for attempt in range(_STARTS):
        if search.over():
            break
        if attempt:
            search.x = np.concatenate([rng.dirichlet(np.ones(n)) for n in game.num_actions])
        search.fictitious_play()
        search.finish("fictitious_play")
        search.extragradient()
        search.finish("extragradient")
        if attempt == 0:
            search.walk("path", search.uniform, _FAR_WIDTH)
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
