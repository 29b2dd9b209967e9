"""Many contexts played by compiled extragradient rounds; as ``solvers.inpo.run`` does for every method."""

import numpy as np
from numpy.typing import NDArray

from games.preference import KL, gaps_of_advantages
from solvers.inpo.extragradient_kernels import play_extragradient
from solvers.inpo.iterate import Iterate
from solvers.inpo.method import ExactFit, Output, PreferenceMethod
from solvers.inpo.parts import CurrentAnchor, FixedReference, HalfStep
from solvers.inpo.run import Course, recorded_after
from solvers.inpo.steps import AutomaticStep

FloatArray = NDArray[np.float64]

_AT_ONCE = 16  # rounds for which the margins of a context stay in cache


class CompiledRun:
    """The rounds of ``egpo()`` under KL, its policies being the last iterates."""

    @staticmethod
    def plays(method: PreferenceMethod, state: Iterate) -> bool:
        """Whether ``method`` is the one that was compiled."""
        return (
            isinstance(method.step, AutomaticStep)
            and method.output is Output.LAST
            and (method.anchor, method.opponent) == (CurrentAnchor(), HalfStep())
            and (method.reference, method.fit) == (FixedReference(), ExactFit())
            and state.divergence == KL
        )

    def __init__(self, state: Iterate, step: AutomaticStep, tau: float, tol: float) -> None:
        """Begin at ``state``, the arrays of which are numpy's; ``tau`` and ``tol`` are of the gap."""
        self._margins, self._reference = state.margins, state.log_reference
        self._weight, self._step, self._tau, self._tol = state.weight, step, tau, tol
        self._logs, self._policy, self._rates = (
            np.array(part) for part in (state.log_policy, state.policy, state.rates)
        )
        self._direction, self._radius = np.array(state.direction), np.array(state.radius)
        self._sum, self._best = self._policy.copy(), self._policy.copy()
        self.gap = gaps_of_advantages(self._policy, self._logs, self._reference, self._rates, tau, KL)
        self._best_gap = self.gap.copy()
        self._original = gaps_of_advantages(self._policy, self._logs, self._reference, self._rates, 0.0, KL)
        self._rounds = np.zeros(len(self.gap), dtype=np.int64)
        self._recorded, self._records = [0], [np.stack([self.gap, self._original])[:, None]]
        self.round = 0

    @property
    def working(self) -> int:
        """Number of contexts that have not come to rest."""
        return int(np.count_nonzero(self.gap > self._tol))

    def play(self, limit: int) -> None:
        """Some rounds everywhere, none beyond ``limit``."""
        first, last = self.round, min(self.round + _AT_ONCE, limit)
        recorded = self._recorded[-1:]
        while recorded[-1] <= last:
            recorded.append(recorded_after(recorded[-1]))
        recorded = recorded[1:-1]
        figures = np.empty((2, len(recorded), len(self.gap)))
        play_extragradient(
            self._margins,
            self._reference,
            self._logs,
            self._policy,
            self._rates,
            self._direction,
            self._radius,
            self._sum,
            self._best,
            self._best_gap,
            self.gap,
            self._original,
            self._rounds,
            first,
            last,
            self._tol,
            self._tau,
            self._weight,
            self._step.reach,
            self._step.pull,
            np.array(recorded, dtype=np.int64),
            figures[0],
            figures[1],
        )
        self._recorded += recorded
        self._records.append(figures)
        self.round = int(self._rounds.max())

    def course(self) -> Course:
        """Where the run has got to."""
        recorded, figures = np.array(self._recorded), np.concatenate(self._records, axis=1)
        kept = recorded < self.round
        gaps, original = (
            np.concatenate([record[kept], now[None]])
            for record, now in zip(figures, (self.gap, self._original), strict=True)
        )
        return Course(
            last=self._policy,
            average=self._sum / (self._rounds[:, None] + 1.0),
            best=self._best,
            rounds=self._rounds,
            recorded=np.append(recorded[kept], self.round),
            gaps=gaps,
            original_gaps=original,
            kl_to_nash=np.empty((len(gaps), 0)),
        )
