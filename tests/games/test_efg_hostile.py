"""Broken and hostile .efg files: a typed error that names the place, in time and in little memory."""

import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.errors import FileFormatError
from games.extensive.catalogue import seltens_horse
from games.extensive.checks import validate_tree
from games.extensive.efg import format_efg, parse_efg, read_efg, write_efg
from games.extensive.tree import TERMINAL

HEADER = 'EFG 2 R "t" { "A" "B" }\n'
GOOD = format_efg(seltens_horse())
NODE = 'p "" 1 1 "I" { "a" "b" } 0'

CASES = [
    # text, line and column, a part of the message
    ("", (1, 1), "wanted EFG, got the end of the file"),
    ('NFG 1 R "t"', (1, 1), "wanted EFG, got 'NFG'"),
    ('EFG 3 R "t" { "A" }', (1, 5), "wanted the version number 2, got 3"),
    ("EFG 2 R t", (1, 9), "wanted the title in quotes, got 't'"),
    ('EFG 2 R "t" { }', (1, 15), "wanted at least one player"),
    ('EFG 2 R "t" { "A"', (1, 18), "wanted a player's name in quotes, or '}'"),
    ('EFG 2 R "t" { "A" { "B" }', (1, 19), "wanted a player's name"),
    (HEADER, (2, 1), "wanted c or p or t, got the end of the file"),
    (HEADER + "x", (2, 1), "wanted c or p or t, got 'x'"),
    (HEADER + 't "unclosed 0', (2, 3), "wanted a closing quote"),
    (HEADER + 't "\0" 0', (2, 4), "NUL"),
    (HEADER + "t 0", (2, 3), "wanted the node's label in quotes"),
    # players and information sets
    (HEADER + 'p "" 0 1 "I" { "a" } 0', (2, 6), "wanted the player's number in 1..2, got 0"),
    (HEADER + 'p "" 3 1 "I" { "a" } 0', (2, 6), "wanted the player's number in 1..2, got 3"),
    (HEADER + 'p "" -1 1 "I" { "a" } 0', (2, 6), "in 1..2, got -1"),
    (HEADER + 'p "" 1.5 1 "I" { "a" } 0', (2, 6), "wanted the player's number, got '1.5'"),
    (HEADER + 'p "" 99999999999999999999 1', (2, 6), "too long"),
    (HEADER + 'p "" 1 0 "I" { "a" } 0', (2, 8), "information set's number at least 1"),
    (HEADER + 'p "" 1 1 "I" { } 0', (2, 16), "wanted an action's label"),
    (HEADER + 'p "" 1 1 "I" { "a" 0', (2, 20), "wanted an action's label in quotes, or '}', got '0'"),
    (HEADER + 'p "" 1 1 0', (2, 10), "wanted the actions in braces where information set 1 of player 1"),
    (HEADER + NODE + '\np "" 2 1 0', (3, 10), "information set 1 of player 2 appears first"),
    (HEADER + NODE + '\np "" 1 1 "I" { "a" } 0', (3, 8), "had 2 actions before, has 1 here"),
    (HEADER + NODE + '\np "" 1 1 "I" { "a" "c" } 0', (3, 8), "described in another way"),
    (HEADER + NODE + '\np "" 1 1 "J" 0', (3, 8), "described in another way"),
    # outcomes and payoffs
    (HEADER + 't "" -1', (2, 6), "wanted the outcome's number (0 for none) at least 0"),
    (HEADER + 't "" 1', (2, 7), "wanted the payoffs in braces where outcome 1 appears first"),
    (HEADER + 't "" 0 "none"', (2, 8), "outcome 0 stands for no outcome"),
    (HEADER + 't "" 1 "o" { 1 }', (2, 16), "wanted the payoff of player 2, got '}'"),
    (HEADER + 't "" 1 "o" { 1 2 3 }', (2, 18), "wanted '}' after 2 payoffs, got '3'"),
    (HEADER + 't "" 1 "o" { 1,, 2 }', (2, 16), "wanted the payoff of player 2, got ','"),
    (HEADER + 't "" 1 "o" { 1, nan }', (2, 17), "wanted the payoff of player 2, got 'nan'"),
    (HEADER + 't "" 1 "o" { inf 1 }', (2, 14), "wanted the payoff of player 1, got 'inf'"),
    (HEADER + 't "" 1 "o" { 1e400 1 }', (2, 6), "too large for a float64"),
    (HEADER + 't "" 1 "o" { 1e999999999 1 }', (2, 14), "exponent of '1e999999999' is out of range"),
    (HEADER + 't "" 1 "o" { 1e-999999999 1 }', (2, 14), "out of range"),
    (HEADER + 't "" 1 "o" { ' + "9" * 5000 + " 1 }", (2, 14), "a number of 5000 characters is too long"),
    (HEADER + 't "" 1 "o" { 1e' + "9" * 1100 + " 1 }", (2, 14), "out of range"),
    (HEADER + 't "" 1 "o" { 1/0 1 }', (2, 14), "denominator zero"),
    (HEADER + 't "" 1 "o" { 0x10 1 }', (2, 14), "wanted the payoff of player 1"),
    (HEADER + 't "" 1 "o" { ١ 1 }', (2, 14), "wanted the payoff of player 1"),
    (HEADER + NODE + ' t "" 1 "" { 1 2 }\nt "" 1 "" { 1 3 }', (3, 6), "outcome 1 had other payoffs before"),
    (HEADER + 'p "" 1 1 "I" { "a" } 1 "" { 1e308 0 }\nt "" 1', (3, 6), "too large for a float64"),
    # chance
    (HEADER + 'c "" 0 "" { "a" 1 } 0', (2, 6), "chance event's number at least 1"),
    (HEADER + 'c "" 1 0', (2, 8), "wanted the outcomes in braces where chance event 1 appears first"),
    (HEADER + 'c "" 1 "" { } 0', (2, 13), "wanted an outcome's label"),
    (HEADER + 'c "" 1 "" { "a" } 0', (2, 17), "wanted a probability, got '}'"),
    (HEADER + 'c "" 1 "" { "a" -1 "b" 2 } 0', (2, 17), "chance node 0 has a probability outside [0, 1]"),
    (
        HEADER + 'c "" 1 "" { "a" 0.3333 "b" 0.6667 "c" 0.0001 } 0',
        (2, 6),
        "chance node 0 has probabilities that sum to 10001/10000 (1.0001), not to exactly 1",
    ),
    (HEADER + 'c "" 1 "" { "a" 0.99999999999999999999 } 0', (2, 6), "not to exactly 1; the usual cause"),
    (
        HEADER + 'c "" 1 "" { "a" 1 } 0\nc "" 1 "" { "b" 1 } 0',
        (3, 6),
        "chance event 1 is described in another way than before",
    ),
    (
        HEADER + 'c "" 1 "E" { "a" 1 } 0\nc "" 1 "F" 0',
        (3, 6),
        "chance event 1 is described in another way than before",
    ),
    # too little, too much
    (HEADER + NODE + ' t "" 0', (2, 34), "the file ends early: wanted child 2 of 2 of node 0"),
    (HEADER + 't "" 0\nt "" 0', (3, 1), "wanted the end of the file, for the tree is complete, got 't'"),
    (HEADER + 't "" 0 }', (2, 8), "wanted the end of the file"),
]


