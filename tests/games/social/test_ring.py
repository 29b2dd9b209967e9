"""Rings: what elimination and levels of reasoning say of them, and that pairs identify orders."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.normal_form.game import NormalFormGame
from games.social.ring import (
    RingPair,
    eliminate_pure,
    random_ring_pair,
    random_two_player_ring,
    ring_game,
    two_player_ring,
)

seeds = st.integers(0, 10**6)


def check_two_player_ring(game):
    left = eliminate_pure(game)
    assert left.orders == (2, 1)
    v, y = left.profile
    u, x = 1 - v, 1 - y
    own, other = game.payoffs
    assert (other[:, y] > other[:, x]).all()  # dominance, order 1
    assert own[v, y] > own[u, y]  # the best reply to it, order 2
    # Everything less picks the other action: a uniform belief, hope and fear.
    assert own[u].mean() > own[v].mean()
    assert own[u].max() > own[v].max()
    assert own[u].min() > own[v].min()


def test_the_known_ring():
    game = two_player_ring()
    check_two_player_ring(game)
    assert [game.actions[p][a] for p, a in enumerate(eliminate_pure(game).profile)] == ["V", "Y"]


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(1, 5))
def test_random_rings_have_the_same_order(seed, margin):
    game = random_two_player_ring(rng=np.random.default_rng(seed), margin=margin, highest=15)
    check_two_player_ring(game)
    _, y = eliminate_pure(game).profile
    assert np.diff(np.sort(game.payoffs[0].ravel())).min() >= margin
    assert (game.payoffs[1][:, y] - game.payoffs[1][:, 1 - y]).min() >= margin
    assert 0 <= game.payoffs.min() <= game.payoffs.max() <= 15


def test_solutions_stand_everywhere():
    rng = np.random.default_rng(0)
    found = [eliminate_pure(random_two_player_ring(rng=rng)).profile for _ in range(400)]
    counts = np.bincount([2 * a + b for a, b in found], minlength=4)
    assert counts.min() > 70  # 100 expected; below 70 has probability under .001


def test_elimination_of_textbook_games():
    prisoners = NormalFormGame.bimatrix([[3, 0], [5, 1]], [[3, 5], [0, 1]])
    assert eliminate_pure(prisoners).profile == (1, 1)
    assert eliminate_pure(prisoners).orders == (1, 1)
    pennies = NormalFormGame.zero_sum([[1, -1], [-1, 1]])
    assert eliminate_pure(pennies).surviving == ((0, 1), (0, 1))
    assert eliminate_pure(pennies).orders == (None, None)
    with pytest.raises(ValueError, match="solved by elimination"):
        _ = eliminate_pure(pennies).profile
    single = NormalFormGame(np.array([[[1.0, 2]], [[0, 3]]]))
    assert eliminate_pure(single).orders == (0, 1)
    # Weak dominance deletes nothing.
    assert eliminate_pure(NormalFormGame.bimatrix([[1, 1], [1, 0]], [[0, 0], [0, 0]])).surviving == (
        (0, 1),
        (0, 1),
    )


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(2, 5), st.integers(2, 3))
def test_pairs_are_rings_solved_from_the_last_player_on(seed, players, size):
    pair = random_ring_pair(
        rng=np.random.default_rng(seed), num_players=players, actions=[f"a{k}" for k in range(size)]
    )
    for game in pair.games:
        left = eliminate_pure(game)
        assert left.orders == tuple(range(players, 0, -1))
        # Solved by hand: the dominant action, then best replies back along the ring.
        tensor = game.payoffs
        solution = [0] * players
        for player in reversed(range(players)):
            rest = list(solution)
            rows = []
            for action in range(size):
                rest[player] = action
                rows.append(tensor[(player, *rest)])
            solution[player] = int(np.argmax(rows))
        assert left.profile == tuple(solution)
        # A player's payoff depends on its own and the next player's action alone.
        for player in range(players):
            free = [axis for axis in range(players) if axis not in (player, (player + 1) % players)]
            spread = np.ptp(tensor[player], axis=tuple(free)) if free else np.zeros(1)
            assert (spread == 0).all()
    np.testing.assert_array_equal(pair.first.payoffs[:-1], pair.second.payoffs[:-1])
    assert (pair.solutions()[0] != pair.solutions()[1]).all()
    assert 0 <= pair.first.payoffs.min() <= pair.first.payoffs.max() <= 20


def level(pair, order, depth_zero):
    """Choices of a subject of an order: at depth up to it the solution, beyond it always the same guess."""
    solutions = pair.solutions()
    seats = pair.num_players
    return np.array(
        [[solutions[g, s] if seats - s <= order else depth_zero[s] for s in range(seats)] for g in range(2)]
    )


def test_every_order_is_identified_whatever_the_rest_guesses():
    pair = random_ring_pair(rng=np.random.default_rng(4))
    for order in range(5):
        for guess in product(range(3), repeat=4):
            choices = level(pair, order, guess)
            assert pair.misfits(choices)[order] == 0
            assert pair.orders(choices) == order  # never another: deeper seats do not switch
    mistaken = level(pair, 3, (0, 0, 0, 0))
    mistaken[0, 3] = (mistaken[0, 3] + 1) % 3
    assert pair.orders(mistaken) == -1
    assert pair.orders(mistaken, allowance=1) == 3
    # Depth 3 changes, to the solution in one game only: that fits orders 2 and 3 alike, and the lower counts.
    torn = level(pair, 2, (0, 0, 0, 0))
    right = pair.solutions()[:, 1]
    torn[:, 1] = right[0], 3 - right[0] - right[1]
    assert pair.misfits(torn).tolist()[2:4] == [1, 1]
    assert pair.orders(torn, allowance=1) == 2


def test_chance_is_counted():
    pair = random_ring_pair(rng=np.random.default_rng(4), num_players=2, actions=("a", "b"))
    solutions = pair.solutions()
    counts = np.zeros(4)
    for taken in product(range(2), repeat=4):
        choices = np.array(taken).reshape(2, 2)
        right = choices == solutions
        same = choices[0] == choices[1]
        if right.all():
            order = 2
        elif right[:, 1].all() and same[0]:
            order = 1
        else:
            order = 0 if same.all() else -1
        counts[order + 1] += 1
    np.testing.assert_allclose(pair.chance(), counts / 16)


def test_chance_of_four_players_in_closed_form():
    pair = random_ring_pair(rng=np.random.default_rng(1))
    # A seat answers both games rightly with probability 1/9, and alike in both with 1/3.
    wanted = [(1 / 9) ** k * (1 / 3) ** (4 - k) for k in range(5)]
    np.testing.assert_allclose(pair.chance(), [1 - sum(wanted), *wanted])


def test_ring_game_places_every_table():
    rng = np.random.default_rng(9)
    tables = rng.integers(0, 9, (4, 3, 3))
    game = ring_game(list(tables))
    for profile in product(range(3), repeat=4):
        for player in range(4):
            wanted = tables[player, profile[player], profile[(player + 1) % 4]]
            assert game.payoffs[(player, *profile)] == wanted


def test_pairs_that_identify_nothing_are_refused():
    pair = random_ring_pair(rng=np.random.default_rng(4))
    with pytest.raises(ValueError, match="differ in every seat"):
        RingPair(pair.first, pair.first)
    with pytest.raises(ValueError, match="payoffs of the last player alone"):
        RingPair(pair.first, random_ring_pair(rng=np.random.default_rng(5)).second)
    pennies = NormalFormGame.zero_sum([[1, -1], [-1, 1]])
    with pytest.raises(ValueError, match="solved in orders"):
        RingPair(pennies, pennies)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: random_two_player_ring(rng=np.random.default_rng(0), margin=0), "margin must lie"),
        (lambda: random_two_player_ring(rng=np.random.default_rng(0), highest=8), "margin must lie"),
        (lambda: random_ring_pair(rng=np.random.default_rng(0), num_players=1), "two players"),
        (lambda: random_ring_pair(rng=np.random.default_rng(0), highest=3), "highest above"),
        (lambda: ring_game([np.ones((3, 3)), np.ones((2, 3))]), "for player 1"),
        (
            lambda: random_ring_pair(rng=np.random.default_rng(0)).orders(np.zeros((2, 3))),
            "choices must have",
        ),
    ],
)
def test_bad_input_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
