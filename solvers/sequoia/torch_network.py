"""Q-networks of torch, compiled to arrays.

Read are chains of ``Linear``, ``ReLU``, ``LeakyReLU``, ``Identity``, ``Flatten`` and silent ``Dropout``,
nested in ``Sequential`` as deep as one likes. Neighbouring linear layers are multiplied out, as are
neighbouring activations: max(x, s max(x, t x)) = max(x, s t x) for slopes in [0, 1]. Everything is float64,
so an answer is certified for the float64 copy of a float32 module.
"""

import copy
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from solvers.sequoia.network import FunctionEncoder, LinearEncoder, QNetwork, q_network

_SERIAL = itertools.count()


class InputOrder(Protocol):
    """Which inputs of a module are action bits; the others are the state, in their order."""

    def action_columns(self, inputs: int) -> NDArray[np.intp]:
        """Places of the action bits among so many inputs."""


@dataclass(frozen=True, slots=True)
class ActionFirst:
    """Action bits first, then the features of the state.

    Attributes:
        actions: N, the number of action bits.
    """

    actions: int

    def action_columns(self, inputs: int) -> NDArray[np.intp]:
        """The first N.

        Raises:
            ValueError: N is not in 1..``inputs``.
        """
        if not 1 <= self.actions <= inputs:
            raise ValueError(f"actions must be in 1..{inputs}, the inputs of the module, got {self.actions}")
        return np.arange(self.actions)


@dataclass(frozen=True, slots=True)
class StateFirst:
    """Features of the state first, then the action bits.

    Attributes:
        actions: N, the number of action bits.
    """

    actions: int

    def action_columns(self, inputs: int) -> NDArray[np.intp]:
        """The last N.

        Raises:
            ValueError: N is not in 1..``inputs``.
        """
        return ActionFirst(self.actions).action_columns(inputs) + inputs - self.actions


class Predicts(Enum):
    """What the module's output says; the oracle maximises Q."""

    VALUE = 1.0
    COST = -1.0


def compile_module(module: nn.Module, order: InputOrder, predicts: Predicts = Predicts.VALUE) -> QNetwork:
    """Compile a module that reads actions and states side by side.

    Args:
        module: a chain as above, with one output; inputs of shape (batch, action bits + state features).
        order: which inputs are the action.
        predicts: whether the output is Q or its negative.

    Raises:
        TypeError: a module in the chain is of a kind that is not read; the message names it.
        ValueError: the chain does not begin with a linear layer, its widths do not fit, it has many outputs
            or a slope out of [0, 1], or ``order`` does not fit the inputs.
    """
    weights, biases, slopes = _chain(module, predicts)
    columns = order.action_columns(weights[0].shape[1])
    encoder = LinearEncoder(np.delete(weights[0], columns, axis=1))
    return q_network(encoder, (weights[0][:, columns], *weights[1:]), biases, slopes)


def compile_encoded(encoder: nn.Module, path: nn.Module, predicts: Predicts = Predicts.VALUE) -> QNetwork:
    """Compile Q(s, a) = tail(f(W a + b + encoder(s))), where ``path`` is Linear(W, b), f, tail.

    Args:
        encoder: any module from states of shape (batch, ...) to (batch, h_1). Copied in evaluation mode.
        path: a chain as above from the action bits alone, whose first linear layer has h_1 outputs.
        predicts: whether the output is Q or its negative.

    Raises:
        TypeError: a module of ``path`` is of a kind that is not read; the message names it.
        ValueError: as :func:`compile_module`.
    """
    weights, biases, slopes = _chain(path, predicts)
    frozen = copy.deepcopy(encoder).eval().cpu().double().requires_grad_(False)

    def encode(states: NDArray[np.float64]) -> NDArray[np.float64]:
        with torch.no_grad():
            # A copy: torch refuses some arrays, and a module may write into its input.
            added: NDArray[np.float64] = frozen(torch.tensor(states)).numpy()
        # Without hidden layers the output, which may be a cost, is the first layer.
        return added if slopes else predicts.value * added

    # What a module computes is not in its parameters alone, so no two encoders are taken for the same.
    return q_network(FunctionEncoder(encode, f"encoder {next(_SERIAL)}"), weights, biases, slopes)


