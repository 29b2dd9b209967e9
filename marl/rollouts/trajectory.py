"""One play-through with all its states: what pictures, and questions about how an episode ended, need."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from games.protocols import EnvGame
from marl.policies.seating import check_policies
from marl.policies.uniform import Policy
from marl.rollouts.rollout import draw_action

State = TypeVar("State")


def play_states(
    game: EnvGame[State], policies: Sequence[Policy[State]], *, rng: np.random.Generator
) -> tuple[State, ...]:
    """Play one episode to its end and keep every state, the start and the end among them.

    Args:
        game: the game.
        policies: one per player.
        rng: all chance, that of the game and that of the policies.

    Raises:
        ValueError: the number of policies is wrong, or a policy gives no distribution.
        IllegalActionError: a policy puts mass on an illegal action and it is drawn.

    Example:
        >>> from games.driving.merge import MergeGame
        >>> from marl.policies import UniformPolicy
        >>> game = MergeGame()
        >>> states = play_states(game, [UniformPolicy()] * 2, rng=np.random.default_rng(0))
        >>> game.crashed(states[0]), game.to_move(states[-1])
        (False, ())
    """
    check_policies(game.num_players, policies)
    states = [game.initial(rng)]
    while movers := game.to_move(states[-1]):
        joint = {i: draw_action(policies[i].probabilities(game, states[-1], i), i, rng) for i in movers}
        states.append(game.step(states[-1], joint, rng))
    return tuple(states)
