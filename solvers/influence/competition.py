r"""Equilibrium between firms that compete for a network: double oracle with greedy best responses.

On a fixed sample of reverse-reachable sets the payoff against mixed opponents is a facility-location function
of a firm's seeds, monotone and submodular, and what its adopters can invite is a matroid. Greedy therefore
gains at least half of what the best response gains over inviting nobody, and 1 - 1/e of it where one adopter
alone invites [1]_; in practice the dual bound shows far more. Where greedy does not gain, exchanges of single
friends are tried. Responses join the populations, and a meta-solver weighs the matrix game between them [2]_.

The profile found is judged on fresh sets (``games.influence.competition_certificate``).

.. [1] Nemhauser, Wolsey, Fisher (1978), An analysis of approximations for maximizing submodular set
   functions; the best response of a competing firm: Bharathi, Kempe, Salek (2007).
.. [2] McMahan, Gordon, Blum (2003); Lanctot et al. (2017).
"""

import heapq
import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from games.influence.assignment_kernels import admit, heaviest
from games.influence.competition import Competition, DepthSets, Strategy, draw_depth_sets
from games.influence.competition_certificate import (
    ResponseValues,
    equilibrium_certificate,
    response_payoff,
    response_values,
    sampled_gains,
)
from games.influence.competition_payoffs import empirical_game, extend, normal_form
from games.normal_form import NormalFormGame, expected_payoffs
from games.normal_form.risk import RiskAversion
from games.profiles import Profile, pure_profile
from games.progress import ProgressCallback, ignore_progress
from games.results import SolveResult, Status
from solvers.influence.limits import deadline_after
from solvers.psro.meta_solvers.basic import NashMetaSolver, RiskAverseMetaSolver
from solvers.psro.protocols import MetaSolver

_LEAST_GAIN = 1e-9  # in payoff ranges; smaller improvements are rounding
_SHARE_OF_TOL = 0.01  # smaller gains are not worth an iteration


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """A response to mixed opponents.

    Attributes:
        strategy: whom the firm invites.
        payoff: on the sample, as a share of the total worth.
        reached: float64 (sets,), what each set gains, the natural thresholds of a bound.
    """

    strategy: Strategy
    payoff: float
    reached: NDArray[np.float64]


def greedy_response(game: Competition, sets: DepthSets, firm: int, values: ResponseValues) -> Response:
    """The candidate of greatest gain whom the firm can still invite, again and again.

    Args:
        game: the competition.
        sets: the sample.
        firm: who responds.
        values: what its distances are worth (``response_values``).
    """
    problem = game.problems[firm]
    order = np.argsort(sets.member, kind="stable")
    row, value = values.row[order], values.value[order]
    begin = np.zeros(problem.num_candidates + 1, dtype=np.int64)
    np.cumsum(np.bincount(sets.member, minlength=problem.num_candidates), out=begin[1:])
    first = np.bincount(sets.member, weights=values.value, minlength=problem.num_candidates)
    places = problem.places()
    reached = np.zeros(sets.num_sets)
    chosen: list[int] = []
    # Gains only fall: one that is still the greatest once brought up to date is the greatest of all.
    waiting = [(-float(first[c]), c) for c in np.flatnonzero(first > 0).tolist()]
    heapq.heapify(waiting)
    while waiting and len(chosen) < places.held.size:
        claimed, c = heapq.heappop(waiting)
        gain = float(_gain(c, begin, row, value, reached))
        if gain < -claimed:
            if gain > 0:
                heapq.heappush(waiting, (-gain, c))
        elif admit(places, c):
            chosen.append(c)
            _reach(c, begin, row, value, reached)
    strategy = np.sort(np.array(chosen, dtype=np.int64))
    return Response(strategy, response_payoff(game, sets, values, strategy), reached)


