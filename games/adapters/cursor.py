"""One play-through advanced in place: the fast path under environments that own their state.

States of an `EnvGame` are immutable values, so every step makes a new one. An environment that keeps
a single private state never needs the old one; a cursor lets a game exploit that. Games that know no
faster way are served by `StateCursor`, with the same results from the same seeds.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from games.protocols import EnvGame


class Cursor(Protocol):
    """A mutable play-through; it checks nothing, its owner does.

    Attributes:
        to_move: players acting now, () at the end.
        pays_at_end: returns are known to stay zero until the end.
    """

    to_move: tuple[int, ...]
    pays_at_end: bool

    def reset(self, rng: np.random.Generator) -> None:
        """Start a new play-through; its chance moves come from ``rng`` until the next reset."""

    def legal_actions(self, player: int) -> list[int]:
        """Legal actions of a player to move."""

    def observe(self, player: int) -> NDArray[np.float32]:
        """What ``player`` sees, as an array that the caller may keep."""

    def advance(self, joint: Mapping[int, int]) -> None:
        """Play legal actions, one of each player to move, and any chance moves after them."""

    def returns(self) -> Sequence[float]:
        """Payoff so far of each player."""

    def describe(self) -> str:
        """The whole state as text."""


@runtime_checkable
class HasCursor(Protocol):
    """A game with a faster way of playing one episode than through immutable states."""

    def cursor(self) -> Cursor:
        """A new cursor, to be reset before use."""


class StateCursor:
    """A cursor over any game, by way of its immutable states."""

    def __init__(self, game: EnvGame[Any]) -> None:
        self.pays_at_end = False
        self.to_move: tuple[int, ...] = ()
        self._game = game

    def reset(self, rng: np.random.Generator) -> None:
        """Draw a start state."""
        self._rng = rng
        self._enter(self._game.initial(rng))

    def _enter(self, state: Any) -> None:  # noqa: ANN401  (the game alone knows the type)
        self._state = state
        self.to_move = tuple(self._game.to_move(state))

    def legal_actions(self, player: int) -> list[int]:
        """Actions inside the mask."""
        actions: list[int] = np.flatnonzero(self._game.legal_mask(self._state, player)).tolist()
        return actions

    def observe(self, player: int) -> NDArray[np.float32]:
        """A copy, because a game may hand out one array many times."""
        return np.array(self._game.observe(self._state, player), dtype=np.float32)

    def advance(self, joint: Mapping[int, int]) -> None:
        """Step to the next state."""
        self._enter(self._game.step(self._state, joint, self._rng))

    def returns(self) -> Sequence[float]:
        """Payoff so far of each player."""
        payoffs: list[float] = self._game.returns(self._state).tolist()
        return payoffs

    def describe(self) -> str:
        """The whole state as text."""
        return self._game.describe(self._state)


def cursor_of(game: EnvGame[Any]) -> Cursor:
    """The game's own cursor where it has one, else a `StateCursor`."""
    return game.cursor() if isinstance(game, HasCursor) else StateCursor(game)
