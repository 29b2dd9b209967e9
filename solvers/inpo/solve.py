"""The driver: plays rounds in all contexts at once, lets converged ones rest, and certifies the answer."""

import math
import time
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.errors import UnsupportedGameError
from games.preference import (
    PreferenceGame,
    assess_preference,
    gaps_of_advantages,
    kl_divergence,
)
from games.progress import ProgressCallback, ignore_progress
from games.results import SolveResult, Status
from solvers.inpo.iterate import Iterate
from solvers.inpo.method import Output, PreferenceMethod
from solvers.inpo.presets import egpo
from solvers.inpo.steps import UnstableStepWarning, stability_bound

FloatArray = NDArray[np.float64]

_ALL_UP_TO = 100  # rounds that the trace holds all of; later ones lie 5% apart
_REST_SHARE = 0.125  # share of contexts at rest from which dropping them pays


@dataclass(frozen=True, slots=True)
class PreferenceTrace:
    """How a run went. Contexts at rest keep their figures.

    Attributes:
        rounds: the R rounds recorded: from 0, the start, to 100, then ever fewer, powers of ten, the last.
        gaps: of the iterates, in the game as it is, shape (R, ...).
        original_gaps: without divergence, shape (R, ...).
        kl_to_nash: KL(equilibrium || iterate), shape (R, ...); empty if no equilibrium was given.
    """

    rounds: NDArray[np.int64]
    gaps: FloatArray
    original_gaps: FloatArray
    kl_to_nash: FloatArray


@dataclass(frozen=True, slots=True)
class PreferenceSolution:
    """What a run found; policies have shape (..., n), the other arrays the shape of the batch.

    Attributes:
        policy: the answer: one of the three below, by the output of the method.
        last: the last iterate.
        average: the uniform mixture of all iterates, the start among them.
        best: the iterate of least gap.
        last_gap: gap of ``last`` in the game as it is, and so for the next two.
        average_gap: gap of ``average``.
        best_gap: gap of ``best``.
        rounds: rounds played in each context.
        trace: how the run went.
    """

    policy: FloatArray
    last: FloatArray
    average: FloatArray
    best: FloatArray
    last_gap: FloatArray
    average_gap: FloatArray
    best_gap: FloatArray
    rounds: NDArray[np.int64]
    trace: PreferenceTrace


