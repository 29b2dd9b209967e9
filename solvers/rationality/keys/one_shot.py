"""What can be computed of a game that is played once: eliminations, equilibria, levels of reasoning."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from games.normal_form import NormalFormGame, deviation_payoffs
from games.profiles import Profile
from solvers.rationality.metrics.levels import cognitive_hierarchy, level_k, mix_profiles, poisson_shares
from solvers.rationality.metrics.rationalizability import Elimination, eliminate_strictly
from solvers.rationality.solved import nash_profile

LEVELS = 4
"""The highest level of reasoning in a key."""

STEPS = 1.5
"""Mean number of steps in the population of a key: what Camerer, Ho and Chong (2004), A cognitive hierarchy
model of games, QJE 119, suggest where nothing is known."""

_TIE = 1e-9  # of the payoff range
_SAME = 1e-4  # of probability: profiles nearer than this in all entries are one
_LIKELY = 1e-6  # probability from which an action is in a support


@dataclass(frozen=True, slots=True, eq=False)
class OneShotKey:
    """A game and what follows from it.

    Attributes:
        game: any normal-form game.
        elimination: of strictly dominated actions.
        equilibria: every equilibrium in pure actions, and one that a solver found if it is another. There
            may be more in mixed actions.
        levels: profiles of level 0, uniform, to `LEVELS`.
        population: what people of a cognitive hierarchy with `STEPS` steps on average play together.
    """

    game: NormalFormGame
    elimination: Elimination
    equilibria: tuple[Profile, ...]
    levels: tuple[Profile, ...]
    population: Profile

    def supports(self, player: int) -> tuple[int, ...]:
        """Actions that the player takes in some of the equilibria."""
        taken = np.max([profile[player] for profile in self.equilibria], axis=0)
        return tuple(np.flatnonzero(taken > _LIKELY).tolist())

    def against_population(self, player: int) -> NDArray[np.float64]:
        """Expected payoff of each action against the population, shape (n,)."""
        return deviation_payoffs(self.game, self.population)[player]

    def equilibrium_losses(self, player: int) -> NDArray[np.float64]:
        """What each action falls short of the best by against the others' play of an equilibrium.

        Of several equilibria the one counts against which the action falls short by least.

        Returns:
            Shape (n,), in units of payoff; 0 for all actions in `supports`, to rounding.
        """
        values = np.array([deviation_payoffs(self.game, profile)[player] for profile in self.equilibria])
        losses: NDArray[np.float64] = (values.max(axis=1, keepdims=True) - values).min(axis=0)
        return losses


@lru_cache(maxsize=256)
def one_shot_key(game: NormalFormGame) -> OneShotKey:
    """Compute the key of a game; kept per object.

    Raises:
        SolveError: no equilibrium was found to 1e-6 of the payoff range.
    """
    steps = cognitive_hierarchy(game, STEPS, LEVELS)
    return OneShotKey(
        game,
        eliminate_strictly(game),
        _equilibria(game),
        level_k(game, LEVELS),
        mix_profiles(steps, poisson_shares(STEPS, LEVELS)),
    )


def pure_equilibria(game: NormalFormGame) -> tuple[tuple[int, ...], ...]:
    """All profiles of actions from which nobody gains by leaving alone, in lexicographic order."""
    stable = np.ones(game.num_actions, dtype=np.bool_)
    for player, payoffs in enumerate(game.payoffs):
        stable &= payoffs >= payoffs.max(axis=player, keepdims=True) - _TIE * game.payoff_range
    return tuple(tuple(cell) for cell in np.argwhere(stable).tolist())


def _equilibria(game: NormalFormGame) -> tuple[Profile, ...]:
    found: list[Profile] = [
        tuple(np.eye(size)[action] for size, action in zip(game.num_actions, cell, strict=True))
        for cell in pure_equilibria(game)
    ]
    solved = nash_profile(game)
    if not any(_distance(solved, profile) < _SAME for profile in found):
        found.append(solved)
    return tuple(found)


def _distance(first: Profile, second: Profile) -> float:
    return max(float(np.abs(x - y).max()) for x, y in zip(first, second, strict=True))
