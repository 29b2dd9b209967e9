"""Networks and action sets for tests of the argmax."""

import dataclasses
import itertools

import numpy as np

from games.bandits.action_set import cardinality
from solvers.sequoia.network import ActionNetwork


def random_network(rng, size, hidden, slope=0.0, scale=1.6):
    widths = [size, *hidden, 1]
    return ActionNetwork(
        tuple(rng.normal(size=(k, n)) * scale / np.sqrt(n) for n, k in itertools.pairwise(widths)),
        tuple(rng.normal(size=k) for k in widths[1:]),
        (slope,) * len(hidden),
    )


def allowed_actions(size, most, fixed, exactly):
    actions = np.array(list(itertools.product((0, 1), repeat=size)))
    counts = actions.sum(axis=1)
    keep = (counts == most) if exactly else (counts <= most)
    return actions[keep & ((actions == fixed) | (fixed < 0)).all(axis=1)].astype(bool)


def knapsack(rng, size, most):
    """A set closed under dropping bits, of which the searches know only the test and ``most``."""
    costs, room = rng.integers(1, 6, size=size), int(rng.integers(3, 12))
    return tested(size, most, lambda a: (a.sum(axis=1) <= most) & (a @ costs <= room), downward=True)


def scattered(rng, size, most):
    """A set without any structure that holds the empty action and about a third of the others."""
    codes, weights = rng.random(2**size) < 0.33, 2 ** np.arange(size)
    codes[0] = True
    return tested(size, most, lambda a: (a.sum(axis=1) <= most) & codes[a @ weights], downward=False)


def tested(size, most, membership, downward):
    base = cardinality(size, most)
    # Two equal rows: still valid, but no longer the form that says the count is all there is.
    return dataclasses.replace(
        base,
        rows=type(base.rows)(np.ones((2, size))),
        row_lower=np.full(2, -np.inf),
        row_upper=np.full(2, float(most)),
        membership=membership,
        downward=downward,
        name="tested",
    )