def swapped_response(
    game: Competition,
    sets: DepthSets,
    firm: int,
    values: ResponseValues,
    response: Response,
    *,
    passes: int = 3,
) -> Response:
    """Exchange one friend at a time for a better one, as long as that gains.

    Args:
        game: the competition.
        sets: the sample.
        firm: who responds.
        values: what its distances are worth.
        response: where to start.
        passes: most rounds through all friends.
    """
    problem = game.problems[firm]
    chosen = response.strategy.tolist()
    for _ in range(passes):
        before = list(chosen)
        for friend in before:
            others = [c for c in chosen if c != friend]
            reached = _reached(game, sets, values, others)
            above = np.maximum(values.value - reached[values.row], 0.0)
            gains = np.bincount(sets.member, weights=above, minlength=problem.num_candidates)
            places = problem.places()
            for c in others:
                admit(places, c)
            better = np.flatnonzero(gains > gains[friend] + _LEAST_GAIN * sets.num_sets)
            for c in better[np.argsort(-gains[better], kind="stable")].tolist():
                if admit(places, c):
                    chosen = [*others, c]
                    break
        if chosen == before:
            break
    strategy = np.sort(np.array(chosen, dtype=np.int64))
    return Response(
        strategy, response_payoff(game, sets, values, strategy), _reached(game, sets, values, chosen)
    )


@dataclass(frozen=True, slots=True)
class ThresholdDescent:
    """Subgradient steps that lower ``response_bound``, by Polyak's rule towards what greedy reached.

    Attributes:
        steps: how many.
        momentum: share of the last direction that is kept, in [0, 1).

    Raises:
        ValueError: a setting is out of range.
    """

    steps: int = 60
    momentum: float = 0.7

    def __post_init__(self) -> None:
        if self.steps < 0 or not 0 <= self.momentum < 1:
            raise ValueError(f"need steps >= 0 and momentum in [0, 1), got {self}")

    def improve(
        self, game: Competition, sets: DepthSets, firm: int, values: ResponseValues, response: Response
    ) -> NDArray[np.float64]:
        """Thresholds whose bound is at most that of ``response.reached``, shape (sets,)."""
        problem = game.problems[firm]
        row, value = values.row, values.value
        most = np.zeros(sets.num_sets)
        np.maximum.at(most, row, value)
        target = response.payoff * sets.num_sets - values.base
        current, best, least = response.reached.copy(), response.reached, np.inf
        direction = np.zeros(sets.num_sets)
        for _ in range(self.steps):
            above = np.maximum(value - current[row], 0.0)
            weight = np.bincount(sets.member, weights=above, minlength=problem.num_candidates)
            places = problem.places()
            bound = float(current.sum() + heaviest(places, np.argsort(-weight, kind="stable"), weight))
            if bound < least:
                least, best = bound, current.copy()
            held = (above > 0) & (places.owner[sets.member] >= 0)
            slope = 1.0 - np.bincount(row[held], minlength=sets.num_sets)
            direction = self.momentum * direction + np.where(most > 0, slope, 0.0)
            square = float(direction @ direction)
            if square == 0.0 or bound - target <= 1e-9 * max(target, 1.0):
                break
            current = np.clip(current - (bound - target) / square * direction, 0.0, most)
        return best


@dataclass(frozen=True, slots=True, eq=False)
class CompetitionSolution:
    """What the double oracle leaves.

    Attributes:
        invited: per firm its strategies that are played, each as labels with its probability.
        populations: all strategies of each firm.
        profile: mixtures over them.
        game: the matrix game between the populations on the sample, payoffs in units of node weight.
        payoffs: of each firm under the profile on fresh sets, in units of node weight, shape (N,).
    """

    invited: tuple[tuple[tuple[float, tuple[Hashable, ...]], ...], ...]
    populations: tuple[tuple[Strategy, ...], ...]
    profile: Profile
    game: NormalFormGame
    payoffs: NDArray[np.float64]


