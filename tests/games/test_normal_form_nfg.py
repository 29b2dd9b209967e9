"""Gambit's .nfg files: round trips, Gambit itself as the other party, and files that mean harm."""

import io
import os
import time

import numpy as np
import pygambit
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from games.errors import FileFormatError
from games.gambit_text import distinct_labels, format_number, quote
from games.normal_form import NormalFormGame, format_nfg, known_games, parse_nfg, read_nfg, write_nfg

HEADER = 'NFG 1 R "t" { "a" "b" } '

finite = st.floats(allow_nan=False, allow_infinity=False)
# Every character that means something to the format is frequent.
labels = st.text(
    st.sampled_from('ab "\\{},\n\t\r#éλ') | st.characters(codec="utf-8", exclude_characters="\0"),
    min_size=1,
    max_size=8,
)


@st.composite
def labelled_games(draw, label=labels, payoffs=finite):
    sizes = tuple(draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)))
    actions = tuple(tuple(draw(st.lists(label, min_size=n, max_size=n, unique=True))) for n in sizes)
    players = tuple(draw(st.lists(label, min_size=len(sizes), max_size=len(sizes), unique=True)))
    tensor = draw(arrays(np.float64, (len(sizes), *sizes), elements=payoffs))
    return NormalFormGame(tensor, actions, players, draw(st.just("") | label))


def assert_same(one, two):
    np.testing.assert_array_equal(one.payoffs, two.payoffs)
    # array_equal does not tell -0.0 from 0.0
    np.testing.assert_array_equal(np.signbit(one.payoffs), np.signbit(two.payoffs))
    assert (one.actions, one.players, one.name) == (two.actions, two.players, two.name)


@settings(max_examples=150, deadline=None)
@given(labelled_games())
def test_text_round_trip_is_exact(game):
    assert_same(parse_nfg(format_nfg(game)), game)


def test_file_round_trip_is_exact_and_leaves_no_other_file(tmp_path):
    path = tmp_path / "game.nfg"
    for known in known_games():
        write_nfg(known.factory(), path)
        assert_same(read_nfg(path), known.factory())
        assert_same(read_nfg(str(path)), known.factory())
        assert os.listdir(tmp_path) == ["game.nfg"]


def test_line_ends_inside_labels_survive_the_file(tmp_path):
    game = NormalFormGame([[1.0, 2.0]], (("a\r\nb", "c\rd"),), name="e\nf")
    write_nfg(game, tmp_path / "g.nfg")
    assert_same(read_nfg(tmp_path / "g.nfg"), game)


# Gambit's labels are printable ASCII without outer or double spaces; it also doubles backslashes in runs.
plain = st.lists(st.text(st.sampled_from('ab1"{},/'), min_size=1, max_size=3), min_size=1, max_size=2).map(
    " ".join
)
modest = st.floats(-1e30, 1e30).map(lambda x: 0.0 if abs(x) < 1e-30 else x)


@settings(max_examples=40, deadline=None)
@given(labelled_games(plain, modest))
def test_gambit_reads_what_we_write(game):
    theirs = pygambit.read_nfg(io.BytesIO(format_nfg(game).encode()))
    assert theirs.title == game.name
    assert [p.label for p in theirs.players] == list(game.players)
    for player, own in zip(theirs.players, game.actions, strict=True):
        assert [s.label for s in player.strategies] == list(own)
    for cell in np.ndindex(*game.num_actions):
        outcome = theirs[cell]
        for i, player in enumerate(theirs.players):
            assert float(outcome[player]) == game.payoffs[(i, *cell)]


@settings(max_examples=40, deadline=None)
@given(labelled_games(plain, st.fractions(-99, 99, max_denominator=999).map(float)))
def test_we_read_what_gambit_writes(game):
    theirs = pygambit.Game.from_arrays(*game.payoffs)
    theirs.title = game.name
    for player, label, own in zip(theirs.players, game.players, game.actions, strict=True):
        # Labels may not collide with the default ones while they are being set.
        player.label = "player " + label
        for k, strategy in enumerate(list(player.strategies)):
            strategy.label = "strategy " + own[k]
    ours = parse_nfg(theirs.to_nfg())
    np.testing.assert_array_equal(ours.payoffs, game.payoffs)
    assert ours.players == tuple("player " + p for p in game.players)
    assert ours.actions == tuple(tuple("strategy " + a for a in own) for own in game.actions)


