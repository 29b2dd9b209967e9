"""Files of populations that hold anything else are refused, for the reason that is theirs."""

import json
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from games.adapters.open_spiel import open_spiel_game
from games.adapters.tree_env import TreeEnv
from games.driving.merge import small_merge
from games.errors import FileFormatError
from games.gridworlds.trust_dilemma import TrustDilemma
from games.loading import load_game
from games.storage.bundle import read_bundle, write_bundle
from marl.policies import UniformPolicy
from marl.populations import load_population, open_spiel_kind, population_of_play, save_population
from marl.populations.storage import SCHEMA, VERSION
from tests.stored_populations import played_population, tree_population

# Hostile files: each case takes the header and arrays of a sound file and spoils one thing.


def spoil(tmp_path, population, change):
    save_population(tmp_path / "good.json", population)
    header, arrays = read_bundle(tmp_path / "good.json", schema=SCHEMA, version=VERSION)
    change(header, arrays)
    write_bundle(tmp_path / "bad.json", header, arrays)
    return tmp_path / "bad.json"


def at(*keys, value):
    def change(header, arrays):
        node = header
        for key in keys[:-1]:
            node = node[key]
        node[keys[-1]] = value

    return change


def put(name, value):
    return lambda header, arrays: arrays.update({name: value})


def drop(name):
    return lambda header, arrays: arrays.pop(name)


