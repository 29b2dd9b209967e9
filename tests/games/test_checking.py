"""Checking stored results: true claims agree, lowered ones and exchanged games do not."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.certificates import Certificate
from games.checking import check_result
from games.errors import UnknownNameError
from games.extensive.evaluation import nash_conv as form_nash_conv, uniform_behaviors
from games.extensive.folding import fold
from games.extensive.normal_form import from_normal_form
from games.normal_form import NormalFormGame, cce_gap, ce_gap, nash_conv
from games.normal_form.risk import RiskAversion, RiskVariance, risk_nash_conv
from games.results import SolveResult, Status
from games.storage import load_result, read_bundle, save_result, write_bundle
from games.storage.results import SCHEMA, VERSION
from tests.strategies import games_with_profiles

SKEWED = np.array([[3.0, -1.0], [-2.0, 1.0]])


def result_of(solution, measure, bound):
    return SolveResult(solution, Status.LIMIT, Certificate(measure, bound), "by hand", 1, 0.0)


def checked(path, problem, result, **options):
    save_result(path, problem, result, **options)
    return check_result(load_result(path))


def lower(path, factor):
    """Lower the claimed bound by hand, as a forger would: in the JSON, with an editor."""
    header = json.loads(path.read_text())
    header["result"]["certificate"]["bound"] *= factor
    path.write_text(json.dumps(header))


SCALES = pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])


def cases(scale):
    """A problem, a solution that is no equilibrium, a measure with its value, and further options."""
    game = NormalFormGame.zero_sum(scale * SKEWED)
    skewed = (np.array([0.5, 0.5]), np.array([0.25, 0.75]))
    rows = SKEWED @ skewed[1]
    columns = -skewed[0] @ SKEWED
    exact = rows.max() - skewed[0] @ rows + columns.max() - skewed[1] @ columns
    joint = np.outer(*skewed)
    form = fold(from_normal_form(game))
    behaviors = tuple(np.append(1.0, x) for x in skewed)
    risk = RiskAversion((0.5 / scale, 2.0 / scale), tremble=0.1)
    total = replace(risk, variance=RiskVariance.TOTAL)
    return {
        "nash_conv": (game, skewed, "nash_conv", scale * exact, {}),
        "form": (form, behaviors, "nash_conv", scale * exact, {}),
        # At a product distribution both gaps are the sum of regrets.
        "ce_gap": (game, joint, "ce_gap", None, {}),
        "cce_gap": (game, joint, "cce_gap", scale * exact, {}),
        "risk": (game, skewed, "risk_nash_conv", risk_nash_conv(game, skewed, risk), {"risk": risk}),
        "total": (game, skewed, "risk_nash_conv", risk_nash_conv(game, skewed, total), {"risk": total}),
    }


@SCALES
@pytest.mark.parametrize("name", ["nash_conv", "form", "ce_gap", "cce_gap", "risk", "total"])
def test_true_claims_agree_and_lowered_ones_do_not(tmp_path, scale, name):
    problem, solution, measure, value, options = cases(scale)[name]
    if value is None:
        value = ce_gap(problem, solution)
    assert value > 0.04 * scale
    path = tmp_path / "a.json"
    report = checked(path, problem, result_of(solution, measure, value), **options)
    assert report.agrees
    assert report.claimed == Certificate(measure, value)
    assert report.recomputed.measure == measure
    assert report.recomputed.bound == pytest.approx(value, rel=1e-12)
    assert report.recomputed.confidence == 1.0
    assert report.messages == ()
    lower(path, 1 - 1e-8)
    report = check_result(load_result(path))
    assert not report.agrees
    assert report.recomputed.bound == pytest.approx(value, rel=1e-12)
    assert measure in report.messages[0]


def test_a_looser_claim_holds(tmp_path):
    problem, solution, measure, value, _ = cases(1.0)["nash_conv"]
    for bound in (1.001 * value, 100.0, float("inf")):
        report = checked(tmp_path / "a.json", problem, result_of(solution, measure, bound))
        assert report.agrees
        assert report.recomputed.bound == pytest.approx(value)


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_rounding_is_no_lie_but_a_millionth_is(tmp_path, shift):
    game = NormalFormGame.bimatrix(shift + SKEWED, shift - SKEWED)
    solution = cases(1.0)["nash_conv"][1]
    value = nash_conv(game, solution)
    rounding = 4 * np.spacing(max(shift, 1.0))
    assert checked(tmp_path / "a.json", game, result_of(solution, "nash_conv", value - rounding)).agrees
    assert not checked(tmp_path / "a.json", game, result_of(solution, "nash_conv", value - 1e-6)).agrees


def test_declaring_a_large_payoff_range_buys_no_slack(tmp_path):
    form, behaviors, measure, value, _ = cases(1.0)["form"]
    wide = replace(form, payoff_bounds=(-1e12, 1e12))
    assert not checked(tmp_path / "a.json", wide, result_of(behaviors, measure, 0.9 * value)).agrees


@settings(deadline=None, max_examples=60)
@given(games_with_profiles(), st.floats(0.0, 0.999))
def test_any_game(tmp_path_factory, drawn, factor):
    game, profile = drawn
    path = tmp_path_factory.mktemp("check") / "a.json"
    value = nash_conv(game, profile)
    assert checked(path, game, result_of(profile, "nash_conv", value)).agrees
    if value > 1e-6:
        assert not checked(path, game, result_of(profile, "nash_conv", factor * value)).agrees
    joint = profile[0]
    for x in profile[1:]:
        joint = np.multiply.outer(joint, x)
    for measure, gap in (("ce_gap", ce_gap), ("cce_gap", cce_gap)):
        assert checked(path, game, result_of(joint, measure, gap(game, joint))).agrees


def test_an_exchanged_solution_is_noticed(tmp_path):
    """Matching pennies: the equilibrium's claim with another profile beside it."""
    game = NormalFormGame.zero_sum([[1, -1], [-1, 1]])
    path = tmp_path / "a.json"
    assert checked(path, game, result_of(([0.5, 0.5], [0.5, 0.5]), "nash_conv", 0.0)).agrees
    header, arrays = read_bundle(path, schema=SCHEMA, version=VERSION)
    write_bundle(path, header, arrays | {"strategy_0": np.array([1.0, 0.0])})
    report = check_result(load_result(path))
    assert not report.agrees
    assert report.recomputed.bound == pytest.approx(1.0)


