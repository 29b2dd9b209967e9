"""Repeated games: best replies are perfect, uniform play is at chance, Bayesians forecast best."""

import numpy as np
import pytest

from games.text.questions import Aspect
from marl.players.scripted import ScriptedPlayer
from solvers.rationality.run import run_suite
from solvers.rationality.scorecard import as_player
from solvers.rationality.suites.repeated import repeated
from solvers.rationality.suites.repeated_tournament import repeated_tournament, standings
from tests.solvers.rationality.played import check_chance, check_suite, figures, play, play_each

SUITE = repeated()


def moves_of(situation):
    return (
        np.array([joint[0] for joint in situation.history], dtype=np.int64),
        np.array([joint[1] for joint in situation.history], dtype=np.int64),
    )


def knower(scenario):
    """Knows the machine, and forecasts as the Bayesian who does not."""

    def act(question):
        own, _ = moves_of(question.situation)
        worths = scenario.worth.of(len(own), scenario.machine.memory(own))
        return np.eye(2)[int(worths.argmax())]

    def believe(question):
        return scenario.family.predictive(*moves_of(question.situation))

    return ScriptedPlayer("knower", act, believe)


def test_size_and_names():
    plays = play(SUITE, "uniform")
    open_ended = sum(len(p.rows) for p in plays if not p.rows[0].facts["told"])
    check_suite(SUITE, 28 * 10 + 14 * 20 + open_ended)
    assert len(SUITE.scenarios) == 28 + 12 + 14


def test_one_who_knows_the_machine_is_perfect():
    found = figures(SUITE, play_each(SUITE, knower))
    for name, measure in found.items():
        if measure.group.startswith("payoff"):
            assert measure.value == pytest.approx(measure.ideal), name
        if measure.group == "forecasts":
            assert measure.value == pytest.approx(measure.ideal), name
    assert found["divergence from Bayes of forecasts"].value == pytest.approx(0, abs=1e-12)
    assert found["Brier score of forecasts"].chance == 0.5


def test_uniform_play_is_at_chance():
    found = figures(SUITE, play(SUITE, "uniform", replicates=12))
    check_chance([m for m in found.values() if m.group.startswith(("payoff", "conduct"))])
    assert found["Brier score of forecasts"].value == pytest.approx(0.5)


def test_losses_add_up_to_what_the_best_reply_earns_more():
    """The mean payoff of the known lengths, from what was really earned, agrees with the losses."""
    known = repeated(rounds=6)
    plays = [p for p in play(known, "uniform", replicates=20) if p.rows[0].facts["told"]]
    gaps = []
    for one in plays:
        rows = [row for row in one.rows if row.aspect is Aspect.ACTION]
        lost = sum(max(row.facts["utilities"]) - row.facts["utilities"][row.action] for row in rows)
        earned = sum(row.facts["payoff"] for row in rows)
        gaps.append(rows[0].facts["ceiling"] - lost - earned)
    gaps = np.array(gaps)
    assert abs(gaps.mean()) <= 4 * gaps.std() / np.sqrt(gaps.size)


def test_conduct_is_read_off():
    even = figures(SUITE, play(SUITE, "tit-for-tat"))
    assert even["kind in the first round"].value == 1
    assert even["unkind to one who was not kind in return"].value == 1
    assert even["kind again to one who was kind"].value == 1
    mean = figures(SUITE, play(SUITE, "always-unkind"))
    assert mean["kind, prisoners-dilemma"].value == 0
    assert mean["kind again to one who was kind"].value == 0
    saint = figures(SUITE, play(SUITE, "always-kind"))
    assert saint["kind, chicken"].value == 1
    assert saint["unkind to one who was not kind in return"].value == 0


def test_in_the_prisoners_dilemma_the_last_round_is_for_defection():
    against = [s for s in SUITE.scenarios if "prisoners-dilemma, tit for tat, 10 rounds)" in s.name]
    assert len(against) == 1
    plays = play_each(SUITE, knower)
    (one,) = [p for p in plays if p.scenario == against[0].name]
    assert [row.action for row in one.rows] == [0] * 9 + [1]
    assert one.rows[0].facts["ceiling"] == 9 * 3 + 5