TABLES = {
    "kind of game": (
        at("game", "kind", value="os.system"),
        "bad.json.game: the game cannot be built: unknown kind of game 'os.system'",
    ),
    "no parameters": (at("game", "parameters", value=None), "game.parameters: wanted an object"),
    "a giant road": (
        at("game", "parameters", "length", value=10**9),
        "parameters.length: wanted an integer in 0..10000",
    ),
    "a real as length": (
        at("game", "parameters", "length", value=6.0),
        "parameters.length: wanted an integer, got 6.0",
    ),
    "a Boolean as length": (
        at("game", "parameters", "length", value=True),
        "parameters.length: wanted an integer, got True",
    ),
    "payoffs out of order": (
        at("game", "parameters", "crash_payoff", value=5.0),
        "progress must be positive and crash_payoff negative",
    ),
    "other rules": (
        at("game", "parameters", "crash_payoff", value=-11.0),
        "crash=-11, late=0) does not play as merge",
    ),
    "cars that are words": (
        at("game", "parameters", "starts", value=["a", "b"]),
        "parameters.starts: wanted lane, cell and speed of two cars, got ['a'",
    ),
    "three cars": (
        at("game", "parameters", "starts", value=[[0, 0, 1]] * 3),
        "parameters.starts: wanted lane, cell and speed of two cars, got [[0, 0, 1], [0, 0, 1], [0",
    ),
    "a lane that is none": (
        at("game", "parameters", "starts", value=[[7, 0, 1], [1, 0, 1]]),
        "parameters.starts: wanted lane, cell and speed of two cars, got [[7",
    ),
    "another fingerprint": (at("game", "play", value="0" * 64), "crash=-10, late=0) does not play as merge"),
    "no fingerprint": (at("game", "play", value=None), "game.play: wanted a string, got None"),
    "one player": (
        lambda header, arrays: header["players"].pop(),
        "players: wanted 2 players, as the game has",
    ),
    "no players": (at("players", value=[]), "players: wanted a list of 1 to 64 players, got []"),
    "players that are words": (
        at("players", value=["a", "b"]),
        "players[0]: wanted a list of one or more policies",
    ),
    "a player without policies": (
        at("players", 0, value=[]),
        "players[0]: wanted a list of one or more policies",
    ),
    "kind of policy": (
        at("players", 0, 1, "kind", value="builtins.eval"),
        "players[0][1]: unknown kind of policy 'builtins.eval'",
    ),
    "a kind that is a number": (
        at("players", 0, 1, "kind", value=3),
        "players[0][1].kind: wanted a string, got 3",
    ),
    "key of a table": (
        at("players", 0, 1, "key", value="os.getcwd"),
        "players[0][1].key: wanted 'observation' or 'information_state', got 'os.getcwd'",
    ),
    "a behavior without a form": (
        at("players", 0, 0, value={"kind": "behavior"}),
        "players[0][0]: a behavior needs the compiled game",
    ),
    "a solver that is a list": (at("solver", value=[]), "solver: wanted a string, got []"),
    "no weights": (drop("profile_0"), "array 'profile_0' is missing"),
    "weights that are none": (
        put("profile_0", np.array([0.5, 0.6, 0.7])),
        "profile[0] must sum to one, got 1.8",
    ),
    "weights of another size": (
        put("profile_0", np.array([0.5, 0.5])),
        "profile[0] must have shape (3,), got (2,)",
    ),
    "not-a-number weights": (put("profile_0", np.array([np.nan, 0.5, 0.5])), "profile[0] must be finite"),
    "a table without rows": (drop("policy_0_1_rows"), "players[0][1]: the array 'rows' is missing"),
    "rows that are none": (
        put("policy_0_1_rows", np.full((2, 4), 0.3)),
        "players[0][1]: array 'rows' holds a row that is no distribution",
    ),
    "lengths that wrap": (
        put("policy_0_1_lengths", np.array([2**62, 2**62, 2**62, 2**62])),
        "players[0][1]: array 'lengths' does not cut 'keys'",
    ),
    "negative lengths": (
        put("policy_0_1_lengths", np.array([-1, 1])),
        "players[0][1]: array 'lengths' does not cut 'keys'",
    ),
    "a network without its form": (
        drop("policy_0_2_network_form"),
        "players[0][2]: arrays of a network lack form",
    ),
    "a network of endless layers": (
        put("policy_0_2_network_form", np.array([2**62, 0, 0])),
        "players[0][2]: arrays of a network lack weights_2",
    ),
    "a network with infinities": (
        put("policy_0_2_network_biases_0", np.full(6, np.inf)),
        "players[0][2]: a network must hold finite float32 numbers",
    ),
    "a network beyond float32": (
        put("policy_0_2_network_biases_0", np.full(6, -1e300)),
        "players[0][2]: a network must hold finite float32 numbers",
    ),
    "a number for weights": (
        put("policy_0_2_network_weights_0", np.array(0.0)),
        "players[0][2]: layer 0 has weights of shape ()",
    ),
    "a form of a network that is none": (
        put("policy_0_2_network_form", np.array([np.inf, 0.0, 0.0])),
        "players[0][2]: array form of a network must hold 3 integers",
    ),
    "two rules": (
        put("policy_0_2_rule", np.array([1, 1])),
        "players[0][2]: array rule of a network must hold 1 integers",
    ),
    "a network of other outputs": (
        put("policy_0_2_network_biases_1", np.zeros(9)),
        "players[0][2]: layer 1 has weights of shape (6, 4) and bias (9,)",
    ),
    "an unknown rule": (
        put("policy_0_2_rule", np.array([17])),
        "players[0][2]: 17 is not a valid ActionRule",
    ),
    "a form that is a list": (at("form", value=[]), "form: wanted an object, got []"),
}


def refused(tmp_path, population, change, words):
    file = spoil(tmp_path, population, change)
    with pytest.raises(FileFormatError, match=re.escape(words)):
        load_population(file)


@pytest.mark.parametrize(("change", "words"), TABLES.values(), ids=TABLES.keys())
def test_spoilt_files_are_refused(tmp_path, change, words):
    refused(tmp_path, played_population(small_merge()), change, words)


def bad_rows(header, arrays):
    rows = arrays["policy_0_1_rows"].copy()
    rows[0, 0] = np.nan
    arrays["policy_0_1_rows"] = rows


def narrow_rows(header, arrays):
    count = len(arrays["policy_0_1_rows"])
    arrays["policy_0_1_rows"] = np.full((count, 2), 0.5)


def twice(header, arrays):
    arrays["policy_0_1_keys"] = np.zeros_like(arrays["policy_0_1_keys"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (bad_rows, "array 'rows' holds a row that is no distribution"),
        (narrow_rows, "rows must have 4 entries, got 2"),
        (twice, "array 'keys' holds a key twice"),
    ],
)
def test_tables_that_are_no_policies_are_refused(tmp_path, change, words):
    refused(tmp_path, played_population(small_merge()), change, words)