def _chain(
    module: nn.Module, predicts: Predicts
) -> tuple[tuple[NDArray[np.float64], ...], tuple[NDArray[np.float64], ...], tuple[float, ...]]:
    """Weights, biases and slopes of a module; linear layers and activations alternate."""
    weights: list[NDArray[np.float64]] = []
    biases: list[NDArray[np.float64]] = []
    slopes: list[float] = []
    for name, part in _parts(module, ""):
        if isinstance(part, nn.Linear):
            weight = part.weight.detach().cpu().double().numpy()
            given: torch.Tensor | None = part.bias  # torch's types forget that it may be absent
            bias = np.zeros(len(weight)) if given is None else given.detach().cpu().double().numpy()
            if weights and weight.shape[1] != len(biases[-1]):
                raise ValueError(f"{name} ({part}) follows a layer of {len(biases[-1])} outputs")
            if len(weights) > len(slopes):
                weights[-1], biases[-1] = weight @ weights[-1], weight @ biases[-1] + bias
            else:
                weights.append(weight)
                biases.append(bias)
            continue
        slope = part.negative_slope if isinstance(part, nn.LeakyReLU) else 0.0
        if not weights:
            raise ValueError(f"the first layer must be linear, got {name} ({type(part).__name__})")
        if not 0 <= slope <= 1:
            raise ValueError(f"{name} (LeakyReLU) must have a slope in [0, 1], got {slope}")
        if slope == 1:
            continue
        if len(slopes) == len(weights):
            slopes[-1] *= slope
        else:
            slopes.append(slope)
    if not weights:
        raise ValueError(f"the module must hold a linear layer, got {type(module).__name__}")
    if len(slopes) == len(weights):  # an activation at the very end
        weights.append(np.eye(biases[-1].size))
        biases.append(np.zeros(biases[-1].size))
    weights[-1], biases[-1] = predicts.value * weights[-1], predicts.value * biases[-1]
    return tuple(weights), tuple(biases), tuple(slopes)


def _parts(module: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    """Linear layers and activations in order; whatever does nothing is left out."""
    shown = name or "the module"
    if module._forward_hooks or module._forward_pre_hooks:
        raise TypeError(f"{shown} ({type(module).__name__}) has forward hooks, which cannot be compiled")
    if "forward" in vars(module):  # libraries that wrap modules put theirs there
        raise TypeError(f"{shown} ({type(module).__name__}) has a forward of its own, which is not read")
    run = type(module).forward  # a subclass counts as its parent only while it computes the same
    if isinstance(module, nn.Sequential) and run is nn.Sequential.forward:
        for key, child in module._modules.items():  # named_children leaves out repetitions
            if child is not None:
                yield from _parts(child, f"{name}.{key}" if name else key)
    elif any(isinstance(module, kind) and run is kind.forward for kind in (nn.Linear, nn.ReLU, nn.LeakyReLU)):
        yield shown, module
    elif not _does_nothing(module):
        raise TypeError(
            f"{shown} ({module!r}) cannot be compiled: only Sequential, Linear, ReLU, LeakyReLU, Identity, "
            "Flatten of all but the batch, and Dropout in evaluation mode are piecewise linear here; "
            "whatever reads the state alone may be anything, see compile_encoded"
        )


def _does_nothing(module: nn.Module) -> bool:
    """Whether a module hands on its input, of shape (batch, features), as it is."""
    if isinstance(module, nn.Flatten):
        return (module.start_dim, module.end_dim) in ((1, -1), (1, 1))
    if isinstance(module, nn.Dropout):
        return not module.training or module.p == 0
    return type(module) is nn.Identity
