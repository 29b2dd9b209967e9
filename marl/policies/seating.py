"""The checks of who sits at a table."""

from collections.abc import Sequence
from typing import Any

from games.protocols import EnvGame


def check_policies(num_players: int, policies: Sequence[object]) -> None:
    """Refuse a number of policies that is not that of the players.

    Raises:
        ValueError: as said.
    """
    if len(policies) != num_players:
        raise ValueError(f"policies must hold one per player: wanted {num_players}, got {len(policies)}")


def check_learner(game: EnvGame[Any], opponents: Sequence[object], player: int) -> None:
    """Refuse a number of opponents that is not that of the players, and a learner who is none of them.

    Args:
        game: the game.
        opponents: one per player; the learner's own entry counts.
        player: the learner.

    Raises:
        ValueError: as said.
    """
    if len(opponents) != game.num_players:
        raise ValueError(
            f"opponents must hold one entry per player: wanted {game.num_players}, got {len(opponents)}"
        )
    if not 0 <= player < game.num_players:
        raise ValueError(f"player must lie in range({game.num_players}), got {player}")
