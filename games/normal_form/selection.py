r"""Markov chains of evolutionary selection on action profiles, the problem that alpha-rank solves [1]_.

Every player stands for a population that is unanimous at almost all times. In profile s a population i and
one of its other actions b are drawn uniformly, with probability eta = 1 / sum_j (n_j - 1) each pair; a mutant
playing b takes over with a probability that depends on its gain g = u_i(b, s_{-i}) - u_i(s). The stationary
distribution of the chain ranks the profiles.

The chain of a single population is over the n actions of a symmetric two-player game: a mutant r in a
population of s gains u(r, s) - u(s, r) (selection by the encounter itself).

.. [1] S. Omidshafiei et al., "alpha-Rank: multi-agent evaluation by evolution", Scientific Reports 9, 2019.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.errors import UnsupportedGameError
from games.normal_form.game import NormalFormGame
from games.profiles import as_distribution

# Gains this close to zero (times alpha) are ties, in which the formula would divide rounding by rounding.
_TIE = 1e-14


class Selection(Protocol):
    """How likely a mutant takes over."""

    def log_rates(self, gains: NDArray[np.float64]) -> NDArray[np.float64]:
        """Logarithm of the probability that a mutant with the given payoff gain takes over; same shape."""


@dataclass(frozen=True, slots=True)
class FiniteSelection:
    r"""Fermi selection in a finite population: (1 - e^{-alpha g}) / (1 - e^{-m alpha g}), 1/m at a tie.

    Attributes:
        alpha: strength of selection, in 1/payoff; positive and finite.
        population: number m of individuals, at least 2.
    """

    alpha: float
    population: int = 50

    def __post_init__(self) -> None:
        if not (math.isfinite(self.alpha) and self.alpha > 0.0):
            raise ValueError(f"alpha must be finite and positive, got {self.alpha!r}")
        if self.population < 2:
            raise ValueError(f"population must be at least 2, got {self.population!r}")

    def log_rates(self, gains: NDArray[np.float64]) -> NDArray[np.float64]:
        """See ``Selection.log_rates``; logarithms, since e^{-m alpha g} leaves the range of float64 soon."""
        scaled = self.alpha * gains
        size = np.abs(scaled)
        tie = size <= _TIE
        size[tie] = 1.0
        logs = np.log(np.expm1(-size) / np.expm1(-self.population * size))
        logs += (self.population - 1) * np.minimum(scaled, 0.0)
        logs[tie] = -math.log(self.population)
        return np.asarray(logs)


@dataclass(frozen=True, slots=True)
class InfiniteSelection:
    """The limit of strong selection: better mutants take over, worse ones hardly ever.

    Attributes:
        noise: probability that a worse mutant takes over, and that a better one does not; in (0, 0.5).
    """

    noise: float = 1e-6

    def __post_init__(self) -> None:
        if not 0.0 < self.noise < 0.5:
            raise ValueError(f"noise must lie in (0, 0.5), got {self.noise!r}")

    def log_rates(self, gains: NDArray[np.float64]) -> NDArray[np.float64]:
        """See ``Selection.log_rates``; a tie is decided by a fair coin."""
        decided = np.where(gains > 0.0, math.log1p(-self.noise), math.log(self.noise))
        return np.asarray(np.where(np.abs(gains) <= _TIE, math.log(0.5), decided))


def selection_residual(game: NormalFormGame, joint: ArrayLike, selection: Selection) -> float:
    """Sum over profiles of the absolute net flow of probability in one step of the chain.

    Zero exactly at a stationary distribution. A small residual does not bound the distance to one where
    parts of the chain hardly communicate: the flow between them is small whatever their weights.

    Args:
        game: any normal-form game.
        joint: distribution over action profiles, shape (n_1, ..., n_N).
        selection: how mutants take over.

    Raises:
        ValueError: ``joint`` does not fit the game or is not a distribution.
    """
    p = np.asarray(joint, dtype=np.float64)
    if p.shape != game.num_actions:
        raise ValueError(f"joint must have shape {game.num_actions}, got {p.shape}")
    p = as_distribution(p.ravel(), name="joint").reshape(p.shape)
    net = np.zeros_like(p)
    for i in range(game.num_players):
        # The player's own axis first; the others may trade places, alike in every array.
        here, payoffs = p.swapaxes(0, i), game.payoffs[i].swapaxes(0, i)
        # flows[b, a]: what profiles with action a give to those with b; what a gives itself cancels.
        flows = here * np.exp(selection.log_rates(payoffs[:, None] - payoffs))
        change = net.swapaxes(0, i)  # a view: what is added here is added to ``net``
        change += flows.sum(axis=1) - flows.sum(axis=0)
    draws = sum(n - 1 for n in game.num_actions)
    return float(np.abs(net).sum()) / max(draws, 1)


def single_selection_residual(game: NormalFormGame, weights: ArrayLike, selection: Selection) -> float:
    """As ``selection_residual`` for a single population; ``weights`` has shape (n,).

    Raises:
        UnsupportedGameError: the game is not a symmetric game of two players.
        ValueError: ``weights`` does not fit the game or is not a distribution.
    """
    payoffs = symmetric_payoffs(game)
    p = as_distribution(weights, payoffs.shape[0], name="weights")
    flows = p[:, None] * np.exp(selection.log_rates(payoffs.T - payoffs))
    return float(np.abs(flows.sum(axis=0) - flows.sum(axis=1)).sum()) / max(p.size - 1, 1)


def symmetric_payoffs(game: NormalFormGame) -> NDArray[np.float64]:
    """Payoffs u(own, other) that both players share, shape (n, n).

    Raises:
        UnsupportedGameError: not two players, or u_2 is not the transpose of u_1 (to 1e-12 of the range).
    """
    if game.num_players == 2 and game.num_actions[0] == game.num_actions[1]:
        difference = float(np.abs(game.payoffs[1] - game.payoffs[0].T).max())
        if difference <= 1e-12 * game.payoff_range:
            return np.asarray(game.payoffs[0])
    raise UnsupportedGameError(
        f"a single population needs a symmetric game of two players, and {game.name} is not; "
        "one population for each player treats any game"
    )
