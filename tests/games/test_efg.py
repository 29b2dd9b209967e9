"""Gambit's .efg files: exact round trips, meaning of the format, and Gambit itself as the other party."""

import io
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.errors import FileFormatError
from games.extensive.builder import TreeBuilder
from games.extensive.catalogue import centipede, myerson_card_game, seltens_horse
from games.extensive.checks import validate_tree
from games.extensive.efg import format_efg, parse_efg, read_efg, write_efg
from games.extensive.registry import TREES
from games.extensive.tree import CHANCE, TERMINAL
from games.gambit_numbers import exact_distribution, shortest_number, sum_exactly
from tests.tree_strategies import (
    assert_same_tree,
    expected_payoffs,
    finite,
    plain_labels,
    random_behaviors,
    tree_games,
)

pygambit = pytest.importorskip("pygambit")

HEADER = 'EFG 2 R "t" { "A" "B" }\n'
SAMPLES = sorted((Path(pygambit.__file__).parent / "catalog_data").rglob("*.efg"))


def kuhn_poker():
    """Kuhn poker with the deal in two steps, so that thirds and halves occur."""
    builder = TreeBuilder("Kuhn poker", ("1", "2"))
    own = builder.chance(None, {card: Fraction(1, 3) for card in "JQK"})
    for mine in "JQK":
        other = builder.chance(own[mine], {card: Fraction(1, 2) for card in "JQK" if card != mine})
        for theirs in other.labels:
            win = 1 if "JQK".index(mine) > "JQK".index(theirs) else -1
            first = builder.decision(other[theirs], 0, mine, ("pass", "bet"))
            after_pass = builder.decision(first["pass"], 1, f"{theirs} pass", ("pass", "bet"))
            builder.terminal(after_pass["pass"], (win, -win))
            answer = builder.decision(after_pass["bet"], 0, f"{mine} pass bet", ("pass", "bet"))
            builder.terminal(answer["pass"], (-1, 1))
            builder.terminal(answer["bet"], (2 * win, -2 * win))
            after_bet = builder.decision(first["bet"], 1, f"{theirs} bet", ("pass", "bet"))
            builder.terminal(after_bet["pass"], (1, -1))
            builder.terminal(after_bet["bet"], (2 * win, -2 * win))
    return builder.build()


def gambit_reads(text):
    return pygambit.read_efg(io.BytesIO(text.encode()))


def gambit_payoffs(game, tree, behaviors):
    """Expected payoffs by Gambit, whose nodes come in the same preorder."""
    profile = game.mixed_behavior_profile()
    nodes = list(game.nodes)
    assert len(nodes) == tree.num_nodes
    for k, node in enumerate(nodes):
        assert node.is_terminal == (tree.actor[k] == TERMINAL)
        if not node.is_terminal and not node.infoset.is_chance:
            for action, p in zip(node.infoset.actions, behaviors[tree.infoset[k]], strict=True):
                profile[action] = p
    return np.array([profile.payoff(player) for player in game.players])


# Round trips


@settings(max_examples=120, deadline=None)
@given(tree_games(payoffs=finite))
def test_tree_to_text_and_back_is_exact(tree):
    text = format_efg(tree)
    again = parse_efg(text)
    validate_tree(again)
    assert_same_tree(again, tree)
    assert format_efg(again) == text


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_gambits_samples_read_alike_and_survive_a_round_trip(path):
    tree, game = read_efg(path), pygambit.read_efg(path)
    validate_tree(tree)
    assert (tree.name, tree.num_players) == (game.title, len(game.players))
    ours = gambit_reads(format_efg(tree))
    rng = np.random.default_rng(0)
    for pure in (True, True, True, False):
        behaviors = random_behaviors(tree, rng, pure=pure)
        expected = expected_payoffs(tree, behaviors)
        np.testing.assert_allclose(gambit_payoffs(game, tree, behaviors), expected, atol=1e-12)
        np.testing.assert_allclose(gambit_payoffs(ours, tree, behaviors), expected, atol=1e-12)
    assert_same_tree(parse_efg(format_efg(tree)), tree)


def test_there_are_samples():
    assert len(SAMPLES) >= 20


