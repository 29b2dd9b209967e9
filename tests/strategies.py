"""Hypothesis strategies for the domain's objects, in one place."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from games.normal_form import NormalFormGame


@st.composite
def normal_form_games(draw, *, players=(2, 3), max_actions=4, max_payoff=9, zero_sum=False):
    """Games with small integer payoffs: ties, duplicates and constant rows are frequent on purpose."""
    n = draw(st.integers(*players)) if not zero_sum else 2
    sizes = tuple(draw(st.lists(st.integers(1, max_actions), min_size=n, max_size=n)))
    payoffs = st.integers(-max_payoff, max_payoff).map(float)
    if zero_sum:
        return NormalFormGame.zero_sum(draw(arrays(np.float64, sizes, elements=payoffs)))
    return NormalFormGame(draw(arrays(np.float64, (n, *sizes), elements=payoffs)))


@st.composite
def distributions(draw, size):
    """A probability vector of the given size; zeros are frequent on purpose."""
    weights = np.array(draw(st.lists(st.integers(0, 9), min_size=size, max_size=size)), dtype=float)
    if not weights.any():
        weights[draw(st.integers(0, size - 1))] = 1.0
    return weights / weights.sum()


@st.composite
def games_with_profiles(draw, **options):
    """A game and a mixed profile of it."""
    game = draw(normal_form_games(**options))
    return game, tuple(draw(distributions(n)) for n in game.num_actions)
