"""Actions built bit by bit: the bit that adds most comes first."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from games.bandits.action_set import ActionSet
from games.bandits.problem import CoupledBandit
from games.bandits.rows import most_allowed
from solvers.sequoia.baselines.policy import NamedPolicy, RememberedPolicy, each_state
from solvers.sequoia.counting import counting

Values: TypeAlias = Callable[[NDArray[np.bool_]], NDArray[np.float64]]
"""Values of actions, of shape (batch, N); shape (batch,)."""


def greedy_action(values: Values, action_set: ActionSet) -> NDArray[np.bool_]:
    """Add bits one by one, always the one after which the value is greatest.

    Bits are added as long as the action can still be completed to an allowed one. Once the action itself is
    allowed, a bit must also raise the value. Every round sets one bit more, so there are at most N rounds.

    Args:
        values: of any actions, also of those that are not allowed.
        action_set: the allowed actions.

    Raises:
        ValueError: the set is empty.
    """
    action = np.zeros(action_set.size, dtype=np.bool_)
    value = float(values(action[None])[0])
    while True:
        allowed = bool(action_set.contains(action))
        longer = action | np.eye(action.size, dtype=np.bool_)
        longer = longer[~action]
        scores = values(longer) if len(longer) else np.empty(0)
        if allowed:
            longer, scores = longer[scores > value], scores[scores > value]
        for place in np.argsort(-scores, kind="stable"):
            if _completable(action_set, longer[place]):
                action, value = longer[place], float(scores[place])
                break
        else:
            if not allowed:
                raise ValueError(f"{action_set.name} is empty: no action is allowed")
            return action


def iterative_myopic(bandit: CoupledBandit, *, workers: int = 1) -> NamedPolicy:
    """Add bits by the expected reward of the next step; see `greedy_action`."""

    def decide(state: NDArray[np.int64], step: int) -> NDArray[np.bool_]:
        return greedy_action(
            lambda actions: bandit.expected_reward(
                np.broadcast_to(state, (len(actions), state.size)), actions
            ),
            bandit.actions_at(state, step),
        )

    return RememberedPolicy("iterative myopic", bandit.bits, each_state(decide, workers))


def _completable(action_set: ActionSet, action: NDArray[np.bool_]) -> bool:
    """Whether more bits can make an action an allowed one; its own bits stay."""
    if bool(action_set.contains(action)):
        return True
    if action_set.downward or action.sum() > action_set.most:
        return False
    counted = counting(action_set)
    if counted.complete:
        return not action[counted.fixed == 0].any()
    lower = action_set.lower.copy()
    lower[: action.size][action] = 1.0
    if (lower > action_set.upper).any():
        return False
    try:
        most_allowed(replace(action_set, lower=lower))
    except ValueError:
        return False
    return True