@pytest.mark.parametrize("entry", TREES, ids=lambda entry: entry.name)
def test_gambit_agrees_on_our_catalogue(entry):
    tree = entry.load()()
    text = format_efg(tree)
    game = gambit_reads(text)
    assert [player.label for player in game.players] == list(tree.players)
    rng = np.random.default_rng(1)
    for pure in (True, False):
        behaviors = random_behaviors(tree, rng, pure=pure)
        np.testing.assert_allclose(
            gambit_payoffs(game, tree, behaviors), expected_payoffs(tree, behaviors), rtol=1e-12, atol=1e-12
        )
    # A file knows actions by their place; trees of environments also know them by their number there.
    places = tuple(tuple(range(len(actions))) for actions in tree.infoset_actions)
    assert_same_tree(parse_efg(text), replace(tree, infoset_action_ids=places))
    assert parse_efg(game.to_efg()).payoffs.tolist() == tree.payoffs.tolist()


@settings(max_examples=40, deadline=None)
@given(tree_games(labels=plain_labels), st.integers(0, 99))
def test_gambit_takes_what_we_write_and_we_what_gambit_writes(tree, seed):
    game = gambit_reads(format_efg(tree))
    behaviors = random_behaviors(tree, np.random.default_rng(seed))
    expected = expected_payoffs(tree, behaviors)
    np.testing.assert_allclose(gambit_payoffs(game, tree, behaviors), expected, atol=1e-9)
    back = parse_efg(game.to_efg())
    np.testing.assert_allclose(expected_payoffs(back, behaviors), expected, atol=1e-9)


def test_gambit_solves_our_kuhn_poker():
    game = gambit_reads(format_efg(kuhn_poker()))
    (profile,) = pygambit.nash.lp_solve(game).equilibria
    assert [profile.payoff(player) for player in game.players] == [Fraction(-1, 18), Fraction(1, 18)]


def test_gambit_solves_our_card_game():
    game = gambit_reads(format_efg(myerson_card_game()))
    (profile,) = pygambit.nash.lp_solve(game).equilibria
    assert profile.payoff(next(iter(game.players))) == Fraction(1, 3)


@pytest.mark.parametrize("name", ["kuhn_poker", "kuhn_poker(players=3)"])
def test_open_spiel_trees_are_accepted_by_gambit(name):
    from games.adapters.open_spiel_tree import tree_from_open_spiel

    tree = tree_from_open_spiel(name)
    game = gambit_reads(format_efg(tree))
    behaviors = random_behaviors(tree, np.random.default_rng(2))
    np.testing.assert_allclose(
        gambit_payoffs(game, tree, behaviors), expected_payoffs(tree, behaviors), atol=1e-12
    )


def test_open_spiels_own_export_is_refused_with_the_reason():
    import pyspiel
    from open_spiel.python.algorithms.gambit import export_gambit

    with pytest.raises(FileFormatError, match=r"sum to .*not to exactly 1; .* 1/3 written as a decimal"):
        parse_efg(export_gambit(pyspiel.load_game("kuhn_poker")))


def test_files_round_trip_and_leave_no_other_file(tmp_path):
    path = tmp_path / "horse.efg"
    write_efg(centipede(), path)
    write_efg(seltens_horse(), path)
    assert_same_tree(read_efg(path), seltens_horse())
    assert_same_tree(read_efg(str(path)), seltens_horse())
    assert [p.name for p in tmp_path.iterdir()] == ["horse.efg"]


def test_byte_order_mark_and_windows_lines_are_read(tmp_path):
    path = tmp_path / "horse.efg"
    path.write_bytes(b"\xef\xbb\xbf" + format_efg(seltens_horse()).replace("\n", "\r\n").encode())
    assert_same_tree(read_efg(path), seltens_horse())


# Meaning of the format


def test_what_is_written_is_gambits_format():
    assert format_efg(myerson_card_game()) == (
        'EFG 2 R "myerson-card-game" { "1" "2" }\n""\n\n'
        'c "" 1 "" { "red" 1/2 "black" 1/2 } 0\n'
        'p "" 1 1 "red" { "raise" "fold" } 0\n'
        'p "" 2 1 "raised" { "meet" "pass" } 0\n'
        't "" 1 "" { 2, -2 }\n'
        't "" 2 "" { 1, -1 }\n'
        't "" 2\n'
        'p "" 1 2 "black" { "raise" "fold" } 0\n'
        'p "" 2 1 0\n'
        't "" 3 "" { -2, 2 }\n'
        't "" 2\n'
        't "" 4 "" { -1, 1 }\n'
    )


def test_payoffs_of_inner_outcomes_add_up_exactly_to_the_leaves():
    text = HEADER + (
        'p "" 1 1 "I" { "a" "b" } 1 "toll" { 0.1, -1/3 }\n'
        'c "" 1 "" { "x" 1/4 "y" 3/4 } 2 "prize" { .2 1e0 }\n'
        't "" 0\n'
        't "" 2\n'
        't "" 3 "end" { -0.1, 1/3 }\n'
    )
    tree = parse_efg(text)
    # In float64 0.1 + 0.2 would not be 0.3.
    assert tree.payoffs.tolist() == [[0.3, 2 / 3], [0.5, 5 / 3], [0.0, 0.0]]
    game = gambit_reads(text)
    behaviors = [np.array([0.5, 0.5])]
    np.testing.assert_allclose(gambit_payoffs(game, tree, behaviors), expected_payoffs(tree, behaviors))


