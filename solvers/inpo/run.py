"""One run of a method on a block of contexts, in which converged ones rest, and runs put side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.preference import gaps_of_advantages, kl_divergence
from games.preference.arrays import Array, to_numpy
from solvers.inpo.iterate import Iterate, Place
from solvers.inpo.method import Output, PreferenceMethod

FloatArray = NDArray[np.float64]

_ALL_UP_TO = 100  # rounds that the trace holds all of; later ones lie 5% apart
_REST_SHARE = 0.125  # share of contexts at rest from which dropping them pays


@dataclass(frozen=True, slots=True)
class Course:
    """Where B contexts of n responses went; all arrays are numpy's.

    Attributes:
        last: last iterates, shape (B, n).
        average: means of all iterates, shape (B, n).
        best: iterates of least gap, shape (B, n).
        rounds: rounds played, shape (B,).
        recorded: the R rounds of the trace.
        gaps: of the iterates of those rounds, in the game as it is, shape (R, B).
        original_gaps: without divergence, shape (R, B).
        kl_to_nash: KL(equilibrium || iterate), shape (R, B); (R, 0) if no equilibrium was given.
    """

    last: FloatArray
    average: FloatArray
    best: FloatArray
    rounds: NDArray[np.int64]
    recorded: NDArray[np.int64]
    gaps: FloatArray
    original_gaps: FloatArray
    kl_to_nash: FloatArray


def recorded_after(number: int) -> int:
    """The round that the trace holds next after round ``number``."""
    skipped = number // 20 if number >= _ALL_UP_TO else 1
    return min(number + skipped, int("1" + "0" * len(str(number))))


class Run:
    """One run: the contexts still at work, and what is known of all of them (arrays over all contexts).

    Arrays over responses lie where the state has them; numbers about contexts are numpy's.
    """

    def __init__(
        self,
        state: Iterate,
        method: PreferenceMethod,
        tau: float,
        tol: float,
        nash: FloatArray | None,
        place: Place,
    ) -> None:
        """Begin at ``state``; ``tau`` and ``tol`` are of the gap, ``nash`` is of shape (B, n)."""
        self.state = state
        self._method, self._tau, self._tol, self._nash, self._place = method, tau, tol, nash, place
        self._log_reference = state.log_reference
        contexts = len(state.margins)
        # Of the contexts held in ``state``: their numbers, and whether they have come to rest.
        self._numbers = np.arange(contexts)
        self._resting = np.zeros(contexts, dtype=bool)
        self._sum = 0.0 * state.policy
        self._rates_sum = 0.0 * state.policy
        self._best = state.policy
        self._best_gap = np.full(contexts, np.inf)
        # Of all contexts; ``working`` of them have not come to rest.
        self.working = contexts
        self.gap = np.zeros(contexts)
        self._last, self._average, self._best_of_all = (np.empty(state.policy.shape) for _ in range(3))
        self._rounds = np.zeros(contexts, dtype=np.int64)
        self._figures = (
            np.zeros(contexts),
            np.zeros(contexts),
            np.zeros(0 if nash is None else contexts),
        )
        self._records: list[tuple[int, FloatArray, FloatArray, FloatArray]] = []
        self._next_record = 0
        self._note()

    @property
    def round(self) -> int:
        """Rounds done."""
        return self.state.round

    def play(self, limit: int) -> None:
        """One round everywhere, whatever ``limit`` above those done is."""
        self._method.advance(self.state)
        self._note()

    def _note(self) -> None:
        """Take down the iterates of this round and let contexts rest that are solved."""
        state = self.state
        gaps = self._gaps(state.policy, state.log_policy, state.rates)
        self._sum += state.policy
        better = gaps < self._best_gap
        if better.all():
            self._best_gap, self._best = gaps, state.policy
        elif better.any():
            self._best_gap = np.where(better, gaps, self._best_gap)
            self._best = state.xp.where(self._place(better)[:, None], state.policy, self._best)
        achieved = gaps
        if self._method.output is Output.BEST:
            achieved = self._best_gap
        elif self._method.output is Output.AVERAGE:
            self._rates_sum += state.rates
            average = self._sum / (state.round + 1.0)
            achieved = self._gaps(average, state.xp.log(average), self._rates_sum / (state.round + 1.0))
        active = ~self._resting
        self.gap[self._numbers[active]] = achieved[active]
        rest = active & (achieved <= self._tol)
        if state.round >= self._next_record:
            self._next_record = recorded_after(state.round)
            self._figure(active, gaps)
            self._record()
        elif rest.any():
            self._figure(rest, gaps)
        if rest.any():
            self._store(rest)
            self._resting |= rest
            self.working -= int(np.count_nonzero(rest))
            if np.count_nonzero(self._resting) > _REST_SHARE * len(self._resting) and self.working:
                self._drop()

    def _gaps(self, policy: Array, logs: Array, rates: Array, tau: float | None = None) -> FloatArray:
        weight = self._tau if tau is None else tau
        divergence = self.state.divergence
        return to_numpy(gaps_of_advantages(policy, logs, self._log_reference, rates, weight, divergence))

    def _figure(self, chosen: NDArray[np.bool_], gaps: FloatArray) -> None:
        """Bring the figures of the ``chosen`` contexts among those at work up to this round."""
        state = self.state
        numbers = self._numbers[chosen]
        all_gaps, original, kl = self._figures
        all_gaps[numbers] = gaps[chosen]
        original[numbers] = self._gaps(state.policy, state.log_policy, state.rates, 0.0)[chosen]
        if self._nash is not None:
            kl[numbers] = kl_divergence(self._nash[numbers], to_numpy(state.policy)[chosen])

    def _record(self) -> None:
        """Add the figures to the trace."""
        all_gaps, original, kl = (np.copy(part) for part in self._figures)
        self._records.append((self.state.round, all_gaps, original, kl))

    def _store(self, chosen: NDArray[np.bool_]) -> None:
        """Write the iterates of the ``chosen`` contexts among those at work into the arrays over all."""
        numbers = self._numbers[chosen]
        self._last[numbers] = to_numpy(self.state.policy)[chosen]
        self._average[numbers] = to_numpy(self._sum)[chosen] / (self.state.round + 1.0)
        self._best_of_all[numbers] = to_numpy(self._best)[chosen]
        self._rounds[numbers] = self.state.round

    def _drop(self) -> None:
        """Take the contexts at rest out of the arithmetic."""
        chosen = ~self._resting
        mask = self._place(chosen)
        self.state = self.state.part(mask)
        self._log_reference = self._log_reference[mask]
        self._sum, self._rates_sum, self._best = self._sum[mask], self._rates_sum[mask], self._best[mask]
        self._numbers, self._best_gap = self._numbers[chosen], self._best_gap[chosen]
        self._resting = self._resting[chosen]

    def course(self) -> Course:
        """Where the run has got to."""
        state, active = self.state, ~self._resting
        if active.any():
            self._store(active)
        if self._records[-1][0] < state.round:
            self._figure(active, self._gaps(state.policy, state.log_policy, state.rates))
            self._record()
        rounds, gaps, original, kl = zip(*self._records, strict=True)
        return Course(
            self._last,
            self._average,
            self._best_of_all,
            self._rounds,
            np.array(rounds),
            np.stack(gaps),
            np.stack(original),
            np.stack(kl),
        )


def side_by_side(courses: Sequence[Course]) -> Course:
    """One course of the contexts of all ``courses``, recorded at the rounds of the longest.

    Blocks that ended earlier keep their last figures, as contexts at rest do.
    """
    recorded = max((course.recorded for course in courses), key=lambda rounds: int(rounds[-1]))
    # The latest record of each block that is no later.
    places = [np.searchsorted(course.recorded, recorded, side="right") - 1 for course in courses]
    pairs = list(zip(courses, places, strict=True))
    return Course(
        last=np.concatenate([course.last for course in courses]),
        average=np.concatenate([course.average for course in courses]),
        best=np.concatenate([course.best for course in courses]),
        rounds=np.concatenate([course.rounds for course in courses]),
        recorded=recorded,
        gaps=np.concatenate([course.gaps[at] for course, at in pairs], axis=1),
        original_gaps=np.concatenate([course.original_gaps[at] for course, at in pairs], axis=1),
        kl_to_nash=np.concatenate([course.kl_to_nash[at] for course, at in pairs], axis=1),
    )
