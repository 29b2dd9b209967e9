r"""Risk-adjusted games as linear complementarity problems, exactly or step by step.

In costs C = const - A > 0, with opponents' play y, a player with a piecewise linear measure minimises over s

.. math::  \max_\lambda \; (\alpha y + \lambda) \cdot C^\top s, \qquad 0 \le \lambda \le \beta y,

where sum lambda is given (neutral: alpha = 1, no lambda; conditional value at risk: alpha = 0, beta = 1 /
level, sum 1; worst case under trembles: alpha = 0, no cap, sum 1) or only excess over a target counts (lower
partial moment of order one: alpha = 1, beta = gamma). With multipliers v of sum s = 1, u of the caps, and
kappa of the sum, the conditions are

.. math::  C(\alpha y + \lambda) \ge v, \quad u + \kappa \ge C^\top s, \quad \lambda \le \beta y,

each complementary to s, lambda and u. Between two players y is affine in the other's mixture, and this
is a linear complementarity problem. Lemke's path starts at the pure best replies to given beliefs, to which a
large bonus binds the players, and takes the bonus away; with neutral players it is the linear tracing
procedure [1]_. Mixtures and lambda are bounded, and the far end of the bonus has one solution, so but for
rounding the path ends in an equilibrium.

Whatever is not linear is linearised at the last answer, again and again (Josephy's Newton method [2]_):
smooth measures through the derivative of their weights, among any number of players, and the mean as the
target of a lower partial moment, where kappa is the mean and the sum of lambda takes from y. Each of these
problems is solved by the same path, but their sequence need not settle. Own regularisers are linearised too.

.. [1] Harsanyi and Selten (1988); van den Elzen and Talman (1991), "A procedure for finding Nash
   equilibria in bi-matrix games". From memory.
.. [2] Josephy (1979), "Newton's method for generalized equations".
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.normal_form.risk_measures import LowerPartialMoment, Neutral, RiskMeasure
from games.normal_form.risk_profiles import opponents_joint
from games.normal_form.risk_tails import CVaR, WorstCase
from solvers.equilibrium.lemke import solve_lcp
from solvers.equilibrium.risk_layer_problem import LayerProblem

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Mask = NDArray[np.bool_]

_NEWTON_STEPS = 20
_FREE = 5  # steps that may lead away, towards where Newton's method works
_WELL = 0.1  # a step this good needs no other attempt
_SHARES = (0.5, 0.2, 0.05)
_SHORT = 200  # pivots from the last basis before the way from the bonus is taken
_PIVOTS_PER_VARIABLE = 500
_LEAST = 1e-300  # probability whose logarithm stands for that of zero
_LEAST_BONUS = 1e-3  # ties at the far end would leave it more than one solution


@dataclass(frozen=True, slots=True)
class _Form:
    """A piecewise linear measure in the terms of the module docstring, for payoffs within [0, 1].

    Attributes:
        mean: alpha.
        cap: beta; infinite where there is no cap; 0 where there is no lambda.
        total: sum of lambda, or None where excess over a target counts.
        target: the payoff below which there is excess, or None where it is the mean or there is none.
    """

    mean: float
    cap: float
    total: float | None = None
    target: float | None = None

    @property
    def about_mean(self) -> bool:
        return self.cap > 0.0 and self.total is None and self.target is None


def _form(measure: RiskMeasure) -> _Form | None:
    if isinstance(measure, Neutral) or (isinstance(measure, CVaR) and measure.level == 1.0):
        return _Form(1.0, 0.0)
    if isinstance(measure, CVaR):
        return _Form(0.0, 1.0 / measure.level, 1.0)
    if isinstance(measure, WorstCase):
        return _Form(0.0, math.inf, 1.0)
    if isinstance(measure, LowerPartialMoment) and measure.order == 1:
        return _Form(1.0, measure.gamma, None, measure.target if measure.gamma else None)
    return None


def has_linear_steps(problem: LayerProblem) -> bool:
    """Whether ``linear_steps`` applies: two players, or smooth measures alone."""
    # Without trembles the worst case jumps with the support, and no linear problem has that.
    jumps = problem.tremble == 0.0 and any(isinstance(m, WorstCase) for m in problem.measures)
    if jumps:
        return False
    return len(problem.sizes) == 2 or not problem.piecewise_linear


def is_linear(problem: LayerProblem) -> bool:
    """Whether a problem with linear steps is solved by the first of them."""
    forms = [_form(measure) for measure in problem.measures]
    if len(forms) != 2 or any(problem.regularisers):
        return False
    return all(form is not None and not form.about_mean for form in forms)


def linear_steps(
    problem: LayerProblem,
    prior: FloatArray,
    judge: Callable[[FloatArray], float],
    *,
    goal: float,
    max_problems: int,
    deadline: float,
) -> int:
    """Solve linear problems until a profile is good enough, or none gets better.

    Args:
        problem: a problem that ``has_linear_steps``.
        prior: flat profile, shape (M,). Paths start at the pure best replies to it, ties broken by the lower
            number, and the first linearisation is there.
        judge: told every flat profile found; returns how far it is from equilibrium.
        goal: the distance that is good enough.
        max_problems: linear problems after which to take no further step.
        deadline: ``time.perf_counter()`` value at which to stop.

    Returns:
        The number of linear problems solved.
    """
    system = _System(problem)
    here = _Point(prior, system.totals(prior), None, math.inf)
    solved = 0
    for step in range(1 if is_linear(problem) else _NEWTON_STEPS):
        best: _Point | None = None
        for answer in _attempts(system, prior, here, deadline):
            solved += 1
            point = here.towards(answer, 1.0, judge)
            if best is None or point.distance < best.distance:
                best = point
            if best.distance <= max(goal, _WELL * here.distance):
                break
        if best is None or best.distance <= goal or solved >= max_problems:
            break
        if best.distance >= here.distance and step > 0:
            shorter = min(
                (here.towards(best, share, judge) for share in _SHARES), key=lambda point: point.distance
            )
            if shorter.distance < here.distance:
                best = shorter
            elif step >= _FREE:
                break
        here = best
    return solved


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    """A profile, sums of lambda, the basis that led there if any, and the distance from equilibrium."""

    flat: FloatArray
    totals: FloatArray
    basis: Mask | None
    distance: float

    def towards(self, there: "_Point", share: float, judge: Callable[[FloatArray], float]) -> "_Point":
        flat = self.flat + share * (there.flat - self.flat)
        totals = self.totals + share * (there.totals - self.totals)
        return _Point(flat, totals, there.basis, judge(flat))


def _attempts(system: "_System", prior: FloatArray, here: _Point, deadline: float) -> Iterator[_Point]:
    """Solutions of the problem linearised at a point: from its basis, then from the bonus."""
    matrix, offset = system.at(here.flat, here.totals)
    if here.basis is not None:
        near = solve_lcp(matrix, offset, basis=here.basis, max_pivots=_SHORT, deadline=deadline)
        if near.z is not None:
            yield _Point(system.interior(near.z, here.flat), system.sums(near.z), near.basis, math.inf)
    covering, start = system.start(prior, matrix, offset)
    most = _PIVOTS_PER_VARIABLE * system.size
    far = solve_lcp(matrix, offset, covering=covering, basis=start, max_pivots=most, deadline=deadline)
    if far.z is not None:
        yield _Point(system.interior(far.z, here.flat), system.sums(far.z), far.basis, math.inf)


class _System:
    """Index sets, matrix and offset of the complementarity problem in u, lambda, s, v and kappa."""

    def __init__(self, problem: LayerProblem) -> None:
        self.problem = problem
        self.forms = [_form(measure) for measure in problem.measures]
        # Weights sum to one or more and have size at most 1 + 2 gamma, so that v is positive at this height.
        gammas = [form.cap for form in self.forms if form is not None and form.about_mean]
        self.height = 2.0 + 2.0 * max(gammas, default=0.0)
        self.costs = [self.height - a for a in problem.matrices]
        self.outcomes = [a.shape[1] for a in problem.matrices]
        # In this order the perturbation that breaks ties leaves all caps positive, so that u stays bounded.
        counts = np.array([self._counts(i) for i in range(len(self.forms))]).T
        ends = np.cumsum(counts).reshape(counts.shape)
        self.u, self.lam, self.s, self.v, self.kappa = (
            [np.arange(end - count, end) for end, count in zip(*kind, strict=True)]
            for kind in zip(ends, counts, strict=True)
        )
        self.size = int(ends[-1, -1])
        self.actions: IntArray = np.concatenate(self.s)

    def _counts(self, player: int) -> tuple[int, int, int, int, int]:
        """Numbers of variables of a player: of u, lambda, s, v, kappa."""
        form, n, k = self.forms[player], self.problem.sizes[player], self.outcomes[player]
        if form is None or not form.cap:
            return 0, 0, n, 1, 0
        return k if form.cap < math.inf else 0, k, n, 1, int(form.target is None)

    def _belief(self) -> tuple[float, list[FloatArray]]:
        """Weight and shift of every player's play in the beliefs of others."""
        belief = self.problem.belief()
        return belief.weight, self.problem.blocks(belief.shift)

    def totals(self, flat: FloatArray) -> FloatArray:
        """Sum of lambda of each player about the mean at a profile, zero for others, shape (N,)."""
        totals = np.zeros(len(self.forms))
        parts = self.problem.blocks(flat)
        weight, shifts = self._belief()
        for i, (c, form) in enumerate(zip(self.costs, self.forms, strict=True)):
            if form is not None and form.about_mean:
                y, z = weight * parts[1 - i] + shifts[1 - i], parts[i] @ c
                totals[i] = form.cap * float(y[z > y @ z].sum())
        return totals

    def sums(self, z: FloatArray) -> FloatArray:
        """Sums of lambda about the mean of a solution, zero for others, shape (N,)."""
        about = [form is not None and form.about_mean for form in self.forms]
        return np.array([z[lam].sum() if mean else 0.0 for lam, mean in zip(self.lam, about, strict=True)])

    def at(self, flat: FloatArray, totals: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Matrix and offset, linearised at a profile and at sums of lambda where they are not linear."""
        matrix, offset = np.zeros((self.size, self.size)), np.zeros(self.size)
        if None in self.forms:
            self._add_smooth(flat, matrix, offset)
        for i, form in enumerate(self.forms):
            s, v = self.s[i], self.v[i]
            matrix[s, v] = -1.0
            matrix[v, s] = 1.0
            offset[v] = -1.0
            if form is not None:
                self._add_linear(i, form, totals[i], flat, matrix, offset)
            self._add_regulariser(i, flat, matrix, offset)
        return matrix, offset

    def _add_regulariser(self, i: int, flat: FloatArray, matrix: FloatArray, offset: FloatArray) -> None:
        """The slope of a player's own regulariser, linearised in the probabilities."""
        own, x = self.problem.regularisers[i], self.problem.blocks(flat)[i]
        if own is not None:
            logs = np.log(np.maximum(x, _LEAST))
            bend = own.bend(logs)
            matrix[self.s[i], self.s[i]] -= bend / np.exp(logs)
            constant = bend - own.slope(logs)
            offset[self.s[i]] += constant - min(float(constant.min()), 0.0)

    def interior(self, z: FloatArray, flat: FloatArray) -> FloatArray:
        """The profile of a solution, where regularised probabilities fall at most tenfold from ``flat``."""
        parts = self.problem.blocks(z[self.actions])
        for own, part, before in zip(
            self.problem.regularisers, parts, self.problem.blocks(flat), strict=True
        ):
            if own is not None:
                np.maximum(part, np.maximum(0.1 * before, _LEAST), out=part)
                part /= part.sum()
        return np.concatenate(parts)

    def _add_smooth(self, flat: FloatArray, matrix: FloatArray, offset: FloatArray) -> None:
        """Rows s of players with smooth measures: const - g(x) - J (x' - x), with v positive."""
        problem, belief = self.problem, self.problem.belief()
        gradient = problem.gradient(flat, belief)
        slope = problem.jacobian(flat, belief, np.ones(flat.size, dtype=np.bool_))
        smooth = np.repeat([form is None for form in self.forms], problem.sizes)
        rows = self.actions[smooth]
        matrix[np.ix_(rows, self.actions)] = -slope[smooth]
        at_zero = slope @ flat - gradient
        reach = np.abs(slope).max(axis=1) * len(self.forms) + np.abs(at_zero)
        offset[rows] = at_zero[smooth] + 1.0 + float(reach.max())

    def _add_linear(
        self, i: int, form: _Form, total: float, flat: FloatArray, matrix: FloatArray, offset: FloatArray
    ) -> None:
        """Rows of one player of two with a piecewise linear measure, but for v."""
        c, s, lam, u, kappa = self.costs[i], self.s[i], self.lam[i], self.u[i], self.kappa[i]
        other = self.s[1 - i]
        weight, shifts = self._belief()
        shift = shifts[1 - i]
        mean = form.mean - total
        matrix[np.ix_(s, other)] = mean * weight * c
        offset[s] = mean * (c @ shift)
        if not lam.size:
            return
        matrix[np.ix_(s, lam)] = c
        matrix[np.ix_(lam, s)] = -c.T
        if u.size:
            matrix[lam, u] = 1.0
            matrix[u, lam] = -1.0
            matrix[u, other] = form.cap * weight
            offset[u] = form.cap * shift
        if form.target is not None:
            offset[lam] = self.height - form.target
            return
        matrix[lam, kappa] = 1.0
        if form.total is not None:
            matrix[kappa, lam] = -1.0
            offset[kappa] = form.total
        else:
            parts = self.problem.blocks(flat)
            y, mine = weight * parts[1 - i] + shift, parts[i]
            # y sum(lambda) and kappa = y.C's, both about the profile.
            matrix[np.ix_(s, lam)] -= (c @ y)[:, None]
            offset[s] += total * (c @ y)
            matrix[kappa, kappa] = 1.0
            matrix[kappa, s] = -(c @ y)
            matrix[kappa, other] = -weight * (mine @ c)
            offset[kappa] = mine @ c @ (y - shift)

    def start(self, prior: FloatArray, matrix: FloatArray, offset: FloatArray) -> tuple[FloatArray, Mask]:
        """Covering vector and basis: all bound to best replies to the prior, and weights to match."""
        covering, basis = np.zeros(self.size), np.zeros(self.size, dtype=np.bool_)
        weight, shifts = self._belief()
        believed = tuple(
            weight * part + shift for part, shift in zip(self.problem.blocks(prior), shifts, strict=True)
        )
        bound = []
        for i, c in enumerate(self.costs):
            regret = c @ opponents_joint(believed, i)
            regret -= regret.min()
            best = int(regret.argmin())
            bound.append(best)
            covering[self.s[i]] = np.maximum(regret, _LEAST_BONUS)
            covering[self.s[i][best]] = 0.0
            basis[self.s[i][best]] = True
            basis[self.v[i]] = True
            basis[self.kappa[i]] = True
        for i, form in enumerate(self.forms):
            if form is None or not form.cap:
                continue
            z = self.costs[i][bound[i]]
            full = np.zeros(z.size, dtype=np.bool_)
            if form.target is not None:
                full = z > self.height - form.target
            elif form.total is None:
                row = matrix[self.kappa[i][0]]
                played = [self.s[0][bound[0]], self.s[1][bound[1]]]
                full = z > -float(row[played].sum() + offset[self.kappa[i][0]])
            else:
                order = np.argsort(-z, kind="stable")
                last = 0  # without caps the worst outcome has all the weight
                if self.u[i].size:
                    y = shifts[1 - i].copy()
                    y[bound[1 - i]] += weight
                    last = min(int((np.cumsum(form.cap * y[order]) < form.total).sum()), z.size - 1)
                full[order[:last]] = True
                basis[self.lam[i][order[last]]] = True
            basis[self.lam[i][full]] = True
            if self.u[i].size:
                basis[self.u[i][full]] = True
        return covering, basis
