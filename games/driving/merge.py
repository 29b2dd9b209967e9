"""Two cars, two lanes, one of which may end: merging and overtaking as a game of nerve.

Time, cells and speeds are whole numbers; both cars choose at the same time. A car brakes (speed less one),
keeps its speed, accelerates (speed plus one) or changes lane at its speed, then advances by its speed. The
second lane is a ramp that ends: a car that would leave it by its end stops in its last cell. With a ramp as
long as the road the game is one of overtaking.

Both are in one lane after a step, and

- they share a cell, or
- they were in that lane before too, and who was behind is now ahead:

then they have *crashed* and the game is over at ``crash_payoff`` for both. Every cell of the road that a car
has put behind itself pays ``progress``. A car that has reached the end of the road is out of the game.

A driver may also react late: with probability ``late`` an action other than keeping is not carried out, for
each car independently. That is the only chance in the game, and it is listed exactly.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from games.adapters.moves import require_movers
from games.chance import Outcomes, draw_outcome
from games.errors import IllegalActionError
from games.extensive.expand import Expansion, expand_env
from games.extensive.tree import TreeGame

if TYPE_CHECKING:
    from games.driving.merge_batch import MergeBatch

DRIVERS = ("car A", "car B")


class Lane(IntEnum):
    """The main lane goes on to the end of the road."""

    MAIN = 0
    RAMP = 1


class Drive(IntEnum):
    """What a driver may do."""

    BRAKE = 0
    KEEP = 1
    ACCELERATE = 2
    CHANGE = 3


class Car(NamedTuple):
    """Where a car is, and how many cells a step it advances."""

    lane: Lane
    cell: int
    speed: int


class RoadState(NamedTuple):
    """A moment on the road.

    Attributes:
        time: steps made.
        cars: both cars; one at the end of the road has left it.
        crashed: whether they ran into each other in the last step.
    """

    time: int
    cars: tuple[Car, Car]
    crashed: bool


@dataclass(frozen=True, slots=True)
class MergeGame:
    """A two-player ``EnvGame`` that lists its chance moves; see the module for the rules.

    Attributes:
        length: cells of the road.
        ramp: cells of the second lane, at most ``length``.
        starts: the cars at the start.
        max_speed: cells per step.
        horizon: steps before the game is over.
        progress: payoff per cell, positive.
        crash_payoff: added to both at a crash, negative.
        late: probability that an action is not carried out, in [0, 1).

    Raises:
        ValueError: a number is out of range, or both cars start in one cell of one lane or off the road.
    """

    length: int = 12
    ramp: int = 7
    starts: tuple[Car, Car] = (Car(Lane.MAIN, 0, 2), Car(Lane.RAMP, 0, 2))
    max_speed: int = 3
    horizon: int = 8
    progress: float = 1.0
    crash_payoff: float = -30.0
    late: float = 0.0

    def __post_init__(self) -> None:
        sizes = {"length": self.length, "max_speed": self.max_speed, "horizon": self.horizon}
        for name, value in sizes.items():
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if not 0 <= self.ramp <= self.length:
            raise ValueError(f"ramp must lie in 0..{self.length}, got {self.ramp}")
        if not (0 < self.progress < np.inf and -np.inf < self.crash_payoff < 0):
            raise ValueError(
                "progress must be positive and crash_payoff negative, got "
                f"{self.progress} and {self.crash_payoff}"
            )
        if not 0 <= self.late < 1:
            raise ValueError(f"late must lie in [0, 1), got {self.late}")
        if len(self.starts) != len(DRIVERS) or self.starts[0][:2] == self.starts[1][:2]:
            raise ValueError(f"starts must hold two cars in different places, got {self.starts}")
        for car in self.starts:
            end = self.ramp if car.lane == Lane.RAMP else self.length
            if not (0 <= car.cell < end and 0 <= car.speed <= self.max_speed):
                raise ValueError(f"{car} is off its lane of {end} cells or beyond max_speed {self.max_speed}")

    @property
    def name(self) -> str:
        """Sizes, payoffs and chance."""
        return (
            f"merge(length={self.length}, ramp={self.ramp}, horizon={self.horizon}, "
            f"progress={self.progress:g}, crash={self.crash_payoff:g}, late={self.late:g})"
        )

    @property
    def num_players(self) -> int:
        """Two."""
        return len(DRIVERS)

    @property
    def payoff_bounds(self) -> tuple[float, float]:
        """A crash without progress, and the whole road."""
        furthest = max(self.length - car.cell for car in self.starts)
        return self.crash_payoff, self.progress * furthest

    def num_actions(self, player: int) -> int:
        """Brake, keep, accelerate, change lane."""
        return len(Drive)

    def observation_shape(self, player: int) -> tuple[int, ...]:
        """Eight numbers."""
        return (8,)

    def start_outcomes(self) -> Outcomes[RoadState]:
        """The one start."""
        return ((1.0, RoadState(0, self.starts, False)),)

    def initial(self, rng: np.random.Generator) -> RoadState:
        """The start; nothing is drawn."""
        return self.start_outcomes()[0][1]

    def crashed(self, state: RoadState) -> bool:
        """Whether the cars ran into each other."""
        return state.crashed

    def to_move(self, state: RoadState) -> Sequence[int]:
        """Cars still on the road, until a crash or the horizon."""
        if state.crashed or state.time >= self.horizon:
            return ()
        return tuple(i for i in (0, 1) if state.cars[i].cell < self.length)

    def legal_mask(self, state: RoadState, player: int) -> NDArray[np.bool_]:
        """No braking at rest, none faster than ``max_speed``, no change onto a ramp that is at its end."""
        mask = np.zeros(len(Drive), dtype=np.bool_)
        if player in self.to_move(state):
            mask[self._legal(state.cars[player])] = True
        return mask

    def observe(self, state: RoadState, player: int) -> NDArray[np.float32]:
        """Lane, cell over length and speed over ``max_speed`` of the own car, then of the other.

        Then the share of time left, and whether the other is on the road.
        """
        mine, other = state.cars[player], state.cars[1 - player]
        seen = [
            number
            for car in (mine, other)
            for number in (car.lane, car.cell / self.length, car.speed / self.max_speed)
        ]
        return np.array([*seen, 1.0 - state.time / self.horizon, other.cell < self.length], dtype=np.float32)

    def information_key(self, state: RoadState, player: int) -> str:
        """What ``observe`` shows, as text: drivers see everything."""
        cars = (f"{c.lane.name.lower()} {c.cell} speed {c.speed}" for c in _own_first(state.cars, player))
        return f"t{state.time} {' other '.join(cars)}"

    def step_outcomes(self, state: RoadState, joint: Mapping[int, int]) -> Outcomes[RoadState]:
        """All successors, one per way in which drivers react late.

        Raises:
            IllegalActionError: an action is not legal, or others than the players to move act.
        """
        movers = self.to_move(state)
        require_movers(movers, joint)
        options: list[tuple[tuple[float, Car], ...]] = [((1.0, car),) for car in state.cars]
        for i in movers:
            car, legal = state.cars[i], self._legal(state.cars[i])
            if joint[i] not in legal:
                raise IllegalActionError(f"action {joint[i]} of player {i} is not legal, legal are {legal}")
            done = self._drive(car, joint[i])
            if self.late > 0 and joint[i] != Drive.KEEP:
                options[i] = ((1.0 - self.late, done), (self.late, self._drive(car, Drive.KEEP)))
            else:
                options[i] = ((1.0, done),)
        return tuple(
            (p * q, self._arrive(state, (first, second)))
            for (p, first), (q, second) in itertools.product(*options)
        )

    def step(self, state: RoadState, joint: Mapping[int, int], rng: np.random.Generator) -> RoadState:
        """The next state, drawn from ``step_outcomes``.

        Raises:
            IllegalActionError: as there.
        """
        return draw_outcome(self.step_outcomes(state, joint), rng)

    def returns(self, state: RoadState) -> NDArray[np.float64]:
        """Progress so far, and the crash."""
        driven = [car.cell - start.cell for car, start in zip(state.cars, self.starts, strict=True)]
        return np.array(driven) * self.progress + (self.crash_payoff if state.crashed else 0.0)

    def describe(self, state: RoadState) -> str:
        """Both lanes with the cars A and B, * where they crashed, # beyond the ramp; words below."""
        lanes = [["."] * self.length, ["."] * self.ramp + ["#"] * (self.length - self.ramp)]
        for letter, car in zip("AB", state.cars, strict=True):
            if car.cell < self.length:
                lanes[car.lane][car.cell] = "*" if state.crashed else letter
        speeds = ", ".join(f"{name} speed {car.speed}" for name, car in zip("AB", state.cars, strict=True))
        return "\n".join(
            [
                *(f"{lane.name.lower()} |{''.join(lanes[lane])}|" for lane in Lane),
                f"step {state.time} of {self.horizon}; {speeds}{'; crash' if state.crashed else ''}",
            ]
        )

    def batch(self, num_lanes: int, *, rng: np.random.Generator) -> "MergeBatch":
        """See `games.batch.choose.HasBatch`; nothing is drawn."""
        from games.driving.merge_batch import MergeBatch  # compiles, so only when asked for

        return MergeBatch(self, num_lanes)

    def _legal(self, car: Car) -> list[int]:
        legal = [int(Drive.KEEP)]
        if car.speed > 0:
            legal.insert(0, int(Drive.BRAKE))
        if car.speed < self.max_speed:
            legal.append(int(Drive.ACCELERATE))
        if car.lane == Lane.RAMP or car.cell + car.speed < self.ramp:
            legal.append(int(Drive.CHANGE))
        return legal

    def _drive(self, car: Car, action: int) -> Car:
        """Where the car is after its move; its cell may lie beyond the end of the road."""
        lane, speed = car.lane, car.speed
        if action == Drive.CHANGE:
            lane = Lane(1 - lane)
        else:
            speed += action - Drive.KEEP
        cell = car.cell + speed
        if lane == Lane.RAMP and cell >= self.ramp and self.ramp < self.length:
            return Car(lane, self.ramp - 1, 0)
        return Car(lane, cell, speed)

    def _arrive(self, state: RoadState, cars: tuple[Car, Car]) -> RoadState:
        before = state.cars
        both = all(car.cell < self.length for car in before)
        crashed = both and cars[0].lane == cars[1].lane and _touch(before, cars)
        first, second = (car._replace(cell=min(car.cell, self.length)) for car in cars)
        return RoadState(state.time + 1, (first, second), crashed)


