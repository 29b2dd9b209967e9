"""Brute force over all actions, for the tests of this folder."""

import itertools

import numpy as np


def all_actions(size):
    return np.array(list(itertools.product([False, True], repeat=size)), dtype=bool).reshape(-1, size)


def subsets(size, allowed):
    """Which of ``all_actions(size)`` the function of the tuple of set bits allows."""
    return np.array([allowed(tuple(np.flatnonzero(a))) for a in all_actions(size)])
