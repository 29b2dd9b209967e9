"""Menus: what is best on them by counting, and what the designs promise."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.social.desires import Desire
from games.social.dictator import (
    Menu,
    balanced_menus,
    free_menus,
    random_menu,
    reimplemented_menus,
    switching_menu,
)


def worth(desire, row):
    """The four desires once more, by hand."""
    own, *others = row
    return {
        Desire.SELF_INTEREST: own,
        Desire.COMMON_INTEREST: own + sum(others),
        Desire.ALTRUISM: sum(others),
        Desire.EQUALITY: min(row) - max(row),
    }[desire]


def test_reimplemented_menus_put_the_right_option_first():
    for desire, menu in reimplemented_menus().items():
        assert menu.best(desire) == (0,)
        assert menu.margin(desire) == worth(desire, menu.payoffs[0]) - worth(desire, menu.payoffs[1]) > 0


@settings(max_examples=40, deadline=None)
@given(
    options=st.integers(2, 6),
    people=st.integers(2, 4),
    seed=st.integers(0, 10**6),
    margin=st.sampled_from([0, 40]),
)
def test_random_menus_part_the_desires(options, people, seed, margin):
    menu = random_menu(
        options, rng=np.random.default_rng(seed), people=people, pot=900, step=10, margin=max(margin, 10)
    )
    assert menu.payoffs.shape == (options, people)
    assert (menu.payoffs >= 0).all()
    assert (menu.payoffs.sum(axis=1) <= 900).all()
    assert (menu.payoffs % 10 == 0).all()
    optima = set()
    for desire in Desire:
        values = sorted((worth(desire, row) for row in menu.payoffs.tolist()), reverse=True)
        assert values[0] - values[1] >= max(margin, 10)
        assert menu.margin(desire) == values[0] - values[1]
        (best,) = menu.best(desire)
        assert worth(desire, menu.payoffs[best].tolist()) == values[0]
        optima.add(best)
    assert len(optima) == min(options, 4)


def test_random_menus_divide_less_than_the_pot_and_repeat_themselves():
    menus = [random_menu(4, rng=np.random.default_rng(seed)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(menus[0].payoffs, menus[1].payoffs)
    assert not np.array_equal(menus[0].payoffs, menus[2].payoffs)
    assert (menus[0].payoffs.sum(axis=1) < 1000).any()  # money may be lost


@pytest.mark.parametrize("desire", Desire)
@pytest.mark.parametrize("options", [2, 3, 4])
def test_balanced_menus_put_the_best_everywhere_alike(desire, options):
    menus = balanced_menus(desire, 3 * options, options, rng=np.random.default_rng(5))
    places = np.bincount([menu.best(desire)[0] for menu in menus], minlength=options)
    np.testing.assert_array_equal(places, np.full(options, 3))
    others = [other for other in Desire if other is not desire]
    for number, menu in enumerate(menus):  # each other desire takes its turn to disagree
        assert menu.best(desire) != menu.best(others[number % 3])
    assert len({menu.name for menu in menus}) == len(menus)


@pytest.mark.parametrize("ahead", [True, False])
@pytest.mark.parametrize("switch", [-1.0, -0.25, 0.3, 0.75, 1.5])
def test_switching_menus_switch_there(ahead, switch):
    menu = switching_menu(switch, ahead=ahead, cost=60)
    own, other = menu.payoffs.T
    assert ((own > other) == ahead).all()
    assert ((own < other) != ahead).all()

    def gain(weight):
        utilities = own + weight * (other - own)
        return utilities[1] - utilities[0]

    assert gain(switch) == pytest.approx(0, abs=1e-9)
    assert gain(0) == pytest.approx(-60)
    assert gain(2 * switch) == pytest.approx(60)


def test_free_menus_identify_both_weights_and_the_noise():
    menus = free_menus(rng=np.random.default_rng(3))
    rows = []
    for menu in menus:
        own, other = menu.payoffs.T
        gap = other - own
        features = np.stack([own, np.minimum(gap, 0), np.maximum(gap, 0)], axis=1)
        rows.append(features[1] - features[0])
    spread = np.linalg.svd(np.array(rows) / np.abs(rows).max(axis=0), compute_uv=False)
    assert spread[-1] > 0.2  # three directions, none of them nearly lost
    assert len({menu.name for menu in menus}) == len(menus) == 14
    for side in ("ahead", "behind"):
        assert sum(side in menu.name for menu in menus) == 7


def test_arranging_moves_options():
    menu = Menu(np.array([[1.0, 2], [3, 4], [5, 6]]))
    np.testing.assert_array_equal(menu.arranged([2, 0, 1]).payoffs, [[5, 6], [1, 2], [3, 4]])
    moved = menu.placed(Desire.SELF_INTEREST, 0)
    assert moved.best(Desire.SELF_INTEREST) == (0,)
    assert sorted(moved.payoffs.tolist()) == menu.payoffs.tolist()


def test_ties_are_several_best_without_margin():
    menu = Menu(np.array([[3.0, 3], [5, 1]]))
    assert menu.best(Desire.COMMON_INTEREST) == (0, 1)
    assert menu.margin(Desire.COMMON_INTEREST) == 0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Menu(np.ones((1, 2))), "payoffs must be finite"),
        (lambda: Menu(np.array([[1.0, np.nan], [0, 0]])), "payoffs must be finite"),
        (lambda: Menu(np.ones((2, 2))).arranged([0, 0]), "order must permute"),
        (lambda: Menu(np.ones((2, 2))).placed(Desire.EQUALITY, 2), "position must lie"),
        (lambda: random_menu(1, rng=np.random.default_rng(0)), "two options"),
        (lambda: random_menu(2, rng=np.random.default_rng(0), step=0), "pot must be at least step"),
        (lambda: random_menu(4, rng=np.random.default_rng(0), margin=600), "smaller margin"),
        (lambda: balanced_menus(Desire.EQUALITY, -1, 2, rng=np.random.default_rng(0)), "count must be"),
        (lambda: switching_menu(0.1, ahead=True, cost=60), "switch"),
        (lambda: switching_menu(-0.25, ahead=True, cost=60, least=10), "raise least"),
        (lambda: free_menus(rng=np.random.default_rng(0), switches=()), "must not be empty"),
    ],
)
def test_bad_input_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
