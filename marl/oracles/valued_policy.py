"""Policies that carry the action values they were read off, so that learning can go on from there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marl.oracles.answers import Opponent
from marl.policies import MixturePolicy, TabularPolicy, observation_key
from marl.policies.tabular import KeyFunction


@dataclass(frozen=True, slots=True, eq=False)
class ValuedPolicy(TabularPolicy):
    """A tabular policy with values.

    Attributes:
        values: key to float64 (num_actions,): expected payoff still to come, NaN where unknown. Not copied.
    """

    values: Mapping[bytes, NDArray[np.float64]] = field(default_factory=dict)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Policy and values as arrays, for ``restore``."""
        held = TabularPolicy(self.values).arrays()
        return TabularPolicy(self.table).arrays() | {f"values_{name}": array for name, array in held.items()}

    @classmethod
    def restore(
        cls, arrays: Mapping[str, NDArray[Any]], key: KeyFunction = observation_key
    ) -> "ValuedPolicy":
        """The policy that gave ``arrays``; ValueError if they are not of one."""
        held = {name.removeprefix("values_"): a for name, a in arrays.items() if name.startswith("values_")}
        plain = TabularPolicy.restore(arrays, key)
        return cls(plain.table, key, TabularPolicy.restore(held, key).table)


def inherited_values(
    opponents: Sequence[Opponent], player: int, key: KeyFunction
) -> Mapping[bytes, NDArray[np.float64]]:
    """Values of the policy of greatest weight that ``player`` plays now and that has any under this key.

    Raises:
        ValueError: there is no such player.
    """
    if not 0 <= player < len(opponents):
        raise ValueError(f"player must lie in range({len(opponents)}), got {player}")
    own = opponents[player]
    if not isinstance(own, MixturePolicy):
        own = MixturePolicy((own,), [1.0])
    order = np.argsort(-np.asarray(own.weights), kind="stable")
    for policy in (own.policies[k] for k in order.tolist()):
        if isinstance(policy, ValuedPolicy) and policy.key is key:
            return policy.values
    return {}
