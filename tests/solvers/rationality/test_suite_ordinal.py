"""The ordinal suite: levels, rules and equilibrium play are recovered; uniform play is at chance."""

import numpy as np
import pytest

from games.social.ordinal import StrategicClass
from games.text.relabelling import Naming
from solvers.rationality.run import run_suite
from solvers.rationality.scorecard import as_player
from solvers.rationality.suites.ordinal import OrdinalBelief, OrdinalScenario, ordinal2x2
from solvers.rationality.variants import Variant
from tests.solvers.rationality.played import certain, check_chance, check_suite, figures, play

SUITE = ordinal2x2()


def test_size_and_names():
    check_suite(SUITE, 144 * 2 + 24 * 2)
    asked = [s for s in SUITE.scenarios if isinstance(s, OrdinalBelief)]
    orders = [s.source.elimination.orders[1 - s.seat.situation.seat] for s in asked]
    assert sorted(orders) == [1] * 12 + [2] * 12


def test_samples_are_games_of_the_whole():
    few, again = ordinal2x2(games=10, beliefs=4), ordinal2x2(games=10, beliefs=4)
    assert [s.name for s in few.scenarios] == [s.name for s in again.scenarios]
    assert len(few.scenarios) == 14
    assert {s.name for s in few.scenarios[:10]} <= {s.name for s in SUITE.scenarios}


def test_positions_say_nothing():
    """Rows and columns are shuffled: the first action is right about half of the time."""
    found = figures(SUITE, play(SUITE, certain(lambda question: 0)))
    assert found["takes a rationalizable action"].value == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("name", ["rational", "equilibrium", "level2", "level3"])
def test_two_steps_of_reasoning_are_always_rationalizable(name):
    found = figures(SUITE, play(SUITE, name))
    for measure in found.values():
        if measure.group == "reasoning":
            assert measure.value == measure.ideal == 1.0, measure
    assert found["best response to own stated belief"].value == 1.0
    if name != "level2":
        assert found["expects the other to take the best reply to one's own"].value == 1.0
    assert found["expects the other to take its dominant action"].value == 1.0


def test_level_one_is_rational_and_no_more():
    found = figures(SUITE, play(SUITE, "level1", replicates=5))
    assert found["takes its dominant action"].value == 1.0
    assert found["takes the best reply to a dominant action"].value == pytest.approx(0.5, abs=0.15)
    assert found["expects the other to take its dominant action"].value == 0.5


@pytest.mark.parametrize(
    ("name", "rule"), [("maximin", "maximin"), ("maximax", "maximax"), ("level2", "level 2")]
)
def test_rules_are_recovered(name, rule):
    assert figures(SUITE, play(SUITE, name))[f"agrees with {rule}"].value == 1.0


def test_uniform_play_is_at_chance():
    found = figures(SUITE, play(SUITE, "uniform", replicates=4))
    check_chance([m for m in found.values() if m.group != "beliefs"])


def test_the_better_equilibrium():
    """Who aims at the greatest total finds the better equilibrium, and meets itself there."""
    totals = certain(
        lambda q: int(
            np.moveaxis(q.situation.game.payoffs.sum(axis=0), q.situation.seat, 0).max(axis=1).argmax()
        )
    )
    plain = ordinal2x2(beliefs=0)
    found = figures(plain, play(plain, totals))
    assert found["agrees with greatest total"].value == 1.0
    assert found["takes its part of the better equilibrium"].value == 1.0
    assert found["meets itself in an equilibrium where the better one exists"].value == 1.0
    # Nine of the 18 games with two equilibria have a better one.
    two = [s for s in plain.scenarios if s.source.strategic_class is StrategicClass.TWO_EQUILIBRIA]
    assert found["takes its part of the better equilibrium"].count == 9 == len(two) // 2


def test_a_contradicted_belief_is_seen():
    """One who expects the right thing and does the opposite."""
    rational = as_player("scripted:rational")

    class Contrary:
        name = "contrary"

        async def decide(self, question):
            decision = await rational.decide(question)
            if decision.action is None:
                return decision
            return type(decision)(action=1 - decision.action)

    found = figures(SUITE, play(SUITE, Contrary()))
    assert found["expects the other to take its dominant action"].value == 1.0
    assert found["best response to own stated belief"].value == 0.0
    assert found["takes a rationalizable action"].value == 0.0


def test_other_labels_change_nothing_for_the_rational():
    few = ordinal2x2(games=30, beliefs=8)
    variants = (Variant(), Variant("names", relabelling=3, naming=Naming.INVENTED))
    plays = run_suite(few, [as_player("scripted:level2")], variants=variants)
    rows = {}
    for one in plays:
        rows.setdefault(one.scenario, []).append(
            [(r.action, r.belief) for r in one.rows if "best" in r.facts]
        )
    assert all(first == second for first, second in rows.values())


@pytest.mark.parametrize(
    ("arguments", "message"), [({"games": 0}, "games"), ({"games": 145}, "144"), ({"beliefs": -1}, "beliefs")]
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ordinal2x2(**arguments)


def test_scenarios_take_one_seat():
    assert {s.seats for s in SUITE.scenarios} == {1}
    assert sum(isinstance(s, OrdinalScenario) for s in SUITE.scenarios) == 144