def test_exact_ratios_from_gambit_round_once():
    thirds = pygambit.Game.from_arrays(
        np.array([[pygambit.Rational(1, 3), pygambit.Rational(-22, 7)]]),
        np.array([[pygambit.Rational(10**20 + 1, 3), pygambit.Rational(0)]]),
    )
    ours = parse_nfg(thirds.to_nfg())
    assert "1/3" in thirds.to_nfg()
    assert ours.payoffs[:, 0].tolist() == [[1 / 3, -22 / 7], [(10**20 + 1) / 3, 0.0]]


def test_gambits_own_catalogue():
    folder = os.path.join(os.path.dirname(pygambit.__file__), "catalog_data", "journals", "ijgt", "nau2004")
    ours = read_nfg(os.path.join(folder, "sec4.nfg"))
    known = next(k for k in known_games() if k.name == "nau-irrational").factory()
    np.testing.assert_array_equal(ours.payoffs, known.payoffs)
    assert read_nfg(os.path.join(folder, "sec6.nfg")).num_actions == (2, 2, 4)


def test_payoff_body_with_counts_runs_the_first_player_fastest():
    game = parse_nfg(HEADER + "{ 2 3 } 1 10 2 20 3 30 4 40 5 50 6 60")
    np.testing.assert_array_equal(game.payoffs[0], [[1, 3, 5], [2, 4, 6]])
    np.testing.assert_array_equal(game.payoffs[1], 10 * game.payoffs[0])
    assert (game.actions, game.players, game.name) == ((("1", "2"), ("1", "2", "3")), ("a", "b"), "t")


def test_outcome_body_with_the_null_outcome():
    game = parse_nfg(HEADER + '{ { "u" "d" } { "l" "r" } } "comment" { { "x" 1, 2 } { "" 3 -4 } } 2 0 1 2')
    np.testing.assert_array_equal(game.payoffs[0], [[3, 1], [0, 3]])
    np.testing.assert_array_equal(game.payoffs[1], [[-4, 2], [0, -4]])
    assert game.actions == (("u", "d"), ("l", "r"))


def test_null_outcome_everywhere():
    game = parse_nfg(HEADER + "{ 1 2 } { } 0 0")
    np.testing.assert_array_equal(game.payoffs, np.zeros((2, 1, 2)))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1/3", 1 / 3),
        ("-22/7", -22 / 7),
        ("+4/2", 2.0),
        ("1e-3", 1e-3),
        ("1E+3", 1e3),
        (".5", 0.5),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("+7", 7.0),
        ("007", 7.0),
        ("0.1", 0.1),
        ("9007199254740993", float(9007199254740993)),
        ("1e-400", 0.0),
        (f"{10**400}/{10**399}", 10.0),
    ],
)
def test_numbers(text, value):
    assert parse_nfg(HEADER + f"{{ 1 1 }} {text} 0").payoffs[0, 0, 0] == value
    assert parse_nfg(HEADER + f'{{ 1 1 }} {{ {{ "" {text}, 0 }} }} 1').payoffs[0, 0, 0] == value


@pytest.mark.parametrize(
    "text",
    [
        *("nan", "inf", "-inf", "1e999", "1/0", "1_000", "0x10", "1/2/3", "1.5/2", "1e", "--1", "٣"),
        *(".", "+", "-", "e5", "1e5.5", "x", "1/-2", "9" * 5000, f"{10**400}/1"),
    ],
)
def test_what_is_no_finite_number_is_refused(text):
    with pytest.raises(FileFormatError, match=r"<string>, line 1, column 33: wanted the payoffs"):
        parse_nfg(HEADER + f"{{ 1 1 }} {text} 0")


