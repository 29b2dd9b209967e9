"""The simulations of Zhou et al. (2025) by gradient descent: tables and small networks, exact and sampled.

Ten games; preferences below the diagonal uniform on [0, 1]. A policy is a table of logits (ten responses,
reference logits N(0, 1)) or a network of three layers of width ten with ReLU on an input that is learned too
(100 responses; the untrained network is the reference). One step of stochastic gradient descent a round on

    mean over y, y' of (D log(pi / ref) - D v / beta)^2,     D f = f(y) - f(y'),

with v the win rates against an opponent held fixed: the policy (OMD, that is INPO; and online IPO, which
draws y, y' from the policy), its mixture with the reference (Nash-MD) or the policy one step ahead (EGPO).
Where the mean is sampled, 100 pairs a round are drawn, and each response meets its own answer of the
opponent: D v is the difference of two Bernoulli labels. The paper's sampling is not described further.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
import torch
from torch import Tensor

from games.preference import PreferenceGame, random_preferences, regularised_gap

GAMES = 10
WIDTH = 10
SAMPLES = 100


class Method(Enum):
    """Against whom win rates are measured, and who draws the pairs."""

    OMD = "INPO"
    IPO = "online IPO"
    NASH_MD = "Nash-MD"
    EGPO = "EGPO"


@dataclass(frozen=True, slots=True)
class Simulation:
    """One row of the paper's figure.

    Attributes:
        name: for tables.
        neural: networks and 100 responses, or tables and ten.
        sampled: pairs and labels are drawn.
        beta: weight of the divergence.
        rounds: gradient steps.
        rate: learning rate.
    """

    name: str
    neural: bool
    sampled: bool
    beta: float
    rounds: int
    rate: float

    @property
    def responses(self) -> int:
        """Responses in each game."""
        return 100 if self.neural else 10


SIMULATIONS = (
    Simulation("neural, exact", True, False, 0.01, 10_000, 0.003),
    Simulation("table, sampled", False, True, 0.01, 100_000, 2e-4),
    Simulation("neural, sampled", True, True, 0.1, 20_000, 0.001),
)

Parameters = list[Tensor]
Policy = Callable[[Parameters], Tensor]


def _network(generator: torch.Generator) -> Parameters:
    """Input, and weights and biases of three layers, for every game; drawn as torch draws linear layers."""
    parameters = [torch.randn((GAMES, 1, WIDTH), generator=generator, dtype=torch.float64)]
    for outputs in (WIDTH, WIDTH, 100):
        for shape in ((GAMES, WIDTH, outputs), (GAMES, 1, outputs)):
            uniform = torch.rand(shape, generator=generator, dtype=torch.float64)
            parameters.append((2.0 * uniform - 1.0) / WIDTH**0.5)
    return parameters


def _neural(parameters: Parameters) -> Tensor:
    hidden, *layers = parameters
    for number in range(0, len(layers), 2):
        hidden = hidden @ layers[number] + layers[number + 1]
        if number < len(layers) - 2:
            hidden = torch.relu(hidden)
    return torch.log_softmax(hidden[:, 0], dim=-1)


def _table(parameters: Parameters) -> Tensor:
    return torch.log_softmax(parameters[0], dim=-1)


def simulate(
    simulation: Simulation, method: Method, *, seed: int, scale: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Rounds looked at, and the regularised gaps there, shape (looks, games), computed by ``games``.

    Args:
        simulation: what to run.
        method: how to learn.
        seed: of games, networks and samples.
        scale: share of the rounds to play.
    """
    rng = np.random.default_rng(seed)
    generator = torch.Generator().manual_seed(seed)
    game = random_preferences(
        simulation.responses, rng=rng, batch_shape=(GAMES,), reference_scale=1.0, tau=simulation.beta
    )
    start = _network(generator) if simulation.neural else [torch.tensor(np.log(game.reference))]
    policy: Policy = _neural if simulation.neural else _table
    reference = policy(start).detach()
    game = game.with_reference(torch.exp(reference).numpy())
    learner = _Learner(simulation, method, policy, torch.tensor(game.margins), reference, generator)
    parameters, rounds = start, max(round(scale * simulation.rounds), 1)
    looks, gaps = [0], [_gaps(game, reference)]
    for number in range(1, rounds + 1):
        parameters = learner.step(parameters)
        if number == rounds or number >= 1.15 * looks[-1] + 1:
            looks.append(number)
            gaps.append(_gaps(game, policy(parameters)))
    return np.array(looks), np.stack(gaps)


def _gaps(game: PreferenceGame, log_policy: Tensor) -> np.ndarray:
    return regularised_gap(game, torch.exp(log_policy.detach()).numpy())


@dataclass(frozen=True, slots=True)
class _Learner:
    simulation: Simulation
    method: Method
    policy: Policy
    margins: Tensor
    reference: Tensor
    generator: torch.Generator

    def step(self, parameters: Parameters) -> Parameters:
        """Parameters after one round."""
        log_policy = self.policy(parameters).detach()
        opponent = log_policy
        if self.method is Method.NASH_MD:
            # The weight of the reference as in the released code.
            share = 2.0 * self.simulation.rate / self.simulation.responses
            opponent = torch.log_softmax((1.0 - share) * log_policy + share * self.reference, dim=-1)
        elif self.method is Method.EGPO:
            opponent = self.policy(self._descend(parameters, log_policy, log_policy)).detach()
        return self._descend(parameters, log_policy, opponent)

    def _descend(self, parameters: Parameters, current: Tensor, opponent: Tensor) -> Parameters:
        leaves = [part.detach().requires_grad_() for part in parameters]
        log_ratio = self.policy(leaves) - self.reference
        # Games do not touch: the sum of their losses has the gradient of each.
        loss = self._sampled(log_ratio, current, opponent) if self.simulation.sampled else None
        if loss is None:
            rates = (self.margins @ torch.exp(opponent)[..., None])[..., 0]
            off = log_ratio - rates / self.simulation.beta
            weights = torch.full_like(off, 1.0 / off.shape[-1])
            if self.method is Method.IPO:
                weights = torch.exp(current)
            mean = (weights * off).sum(dim=-1, keepdim=True)
            loss = 2.0 * (weights * (off - mean) ** 2).sum()
        gradients = torch.autograd.grad(loss, leaves)
        return [
            (part - self.simulation.rate * slope).detach()
            for part, slope in zip(leaves, gradients, strict=True)
        ]

    def _sampled(self, log_ratio: Tensor, current: Tensor, opponent: Tensor) -> Tensor:
        drawer = torch.exp(current) if self.method is Method.IPO else torch.ones_like(current)
        ours = torch.multinomial(drawer, 2 * SAMPLES, replacement=True, generator=self.generator)
        theirs = torch.multinomial(
            torch.exp(opponent), 2 * SAMPLES, replacement=True, generator=self.generator
        )
        games = torch.arange(GAMES)[:, None]
        chances = 0.5 + self.margins[games, ours, theirs]
        wins = torch.bernoulli(chances, generator=self.generator)
        off = torch.gather(log_ratio, 1, ours) - wins / self.simulation.beta
        pairs = off.reshape(GAMES, SAMPLES, 2)
        return ((pairs[..., 0] - pairs[..., 1]) ** 2).mean(dim=-1).sum()
