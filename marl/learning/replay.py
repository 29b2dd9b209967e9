"""What a learner remembers: its decisions, lane by lane, in a ring.

A decision stays open until the learner moves again in its lane or the play ends; what it gained is what the
payoff has grown by then, however often others have moved in between. As decisions of a lane follow each
other in the ring, the next observation is not stored twice, and returns over several steps are summed when
they are drawn.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marl.learning.lanes import Decisions, Endings


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Decisions drawn from a ring, m of them.

    Attributes:
        observations: float32 (m, features).
        actions: int64 (m,).
        gains: float64 (m,), payoff gained over the steps, or until the end of the play.
        ended: Boolean (m,), whether the play ended within the steps.
        next_observations: float32 (m, features), after the steps; means nothing where the play ended.
        next_masks: Boolean (m, actions); likewise.
    """

    observations: NDArray[np.float32]
    actions: NDArray[np.int64]
    gains: NDArray[np.float64]
    ended: NDArray[np.bool_]
    next_observations: NDArray[np.float32]
    next_masks: NDArray[np.bool_]


class LaneRing:
    """The latest decisions of every lane.

    Decision t of a lane lies in row t % rows.

    Attributes:
        observations: float32 (rows, lanes, features).
        masks: Boolean (rows, lanes, actions).
        actions: int64 (rows, lanes).
        before: float64 (rows, lanes), payoff of the play before the decision.
        after: float64 (rows, lanes), payoff when it was closed.
        ended: Boolean (rows, lanes), whether the play ended before the learner moved again.
        notes: float64 (rows, lanes, k), what the learner noted with each decision.
        begun: int64 (lanes,), decisions begun since the start.
        open: Boolean (lanes,), whether the last of them is open.
    """

    def __init__(self, rows: int, lanes: int, features: int, actions: int, *, notes: int = 0) -> None:
        self.observations = np.zeros((rows, lanes, features), dtype=np.float32)
        self.masks = np.zeros((rows, lanes, actions), dtype=np.bool_)
        self.actions = np.zeros((rows, lanes), dtype=np.int64)
        self.before = np.zeros((rows, lanes))
        self.after = np.zeros((rows, lanes))
        self.ended = np.zeros((rows, lanes), dtype=np.bool_)
        self.notes = np.zeros((rows, lanes, notes))
        self.begun = np.zeros(lanes, dtype=np.int64)
        self.open = np.zeros(lanes, dtype=np.bool_)

    @property
    def closed(self) -> NDArray[np.int64]:
        """Decisions closed since the start, shape (lanes,)."""
        return self.begun - self.open

    def add(
        self, decisions: Decisions, actions: NDArray[np.int64], notes: NDArray[np.float64] | None = None
    ) -> None:
        """Close the decisions before these, and begin these.

        Args:
            decisions: where the learner moves.
            actions: what it does, shape (m,).
            notes: shape (m, k); none where k is 0.
        """
        lanes = decisions.lanes
        self._close(lanes, decisions.payoffs, ended=False)
        row = self.begun[lanes] % len(self.actions)
        self.observations[row, lanes] = decisions.observations
        self.masks[row, lanes] = decisions.masks
        self.actions[row, lanes] = actions
        self.before[row, lanes] = decisions.payoffs
        if notes is not None:
            self.notes[row, lanes] = notes
        self.begun[lanes] += 1
        self.open[lanes] = True

    def end(self, endings: Endings) -> None:
        """Close the decisions of plays that ended."""
        self._close(endings.lanes, endings.returns, ended=True)

    def _close(self, lanes: NDArray[np.int64], payoffs: NDArray[np.float64], *, ended: bool) -> None:
        waiting = self.open[lanes]  # a learner that never moved in a play has none
        lanes = lanes[waiting]
        row = (self.begun[lanes] - 1) % len(self.actions)
        self.after[row, lanes] = payoffs[waiting]
        self.ended[row, lanes] = ended
        self.open[lanes] = False

    def restart(self) -> None:
        """Forget all but the open decisions, which become the first of their lanes."""
        lanes = np.flatnonzero(self.open)
        row = (self.begun[lanes] - 1) % len(self.actions)
        for array in (self.observations, self.masks, self.actions, self.before, self.notes):
            array[0, lanes] = array[row, lanes]
        self.begun = self.open.astype(np.int64)

    def available(self, steps: int) -> NDArray[np.int64]:
        """How many decisions of each lane have ``steps`` closed ones from them on, shape (lanes,)."""
        oldest = np.maximum(self.begun - len(self.actions), 0)
        return np.maximum(self.closed - steps + 1 - oldest, 0)

    def draw(self, size: int, steps: int, *, rng: np.random.Generator) -> Sample:
        """Decisions drawn with replacement, all that are available equally likely.

        Args:
            size: how many.
            steps: how far ahead gains are summed, at least 1.
            rng: the draw.

        Raises:
            ValueError: none is available.
        """
        available = self.available(steps)
        ends = np.cumsum(available)
        if not ends[-1]:
            raise ValueError("no decision has been closed")
        picks = rng.integers(ends[-1], size=size)
        lanes = np.searchsorted(ends, picks, side="right")
        rows = len(self.actions)
        oldest = np.maximum(self.begun - rows, 0)
        start = oldest[lanes] + picks - (ends - available)[lanes]
        gains = np.zeros(size)
        ended = np.zeros(size, dtype=np.bool_)
        for k in range(steps):
            row = (start + k) % rows
            gains += np.where(ended, 0.0, self.after[row, lanes] - self.before[row, lanes])
            ended |= self.ended[row, lanes]
        first, later = start % rows, (start + steps) % rows
        return Sample(
            self.observations[first, lanes],
            self.actions[first, lanes],
            gains,
            ended,
            self.observations[later, lanes],
            self.masks[later, lanes],
        )