def test_escapes():
    game = parse_nfg(r'NFG 1 R "say \"hi\" \\ \n" { "a\"" } { { "x\\" } } 0')
    assert game.name == r'say "hi" \ \n'
    assert game.players == ('a"',)
    assert game.actions == (("x\\",),)


def test_gambit_reads_our_quotes():
    game = NormalFormGame([[1.0]], (('a "b" \\c',),), ('"',), 'the "title"')
    theirs = pygambit.read_nfg(io.BytesIO(format_nfg(game).encode()))
    assert theirs.title == 'the "title"'
    assert [s.label for s in next(iter(theirs.players)).strategies] == ['a "b" \\c']


def test_labels_that_no_reader_takes_are_not_written():
    with pytest.raises(ValueError, match="NUL"):
        format_nfg(NormalFormGame([[1.0]], name="a\0"))


def test_empty_and_repeated_labels_are_numbered_apart():
    game = parse_nfg('NFG 1 R "" { "p" "p" } { { "" "" "x" } { "x" "x" "x_1" } } ' + "0 " * 18)
    assert game.players == ("p_1", "p_2")
    assert game.actions == (("_1", "_2", "x"), ("x_2", "x_3", "x_1"))
    assert game.name == ""


@given(st.lists(st.sampled_from(["", "a", "a_1", "a_2", "a_1_1", "_1", "b"]), max_size=12))
@settings(deadline=None)
def test_distinct_labels_are_distinct_and_leave_the_rest_alone(given_labels):
    result = distinct_labels(given_labels)
    assert len(set(result)) == len(result) == len(given_labels)
    for before, after in zip(given_labels, result, strict=True):
        assert after == before or (given_labels.count(before) > 1 or not before)
        assert after.startswith(before)


@given(finite)
def test_numbers_are_written_short_and_read_back(x):
    text = format_number(x)
    assert float(text) == x
    assert len(text) <= len(repr(x))
    assert parse_nfg(f'NFG 1 R "" {{ "p" }} {{ 1 }} {text}').payoffs.flat[0] == x


def test_whole_numbers_carry_no_point():
    assert [format_number(x) for x in (3.0, -0.0, 0.5, 1e22)] == ["3", "-0", "0.5", "1e22"]


@given(st.text(st.sampled_from('\\"a'), max_size=8))
def test_quoting_is_undone_by_reading(text):
    assert parse_nfg(f'NFG 1 R {quote(text)} {{ "p" }} {{ 1 }} 0').name == text


