"""Policies of an OpenSpiel game that is small enough to compile: to behavior arrays and back, exactly."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from games.adapters.open_spiel import OpenSpielGame
from games.adapters.open_spiel_policy import from_open_spiel_policy
from games.extensive.evaluation import behaviors_of_plans, realization_plans
from games.extensive.sequence_form import Behavior, SequenceForm
from marl.policies.mixture import MixturePolicy
from marl.policies.tabular import TabularPolicy, information_state_key
from marl.policies.uniform import Policy


def behaviors_of_policies(
    game: OpenSpielGame, form: SequenceForm, policies: Sequence[Policy[Any] | MixturePolicy[Any]]
) -> tuple[Behavior, ...]:
    """What the policies do at every information set, one array of shape (S_i,) per player.

    Walks the whole tree and asks each policy once per information set. A mixture becomes the behavior
    strategy with the same distribution over outcomes, which exists under perfect recall (Kuhn's theorem);
    where none of its policies comes, it is uniform.

    Args:
        game: the game the policies play.
        form: the same game, compiled.
        policies: one per player.

    Raises:
        ValueError: the number of policies is wrong, or the form is of another game.
    """
    if len(policies) != game.num_players:
        raise ValueError(f"policies must hold one per player: wanted {game.num_players}, got {len(policies)}")
    groups = [p.policies if isinstance(p, MixturePolicy) else (p,) for p in policies]
    weights = [np.asarray(p.weights if isinstance(p, MixturePolicy) else [1.0]) for p in policies]
    states = states_of_infosets(game)
    mixed = [np.zeros(n) for n in form.num_sequences]
    # Behaviors come in profiles, so short groups are filled with their first policy, without weight.
    for k in range(max(map(len, groups))):
        table = {}
        for (player, label), state in states.items():
            group = groups[player]
            row = group[k if k < len(group) else 0].probabilities(game, state, player)
            table[label] = list(enumerate(row.tolist()))
        plans = realization_plans(form, from_open_spiel_policy(form, table))
        for i, plan in enumerate(plans):
            if k < len(groups[i]):
                mixed[i] += weights[i][k] * plan
    return behaviors_of_plans(form, mixed)


def policy_of_behavior(
    form: SequenceForm, player: int, behavior: ArrayLike, num_actions: int
) -> TabularPolicy:
    """A table by information-state strings that plays ``behavior``, an array of shape (S_player,).

    Args:
        form: compiled from an OpenSpiel game.
        player: whose behavior it is.
        behavior: probability of the last move of each sequence.
        num_actions: size of the game's action space.

    Raises:
        ValueError: the behavior has another shape.
    """
    plex = form.treeplexes[player]
    chances = np.asarray(behavior, dtype=np.float64)
    if chances.shape != (plex.num_sequences,):
        raise ValueError(f"behavior must have shape ({plex.num_sequences},), got {chances.shape}")
    table = {}
    for h, label in enumerate(plex.infosets):
        moves = slice(plex.start[h], plex.start[h + 1])
        row = np.zeros(num_actions)
        row[plex.action_ids[moves]] = chances[moves]
        table[label.encode()] = row
    return TabularPolicy(table, information_state_key)


def states_of_infosets(game: OpenSpielGame) -> dict[tuple[int, str], Any]:
    """One state of every information set, by player and information-state string."""
    found: dict[tuple[int, str], Any] = {}
    stack = [game.spiel_game.new_initial_state()]
    while stack:
        state = stack.pop()
        if state.is_terminal():
            continue
        for player in game.to_move(state):
            found.setdefault((player, state.information_state_string(player)), state)
        # At simultaneous nodes these are joint actions, numbered as child() takes them.
        stack.extend(state.child(action) for action in state.legal_actions())
    return found
