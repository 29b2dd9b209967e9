"""Q-functions under training: torch computes them in batches, snapshots give the oracle its networks."""

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from solvers.sequoia.learning.assembly import HiddenPiece, MixingPiece, Pieces, Products, assemble
from solvers.sequoia.learning.terms import Scores, TermLayout
from solvers.sequoia.network import ActionNetwork


@dataclass(frozen=True, slots=True, eq=False)
class HiddenBatch:
    """ReLU networks of m states; see `HiddenPiece`.

    Attributes:
        first_weight: of shape (m or 1, h_1, N).
        first_bias: of shape (m, h_1).
        weights: of the further hidden layers, each (h_k, h_{k-1}).
        biases: likewise.
        output: of shape (h_D,).
    """

    first_weight: Tensor
    first_bias: Tensor
    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    output: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class BodyBatch:
    """What a body adds in m states.

    Attributes:
        constant: of shape (m,).
        linear: of shape (m, N), or None.
        hidden: the ReLU networks.
    """

    constant: Tensor
    linear: Tensor | None
    hidden: HiddenBatch


class Body(Protocol):
    """The part of a Q-function that is a network of the state."""

    def __call__(self, states: NDArray[np.int64], steps: NDArray[np.int64]) -> BodyBatch:
        """Of states of shape (m, J) at steps of shape (m,)."""