def solve_preference(
    game: PreferenceGame,
    method: PreferenceMethod | None = None,
    *,
    rounds: int = 10_000,
    tol: float = 1e-8,
    time_limit: float | None = None,
    nash: ArrayLike | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[PreferenceSolution]:
    """Play a preference game against itself from its reference until the gap is small in every context.

    Args:
        game: one game or a batch; what counts is its gap: regularised for tau > 0, original for tau = 0.
        method: how to play; None takes ``egpo()``.
        rounds: most rounds in any context.
        tol: largest gap that counts as solved, in win probability.
        time_limit: seconds, or None for no limit; looked at after every round.
        nash: an equilibrium, shape (..., n), the distance to which the trace shall hold.
        progress: called after every round with ``gap``, the largest, and ``contexts``, those still at work.

    Returns:
        Policies, their gaps and a trace. Status CERTIFIED when the certificate, the largest gap of the answer
        recomputed by ``games``, is at most ``tol``; LIMIT when rounds or time ran out. ``steps`` is the
        greatest number of rounds in a context. ``info``: ``method``, ``contexts``, and ``solved``, those with
        a gap of at most ``tol``.

    Raises:
        ValueError: limits or ``tol`` are negative, ``nash`` is no policy, or steps are too large for the
            divergence (eta < tau).
        UnsupportedGameError: the method has a weight of its own, and tau is positive.

    Warns:
        UnstableStepWarning: plain self-play with a constant eta below the stability bound, by estimate at
            the reference.

    Example:
        >>> from games.preference import comal_testbed
        >>> result = solve_preference(comal_testbed(tau=0.1), tol=1e-10)
        >>> result.unwrap().policy.round(4)
        array([0.2749, 0.2797, 0.4454])
    """
    start = time.perf_counter()
    method = egpo() if method is None else method
    if rounds < 0:
        raise ValueError(f"rounds must be at least 0, got {rounds}")
    if not tol >= 0.0:  # `not >=` also refuses NaN
        raise ValueError(f"tol must be at least 0, got {tol!r}")
    if time_limit is not None and not time_limit >= 0.0:
        raise ValueError(f"time_limit must be at least 0 seconds or None, got {time_limit!r}")
    weight = _weight(game, method)
    run = _Run(game, method, weight, tol, None if nash is None else game.as_policy(nash, name="nash"))
    deadline = math.inf if time_limit is None else start + time_limit
    while run.working and run.state.round < rounds and time.perf_counter() < deadline:
        run.play()
        progress(run.state.round, rounds, gap=float(run.gap.max()), contexts=float(run.working))
    return run.result(start)


def _weight(game: PreferenceGame, method: PreferenceMethod) -> float:
    """Weight of the divergence in the update, after checking that game, method and steps fit together."""
    if method.weight is not None and game.tau > 0.0:
        raise UnsupportedGameError(
            f"{method.name} finds the equilibrium without divergence, but tau of {game.name!r} is "
            f"{game.tau:g}; give it game.with_tau(0), or take egpo()"
        )
    weight = game.tau if method.weight is None else method.weight
    largest = method.step.largest(weight)
    if largest is not None and weight > 0.0 and method.is_plain_self_play:
        bound = float(stability_bound(game.with_tau(weight)).max())
        if 1.0 / largest < bound:
            warnings.warn(
                f"eta = {1.0 / largest:g} is below {bound:.3g}, the least for {method.name} to be stable "
                "at the reference: expect cycles; InpoStep() chooses a stable one, egpo() has larger steps",
                UnstableStepWarning,
                stacklevel=3,
            )
    return weight


class _Run:
    """One run: the contexts still at work, and what is known of all of them (arrays over all contexts)."""

    def __init__(
        self,
        game: PreferenceGame,
        method: PreferenceMethod,
        weight: float,
        tol: float,
        nash: FloatArray | None,
    ) -> None:
        n = game.num_responses
        self._game, self._method, self._tol = game, method, tol
        self._nash = None if nash is None else nash.reshape(-1, n)
        reference = game.reference.reshape(-1, n)
        self.state = Iterate.start(game.margins.reshape(-1, n, n), reference, weight, method.memory)
        self._log_reference = self.state.log_reference
        # Of the contexts held in ``state``: their numbers, and whether they have come to rest.
        self._numbers = np.arange(len(reference))
        self._resting = np.zeros(len(reference), dtype=bool)
        self._sum = np.zeros_like(reference)
        self._rates_sum = np.zeros_like(reference)
        self._best = reference.copy()
        self._best_gap = np.full(len(reference), np.inf)
        # Of all contexts.
        self.gap = np.zeros(len(reference))
        self._original = np.zeros(len(reference))
        self._last, self._average, self._best_of_all = (np.empty_like(reference) for _ in range(3))
        self._rounds = np.zeros(len(reference), dtype=np.int64)
        self._records: list[tuple[int, FloatArray, FloatArray, FloatArray]] = []
        self._next_record = 0
        self._note()

    @property
    def working(self) -> int:
        """Number of contexts that have not come to rest."""
        return int(np.count_nonzero(~self._resting))

    def play(self) -> None:
        """One round everywhere."""
        self._method.advance(self.state)
        self._note()

    def _note(self) -> None:
        """Take down the iterates of this round and let contexts rest that are solved."""
        state = self.state
        gaps = self._gaps(state.policy, state.log_policy, state.rates)
        self._sum += state.policy
        better = gaps < self._best_gap
        if better.any():
            self._best_gap = np.where(better, gaps, self._best_gap)
            self._best = np.where(better[:, None], state.policy, self._best)
        achieved = gaps
        if self._method.output is Output.BEST:
            achieved = self._best_gap
        elif self._method.output is Output.AVERAGE:
            self._rates_sum += state.rates
            average = self._sum / (state.round + 1.0)
            achieved = self._gaps(average, np.log(average), self._rates_sum / (state.round + 1.0))
        active = ~self._resting
        self.gap[self._numbers[active]] = achieved[active]
        self._record(gaps, active)
        rest = active & (achieved <= self._tol)
        if rest.any():
            self._store(rest)
            self._resting |= rest
            if np.count_nonzero(self._resting) > _REST_SHARE * len(self._resting) and self.working:
                self._drop()

    def _gaps(self, policy: FloatArray, logs: FloatArray, rates: FloatArray) -> FloatArray:
        return gaps_of_advantages(policy, logs, self._log_reference, rates, self._game.tau)

    def _record(self, gaps: FloatArray, active: NDArray[np.bool_]) -> None:
        """Add to the trace, if it is time; contexts at rest keep the figures of their last round."""
        state = self.state
        if state.round < self._next_record:
            return
        skipped = state.round // 20 if state.round >= _ALL_UP_TO else 1
        self._next_record = min(state.round + skipped, 10 ** len(str(state.round)))
        numbers = self._numbers[active]
        kl = np.empty(0)
        if self._records:
            _, all_gaps, original, kl = (np.copy(x) for x in self._records[-1])
        else:
            all_gaps, original = np.empty(len(gaps)), np.empty(len(gaps))
            kl = kl if self._nash is None else np.empty(len(gaps))
        all_gaps[numbers] = gaps[active]
        original[numbers] = self._original_gaps()[active]
        if self._nash is not None:
            kl[numbers] = kl_divergence(self._nash[numbers], state.policy[active])
        self._records.append((state.round, all_gaps, original, kl))

    def _original_gaps(self) -> FloatArray:
        state = self.state
        return gaps_of_advantages(state.policy, state.log_policy, self._log_reference, state.rates, 0.0)

    def _store(self, chosen: NDArray[np.bool_]) -> None:
        """Write the iterates of the ``chosen`` contexts among those at work into the arrays over all."""
        numbers = self._numbers[chosen]
        self._last[numbers] = self.state.policy[chosen]
        self._average[numbers] = self._sum[chosen] / (self.state.round + 1.0)
        self._best_of_all[numbers] = self._best[chosen]
        self._rounds[numbers] = self.state.round

    def _drop(self) -> None:
        """Take the contexts at rest out of the arithmetic."""
        chosen = ~self._resting
        self.state.keep(chosen)
        self._log_reference = self._log_reference[chosen]
        self._numbers = self._numbers[chosen]
        self._sum, self._rates_sum = self._sum[chosen], self._rates_sum[chosen]
        self._best, self._best_gap = self._best[chosen], self._best_gap[chosen]
        self._resting = self._resting[chosen]

    def result(self, start: float) -> SolveResult[PreferenceSolution]:
        """The answer so far, certified."""
        active = ~self._resting
        self._store(active)
        if self._records[-1][0] < self.state.round:
            self._next_record = self.state.round
            self._record(self._gaps(self.state.policy, self.state.log_policy, self.state.rates), active)
        game, batch = self._game, self._game.batch_shape
        last, average, best = (
            found.reshape(game.reference.shape) for found in (self._last, self._average, self._best_of_all)
        )
        reports = {
            Output.LAST: (last, assess_preference(game, last)),
            Output.AVERAGE: (average, assess_preference(game, average)),
            Output.BEST: (best, assess_preference(game, best)),
        }
        policy, report = reports[self._method.output]
        certificate = report.certificate
        rounds, gaps, original, kl = zip(*self._records, strict=True)
        trace = PreferenceTrace(
            rounds=np.array(rounds),
            gaps=np.stack(gaps).reshape(-1, *batch),
            original_gaps=np.stack(original).reshape(-1, *batch),
            kl_to_nash=np.empty(0) if self._nash is None else np.stack(kl).reshape(-1, *batch),
        )
        return SolveResult(
            solution=PreferenceSolution(
                policy=policy,
                last=last,
                average=average,
                best=best,
                last_gap=reports[Output.LAST][1].gaps,
                average_gap=reports[Output.AVERAGE][1].gaps,
                best_gap=reports[Output.BEST][1].gaps,
                rounds=self._rounds.reshape(batch),
                trace=trace,
            ),
            status=Status.CERTIFIED if certificate.bound <= self._tol else Status.LIMIT,
            certificate=certificate,
            solver=self._method.name,
            steps=int(self._rounds.max()),
            seconds=time.perf_counter() - start,
            info={
                "method": self._method.name,
                "contexts": len(self._rounds),
                "solved": int(np.count_nonzero(report.gaps <= self._tol)),
            },
        )
