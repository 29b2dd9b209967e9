"""Q-functions in pieces, and the network that the pieces are in one state.

Over the action bits a of one state a Q-function here is

    Q(a) = f(c + l . a + sum_T m_T prod_{i in T} a_i) + w . h_D(... h_1(W a + b) ...),

a set function, possibly under an increasing function f, plus a ReLU network. All of it becomes one ReLU
network: a product is a neuron, and what is linear runs along in a neuron that is shifted so that it never
rests. Bounds find such a neuron settled and put it into the rows of the others, so it costs a search nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.sequoia.network import ActionNetwork

_MARGIN = 1e-6
"""What shifted neurons keep above zero, per unit of their weights."""

Products = tuple[tuple[int, ...], ...]
"""The action bits of each product."""


@dataclass(frozen=True, slots=True, eq=False)
class HiddenPiece:
    """The ReLU network of one state.

    Attributes:
        weights: W_1 of shape (h_1, N), then those of the further hidden layers.
        biases: likewise; the state has been added to the first.
        output: w, of shape (h_D,).
    """

    weights: tuple[NDArray[np.float64], ...]
    biases: tuple[NDArray[np.float64], ...]
    output: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class MixingPiece:
    """f(x) = l x + sum_k sigma_k u_k max(0, sigma_k (v_k x + c_k)), increasing and piecewise linear.

    Attributes:
        straight: l > 0.
        rates: v > 0, of shape (K,).
        shifts: c, likewise.
        heights: u > 0, likewise.
        signs: sigma, each 1 (bent up) or -1 (bent down), likewise.
    """

    straight: float
    rates: NDArray[np.float64]
    shifts: NDArray[np.float64]
    heights: NDArray[np.float64]
    signs: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """What Q is in one state.

    Attributes:
        constant: c.
        linear: l, of shape (N,); None where the set function is a constant.
        products: m, of shape (products,).
        hidden: the ReLU network, if any.
        mixing: f, if any; then there is no ReLU network.
    """

    constant: float
    linear: NDArray[np.float64] | None
    products: NDArray[np.float64]
    hidden: HiddenPiece | None = None
    mixing: MixingPiece | None = None


def assemble(pieces: Pieces, products: Products) -> ActionNetwork:
    """The network that the pieces are."""
    linear, hidden = pieces.linear, pieces.hidden
    if linear is None and hidden is not None:
        return ActionNetwork(
            (*hidden.weights, hidden.output[None]),
            (*hidden.biases, np.array([pieces.constant])),
            (0.0,) * len(hidden.weights),
        )
    assert linear is not None  # a Q-function has one or the other
    if hidden is None and pieces.mixing is None and not products:
        return ActionNetwork((linear[None],), (np.array([pieces.constant]),), ())
    shift = _lift(linear)
    first, offsets = _product_rows(products, linear.size)
    weights = [np.concatenate([first, linear[None]])]
    biases = [np.append(offsets, shift)]
    carry = np.append(
        pieces.products, 1.0
    )  # of the first layer: the set function without its constant, + shift
    if pieces.mixing is not None:
        return _mixed(pieces, pieces.mixing, weights[0], biases[0], carry, shift)
    output = carry
    if hidden is not None:
        weights[0] = np.concatenate([hidden.weights[0], weights[0]])
        biases[0] = np.concatenate([hidden.biases[0], biases[0]])
        for weight, bias in zip(hidden.weights[1:], hidden.biases[1:], strict=True):
            more = _lift(carry[:-1])
            own = weight.shape[1]
            rows = np.zeros((len(weight) + 1, own + carry.size))
            rows[:-1, :own] = weight
            rows[-1, own:] = carry
            weights.append(rows)
            biases.append(np.append(bias, more))
            shift += more
            carry = np.ones(1)
        output = np.concatenate([hidden.output, carry])
    weights.append(output[None])
    biases.append(np.array([pieces.constant - shift]))
    return ActionNetwork(tuple(weights), tuple(biases), (0.0,) * (len(weights) - 1))


def _mixed(
    pieces: Pieces,
    mixing: MixingPiece,
    first: NDArray[np.float64],
    first_bias: NDArray[np.float64],
    carry: NDArray[np.float64],
    shift: float,
) -> ActionNetwork:
    more = _lift(carry[:-1])
    bent = (mixing.signs * mixing.rates)[:, None] * carry
    offsets = mixing.signs * (mixing.rates * (pieces.constant - shift) + mixing.shifts)
    weights = (
        first,
        np.concatenate([bent, carry[None]]),
        np.append(mixing.signs * mixing.heights, mixing.straight)[None],
    )
    biases = (
        first_bias,
        np.append(offsets, more),
        np.array([mixing.straight * (pieces.constant - shift - more)]),
    )
    return ActionNetwork(weights, biases, (0.0, 0.0))


def _lift(weights: NDArray[np.float64]) -> float:
    """What makes weights . x positive for all x in [0, 1]^n."""
    return float(np.maximum(-weights, 0.0).sum() + _MARGIN * (1.0 + np.abs(weights).sum()))


def _product_rows(products: Products, size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows = np.zeros((len(products), size))
    for row, members in zip(rows, products, strict=True):
        row[list(members)] = 1.0
    return rows, 1.0 - rows.sum(axis=1)
