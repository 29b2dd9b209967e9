"""One learner among opponents that keep to their policies: the episodes it learns from."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np

from games.protocols import EnvGame
from marl.oracles.answers import Opponent
from marl.policies import UniformPolicy, seat
from marl.policies.tabular import KeyFunction
from marl.rollouts import draw_action


class Row(Protocol):
    """What a learner keeps under one key."""

    @property
    def legal(self) -> list[int]:
        """The legal actions."""

    def choose(self, epsilon: float, rng: np.random.Generator) -> int:
        """Position, among the legal actions, of the one to play when exploring with ``epsilon``."""


R = TypeVar("R", bound=Row)


def check_seats(game: EnvGame[Any], opponents: Sequence[Opponent], player: int) -> list[Opponent]:
    """The opponents, with a policy in the learner's own seat so that all can be drawn as a whole.

    Raises:
        ValueError: the number of opponents is wrong, or there is no such player.
    """
    if len(opponents) != game.num_players:
        raise ValueError(
            f"opponents must hold one entry per player: wanted {game.num_players}, got {len(opponents)}"
        )
    if not 0 <= player < game.num_players:
        raise ValueError(f"player must lie in range({game.num_players}), got {player}")
    return [UniformPolicy() if i == player else p for i, p in enumerate(opponents)]


def learner_episode(
    game: EnvGame[Any],
    seats: Sequence[Opponent],
    player: int,
    rows: dict[bytes, R],
    make_row: Callable[[list[int]], R],
    key: KeyFunction,
    *,
    epsilon: float,
    rng: np.random.Generator,
) -> tuple[list[tuple[R, int, float]], float]:
    """Play one episode; opponents that are mixtures draw anew.

    Args:
        game: the game.
        seats: who plays, of `check_seats`.
        player: the learner.
        rows: what it keeps, by key; rows of new keys are added.
        make_row: a row from its legal actions.
        key: names what the learner knows.
        epsilon: exploration.
        rng: all chance.

    Returns:
        The learner's decisions: row, position chosen, and own payoff gained before it; and its final payoff.
    """
    others = seat(seats, rng)
    path: list[tuple[R, int, float]] = []
    state = game.initial(rng)
    while movers := game.to_move(state):
        joint: dict[int, int] = {}
        for p in movers:
            if p != player:
                joint[p] = draw_action(others[p].probabilities(game, state, p), p, rng)
                continue
            name = key(game, state, player)
            row = rows.get(name)
            if row is None:
                row = rows[name] = make_row(np.flatnonzero(game.legal_mask(state, player)).tolist())
            choice = row.choose(epsilon, rng)
            path.append((row, choice, float(game.returns(state)[player])))
            joint[p] = row.legal[choice]
        state = game.step(state, joint, rng)
    return path, float(game.returns(state)[player])