def negative_behavior(header, arrays):
    behavior = arrays["policy_0_1_behavior"].copy()
    behavior[1:3] = (-0.5, 1.5)
    arrays["policy_0_1_behavior"] = behavior


def unbalanced_behavior(header, arrays):
    arrays["policy_0_1_behavior"] = arrays["policy_0_1_behavior"] * 0.9 + 0.1


def other_payoffs(header, arrays):
    arrays["form_payoff"] = arrays["form_payoff"] * 0.5


FORMS = {
    "negative": (negative_behavior, "players[0][1]: array 'behavior' holds what is no distribution"),
    "unbalanced": (
        unbalanced_behavior,
        "players[0][1]: array 'behavior' holds what is no distribution at '0'",
    ),
    "short": (
        put("policy_0_1_behavior", np.ones(3)),
        "players[0][1]: array 'behavior' must begin with 1 and have shape (13,), got (3,)",
    ),
    "absent": (drop("policy_0_1_behavior"), "players[0][1]: the array 'behavior' is missing"),
    "payoffs that are not the game's": (
        other_payoffs,
        "kuhn_poker() is not the compiled one: they differ in",
    ),
    "another game": (
        at("game", "parameters", "text", value="leduc_poker"),
        "leduc_poker() cannot be compared with the compiled one",
    ),
    "a form that is a matrix": (
        at("form", "kind", value="normal_form"),
        "form: the array 'payoffs' is missing",
    ),
    "a form without arrays": (drop("form_payoff"), "form: the array 'payoff' is missing"),
    "no form": (at("form", value=None), "players[0][0]: a behavior needs the compiled game"),
    "three players": (at("form", "num_players", value=3), "form: the array 'parent_2' is missing"),
}


RECALLS = {
    "no such game within": (
        at("game", "parameters", "inner", value="chess"),
        "parameters.inner: wanted 'trust_dilemma' or 'merge', got 'chess'",
    ),
    "itself within": (
        at("game", "parameters", "inner", value="recall"),
        "parameters.inner: wanted 'trust_dilemma' or 'merge', got 'recall'",
    ),
    "words for Booleans": (
        at("game", "parameters", "chained", value=["yes", "no"]),
        "parameters.chained: wanted two Booleans, got ['yes'",
    ),
    "one Boolean": (
        at("game", "parameters", "chained", value=[True]),
        "parameters.chained: wanted two Booleans, got [True]",
    ),
    "other labels": (
        at("game", "parameters", "chained", value=[False, False]),
        "chained=(False, False) does not fit the label",
    ),
    "a grid beyond memory": (
        at("game", "parameters", "parameters", "rows", value=9_999),
        "parameters.rows: wanted at most 10000 cells",
    ),
    "a hunter off the grid": (
        at("game", "parameters", "parameters", "hunters", value=[[0, 0], [9, 9]]),
        "cell (9, 9) lies off the grid",
    ),
    "three hunters": (
        at("game", "parameters", "parameters", "hunters", value=[[0, 0]] * 3),
        "parameters.hunters: wanted 2 cells",
    ),
    "a stag that is a word": (
        at("game", "parameters", "parameters", "stag", value="here"),
        "parameters.stag: wanted row and column of a cell",
    ),
    "hares that are none": (
        at("game", "parameters", "parameters", "hares", value={}),
        "parameters.hares: wanted a list of cells",
    ),
    "a stag that roams a little": (
        at("game", "parameters", "parameters", "stag_roams", value=0.5),
        "parameters.stag_roams: wanted true or false",
    ),
    "a longer hunt than the tree's": (
        at("game", "parameters", "parameters", "horizon", value=9),
        "horizon=9, stag=4, hare=2, alone=-1) cannot be compared with the compiled one",
    ),
    "no payoff": (
        at("game", "parameters", "parameters", "hare_payoff", value=None),
        "parameters.hare_payoff: wanted a finite number",
    ),
}


@pytest.mark.parametrize(("change", "words"), RECALLS.values(), ids=RECALLS.keys())
def test_spoilt_hunts_are_refused(tmp_path, change, words):
    refused(tmp_path, tree_population("trust-dilemma-small")[3], change, words)


