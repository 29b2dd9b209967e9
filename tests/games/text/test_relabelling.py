"""Relabelling: another order and other names, and nothing else."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.normal_form.game import NormalFormGame
from games.text import (
    AllocationSituation,
    BundleSituation,
    MatrixSituation,
    PlaySituation,
    Question,
    Remark,
)
from games.text.relabelling import Naming, Relabelling
from games.text.render import render
from tests.strategies import normal_form_games

SEEDS = st.integers(0, 2**32)
NAMINGS = st.sampled_from(Naming)
RPS = NormalFormGame(np.arange(18).reshape(2, 3, 3), (("R", "P", "S"),) * 2)


@given(game=normal_form_games(), seed=SEEDS, naming=NAMINGS, data=st.data())
@settings(max_examples=60, deadline=None)
def test_payoffs_history_and_told_move_along(game, seed, naming, data):
    joints = st.tuples(*(st.integers(0, n - 1) for n in game.num_actions))
    history = tuple(data.draw(st.lists(joints, max_size=4)))
    told = tuple(data.draw(st.none() | st.integers(0, n - 1)) for n in game.num_actions)
    situation = MatrixSituation(game, 0, history, None, told, remarks=(Remark(0, "hi"),))
    relabelling = Relabelling.of(situation, seed, naming=naming)
    shown = relabelling.apply(situation)
    assert (shown.seat, shown.rounds, shown.desire, shown.remarks) == (0, None, None, situation.remarks)
    players = range(game.num_players)
    for joint in itertools.product(*map(range, game.num_actions)):
        presented = relabelling.joint_to_presented(joint)
        np.testing.assert_array_equal(
            shown.game.payoffs[(slice(None), *presented)], game.payoffs[(slice(None), *joint)]
        )
        assert tuple(relabelling.to_original(p, presented[p]) for p in players) == joint
    assert shown.history == tuple(map(relabelling.joint_to_presented, history))
    assert [a if a is None else relabelling.to_original(p, a) for p, a in enumerate(shown.told)] == list(told)
    for p in players:
        belief = data.draw(
            st.lists(st.floats(0, 1), min_size=game.num_actions[p], max_size=game.num_actions[p])
        )
        presented = relabelling.belief_to_presented(p, belief)
        assert relabelling.belief_to_original(p, presented) == tuple(belief)
        for a in range(game.num_actions[p]):
            assert presented[relabelling.to_presented(p, a)] == belief[a]
            if naming is Naming.KEPT:
                assert shown.game.actions[p][relabelling.to_presented(p, a)] == game.actions[p][a]


@given(seed=SEEDS, naming=NAMINGS)
@settings(max_examples=25, deadline=None)
def test_equal_labels_stay_equal(seed, naming):
    """Who copies the other's move must be seen to copy it."""
    shown = Relabelling.of(MatrixSituation(RPS), seed, naming=naming).apply(MatrixSituation(RPS))
    assert shown.game.actions[0] == shown.game.actions[1]
    assert set(shown.options) <= set(naming.value or "RPS")


def test_shared_label_in_different_menus_gets_one_name():
    game = NormalFormGame(np.zeros((2, 2, 3)), (("stay", "go"), ("go", "wait", "stay")))
    situation = MatrixSituation(game)
    for seed in range(20):
        relabelling = Relabelling.of(situation, seed, naming=Naming.INVENTED)
        shown = relabelling.apply(situation).game.actions
        for label in ("stay", "go"):
            names = [shown[p][relabelling.to_presented(p, game.actions[p].index(label))] for p in range(2)]
            assert names[0] == names[1]
        assert len(set(shown[0]) | set(shown[1])) == 3


def test_every_order_and_every_name_is_drawn():
    """With three options there are six orders; each should come about a sixth of the time."""
    drawn = [Relabelling.of(MatrixSituation(RPS), seed, naming=Naming.LETTERS) for seed in range(600)]
    for found in ([d.orders[0] for d in drawn], [tuple(d.labels[0]) for d in drawn]):
        assert len(set(found)) == 6
        assert all(60 < found.count(one) < 140 for one in set(found))
    pairs = {(d.orders[0], d.labels[0]) for d in drawn}
    assert len(pairs) == 36  # names do not follow from the order


