r"""Learned Q-functions as arrays, evaluated by numpy alone: what a file of a policy holds, and is judged by.

In one state and step, a Q-function of the families in `QKind` is a function of the action bits a,

.. math::
    Q(a) = f\Big(c + l \cdot a + \sum_T m_T \prod_{i \in T} a_i\Big) + w \cdot h_D(\dots h_1(W a + b) \dots),

additive values of factors (`games.bandits.factors`), whose tables are stored by their Moebius coefficients m,
under an increasing piecewise linear f, and a ReLU network. Which parts there are, and how the state makes
them, is up to the kind. Learners compute the same by torch; this is written apart from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from games.bandits.factors import Factor, incidence
from games.bandits.problem import CoupledBandit


class QKind(Enum):
    """What a Q-function is made of."""

    DENSE = "a ReLU network"
    SHARED = "a network whose arm encoders share their weights"
    CONCAVE = "a network that is concave in the action"
    ADDITIVE = "additive values, bent by the state"
    RESIDUAL = "additive values and a ReLU network"
    SHARED_RESIDUAL = "additive values and a network with shared arm encoders"


class StateReading(Enum):
    """What a network reads of the state, besides the share of the steps that is left."""

    ONE_HOT = "an indicator of each state of each arm"
    INTEGERS = "the number of each arm's state over the greatest one"


TABLED = frozenset({QKind.ADDITIVE, QKind.RESIDUAL, QKind.SHARED_RESIDUAL})
"""Kinds with additive values."""
_ENCODED = frozenset({QKind.SHARED, QKind.SHARED_RESIDUAL})
_LAYERED = frozenset({QKind.DENSE, QKind.RESIDUAL})


@dataclass(frozen=True, slots=True)
class QShape:
    """The sizes of a Q-function.

    Attributes:
        kind: which parts it has.
        widths: of hidden layers; for shared encoders that of an encoding and that of the hidden layer; empty
            for additive values.
        reading: of the state.
        bends: of f.
        trained_table: whether changes of the table are among the weights.
    """

    kind: QKind
    widths: tuple[int, ...]
    reading: StateReading
    bends: int = 0
    trained_table: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class AdditiveValues:
    """Tables of factors, which a Q-function may stand on.

    Attributes:
        factors: of the bandit, which cover every arm once.
        coefficients: Moebius coefficients of the q_f, of shape (H, states of f, patterns of f) for each
            factor, flat and end to end.
        values: V_f, of shape (H + 1, states of f), zero in the last row.
        constants: k_t, of shape (H + 1,), zero at the end.
        discount: of later rewards.
    """

    factors: tuple[Factor, ...]
    coefficients: NDArray[np.float64]
    values: tuple[NDArray[np.float64], ...]
    constants: NDArray[np.float64]
    discount: float


@dataclass(frozen=True, slots=True, eq=False)
class LocalQ:
    """Q in one state and step; see the module.

    Attributes:
        constant: c, and the network's own constant where there is no f.
        linear: l, of shape (N,).
        products: the bits of each product.
        terms: m, one for each product.
        weights: W of each hidden layer, the first of shape (h, N).
        biases: likewise, of shape (h,).
        output: w, of shape (h,); empty without a network.
        bent: f, if any.
    """

    constant: float
    linear: NDArray[np.float64]
    products: tuple[tuple[int, ...], ...]
    terms: NDArray[np.float64]
    weights: tuple[NDArray[np.float64], ...]
    biases: tuple[NDArray[np.float64], ...]
    output: NDArray[np.float64]
    bent: "Bend | None"

    def values(self, actions: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Q of actions of shape (m, N)."""
        bits = actions.astype(np.float64)
        total = self.constant + bits @ self.linear
        for own, members in zip(self.terms.tolist(), self.products, strict=True):
            total = total + own * bits[:, members].all(axis=1)
        if self.bent is not None:
            total = self.bent.at(total)
        signal = bits
        for weight, bias in zip(self.weights, self.biases, strict=True):
            signal = np.maximum(signal @ weight.T + bias, 0.0)
        return np.asarray(total + signal @ self.output) if self.output.size else np.asarray(total)


