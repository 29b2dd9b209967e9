"""Many merges side by side, as arrays: the rules of `MergeGame`, compiled."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from games.batch.legality import require_legal
from games.batch.of_game import BatchOfGame
from games.driving.merge import Car, Drive, Lane, MergeGame, RoadState

_RAMP = int(Lane.RAMP)
_BRAKE, _KEEP, _ACCELERATE, _CHANGE = (int(drive) for drive in Drive)


class _Rules(NamedTuple):
    """The parameters, as the compiled loops read them."""

    length: int
    ramp: int
    max_speed: int
    horizon: int
    late: float


class _Roads(NamedTuple):
    """The state of all lanes of the batch; K of them, two cars each.

    Attributes:
        time: int32 (K,).
        lane: int32 (2, K), of the road.
        cell: int32 (2, K).
        speed: int32 (2, K).
        crashed: bool (K,).
    """

    time: NDArray[np.int32]
    lane: NDArray[np.int32]
    cell: NDArray[np.int32]
    speed: NDArray[np.int32]
    crashed: NDArray[np.bool_]


class MergeBatch(BatchOfGame[MergeGame]):
    """A `BatchGame` of merges.

    Attributes:
        game: the game that all lanes play.
    """

    def __init__(self, game: MergeGame, num_lanes: int) -> None:
        """Put both cars at their start in every lane; nothing is drawn.

        Raises:
            ValueError: there is not even one lane.
        """
        super().__init__(game, num_lanes)
        self._rules = _Rules(game.length, game.ramp, game.max_speed, game.horizon, float(game.late))
        self._start = np.array(game.starts, dtype=np.int32).T  # lane, cell and speed of both cars
        pair = (2, num_lanes)
        self._roads = _Roads(
            np.empty(num_lanes, dtype=np.int32),
            np.empty(pair, dtype=np.int32),
            np.empty(pair, dtype=np.int32),
            np.empty(pair, dtype=np.int32),
            np.empty(num_lanes, dtype=np.bool_),
        )
        self._masks = np.empty((*pair, len(Drive)), dtype=np.bool_)
        self._seen = np.empty((*pair, *game.observation_shape(0)), dtype=np.float32)
        self._begin(np.ones(num_lanes, dtype=np.bool_))

    def reset(self, lanes: NDArray[np.bool_], rng: np.random.Generator) -> None:
        """See `BatchGame.reset`; nothing is drawn."""
        self._begin(lanes)

    def to_move(self, player: int) -> NDArray[np.bool_]:
        """See `BatchGame.to_move`."""
        movers: NDArray[np.bool_] = self._masks[player, :, _KEEP]  # keeping is always legal
        return movers

    def finished(self) -> NDArray[np.bool_]:
        """See `BatchGame.finished`."""
        return ~(self.to_move(0) | self.to_move(1))

    def crashed(self) -> NDArray[np.bool_]:
        """Lanes in which the cars ran into each other, shape (num_lanes,)."""
        return self._roads.crashed

    def legal_mask(self, player: int) -> NDArray[np.bool_]:
        """See `BatchGame.legal_mask`."""
        mask: NDArray[np.bool_] = self._masks[player]
        return mask

    def observe(self, player: int) -> NDArray[np.float32]:
        """See `MergeGame.observe`."""
        seen: NDArray[np.float32] = self._seen[player]
        _write_seen(self._rules, self._roads, player, seen)
        return seen

    def step(self, actions: NDArray[np.int64], rng: np.random.Generator) -> None:
        """See `BatchGame.step`; draws one number per lane and car where drivers may be late."""
        for player, mask in enumerate(self._masks):
            require_legal(player, actions[player], mask)
        points = rng.random((2, self.num_lanes)) if self.game.late > 0 else np.empty((2, 0))
        _drive(self._rules, self._roads, actions, points)
        _write_masks(self._rules, self._roads, self._masks)

    def returns(self) -> NDArray[np.float64]:
        """Progress so far, and the crash."""
        driven: NDArray[np.float64] = (self._roads.cell - self._start[1][:, None]) * self.game.progress
        return driven + np.where(self._roads.crashed, self.game.crash_payoff, 0.0)

    def state(self, lane: int) -> RoadState:
        """The moment in one lane of the batch, for pictures and for policies that read states."""
        roads = self._roads
        first, second = (
            Car(Lane(int(roads.lane[i, lane])), int(roads.cell[i, lane]), int(roads.speed[i, lane]))
            for i in range(2)
        )
        return RoadState(int(roads.time[lane]), (first, second), bool(roads.crashed[lane]))

    def _begin(self, lanes: NDArray[np.bool_]) -> None:
        roads = self._roads
        roads.time[lanes] = 0
        for array, start in zip((roads.lane, roads.cell, roads.speed), self._start, strict=True):
            array[:, lanes] = start[:, None]
        roads.crashed[lanes] = False
        _write_masks(self._rules, roads, self._masks)


@njit(cache=True, nogil=True)
def _drive(rules: _Rules, roads: _Roads, actions: NDArray[np.int64], points: NDArray[np.float64]) -> None:
    """One step of legal actions (2, K) where a game is not over; ``points`` is empty if none is late."""
    for k in range(roads.time.size):
        cell_before = roads.cell[0, k], roads.cell[1, k]
        lane_before = roads.lane[0, k], roads.lane[1, k]
        on_road = cell_before[0] < rules.length, cell_before[1] < rules.length
        if roads.crashed[k] or roads.time[k] >= rules.horizon or not (on_road[0] or on_road[1]):
            continue
        roads.time[k] += 1
        for i in range(2):
            if not on_road[i]:
                continue
            action = actions[i, k]
            if points.shape[1] > 0 and points[i, k] < rules.late:
                action = _KEEP
            lane, speed = roads.lane[i, k], roads.speed[i, k]
            if action == _CHANGE:
                lane = 1 - lane
            else:
                speed += action - _KEEP
            cell = roads.cell[i, k] + speed
            if lane == _RAMP and cell >= rules.ramp and rules.ramp < rules.length:
                cell, speed = rules.ramp - 1, 0
            roads.lane[i, k], roads.cell[i, k], roads.speed[i, k] = lane, cell, speed
        if on_road[0] and on_road[1] and roads.lane[0, k] == roads.lane[1, k]:
            gap = roads.cell[0, k] - roads.cell[1, k]
            if lane_before[0] != lane_before[1] or lane_before[0] != roads.lane[0, k]:
                roads.crashed[k] = gap == 0
            else:
                roads.crashed[k] = gap * (cell_before[0] - cell_before[1]) <= 0
        for i in range(2):
            roads.cell[i, k] = min(roads.cell[i, k], rules.length)


@njit(cache=True, nogil=True)
def _write_masks(rules: _Rules, roads: _Roads, out: NDArray[np.bool_]) -> None:
    """What `MergeGame.legal_mask` allows, in every lane; out (2, K, 4)."""
    for i in range(2):
        for k in range(roads.time.size):
            cell, speed = roads.cell[i, k], roads.speed[i, k]
            moves = not roads.crashed[k] and roads.time[k] < rules.horizon and cell < rules.length
            out[i, k, _BRAKE] = moves and speed > 0
            out[i, k, _KEEP] = moves
            out[i, k, _ACCELERATE] = moves and speed < rules.max_speed
            out[i, k, _CHANGE] = moves and (roads.lane[i, k] == _RAMP or cell + speed < rules.ramp)


@njit(cache=True, nogil=True)
def _write_seen(rules: _Rules, roads: _Roads, player: int, out: NDArray[np.float32]) -> None:
    """What `MergeGame.observe` shows, in every lane; out (K, 8)."""
    for k in range(roads.time.size):
        for place in range(2):
            i = player if place == 0 else 1 - player
            out[k, 3 * place] = roads.lane[i, k]
            out[k, 3 * place + 1] = roads.cell[i, k] / rules.length
            out[k, 3 * place + 2] = roads.speed[i, k] / rules.max_speed
        out[k, 6] = 1.0 - roads.time[k] / rules.horizon
        out[k, 7] = roads.cell[1 - player, k] < rules.length