def test_risk_is_the_one_in_the_file(tmp_path):
    """Less aversion in the file than the claim was made with: another number comes out."""
    game, profile, measure, value, options = cases(1.0)["risk"]
    path = tmp_path / "a.json"
    assert checked(path, game, result_of(profile, measure, value), **options).agrees
    header, arrays = read_bundle(path, schema=SCHEMA, version=VERSION)
    header["risk"]["gamma"] = [0.5, 0.0]
    write_bundle(path, header, arrays)
    stored = load_result(path)
    expected = risk_nash_conv(game, profile, RiskAversion((0.5, 0.0), tremble=0.1))
    assert check_result(stored).recomputed.bound == pytest.approx(expected)
    assert expected != pytest.approx(value, rel=0.01)
    with pytest.raises(ValueError, match="holds no risk aversion"):
        check_result(replace(stored, risk=None))


def test_nothing_to_check(tmp_path):
    game, profile, *_ = cases(1.0)["nash_conv"]
    for result in (
        SolveResult(None, Status.INFEASIBLE, Certificate("nash_conv", 0.0), "lp", 1, 0.0),
        SolveResult(profile, Status.LIMIT, None, "lp", 1, 0.0),
    ):
        save_result(tmp_path / "a.json", game, result)
        with pytest.raises(ValueError, match="nothing to check"):
            check_result(load_result(tmp_path / "a.json"))