def solve_competition(
    game: Competition,
    *,
    num_sets: int = 20_000,
    tol: float = 0.05,
    confidence: float = 0.99,
    max_steps: int = 100,
    time_limit: float | None = None,
    meta_solver: MetaSolver | None = None,
    descent: ThresholdDescent = ThresholdDescent(),
    rng: np.random.Generator | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[CompetitionSolution]:
    """Find an equilibrium between competing firms.

    Args:
        game: the competition.
        num_sets: reverse-reachable sets on which the firms respond, and as many fresh ones that judge.
        tol: largest certified NashConv, in payoff ranges (total worth times one plus rivalry).
        confidence: of the certificate, in (0, 1).
        max_steps: most iterations.
        time_limit: seconds after which no further iteration starts.
        meta_solver: weighs the populations; the minimax program where two firms are at rivalry 1, else a
            risk-averse equilibrium without risk aversion, which is a Nash equilibrium.
        descent: how the bound on responses is lowered.
        rng: source of all randomness; ``np.random.default_rng(0)`` where None.
        progress: called after each iteration with ``gain``, the sum of the gains of the responses, in payoff
            ranges.

    Returns:
        The certificate is the NashConv of the profile in the true game, from fresh sets. Status CERTIFIED at
        the tolerance, STATIONARY where no response found gains a hundredth of the tolerance any more but the
        certificate is above it, LIMIT else. A meta-solver with another aim than Nash mostly ends STATIONARY.
        ``info``: ``found_gain``, what the best responses found on the fresh sets gain in all (0 where none
            was found), and
        ``sampled_nash_conv``, the bound on what any gain there, both in units of node weight; ``value_i``,
        payoffs; ``sets``.

    Raises:
        ValueError: an argument is out of range.
    """
    if not tol >= 0 or num_sets < 1 or max_steps < 1:
        raise ValueError(
            f"tol must be at least 0, num_sets and max_steps at least 1, got {tol}, {num_sets}, {max_steps}"
        )
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence!r}")
    began = time.perf_counter()
    deadline = deadline_after(time_limit)
    rng = np.random.default_rng(0) if rng is None else rng
    own, fresh, weighing = rng.spawn(3)
    sets = draw_depth_sets(game, num_sets, rng=own)
    meta_solver = _default_meta_solver(game) if meta_solver is None else meta_solver
    unit = 1.0 + game.rivalry
    enough = max(_LEAST_GAIN, _SHARE_OF_TOL * tol) * unit
    populations = _openings(game, sets)
    profile = pure_profile([1] * game.num_firms, [0] * game.num_firms)
    table = empirical_game(game, sets, populations)
    steps, closed = 0, False
    while True:
        steps += 1
        matrix = normal_form(game, table, populations)
        profile = meta_solver.solve(matrix, _extended(profile, matrix), rng=weighing.spawn(1)[0]).unwrap()
        paid = expected_payoffs(matrix, profile) / game.problems[0].model.total
        found = [
            _response(game, sets, i, response_values(game, sets, i, populations, profile), paid[i] + enough)
            for i in range(game.num_firms)
        ]
        gains = [response.payoff - paid[i] for i, response in enumerate(found)]
        progress(steps, None, gain=sum(max(0.0, g) for g in gains) / unit)
        new = [
            (i, response.strategy)
            for i, (response, gain) in enumerate(zip(found, gains, strict=True))
            if gain > enough and not _holds(populations[i], response.strategy)
        ]
        closed = not new
        if closed or steps == max_steps or time.perf_counter() >= deadline:
            break
        for i, strategy in new:
            populations[i].append(strategy)
        extend(game, sets, populations, table)
    judges = draw_depth_sets(game, num_sets, rng=fresh)
    values = [response_values(game, judges, i, populations, profile) for i in range(game.num_firms)]
    answers = [_response(game, judges, i, v, np.inf) for i, v in enumerate(values)]
    limits = [
        descent.improve(game, judges, i, v, a) for i, (v, a) in enumerate(zip(values, answers, strict=True))
    ]
    payoffs, bounds = sampled_gains(game, judges, populations, profile, values, limits)
    certificate = equilibrium_certificate(game, judges, payoffs, bounds, confidence=confidence)
    total = game.problems[0].model.total
    short = Status.STATIONARY if closed else Status.LIMIT
    gained = sum(max(0.0, a.payoff - p) for a, p in zip(answers, payoffs, strict=True))
    return SolveResult(
        CompetitionSolution(
            tuple(_played(game, p, x) for p, x in zip(populations, profile, strict=True)),
            tuple(tuple(p) for p in populations),
            profile,
            matrix,
            payoffs * total,
        ),
        Status.CERTIFIED if certificate.bound <= tol * unit * total else short,
        certificate,
        f"competition({meta_solver.name})",
        steps,
        time.perf_counter() - began,
        {f"value_{i}": float(p * total) for i, p in enumerate(payoffs)}
        | {
            "found_gain": float(gained * total),
            "sampled_nash_conv": float(np.maximum(bounds - payoffs, 0.0).sum() * total),
            "sets": num_sets,
        },
    )


