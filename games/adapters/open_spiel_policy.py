"""Policies to and from OpenSpiel.

OpenSpiel names an information set by its information-state string and an action by an integer; the
sequence form keeps both, so conversion is a look-up and loses nothing.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import pyspiel
from numpy.typing import ArrayLike, NDArray
from open_spiel.python.policy import TabularPolicy

from games.errors import UnsupportedGameError
from games.extensive.sequence_form import Behavior, SequenceForm, Treeplex

PolicyTable: TypeAlias = Mapping[str, Sequence[tuple[int, float]]]
"""Information-state string to (action, probability) pairs, as OpenSpiel's C++ policies print it."""


def to_open_spiel_policy(form: SequenceForm, behaviors: Sequence[ArrayLike]) -> TabularPolicy:
    """A Python ``TabularPolicy`` of the game the form was compiled from, with the given behavior.

    Raises:
        UnsupportedGameError: the form was not compiled from an OpenSpiel game.
    """
    if not form.source:
        raise UnsupportedGameError(f"{form.name} was not compiled from an OpenSpiel game")
    policy = TabularPolicy(pyspiel.load_game(form.source))
    for player, plex in enumerate(form.treeplexes):
        behavior = np.asarray(behaviors[player], dtype=np.float64)
        rows = np.fromiter((policy.state_lookup[label] for label in plex.infosets), np.int64)
        owner = np.repeat(rows, np.diff(plex.start))
        policy.action_probability_array[rows] = 0.0
        policy.action_probability_array[owner, plex.action_ids[1:]] = behavior[1:]
    return policy


def from_open_spiel_policy(
    form: SequenceForm, policy: "TabularPolicy | pyspiel.TabularPolicy | PolicyTable"
) -> tuple[Behavior, ...]:
    """The behavior of an OpenSpiel policy, one array of shape (S_i,) per player.

    Args:
        form: compiled from the game the policy plays.
        policy: a tabular policy of OpenSpiel's Python or C++ library, or a mapping from information-state
            strings to (action, probability) pairs. Actions a pair list leaves out have probability zero.

    Raises:
        ValueError: the policy misses an information set of the game.
    """
    if isinstance(policy, TabularPolicy):
        return tuple(_from_array(policy, plex) for plex in form.treeplexes)
    table = policy.policy_table() if isinstance(policy, pyspiel.TabularPolicy) else policy
    return tuple(_from_table(table, plex) for plex in form.treeplexes)


def _from_array(policy: TabularPolicy, plex: Treeplex) -> Behavior:
    missing = [label for label in plex.infosets if label not in policy.state_lookup]
    if missing:
        raise ValueError(
            f"policy has no entry for information set {missing[0]!r} ({len(missing)} are missing)"
        )
    rows = np.fromiter((policy.state_lookup[label] for label in plex.infosets), np.int64)
    owner = np.repeat(rows, np.diff(plex.start))
    return np.concatenate(([1.0], policy.action_probability_array[owner, plex.action_ids[1:]]))


def _from_table(table: PolicyTable, plex: Treeplex) -> Behavior:
    behavior: NDArray[np.float64] = np.zeros(plex.num_sequences)
    behavior[0] = 1.0
    for h, label in enumerate(plex.infosets):
        if label not in table:
            raise ValueError(f"policy has no entry for information set {label!r}")
        probabilities = dict(table[label])
        for s in range(plex.start[h], plex.start[h + 1]):
            behavior[s] = probabilities.get(int(plex.action_ids[s]), 0.0)
    return behavior