@pytest.mark.parametrize(
    ("name", "measure", "message"),
    [
        ("nash_conv", "nash_con", "did you mean 'nash_conv'"),
        ("nash_conv", "ce_gap", "profile of a NormalFormGame"),
        ("ce_gap", "nash_conv", "joint distribution of a NormalFormGame"),
        ("form", "risk_nash_conv", "profile of a SequenceForm"),
        ("form", "", "known: nash_conv"),
    ],
)
def test_measures_that_do_not_apply(tmp_path, name, measure, message):
    problem, solution, *_ = cases(1.0)[name]
    with pytest.raises(UnknownNameError, match=message):
        checked(tmp_path / "a.json", problem, result_of(solution, measure, 1.0), risk=RiskAversion(1.0))


@pytest.fixture(scope="module")
def kuhn():
    return pytest.importorskip("games.adapters.open_spiel_tree").compile_open_spiel("kuhn_poker")


def uniform_result(form):
    behaviors = uniform_behaviors(form)
    return result_of(behaviors, "nash_conv", form_nash_conv(form, behaviors))


def test_uniform_kuhn_poker_has_the_known_nash_conv(tmp_path, kuhn):
    report = checked(tmp_path / "a.json", kuhn, uniform_result(kuhn))
    assert report.agrees
    assert report.recomputed.bound == pytest.approx(11 / 12)  # as OpenSpiel gives it
    assert report.messages == ("the game equals its source in OpenSpiel, 'kuhn_poker'",)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"payoff": 0.5, "payoff_sq": 0.25, "payoff_bounds": 0.5}, "payoff_bounds"),
        ({"payoff": -1.0}, "payoff"),
        ({"weight": 0.999}, "weight"),
    ],
)
def test_a_game_that_is_not_its_source_disagrees(tmp_path, kuhn, change, part):
    changed = {name: getattr(kuhn, name) for name in change}
    changed = {
        name: tuple(change[name] * np.array(value)) if name == "payoff_bounds" else change[name] * value
        for name, value in changed.items()
    }
    if part == "weight":  # the payoffs must stay within their bounds
        changed["payoff"] = 0.999 * kuhn.payoff
    form = replace(kuhn, **changed)
    report = checked(tmp_path / "a.json", form, uniform_result(form))
    assert not report.agrees
    assert report.recomputed.bound <= report.claimed.bound  # the claim itself is true of the game in the file
    assert report.messages == (
        f"the game is not its source in OpenSpiel, 'kuhn_poker': they differ in {part}",
    )


def test_a_label_that_is_not_of_the_source_disagrees(tmp_path, kuhn):
    plex = kuhn.treeplexes[1]
    renamed = replace(plex, infosets=("queen", *plex.infosets[1:]))
    form = replace(kuhn, treeplexes=(kuhn.treeplexes[0], renamed))
    report = checked(tmp_path / "a.json", form, uniform_result(form))
    assert not report.agrees
    assert "they differ in infosets of player 1" in report.messages[0]


@pytest.mark.parametrize(
    "source",
    [
        "no_such_game",
        "kuhn_poker(players=99)",
        "bridge",
        "chess",
        "kuhn_poker(",
        "efg_game(filename=/dev/null)",
    ],
)
def test_a_source_that_cannot_be_compiled_is_reported(tmp_path, kuhn, source):
    report = checked(tmp_path / "a.json", replace(kuhn, source=source), uniform_result(kuhn))
    assert report.agrees
    assert report.messages[0].startswith(
        f"the game was not compared with its source in OpenSpiel, {source!r}: "
    )


def test_a_source_too_large_to_compile_is_reported(tmp_path, kuhn, monkeypatch):
    monkeypatch.setattr("games.checking._MAX_HISTORIES", 50)
    report = checked(tmp_path / "a.json", kuhn, uniform_result(kuhn))
    assert report.agrees
    assert "was not compared" in report.messages[0]
    assert "max_histories=50" in report.messages[0]


def test_without_openspiel_the_certificate_is_checked_still(tmp_path, kuhn, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspiel", None)
    for name in ("open_spiel_tree", "open_spiel_load"):
        monkeypatch.delitem(sys.modules, f"games.adapters.{name}", raising=False)
    path = tmp_path / "a.json"
    report = checked(path, kuhn, uniform_result(kuhn))
    assert report.agrees
    assert "OpenSpiel cannot be imported" in report.messages[0]
    lower(path, 0.5)
    assert not check_result(load_result(path)).agrees