@dataclass(frozen=True, slots=True, eq=False)
class Bend:
    """f(x) = l x + sum_k sigma_k u_k max(0, sigma_k (v_k x + c_k)) with l, u, v > 0, so f increases.

    Attributes:
        straight: l.
        rates: v, of shape (K,).
        shifts: c, likewise.
        heights: u, likewise.
    """

    straight: float
    rates: NDArray[np.float64]
    shifts: NDArray[np.float64]
    heights: NDArray[np.float64]

    def at(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """What f makes of numbers of shape (m,)."""
        signs = np.where(np.arange(self.rates.size) % 2, -1.0, 1.0)
        corners = np.maximum(signs * (numbers[:, None] * self.rates + self.shifts), 0.0)
        return np.asarray(self.straight * numbers + corners @ (signs * self.heights))


class QFunction:
    """A learned Q-function of a bandit.

    Args:
        bandit: whose states and actions.
        shape: its sizes.
        weights: arrays by the names and shapes of `weight_shapes`, float64.
        unit: what outputs of networks, and changes of tables, count in.
        base: the additive values.

    Raises:
        ValueError: an array is missing, unknown, of another shape or type, or not finite.
    """

    def __init__(
        self,
        bandit: CoupledBandit,
        shape: QShape,
        weights: Mapping[str, NDArray[np.float64]],
        unit: float,
        base: AdditiveValues,
    ) -> None:
        wanted = weight_shapes(bandit, shape, base.coefficients.size)
        if weights.keys() != wanted.keys():
            odd = sorted(weights.keys() ^ wanted.keys())
            raise ValueError(f"weights must be {', '.join(wanted)}; missing or unknown: {', '.join(odd)}")
        for name, size in wanted.items():
            array = weights[name]
            if array.shape != size or array.dtype != np.float64 or not np.isfinite(array).all():
                raise ValueError(
                    f"weights[{name!r}] must be finite float64 of shape {size}, got {array.dtype} of shape "
                    f"{array.shape}"
                )
        self.bandit, self.shape, self.weights = bandit, shape, dict(weights)
        self.unit, self.base = unit, base
        self._table = base.coefficients
        if shape.trained_table:
            self._table = self._table + unit * weights["delta"]

    def at(self, states: NDArray[np.int64], step: int) -> LocalQ:
        """Q in states of shape (J,) at a step in 0..H-1."""
        constant, linear = 0.0, np.zeros(self.bandit.bits)
        products: list[tuple[int, ...]] = []
        terms: list[float] = []
        bent = None
        layers: _Layers = (), (), np.empty(0)
        if self.shape.kind in TABLED:
            constant = self.base.discount * float(self.base.constants[step + 1])
            for row, factor in zip(self._rows(states, step), self.base.factors, strict=True):
                constant += float(row[0])
                for subset in range(1, factor.patterns):
                    members = tuple(b for k, b in enumerate(reversed(factor.bits)) if subset >> k & 1)
                    if len(members) == 1:
                        linear[members[0]] += row[subset]
                    else:
                        products.append(members)
                        terms.append(float(row[subset]))
        if self.shape.kind is QKind.ADDITIVE:
            if self.shape.bends:
                bent = self._bend(states, step)
        else:
            added, own, layers = self._network(states, step)
            constant, linear = constant + self.unit * added, linear + self.unit * own
        weights, biases, output = layers
        return LocalQ(
            constant,
            linear,
            tuple(products),
            np.array(terms),
            weights,
            biases,
            self.unit * output,
            bent,
        )

    def _rows(self, states: NDArray[np.int64], step: int) -> list[NDArray[np.float64]]:
        """The coefficients of each factor in its state, each of shape (patterns,)."""
        found, begin = [], 0
        for factor in self.base.factors:
            size = factor.states * factor.patterns
            at = begin + step * size + int(factor.state_numbers(states)) * factor.patterns
            found.append(self._table[at : at + factor.patterns])
            begin += self.bandit.horizon * size
        return found

    def _bend(self, states: NDArray[np.int64], step: int) -> Bend:
        weights = {name.removeprefix("mixing_mixing_"): own for name, own in self.weights.items()}
        read = _features(self.bandit, self.shape.reading, states, step)
        return Bend(
            float(_positive(weights["straight"])),
            _positive(weights["rates"]),
            self.unit * (weights["weight"] @ read + weights["bias"]),
            _positive(weights["heights"]),
        )

    def _network(self, states: NDArray[np.int64], step: int) -> tuple[float, NDArray[np.float64], "_Layers"]:
        """The constant, the linear part and the layers of the network, in units."""
        own = {name.removeprefix("body_"): array for name, array in self.weights.items()}
        nothing = np.zeros(self.bandit.bits)
        if self.shape.kind in _ENCODED:
            arms = np.maximum(
                _arm_inputs(self.bandit, states, step) @ own["encoder"].T + own["encoder_bias"], 0
            )
            reach = incidence(self.bandit.effect).T.astype(np.float64)
            bits = reach @ arms / np.maximum(reach.sum(axis=1, keepdims=True), 1.0)
            first = own["context"] @ arms.mean(axis=0) + own["first_bias"]
            layers = ((own["column"] @ bits.T,), (first,), own["output"])
            return float(arms.sum(axis=0) @ own["value"]), bits @ own["linear"], layers
        read = _features(self.bandit, self.shape.reading, states, step)
        first = own["state_weight"] @ read + own["first_bias"]
        if self.shape.kind is QKind.CONCAVE:
            layers = ((own["action_weight"],), (first,), -np.logaddexp(own["free_output"], 0.0))
            return float(read @ own["value"]), own["linear"] @ read, layers
        further = range(len(self.shape.widths) - 1)
        weights = (own["action_weight"], *(own[f"weights_{k}"] for k in further))
        biases = (first, *(own[f"biases_{k}"] for k in further))
        return float(own["constant"][0]), nothing, (weights, biases, own["output"])


_Layers = tuple[tuple[NDArray[np.float64], ...], tuple[NDArray[np.float64], ...], NDArray[np.float64]]


def weight_shapes(bandit: CoupledBandit, shape: QShape, entries: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the arrays of a Q-function.

    Args:
        bandit: whose states and actions.
        shape: the sizes of the function.
        entries: of the flat table.

    Raises:
        ValueError: widths or bends do not fit the kind.
    """
    bits, widths, kind = bandit.bits, shape.widths, shape.kind
    several = {QKind.ADDITIVE: (0,), QKind.CONCAVE: (1,), QKind.SHARED: (2,), QKind.SHARED_RESIDUAL: (2,)}
    fits = len(widths) in several[kind] if kind in several else bool(widths)
    if not fits or min(widths, default=1) < 1 or shape.bends < 0:
        raise ValueError(f"widths and bends must fit {kind.name}, got {widths} and {shape.bends}")
    if (shape.bends and kind is not QKind.ADDITIVE) or (shape.trained_table and kind not in TABLED):
        raise ValueError(f"{kind.name} has no bends, or no table to train")
    count = bandit.num_arms * (bandit.arms.states if shape.reading is StateReading.ONE_HOT else 1) + 1
    found: dict[str, tuple[int, ...]] = {"delta": (entries,)} if shape.trained_table else {}
    if shape.bends:
        own = {"straight": (), "rates": (shape.bends,), "heights": (shape.bends,)}
        own |= {"weight": (shape.bends, count), "bias": (shape.bends,)}
        return found | {f"mixing_mixing_{name}": size for name, size in own.items()}
    if kind is QKind.ADDITIVE:
        return found
    if kind in _ENCODED:
        width, hidden = widths
        body: dict[str, tuple[int, ...]] = {
            "encoder": (width, 2 * bandit.arms.states + 4),
            "encoder_bias": (width,),
            "column": (hidden, width),
            "context": (hidden, width),
            "first_bias": (hidden,),
            "output": (hidden,),
            "linear": (width,),
            "value": (width,),
        }
    else:
        first = widths[0]
        body = {"action_weight": (first, bits), "state_weight": (first, count), "first_bias": (first,)}
        if kind in _LAYERED:
            for k, (before, after) in enumerate(pairwise(widths)):
                body |= {f"weights_{k}": (after, before), f"biases_{k}": (after,)}
            body |= {"output": (widths[-1],), "constant": (1,)}
        else:
            body |= {"free_output": (first,), "linear": (bits, count), "value": (count,)}
    return found | {f"body_{name}": size for name, size in body.items()}


def least_prices(base: AdditiveValues) -> tuple[NDArray[np.float64], ...] | None:
    """The least prices at which no factor earns more than its V_f, for `games.bandits.lagrangian_bound`.

    With q_f the expected reward and the V_f that follows, mu_t(f, u) = max_s (q_f(t, s, u) - V_f(t, s)).
    Where V_f are the values at some prices, these are at most those, so the bound is at least as good.

    Returns:
        For each factor of shape (H, patterns); None where later rewards are discounted, as the bound is on
        their sum.
    """
    if base.discount != 1.0:
        return None
    found = []
    for factor, values in zip(base.factors, base.values, strict=True):
        ahead = factor.action_values(values, base.discount)
        found.append((ahead - values[:-1, :, None]).max(axis=1))
    return tuple(found)


def _features(
    bandit: CoupledBandit, reading: StateReading, states: NDArray[np.int64], step: int
) -> NDArray[np.float64]:
    left = (bandit.horizon - step) / bandit.horizon
    if reading is StateReading.ONE_HOT:
        seen = (states[:, None] == np.arange(bandit.arms.states)).astype(np.float64).reshape(-1)
    else:
        seen = states / max(1, bandit.arms.states - 1)
    return np.append(seen, left)


def _arm_inputs(bandit: CoupledBandit, states: NDArray[np.int64], step: int) -> NDArray[np.float64]:
    """What shared encoders read, of shape (J, 2 S + 4)."""
    arms, every = bandit.arms, np.arange(bandit.num_arms)
    scale = max(float(np.abs(arms.rewards).max()), float(np.finfo(np.float64).tiny))
    base, gain = arms.mean_rewards()
    indicators = (states[:, None] == np.arange(arms.states)).astype(np.float64)
    own = np.stack([arms.rewards[every, states], base[every, states], gain[every, states]], axis=1)
    left = np.full((bandit.num_arms, 1), (bandit.horizon - step) / bandit.horizon)
    return np.concatenate([indicators, arms.rewards / scale, own / scale, left], axis=1)


def _positive(free: NDArray[np.float64]) -> NDArray[np.float64]:
    """Softplus, 1 at 0."""
    return np.asarray(np.logaddexp(free + np.log(np.e - 1.0), 0.0))
