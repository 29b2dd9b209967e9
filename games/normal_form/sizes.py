"""Limits on the size of a payoff tensor, checked before anything is allocated."""

import math
from collections.abc import Sequence
from operator import index

MAX_PLAYERS = 63
"""numpy arrays have at most 64 axes, one of which numbers the players."""

MAX_PAYOFFS = 2**26
"""Most payoffs (players times cells) that readers and generators build: 512 MiB of float64."""


def check_sizes(sizes: Sequence[int]) -> tuple[int, ...]:
    """Return ``sizes`` (actions of each player) as a tuple of ints.

    Raises:
        TypeError: an entry is not an integer.
        ValueError: no players, too many, a player without actions, or more than MAX_PAYOFFS payoffs.
    """
    if not 1 <= len(sizes) <= MAX_PLAYERS:
        raise ValueError(f"sizes must name 1 to {MAX_PLAYERS} players, got {len(sizes)}")
    checked = tuple(index(n) for n in sizes)
    if min(checked) < 1:
        raise ValueError(f"sizes must give every player at least one action, got {checked}")
    payoffs = len(checked) * math.prod(checked)
    if payoffs > MAX_PAYOFFS:
        raise ValueError(f"sizes {checked} make {payoffs:,} payoffs, the limit is {MAX_PAYOFFS:,}")
    return checked


def equal_sizes(players: int, actions: int) -> tuple[int, ...]:
    """Sizes of a game in which each of ``players`` has the same number of actions, checked likewise."""
    # Checked before a tuple of that length is made.
    if not 1 <= players <= MAX_PLAYERS:
        raise ValueError(f"players must lie in 1 to {MAX_PLAYERS}, got {players!r}")
    return check_sizes((actions,) * players)
