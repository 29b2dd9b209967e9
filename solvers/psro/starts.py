"""Policies to start from."""

import numpy as np

from games.extensive.sequence_form import Behavior, SequenceForm


def random_behaviors(form: SequenceForm, *, rng: np.random.Generator) -> tuple[Behavior, ...]:
    """A random behavior policy of each player: uniform over all mixtures at every information set.

    Every action has positive probability, so a start of such policies comes everywhere in the tree.

    Args:
        form: the game.
        rng: source of the draws.

    Returns:
        Arrays of shape (S_i,).
    """
    return tuple(
        np.concatenate([[1.0], *(rng.dirichlet(np.ones(n)) for n in np.diff(plex.start))])
        for plex in form.treeplexes
    )
