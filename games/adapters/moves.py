"""The check that every adapter makes before it plays a joint action."""

from collections.abc import Mapping, Sequence

from games.errors import IllegalActionError


def require_movers(movers: Sequence[int], joint: Mapping[int, int]) -> None:
    """Check that exactly the players to move act.

    Raises:
        IllegalActionError: the game is over, a player to move is missing, or another player acts.
    """
    if not movers:
        raise IllegalActionError(f"the game is over, but players {tuple(joint)} act")
    if len(joint) != len(movers) or any(player not in joint for player in movers):
        raise IllegalActionError(f"players to move are {tuple(movers)}, but {tuple(joint)} act")
