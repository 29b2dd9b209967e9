"""Symmetric games: found under any relabelling, proved entry by entry, refused otherwise with the reason."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from games.adapters.open_spiel_tree import compile_open_spiel
from games.errors import UnsupportedGameError
from games.extensive import expected_values, fold, from_normal_form, payoff_variances, uniform_behaviors
from games.extensive.builder import TreeBuilder
from games.extensive.symmetry import symmetry_of
from games.loading import load_game
from games.normal_form import NormalFormGame

SYMMETRIC = [
    "goofspiel(num_cards=3,imp_info=True)",
    "goofspiel(num_cards=4,imp_info=True,points_order=descending)",
    "trust-dilemma-small",
    "rock-paper-scissors",
    "chicken",
]


def as_form(game):
    return fold(from_normal_form(game))


def random_behavior(plex, rng):
    return np.concatenate([[1.0], *(rng.dirichlet(np.ones(n)) for n in np.diff(plex.start))])


def assert_exchanges_payoffs(form, symmetry):
    """Values and variances follow the players when two of them change seats."""
    rng = np.random.default_rng(0)
    own = [random_behavior(form.treeplexes[0], rng) for _ in range(form.num_players)]
    seated = [symmetry.to_seat(b, k) for k, b in enumerate(own)]
    for measure in (expected_values, payoff_variances):
        before = measure(form, seated)
        for k in range(1, form.num_players):
            order = list(range(form.num_players))
            order[0], order[k] = k, 0
            moved = [symmetry.to_seat(own[order[j]], j) for j in range(form.num_players)]
            np.testing.assert_allclose(measure(form, moved)[order], before, atol=1e-12 * form.payoff_range**2)


@pytest.mark.parametrize("name", SYMMETRIC)
def test_known_symmetric_games(name):
    form = load_game(name).sequence_form()
    symmetry = symmetry_of(form)
    assert_exchanges_payoffs(form, symmetry)
    behavior = random_behavior(form.treeplexes[0], np.random.default_rng(1))
    np.testing.assert_array_equal(symmetry.from_seat(symmetry.to_seat(behavior, 1), 1), behavior)
    uniform = uniform_behaviors(form)
    np.testing.assert_allclose(symmetry.to_seat(uniform[0], 1), uniform[1])


@pytest.mark.parametrize(
    ("game", "reason"),
    [
        ("kuhn_poker", "3 information sets with 2 actions at the own move number 1, player 1 has 6"),
        ("leduc_poker", "own move number 1"),
        ("liars_dice(numdice=1,dice_sides=2)", "information sets"),
        ("merge-small", "own move number 2"),
    ],
)
def test_players_who_move_in_turn_are_refused_with_the_reason(game, reason):
    form = load_game(game).sequence_form()
    with pytest.raises(UnsupportedGameError, match=reason):
        symmetry_of(form)


small = st.integers(-2, 2).map(float)  # few values, so that colours alone leave many choices


@st.composite
def relabelled_symmetric_games(draw):
    """A symmetric matrix with the columns of player 1 in any order, and the order."""
    n = draw(st.integers(1, 6))
    own = draw(arrays(np.float64, (n, n), elements=small))
    order = draw(st.permutations(range(n)))
    return NormalFormGame.bimatrix(own[:, order], own.T[:, order])


@settings(max_examples=60, deadline=None)
@given(relabelled_symmetric_games())
def test_random_symmetric_matrices_are_recognised_under_any_names(game):
    form = as_form(game)
    symmetry = symmetry_of(form)
    match = symmetry.sequences[1][1:] - 1
    # The definition, on the matrix itself.
    seated = game.payoffs[:, :, match]
    np.testing.assert_array_equal(seated[0], seated[1].T)


def has_symmetry(game):
    """By trying every bijection of the actions."""
    n = game.num_actions[0]
    return any(
        np.array_equal(game.payoffs[0][:, order], game.payoffs[1][:, order].T)
        for order in map(list, itertools.permutations(range(n)))
    )


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 4).flatmap(lambda n: arrays(np.float64, (2, n, n), elements=st.integers(0, 1).map(float)))
)
def test_any_small_game_is_judged_as_by_brute_force(payoffs):
    game = NormalFormGame(payoffs)
    form = as_form(game)
    if has_symmetry(game):
        assert_exchanges_payoffs(form, symmetry_of(form))
    else:
        with pytest.raises(UnsupportedGameError, match="not symmetric"):
            symmetry_of(form)


def test_matching_pennies_has_only_an_exchange_of_order_four():
    with pytest.raises(UnsupportedGameError, match="no way to exchange them"):
        symmetry_of(as_form(NormalFormGame.zero_sum([[1.0, -1.0], [-1.0, 1.0]])))


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_one_payoff_more_spoils_it_at_any_scale(scale):
    rng = np.random.default_rng(0)
    own = scale * rng.normal(size=(5, 5))
    assert_exchanges_payoffs(form := as_form(NormalFormGame.bimatrix(own, own.T)), symmetry_of(form))
    own_too = own.T.copy()
    own_too[2, 3] += 1e-6 * scale
    with pytest.raises(UnsupportedGameError):
        symmetry_of(as_form(NormalFormGame.bimatrix(own, own_too)))


def test_three_players_who_look_alike():
    """A public good: the own payoff depends on the own gift and on how many others give."""
    gifts = np.indices((2, 2, 2))
    payoffs = 1.5 * gifts.sum(axis=0) / 3.0 - gifts
    # The last player's actions are written the other way round.
    form = as_form(NormalFormGame(payoffs[:, :, :, ::-1]))
    symmetry = symmetry_of(form)
    np.testing.assert_array_equal(symmetry.sequences[2], [0, 2, 1])
    assert_exchanges_payoffs(form, symmetry)


def test_two_players_a_third_tells_apart_are_refused():
    with pytest.raises(UnsupportedGameError, match="everybody else"):
        symmetry_of(compile_open_spiel("goofspiel(num_cards=3,imp_info=True,players=3)"))


def test_variances_count_as_well():
    """Player 1's lottery has the mean of player 0's payoff, and the games differ all the same."""
    builder = TreeBuilder("lottery", ("a", "b"))
    coin = builder.chance(None, {"heads": 0.5, "tails": 0.5})
    for side, win in (("heads", 2.0), ("tails", 0.0)):
        first = builder.decision(coin[side], 0, "a", ("x", "y"))
        for move in first.labels:
            second = builder.decision(first[move], 1, "b", ("x", "y"))
            for reply in second.labels:
                builder.terminal(second[reply], (1.0, win))
    with pytest.raises(UnsupportedGameError):
        symmetry_of(fold(builder.build()))


def test_giving_up_says_so():
    """In a ring every action looks the same, so that only trials tell which neighbours belong together."""
    ring = np.roll(np.eye(6), 1, axis=1)
    ring += ring.T
    order = [0, 3, 1, 5, 2, 4]
    form = as_form(NormalFormGame.bimatrix(ring[:, order], ring.T[:, order]))
    assert_exchanges_payoffs(form, symmetry_of(form))
    with pytest.raises(UnsupportedGameError, match="trials=1 matchings"):
        symmetry_of(form, trials=1)
    with pytest.raises(ValueError, match="trials"):
        symmetry_of(form, trials=0)
