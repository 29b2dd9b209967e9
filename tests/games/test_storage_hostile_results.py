"""Broken and hostile results: the wrong part is named with its place, and nothing unsafe is let through."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.certificates import Certificate
from games.errors import FileFormatError
from games.extensive.evaluation import nash_conv, uniform_behaviors
from games.extensive.folding import fold
from games.extensive.normal_form import from_normal_form
from games.normal_form import NormalFormGame
from games.normal_form.risk import RiskAversion
from games.profiles import uniform_profile
from games.results import SolveResult, Status
from games.storage import load_result, read_bundle, save_result, write_bundle
from games.storage.results import SCHEMA, VERSION

PENNIES = NormalFormGame.zero_sum([[1, -1], [-1, 1]], actions=[("heads", "tails")] * 2, name="pennies")


def result_of(solution, certificate=None, info=None):
    return SolveResult(solution, Status.LIMIT, certificate, "by hand", 3, 0.1, info or {})


def small_form():
    return fold(from_normal_form(PENNIES))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("results")


REMOVED = object()


def altered(path, keys, value):
    """The header of a saved result with one place changed or removed."""
    header, arrays = read_bundle(path, schema=SCHEMA, version=VERSION)
    place = header
    for key in keys[:-1]:
        place = place[key]
    if value is REMOVED:
        del place[keys[-1]]
    else:
        place[keys[-1]] = value
    write_bundle(path, header, arrays)


WRONG = {
    "created": [3, "yesterday", "2026-01-01T00:00:00", REMOVED],
    "versions": [[], {"numpy": 2}, REMOVED],
    "risk": [
        [],
        {},
        {"gamma": -1, "tremble": 0, "variance": "total"},
        {"gamma": 1, "tremble": 0, "variance": "x"},
        {"gamma": [1, 2, 3], "tremble": 0, "variance": "total"},
        {"gamma": [1, "2"], "tremble": 0, "variance": "total"},
        {"gamma": 1, "tremble": 2, "variance": "total"},
        {"gamma": 1, "tremble": True, "variance": "total"},
        None,
    ],
    "problem": [None, [], {}, REMOVED],
    "problem.kind": ["game", 1, None, "sequence_form", REMOVED],
    "problem.name": [None, 5, REMOVED],
    "problem.players": [["a"], ["a", "a"], ["a", 1], "ab", {}, REMOVED],
    "problem.actions": [
        [["a", "b"]],
        [["a", "b"], ["a"]],
        [["a", "b"], "ab"],
        [["a", "a"], ["a", "b"]],
        {},
        REMOVED,
    ],
    "solution": [None, "profile", REMOVED],
    "solution.kind": ["joint", "other", None, REMOVED],
    "result": [None, REMOVED],
    "result.status": ["done", None, 1, REMOVED],
    "result.solver": [None, REMOVED],
    "result.steps": [1.5, "1", True, None, REMOVED],
    "result.seconds": ["1", None, True, 10**400, REMOVED],
    "result.info": [
        None,
        [],
        {"x": None},
        {"x": [1]},
        {"x": {"float": "1"}},
        {"x": {"float": None}},
        REMOVED,
    ],
    "result.certificate": [[], "x", {}, REMOVED],
    "result.certificate.measure": [None, 3, REMOVED],
    "result.certificate.bound": [
        -1,
        "0",
        None,
        True,
        {"float": "nan"},
        {"float": "0"},
        {},
        -(10**400),
        REMOVED,
    ],
    "result.certificate.confidence": [0, 2, -1, None, "1", {"float": "inf"}, REMOVED],
}


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in WRONG.items() for value in values]
)
def test_wrong_values_are_named_with_their_place(tmp_path, key, value):
    path = tmp_path / "a.json"
    result = result_of(uniform_profile([2, 2]), Certificate("risk_nash_conv", 0.0), info={"x": 1})
    save_result(path, PENNIES, result, risk=RiskAversion(1.0))
    altered(path, key.split("."), value)
    with pytest.raises(FileFormatError, match=r"a\.json\.") as caught:
        load_result(path)
    # The place is the changed one, or where it is missed.
    assert f"a.json.{key.split('.')[0]}" in str(caught.value)
    assert len(str(caught.value)) < 600


def rewritten(path, change):
    """A saved result with its arrays changed, and a digest that fits them."""
    header, arrays = read_bundle(path, schema=SCHEMA, version=VERSION)
    change(arrays)
    write_bundle(path, header, arrays)


def put(name, index, value):
    def change(arrays):
        arrays[name][index] = value

    return change


def replaced(name, value):
    def change(arrays):
        arrays[name] = np.asarray(value)

    return change


def dropped(name):
    return lambda arrays: arrays.pop(name)


@pytest.mark.parametrize(
    "change",
    [
        dropped("payoffs"),
        replaced("payoffs", np.zeros((2, 2, 2), np.int64)),
        replaced("payoffs", np.zeros((3, 2, 2))),
        replaced("payoffs", np.zeros((2, 0, 2))),
        replaced("payoffs", 1.0),
        put("payoffs", (0, 0, 0), np.nan),
        put("payoffs", (0, 0, 0), np.inf),
        dropped("strategy_1"),
        put("strategy_1", 0, np.nan),
        put("strategy_1", 0, 2.0),
        put("strategy_1", 0, -1.0),
        replaced("strategy_1", np.ones((2, 1))),
        replaced("strategy_1", np.ones(3) / 3),
        replaced("strategy_1", np.ones(2, np.int32)),
    ],
)
def test_wrong_arrays_of_a_matrix_result(tmp_path, change):
    path = tmp_path / "a.json"
    save_result(path, PENNIES, result_of(uniform_profile([2, 2])))
    rewritten(path, change)
    with pytest.raises(FileFormatError, match=r"a\.json\.(problem|solution): "):
        load_result(path)


FORM_CHANGES = [
    *(dropped(name) for name in ("sequences", "weight", "payoff", "payoff_sq", "parent_0", "start_1")),
    *(dropped(name) for name in ("action_ids_0", "infosets_1_text", "infosets_0_ends", "actions_0_text")),
    *(replaced(name, np.ones((1, 1))) for name in ("sequences", "weight", "payoff", "payoff_sq", "parent_0")),
    put("sequences", (0, 0), 3),  # out of the table: compiled loops would read beyond it
    put("sequences", (0, 0), -1),
    put("sequences", (1, 0), 2**31 - 1),
    put("sequences", (1, 1), 1),  # two entries at one place
    replaced("sequences", np.array([[2, 2, 1, 1], [1, 2, 1, 2]], np.int32)),
    replaced("sequences", np.zeros((2, 0), np.int32)),
    replaced("sequences", np.ones((3, 4), np.int32)),
    put("parent_0", 0, -1),
    put("parent_0", 0, 1),
    put("parent_0", 0, 2**31 - 1),
    replaced("parent_0", np.zeros(2, np.int32)),
    put("start_0", 0, 0),
    put("start_0", 1, 2**31 - 1),
    put("start_0", 1, 1),
    put("start_0", 1, -5),
    replaced("start_0", np.array([], np.int32)),
    replaced("start_0", np.array([1], np.int32)),
    replaced("start_0", np.array([1, 2, 3], np.int32)),
    replaced("start_0", np.array([1, 3], np.int64)),
    put("action_ids_0", 0, 0),
    replaced("action_ids_0", np.array([-1, 0], np.int64)),
    put("weight", 0, np.nan),
    put("weight", 0, -1.0),
    put("payoff", (0, 0), np.inf),
    put("payoff", (0, 0), 1.1),
    put("payoff", (0, 0), 0.5),  # no longer zero-sum
    put("payoff_sq", (0, 0), np.nan),
    put("payoff_sq", (0, 0), -1.0),
    put("infosets_0_ends", -1, 10**15),
    put("infosets_0_ends", 0, -1),
    put("infosets_0_ends", -1, 0),
    put("actions_0_ends", 0, 99),
    put("actions_0_text", 0, 0xFF),
    replaced("actions_0_ends", np.array([], np.int64)),
    replaced("actions_0_text", np.frombuffer(b"headsheads", np.uint8)),
    dropped("strategy_0"),
    replaced("strategy_0", np.array([1.0, 1.0])),
    put("strategy_0", 0, 0.5),
    put("strategy_0", 1, 0.6),
    put("strategy_0", 1, np.nan),
]


@pytest.mark.parametrize("change", FORM_CHANGES, ids=range(len(FORM_CHANGES)))
def test_wrong_arrays_of_a_form(tmp_path, change):
    path = tmp_path / "a.json"
    form = small_form()
    save_result(path, form, result_of(uniform_behaviors(form)))
    rewritten(path, change)
    with pytest.raises(FileFormatError, match=r"a\.json\.(problem|solution): "):
        load_result(path)


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("num_players", [0, -1, 1, 3, 10**15, 2.0, None]),
        ("utility", ["sum", None, "common-payoff"]),
        ("payoff_bounds", [[1, -1], [-1], [-1, 1, 2], [-0.5, 1], [-1, 0.5], ["-1", 1], None]),
        ("source", [None, 1, REMOVED]),
        ("name", [None, REMOVED]),
    ],
)
def test_wrong_headers_of_a_form(tmp_path, key, values):
    path = tmp_path / "a.json"
    for value in values:
        save_result(path, small_form(), result_of(None))
        altered(path, ["problem", key], value)
        with pytest.raises(FileFormatError, match=r"a\.json\.problem"):
            load_result(path)


FORM_BITS = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 7)), min_size=1, max_size=3)


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(["sequences", "parent_0", "start_1", "weight", "payoff", "action_ids_0", "strategy_0"]),
    FORM_BITS,
)
def test_forms_with_flipped_bits_are_refused_or_safe_to_evaluate(folder, name, flips):
    path = folder / "flipped.json"
    form = small_form()
    save_result(path, form, result_of(uniform_behaviors(form)))

    def flip(arrays):
        raw = arrays[name].view(np.uint8).reshape(-1)
        for place, bit in flips:
            raw[place % raw.size] ^= 1 << bit

    rewritten(path, flip)
    try:
        back = load_result(path)
    except FileFormatError:
        return
    assert math.isfinite(nash_conv(back.problem, back.result.solution))
