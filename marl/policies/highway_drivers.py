"""Parameterised drivers of the highway-env merge: rules of thumb with a few numbers, to search among.

They see what ``HighwayMerge.observe`` shows and the legal actions, nothing else: their own speed and the
nearest cars ahead of them or beside them. Cars further back than two car lengths are not shown, so nobody can
give way to who comes from behind.

Each second a driver does the first of these that applies:

1. its lane ends (something stands in it ahead): change to the left once the next lane is free over ``gap``
   metres, or when the end is near; until then slow down;
2. a car to the right is less than ``room`` metres ahead, or beside: change to the left, if the lane there is
   free over ``gap`` metres;
3. a car of its own lane is less than ``headway`` seconds ahead: slow down;
4. a car of another lane is less than ``courtesy`` metres ahead: slow down;
5. bring the speed towards ``cruise``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from games.driving.highway import HighwayMerge, HighwayState, Meta
from games.protocols import EnvGame

_METRES, _SPEED = 200.0, 80.0  # what 1.0 stands for in an observation, along the road and of speed
_OWN_LANE = 0.3  # share of the sideways range within which a car is in the own lane
_STILL = 2.0  # metres a second below which something stands
_STEP = 2.5  # metres a second, half a step of the speeds that highway-env offers
_LAST_CHANCE = 1.6  # seconds to the end of the lane below which a change cannot wait for another second


@dataclass(frozen=True, slots=True)
class HighwayDriver:
    """A driver by rules; see the module.

    Attributes:
        cruise: speed wished, in metres a second.
        headway: seconds to the car ahead below which it slows down, at least 0; 0 never does.
        courtesy: metres within which it lets cars of other lanes go ahead, at least 0; 0 never does.
        gap: metres ahead and behind that it wants free in the next lane before it changes, at least 0.
        room: metres within which it makes room for a car to the right, at least 0; 0 never does.
        slip: probability of an action drawn uniformly from the legal ones instead, in [0, 1].

    Raises:
        ValueError: a number is out of range.
    """

    cruise: float
    headway: float
    courtesy: float
    gap: float
    room: float = 0.0
    slip: float = 0.0

    def __post_init__(self) -> None:
        numbers = self.cruise, self.headway, self.courtesy, self.gap, self.room
        if not all(0 <= x < np.inf for x in numbers):
            raise ValueError(
                f"cruise, headway, courtesy, gap and room must be finite and at least 0, got {numbers}"
            )
        if not 0 <= self.slip <= 1:
            raise ValueError(f"slip must lie in [0, 1], got {self.slip!r}")

    def probabilities(
        self, game: EnvGame[HighwayState], state: HighwayState, player: int
    ) -> NDArray[np.float64]:
        """See ``marl.policies.uniform.Policy``.

        Raises:
            TypeError: the game is not a ``HighwayMerge``.
        """
        if not isinstance(game, HighwayMerge):
            raise TypeError(f"highway drivers drive in a HighwayMerge, got {type(game).__name__}")
        mask = game.legal_mask(state, player)
        row = self.slip * mask / np.count_nonzero(mask)
        wish = self._wish(game.observe(state, player), bool(mask[Meta.LANE_LEFT]))
        row[wish if mask[wish] else Meta.IDLE] += 1.0 - self.slip  # idling is always legal
        return row

    def _wish(self, seen: NDArray[np.float32], left: bool) -> Meta:
        """The dearest action, legal or not.

        Args:
            seen: an observation.
            left: whether there is a lane to the left.
        """
        speed = float(seen[0, 3]) * _SPEED
        others = seen[1:][seen[1:, 0] > 0]
        away = others[:, 1] * _METRES
        own = np.abs(others[:, 2]) < _OWN_LANE
        still = np.abs(others[:, 3] * _SPEED + speed) < _STILL
        ends = away[own & still & (away > 0)]
        side = others[:, 2]
        free = bool((np.abs(away[side < -_OWN_LANE]) >= self.gap).all())
        if left and ends.size:
            return Meta.LANE_LEFT if free or ends.min() < _LAST_CHANCE * speed else Meta.SLOWER
        if left and free and ((side > _OWN_LANE) & ~still & (away < self.room)).any():
            return Meta.LANE_LEFT
        ahead = away > 0
        if (away[own & ahead] < self.headway * speed).any():
            return Meta.SLOWER
        if (away[~own & ahead & ~still] < self.courtesy).any():
            return Meta.SLOWER
        if speed < self.cruise - _STEP:
            return Meta.FASTER
        return Meta.SLOWER if speed > self.cruise + _STEP else Meta.IDLE


TRAINING_DRIVERS: Mapping[str, HighwayDriver] = MappingProxyType(
    {
        "fast": HighwayDriver(30.0, 0.0, 0.0, 0.0),
        "fast, alert": HighwayDriver(30.0, 1.0, 0.0, 8.0),
        "fast, gives way": HighwayDriver(30.0, 1.0, 25.0, 8.0),
        "fast, makes room": HighwayDriver(30.0, 1.0, 25.0, 8.0, room=30.0),
        "even": HighwayDriver(25.0, 0.0, 0.0, 0.0),
        "even, makes room": HighwayDriver(25.0, 1.5, 25.0, 12.0, room=30.0),
        "slow": HighwayDriver(20.0, 1.5, 0.0, 12.0),
        "slow, makes room": HighwayDriver(20.0, 1.5, 0.0, 12.0, room=30.0),
    }
)
"""To search among."""

HELD_OUT_DRIVERS: Mapping[str, HighwayDriver] = MappingProxyType(
    {
        "hurried": HighwayDriver(30.0, 0.6, 0.0, 4.0, slip=0.02),
        "timid": HighwayDriver(25.0, 2.5, 45.0, 18.0, room=50.0),
        "slow, careless": HighwayDriver(20.0, 2.0, 15.0, 6.0, slip=0.05),
        "reckless": HighwayDriver(30.0, 0.0, 0.0, 0.0, slip=0.3),
        "random": HighwayDriver(25.0, 0.0, 0.0, 0.0, slip=1.0),
    }
)
"""To judge by: nobody trains with them, and none has the numbers of a training driver."""