def small_merge() -> MergeGame:
    """Six cells, a ramp of three, side by side at speed one, three steps: who goes first?"""
    return MergeGame(
        length=6,
        ramp=3,
        starts=(Car(Lane.MAIN, 0, 1), Car(Lane.RAMP, 0, 1)),
        max_speed=2,
        horizon=3,
        crash_payoff=-10.0,
    )


def expand_merge(game: MergeGame, *, name: str = "") -> Expansion[RoadState]:
    """The exact tree of a merge, labelled; see ``games.extensive.expand.expand_env`` for what it refuses."""
    actions = tuple(action.name.lower() for action in Drive)
    return expand_env(
        game, information=game.information_key, actions=(actions, actions), players=DRIVERS, name=name
    )


def merge_small() -> TreeGame:
    """The exact tree of ``small_merge``."""
    return expand_merge(small_merge(), name="merge-small").tree


def _own_first(cars: tuple[Car, Car], player: int) -> tuple[Car, Car]:
    return cars if player == 0 else (cars[1], cars[0])


def _touch(before: tuple[Car, Car], after: tuple[Car, Car]) -> bool:
    """Whether cars that are in one lane now have met or driven through each other."""
    gap = after[0].cell - after[1].cell
    if before[0].lane != before[1].lane or before[0].lane != after[0].lane:
        return gap == 0
    return gap * (before[0].cell - before[1].cell) <= 0
