"""Strategies that look back: frequencies, contexts, patterns, and kindness for kindness."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from games.errors import UnsupportedGameError
from games.normal_form.game import NormalFormGame
from games.social.patterns import Biased, Loop, Reply, Switch, cyclic_game, standard_family
from games.text import (
    MatrixSituation,
    Question,
)
from marl.players import scripted_player
from marl.players.strategies import (
    EvenOdds,
    Frequencies,
    NGram,
    Noisy,
    PatternLearner,
    Reasoner,
    TitForTat,
    always_kind,
    always_unkind,
    grim,
    win_stay_lose_shift,
)
from tests.marl.players.asked import (
    DILEMMA,
    RING,
    about,
    belief_about,
    decide,
    permuted,
    weigh,
)

HISTORY = ((0, 1), (1, 1), (1, 0), (0, 1), (1, 1))


def test_fictitious_play_counts():
    question = about(RING, history=HISTORY, rounds=None)
    np.testing.assert_allclose(
        Reasoner(Frequencies()).beliefs(belief_about(RING, 1, history=HISTORY, rounds=9)), [2 / 7, 5 / 7]
    )
    discounted = Frequencies(prior=0.5, discount=0.5)(question.situation, 1)
    weights = [0.5**k for k in (4, 3, 2, 1, 0)]
    counts = np.array([weights[2], sum(weights) - weights[2]]) + 0.5
    np.testing.assert_allclose(discounted, counts / counts.sum())


def test_n_grams_take_the_longest_context_that_is_known():
    situation = MatrixSituation(RING, history=HISTORY, rounds=None)
    # The last two rounds, (0, 1) and (1, 1), came before once, and 0 followed.
    np.testing.assert_allclose(NGram(2, prior=0.5)(situation, 1), [1.5 / 2, 0.5 / 2])
    np.testing.assert_allclose(NGram(3, prior=0.5)(situation, 1), [1.5 / 2, 0.5 / 2])
    np.testing.assert_allclose(NGram(0, prior=0.5)(situation, 1), [1.5 / 6, 4.5 / 6])
    empty = MatrixSituation(RING, rounds=None)
    np.testing.assert_allclose(NGram(2)(empty, 1), [0.5, 0.5])


def played(player, pattern, rounds, orders=((0, 1, 2), (0, 1, 2))):
    """Mean payoff over the later half of the rounds, in a game whose actions may be in another order."""
    rng = np.random.default_rng(5)
    base = cyclic_game()
    game = permuted(base, *orders)
    back = [list(order) for order in orders]
    moves, history, payoffs = [], [], []
    for count in range(rounds):
        shares = pattern.forecasts(np.array(moves, dtype=np.int64))[-1]
        other = int(rng.choice(3, p=shares))
        question = Question(MatrixSituation(game, history=tuple(history), rounds=None), seed=count)
        shown = decide(player, question).action
        own = back[0][shown]
        moves.append(own)
        history.append((shown, back[1].index(other)))
        payoffs.append(base.payoffs[0, own, other])
    return float(np.mean(payoffs[rounds // 2 :]))


ORDERS = [((0, 1, 2), (0, 1, 2)), ((2, 0, 1), (1, 0, 2)), ((1, 0, 2), (0, 2, 1))]


@pytest.mark.parametrize("orders", ORDERS)
def test_the_pattern_learner_finds_patterns_in_any_order_of_actions(orders):
    player = scripted_player("pattern-learner:0")
    for pattern in (Loop((1,), 3), Loop((0, 2), 3), Loop((2, 1, 0), 3), Reply(0, 3), Reply(1, 3)):
        assert played(player, pattern, 24, orders=orders) == 2.0
    assert played(player, Biased((0.1, 0.8, 0.1)), 60, orders=orders) > 1.4
    assert played(scripted_player("rational"), Reply(1, 3), 24, orders=orders) == 2.0


def test_a_rational_player_notices_that_a_pattern_changed():
    switch = Switch(Loop((1,), 3), Loop((2, 0), 3), 12)
    assert played(scripted_player("rational"), switch, 48) == 2.0
    assert played(scripted_player("pattern-learner:0"), switch, 48) < 1.5


def test_n_grams_find_who_copies_and_who_loops():
    for pattern in (Reply(0, 3), Loop((0, 1, 2), 3)):
        assert played(scripted_player("n-gram:1"), pattern, 40) > 1.9


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=12),
    st.permutations(range(3)),
    st.permutations(range(3)),
)
def test_the_pattern_learners_belief_is_the_posterior(history, own, other):
    family = standard_family()
    expected = family.predictive([a for a, _ in history], [b for _, b in history])
    shown = tuple((own.index(a), other.index(b)) for a, b in history)
    game = permuted(cyclic_game(), list(own), list(other))
    found = PatternLearner()(MatrixSituation(game, history=shown, rounds=None), 1)
    np.testing.assert_allclose(found, expected[list(other)], atol=1e-12)
    mirrored = NormalFormGame(np.stack([game.payoffs[1].T, game.payoffs[0].T]))
    swapped = MatrixSituation(mirrored, 1, tuple((b, a) for a, b in shown), rounds=None)
    np.testing.assert_allclose(PatternLearner()(swapped, 0), found, atol=1e-12)


def test_the_pattern_learner_refuses_other_games_unless_told_what_to_do():
    with pytest.raises(UnsupportedGameError, match="ring"):
        PatternLearner()(MatrixSituation(RING), 1)
    np.testing.assert_array_equal(PatternLearner(otherwise=EvenOdds())(MatrixSituation(RING), 1), [0.5, 0.5])


STRATEGIES = {
    "tit for tat": (TitForTat(), [0, 1, 0, 1, 1]),
    "grim": (grim, [0, 1, 1, 1, 1]),
    "kind": (always_kind, [0, 0, 0, 0, 0]),
    "unkind": (always_unkind, [1, 1, 1, 1, 1]),
    # Own 0 0 1 1 and other's 1 0 1 1 pay 0, 3, 1, 1: after a loss it shifts.
    "win stay": (win_stay_lose_shift, [0, 1, 0, 0, 0]),
}


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("seat", [0, 1])
@pytest.mark.parametrize("name", STRATEGIES)
def test_reciprocity_in_a_dilemma(name, seat, flipped):
    """The kind action is found by payoffs: in seat 1, and with the actions of both in reverse order."""
    strategy, expected = STRATEGIES[name]
    own, others = [0, 0, 1, 1], [1, 0, 1, 1]
    game = permuted(DILEMMA, [1, 0], [1, 0]) if flipped else DILEMMA
    turn = (lambda a: 1 - a) if flipped else (lambda a: a)
    done = []
    for count in range(5):
        pairs = [
            (turn(a), turn(b)) if seat == 0 else (turn(b), turn(a))
            for a, b in zip(own[:count], others[:count], strict=True)
        ]
        question = about(game, seat=seat, history=tuple(pairs), rounds=None)
        done.append(turn(int(strategy(question).argmax())))
    assert done == expected


def test_generosity_and_slips_are_probabilities():
    question = about(DILEMMA, history=((0, 1),), rounds=None)
    np.testing.assert_allclose(TitForTat(0.3)(question), [0.3, 0.7])
    np.testing.assert_allclose(Noisy(TitForTat(), 0.2)(question), [0.1, 0.9])
    assert weigh(scripted_player("noisy:0.2:tit-for-tat"), question).probabilities == pytest.approx(
        (0.1, 0.9)
    )
    assert decide(scripted_player("noisy:0.2:level2"), belief_about(RING, 1)).belief == (0.0, 1.0)


@pytest.mark.parametrize("game", [cyclic_game(), NormalFormGame.bimatrix([[1, 0], [0, 1]], [[1, 1], [1, 1]])])
def test_reciprocity_refuses_games_without_kindness(game):
    with pytest.raises(UnsupportedGameError, match=r"two actions each|gives the other more"):
        TitForTat()(about(game))
