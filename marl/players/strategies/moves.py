"""How to move in games played move by move: as a policy says that learnt or was solved for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from games.protocols import EnvGame
from games.text.questions import Question
from games.text.situations import PlaySituation
from marl.players.strategies.kinds import situation_of

if TYPE_CHECKING:  # policies bring along what plays many games at once
    from marl.policies.batched import ObservationPolicy
    from marl.policies.tabular import TabularPolicy

PolicyFor: TypeAlias = Callable[[EnvGame[Any], int], "TabularPolicy | ObservationPolicy"]
"""From a game and a seat to the policy that plays it."""


@dataclass(frozen=True, slots=True)
class PolicyMoves:
    """Draws moves as a policy does.

    A table that is keyed by information states is looked up by the situation's, and is uniform over the legal
    actions where it has no row; any other policy reads the observation.

    Attributes:
        policy_for: gives the policy; asked at every move, so it keeps what it made.
    """

    policy_for: PolicyFor

    def __call__(self, question: Question) -> NDArray[np.float64]:
        """Distribution over the legal actions.

        Raises:
            ValueError: the policy takes an action that is not legal.
        """
        from marl.policies.tabular import TabularPolicy, information_state_key

        situation = situation_of(question, PlaySituation, "a policy")
        policy = self.policy_for(situation.game, situation.seat)
        legal = np.array(situation.legal)
        if isinstance(policy, TabularPolicy) and policy.key is information_state_key:
            row = policy.table.get(situation.information_state)
            if row is None:
                return np.full(len(legal), 1.0 / len(legal))
        else:
            row = policy.distributions(situation.observation[None], situation.mask[None])[0]
        shares: NDArray[np.float64] = np.asarray(row, dtype=np.float64)[legal]
        total = float(shares.sum())
        if not abs(total - 1) <= _SUM_TOLERANCE:
            raise ValueError(f"the policy must take legal actions only, got {total:.6g} of them in all")
        return shares / total


_SUM_TOLERANCE = 1e-5
"""Policies with networks answer in float32."""
