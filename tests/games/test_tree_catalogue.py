"""The catalogued trees: equilibria, values, recall and tags as their sources say."""

from dataclasses import dataclass

import numpy as np
import pytest

from games.errors import UnsupportedGameError
from games.extensive import catalogue
from games.extensive.checks import validate_tree
from games.extensive.evaluation import expected_values, nash_conv
from games.extensive.folding import fold
from games.extensive.normal_form import to_normal_form
from games.extensive.registry import TREES
from games.extensive.tree import TERMINAL
from games.normal_form import nash_conv as matrix_nash_conv
from games.normal_form.registry import GAMES
from tests.tree_strategies import expected_payoffs

FIRST, SECOND = (1, 0), (0, 1)


@dataclass(frozen=True)
class Equilibrium:
    """A published equilibrium: mixture at each information set, and what the players get."""

    id: str
    tree: object
    play: dict[tuple[int, str], tuple[float, ...]]
    payoffs: tuple[float, ...]


def _horse(first, second, third):
    return {(0, "first"): first, (1, "second"): second, (2, "third"): third}


def _take(moves):
    return {(k % 2, f"move {k + 1}"): FIRST for k in range(moves)}


def _ultimatum(offer, demand, pie=4):
    play = {(1, f"offered {k}"): FIRST if k >= demand else SECOND for k in range(pie + 1)}
    return play | {(0, "offer"): tuple(np.eye(pie + 1)[offer])}


def _trust(sent, returned, endowment=4, factor=3):
    """Send ``sent``; of what arrives, return ``returned(sent)``."""
    rows = {(1, f"sent {s}"): tuple(np.eye(factor * s + 1)[returned(s)]) for s in range(endowment + 1)}
    return rows | {(0, "send"): tuple(np.eye(endowment + 1)[sent])}


def _pooling(order, at_beer, at_quiche):
    return {(0, "strong"): order, (0, "weak"): order, (1, "beer"): at_beer, (1, "quiche"): at_quiche}


EQUILIBRIA = [
    Equilibrium("horse-perfect", catalogue.seltens_horse(), _horse(SECOND, SECOND, FIRST), (1, 1, 1)),
    Equilibrium("horse-mixed", catalogue.seltens_horse(), _horse(SECOND, SECOND, (0.75, 0.25)), (1, 1, 1)),
    Equilibrium("horse-imperfect", catalogue.seltens_horse(), _horse(FIRST, SECOND, SECOND), (3, 2, 2)),
    Equilibrium("centipede-1", catalogue.centipede(1), _take(1), (4, 1)),
    Equilibrium("centipede-6", catalogue.centipede(), _take(6), (4, 1)),
    Equilibrium("centipede-7", catalogue.centipede(7), _take(7), (4, 1)),
    Equilibrium("ultimatum-perfect", catalogue.ultimatum(), _ultimatum(0, 0), (4, 0)),
    Equilibrium("ultimatum-one", catalogue.ultimatum(), _ultimatum(1, 1), (3, 1)),
    Equilibrium("ultimatum-fair", catalogue.ultimatum(), _ultimatum(2, 2), (2, 2)),
    Equilibrium("trust", catalogue.trust(), _trust(0, lambda s: 0), (4, 0)),
    Equilibrium("entry", catalogue.entry_deterrence(), {(0, "entry"): FIRST, (1, "reply"): FIRST}, (2, 2)),
    Equilibrium("threat", catalogue.entry_deterrence(), {(0, "entry"): SECOND, (1, "reply"): SECOND}, (1, 5)),
    Equilibrium(
        "cards",
        catalogue.myerson_card_game(),
        {(0, "red"): FIRST, (0, "black"): (1 / 3, 2 / 3), (1, "raised"): (2 / 3, 1 / 3)},
        (1 / 3, -1 / 3),
    ),
    Equilibrium("beer", catalogue.beer_quiche(), _pooling(FIRST, SECOND, (0.5, 0.5)), (2.9, 0.9)),
    Equilibrium("quiche", catalogue.beer_quiche(), _pooling(SECOND, (0.5, 0.5), SECOND), (2.1, 0.9)),
]
NOT_EQUILIBRIA = [
    Equilibrium("horse", catalogue.seltens_horse(), _horse(SECOND, SECOND, (0.7, 0.3)), (1, 1, 1)),
    Equilibrium("pass", catalogue.centipede(2), {(0, "move 1"): SECOND, (1, "move 2"): FIRST}, (2, 8)),
    Equilibrium("greedy", catalogue.ultimatum(), _ultimatum(0, 1), (0, 0)),
    Equilibrium("trust-repaid", catalogue.trust(), _trust(4, lambda s: 2 * s), (8, 4)),
    Equilibrium("bluff", catalogue.entry_deterrence(), {(0, "entry"): FIRST, (1, "reply"): SECOND}, (0, 0)),
    Equilibrium("beer", catalogue.beer_quiche(), _pooling(FIRST, SECOND, (0.4, 0.6)), (2.9, 0.9)),
]


