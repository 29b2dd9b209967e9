"""Results on disk: every bit comes back, and every broken part is named."""

import json
import math
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays as numpy_arrays

from games.certificates import Certificate
from games.errors import FileFormatError, UnsupportedGameError
from games.extensive.evaluation import nash_conv, uniform_behaviors
from games.extensive.fingerprint import fingerprint
from games.extensive.folding import fold
from games.normal_form import NormalFormGame, ce_gap
from games.normal_form.risk import RiskAversion, RiskVariance
from games.profiles import uniform_profile
from games.results import SolveResult, Status
from games.storage import load_result, save_result, write_bundle
from games.storage.labels import decode_labels, encode_labels
from tests.strategies import games_with_profiles
from tests.tree_strategies import tree_games

PENNIES = NormalFormGame.zero_sum([[1, -1], [-1, 1]], actions=[("heads", "tails")] * 2, name="pennies")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
# Payoffs of any size; their squares must not overflow in a sequence form.
FLOATS = st.floats(-1e150, 1e150)


def result_of(solution, certificate=None, **changes):
    values = {"status": Status.LIMIT, "solver": "by hand", "steps": 3, "seconds": 0.1, "info": {}} | changes
    return SolveResult(solution, values.pop("status"), certificate, **values)


def saved(path, problem, result, **options):
    save_result(path, problem, result, **options)
    return load_result(path)


