"""Two cars merging in highway-env, an external simulator of continuous traffic [1]_.

One car is on the right lane of the main road, the other on the ramp that joins it; both are players, and
both choose among highway-env's five meta-actions once a second, at the same time. Other cars, driven by
highway-env's own car-following model, fill the road. All chance is in the start: who drives where and how
fast; the simulator's own rules do the rest. highway-env rewards its first car only, so the payoff is defined
here, each second, for each car still driving:

    speed_reward * (forward speed - 20 m/s) / (30 m/s - 20 m/s), the share cut to [0, 1],

and ``crash_payoff`` once to a car that has run into anything. The play ends when a player's car has crashed,
when both have passed the merge, or at the horizon.

Simulated traffic differs between versions of highway-env (1.12 changed which neighbours a car sees), so the
name of the game holds the version. Needs ``pip install counterplay[driving]``. No display is used.

.. [1] Leurent (2018), An environment for autonomous driving decision-making,
   https://github.com/Farama-Foundation/HighwayEnv
"""

import copy
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.adapters.moves import require_movers
from games.errors import IllegalActionError, MissingDependencyError

CARS = ("main", "ramp")
INSTALL = "pip install counterplay[driving]"
_FEATURES = ("presence", "x", "y", "vx", "vy")
_SEEN = 5  # cars in an observation, the own one first
_SLOW, _FAST = 20.0, 30.0  # metres a second that pay nothing and everything
_END = 370.0  # metres along the road at which the merge is passed, as in highway-env
_LARGEST_SEED = 2**31 - 1
_PLACES = (120.0, 50.0, 150.0, 20.0)  # metres along the main road, ahead of and behind the players in turn
_MOST_TRAFFIC = len(_PLACES)


class Meta(IntEnum):
    """What a driver may do, numbered as in highway-env."""

    LANE_LEFT = 0
    IDLE = 1
    LANE_RIGHT = 2
    FASTER = 3
    SLOWER = 4


@dataclass(frozen=True, slots=True, eq=False)
class HighwayState:
    """A moment on the road; the simulator in it is never stepped, copies of it are.

    Attributes:
        simulator: highway-env's environment.
        time: seconds since the start.
        earned: payoff so far, shape (2,), read-only.
        crashed: whether each player's car has run into anything.
        over: whether the play has ended.
    """

    simulator: Any
    time: int
    earned: NDArray[np.float64]
    crashed: tuple[bool, bool]
    over: bool


@dataclass(frozen=True, slots=True)
class HighwayMerge:
    """A two-player ``EnvGame``; see the module for the rules.

    A step copies the simulator, so that any state can be stepped again; the copy costs a fifth of the step.

    Attributes:
        horizon: seconds, at least 1.
        speed_reward: payoff a second at full speed, positive.
        crash_payoff: at a crash, negative.
        traffic: cars that nobody plays, 0 to 4.
        version: of highway-env, found when the game is made.

    Raises:
        ValueError: a number is out of range.
        MissingDependencyError: highway-env is not installed.
    """

    horizon: int = 20
    speed_reward: float = 1.0
    crash_payoff: float = -30.0
    traffic: int = 3
    version: str = field(init=False)

    def __post_init__(self) -> None:
        if self.horizon < 1 or not 0 <= self.traffic <= _MOST_TRAFFIC:
            raise ValueError(
                f"horizon must be at least 1 and traffic lie in 0..{_MOST_TRAFFIC}, "
                f"got {self.horizon} and {self.traffic}"
            )
        if not (0 < self.speed_reward < np.inf and -np.inf < self.crash_payoff < 0):
            raise ValueError(
                "speed_reward must be positive and crash_payoff negative, got "
                f"{self.speed_reward} and {self.crash_payoff}"
            )
        object.__setattr__(self, "version", _simulator_class().version)

    @property
    def name(self) -> str:
        """Version, sizes and payoffs."""
        return (
            f"highway-merge(highway-env={self.version}, horizon={self.horizon}, traffic={self.traffic}, "
            f"speed={self.speed_reward:g}, crash={self.crash_payoff:g})"
        )

    @property
    def num_players(self) -> int:
        """Two: the car on the main road and the one on the ramp."""
        return len(CARS)

    @property
    def payoff_bounds(self) -> tuple[float, float]:
        """A crash without any speed, and full speed to the horizon."""
        return self.crash_payoff, self.speed_reward * self.horizon

    def num_actions(self, player: int) -> int:
        """The five meta-actions."""
        return len(Meta)

    def observation_shape(self, player: int) -> tuple[int, ...]:
        """Cars by features: presence, place and speed, of the others relative to the own car."""
        return _SEEN, len(_FEATURES)

    def initial(self, rng: np.random.Generator) -> HighwayState:
        """Reset the simulator with a seed drawn from ``rng``."""
        simulator = _simulator_class()(self.traffic)
        simulator.reset(seed=int(rng.integers(_LARGEST_SEED)))
        return HighwayState(simulator, 0, _frozen(np.zeros(len(CARS))), (False, False), False)

    def crashed(self, state: HighwayState) -> bool:
        """Whether a player's car has run into anything."""
        return any(state.crashed)

    def to_move(self, state: HighwayState) -> Sequence[int]:
        """Both, until the end."""
        return () if state.over else (0, 1)

    def legal_mask(self, state: HighwayState, player: int) -> NDArray[np.bool_]:
        """What highway-env offers: no change to a lane that is not there, no speed beyond its steps."""
        mask = np.zeros(len(Meta), dtype=np.bool_)
        if not state.over:
            mask[state.simulator.action_type.agents_action_types[player].get_available_actions()] = True
        return mask

    def observe(self, state: HighwayState, player: int) -> NDArray[np.float32]:
        """highway-env's kinematic observation, in its own normalisation."""
        seen = state.simulator.observation_type.agents_observation_types[player]
        own = seen.observer_vehicle
        # What ``seen.observe()`` gives, without its tables, which take most of the time of a step.
        others = state.simulator.road.close_objects_to(
            own, state.simulator.PERCEPTION_DISTANCE, count=_SEEN - 1, see_behind=False, vehicles_only=False
        )
        rows = [own.to_dict(), *(other.to_dict(own) for other in others)]
        table = np.zeros(self.observation_shape(player))
        table[: len(rows)] = [[row[feature] for feature in _FEATURES] for row in rows]
        for column, feature in enumerate(_FEATURES):
            if feature in seen.features_range:
                low, high = seen.features_range[feature]
                scaled = -1.0 + (table[: len(rows), column] - low) * 2.0 / (high - low)
                table[: len(rows), column] = np.clip(scaled, -1.0, 1.0)
        return table.astype(np.float32)

    def step(self, state: HighwayState, joint: Mapping[int, int], rng: np.random.Generator) -> HighwayState:
        """Simulate a second on a copy; nothing is drawn from ``rng``.

        Raises:
            IllegalActionError: an action is outside its mask, or others than the players to move act.
        """
        require_movers(self.to_move(state), joint)
        for player, action in joint.items():
            mask = self.legal_mask(state, player)
            if not (0 <= operator.index(action) < mask.size and mask[action]):
                raise IllegalActionError(
                    f"action {action!r} of player {player} is not legal, "
                    f"legal are {np.flatnonzero(mask).tolist()}"
                )
        simulator = copy.deepcopy(state.simulator)
        simulator.advance((int(joint[0]), int(joint[1])))
        cars = simulator.controlled_vehicles
        speeds = np.array([car.speed * np.cos(car.heading) for car in cars])
        gained = self.speed_reward * np.clip((speeds - _SLOW) / (_FAST - _SLOW), 0.0, 1.0)
        crashed = (bool(cars[0].crashed), bool(cars[1].crashed))
        gained[list(crashed)] = self.crash_payoff
        passed = all(car.position[0] > _END for car in cars)
        time = state.time + 1
        over = any(crashed) or passed or time >= self.horizon
        return HighwayState(simulator, time, _frozen(state.earned + gained), crashed, over)

    def returns(self, state: HighwayState) -> NDArray[np.float64]:
        """What each car has earned."""
        return state.earned.copy()

    def describe(self, state: HighwayState) -> str:
        """Place and speed of both cars."""
        words = [
            f"{name} car at {car.position[0]:.0f} m, lane {car.lane_index[0]}-{car.lane_index[1]}"
            f" {car.lane_index[2]}, {car.speed:.1f} m/s{', crashed' if hit else ''}"
            for name, car, hit in zip(CARS, state.simulator.controlled_vehicles, state.crashed, strict=True)
        ]
        return "; ".join([f"second {state.time} of {self.horizon}", *words])


