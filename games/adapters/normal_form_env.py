"""A normal-form game as a one-shot simultaneous `EnvGame`."""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from games.adapters.moves import require_movers
from games.errors import IllegalActionError
from games.normal_form.game import NormalFormGame

JointAction: TypeAlias = tuple[int, ...]
"""What every player played, in the order of players; () before the game is played."""


@dataclass(frozen=True, slots=True)
class NormalFormEnv:
    """All players move once, at the same time.

    Players see whether the game has been played: (1, 0) before, (0, 1) after. Nobody sees an action of
    another.

    Attributes:
        game: the payoffs.
    """

    game: NormalFormGame

    @property
    def name(self) -> str:
        """Name of the normal-form game."""
        return self.game.name

    @property
    def num_players(self) -> int:
        """Number of players."""
        return self.game.num_players

    @property
    def payoff_bounds(self) -> tuple[float, float]:
        """Least and greatest payoff in the tensor."""
        return float(self.game.payoffs.min()), float(self.game.payoffs.max())

    def num_actions(self, player: int) -> int:
        """Actions of ``player``, in the order of the tensor's axis."""
        return self.game.num_actions[player]

    def observation_shape(self, player: int) -> tuple[int, ...]:
        """Two numbers."""
        return (2,)

    def initial(self, rng: np.random.Generator) -> JointAction:
        """The state before the game is played."""
        return ()

    def to_move(self, state: JointAction) -> Sequence[int]:
        """Everybody, then nobody."""
        return () if state else tuple(range(self.game.num_players))

    def legal_mask(self, state: JointAction, player: int) -> NDArray[np.bool_]:
        """Every action until the game is played."""
        return np.full(self.game.num_actions[player], not state)

    def observe(self, state: JointAction, player: int) -> NDArray[np.float32]:
        """(1, 0) before the game is played, (0, 1) after."""
        return np.array([not state, bool(state)], dtype=np.float32)

    def step(self, state: JointAction, joint: Mapping[int, int], rng: np.random.Generator) -> JointAction:
        """Play the game.

        Raises:
            IllegalActionError: the game has been played, a player is missing, or an action is out of range.
        """
        movers = self.to_move(state)
        require_movers(movers, joint)
        for player, size in zip(movers, self.game.num_actions, strict=True):
            if not 0 <= joint[player] < size:
                raise IllegalActionError(
                    f"action {joint[player]!r} of player {player} is outside range({size})"
                )
        return tuple(operator.index(joint[player]) for player in movers)

    def returns(self, state: JointAction) -> NDArray[np.float64]:
        """Payoffs of the cell that was played; zeros before."""
        if not state:
            return np.zeros(self.game.num_players)
        return np.array([payoffs[state] for payoffs in self.game.payoffs])

    def describe(self, state: JointAction) -> str:
        """Labels of what was played, and the payoffs."""
        if not state:
            return f"{self.game.name}: to be played"
        played = ", ".join(
            f"{player} plays {labels[action]}"
            for player, labels, action in zip(self.game.players, self.game.actions, state, strict=True)
        )
        return f"{self.game.name}: {played}; payoffs {self.returns(state).tolist()}"
