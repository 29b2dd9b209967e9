"""The trust dilemma: a stag hunt on a grid.

Two hunters walk on a grid with a stag and hares, one cell up, down, left or right or not at all, both at the
same time. What a hunter meets first ends their hunt:

- the stag, met by both in the same step, pays each ``stag_payoff``;
- the stag, met alone, hurts: ``alone_payoff``, and it escapes for good;
- a hare pays ``hare_payoff``, or half of it to each of two who meet it in the same step.

Who has met nothing at the horizon gets nothing. Hunting the stag together and taking a hare each are both
equilibria. Trusting pays more; the hare is *risk-dominant* [1]_ where a hunter who is wrong about the other
loses more by trust than by distrust,

    stag_payoff - hare_payoff < hare_payoff - alone_payoff.

The rules are of the kind of the Markov stag hunt [2]_.

.. [1] Harsanyi, Selten (1988), A General Theory of Equilibrium Selection in Games, MIT Press.
.. [2] Peysakhovich, Lerer (2018), Prosocial learning agents solve generalized stag hunts better than selfish
   ones, AAMAS.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from games.adapters.moves import require_movers
from games.chance import Outcomes, draw_outcome
from games.errors import IllegalActionError
from games.extensive.expand import Expansion, expand_env
from games.extensive.tree import TreeGame

if TYPE_CHECKING:
    from games.gridworlds.trust_dilemma_batch import TrustDilemmaBatch

Cell: TypeAlias = tuple[int, int]
"""Row and column."""

HUNTERS = ("hunter A", "hunter B")
_GONE = -1


class Step(IntEnum):
    """What a hunter may do."""

    STAY = 0
    UP = 1
    DOWN = 2
    LEFT = 3
    RIGHT = 4


_SHIFTS = {Step.STAY: (0, 0), Step.UP: (-1, 0), Step.DOWN: (1, 0), Step.LEFT: (0, -1), Step.RIGHT: (0, 1)}


class HuntState(NamedTuple):
    """A moment of the hunt; cells are numbered row by row.

    Attributes:
        time: steps made.
        hunters: cell of each hunter, where they stood last if their hunt is over.
        stag: cell of the stag, -1 once it is caught or has escaped.
        hares: cells of the hares that are left.
        done: whose hunt is over.
        earned: payoff of each hunter.
    """

    time: int
    hunters: tuple[int, int]
    stag: int
    hares: tuple[int, ...]
    done: tuple[bool, bool]
    earned: tuple[float, float]


@dataclass(frozen=True, slots=True)
class TrustDilemma:
    """A two-player ``EnvGame`` that lists its chance moves; see the module for the rules.

    Attributes:
        rows: of the grid.
        columns: of the grid.
        hunters: where they start; both may share a cell.
        stag: where it starts.
        hares: where they sit.
        horizon: steps before the hunt is over.
        stag_payoff: to each of two who meet the stag together.
        hare_payoff: for a hare; positive, below ``stag_payoff`` and above ``alone_payoff``.
        alone_payoff: to one who meets the stag alone.
        stag_roams: the stag then stays or moves to a neighbouring cell without hunter or hare after each
            step, each with the same probability; otherwise it stands still.
        sight: rows and columns within which hunters see each other; None sees everything. The stag and the
            hares are always seen.

    Raises:
        ValueError: a cell lies off the grid, a hunter or hare starts on the stag or a hunter on a hare, a
            hare is named twice, the payoffs are out of order, or a size is below its least.
    """

    rows: int = 5
    columns: int = 5
    hunters: tuple[Cell, Cell] = ((0, 0), (4, 4))
    stag: Cell = (2, 2)
    hares: tuple[Cell, ...] = ((0, 4), (4, 0))
    horizon: int = 12
    stag_payoff: float = 4.0
    hare_payoff: float = 2.0
    alone_payoff: float = -1.0
    stag_roams: bool = False
    sight: int | None = None
    _moves: tuple[dict[int, int], ...] = field(init=False, repr=False, compare=False)
    _masks: tuple[NDArray[np.bool_], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._check()
        moves, masks = [], []
        for cell in range(self.rows * self.columns):
            row, column = divmod(cell, self.columns)
            onward = {
                int(step): (row + down) * self.columns + column + right
                for step, (down, right) in _SHIFTS.items()
                if 0 <= row + down < self.rows and 0 <= column + right < self.columns
            }
            moves.append(onward)
            masks.append(_frozen([step in onward for step in Step]))
        object.__setattr__(self, "_moves", tuple(moves))
        object.__setattr__(self, "_masks", (*masks, _frozen([False] * len(Step))))

    def _check(self) -> None:
        least = {"rows": (self.rows, 1), "columns": (self.columns, 1), "horizon": (self.horizon, 1)}
        if self.sight is not None:
            least["sight"] = (self.sight, 0)
        for name, (value, low) in least.items():
            if value < low:
                raise ValueError(f"{name} must be at least {low}, got {value}")
        if len(self.hunters) != len(HUNTERS):
            raise ValueError(f"hunters must hold {len(HUNTERS)} cells, got {self.hunters}")
        for row, column in (*self.hunters, self.stag, *self.hares):
            if not (0 <= row < self.rows and 0 <= column < self.columns):
                raise ValueError(f"cell {(row, column)} lies off the grid of {self.rows} x {self.columns}")
        prey = [self.stag, *self.hares]
        if len({*prey}) < len(prey) or {*prey} & {*self.hunters}:
            raise ValueError(
                f"stag {self.stag} and hares {self.hares} must stand apart from each other and from the "
                f"hunters {self.hunters}"
            )
        # `not` of a chain of comparisons also refuses NaN.
        if not (self.alone_payoff < self.hare_payoff < self.stag_payoff < np.inf and self.hare_payoff > 0):
            raise ValueError(
                "payoffs must satisfy alone < hare < stag and 0 < hare, got "
                f"{self.alone_payoff}, {self.hare_payoff}, {self.stag_payoff}"
            )
        if self.alone_payoff == -np.inf:
            raise ValueError("alone_payoff must be finite")

    @property
    def name(self) -> str:
        """Sizes and payoffs."""
        return (
            f"trust-dilemma({self.rows}x{self.columns}, horizon={self.horizon}, stag={self.stag_payoff:g}, "
            f"hare={self.hare_payoff:g}, alone={self.alone_payoff:g})"
        )

    @property
    def num_players(self) -> int:
        """Two."""
        return len(HUNTERS)

    @property
    def payoff_bounds(self) -> tuple[float, float]:
        """Hurt or empty-handed at worst, the stag at best."""
        return min(self.alone_payoff, 0.0), self.stag_payoff

    def num_actions(self, player: int) -> int:
        """The five steps."""
        return len(Step)

    def observation_shape(self, player: int) -> tuple[int, ...]:
        """Five planes over the grid."""
        return (5, self.rows, self.columns)

    def start_outcomes(self) -> Outcomes[HuntState]:
        """The one start."""
        first, second = (self._cell(c) for c in self.hunters)
        hares = tuple(sorted(self._cell(c) for c in self.hares))
        return (
            (1.0, HuntState(0, (first, second), self._cell(self.stag), hares, (False, False), (0.0, 0.0))),
        )

    def initial(self, rng: np.random.Generator) -> HuntState:
        """The start; nothing is drawn."""
        return self.start_outcomes()[0][1]

    def to_move(self, state: HuntState) -> Sequence[int]:
        """Hunters whose hunt goes on, until the horizon."""
        if state.time >= self.horizon:
            return ()
        return tuple(i for i in (0, 1) if not state.done[i])

    def legal_mask(self, state: HuntState, player: int) -> NDArray[np.bool_]:
        """Steps that stay on the grid; read-only."""
        if state.time >= self.horizon or state.done[player]:
            return self._masks[-1]
        return self._masks[state.hunters[player]]

    def observe(self, state: HuntState, player: int) -> NDArray[np.float32]:
        """Planes: the player, the other hunter where seen, the stag, the hares, the share of time left.

        Hunters whose hunt is over are on no plane.
        """
        planes = np.zeros((5, self.rows * self.columns), dtype=np.float32)
        if not state.done[player]:
            planes[0, state.hunters[player]] = 1.0
        other = self._seen(state, player)
        if other != _GONE:
            planes[1, other] = 1.0
        if state.stag != _GONE:
            planes[2, state.stag] = 1.0
        planes[3, list(state.hares)] = 1.0
        planes[4] = 1.0 - state.time / self.horizon
        return planes.reshape(self.observation_shape(player))

    def information_key(self, state: HuntState, player: int) -> str:
        """What ``observe`` shows, as text."""
        other = self._seen(state, player)
        return " ".join(
            (
                f"t{state.time}",
                f"at {self._place(state.hunters[player])}",
                f"other {self._place(other)}",
                f"stag {self._place(state.stag)}",
                f"hares {'+'.join(map(self._place, state.hares)) or '-'}",
            )
        )

    def step_outcomes(self, state: HuntState, joint: Mapping[int, int]) -> Outcomes[HuntState]:
        """All successors, several only where the stag roams.

        Raises:
            IllegalActionError: a step leads off the grid, or others than the players to move act.
        """
        movers = self.to_move(state)
        require_movers(movers, joint)
        cells = list(state.hunters)
        for i in movers:
            target = self._moves[cells[i]].get(joint[i])
            if target is None:
                raise IllegalActionError(
                    f"action {joint[i]} of player {i} is not legal, legal are {[*self._moves[cells[i]]]}"
                )
            cells[i] = target
        met = self._meet(state, movers, (cells[0], cells[1]))
        if not self.stag_roams or met.stag == _GONE:
            return ((1.0, met),)
        taken = {*met.hares, *(met.hunters[i] for i in (0, 1) if not met.done[i])}
        free = [cell for cell in self._moves[met.stag].values() if cell not in taken]
        return tuple((1.0 / len(free), met._replace(stag=cell)) for cell in free)

    def step(self, state: HuntState, joint: Mapping[int, int], rng: np.random.Generator) -> HuntState:
        """The next state, drawn from ``step_outcomes``.

        Raises:
            IllegalActionError: as there.
        """
        return draw_outcome(self.step_outcomes(state, joint), rng)

    def returns(self, state: HuntState) -> NDArray[np.float64]:
        """What each hunter has earned."""
        return np.array(state.earned)

    def describe(self, state: HuntState) -> str:
        """The grid: hunters A and B (X where both stand), S the stag, h hares; a line of words below."""
        cells = ["."] * (self.rows * self.columns)
        for hare in state.hares:
            cells[hare] = "h"
        if state.stag != _GONE:
            cells[state.stag] = "S"
        for i, letter in enumerate("AB"):
            if not state.done[i]:
                cells[state.hunters[i]] = "X" if cells[state.hunters[i]] == "A" else letter
        lines = [" ".join(cells[r * self.columns : (r + 1) * self.columns]) for r in range(self.rows)]
        lines.append(
            f"step {state.time} of {self.horizon}; A has {state.earned[0]:g}, B has {state.earned[1]:g}"
        )
        return "\n".join(lines)

    def moves_from(self, cell: int) -> Mapping[int, int]:
        """Where each legal step leads from a cell."""
        return self._moves[cell]

    def batch(self, num_lanes: int, *, rng: np.random.Generator) -> "TrustDilemmaBatch":
        """See `games.batch.choose.HasBatch`; nothing is drawn."""
        from games.gridworlds.trust_dilemma_batch import TrustDilemmaBatch  # compiles, so only when asked for

        return TrustDilemmaBatch(self, num_lanes)

    def _meet(self, state: HuntState, movers: Sequence[int], cells: tuple[int, int]) -> HuntState:
        """The state once hunters stand on ``cells`` and have met what is there."""
        done, earned = list(state.done), list(state.earned)
        stag, hares = state.stag, state.hares
        at_stag = [i for i in movers if cells[i] == stag]
        for i in at_stag:
            done[i] = True
            earned[i] = self.stag_payoff if len(at_stag) == len(HUNTERS) else self.alone_payoff
        if at_stag:
            stag = _GONE
        for hare in state.hares:
            at_hare = [i for i in movers if cells[i] == hare]
            for i in at_hare:
                done[i] = True
                earned[i] = self.hare_payoff / len(at_hare)
            if at_hare:
                hares = tuple(h for h in hares if h != hare)
        return HuntState(state.time + 1, cells, stag, hares, (done[0], done[1]), (earned[0], earned[1]))

    def _seen(self, state: HuntState, player: int) -> int:
        """Cell of the other hunter, -1 where gone or out of sight."""
        other = state.hunters[1 - player]
        if state.done[1 - player]:
            return _GONE
        if self.sight is not None and not state.done[player]:
            row, column = divmod(state.hunters[player], self.columns)
            other_row, other_column = divmod(other, self.columns)
            if max(abs(row - other_row), abs(column - other_column)) > self.sight:
                return _GONE
        return other

    def _cell(self, cell: Cell) -> int:
        return cell[0] * self.columns + cell[1]

    def _place(self, cell: int) -> str:
        return "-" if cell == _GONE else f"{cell // self.columns}.{cell % self.columns}"


def small_trust_dilemma() -> TrustDilemma:
    """Three by three: hunters and hares in opposite corners, the stag in the middle, three steps.

    A hunter's first step leads next to the stag and next to a hare at once, so it reveals nothing; there is
    one step to spare, to wait and look.
    """
    return TrustDilemma(
        rows=3, columns=3, hunters=((0, 0), (2, 2)), stag=(1, 1), hares=((0, 2), (2, 0)), horizon=3
    )


def expand_hunt(game: TrustDilemma, *, name: str = "") -> Expansion[HuntState]:
    """The exact tree of a hunt, labelled; see ``games.extensive.expand.expand_env`` for what it refuses."""
    steps = tuple(step.name.lower() for step in Step)
    return expand_env(
        game, information=game.information_key, actions=(steps, steps), players=HUNTERS, name=name
    )


def trust_dilemma_small() -> TreeGame:
    """The exact tree of ``small_trust_dilemma``."""
    return expand_hunt(small_trust_dilemma(), name="trust-dilemma-small").tree


def _frozen(values: list[bool]) -> NDArray[np.bool_]:
    mask = np.array(values)
    mask.flags.writeable = False
    return mask
