r"""Risk-averse equilibria of sampled tables: variance between policies, within cells, or both.

The equilibrium and its certificate are those of `games.empirical.risk_regret`. Where only the variance within
cells counts, or risk has no price, r_i is linear in the own mixture: the answer is a Nash equilibrium of the
payoffs u - gamma v, and the solver for that is used. Else, from every start,

1. fictitious play with exact best responses settles a basin,
2. Newton on the support finishes, taken at once only where it lands near the walk,
3. extragradient goes on from there, with Newton again,
4. failing that, the nearest equilibrium met on the way is taken.

None of this is guaranteed to succeed; the result states the distance reached.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.certificates import Certificate
from games.empirical import EmpiricalGame, RiskSource, empirical_risk_nash_conv
from games.normal_form import NormalFormGame, nash_conv
from games.normal_form.mean_variance import maximise_on_simplex
from games.normal_form.risk import RiskAversion
from games.profiles import Profile
from games.progress import ignore_progress
from games.results import SolveResult, Status
from solvers.equilibrium.certified_search import CertifiedSearch
from solvers.equilibrium.risk_averse import solve_risk_averse
from solvers.equilibrium.risk_dynamics import project_simplices
from solvers.equilibrium.risk_newton import polished
from solvers.psro.sampled.risk_problem import EmpiricalRiskProblem, empirical_unit

FloatArray = NDArray[np.float64]

_FP_BLOCK, _FP_STEPS = 50, 300
_EG_BLOCK, _EG_STEPS = 100, 1000
_NEAR = 0.1  # total variation within which Newton counts as finishing the walk rather than leaving it


def solve_empirical_risk(
    game: EmpiricalGame,
    risk: RiskAversion,
    source: RiskSource,
    *,
    start: Sequence[ArrayLike] | None = None,
    tol: float = 1e-8,
    max_steps: int = 20_000,
    time_limit: float | None = None,
    starts: int = 3,
    rng: np.random.Generator | None = None,
) -> SolveResult[Profile]:
    """Find a risk-averse equilibrium of a table near where fictitious play goes from ``start``.

    Args:
        game: a table whose cells all have at least two episodes, or are exact.
        risk: risk aversion and trembles.
        source: which randomness counts as risk.
        start: where play starts; uniform by default. It decides which equilibrium is found.
        tol: largest ``empirical_risk_nash_conv`` called certified, in units of the range of the means.
        max_steps: most steps of all dynamics together.
        time_limit: seconds after which to return the best profile so far, checked between blocks of steps.
        starts: how many starts to try, the first included, before giving up.
        rng: source of the further starts; a fixed seed by default.

    Returns:
        The profile; its certificate ``empirical_risk_nash_conv`` is arithmetic on the table, whatever the
        table itself may be wrong about. ``info`` holds ``nash_conv`` of the cell means and ``stage``.

    Raises:
        ValueError: a cell has fewer than two episodes, or an argument is out of its range.
    """
    began = time.perf_counter()
    means = game.normal_form()
    if (game.counts < 2).any():
        raise ValueError("every cell needs two episodes, as its variance is estimated")
    if starts < 1:
        raise ValueError(f"starts must be at least 1, got {starts}")

    def certify(profile: Profile) -> float:
        return empirical_risk_nash_conv(game, profile, risk, source)

    goal = tol * empirical_unit(game)
    gammas = risk.gammas(game.num_players)
    if source is RiskSource.WITHIN or not gammas.any():
        prices = gammas.reshape(-1, *([1] * game.num_players))
        linear = NormalFormGame(means.payoffs - prices * game.variance, name=game.name)
        found = solve_risk_averse(
            linear,
            RiskAversion(0.0, risk.tremble),
            start=start,
            tol=tol,
            max_steps=max_steps,
            time_limit=time_limit,
            starts=starts,
            rng=rng,
        )
        profile, steps, stage = found.unwrap(), found.steps, str(found.info["stage"])
        bound, limited = certify(profile), found.status is Status.LIMIT
    else:
        problem = EmpiricalRiskProblem.of(game, risk, source)
        search = _Search(problem, means, certify, start, tol, max_steps, time_limit)
        search.goal = goal
        source_rng = np.random.default_rng(0) if rng is None else rng
        for attempt in range(starts):
            if search.over():
                break
            if attempt:
                search.x = np.concatenate([source_rng.dirichlet(np.ones(n)) for n in game.sizes])
            search.seek()
        profile, steps, stage = search.best, search.steps, search.stage
        bound, limited = search.bound, search.limited
    unsolved = Status.LIMIT if limited else Status.FAILED
    status = Status.CERTIFIED if bound <= goal else unsolved
    certificate = Certificate("empirical_risk_nash_conv", bound)
    info: dict[str, float | int | str | bool] = {"stage": stage, "nash_conv": nash_conv(means, profile)}
    return SolveResult(
        profile, status, certificate, "empirical_risk", steps, time.perf_counter() - began, info
    )


class _Search(CertifiedSearch):
    """A search in a table."""

    def __init__(
        self,
        problem: EmpiricalRiskProblem,
        means: NormalFormGame,
        certify: Callable[[Profile], float],
        start: Sequence[ArrayLike] | None,
        tol: float,
        max_steps: int,
        time_limit: float | None,
    ) -> None:
        super().__init__(means, certify, start, tol, max_steps, time_limit, ignore_progress)
        self.problem = problem
        self.far: list[tuple[float, float, Profile]] = []

    def seek(self) -> None:
        """Try everything from ``x``."""
        self.far.clear()
        first = 1
        while first <= _FP_STEPS and not self.over():
            self.play(first, _FP_BLOCK)
            first += _FP_BLOCK
            self.polish(self.x)
        rate, taken = 0.1, 0
        while taken < _EG_STEPS and not self.over():
            rate = self.extragradient(rate, _EG_BLOCK)
            taken += _EG_BLOCK
            self.polish(self.x)
        if self.far and not self.certified:
            _, self.bound, self.best = min(self.far, key=lambda found: found[:2])
            self.stage = "newton"

    def play(self, first: int, steps: int) -> None:
        """Move ``x`` by fictitious play: step t goes 1 / (t + 1) of the way to the best responses."""
        belief = self.problem.belief()
        for t in range(first, first + steps):
            believed = np.split(belief.weight * self.x + belief.shift, self.problem.offsets[1:-1])
            answers = [
                maximise_on_simplex(*self.problem.programme(tuple(believed), i))[0]
                for i in range(len(believed))
            ]
            self.x = self.x + (np.concatenate(answers) - self.x) / (t + 1.0)
        self.offer(self.x, "fictitious_play")
        self.report(steps)

    def extragradient(self, rate: float, steps: int) -> float:
        """Move ``x`` by projected extragradient, and return the step size to go on with."""
        belief, sizes = self.problem.belief(), np.array(self.problem.sizes)
        for _ in range(steps):
            slope = self.problem.gradient(self.x, belief)
            while True:
                ahead = self.x + rate * slope
                project_simplices(ahead, sizes)
                beyond = self.problem.gradient(ahead, belief)
                moved = float(np.linalg.norm(ahead - self.x))
                if rate * float(np.linalg.norm(beyond - slope)) <= 0.7 * moved or moved < 1e-15:
                    break
                rate *= 0.6
            self.x = self.x + rate * beyond
            project_simplices(self.x, sizes)
            rate = min(1.05 * rate, 1e3)
        self.offer(self.x, "extragradient")
        self.report(steps)
        return rate

    def polish(self, anchor: FloatArray) -> None:
        """Take an equilibrium near ``anchor``; remember those farther away."""
        for flat in polished(self.problem, anchor):
            profile = self.problem.split(flat)
            bound = self.certify(profile)
            distance = max(
                0.5 * float(np.abs(x - y).sum())
                for x, y in zip(profile, self.problem.split(anchor), strict=True)
            )
            if bound < self.bound and (distance <= _NEAR or bound > self.goal):
                self.bound, self.best, self.stage = bound, profile, "newton"
            elif bound <= self.goal:
                self.far.append((distance, bound, profile))
            if self.certified:
                return