def test_infosets_events_and_outcomes_are_described_once_or_alike():
    text = HEADER + (
        'c "" 7 "E" { "x" 1/2 "y" 1/2 } 0 '
        'p "" 1 3 "I" { "a" "b" } 0 t "" 9 "o" { 1 2 } t "" 9 '
        'c "" 7 0 p "" 1 3 0 t "" 0 t "" 9 "o" { 1, 2 } '
        'p "" 1 3 "I" { "a" "b" } 0 t "" 9 t "" 0'
    )
    tree = parse_efg(text)
    assert tree.infoset_labels == ("I",)
    assert np.count_nonzero(tree.infoset == 0) == 3
    assert tree.chance_labels == (("x", "y"), ("x", "y"))
    assert tree.payoffs.tolist() == [[1, 2], [1, 2], [0, 0], [1, 2], [1, 2], [0, 0]]


def test_the_same_number_of_two_players_is_two_infosets():
    tree = parse_efg(HEADER + 'p "" 2 5 "I" { "a" } 0 p "" 1 5 "I" { "b" } 0 t "" 0')
    assert tree.infoset_player.tolist() == [1, 0]
    assert tree.infoset_actions == (("a",), ("b",))


def test_missing_and_repeated_labels_are_made_distinct():
    tree = parse_efg(
        'EFG 2 R "" { "A" "" "A" } "a comment,\nof \\"two\\" lines"\n'
        'p "" 1 4 "" { "" "" "x" "x" } 0 p "" 1 8 "I" { "a" } 0 t "" 0 p "" 1 9 "I" { "a" } 0 t "" 0 '
        'c "" 1 "" { "" 1 } 0 t "" 0 t "" 0'
    )
    validate_tree(tree)
    assert tree.players == ("A_1", "Player 2", "A_2")
    assert tree.infoset_labels == ("1:4", "I_1", "I_2")
    assert tree.infoset_actions[0] == ("1", "2", "x_1", "x_2")
    assert tree.chance_labels == ()
    assert_same_tree(parse_efg(format_efg(tree)), tree)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1/3", 1 / 3),
        ("-2/4", -0.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e-3", 1e-3),
        ("+2E+2", 200.0),
        ("1e-999", 0.0),
    ],
)
def test_numbers(written, value):
    assert parse_efg(f'EFG 2 R "t" {{ "A" }} t "" 1 "" {{ {written} }}').payoffs.tolist() == [[value]]


# Numbers written


@given(finite)
def test_written_numbers_read_back_bit_for_bit(value):
    text = shortest_number(value)
    assert float(Fraction(text)) == value
    assert len(text) <= len(repr(value))
    assert "+" not in text


@pytest.mark.parametrize(
    "ratios",
    [
        ["1/3", "1/3", "1/3"],
        ["1/6"] * 6,
        ["99/100", "1/100"],
        ["1/1326"] * 1326,
        ["0", "1"],
        ["1/1048573", "3/1048573", "1048569/1048573"],
        ["1/67108864", "67108863/67108864"],
    ],
)
def test_ratios_are_recovered_from_floats(ratios):
    exact = [Fraction(r) for r in ratios]
    assert exact_distribution([float(p) for p in exact]) == exact


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8).filter(lambda w: sum(w) > 0))
def test_any_floats_become_an_exact_distribution_next_to_them(weights):
    probabilities = (np.array(weights) / np.sum(weights)).tolist()
    exact = exact_distribution(probabilities)
    assert sum(exact) == 1
    np.testing.assert_allclose([float(p) for p in exact], probabilities, rtol=4e-16 * len(weights), atol=0)


def test_sums_of_strange_denominators_are_given_up_in_time():
    primes = [Fraction(1, 10**1000 + k) for k in range(1, 4000)]
    assert sum_exactly(primes) is None
    assert sum_exactly([Fraction(1, 3), Fraction(1, 6), Fraction(1, 2)]) == 1


def test_chance_nodes_keep_their_labels_in_preorder():
    tree = kuhn_poker()
    assert tree.chance_labels[0] == ("J", "Q", "K")
    assert len(tree.chance_labels) == np.count_nonzero(tree.actor == CHANCE) == 4
