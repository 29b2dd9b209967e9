"""Dense networks that torch differentiates, sharing their numbers with the arrays that numpy evaluates.

The optimiser is Adam [1]_ on these arrays: for layers as small as these it is faster than torch's, whose
first use also loads a compiler.

.. [1] Kingma, Ba (2015), Adam: a method for stochastic optimization, ICLR.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from marl.learning.dense import NORM_EPSILON, Activation, DenseNetwork

_MEAN_DECAY, _SQUARE_DECAY, _LEAST = 0.9, 0.999, 1e-7


class Trainable:
    """A `DenseNetwork` under training.

    Tensors and arrays share memory: a step of the optimiser, which works in place, is seen by both at once,
    and nothing is copied between learning and acting.

    Attributes:
        network: the arrays.
        parameters: the same as leaf tensors, in the order of ``network.parameters()``.
    """

    def __init__(self, network: DenseNetwork) -> None:
        self.network = network
        self.parameters = [torch.from_numpy(a).requires_grad_() for a in network.parameters()]
        layers, norms = len(network.weights), len(network.gains)
        tensors = iter(self.parameters)
        self._weights = [next(tensors) for _ in range(layers)]
        self._biases = [next(tensors) for _ in range(layers)]
        self._gains = [next(tensors) for _ in range(norms)]
        self._shifts = [next(tensors) for _ in range(norms)]
        self._activate = torch.relu if network.activation is Activation.RELU else torch.tanh

    def __call__(self, inputs: Tensor) -> Tensor:
        """Outputs, shape (m, outputs), of inputs, shape (m, inputs)."""
        x = inputs
        last = len(self._weights) - 1
        for k, (w, b) in enumerate(zip(self._weights, self._biases, strict=True)):
            x = torch.addmm(b, x, w)
            if k < last:
                if self._gains:
                    shape = (x.shape[1],)
                    x = torch.layer_norm(x, shape, self._gains[k], self._shifts[k], NORM_EPSILON)
                x = self._activate(x)
        return x


class Differentiable(Protocol):
    """What an optimiser moves."""

    @property
    def parameters(self) -> list[Tensor]:
        """Leaf tensors on the CPU."""


class Adam:
    """Moves parameters against gradients, by their running mean over the root of their running square.

    Attributes:
        max_gradient: gradients longer than this, over all parameters, are cut to it.
    """

    def __init__(self, trained: Differentiable, max_gradient: float) -> None:
        self.max_gradient = max_gradient
        self._trained = trained
        self._arrays = [tensor.detach().numpy() for tensor in trained.parameters]  # the same memory
        self._means = [np.zeros_like(a) for a in self._arrays]
        self._squares = [np.zeros_like(a) for a in self._arrays]
        self._steps = 0

    def step(self, loss: Tensor, rate: float) -> None:
        """One step down the loss, which is differentiated and then forgotten."""
        gradients = [g.numpy() for g in torch.autograd.grad(loss, self._trained.parameters)]
        length = math.sqrt(sum(float(np.vdot(g, g)) for g in gradients))
        cut = np.float32(min(1.0, self.max_gradient / length) if length > 0.0 else 1.0)
        self._steps += 1
        root = math.sqrt(1.0 - _SQUARE_DECAY**self._steps)
        pace = np.float32(rate * root / (1.0 - _MEAN_DECAY**self._steps))
        least = np.float32(_LEAST * root)
        for array, mean, square, gradient in zip(
            self._arrays, self._means, self._squares, gradients, strict=True
        ):
            gradient *= cut
            mean += np.float32(1.0 - _MEAN_DECAY) * (gradient - mean)
            np.multiply(gradient, gradient, out=gradient)
            square += np.float32(1.0 - _SQUARE_DECAY) * (gradient - square)
            array -= pace * mean / (np.sqrt(square) + least)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Where the optimiser is, for storage; in float64, which holds every float32."""
        stored: dict[str, NDArray[Any]] = {"steps": np.array([self._steps], dtype=np.int64)}
        for name, group in (("mean", self._means), ("square", self._squares)):
            stored |= {f"{name}_{k}": array.astype(np.float64) for k, array in enumerate(group)}
        return stored

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on from where `arrays` was taken, with the same parameters.

        Raises:
            ValueError: an array is missing or has another shape.
        """
        try:
            for name, group in (("mean", self._means), ("square", self._squares)):
                for k, array in enumerate(group):
                    if arrays[f"{name}_{k}"].shape != array.shape:
                        raise ValueError(f"array {name}_{k} of an optimiser must have shape {array.shape}")
                    array[...] = arrays[f"{name}_{k}"]
            self._steps = int(arrays["steps"][0])
        except KeyError as error:
            raise ValueError(f"arrays of an optimiser lack {error.args[0]}") from None


def masked_log_softmax(scores: Tensor, masks: Tensor) -> Tensor:
    """Log-probabilities over the legal actions, shape (m, A).

    Illegal actions get the least finite number instead of minus infinity, so that p log p is zero there and
    gradients stay finite.
    """
    least = torch.finfo(scores.dtype).min
    return torch.log_softmax(scores.masked_fill(~masks, least), dim=1).clamp_min(least)


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread inside: small layers are faster so, and sums come out the same on every machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
