"""Playing with perfect recall a game whose states do not remember.

A tree tells apart whatever a player has seen and done; the state of a grid world shows only what is there
now. `RecallGame` carries the past along with the state, so that a behavior over the tree can be played there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from games.chance import ListsChance, Outcomes, draw_outcome
from games.protocols import EnvGame

State = TypeVar("State")


class Recalled(NamedTuple):
    """A state, and what each player knew and did last.

    Attributes:
        state: of the game itself.
        past: for each player the label of the last information set and the action taken there; "" before.
    """

    state: Any
    past: tuple[str, ...]


class ListedGame(EnvGame[State], ListsChance[State], Protocol[State]):
    """A game that lists its chance moves and says in words what a player sees."""

    def information_key(self, state: State, player: int) -> str:
        """What the player sees, as text."""


@dataclass(frozen=True, slots=True)
class RecallGame(Generic[State]):
    """The same game with states that remember; see the module.

    Attributes:
        inner: the game.
        actions: labels of each player's action numbers, as in the tree.
        chained: for each player, whether the tree's labels hold the past; see ``expand_env``.
    """

    inner: ListedGame[State]
    actions: tuple[tuple[str, ...], ...]
    chained: tuple[bool, ...]

    @property
    def name(self) -> str:
        """Name of the game."""
        return self.inner.name

    @property
    def num_players(self) -> int:
        """Number of players."""
        return self.inner.num_players

    @property
    def payoff_bounds(self) -> tuple[float, float]:
        """Least and greatest return of any player."""
        return self.inner.payoff_bounds

    def num_actions(self, player: int) -> int:
        """Size of the player's action space."""
        return self.inner.num_actions(player)

    def observation_shape(self, player: int) -> tuple[int, ...]:
        """Shape of the observations."""
        return self.inner.observation_shape(player)

    def information_label(self, state: Recalled, player: int) -> str:
        """Name of the player's information set in the tree."""
        key = self.inner.information_key(state.state, player)
        past = state.past[player]
        return f"{past} > {key}" if past and self.chained[player] else key

    def start_outcomes(self) -> Outcomes[Recalled]:
        """All starts."""
        nothing = ("",) * self.num_players
        return tuple((p, Recalled(state, nothing)) for p, state in self.inner.start_outcomes())

    def initial(self, rng: np.random.Generator) -> Recalled:
        """Draw a start."""
        return draw_outcome(self.start_outcomes(), rng)

    def to_move(self, state: Recalled) -> Sequence[int]:
        """Players acting now."""
        return self.inner.to_move(state.state)

    def legal_mask(self, state: Recalled, player: int) -> NDArray[np.bool_]:
        """Legal actions."""
        return self.inner.legal_mask(state.state, player)

    def observe(self, state: Recalled, player: int) -> NDArray[np.float32]:
        """What the player sees now."""
        return self.inner.observe(state.state, player)

    def step_outcomes(self, state: Recalled, joint: Mapping[int, int]) -> Outcomes[Recalled]:
        """All successors.

        Raises:
            IllegalActionError: as the game itself.
        """
        outcomes = self.inner.step_outcomes(state.state, joint)
        past = tuple(
            f"{self.information_label(state, i)} > {self.actions[i][joint[i]]}" if i in joint else before
            for i, before in enumerate(state.past)
        )
        return tuple((p, Recalled(after, past)) for p, after in outcomes)

    def step(self, state: Recalled, joint: Mapping[int, int], rng: np.random.Generator) -> Recalled:
        """Draw the next state.

        Raises:
            IllegalActionError: as the game itself.
        """
        return draw_outcome(self.step_outcomes(state, joint), rng)

    def returns(self, state: Recalled) -> NDArray[np.float64]:
        """Payoff so far."""
        return self.inner.returns(state.state)

    def describe(self, state: Recalled) -> str:
        """The state as text."""
        return self.inner.describe(state.state)


def event_of(game: EnvGame[Any]) -> Callable[[Any], bool] | None:
    """The event that a game counts in its end states, such as a crash; None where it knows of none."""
    if isinstance(game, RecallGame):
        inner = event_of(game.inner)
        return None if inner is None else _OfInner(inner)
    crashed = getattr(game, "crashed", None)
    return crashed if callable(crashed) else None


@dataclass(frozen=True, slots=True)
class _OfInner:
    """A question about the state within; a class, as it is pickled."""

    event: Callable[[Any], bool]

    def __call__(self, state: Recalled) -> bool:
        return self.event(state.state)