@pytest.mark.parametrize(("change", "words"), FORMS.values(), ids=FORMS.keys())
def test_spoilt_trees_are_refused(tmp_path, change, words):
    refused(tmp_path, tree_population("kuhn_poker")[3], change, words)


def named(text):
    return at("game", "parameters", "text", value=text)


def forbidden(text):
    pytest.fail(f"OpenSpiel was asked for {text}")


@pytest.mark.parametrize(
    "text",
    [
        "no_such_game",
        "",
        "kuhn_poker(",
        "kuhn_poker(" + "players=2," * 500,
        "efg_game(filename=/etc/passwd)",
        "misere(game=nfg_game( filename = /etc/passwd))",
        "hanabi(hand_size=99999)",
        "havannah(board_size=500)",
        "coin_game(rows=30000,columns=30000)",
        "catch(rows=20000,columns=20000)",
        "deep_sea(size=30000)",
        "go(board_size=100000)",
        "goofspiel(num_cards=20000)",
        "turn_based_simultaneous_game(game=goofspiel(num_cards=101))",
        "connect_four(rows=0)",
        "pig(winscore=-1)",
    ],
)
def test_openspiel_is_not_asked_for_games_that_could_do_harm(tmp_path, monkeypatch, text):
    monkeypatch.setattr(open_spiel_kind, "load_open_spiel", forbidden)
    population = tree_population("kuhn_poker")[3]
    refused(tmp_path, population, named(text), "parameters.text: wanted a game that files may name")


def test_games_of_absurd_size_are_refused_before_a_state_exists(tmp_path, monkeypatch):
    monkeypatch.setattr(open_spiel_kind, "open_spiel_game", forbidden)
    text = "breakthrough(rows=100,columns=100)"
    refused(tmp_path, tree_population("kuhn_poker")[3], named(text), "text: wanted at most 100000 actions")


@pytest.mark.parametrize("text", ["go(board_size=3,handicap=7)", "leduc_poker(starting_player=50)"])
def test_games_that_fail_in_their_own_ways_are_refused(tmp_path, text):
    population = population_of_play(open_spiel_game("kuhn_poker"), [[UniformPolicy()]] * 2, [[1.0]] * 2)
    refused(tmp_path, population, named(text), "bad.json.game: the game cannot be built")


def test_a_game_that_fills_the_memory_is_refused(tmp_path, monkeypatch):
    def full(text):
        raise MemoryError("std::bad_alloc")

    monkeypatch.setattr(open_spiel_kind, "load_open_spiel", full)
    population = tree_population("kuhn_poker")[3]
    refused(tmp_path, population, named("leduc_poker"), "the game cannot be built: std::bad_alloc")


def test_spoilt_texts_of_trees_are_refused(tmp_path):
    population = population_of_play(
        TreeEnv(load_game("beer-quiche").game), [[UniformPolicy()]] * 2, [[1.0]] * 2
    )
    for text in (b"EFG 9", b"\xff\xfe", b""):
        file = spoil(tmp_path, population, put("game_tree_text", np.frombuffer(text, np.uint8)))
        with pytest.raises(FileFormatError, match="tree_text"):
            load_population(file)


def test_bytes_that_were_changed_are_refused(tmp_path):
    save_population(tmp_path / "p.json", played_population(small_merge()))
    (arrays,) = tmp_path.glob("*.npz")
    data = bytearray(arrays.read_bytes())
    data[len(data) // 2] ^= 1
    arrays.write_bytes(data)
    with pytest.raises(FileFormatError, match="SHA-256"):
        load_population(tmp_path / "p.json")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_anywhere_in_the_header_is_taken_or_refused_by_name(tmp_path, data):
    """Replace one value of the header by another: the answer is a population or a FileFormatError."""
    save_population(tmp_path / "p.json", played_population(TrustDilemma(horizon=3)))
    header = json.loads((tmp_path / "p.json").read_text())
    node = header
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = data.draw(st.sampled_from(keys))
        if isinstance(node[key], dict | list) and node[key] and data.draw(st.booleans()):
            node = node[key]
            continue
        node[key] = data.draw(JSON)
        break
    try:
        (tmp_path / "p.json").write_text(json.dumps(header))
        population = load_population(tmp_path / "p.json")
    except FileFormatError:
        return
    assert population.num_players == 2
