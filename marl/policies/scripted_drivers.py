"""Drivers of the merge game that follow rules of thumb and learn nothing.

They are for judging learnt drivers by: nobody trains with them. Each is a function of the state, the legal
actions and who drives, that ranks actions; the best legal one is taken. Together they cover who forces their
way, who gives way, who ignores the other, and who errs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from games.driving.merge import Car, Drive, Lane, MergeGame, RoadState
from games.protocols import EnvGame

Wish: TypeAlias = Callable[[MergeGame, RoadState, int], Sequence[Drive]]
"""Actions a driver would like, the dearest first: (game, state, player)."""

_NEAR = 2  # cells within which a timid driver minds the other


@dataclass(frozen=True, slots=True)
class ScriptedDriver:
    """Takes the first legal action of its wish, with slips.

    Attributes:
        wish: the rule.
        slip: probability of an action drawn uniformly from the legal ones instead, in [0, 1].

    Raises:
        ValueError: ``slip`` is out of range.
    """

    wish: Wish
    slip: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.slip <= 1:
            raise ValueError(f"slip must lie in [0, 1], got {self.slip!r}")

    def probabilities(self, game: EnvGame[RoadState], state: RoadState, player: int) -> NDArray[np.float64]:
        """See ``marl.policies.uniform.Policy``.

        Raises:
            TypeError: the game is not a ``MergeGame``.
        """
        if not isinstance(game, MergeGame):
            raise TypeError(f"scripted drivers drive in a MergeGame, got {type(game).__name__}")
        mask = game.legal_mask(state, player)
        row = self.slip * mask / np.count_nonzero(mask)
        # Keeping the speed is always legal, so a rule that wishes nothing legal keeps.
        row[next((a for a in self.wish(game, state, player) if mask[a]), Drive.KEEP)] += 1.0 - self.slip
        return row


def bold(game: MergeGame, state: RoadState, player: int) -> Sequence[Drive]:
    """Goes as fast as it can, and merges when the ramp is about to end, whoever is there."""
    return (Drive.CHANGE, Drive.KEEP) if _must_merge(game, state.cars[player]) else (Drive.ACCELERATE,)


def early(game: MergeGame, state: RoadState, player: int) -> Sequence[Drive]:
    """Merges at once whoever is there, then goes as fast as it can."""
    merged = state.cars[player].lane == Lane.MAIN
    return (Drive.ACCELERATE,) if merged else (Drive.CHANGE, Drive.ACCELERATE)


def steady(game: MergeGame, state: RoadState, player: int) -> Sequence[Drive]:
    """Keeps its speed, and merges when the ramp is about to end, whoever is there."""
    return (Drive.CHANGE, Drive.KEEP) if _must_merge(game, state.cars[player]) else (Drive.KEEP,)


def timid(game: MergeGame, state: RoadState, player: int) -> Sequence[Drive]:
    """Brakes while the other is near or, on the ramp, until the other has passed; else accelerates."""
    mine, other = state.cars[player], state.cars[1 - player]
    ahead = other.cell - mine.cell
    if other.cell >= game.length or ahead > _NEAR:
        return (Drive.CHANGE, Drive.ACCELERATE) if mine.lane == Lane.RAMP else (Drive.ACCELERATE,)
    if mine.lane == Lane.MAIN and ahead < -_NEAR:
        return (Drive.ACCELERATE,)
    return (Drive.BRAKE,)


def stopper(game: MergeGame, state: RoadState, player: int) -> Sequence[Drive]:
    """Brakes to a stop and stands there."""
    return (Drive.BRAKE,)


def aimless(game: MergeGame, state: RoadState, player: int) -> Sequence[Drive]:
    """Wishes nothing; meant with slips only."""
    return ()


HELD_OUT_DRIVERS: Mapping[str, ScriptedDriver] = MappingProxyType(
    {
        "bold": ScriptedDriver(bold),
        "early": ScriptedDriver(early),
        "steady": ScriptedDriver(steady),
        "timid": ScriptedDriver(timid),
        "stopper": ScriptedDriver(stopper),
        "random": ScriptedDriver(aimless, slip=1.0),
        "bold, careless": ScriptedDriver(bold, slip=0.3),
        "steady, careless": ScriptedDriver(steady, slip=0.3),
        "timid, careless": ScriptedDriver(timid, slip=0.3),
    }
)
"""Forcing, oblivious and yielding drivers, some of them also with slips, and a random one."""


def _must_merge(game: MergeGame, car: Car) -> bool:
    """Whether the next step at this speed leaves a ramp that ends."""
    return car.lane == Lane.RAMP and game.ramp < game.length and car.cell + car.speed >= game.ramp - 1
