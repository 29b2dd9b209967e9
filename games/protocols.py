"""Protocols that games of other libraries are brought to."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

State = TypeVar("State")


class EnvGame(Protocol[State]):
    """A game played forward; states are immutable values owned by the caller.

    Stepping the same state twice is allowed and gives independent successors; all chance comes from
    the generator passed in, so equal seeds give equal play.

    Attributes:
        name: how reports call the game.
        num_players: players are numbered from 0.
        payoff_bounds: least and greatest return of any player; infinite where unknown.
    """

    @property
    def name(self) -> str:
        """How reports call the game."""

    @property
    def num_players(self) -> int:
        """Number of players."""

    @property
    def payoff_bounds(self) -> tuple[float, float]:
        """Least and greatest return of any player."""

    def num_actions(self, player: int) -> int:
        """Size of the player's action space; actions are ``range(num_actions(player))``."""

    def observation_shape(self, player: int) -> tuple[int, ...]:
        """Shape of the arrays that ``observe`` returns for this player."""

    def initial(self, rng: np.random.Generator) -> State:
        """Draw a start state, past any chance moves."""

    def to_move(self, state: State) -> Sequence[int]:
        """Players acting now: one (turn-based), several (simultaneous), () at the end."""

    def legal_mask(self, state: State, player: int) -> NDArray[np.bool_]:
        """Shape (num_actions(player),); at least one True while ``player`` is to move, else all False."""

    def observe(self, state: State, player: int) -> NDArray[np.float32]:
        """What ``player`` sees, shape ``observation_shape(player)``."""

    def step(self, state: State, joint: Mapping[int, int], rng: np.random.Generator) -> State:
        """Return the next state, past any chance moves.

        Raises:
            IllegalActionError: an action is outside its mask, or the acting players are not those to move.
        """

    def returns(self, state: State) -> NDArray[np.float64]:
        """Undiscounted payoff so far, shape (num_players,)."""

    def describe(self, state: State) -> str:
        """The whole state as text, for people (it may show hidden information)."""


class BatchGame(Protocol):
    """Many plays of one game side by side, as arrays; play k runs in lane k.

    Where `EnvGame` hands out values, a batch owns and overwrites its states: that is what makes it fast. A
    policy that reads only observations and masks plays both.

    Arrays that methods return may be views of buffers that the next ``reset`` or ``step`` overwrites; copy
    what must last.
    """

    @property
    def name(self) -> str:
        """How reports call the game."""

    @property
    def num_players(self) -> int:
        """Number of players."""

    @property
    def num_lanes(self) -> int:
        """Number of plays side by side."""

    @property
    def payoff_bounds(self) -> tuple[float, float]:
        """Least and greatest return of any player."""

    def num_actions(self, player: int) -> int:
        """Size of the player's action space."""

    def observation_shape(self, player: int) -> tuple[int, ...]:
        """Shape of one observation of the player."""

    def reset(self, lanes: NDArray[np.bool_], rng: np.random.Generator) -> None:
        """Begin a new play in the marked lanes, shape (num_lanes,), and leave the others."""

    def to_move(self, player: int) -> NDArray[np.bool_]:
        """Lanes where ``player`` acts now, shape (num_lanes,)."""

    def finished(self) -> NDArray[np.bool_]:
        """Lanes whose play is over, shape (num_lanes,); nobody acts there until they are reset."""

    def legal_mask(self, player: int) -> NDArray[np.bool_]:
        """Shape (num_lanes, num_actions(player)); all False where the player is not to move."""

    def observe(self, player: int) -> NDArray[np.float32]:
        """Shape (num_lanes, *observation_shape(player)); means nothing where the player is not to move."""

    def step(self, actions: NDArray[np.int64], rng: np.random.Generator) -> None:
        """Every lane that is not finished makes one step.

        Args:
            actions: shape (num_players, num_lanes); entries of players who are not to move are not read.
            rng: all chance of the step.

        Raises:
            IllegalActionError: an action that is read is outside its mask; no lane has moved then.
        """

    def returns(self) -> NDArray[np.float64]:
        """Undiscounted payoff so far, shape (num_players, num_lanes)."""