def same_bits(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def small_form():
    """Pennies in sequence form, with labels that are awkward."""
    from games.extensive.normal_form import from_normal_form

    return fold(from_normal_form(PENNIES))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("results")


@settings(deadline=None, max_examples=60)
@given(
    games_with_profiles(),
    st.sampled_from(list(Status)),
    st.floats(0, allow_nan=False) | st.just(math.inf),
    st.floats(0, 1, exclude_min=True),
    st.dictionaries(TEXT, st.booleans() | st.integers() | st.floats() | TEXT, max_size=5),
    st.integers(0, 10**12),
    st.floats(0, 1e9),
    TEXT,
)
def test_matrix_results_come_back_exactly(
    folder, drawn, status, bound, confidence, info, steps, seconds, solver
):
    game, profile = drawn
    certificate = Certificate("nash_conv", bound, confidence)
    result = SolveResult(profile, status, certificate, solver, steps, seconds, info)
    back = saved(folder / "a.json", game, result)
    assert same_bits(back.problem.payoffs, game.payoffs)
    assert (back.problem.actions, back.problem.players, back.problem.name) == (
        game.actions,
        game.players,
        game.name,
    )
    assert isinstance(back.result.solution, tuple)
    assert all(map(same_bits, back.result.solution, profile))
    assert back.result.certificate == certificate
    assert (back.result.status, back.result.solver) == (status, solver)
    assert (back.result.steps, back.result.seconds) == (steps, seconds)
    # repr tells NaN, signs of zero and 1, 1.0, True apart.
    assert repr(dict(back.result.info)) == repr(info)
    assert back.risk is None


@settings(deadline=None, max_examples=40)
@given(
    numpy_arrays(np.float64, (2, 2, 3), elements=FLOATS),
    TEXT,
    st.lists(TEXT, min_size=3, max_size=3, unique=True),
)
def test_any_payoffs_and_labels_come_back(folder, payoffs, name, labels):
    game = NormalFormGame(payoffs, (labels[:2], labels), ("γ", ""), name)
    back = saved(folder / "b.json", game, result_of(None)).problem
    assert same_bits(back.payoffs, game.payoffs)
    assert (back.actions, back.players, back.name) == (game.actions, game.players, game.name)


@settings(deadline=None, max_examples=40)
@given(tree_games(max_nodes=15))
def test_sequence_forms_come_back_exactly(folder, tree):
    try:
        form = fold(tree, source="somewhere")
    except UnsupportedGameError:  # imperfect recall
        return
    behaviors = uniform_behaviors(form)
    back = saved(folder / "c.json", form, result_of(behaviors))
    again = back.problem
    assert fingerprint(again) == fingerprint(form)
    assert (again.name, again.source, again.utility) == (form.name, form.source, form.utility)
    assert repr(again.payoff_bounds) == repr(form.payoff_bounds)
    for one, other in zip(again.treeplexes, form.treeplexes, strict=True):
        assert (one.infosets, one.actions) == (other.infosets, other.actions)
        assert same_bits(one.parent, other.parent)
        assert same_bits(one.start, other.start)
        assert same_bits(one.action_ids, other.action_ids)
    for name in ("sequences", "weight", "payoff", "payoff_sq"):
        assert same_bits(getattr(again, name), getattr(form, name))
    assert all(map(same_bits, back.result.solution, behaviors))
    assert nash_conv(again, back.result.solution) == nash_conv(form, behaviors)


def test_leduc_comes_back(tmp_path):
    open_spiel = pytest.importorskip("games.adapters.open_spiel_tree")
    form = open_spiel.compile_open_spiel("leduc_poker")
    back = saved(tmp_path / "leduc.json", form, result_of(uniform_behaviors(form)))
    assert fingerprint(back.problem) == fingerprint(form)
    assert back.problem.treeplexes[1].infosets == form.treeplexes[1].infosets
    assert (tmp_path / "leduc.json").stat().st_size < 2000  # the thousand labels are with the arrays


def test_joint_distributions_come_back(tmp_path):
    chicken = NormalFormGame.bimatrix([[0, 7], [2, 6]], [[0, 2], [7, 6]])
    joint = np.array([[0, 1], [1, 1]]) / 3
    certificate = Certificate("ce_gap", ce_gap(chicken, joint))
    back = saved(tmp_path / "a.json", chicken, result_of(joint, certificate)).result
    assert isinstance(back.solution, np.ndarray)
    assert same_bits(back.solution, joint)


@pytest.mark.parametrize(
    "risk",
    [
        RiskAversion(0.1),
        RiskAversion((1 / 3, 0.0), tremble=1e-3, variance=RiskVariance.TOTAL),
        RiskAversion(2, tremble=1),
    ],
)
def test_risk_comes_back(tmp_path, risk):
    result = result_of(uniform_profile([2, 2]), Certificate("risk_nash_conv", 0.0))
    back = saved(tmp_path / "a.json", PENNIES, result, risk=risk)
    assert back.risk == risk


def test_results_without_a_solution_are_kept(tmp_path):
    back = saved(tmp_path / "a.json", PENNIES, result_of(None, status=Status.INFEASIBLE))
    assert back.result.solution is None
    assert back.result.certificate is None
    assert back.result.status is Status.INFEASIBLE


def test_when_and_with_what_it_was_made(tmp_path):
    back = saved(tmp_path / "a.json", PENNIES, result_of(None))
    assert timedelta(0) <= datetime.now(UTC) - back.created < timedelta(minutes=5)
    assert back.versions["numpy"] == np.__version__
    assert back.versions.keys() == {"counterplay", "numpy", "python"}


def test_numbers_of_numpy_become_plain(tmp_path):
    info = {"i": np.int64(3), "f": np.float32(0.5), "b": np.bool_(True), "inf": np.float64(-np.inf)}
    result = result_of(None, info=info, steps=np.int64(4), seconds=np.float64(0.25))
    back = saved(tmp_path / "a.json", PENNIES, result).result
    assert repr(dict(back.info)) == "{'i': 3, 'f': 0.5, 'b': True, 'inf': -inf}"
    assert type(back.steps) is int


@pytest.mark.parametrize(
    ("problem", "solution", "changes", "error"),
    [
        ("pennies", None, {}, TypeError),
        (PENNIES, "rock", {}, ValueError),
        (PENNIES, {0: [1, 0]}, {}, TypeError),
        (PENNIES, ([1.0, 0.0],), {}, ValueError),
        (PENNIES, ([1.0, 0.0], [0.5, 0.4]), {}, ValueError),
        (PENNIES, ([1.0, 0.0], [np.nan, 1.0]), {}, ValueError),
        (PENNIES, ([1.0, 0.0], [-0.5, 1.5]), {}, ValueError),
        (PENNIES, np.full((2, 3), 1 / 6), {}, ValueError),
        (PENNIES, np.full((2, 2), 0.3), {}, ValueError),
        (small_form(), np.full((2, 2), 0.25), {}, ValueError),
        (small_form(), ([1.0, 0.5, 0.5],), {}, ValueError),
        (small_form(), ([1.0, 0.5, 0.5], [0.5, 0.5, 0.5]), {}, ValueError),
        (small_form(), ([1.0, 0.5, 0.5], [1.0, 0.5, 0.6]), {}, ValueError),
        (small_form(), ([1.0, 0.5, 0.5], [1.0, np.nan, 0.5]), {}, ValueError),
        (small_form(), ([1.0, 0.5, 0.5], [1.0, -0.5, 1.5]), {}, ValueError),
        (PENNIES, None, {"info": {"x": [1]}}, TypeError),
        (PENNIES, None, {"info": {1: 1}}, TypeError),
        (PENNIES, None, {"info": {"x": "\ud800"}}, ValueError),
        (PENNIES, None, {"seconds": math.nan}, ValueError),
    ],
)
def test_what_does_not_fit_is_not_saved(tmp_path, problem, solution, changes, error):
    with pytest.raises(error):
        save_result(tmp_path / "a.json", problem, result_of(solution, **changes))
    assert list(tmp_path.iterdir()) == []


def test_a_risk_certificate_needs_its_risk(tmp_path):
    result = result_of(uniform_profile([2, 2]), Certificate("risk_nash_conv", 0.0))
    with pytest.raises(ValueError, match="risk must be given"):
        save_result(tmp_path / "a.json", PENNIES, result)
    with pytest.raises(ValueError, match="one number per player"):
        save_result(tmp_path / "a.json", PENNIES, result, risk=RiskAversion((1.0, 2.0, 3.0)))


@settings(deadline=None, max_examples=100)
@given(st.lists(TEXT, max_size=8))
def test_labels_come_back(labels):
    arrays = encode_labels("x", labels)
    assert arrays["x_text"].dtype == np.uint8
    assert arrays["x_ends"].dtype == np.int64
    assert decode_labels(arrays, "x", "here") == tuple(labels)


def test_another_schema_is_no_result(tmp_path):
    write_bundle(tmp_path / "a.json", {"schema": "counterplay.psro", "version": 1}, {})
    with pytest.raises(
        FileFormatError, match=r"schema must be 'counterplay\.result', got 'counterplay\.psro'"
    ):
        load_result(tmp_path / "a.json")


def test_the_header_is_for_people(tmp_path):
    save_result(
        tmp_path / "a.json", PENNIES, result_of(uniform_profile([2, 2]), Certificate("nash_conv", 0.0))
    )
    header = json.loads((tmp_path / "a.json").read_text())
    assert header["schema"] == "counterplay.result"
    assert header["version"] == 1
    assert header["problem"]["actions"] == [["heads", "tails"]] * 2
    assert header["result"]["certificate"] == {"measure": "nash_conv", "bound": 0.0, "confidence": 1.0}


def test_loading_needs_numpy_alone(tmp_path):
    save_result(tmp_path / "a.json", small_form(), result_of(uniform_behaviors(small_form())))
    code = (
        "import sys; from games.storage import load_result; load_result(sys.argv[1]); "
        "heavy = {'numba', 'scipy', 'pyspiel', 'highspy', 'torch', 'networkx', 'pettingzoo'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.json")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