class Mixing(nn.Module):
    """An increasing piecewise linear function of the additive value, bent by the state.

    It starts as the identity.

    Args:
        units: K, the number of bends.
        features: F.
        unit: scale of the additive value.
        rng: draws where the bends lie.
    """

    def __init__(self, units: int, features: int, unit: float, *, rng: np.random.Generator) -> None:
        super().__init__()
        self.unit = unit
        self.straight = parameter_of(np.zeros(()))  # softplus(x + log(e - 1)) is 1 at 0
        self.rates = parameter_of(np.zeros(units))
        self.heights = parameter_of(np.full(units, -5.0))
        self.weight = parameter_of(rng.normal(0.0, 0.1, (units, features)))
        self.bias = parameter_of(-rng.uniform(0.0, 2.0, units))
        self.signs = torch.from_numpy(np.where(np.arange(units) % 2, -1.0, 1.0))

    def parts(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """l, v, c of shape (m, K), and u."""
        return (
            _positive(self.straight),
            _positive(self.rates),
            self.unit * (features @ self.weight.T + self.bias),
            _positive(self.heights),
        )

    def forward(self, values: Tensor, features: Tensor) -> Tensor:
        """F of values of shape (m,)."""
        straight, rates, shifts, heights = self.parts(features)
        bent = torch.relu(self.signs * (values[:, None] * rates + shifts))
        return straight * values + bent @ (self.signs * heights)


class ActionValueModel(nn.Module):
    """Q(s, a, t), float64, of a table of additive values, a body, or both.

    Args:
        layout: of the table and its products; None without a table.
        table: coefficients, flat; None without.
        shifts: added to the value by step, of shape (H,).
        trained: whether changes of the table are trained.
        body: a network, if any.
        unit: the body's output and changes of the table count in this.
        mixing: an increasing function of the table's value, if any, with the features that it reads.
        bits: N.
    """

    def __init__(
        self,
        *,
        bits: int,
        shifts: NDArray[np.float64],
        layout: TermLayout | None,
        table: NDArray[np.float64] | None,
        trained: bool,
        body: "nn.Module | None",
        mixing: "MixedFeatures | None",
        unit: float,
    ) -> None:
        super().__init__()
        self.bits = bits
        self.unit = unit
        self.layout = layout
        self.products: Products = () if layout is None else layout.products
        self.table = None if table is None else torch.from_numpy(table.copy())
        # In units, so that steps of the optimiser and penalties mean the same everywhere.
        self.delta = (
            nn.Parameter(torch.zeros_like(self.table)) if trained and self.table is not None else None
        )
        self.body = body
        self.mixing = mixing
        self._shifts = torch.from_numpy(shifts.copy())

    def forward(self, rows: NDArray[np.int64], actions: NDArray[np.bool_]) -> Tensor:
        """Q of actions of shape (m, N) in rows of shape (m, J + 1), arms' states and then the step."""
        states, steps = rows[:, :-1], rows[:, -1]
        bits = torch.from_numpy(actions.astype(np.float64))
        value, linear, products = self._set_function(states, steps)
        if linear is not None:
            value = value + (linear * bits).sum(dim=1)
        for column, members in enumerate(self.products):
            value = value + products[:, column] * bits[:, list(members)].prod(dim=1)
        if self.mixing is not None:
            value = self.mixing(value, states, steps)
        if self.body is not None:
            added: BodyBatch = self.body(states, steps)
            hidden = added.hidden
            x = (hidden.first_weight @ bits[:, :, None])[:, :, 0] + hidden.first_bias
            for weight, bias in zip(hidden.weights, hidden.biases, strict=True):
                x = torch.relu(x) @ weight.T + bias
            inner = torch.relu(x) @ hidden.output + added.constant
            if added.linear is not None:
                inner = inner + (added.linear * bits).sum(dim=1)
            value = value + self.unit * inner
        return value

    def _set_function(
        self, states: NDArray[np.int64], steps: NDArray[np.int64]
    ) -> tuple[Tensor, Tensor | None, Tensor]:
        """Constants of shape (m,), the linear part (m, N), products (m, P) of the table."""
        shifts = self._shifts[torch.from_numpy(steps)]
        if self.layout is None or self.table is None:
            return shifts, None, torch.zeros((len(states), 0), dtype=torch.float64)
        constants, singles, products = (
            self._coefficients(torch.from_numpy(places)) for places in self.layout.positions(states, steps)
        )
        linear = torch.zeros((len(states), self.bits), dtype=torch.float64)
        linear = linear.index_add(1, torch.from_numpy(self.layout.single_bits), singles)
        return shifts + constants.sum(dim=1), linear, products

    def _coefficients(self, places: Tensor) -> Tensor:
        assert self.table is not None  # only tables have places
        fixed = self.table[places]
        return fixed if self.delta is None else fixed + self.unit * self.delta[places]

    def pieces(self, rows: NDArray[np.int64]) -> list[Pieces]:
        """What Q is in each row."""
        states, steps = rows[:, :-1], rows[:, -1]
        with torch.no_grad():
            constant, linear, products = self._set_function(states, steps)
            mixing: list[MixingPiece | None] = [None] * len(rows)
            hidden: list[HiddenPiece | None] = [None] * len(rows)
            if self.mixing is not None:
                mixing = [*self.mixing.pieces(states, steps)]
            if self.body is not None:
                added: BodyBatch = self.body(states, steps)
                hidden = [*_hidden_pieces(added.hidden, self.unit, len(rows))]
                constant = constant + self.unit * added.constant
                if added.linear is not None:
                    own = self.unit * added.linear
                    linear = own if linear is None else linear + own
        return [
            Pieces(
                float(constant[k]),
                None if linear is None else linear[k].numpy(),
                products[k].numpy(),
                hidden[k],
                mixing[k],
            )
            for k in range(len(rows))
        ]

    def values(self, rows: NDArray[np.int64], actions: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Q as `forward` gives it, as an array."""
        with torch.no_grad():
            found: NDArray[np.float64] = self(rows, actions).numpy()
        return found

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """All numbers under training, by name."""
        return {
            name.replace(".", "_"): tensor.detach().numpy().copy() for name, tensor in self.named_parameters()
        }

    def fixed_arrays(self) -> dict[str, NDArray[np.float64]]:
        """What is given and not trained, by name."""
        table = {} if self.table is None else {"fixed_table": self.table.numpy()}
        return {"fixed_shifts": self._shifts.numpy(), **table}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Put back what `arrays` gave.

        Raises:
            ValueError: an array is missing or has another shape.
        """
        with torch.no_grad():
            for name, tensor in self.named_parameters():
                array = arrays.get(name.replace(".", "_"))
                if array is None or array.shape != tuple(tensor.shape):
                    raise ValueError(f"array {name} of the model is missing or has another shape")
                tensor.copy_(torch.from_numpy(array))

    def trained_parameters(self) -> list[Tensor]:
        """What the optimiser moves."""
        return [tensor for tensor in self.parameters() if tensor.requires_grad]

    @property
    def scores(self) -> Scores:
        """The table as it is.

        Raises:
            ValueError: the model has none.
        """
        if self.layout is None or self.table is None:
            raise ValueError("the model has no table")
        change = 0.0 if self.delta is None else self.unit * self.delta.detach().numpy()
        return self.layout.tables(self.table.numpy() + change)

    def begin_at(self, scores: Scores) -> None:
        """Move the table to these scores.

        Raises:
            ValueError: the model has no table that is trained.
        """
        if self.delta is None or self.layout is None or self.table is None:
            raise ValueError("the model must have a trained table to begin at scores")
        with torch.no_grad():
            self.delta.copy_((torch.from_numpy(self.layout.flat(scores)) - self.table) / self.unit)

    def snapshot(self) -> "ModelNetwork":
        """Q as it is now, for an oracle; later steps of the optimiser do not reach it."""
        return ModelNetwork(copy.deepcopy(self))


class Parameters:
    """What the optimiser moves.

    Attributes:
        parameters: leaf tensors.
    """

    def __init__(self, module: ActionValueModel) -> None:
        self.parameters: list[Tensor] = module.trained_parameters()


class MixedFeatures(nn.Module):
    """`Mixing` with the features of the state that it reads.

    Args:
        mixing: the function.
        features: from states and steps to a tensor of shape (m, F).
    """

    def __init__(self, mixing: Mixing, features: "TensorFeatures") -> None:
        super().__init__()
        self.mixing = mixing
        self._features = features

    def forward(self, values: Tensor, states: NDArray[np.int64], steps: NDArray[np.int64]) -> Tensor:
        """F of values of shape (m,)."""
        mixed: Tensor = self.mixing(values, self._features(states, steps))
        return mixed

    def pieces(self, states: NDArray[np.int64], steps: NDArray[np.int64]) -> list[MixingPiece]:
        """F in each state."""
        straight, rates, shifts, heights = self.mixing.parts(self._features(states, steps))
        return [
            MixingPiece(
                float(straight), rates.numpy(), row.numpy(), heights.numpy(), self.mixing.signs.numpy()
            )
            for row in shifts
        ]


class TensorFeatures(Protocol):
    """Features of states and steps as a tensor."""

    def __call__(self, states: NDArray[np.int64], steps: NDArray[np.int64]) -> Tensor:
        """Of shape (m, F)."""


class ModelNetwork:
    """Q(s, a, t) as an oracle reads it; a state is a row of the arms' states and then the step.

    Args:
        model: owned by this object, and never changed.
    """

    def __init__(self, model: ActionValueModel) -> None:
        self._model = model
        word = hashlib.sha256(repr((model.bits, model.unit, model.products)).encode())
        for name, array in (model.arrays() | model.fixed_arrays()).items():
            word.update(name.encode())
            word.update(array.tobytes())
        self._version = word.hexdigest()

    @property
    def size(self) -> int:
        """N, the number of action bits."""
        return self._model.bits

    @property
    def version(self) -> str:
        """Digest of all numbers; two snapshots of one model with one version are the same function."""
        return self._version

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """All numbers that were trained, by name."""
        return self._model.arrays()

    def at(self, state: ArrayLike) -> ActionNetwork:
        """The network of one row of shape (J + 1,)."""
        return self.batch(np.asarray(state)[None])[0]

    def batch(self, states: ArrayLike) -> tuple[ActionNetwork, ...]:
        """The networks of several rows, of shape (m, J + 1)."""
        rows = np.asarray(states).astype(np.int64)
        return tuple(assemble(pieces, self._model.products) for pieces in self._model.pieces(rows))

    def values(self, rows: NDArray[np.int64], actions: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Q of actions of shape (m, N) in rows of shape (m, J + 1)."""
        return self._model.values(rows, actions)


def _hidden_pieces(hidden: HiddenBatch, unit: float, count: int) -> list[HiddenPiece]:
    shared = hidden.first_weight.shape[0] == 1
    firsts = [hidden.first_weight[0 if shared else k].numpy() for k in range(count)]
    weights, biases = ([t.numpy() for t in group] for group in (hidden.weights, hidden.biases))
    output = unit * hidden.output.numpy()
    return [
        HiddenPiece((first, *weights), (bias.numpy(), *biases), output)
        for first, bias in zip(firsts, hidden.first_bias, strict=True)
    ]


def parameter_of(array: NDArray[np.float64]) -> nn.Parameter:
    """A parameter with these numbers."""
    return nn.Parameter(torch.from_numpy(np.array(array, dtype=np.float64)))


def _positive(tensor: Tensor) -> Tensor:
    """Softplus, 1 at 0."""
    return nn.functional.softplus(tensor + float(np.log(np.e - 1.0)))