@pytest.mark.parametrize(("text", "place", "message"), CASES, ids=range(len(CASES)))
def test_the_error_names_the_place_and_what_was_wanted(text, place, message):
    with pytest.raises(FileFormatError) as caught:
        parse_efg(text, source="bad.efg")
    assert str(caught.value).startswith(f"bad.efg, line {place[0]}, column {place[1]}: ")
    assert message in str(caught.value)


def test_errors_in_long_files_are_found_in_time():
    # A whole file of white space, of unclosed quotes, or of digits costs one pass.
    for text in (" " * 10**7, "EFG 2 R " + '"\\' * 10**6, "EFG " + "1" * 10**7, '"' * 10**7):
        start = time.perf_counter()
        with pytest.raises(FileFormatError):
            parse_efg(text)
        assert time.perf_counter() - start < 5


@pytest.mark.parametrize("end", range(len(GOOD) - 2))
def test_every_truncation_is_noticed(end):
    with pytest.raises(FileFormatError, match="<string>, line"):
        parse_efg(GOOD[:end])


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_files_raise_nothing_else(data):
    text = GOOD
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        text = (
            text[:at]
            + data.draw(st.sampled_from(["", '"', "{", "}", "0", "7", "\\", "c", " "]))
            + text[at + 1 :]
        )
    try:
        tree = parse_efg(text)
    except FileFormatError:
        return
    validate_tree(tree)


