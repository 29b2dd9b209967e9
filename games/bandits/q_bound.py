"""What no allowed action exceeds under a learned Q, found apart from the solver that plays.

Few actions are all tried. Else a mixed-integer program is written from the arrays: the rows of the set, a
binary for each neuron whose sign the interval bounds leave open, and a variable for each product. It is given
to HiGHS with presolve and without an incumbent, and its dual bound holds even where time runs out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from games.bandits.action_set import ActionSet
from games.bandits.joint import allowed_actions
from games.bandits.q_functions import LocalQ

_MOST_BITS = 20
_MOST_TRIED = 1 << 14  # membership tests may take half a millisecond each
_CHUNK = 1 << 14


@dataclass(frozen=True, slots=True)
class QBound:
    """An upper bound on Q.

    Attributes:
        upper: no allowed action has a greater Q, up to the rounding of the solver.
        settled: it is the greatest Q itself: all actions were tried, or the program was solved to a gap of 0.
    """

    upper: float
    settled: bool


class QWitness:
    """Bounds the Q of the actions of one set.

    Args:
        action_set: the set.
    """

    def __init__(self, action_set: ActionSet) -> None:
        self._set = action_set
        few = action_set.size <= _MOST_BITS and action_set.within_most <= _MOST_TRIED
        self._actions = allowed_actions(action_set) if few else None

    @property
    def tries_all(self) -> bool:
        """Whether all actions are tried."""
        return self._actions is not None

    def bound(self, local: LocalQ, *, seconds: float) -> QBound:
        """What no allowed action exceeds.

        Args:
            local: Q in one state.
            seconds: for a program.

        Raises:
            ValueError: no action is allowed.
        """
        if self._actions is None:
            return program_bound(local, self._set, seconds=seconds)
        parts = range(0, len(self._actions), _CHUNK)
        return QBound(
            max(float(local.values(self._actions[at : at + _CHUNK]).max()) for at in parts), settled=True
        )


def program_bound(local: LocalQ, action_set: ActionSet, *, seconds: float) -> QBound:
    """The dual bound of the program; see the module.

    Args:
        local: Q in one state.
        action_set: the allowed actions.
        seconds: after which the search stops.

    Raises:
        ValueError: no action is allowed.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp  # slow to import

    program = _Program(action_set)
    bits = np.arange(action_set.size)
    program.earn(bits, local.linear)
    for members, term in zip(local.products, local.terms.tolist(), strict=True):
        product = program.variables(np.zeros(1), np.ones(1))[0]
        program.row([product, *members], [1.0, *[-1.0] * len(members)], (1.0 - len(members), np.inf))
        for bit in members:
            program.row([product, bit], [1.0, -1.0], (-np.inf, 0.0))
        program.earn(np.array([product]), np.array([term]))
    if local.output.size:
        program.earn(_neurons(program, local, action_set), local.output)
    rows, low, high, lower, upper, integral, cost = program.arrays()
    scale = float(np.abs(cost).max()) or 1.0  # tolerances of HiGHS are absolute
    result = milp(
        -cost / scale,
        integrality=integral,
        bounds=Bounds(lower, upper),
        constraints=[LinearConstraint(rows, low, high)] if low.size else [],
        options={"mip_rel_gap": 0.0, "time_limit": seconds},
    )
    if result.status == 2:
        raise ValueError(f"{action_set.name} allows no action")
    dual = result.mip_dual_bound
    found = np.inf if dual is None or not np.isfinite(dual) else local.constant - scale * float(dual)
    if local.bent is not None and np.isfinite(found):  # it increases
        found = float(local.bent.at(np.array([found]))[0])
    return QBound(found, settled=result.status == 0)


def spread(local: LocalQ, most: int) -> float:
    """How far apart two values of Q can lie by interval bounds, for actions of at most so many bits."""
    ends = _dot_range(local.linear[None], most)
    width = float(ends[1][0] - ends[0][0]) + float(np.abs(local.terms).sum())
    if local.bent is not None:
        steepest = local.bent.straight + float((local.bent.rates * local.bent.heights).sum())
        return width * steepest
    if local.output.size:
        low, high = _last_signals(local, most)
        width += float(np.abs(local.output) @ (high - low))
    return width