def test_luck_is_common_to_all_players():
    plays = run_suite(SUITE, [as_player("scripted:uniform"), as_player("scripted:level1")])
    lengths, coins = {}, {}
    for one in plays:
        lengths.setdefault(one.scenario, set()).add(len(one.rows))
        if ", coin," in one.scenario:
            seen = tuple(row.facts["happened"] for row in one.rows if row.aspect is Aspect.ACTION)
            coins.setdefault(one.scenario, set()).add(seen)
    assert all(len(found) == 1 for found in (*lengths.values(), *coins.values()))


@pytest.mark.parametrize(
    ("arguments", "message"), [({"rounds": 1}, "rounds"), ({"continuation": 1.0}, "continuation")]
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        repeated(**arguments)


def tournament(*names, replicates=1, **arguments):
    suite = repeated_tournament(**arguments)
    players = [as_player(f"scripted:{name}") for name in names]
    return suite, run_suite(suite, players, replicates=replicates)


def test_everybody_meets_everybody_in_both_seats():
    suite, plays = tournament("tit-for-tat", "always-unkind", "uniform", rounds=4)
    assert len(plays) == 8 * 6
    assert {scenario.seats for scenario in suite.scenarios} == {2}
    known = [p for p in plays if "4 rounds" in p.scenario]
    assert all(len(p.rows) == 8 for p in known)
    assert len({p.seating for p in known}) == 6


def test_payoffs_of_a_match_by_hand():
    """Tit for tat loses the first round to a defector, and then both get the punishment."""
    suite, plays = tournament("tit-for-tat", "always-unkind", rounds=4, games=("prisoners-dilemma",))
    known = [p for p in plays if "4 rounds" in p.scenario and p.player == "scripted:tit-for-tat"]
    found = figures_of(suite, known)
    assert found["payoff per round, in ranges", "all games"].value == pytest.approx(3 / 4 / 5)
    assert found["payoff per round of those it met", "all games"].value == pytest.approx(8 / 4 / 5)
    assert found["matches won, ties as halves", "all games"].value == 0
    assert found["relative advantage", "all games"].value == pytest.approx((3 - 8) / 11)
    assert found["first action", "all games"].value == pytest.approx(1 / 4)
    assert found["first action in the first round", "all games"].value == 1


def figures_of(suite, plays):
    found = suite.score(plays, rng=np.random.default_rng(0))
    return {(m.name, m.group): m for m in found}


def test_standings_order_players_by_who_earns_more():
    _, plays = tournament(
        "always-unkind", "uniform", "always-kind", replicates=3, games=("prisoners-dilemma",), rounds=5
    )
    table = standings(plays, rng=np.random.default_rng(0))
    order = [table.players[k].removeprefix("scripted:") for k in np.argsort(-table.elo)]
    assert order == ["always-unkind", "uniform", "always-kind"]
    assert table.players[table.nash.weights.argmax()] == "scripted:always-unkind"
    assert (np.argsort(-table.bradley_terry.strengths) == np.argsort(-table.elo)).all()
    assert len(table.matches.first) == len(plays)


def test_kind_players_tie():
    _, plays = tournament("always-kind", "tit-for-tat", games=("prisoners-dilemma", "chicken"))
    table = standings(plays, rng=np.random.default_rng(0))
    assert (table.matches.score == 0.5).all()


def test_a_player_alone_meets_itself_and_is_not_rated():
    _, plays = tournament("uniform", rounds=2)
    assert {p.seating for p in plays} == {("scripted:uniform",) * 2}
    with pytest.raises(ValueError, match="different players"):
        standings(plays, rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"rounds": 0}, "rounds"), ({"continuation": -0.1}, "continuation"), ({"games": ("poker",)}, "games")],
)
def test_bad_tournaments(arguments, message):
    with pytest.raises(ValueError, match=message):
        repeated_tournament(**arguments)