def test_files_too_large_or_not_utf8_are_refused(tmp_path):
    path = tmp_path / "game.efg"
    write_efg(seltens_horse(), path)
    with pytest.raises(FileFormatError, match="larger than 10 bytes"):
        read_efg(path, max_bytes=10)
    path.write_bytes(GOOD.encode() + b"\n\xff")
    with pytest.raises(FileFormatError, match="byte 0xff is not UTF-8"):
        read_efg(path)
    with pytest.raises(FileNotFoundError):
        read_efg(tmp_path / "missing.efg")


def test_a_failed_write_keeps_the_old_file(tmp_path):
    path = tmp_path / "game.efg"
    write_efg(seltens_horse(), path)
    broken = seltens_horse()
    broken.payoffs[0, 0] = np.nan
    with pytest.raises(ValueError, match="finite"):
        write_efg(broken, path)
    assert path.read_text() == GOOD
    assert len(list(tmp_path.iterdir())) == 1


def deep_text(levels):
    """A chain of decisions in one information set, each with a leaf on its first move."""
    chain = ['p "" 1 1 0\nt "" 1\n'] * (levels - 1)
    return HEADER + 'p "" 1 1 "I" { "stop" "go" } 0\nt "" 1 "" { 1, -1 }\n' + "".join(chain) + 't "" 1\n'


def test_a_hundred_thousand_levels():
    levels = 100_000
    text = deep_text(levels)
    tree = parse_efg(text)
    assert tree.num_nodes == 2 * levels + 1
    assert np.count_nonzero(tree.actor == TERMINAL) == levels + 1
    assert tree.parent[-1] == 2 * levels - 2
    again = parse_efg(format_efg(tree))
    np.testing.assert_array_equal(again.parent, tree.parent)


def test_a_deep_file_cut_off_is_refused():
    text = deep_text(100_000)
    with pytest.raises(FileFormatError, match="the file ends early"):
        parse_efg(text[: text.rindex("t")])


def test_time_is_linear_in_depth():
    def seconds(levels):
        text = deep_text(levels)
        best = np.inf
        for _ in range(3):
            start = time.perf_counter()
            parse_efg(text)
            best = min(best, time.perf_counter() - start)
        return best

    assert seconds(32_000) < 40 * seconds(4_000)  # 8 if linear, 64 if quadratic


def test_few_bytes_cannot_ask_for_much_memory():
    # 2000 players, and 100 thousand short references to an outcome: 200 million payoffs.
    players = " ".join(['""'] * 2000)
    payoffs = " ".join(["1"] * 2000)
    actions = " ".join(['"a"'] * 100_000)
    text = (
        f'EFG 2 R "t" {{ {players} }} p "" 1 1 "" {{ {actions} }} 0 t "" 1 "" {{ {payoffs} }} '
        + 't "" 1 ' * 99_999
    )
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError, match="more than 1000000 payoffs"):
            _with_cells(text, 1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 100 * 2**20
    finally:
        tracemalloc.stop()


def _with_cells(text, cells):
    from games.extensive import efg_reader

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(efg_reader, "_MAX_PAYOFF_CELLS", cells)
        parse_efg(text)


def test_long_denominators_cannot_pile_up():
    numbers = [f"1/{10**600 + 2 * k + 1}" for k in range(300)]
    listed = " ".join(f'"a" {p}' for p in numbers)
    with pytest.raises(FileFormatError, match="too long to be added exactly"):
        parse_efg(HEADER + f'c "" 1 "" {{ {listed} }} 0')
    chain = "".join(f'p "" 1 {k + 1} "" {{ "a" }} {k + 1} "" {{ {p} 0 }}\n' for k, p in enumerate(numbers))
    with pytest.raises(FileFormatError, match="no common denominator in reach"):
        parse_efg(HEADER + chain + 't "" 0')
