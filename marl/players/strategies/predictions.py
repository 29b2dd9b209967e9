"""What another player is expected to do in a matrix game, from its payoffs or from its past."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from games.normal_form.game import NormalFormGame
from games.normal_form.regret import contract_payoffs
from games.profiles import Profile
from games.text.situations import MatrixSituation
from marl.players.strategies.responses import Response, best, with_ties

Prediction: TypeAlias = Callable[[MatrixSituation, int], NDArray[np.float64]]
"""From a situation and a player other than its own to a distribution over that player's actions."""

_KEPT_GAMES = 128


@dataclass(frozen=True, slots=True)
class EvenOdds:
    """Every action of the other is equally likely."""

    def __call__(self, situation: MatrixSituation, about: int) -> NDArray[np.float64]:
        """Distribution over the actions of ``about``."""
        return even(situation.game.num_actions[about])


@dataclass(frozen=True, slots=True)
class LevelOf:
    """The other reasons k steps: level 0 draws evenly, level k answers level k - 1 of everybody [1]_.

    Attributes:
        level: k, >= 0.
        respond: how a level answers the one below; `best` with ties broken evenly, or with noise.

    .. [1] D. O. Stahl and P. W. Wilson, "On players' models of other players", Games and Economic Behavior
       10, 1995; R. Nagel, "Unraveling in guessing games", American Economic Review 85, 1995.
    """

    level: int
    respond: Response = best

    def __post_init__(self) -> None:
        if self.level < 0:
            raise ValueError(f"level must be >= 0, got {self.level}")

    def __call__(self, situation: MatrixSituation, about: int) -> NDArray[np.float64]:
        """Distribution over the actions of ``about``."""
        return _levels(situation.game, self.level, self.respond)[about]


@dataclass(frozen=True, slots=True)
class Frequencies:
    """The other goes on as it did on average, as fictitious play has it [1]_.

    With n_a the discounted number of rounds in which it took a, and the prior count c, action a has
    probability (n_a + c) / sum_b (n_b + c).

    Attributes:
        prior: c, > 0.
        discount: weight of a round against the one after it, in (0, 1].

    .. [1] G. W. Brown, "Iterative solution of games by fictitious play", in Activity Analysis of Production
       and Allocation, 1951.
    """

    prior: float = 1.0
    discount: float = 1.0

    def __post_init__(self) -> None:
        if not (self.prior > 0 and 0 < self.discount <= 1):
            raise ValueError(
                f"prior must be > 0 and discount in (0, 1], got {self.prior} and {self.discount}"
            )

    def __call__(self, situation: MatrixSituation, about: int) -> NDArray[np.float64]:
        """Distribution over the actions of ``about``."""
        counts = [0.0] * situation.game.num_actions[about]
        weight = 1.0
        for joint in reversed(situation.history):
            counts[joint[about]] += weight
            weight *= self.discount
        smoothed = np.array(counts) + self.prior
        shares: NDArray[np.float64] = smoothed / smoothed.sum()
        return shares


@dataclass(frozen=True, slots=True)
class NGram:
    """The other does what it did after the same last rounds before.

    The longest of the last ``order`` joint actions that came up before is the context; what followed it is
    counted, with a prior as in `Frequencies`. A new context is cut by its oldest round until it is known.

    Attributes:
        order: most rounds of context, >= 0; with 1 it finds a player who copies or counters.
        prior: count given to each action in advance, > 0.
    """

    order: int = 2
    prior: float = 0.25

    def __post_init__(self) -> None:
        if self.order < 0 or not self.prior > 0:
            raise ValueError(f"order must be >= 0 and prior > 0, got {self.order} and {self.prior}")

    def __call__(self, situation: MatrixSituation, about: int) -> NDArray[np.float64]:
        """Distribution over the actions of ``about``."""
        history = situation.history
        counts = np.full(situation.game.num_actions[about], self.prior)
        for length in range(min(self.order, len(history)), -1, -1):
            context = history[len(history) - length :]
            followed = [
                history[t][about] for t in range(length, len(history)) if history[t - length : t] == context
            ]
            if followed:
                np.add.at(counts, followed, 1.0)
                break
        shares: NDArray[np.float64] = counts / counts.sum()
        return shares


def even(size: int) -> NDArray[np.float64]:
    """The uniform distribution over ``size`` actions; read-only."""
    return _even(size)


@functools.lru_cache(maxsize=256)
def _even(size: int) -> NDArray[np.float64]:
    shares = np.full(size, 1.0 / size)
    shares.setflags(write=False)
    return shares


@functools.lru_cache(maxsize=_KEPT_GAMES)
def _levels(game: NormalFormGame, level: int, respond: Response) -> Profile:
    """What everybody does at a level; kept, because the same game is asked about again and again."""
    profile: Profile = tuple(even(size) for size in game.num_actions)
    scales = [float(np.abs(payoffs).max()) for payoffs in game.payoffs]
    for _ in range(level):
        values = contract_payoffs(game, profile)
        profile = tuple(respond(with_ties(v, scale)) for v, scale in zip(values, scales, strict=True))
    return profile