@pytest.mark.parametrize(
    ("text", "place", "wanted"),
    [
        ("", (1, 1), "wanted NFG, got the end of the file"),
        ("EFG 2 R", (1, 1), "wanted NFG, got 'EFG'"),
        ("NFG 2 R", (1, 5), "wanted the version number 1, got 2"),
        ('NFG 1 X "t"', (1, 7), "wanted R or D, got 'X'"),
        ("NFG 1 R { ", (1, 9), "wanted the title in quotes, got '{'"),
        ('NFG 1 R "t', (1, 9), "a quoted text begins here and never ends"),
        ('NFG 1 R "t"\n  x', (2, 3), "wanted '{' before the players, got 'x'"),
        ('NFG 1 R "t" { 1 }', (1, 15), "wanted a player's name in quotes, or '}', got '1'"),
        ('NFG 1 R "t" { "a"', (1, 18), "wanted a player's name in quotes, or '}', got the end of the file"),
        ('NFG 1 R "t" { }', (1, 15), "wanted at least one player"),
        ('NFG 1 R "t" { ' + '"p" ' * 64 + "}", (1, 15 + 4 * 63), "wanted '}' after at most 63 players"),
        (HEADER + "\n\n1", (3, 1), "wanted '{' before the players' strategies, got '1'"),
        (HEADER + "{ 2 }", (1, 29), "wanted the number of strategies of player 2 of 2, got '}'"),
        (HEADER + "{ 2 2 2 }", (1, 31), "wanted '}' after the strategies of 2 players, got '2'"),
        (HEADER + "{ -2 2 }", (1, 27), "wanted the number of strategies of player 1 of 2 at least 1, got -2"),
        (HEADER + "{ 0 2 }", (1, 27), "wanted the number of strategies of player 1 of 2 at least 1, got 0"),
        (HEADER + "{ 2.0 2 }", (1, 27), "wanted the number of strategies of player 1 of 2, got '2.0'"),
        (HEADER + "{ 1" + "0" * 50 + " 2 }", (1, 27), "an integer of 51 characters is too long"),
        (HEADER + '{ { "x" } }', (1, 35), "wanted '{' before the strategies of player 2 of 2, got '}'"),
        (HEADER + '{ { "x" 3', (1, 33), "wanted a strategy of player 1 in quotes, or '}', got '3'"),
        (HEADER + "{ 1 2 } 1 2 3", (1, 38), "wanted the payoffs of 2 players in every one of 2 cells"),
        (HEADER + "{ 1 1 } 1 2 3", (1, 37), "wanted the end of the file after the last cell, got '3'"),
        (HEADER + '{ 1 1 } "c" "d" 1 2', (1, 37), "wanted the payoffs of 2 players"),
        (HEADER + "{ 1 1 } { 1", (1, 35), "wanted '{' before an outcome, or '}' after the last one"),
        (HEADER + "{ 1 1 } { { 1 2 } } 1", (1, 37), "wanted the outcome's name in quotes, got '1'"),
        (HEADER + '{ 1 1 } { { "" 1 } } 1', (1, 42), "wanted the outcome's payoff to player 2 of 2, got '}'"),
        (HEADER + '{ 1 1 } { { "" 1 2 3 } } 1', (1, 44), "wanted '}' after the 2 payoffs of the outcome"),
        (HEADER + '{ 1 1 } { { "" 1,, 2 } } 1', (1, 42), "wanted the outcome's payoff to player 2 of 2"),
        (HEADER + '{ 1 1 } { { "" 1 2 } } 2', (1, 48), "wanted an outcome for every one of 1 cells in 0..1"),
        (HEADER + '{ 1 1 } { { "" 1 2 } } -1', (1, 48), "wanted an outcome for every one of 1 cells in 0..1"),
        (
            HEADER + '{ 1 2 } { { "" 1 2 } } 1',
            (1, 49),
            "wanted an outcome for every one of 2 cells, got the end",
        ),
        (HEADER + "{" * 100_000, (1, 27), "wanted a strategy of player 1 in quotes, or '}', got '{'"),
        (HEADER + "{ 1 1 } 1 \0", (1, 35), "a NUL character"),
    ],
)
def test_errors_name_the_place_and_what_was_wanted(text, place, wanted):
    line, column = place
    with pytest.raises(FileFormatError) as error:
        parse_nfg(text, source="bad.nfg")
    assert str(error.value).startswith(f"bad.nfg, line {line}, column {column}: {wanted}")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HEADER + '{ { } { "x" } } 1', "at least one action"),
        (HEADER + "{ 100000 100000 }", "limit"),
        ('NFG 1 R "t" { "a" "b" "c" } { 100000 100000 100000 }', "limit"),
    ],
)
def test_impossible_sizes_are_refused_at_once(text, reason):
    start = time.perf_counter()
    with pytest.raises(FileFormatError, match=rf"<string>, line 1, column [0-9]+: .*{reason}"):
        parse_nfg(text)
    assert time.perf_counter() - start < 0.5


WHOLE = HEADER + '{ { "x\\"" "y" } { "z" } }\n"c" { { "o" 1, 1/2 } { "" -2e3, .5 } } 1 2'


@pytest.mark.parametrize("end", range(len(WHOLE)))
def test_every_truncation_is_an_error(end):
    with pytest.raises(FileFormatError, match="line"):
        parse_nfg(WHOLE[:end])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*WHOLE.split(), "{", "}", '"', ",", "9", "\\", "\n", "1e9"]), max_size=30))
def test_token_soup_is_read_or_refused_but_never_breaks(tokens):
    for text in (" ".join(tokens), HEADER + " ".join(tokens), WHOLE[:40] + "".join(tokens)):
        try:
            game = parse_nfg(text)
        except FileFormatError:
            continue
        assert_same(parse_nfg(format_nfg(game)), game)


