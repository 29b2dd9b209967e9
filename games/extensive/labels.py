"""Policies in the user's own words: information sets and actions by their labels."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from games.extensive.sequence_form import Behavior, SequenceForm, Treeplex
from games.registry import unknown_name

LabelledPolicy: TypeAlias = dict[str, dict[str, float]]
"""Information set to action to probability, all by label, in the order of the treeplex."""


def labelled_policies(form: SequenceForm, behaviors: Sequence[ArrayLike]) -> tuple[LabelledPolicy, ...]:
    """One mapping per player, from behavior policies of shape (S_i,).

    Example:
        >>> from games.adapters.open_spiel_tree import compile_open_spiel
        >>> from games.extensive import uniform_behaviors
        >>> form = compile_open_spiel("kuhn_poker")
        >>> labelled_policies(form, uniform_behaviors(form))[0]["0pb"]
        {'Pass': 0.5, 'Bet': 0.5}
    """
    shapes = [np.shape(b) for b in behaviors]
    wanted = [(n,) for n in form.num_sequences]
    if shapes != wanted:
        raise ValueError(f"behaviors must have shapes {wanted}, one array per player, got {shapes}")
    return tuple(
        _labelled(plex, np.asarray(behavior, dtype=np.float64))
        for plex, behavior in zip(form.treeplexes, behaviors, strict=True)
    )


def behaviors_of_labels(
    form: SequenceForm, policies: Sequence[Mapping[str, Mapping[str, float]]]
) -> tuple[Behavior, ...]:
    """Behavior policies from mappings by label; actions left out have probability zero.

    Raises:
        ValueError: an information set is missing; there must be one mapping per player.
        UnknownNameError: an information set or an action is not the game's; near matches are suggested.
    """
    if len(policies) != form.num_players:
        raise ValueError(
            f"policies must hold one mapping per player: wanted {form.num_players}, got {len(policies)}"
        )
    return tuple(_unlabelled(plex, policy) for plex, policy in zip(form.treeplexes, policies, strict=True))


def _labelled(plex: Treeplex, behavior: Behavior) -> LabelledPolicy:
    return {
        label: dict(zip(actions, behavior[plex.start[h] : plex.start[h + 1]].tolist(), strict=True))
        for h, (label, actions) in enumerate(zip(plex.infosets, plex.actions, strict=True))
    }


def _unlabelled(plex: Treeplex, policy: Mapping[str, Mapping[str, float]]) -> Behavior:
    known = set(plex.infosets)
    for label in policy:
        if label not in known:
            raise unknown_name("information set", label, plex.infosets)
    behavior = np.zeros(plex.num_sequences)
    behavior[0] = 1.0
    for h, (label, actions) in enumerate(zip(plex.infosets, plex.actions, strict=True)):
        if label not in policy:
            raise ValueError(f"policies must cover every information set; {label!r} is missing")
        for action, probability in policy[label].items():
            if action not in actions:
                raise unknown_name(f"action at {label!r}:", action, actions)
            behavior[plex.start[h] + actions.index(action)] = probability
    return behavior