def test_the_same_all_through_a_repeated_game():
    first = Relabelling.of(MatrixSituation(RPS, rounds=5), 3, naming=Naming.SYMBOLS)
    later = Relabelling.of(MatrixSituation(RPS, 1, ((0, 1), (2, 2)), 5), 3, naming=Naming.SYMBOLS)
    assert first == later
    assert first != Relabelling.of(MatrixSituation(RPS), 4, naming=Naming.SYMBOLS)


def test_every_seed_shows_some_games_in_another_order_and_some_not():
    """Drawn by the labels alone, one seed turned all games with two actions, and another none of them."""
    rng = np.random.default_rng(0)
    games = [
        NormalFormGame(rng.normal(size=(2, 2, 2)), (("up", "down"), ("left", "right"))) for _ in range(100)
    ]
    for seed in range(4):
        drawn = [Relabelling.of(MatrixSituation(game), seed) for game in games]
        for player in range(2):
            assert 25 < sum(one.orders[player] == (1, 0) for one in drawn) < 75
        copies = [NormalFormGame(game.payoffs, game.actions, name="copy") for game in games]
        assert [Relabelling.of(MatrixSituation(game), seed) for game in copies] == drawn


@pytest.mark.parametrize("naming", Naming)
def test_allocations_and_bundles(naming):
    allocation = AllocationSituation([[3, 4], [5, 1], [2, 2]], ("A", "B", "C"), ("", "Bob"))
    bundle = BundleSituation([[3, 4], [5, 1], [2, 2]], [1, 1], 9, ("A", "B", "C"), ("x", "y"))
    relabelling = Relabelling.of(allocation, 5, naming=naming)
    assert relabelling == Relabelling.of(bundle, 5, naming=naming)
    shares, goods = relabelling.apply(allocation), relabelling.apply(bundle)
    assert shares.options == goods.options
    for k in range(3):
        at = relabelling.to_presented(0, k)
        assert relabelling.to_original(0, at) == k
        np.testing.assert_array_equal(shares.payoffs[at], allocation.payoffs[k])
        np.testing.assert_array_equal(goods.bundles[at], bundle.bundles[k])
        if naming is Naming.KEPT:
            assert shares.options[at] == "ABC"[k]
    np.testing.assert_array_equal(goods.prices, bundle.prices)


class Rules:
    num_players = 2


@pytest.mark.parametrize("naming", Naming)
def test_play_keeps_its_labels(naming):
    seen, mask = np.zeros(1, np.float32), np.ones(10, bool)
    labels = ("bet", "pass", "fold")
    situation = PlaySituation(Rules(), 1, "rules", "known", (3, 5, 9), labels, b"", seen, mask)
    orders = set()
    for seed in range(40):
        relabelling = Relabelling.of(situation, seed, naming=naming)
        shown = relabelling.apply(situation)
        orders.add(shown.options)
        assert dict(zip(shown.options, shown.legal, strict=True)) == {"bet": 3, "pass": 5, "fold": 9}
        for k, label in enumerate(shown.options):
            assert situation.options[relabelling.to_original(1, k)] == label
    assert len(orders) == 6


def test_prompts_of_relabelled_games_name_none_of_the_old_labels():
    game = NormalFormGame(np.arange(18).reshape(2, 3, 3), (("rock", "paper", "scissors"),) * 2)
    situation = MatrixSituation(game, 1, ((0, 1), (2, 2)), 5, (0, None))
    shown = Relabelling.of(situation, 1, naming=Naming.INVENTED).apply(situation)
    text = render(Question(shown, 1)).text
    assert not any(label in text for label in ("rock", "paper", "scissors"))
    assert all(f'"{label}"' in text for label in shown.options)


def test_names_are_distinct_however_they_are_read():
    for naming in Naming:
        assert len({name.casefold() for name in naming.value}) == len(naming.value)


def test_bad_input():
    with pytest.raises(ValueError, match="orders must hold permutations, got"):
        Relabelling(((0, 2),))
    with pytest.raises(ValueError, match="labels must hold distinct labels in numbers"):
        Relabelling(((0, 1),), (("x", "x"),))
    with pytest.raises(ValueError, match=r"must have \[3, 3\] options by player, got \[2\]"):
        Relabelling.of(MatrixSituation(RPS), 0).apply(
            AllocationSituation([[1, 2], [3, 4]], ("A", "B"), ("", ""))
        )
    large = MatrixSituation(NormalFormGame(np.zeros((1, 40))))
    with pytest.raises(ValueError, match="naming SYMBOLS has 16 names, the options need 40"):
        Relabelling.of(large, 0, naming=Naming.SYMBOLS)
