"""A game that can be played, together with its compiled tree: policies as behaviors, exactly."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.extensive.evaluation import (
    behaviors_of_plans,
    expected_values,
    payoff_variances,
    realization_plans,
    uniform_behaviors,
)
from games.extensive.sequence_form import Behavior, Plan, SequenceForm
from games.protocols import EnvGame
from marl.policies import MixturePolicy, Policy
from marl.policies.seating import check_policies


@dataclass(frozen=True, slots=True, eq=False)
class CompiledGame:
    """A game played forward and its sequence form, joined.

    Attributes:
        game: the game.
        form: the same game, compiled.
        states: for each player, a state of every information set, in the order of the treeplex.
        actions: for each player int64 (S_i,), the action number that each sequence ends with in ``game``;
            -1 at the empty sequence.
    """

    game: EnvGame[Any]
    form: SequenceForm
    states: tuple[tuple[Any, ...], ...]
    actions: tuple[NDArray[np.int64], ...]

    def behavior(self, player: int, policy: Policy[Any] | MixturePolicy[Any]) -> Behavior:
        """What the policy does at every information set, shape (S_player,).

        A mixture becomes the behavior with the same distribution over outcomes (Kuhn's theorem), uniform
        where none of its policies comes.

        Raises:
            ValueError: the policy gives no distribution over the legal actions somewhere.
        """
        if not isinstance(policy, MixturePolicy):
            return self._pure(player, policy)
        weights = np.asarray(policy.weights)
        plan = np.zeros(self.form.num_sequences[player])
        for part, weight in zip(policy.policies, weights, strict=True):
            if weight > 0:
                plan += weight * self._plan(player, self._pure(player, part))
        others = list(realization_plans(self.form, uniform_behaviors(self.form)))
        others[player] = plan
        return behaviors_of_plans(self.form, others)[player]

    def moments(
        self, policies: Sequence[Policy[Any] | MixturePolicy[Any]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and variance of every player's payoff, each of shape (N,), without sampling.

        Raises:
            ValueError: the number of policies is wrong, or as ``behavior``.
        """
        check_policies(self.form.num_players, policies)
        return self.moments_of([self.behavior(i, policy) for i, policy in enumerate(policies)])

    def moments_of(self, behaviors: Sequence[Behavior]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """As ``moments``, of behaviors of shape (S_i,)."""
        return expected_values(self.form, behaviors), payoff_variances(self.form, behaviors)

    def _plan(self, player: int, behavior: Behavior) -> Plan:
        behaviors = list(uniform_behaviors(self.form))
        behaviors[player] = behavior
        return realization_plans(self.form, behaviors)[player]

    def _pure(self, player: int, policy: Policy[Any]) -> Behavior:
        from marl.populations.behavior import BehaviorPolicy  # which knows of kinds, and they of this module

        plex = self.form.treeplexes[player]
        if isinstance(policy, BehaviorPolicy) and policy.labels.plex.infosets == plex.infosets:
            return policy.behavior
        behavior = np.zeros(plex.num_sequences)
        behavior[0] = 1.0
        for h, state in enumerate(self.states[player]):
            moves = slice(plex.start[h], plex.start[h + 1])
            row = policy.probabilities(self.game, state, player)
            behavior[moves] = row[self.actions[player][moves]]
            if not abs(behavior[moves].sum() - 1.0) <= 1e-6:  # `not <=` also catches NaN
                raise ValueError(
                    f"the policy of player {player} must give a distribution over the legal actions at "
                    f"{plex.infosets[h]!r}, got {row}"
                )
        return behavior
