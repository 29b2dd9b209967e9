"""What a batch says of the one game that all its lanes play."""

from typing import Any, Generic, TypeVar

from games.protocols import EnvGame

G = TypeVar("G", bound=EnvGame[Any])


class BatchOfGame(Generic[G]):
    """The part of `BatchGame` that the game answers itself.

    Attributes:
        game: the game.
    """

    def __init__(self, game: G, num_lanes: int) -> None:
        """Hold the game.

        Raises:
            ValueError: there is not even one lane.
        """
        if num_lanes < 1:
            raise ValueError(f"num_lanes must be at least 1, got {num_lanes}")
        self.game = game
        self._num_lanes = num_lanes

    @property
    def name(self) -> str:
        """Name of the game."""
        return self.game.name

    @property
    def num_players(self) -> int:
        """Number of players of the game."""
        return self.game.num_players

    @property
    def num_lanes(self) -> int:
        """Number of plays side by side."""
        return self._num_lanes

    @property
    def payoff_bounds(self) -> tuple[float, float]:
        """Those of the game."""
        return self.game.payoff_bounds

    def num_actions(self, player: int) -> int:
        """Size of the player's action space."""
        return self.game.num_actions(player)

    def observation_shape(self, player: int) -> tuple[int, ...]:
        """Shape of one observation of the player."""
        return self.game.observation_shape(player)
