"""Policies of players on few arms as tables over steps and joint states, and back.

The players are planners on shared arms, or a planner and nature (`games.bandits.interval_arms`).
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, TypeAlias, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from games.bandits.planners import PlannersGame, PlannersState
from games.bandits.planners_chain import PlannersChain, planners_chain
from games.bandits.planners_response import Mixture, PlannersGaps, planners_gaps
from games.protocols import EnvGame
from marl.oracles import Opponent
from marl.policies import MixturePolicy, Policy


@runtime_checkable
class HasChain(Protocol):
    """A game that writes itself down."""

    def chain(self) -> PlannersChain:
        """The game as a chain; ValueError where it is too large."""


ChainGame: TypeAlias = EnvGame[PlannersState]
"""A `PlannersGame`, or a game that `HasChain`."""


def chain_of(game: ChainGame) -> PlannersChain:
    """The game written down.

    Raises:
        TypeError: nobody knows how.
        ValueError: it is too large.
    """
    return _chain_of(cast(Hashable, game))


@lru_cache(maxsize=4)  # an oracle and a simulator ask for the same game again and again
def _chain_of(game: Hashable) -> PlannersChain:
    if isinstance(game, PlannersGame):
        return planners_chain(game)
    if isinstance(game, HasChain):
        return game.chain()
    raise TypeError(f"game must be a PlannersGame or have a chain, got {type(game).__name__}")


@dataclass(frozen=True, slots=True, eq=False)
class TablePolicy:
    """Plays one numbered action in each joint state at each step.

    Attributes:
        choices: numbers of actions, of shape (horizon, n); joint states in the order of `PlannersChain`.
        arm_states: S.
    """

    choices: NDArray[np.int64]
    arm_states: int

    def probabilities(
        self, game: EnvGame[PlannersState], state: PlannersState, player: int
    ) -> NDArray[np.float64]:
        """See `marl.policies.Policy`."""
        place = 0
        for arm in state.arms:
            place = place * self.arm_states + arm
        row = np.zeros(game.num_actions(player))
        row[self.choices[state.step, place]] = 1.0
        return row


def table_of(game: ChainGame, chain: PlannersChain, policy: Policy[Any], player: int) -> NDArray[np.float64]:
    """What a policy does, of shape (horizon, n, A); it is asked once in each state.

    The policy must look at no more than ``game.observe`` shows: earnings are given as zero.
    """
    if isinstance(policy, TablePolicy):
        return np.asarray(np.eye(chain.sizes[player])[policy.choices])
    nothing = (0.0,) * game.num_players
    table = np.empty((chain.horizon, len(chain.start), chain.sizes[player]))
    for step in range(chain.horizon):
        for place, arms in enumerate(chain.states.tolist()):
            table[step, place] = policy.probabilities(game, PlannersState(step, tuple(arms), nothing), player)
    return table


def mixture_of(game: ChainGame, chain: PlannersChain, opponent: Opponent, player: int) -> Mixture:
    """A policy, or a mixture of several, as tables."""
    if isinstance(opponent, MixturePolicy):
        tables = tuple(table_of(game, chain, policy, player) for policy in opponent.policies)
        return Mixture(tables, np.asarray(opponent.weights))
    return Mixture((table_of(game, chain, opponent, player),), np.ones(1))


def certify_planners(
    game: ChainGame, players: Sequence[Opponent], *, max_beliefs: int = 20_000
) -> PlannersGaps:
    """Bound the NashConv of policies or mixtures in the whole game, against responses of any memory.

    Args:
        game: with few arms.
        players: what each planner plays, such as the ``players()`` of a sampled PSRO.
        max_beliefs: see `games.bandits.planners_response.response_bounds`.

    Raises:
        TypeError: the game is neither between planners nor has a chain.
        ValueError: it is too large to be written down, or ``players`` do not fit it.
    """
    if len(players) != game.num_players:
        raise ValueError(f"players must hold one for each of {game.num_players} planners, got {len(players)}")
    chain = chain_of(game)
    mixtures = [mixture_of(game, chain, opponent, i) for i, opponent in enumerate(players)]
    return planners_gaps(chain, mixtures, max_beliefs=max_beliefs)
