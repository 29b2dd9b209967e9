"""Planners on very few arms as a game tree, in which policies may remember all that they saw.

A planner knows which states the arms were in and what they did themselves, not what the others did. So an
information set is such a history, and everything for trees applies: exact PSRO, certificates, aversion to
risk. The tree has about (joint actions times moves of the arms)^horizon leaves.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.bandits.planners import PlannersGame, PlannersState
from games.bandits.problem import BernoulliStart
from games.chance import Outcomes
from games.extensive.expand import Expansion, expand_env


@dataclass(frozen=True, slots=True, eq=False)
class ListedPlanners(PlannersGame):
    """A game of planners that lists its chance moves (`games.chance.ListsChance`)."""

    def start_outcomes(self) -> Outcomes[PlannersState]:
        """All states at the start with their chances.

        Raises:
            ValueError: the start is not a `BernoulliStart`, whose law is known, or arms have one state only.
        """
        if not isinstance(self.start, BernoulliStart):
            raise ValueError(f"start must be a BernoulliStart, whose law is known, got {self.start!r}")
        law = np.tile(self.start.law(self.bandit.arms.states), (self.bandit.arms.count, 1))
        nothing = (0.0,) * self.num_players
        return tuple((chance, PlannersState(0, arms, nothing)) for chance, arms in _reached(law))

    def step_outcomes(self, state: PlannersState, joint: Mapping[int, int]) -> Outcomes[PlannersState]:
        """All states after a joint action with their chances."""
        actions = np.stack([self.choices[player][joint[player]] for player in range(self.num_players)])
        outcomes = []
        for chance, arms in _reached(self.bandit.moves(np.array(state.arms), actions)):
            rewards = self.bandit.rewards_of(np.array(arms)).tolist()
            earned = tuple(before + now for before, now in zip(state.earned, rewards, strict=True))
            outcomes.append((chance, PlannersState(state.step + 1, arms, earned)))
        return tuple(outcomes)


def planners_tree(game: PlannersGame, *, max_histories: int = 1_000_000) -> Expansion[PlannersState]:
    """Write a game of planners down as a tree; ``games.extensive.fold`` compiles it.

    Args:
        game: the game.
        max_histories: as for `games.extensive.expand_env`.

    Raises:
        UnsupportedGameError: the tree is larger.
        ValueError: the start is not a `BernoulliStart`.
    """
    listed = ListedPlanners(game.bandit, game.start)
    return expand_env(listed, information=_seen, max_histories=max_histories)


def _seen(state: PlannersState, player: int) -> str:
    """What all planners see; what they saw and did before is remembered for them."""
    return f"{state.step}:{','.join(map(str, state.arms))}"


def _reached(law: NDArray[np.float64]) -> list[tuple[float, tuple[int, ...]]]:
    """Joint states of independent arms, of distributions (J, S), that have a chance."""
    supports = [np.flatnonzero(row).tolist() for row in law]
    return [
        (float(np.prod([row[s] for row, s in zip(law, arms, strict=True)])), arms)
        for arms in itertools.product(*supports)
    ]
