r"""By how much one action beats another when a policy goes on from both, found by playing.

Along the play of a policy pi, actions near its own are tried. For each, both actions are followed by pi to
the end of the episode, on the same luck. With additive values V and Q of the base
(`solvers.sequoia.learning.value_base`),

.. math::
    Q(s, a, t) + \sum_{k > t} \gamma^{k - t} (Q(s_k, \pi(s_k), k) - V(s_k, k))

has the expectation :math:`Q^\pi(s, a, t)` and varies little; the difference of two of them, less still.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from games.bandits.problem import CoupledBandit, StartRule
from games.bandits.simulator import BatchMoves, draw_noise
from solvers.sequoia.learning.policy import rows_of
from solvers.sequoia.learning.score_policy import ScorePolicy
from solvers.sequoia.learning.value_base import ValueBase

_LANES = 256  # episodes side by side
_TRIES = 2  # of another action in a state
_FIRST_CHUNKS = 4  # without a pair among them none are looked for any more
_MOST_CHUNKS = 1_000


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """m comparisons of two actions.

    Attributes:
        rows: states and steps, of shape (m, J + 1).
        played: the policy's actions, of shape (m, N).
        other: what was tried in their place, of shape (m, N).
        gains: what the other actions earned more until the end of the episode, of shape (m,).
    """

    rows: NDArray[np.int64]
    played: NDArray[np.bool_]
    other: NDArray[np.bool_]
    gains: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.gains)


class PairSource:
    """Draws pairs in chunks.

    Args:
        bandit: the problem.
        base: additive values.
        policy: pi.
        start: how episodes begin.
        spread: of the actions that are tried; see `ScorePolicy.near`.
    """

    def __init__(
        self, bandit: CoupledBandit, base: ValueBase, policy: ScorePolicy, start: StartRule, spread: float
    ) -> None:
        self._bandit, self._base, self._policy = bandit, base, policy
        self._start, self._spread = start, spread
        self._moves = BatchMoves(bandit.arms)

    def draw(self, count: int, *, rng: np.random.Generator, workers: int = 1) -> Pairs | None:
        """So many pairs, the same ones for every number of workers; fewer where alternatives are rare.

        Returns:
            None where there are none at all.
        """
        chunks: list[Pairs] = []
        with ThreadPoolExecutor(workers) as pool:
            while sum(map(len, chunks)) < count and len(chunks) < self._limit(chunks):
                chunks += pool.map(self._chunk, rng.spawn(workers))
        chunks = chunks[: self._limit(chunks)]
        if not any(map(len, chunks)):
            return None
        return Pairs(
            *(np.concatenate([getattr(chunk, f.name) for chunk in chunks])[:count] for f in fields(Pairs))
        )

    @staticmethod
    def _limit(chunks: Sequence[Pairs]) -> int:
        """Chunks to draw at most, by what the first of them hold, so that workers do not matter."""
        return _MOST_CHUNKS if any(map(len, chunks[:_FIRST_CHUNKS])) else _FIRST_CHUNKS

    def _chunk(self, rng: np.random.Generator) -> Pairs:
        """All pairs along some episodes."""
        bandit, policy = self._bandit, self._policy
        noise = draw_noise(bandit, _LANES, rng=rng, start=self._start)
        now = noise.starts.copy()
        unread = np.empty((2, _LANES))
        found = [Pairs(*_nothing(bandit))]
        for step in range(bandit.horizon):
            played = policy(now, step)
            for _ in range(_TRIES):
                other = policy.near(now, step, self._spread, rng=rng)
                differ = np.flatnonzero((played != other).any(axis=1))
                if differ.size:
                    found.append(self._compared(now[differ], step, played[differ], other[differ], rng))
            self._moves.advance(now, bandit.effect.shares(played), noise.uniforms[:, step], *unread)
        return Pairs(*(np.concatenate([getattr(some, f.name) for some in found]) for f in fields(Pairs)))

    def _compared(
        self,
        states: NDArray[np.int64],
        step: int,
        played: NDArray[np.bool_],
        other: NDArray[np.bool_],
        rng: np.random.Generator,
    ) -> Pairs:
        count, bandit = len(states), self._bandit
        uniforms = rng.random((bandit.horizon - step, count, bandit.num_arms))
        twice = np.concatenate([uniforms, uniforms], axis=1)
        returns = self._returns(
            np.concatenate([states, states]), step, np.concatenate([played, other]), twice
        )
        return Pairs(rows_of(states, step), played, other, returns[count:] - returns[:count])

    def _returns(
        self,
        states: NDArray[np.int64],
        step: int,
        actions: NDArray[np.bool_],
        uniforms: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Estimates of Q^pi of actions in states, which change; uniforms of shape (steps left, m, J)."""
        base, effect = self._base, self._bandit.effect
        count = len(states)
        unread = np.empty((2, count))
        total = base.action_value(states, np.full(count, step), actions)
        for after in range(1, len(uniforms)):
            self._moves.advance(states, effect.shares(actions), uniforms[after - 1], *unread)
            now = np.full(count, step + after)
            actions = self._policy(states, step + after)
            missed = base.action_value(states, now, actions) - base.value(states, now)
            total += base.discount**after * missed
        return total


def _nothing(
    bandit: CoupledBandit,
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float64]]:
    none = np.empty((0, bandit.bits), dtype=np.bool_)
    return np.empty((0, bandit.num_arms + 1), dtype=np.int64), none, none, np.empty(0)
