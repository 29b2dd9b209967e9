"""Budgets: any utility is consistent, uniform choice is at chance, noise costs consistency."""

import numpy as np
import pytest

from games.text.questions import Question
from games.text.render import render
from solvers.rationality.metrics.revealed_preference import bronars_power
from solvers.rationality.suites.budgets import Framing, budgets, chance_on
from tests.solvers.rationality.played import certain, check_chance, check_suite, play

SUITE = budgets()


def by_framing(plays):
    found = SUITE.score(plays, rng=np.random.default_rng(0))
    return {(m.group, m.name): m for m in found}


def test_size_and_names():
    check_suite(SUITE, 75)


@pytest.mark.parametrize("spec", ["cobb-douglas", "cobb-douglas:1:3", "cobb-douglas:5:1"])
def test_utility_maximisers_are_perfect(spec):
    found = by_framing(play(SUITE, spec))
    for framing in Framing:
        for name, ideal in (
            ("critical cost efficiency", 1),
            ("pairs that violate GARP", 0),
            ("share of choices that satisfy GARP", 1),
            ("plays that satisfy GARP", 1),
        ):
            measure = found[framing.value, name]
            assert measure.value == measure.ideal == ideal


def test_spending_is_read_off():
    found = by_framing(play(SUITE, "cobb-douglas:1:3", replicates=2))
    assert found["giving", "share spent on tokens for you"].value == pytest.approx(0.25, abs=0.06)
    ends = by_framing(play(SUITE, certain(lambda question: -1)))
    assert ends["food", "share spent on loaves of bread"].value == 1
    assert ends["food", "critical cost efficiency"].value == 1  # one good alone is a preference too


def test_betting_on_the_dearer_side_is_seen():
    safe = certain(lambda q: -1 if q.situation.prices[0] < q.situation.prices[1] else 0)
    rash = certain(lambda q: 0 if q.situation.prices[0] < q.situation.prices[1] else -1)
    name = "risk", "does not bet more on the dearer side"
    assert by_framing(play(SUITE, safe))[name].value == 1
    even = sum(line.prices[0] == line.prices[1] for line in SUITE.scenarios[0].design.lines)
    assert by_framing(play(SUITE, rash))[name].value == 0
    assert even > 0  # where prices are equal all bundles are fine, and those lines are left out


def test_uniform_choice_is_at_chance():
    found = by_framing(play(SUITE, "uniform", replicates=30))
    check_chance([m for (_, name), m in found.items() if "satisfy GARP" not in name or "share" in name])


def test_noise_costs_consistency():
    values = []
    for spec in ("cobb-douglas", "noisy:0.1:cobb-douglas", "noisy:0.5:cobb-douglas", "uniform"):
        found = by_framing(play(SUITE, spec, replicates=8))
        values.append(np.mean([found[f.value, "share of choices that satisfy GARP"].value for f in Framing]))
    assert values == sorted(values, reverse=True)
    assert values[0] > values[1] > values[2]


def test_the_design_has_power():
    """Nearly all random choosers violate GARP, in menus as on whole lines."""
    design = SUITE.scenarios[0].design
    chance = chance_on(design)
    lines = bronars_power(
        [line.prices for line in design.lines],
        [line.income for line in design.lines],
        rng=np.random.default_rng(0),
        draws=300,
    )
    assert chance.power > 0.95
    assert lines.violating > 0.95
    assert chance.efficiencies.mean() == pytest.approx(lines.mean, abs=0.1)
    assert chance_on(design) is chance


def test_the_price_of_each_good_is_told():
    scenario = SUITE.scenarios[0]
    line = scenario.design.lines[0]
    text = render(Question(scenario._situation(line), 0)).text
    assert "tokens for you" in text
    assert f"{line.income:g} points" in text


def test_rows_know_their_line_in_any_order():
    plays = play(SUITE, "uniform", replicates=2)
    orders = [tuple(row.facts["line"] for row in one.rows) for one in plays]
    assert all(sorted(order) == list(range(25)) for order in orders)
    assert len(set(orders)) == len(orders)


def test_figures_have_distinct_names_within_a_framing():
    one = budgets(lines=5, bundles=4)
    found = one.score(play(one, "uniform"), rng=np.random.default_rng(0))
    names = [(m.group, m.name) for m in found]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("arguments", [{"lines": 1}, {"bundles": 1}, {"bundles": 27}])
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match="lines"):
        budgets(**arguments)
