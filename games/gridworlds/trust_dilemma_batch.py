"""Many hunts side by side, as arrays: the rules of `TrustDilemma`, compiled."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from games.batch.legality import require_legal
from games.batch.of_game import BatchOfGame
from games.gridworlds.trust_dilemma import HuntState, TrustDilemma

_GONE = -1
_TWO = 2


class _Rules(NamedTuple):
    """The parameters, as the compiled loops read them.

    Attributes:
        columns: of the grid.
        horizon: steps before a hunt is over.
        payoffs: for the stag met together, for a hare, for the stag met alone.
        sight: how far hunters see each other; the grid's size where they see everything.
        onward: int32 (cells, 5), the cell a step leads to, -1 off the grid.
        hares: int32 (hares,), their cells, ascending.
    """

    columns: int
    horizon: int
    payoffs: tuple[float, float, float]
    sight: int
    onward: NDArray[np.int32]
    hares: NDArray[np.int32]


class _Hunts(NamedTuple):
    """The state of all lanes; K lanes.

    Attributes:
        time: int32 (K,).
        hunters: int32 (K, 2), cells.
        stag: int32 (K,), cell, -1 once gone.
        hares: bool (K, hares), which are left.
        done: bool (K, 2).
        earned: float64 (2, K).
    """

    time: NDArray[np.int32]
    hunters: NDArray[np.int32]
    stag: NDArray[np.int32]
    hares: NDArray[np.bool_]
    done: NDArray[np.bool_]
    earned: NDArray[np.float64]


class TrustDilemmaBatch(BatchOfGame[TrustDilemma]):
    """A `BatchGame` of hunts.

    Attributes:
        game: the game that all lanes play.
    """

    def __init__(self, game: TrustDilemma, num_lanes: int) -> None:
        """Begin a hunt in every lane; nothing is drawn.

        Raises:
            ValueError: there is not even one lane.
        """
        super().__init__(game, num_lanes)
        self._start = start = game.start_outcomes()[0][1]
        cells, steps = game.rows * game.columns, game.num_actions(0)
        onward = np.full((cells, steps), -1, dtype=np.int32)
        for cell in range(cells):
            for step, target in game.moves_from(cell).items():
                onward[cell, step] = target
        self._rules = _Rules(
            game.columns,
            game.horizon,
            (float(game.stag_payoff), float(game.hare_payoff), float(game.alone_payoff)),
            cells if game.sight is None else game.sight,
            onward,
            np.array(start.hares, dtype=np.int32),
        )
        self._hunts = _Hunts(
            np.empty(num_lanes, dtype=np.int32),
            np.empty((num_lanes, _TWO), dtype=np.int32),
            np.empty(num_lanes, dtype=np.int32),
            np.empty((num_lanes, len(start.hares)), dtype=np.bool_),
            np.empty((num_lanes, _TWO), dtype=np.bool_),
            np.empty((_TWO, num_lanes)),
        )
        self._masks = np.empty((_TWO, num_lanes, steps), dtype=np.bool_)
        self._planes = np.empty((_TWO, num_lanes, *game.observation_shape(0)), dtype=np.float32)
        self._begin(np.ones(num_lanes, dtype=np.bool_))

    def reset(self, lanes: NDArray[np.bool_], rng: np.random.Generator) -> None:
        """See `BatchGame.reset`; nothing is drawn."""
        self._begin(lanes)

    def to_move(self, player: int) -> NDArray[np.bool_]:
        """See `BatchGame.to_move`."""
        movers: NDArray[np.bool_] = ~self._hunts.done[:, player] & (self._hunts.time < self.game.horizon)
        return movers

    def finished(self) -> NDArray[np.bool_]:
        """See `BatchGame.finished`."""
        over: NDArray[np.bool_] = self._hunts.done.all(axis=1) | (self._hunts.time >= self.game.horizon)
        return over

    def legal_mask(self, player: int) -> NDArray[np.bool_]:
        """See `BatchGame.legal_mask`."""
        mask: NDArray[np.bool_] = self._masks[player]
        return mask

    def observe(self, player: int) -> NDArray[np.float32]:
        """See `TrustDilemma.observe`."""
        planes: NDArray[np.float32] = self._planes[player]
        _write_planes(self._rules, self._hunts, player, planes.reshape(self.num_lanes, planes.shape[1], -1))
        return planes

    def step(self, actions: NDArray[np.int64], rng: np.random.Generator) -> None:
        """See `BatchGame.step`; draws one number per lane where the stag roams."""
        for player, mask in enumerate(self._masks):
            require_legal(player, actions[player], mask)
        points = rng.random(self.num_lanes) if self.game.stag_roams else np.empty(0)
        _hunt(self._rules, self._hunts, actions, points)
        _write_masks(self._rules, self._hunts, self._masks)

    def returns(self) -> NDArray[np.float64]:
        """What each hunter has earned."""
        return self._hunts.earned

    def state(self, lane: int) -> HuntState:
        """The moment in one lane, for pictures and for policies that read states."""
        hunts = self._hunts
        first, second = hunts.hunters[lane].tolist()
        hares = tuple(self._rules.hares[hunts.hares[lane]].tolist())
        return HuntState(
            int(hunts.time[lane]),
            (first, second),
            int(hunts.stag[lane]),
            hares,
            (bool(hunts.done[lane, 0]), bool(hunts.done[lane, 1])),
            (float(hunts.earned[0, lane]), float(hunts.earned[1, lane])),
        )

    def _begin(self, lanes: NDArray[np.bool_]) -> None:
        hunts, start = self._hunts, self._start
        hunts.time[lanes] = 0
        hunts.hunters[lanes] = start.hunters
        hunts.stag[lanes] = start.stag
        hunts.hares[lanes] = True
        hunts.done[lanes] = False
        hunts.earned[:, lanes] = 0.0
        _write_masks(self._rules, hunts, self._masks)


@njit(cache=True, nogil=True)
def _hunt(rules: _Rules, hunts: _Hunts, actions: NDArray[np.int64], points: NDArray[np.float64]) -> None:
    """One step of legal actions (2, K) where a hunt is not over; ``points`` is empty for a still stag."""
    together, hare_payoff, alone = rules.payoffs
    for k in range(hunts.time.size):
        moves = not hunts.done[k, 0], not hunts.done[k, 1]
        if hunts.time[k] >= rules.horizon or not (moves[0] or moves[1]):
            continue
        hunts.time[k] += 1
        for i in range(2):
            if moves[i]:
                hunts.hunters[k, i] = rules.onward[hunts.hunters[k, i], actions[i, k]]
        cells, stag = hunts.hunters[k], hunts.stag[k]
        met = 0
        for i in range(2):
            if moves[i] and cells[i] == stag:
                met += 1
        for i in range(2):
            if moves[i] and cells[i] == stag:
                hunts.done[k, i] = True
                hunts.earned[i, k] = together if met == 2 else alone
                hunts.stag[k] = _GONE
        for h in range(rules.hares.size):
            if not hunts.hares[k, h]:
                continue
            met = 0
            for i in range(2):
                if moves[i] and cells[i] == rules.hares[h]:
                    met += 1
            for i in range(2):
                if moves[i] and cells[i] == rules.hares[h]:
                    hunts.done[k, i] = True
                    hunts.earned[i, k] = hare_payoff / met
                    hunts.hares[k, h] = False
        if points.size > 0 and hunts.stag[k] != _GONE:
            hunts.stag[k] = _roam(rules, hunts, k, points[k])


@njit(cache=True, nogil=True)
def _roam(rules: _Rules, hunts: _Hunts, k: int, point: float) -> int:
    """Where the stag of lane k goes: every free cell it may reach has the same share of [0, 1)."""
    stag = hunts.stag[k]
    free = np.empty(rules.onward.shape[1], dtype=np.int32)
    count = 0
    for step in range(rules.onward.shape[1]):
        cell = rules.onward[stag, step]
        taken = cell < 0
        for h in range(rules.hares.size):
            taken |= hunts.hares[k, h] and rules.hares[h] == cell
        for i in range(2):
            taken |= not hunts.done[k, i] and hunts.hunters[k, i] == cell
        if not taken:
            free[count] = cell
            count += 1
    return int(free[min(int(point * count), count - 1)])


@njit(cache=True, nogil=True)
def _write_masks(rules: _Rules, hunts: _Hunts, out: NDArray[np.bool_]) -> None:
    """Steps that stay on the grid, none where a hunt is over; out (2, K, 5)."""
    for k in range(hunts.time.size):
        for i in range(2):
            moves = not hunts.done[k, i] and hunts.time[k] < rules.horizon
            for step in range(out.shape[2]):
                out[i, k, step] = moves and rules.onward[hunts.hunters[k, i], step] >= 0


@njit(cache=True, nogil=True)
def _write_planes(rules: _Rules, hunts: _Hunts, player: int, out: NDArray[np.float32]) -> None:
    """What `TrustDilemma.observe` shows, in every lane; out (K, 5, cells)."""
    out[:, :4] = 0.0
    for k in range(hunts.time.size):
        mine, other = hunts.hunters[k, player], hunts.hunters[k, 1 - player]
        over = hunts.done[k, player]
        if not over:
            out[k, 0, mine] = 1.0
        down = abs(mine // rules.columns - other // rules.columns)
        right = abs(mine % rules.columns - other % rules.columns)
        if not hunts.done[k, 1 - player] and (over or max(down, right) <= rules.sight):
            out[k, 1, other] = 1.0
        if hunts.stag[k] != _GONE:
            out[k, 2, hunts.stag[k]] = 1.0
        for h in range(rules.hares.size):
            if hunts.hares[k, h]:
                out[k, 3, rules.hares[h]] = 1.0
        out[k, 4] = 1.0 - hunts.time[k] / rules.horizon
