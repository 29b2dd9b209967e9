"""Families of Q-functions, all built by one protocol, trained by torch and maximised by the oracle."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import nn

from games.bandits.problem import CoupledBandit
from solvers.sequoia.learning.bodies import ConcaveBody, DenseBody, SharedBody, StateInput
from solvers.sequoia.learning.features import OneHot, StateFeatures
from solvers.sequoia.learning.model import ActionValueModel, MixedFeatures, Mixing
from solvers.sequoia.learning.value_base import ValueBase


class QFamily(Protocol):
    """Makes a Q-function before training."""

    @property
    def starts_at_base(self) -> bool:
        """Whether it equals the base's Q before training, so that it needs no warm start."""

    def build(
        self, bandit: CoupledBandit, base: ValueBase, unit: float, *, rng: np.random.Generator
    ) -> ActionValueModel:
        """The Q-function.

        Args:
            bandit: the problem.
            base: additive values that it may start from.
            unit: scale of what the network has to learn.
            rng: initial weights.
        """


@dataclass(frozen=True, slots=True)
class DenseFamily:
    """Q is a ReLU network of action bits and state features alone.

    Attributes:
        hidden: widths of the layers.
        features: of the state.
    """

    hidden: tuple[int, ...] = (32, 32)
    features: StateFeatures = field(default_factory=OneHot)
    starts_at_base: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        _check_widths(self.hidden)

    def build(
        self, bandit: CoupledBandit, base: ValueBase, unit: float, *, rng: np.random.Generator
    ) -> ActionValueModel:
        """See `QFamily`."""
        return _model(bandit, unit, DenseBody(bandit, self.hidden, self.features, last_gain=1.0, rng=rng))


@dataclass(frozen=True, slots=True)
class SharedFamily:
    """Q is a network whose arm encoders share their weights; see `SharedBody`.

    Attributes:
        width: of an arm's encoding.
        hidden: neurons that couple the bits.
    """

    width: int = 32
    hidden: int = 32
    starts_at_base: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        _check_widths((self.width, self.hidden))

    def build(
        self, bandit: CoupledBandit, base: ValueBase, unit: float, *, rng: np.random.Generator
    ) -> ActionValueModel:
        """See `QFamily`."""
        return _model(bandit, unit, SharedBody(bandit, self.width, self.hidden, last_gain=1.0, rng=rng))


@dataclass(frozen=True, slots=True)
class ConcaveFamily:
    """Q is concave in the action; see `ConcaveBody`.

    Attributes:
        hidden: number of neurons.
        features: of the state.
    """

    hidden: int = 32
    features: StateFeatures = field(default_factory=OneHot)
    starts_at_base: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        _check_widths((self.hidden,))

    def build(
        self, bandit: CoupledBandit, base: ValueBase, unit: float, *, rng: np.random.Generator
    ) -> ActionValueModel:
        """See `QFamily`."""
        return _model(bandit, unit, ConcaveBody(bandit, self.hidden, self.features, rng=rng))


@dataclass(frozen=True, slots=True)
class AdditiveFamily:
    """Q(s, a, t) = f(sum_f q_f(t, s_f, a_f)) with tables q_f that start at the base's and an increasing f.

    The best action maximises the sum whatever f is, so it is one linear program over the set.

    Attributes:
        bends: of f, which depend on the state; with 0 of them f is the identity and Q starts at the base's.
        features: of the state, which bend f.
    """

    bends: int = 0
    features: StateFeatures = field(default_factory=OneHot)

    def __post_init__(self) -> None:
        if self.bends < 0:
            raise ValueError(f"bends must be 0 or more, got {self.bends}")

    @property
    def starts_at_base(self) -> bool:
        """See `QFamily`; with bends it starts close to it."""
        return True

    def build(
        self, bandit: CoupledBandit, base: ValueBase, unit: float, *, rng: np.random.Generator
    ) -> ActionValueModel:
        """See `QFamily`."""
        mixing = None
        if self.bends:
            function = Mixing(self.bends, self.features.count(bandit), unit, rng=rng)
            mixing = MixedFeatures(function, StateInput(bandit, self.features))
        return _on_base(bandit, base, unit, None, trained=True, mixing=mixing)


@dataclass(frozen=True, slots=True)
class ResidualFamily:
    """The base's Q plus a ReLU network whose output starts at zero.

    With the values of the Lagrangian relaxation as the base, training starts at the policy that maximises
    them over the true set.

    Attributes:
        hidden: widths of the layers.
        features: of the state.
        trained_base: whether the base's tables are trained too.
    """

    hidden: tuple[int, ...] = (32,)
    features: StateFeatures = field(default_factory=OneHot)
    trained_base: bool = True
    starts_at_base: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        _check_widths(self.hidden)

    def build(
        self, bandit: CoupledBandit, base: ValueBase, unit: float, *, rng: np.random.Generator
    ) -> ActionValueModel:
        """See `QFamily`."""
        body = DenseBody(bandit, self.hidden, self.features, last_gain=0.0, rng=rng)
        return _on_base(bandit, base, unit, body, trained=self.trained_base)


@dataclass(frozen=True, slots=True)
class SharedResidualFamily:
    """The base's Q plus a network with shared arm encoders whose output starts at zero.

    Attributes:
        width: of an arm's encoding.
        hidden: neurons that couple the bits.
        trained_base: whether the base's tables are trained too.
    """

    width: int = 16
    hidden: int = 16
    trained_base: bool = True
    starts_at_base: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        _check_widths((self.width, self.hidden))

    def build(
        self, bandit: CoupledBandit, base: ValueBase, unit: float, *, rng: np.random.Generator
    ) -> ActionValueModel:
        """See `QFamily`."""
        body = SharedBody(bandit, self.width, self.hidden, last_gain=0.0, rng=rng)
        return _on_base(bandit, base, unit, body, trained=self.trained_base)


def _model(bandit: CoupledBandit, unit: float, body: nn.Module) -> ActionValueModel:
    return ActionValueModel(
        bits=bandit.bits,
        shifts=np.zeros(bandit.horizon),
        layout=None,
        table=None,
        trained=False,
        body=body,
        mixing=None,
        unit=unit,
    )


def _on_base(
    bandit: CoupledBandit,
    base: ValueBase,
    unit: float,
    body: nn.Module | None,
    *,
    trained: bool,
    mixing: MixedFeatures | None = None,
) -> ActionValueModel:
    shifts: NDArray[np.float64] = base.discount * base.constants[1:]
    return ActionValueModel(
        bits=bandit.bits,
        shifts=shifts,
        layout=base.layout,
        table=base.coefficients,
        trained=trained,
        body=body,
        mixing=mixing,
        unit=unit,
    )


def _check_widths(widths: tuple[int, ...]) -> None:
    if not widths or min(widths) < 1:
        raise ValueError(f"widths of layers must be positive, at least one of them, got {widths}")