@cache
def _simulator_class() -> Any:  # noqa: ANN401  (untyped library)
    """highway-env's merge with a player on each road, made on first use: the library is optional."""
    try:
        import highway_env
        from highway_env.envs.merge_env import ConnectedLaneMergeEnv
        from highway_env.vehicle.behavior import IDMVehicle
    except ImportError as error:
        raise MissingDependencyError(
            f"this game is simulated by highway-env, which is not installed: {INSTALL}"
        ) from error

    class TwoCarMerge(ConnectedLaneMergeEnv):  # type: ignore[misc]
        """The road of merge-v1; two cars are played, the others follow highway-env's own rules."""

        version: str = highway_env.__version__

        def __init__(self, traffic: int) -> None:
            self._traffic = traffic
            kinematics = {"type": "Kinematics", "vehicles_count": _SEEN, "features": list(_FEATURES)}
            super().__init__(
                {
                    "action": {
                        "type": "MultiAgentAction",
                        "action_config": {"type": "DiscreteMetaAction"},
                    },
                    "observation": {"type": "MultiAgentObservation", "observation_config": kinematics},
                }
            )

        def advance(self, joint: tuple[int, int]) -> None:
            """As ``step``, without the observations that it makes: most of them nobody looks at."""
            self.time += 1 / self.config["policy_frequency"]
            self._simulate(joint)

        def _make_vehicles(self) -> None:
            road, draw = self.road, self.np_random
            ramp = road.network.get_lane(("j", "k", 0))
            main = road.network.get_lane(("a", "b", 1))
            make = self.action_type.vehicle_class
            self.controlled_vehicles = [
                make(road, main.position(85.0 + draw.uniform(-10.0, 10.0), 0.0), speed=25.0),
                make(road, ramp.position(85.0 + draw.uniform(-10.0, 10.0), 0.0), speed=25.0),
            ]
            road.vehicles.extend(self.controlled_vehicles)
            for place in _PLACES[: self._traffic]:
                lane = road.network.get_lane(("a", "b", int(draw.integers(2))))
                where = lane.position(place + draw.uniform(-5.0, 5.0), 0.0)
                road.vehicles.append(IDMVehicle(road, where, speed=29.0 + draw.uniform(-1.0, 1.0)))

        def _reward(self, action: object) -> float:
            return 0.0  # payoffs are those of HighwayMerge

        def _is_terminated(self) -> bool:
            return False  # and so is the end

    return TwoCarMerge


def _frozen(values: NDArray[np.float64]) -> NDArray[np.float64]:
    values.flags.writeable = False
    return values