def _default_meta_solver(game: Competition) -> MetaSolver:
    zero_sum = game.num_firms == 2 and game.rivalry == 1.0
    return NashMetaSolver() if zero_sum else RiskAverseMetaSolver(RiskAversion(0.0))


def _openings(game: Competition, sets: DepthSets) -> list[list[Strategy]]:
    """What each firm would do if it were alone."""
    nobody = [[np.zeros(0, dtype=np.int64)] for _ in range(game.num_firms)]
    alone = pure_profile([1] * game.num_firms, [0] * game.num_firms)
    return [
        [greedy_response(game, sets, i, response_values(game, sets, i, nobody, alone)).strategy]
        for i in range(game.num_firms)
    ]


def _response(
    game: Competition, sets: DepthSets, firm: int, values: ResponseValues, least: float
) -> Response:
    """Greedy, and exchanges where that does not get more than ``least``."""
    response = greedy_response(game, sets, firm, values)
    if response.payoff > least:
        return response
    return swapped_response(game, sets, firm, values, response)


def _reached(
    game: Competition, sets: DepthSets, values: ResponseValues, chosen: Sequence[int]
) -> NDArray[np.float64]:
    """What each set gains from the chosen, shape (sets,)."""
    mark = np.zeros(game.problems[0].num_candidates, dtype=np.bool_)
    mark[list(chosen)] = True
    held = mark[sets.member]
    reached = np.zeros(sets.num_sets)
    np.maximum.at(reached, values.row[held], values.value[held])
    return reached


def _extended(profile: Profile, matrix: NormalFormGame) -> Profile:
    return tuple(np.pad(x, (0, n - x.size)) for x, n in zip(profile, matrix.num_actions, strict=True))


def _holds(population: Sequence[Strategy], strategy: Strategy) -> bool:
    return any(np.array_equal(held, strategy) for held in population)


def _played(
    game: Competition, strategies: Sequence[Strategy], mixture: NDArray[np.float64]
) -> tuple[tuple[float, tuple[Hashable, ...]], ...]:
    return tuple((float(p), game.labels(s)) for s, p in zip(strategies, mixture, strict=True) if p > 0)


@njit(nogil=True, cache=True)
def _gain(
    c: int,
    begin: NDArray[np.int64],
    row: NDArray[np.int64],
    value: NDArray[np.float64],
    reached: NDArray[np.float64],
) -> float:
    """What candidate ``c`` adds to what the sets have reached."""
    gain = 0.0
    for k in range(begin[c], begin[c + 1]):
        gain += max(0.0, value[k] - reached[row[k]])
    return gain


@njit(nogil=True, cache=True)
def _reach(
    c: int,
    begin: NDArray[np.int64],
    row: NDArray[np.int64],
    value: NDArray[np.float64],
    reached: NDArray[np.float64],
) -> None:
    """Choose candidate ``c``: raise what its sets have reached."""
    for k in range(begin[c], begin[c + 1]):
        reached[row[k]] = max(reached[row[k]], value[k])
