"""What an oracle that learns by playing returns."""

from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from marl.policies import MixturePolicy, Policy
from marl.rollouts import ReturnEstimate

Opponent: TypeAlias = Policy[Any] | MixturePolicy[Any]
"""Who an oracle learns against; a mixture draws one of its policies per episode."""

P = TypeVar("P")


@dataclass(frozen=True, slots=True, eq=False)
class OracleAnswer(Generic[P]):
    """A learned response.

    Attributes:
        policy: the response.
        estimate: returns of all players when it meets the opponents it was learned against, from episodes
            played afterwards: mean, variance (the risk of the response), standard error.
        episodes: how many it was learned from.
        stopped_early: the learning came to rest before its budget was spent.
    """

    policy: P
    estimate: ReturnEstimate
    episodes: int
    stopped_early: bool
