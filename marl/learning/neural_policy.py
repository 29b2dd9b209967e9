"""Policies that a network plays."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.protocols import EnvGame
from marl.learning.dense import DenseNetwork, flatten, integers


class ActionRule(Enum):
    """How outputs, one per action, become a distribution; the numbers are those of stored files."""

    SOFTMAX = 0
    """Outputs are unnormalised log-probabilities."""
    GREEDY = 1
    """The legal action of greatest output; the first of equals."""


@dataclass(frozen=True, slots=True, eq=False)
class NeuralPolicy:
    """Sees the observation and the mask, never the state; the same alone and in batches up to rounding.

    Attributes:
        network: from observations, flattened, to one output per action.
        rule: from outputs to a distribution over the legal actions.
        critic: from observations to the value learned with the policy, kept for warm starts; it takes no part
            in play. None where there is none.
    """

    network: DenseNetwork
    rule: ActionRule
    critic: DenseNetwork | None = None

    def probabilities(self, game: EnvGame[Any], state: Any, player: int) -> NDArray[np.float64]:  # noqa: ANN401
        """See ``Policy.probabilities``.

        Raises:
            ValueError: the network is of another game: its sizes do not fit.
        """
        mask = game.legal_mask(state, player)
        (row,) = self.distributions(game.observe(state, player)[None], mask[None])
        chances: NDArray[np.float64] = row
        return chances

    def distributions(
        self, observations: NDArray[np.float32], masks: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Many at once.

        Args:
            observations: shape (m, ...).
            masks: legal actions, shape (m, A), at least one in each row.

        Returns:
            Shape (m, A): distributions, zero outside the masks.

        Raises:
            ValueError: the network is of another game: its sizes do not fit; or it would play the greatest
                of scores that are not finite.
        """
        rows = flatten(observations)
        if (rows.shape[1], masks.shape[1]) != (self.network.sizes[0], self.network.sizes[-1]):
            raise ValueError(
                f"the network takes {self.network.sizes[0]} numbers to {self.network.sizes[-1]} actions, "
                f"got {rows.shape[1]} and {masks.shape[1]}"
            )
        scores = self.network.forward(rows)
        if self.rule is ActionRule.GREEDY:
            return greedy(scores, masks)
        return masked_softmax(scores, masks)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The policy as arrays, for ``restore``."""
        stored: dict[str, NDArray[Any]] = {"rule": np.array([self.rule.value], dtype=np.int64)}
        stored |= {f"network_{k}": a for k, a in self.network.arrays().items()}
        if self.critic is not None:
            stored |= {f"critic_{k}": a for k, a in self.critic.arrays().items()}
        return stored

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[Any]]) -> "NeuralPolicy":
        """The policy that gave ``arrays``; it plays the same to the last bit.

        Raises:
            ValueError: an array is missing, or they do not fit each other.
        """
        if "rule" not in arrays:
            raise ValueError("arrays of a neural policy lack rule")
        network, critic = (
            {k.removeprefix(part): a for k, a in arrays.items() if k.startswith(part)}
            for part in ("network_", "critic_")
        )
        return cls(
            DenseNetwork.restore(network),
            ActionRule(*integers(arrays, "rule", 1)),
            DenseNetwork.restore(critic) if critic else None,
        )


def greedy(scores: NDArray[np.float32], masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """All mass on the legal action of greatest score, shape (m, A).

    Raises:
        ValueError: a score is not finite, so none is greatest.
    """
    if not np.isfinite(scores).all():
        raise ValueError("scores of actions must be finite")
    chosen = np.where(masks, scores, -math.inf).argmax(axis=1)
    rows = np.zeros(masks.shape)
    rows[np.arange(len(rows)), chosen] = 1.0
    return rows


def masked_softmax(scores: NDArray[np.float32], masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Probabilities in proportion to exp(score) over the legal actions, shape (m, A)."""
    legal = np.where(masks, scores.astype(np.float64), -math.inf)
    legal -= legal.max(axis=1, keepdims=True)
    np.exp(legal, out=legal)
    legal /= legal.sum(axis=1, keepdims=True)
    return legal