class _Program:
    """Variables, rows and an objective, behind those of a set."""

    def __init__(self, action_set: ActionSet) -> None:
        self._set = action_set
        self._lower, self._upper = [action_set.lower], [action_set.upper]
        self._integral = [action_set.integral]
        self._count = action_set.variables
        self._rows: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
        self._sides: list[tuple[float, float]] = []
        self._earned: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []

    def variables(
        self, lower: NDArray[np.float64], upper: NDArray[np.float64], *, integral: bool = False
    ) -> NDArray[np.int64]:
        """Columns of new variables."""
        self._lower.append(lower)
        self._upper.append(upper)
        self._integral.append(np.full(lower.size, integral))
        first, self._count = self._count, self._count + lower.size
        return np.arange(first, self._count)

    def row(self, columns: list[int], values: list[float], sides: tuple[float, float]) -> None:
        """sides[0] <= values . columns <= sides[1]."""
        self._rows.append((np.array(columns, dtype=np.int64), np.array(values)))
        self._sides.append(sides)

    def earn(self, columns: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Add to the objective."""
        self._earned.append((columns, values))

    def arrays(
        self,
    ) -> tuple[
        sparse.csr_array,
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.int64],
        NDArray[np.float64],
    ]:
        """Rows with their sides, bounds and kinds of the variables, and the objective."""
        own = self._set.rows.tocsr().copy()
        own.resize((own.shape[0], self._count))
        numbers = np.repeat(np.arange(len(self._rows)), [columns.size for columns, _ in self._rows])
        columns = np.concatenate([*(c for c, _ in self._rows), np.empty(0, dtype=np.int64)])
        values = np.concatenate([*(v for _, v in self._rows), np.empty(0)])
        more = sparse.coo_array((values, (numbers, columns)), shape=(len(self._rows), self._count))
        sides = np.array(self._sides, dtype=np.float64).reshape(-1, 2)
        cost = np.zeros(self._count)
        for where, earned in self._earned:
            np.add.at(cost, where, earned)
        return (
            sparse.csr_array(sparse.vstack([own, more])),
            np.concatenate([self._set.row_lower, sides[:, 0]]),
            np.concatenate([self._set.row_upper, sides[:, 1]]),
            np.concatenate(self._lower),
            np.concatenate(self._upper),
            np.concatenate(self._integral).astype(np.int64),
            cost,
        )


def _neurons(program: _Program, local: LocalQ, action_set: ActionSet) -> NDArray[np.int64]:
    """Columns of the last layer's signals."""
    before = np.arange(action_set.size)
    bounds: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
    for weight, bias in zip(local.weights, local.biases, strict=True):
        low, high = _sums(weight, bias, bounds, action_set.most)
        signals = program.variables(np.zeros(bias.size), np.maximum(high, 0.0))
        for own, row, shift, least, top in zip(
            signals.tolist(), weight, bias.tolist(), low.tolist(), high.tolist(), strict=True
        ):
            inputs, minus = [own, *before.tolist()], [1.0, *(-row).tolist()]
            if top <= 0.0:
                continue  # the upper bound keeps it at 0
            program.row(inputs, minus, (shift, shift if least >= 0.0 else np.inf))
            if least < 0.0:
                active = int(program.variables(np.zeros(1), np.ones(1), integral=True)[0])
                program.row([*inputs, active], [*minus, -least], (-np.inf, shift - least))
                program.row([own, active], [1.0, -top], (-np.inf, 0.0))
        before, bounds = signals, (np.maximum(low, 0.0), np.maximum(high, 0.0))
    return before


def _last_signals(local: LocalQ, most: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    bounds: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
    for weight, bias in zip(local.weights, local.biases, strict=True):
        low, high = _sums(weight, bias, bounds, most)
        bounds = np.maximum(low, 0.0), np.maximum(high, 0.0)
    assert bounds is not None  # only asked where there are layers
    return bounds


def _sums(
    weight: NDArray[np.float64],
    bias: NDArray[np.float64],
    bounds: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
    most: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bounds of W x + b, over bits where there are no bounds of x."""
    if bounds is None:
        low, high = _dot_range(weight, most)
        return low + bias, high + bias
    up, down = np.maximum(weight, 0.0), np.minimum(weight, 0.0)
    return up @ bounds[0] + down @ bounds[1] + bias, up @ bounds[1] + down @ bounds[0] + bias


def _dot_range(weight: NDArray[np.float64], most: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Least and greatest W a over actions of at most so many bits."""
    ordered = np.sort(weight, axis=1)
    return (
        np.minimum(ordered[:, :most], 0.0).sum(axis=1),
        np.maximum(ordered[:, ordered.shape[1] - most :], 0.0).sum(axis=1),
    )