def seconds(text):
    start = time.perf_counter()
    with pytest.raises(FileFormatError):
        parse_nfg(text)
    return time.perf_counter() - start


@pytest.mark.parametrize(
    "hostile",
    [
        lambda n: HEADER + "{ 1 1 } " + "1" * n + "x",
        lambda n: HEADER + "{ 1 1 } 1" + "." * n,
        lambda n: HEADER + "{ 1 1 } 1 2" + " " * n + "x",
        lambda n: 'NFG 1 R "' + "\\" * n,
        lambda n: 'NFG 1 R "' + 'a\\"' * n,
        lambda n: HEADER + "{" * n,
        lambda n: "\n" * n + "x",
        lambda n: HEADER + '{ { "" ' + '"" ' * n,
        lambda n: HEADER + '{ { "x" ' + "".join(f'"x_{k}" "x"' for k in range(n // 8)),
        lambda n: HEADER + "{ 1 1 } { " + '{ "" 1 2 } ' * (n // 8),
    ],
)
def test_hostile_texts_take_linear_time(hostile):
    # Ten times the text may take ten times as long and change, not a hundred times.
    seconds(hostile(1000))
    small = max(min(seconds(hostile(20_000)) for _ in range(3)), 1e-4)
    assert min(seconds(hostile(200_000)) for _ in range(2)) < 50 * small + 0.05


def test_label_numbering_takes_linear_time():
    n = 100_000
    strategies = " ".join(f'"x_{k}"' for k in range(1, n)) + ' "x"' * 2
    start = time.perf_counter()
    game = parse_nfg(f'NFG 1 R "" {{ "p" }} {{ {{ {strategies} }} }} ' + "0 " * (n + 1))
    assert game.actions[0][-2:] == (f"x_{n}", f"x_{n + 1}")
    assert time.perf_counter() - start < 5


def test_files_that_are_not_text_are_named(tmp_path):
    path = tmp_path / "bin.nfg"
    for start in (b"", b"\xef\xbb\xbf"):
        path.write_bytes(start + b"NFG\n1 R \xff\xfe")
        with pytest.raises(FileFormatError, match=r"bin\.nfg, line 2, column 5: byte 0xff is not UTF-8"):
            read_nfg(path)
    path.write_bytes(b"")
    with pytest.raises(FileFormatError, match=r"bin\.nfg, line 1, column 1: wanted NFG"):
        read_nfg(path)
    with pytest.raises(FileNotFoundError):
        read_nfg(tmp_path / "absent.nfg")


def test_byte_order_mark_and_windows_line_ends(tmp_path):
    path = tmp_path / "windows.nfg"
    path.write_bytes(b"\xef\xbb\xbf" + b'NFG 1 D "t" { "a" }\r\n{ 2 }\r\n\r\n1\r\n2\r\n')
    assert read_nfg(path).payoffs.tolist() == [[1.0, 2.0]]


def test_files_beyond_the_limit_are_refused(tmp_path):
    path = tmp_path / "big.nfg"
    path.write_text(WHOLE)
    with pytest.raises(FileFormatError, match=r"big\.nfg: the file is larger than 20 bytes"):
        read_nfg(path, max_bytes=20)
    assert read_nfg(path, max_bytes=path.stat().st_size).name == "t"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "game.nfg"
    old = NormalFormGame([[1.0]])
    write_nfg(old, path)

    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr("games.files.os.replace", broken)
    with pytest.raises(OSError, match="disk full"):
        write_nfg(NormalFormGame([[2.0]]), path)
    assert os.listdir(tmp_path) == ["game.nfg"]
    assert_same(read_nfg(path), NormalFormGame(old.payoffs, (("0",),), ("0",)))
    with pytest.raises(UnicodeEncodeError):
        write_nfg(NormalFormGame([[2.0]], name="\ud800"), path)
    assert os.listdir(tmp_path) == ["game.nfg"]
    with pytest.raises(FileNotFoundError):
        write_nfg(old, tmp_path / "no-folder" / "game.nfg")