def sequence_behaviors(form, play):
    """The play as behavior arrays of the sequence form; every information set must be named."""
    behaviors, named = [], 0
    for i, plex in enumerate(form.treeplexes):
        behaviors.append(np.concatenate([[1.0], *(play[i, label] for label in plex.infosets)]))
        named += plex.num_infosets
    assert named == len(play)
    return behaviors


@pytest.mark.parametrize("case", EQUILIBRIA, ids=lambda case: case.id)
def test_published_equilibria(case):
    form = fold(case.tree)
    behaviors = sequence_behaviors(form, case.play)
    assert nash_conv(form, behaviors) == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(expected_values(form, behaviors), case.payoffs, atol=1e-12)


@pytest.mark.parametrize("case", NOT_EQUILIBRIA, ids=lambda case: case.id)
def test_near_misses_are_none(case):
    form = fold(case.tree)
    behaviors = sequence_behaviors(form, case.play)
    assert nash_conv(form, behaviors) > 1e-3
    np.testing.assert_allclose(expected_values(form, behaviors), case.payoffs, atol=1e-12)


@pytest.mark.parametrize(
    ("tree", "payoffs"),
    [
        (catalogue.centipede(6), (4, 1)),
        (catalogue.centipede(9), (4, 1)),
        (catalogue.ultimatum(7), (7, 0)),
        (catalogue.trust(5, 2), (5, 0)),
        (catalogue.entry_deterrence(), (2, 2)),
    ],
)
def test_backward_induction(tree, payoffs):
    value = np.zeros((tree.num_nodes, tree.num_players))
    value[tree.actor == TERMINAL] = tree.payoffs
    for k in range(tree.num_nodes - 1, -1, -1):
        if tree.actor[k] != TERMINAL:
            children = np.flatnonzero(tree.parent == k)
            value[k] = value[children[np.argmax(value[children, tree.actor[k]])]]
    np.testing.assert_array_equal(value[0], payoffs)


def test_centipede_piles_double():
    tree = catalogue.centipede(4)
    assert tree.payoffs.tolist() == [[4, 1], [2, 8], [16, 4], [8, 32], [64, 16]]


def test_the_driver_does_better_by_forgetting_with_probability_two_thirds():
    tree = catalogue.absent_minded_driver()
    goes_on = np.linspace(0, 1, 301)
    value = [expected_payoffs(tree, [np.array([1 - p, p])])[0] for p in goes_on]
    assert max(value) == pytest.approx(4 / 3, abs=1e-12)
    assert goes_on[np.argmax(value)] == pytest.approx(2 / 3)
    assert to_normal_form(tree).payoffs.max() == 1


def test_wichardt_has_a_mixed_equilibrium_and_none_in_behavior():
    tree = catalogue.wichardt()
    game = to_normal_form(tree)
    assert game.payoffs[0].tolist() == [[1, -1], [-5, -5], [-5, -5], [-1, 1]]
    assert matrix_nash_conv(game, ([0.5, 0, 0, 0.5], [0.5, 0.5])) == 0
    grid = np.linspace(0, 1, 21)
    least = np.inf
    for a in grid:
        for b in grid:
            rows = np.outer([a, 1 - a], [b, 1 - b]).ravel()
            for q in grid:
                least = min(least, matrix_nash_conv(game, (rows, [q, 1 - q])))
    assert least > 0.5


@pytest.mark.parametrize("entry", TREES, ids=lambda entry: entry.name)
def test_entries_load_and_their_tags_are_true(entry):
    tree = entry.load()()
    validate_tree(tree)
    assert tree.name == entry.name
    assert entry.summary
    kinds = {1: "1-player", 2: "2-player"}
    assert kinds.get(tree.num_players, "n-player") in entry.tags
    assert ("zero-sum" in entry.tags) == (tree.num_players == 2 and not tree.payoffs.sum(axis=1).any())
    if "imperfect-recall" in entry.tags:
        with pytest.raises(UnsupportedGameError, match="imperfect recall"):
            fold(tree)
    else:
        assert fold(tree).num_players == tree.num_players


def test_names_are_not_those_of_matrix_games():
    assert not {entry.name for entry in TREES} & {entry.name for entry in GAMES}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: catalogue.centipede(0), "moves must lie in 1..1000, got 0"),
        (lambda: catalogue.centipede(1001), "got 1001"),
        (lambda: catalogue.ultimatum(0), "pie must be at least 1, got 0"),
        (lambda: catalogue.trust(0), "endowment must lie in 1..50, got 0"),
        (lambda: catalogue.trust(4, 1), "factor must lie in 2..10, got 1"),
    ],
)
def test_parameters_out_of_range(make, message):
    with pytest.raises(ValueError, match=message):
        make()
