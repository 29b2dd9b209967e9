"""The suite of classics: equilibrium play, levels and noise are recovered; prompts stay short."""

from dataclasses import replace

import numpy as np
import pytest

from games.text.questions import Question
from games.text.render import render
from games.text.situations import MatrixSituation
from marl.players.scripted import ScriptedPlayer
from solvers.equilibrium import solve_quantal_response
from solvers.rationality.suites.classics import classics
from tests.solvers.rationality.played import certain, check_chance, check_suite, figures, play

SUITE = classics()


def test_size_and_names():
    check_suite(SUITE, 33)
    assert len({s.name.split("(")[0].split("[")[0] for s in SUITE.scenarios}) == 21


def test_prompts_are_short():
    for scenario in SUITE.scenarios:
        text = render(Question(MatrixSituation(scenario.classic.game, scenario.seat), 0)).text
        assert len(text) < 14_000, scenario.name


def test_equilibrium_play_loses_nothing_and_is_recognised():
    found = figures(SUITE, play(SUITE, "equilibrium", replicates=8))
    for name in ("undominated action", "rationalizable action"):
        measure = found[f"takes {'an' if name[0] == 'u' else 'a'} {name}"]
        assert measure.value == measure.ideal == 1.0
    assert found["takes an action of a known equilibrium"].value == 1.0
    assert found["loss against the nearest equilibrium"].value == pytest.approx(0, abs=1e-5)
    assert found["share of equilibrium play"].value == pytest.approx(1, abs=0.05)
    for measure in found.values():
        if measure.group in ("numbers", "cooperation") and measure.ideal is not None:
            assert measure.value == measure.ideal


@pytest.mark.parametrize("level", [1, 2, 3])
def test_levels_are_recovered(level):
    found = figures(SUITE, play(SUITE, f"level{level}", replicates=3))
    shares = [found[f"share of level {k}"].value for k in (1, 2, 3)]
    assert int(np.argmax(shares)) == level - 1
    assert max(shares) > 0.9
    assert found["random choices beside them"].value < 0.1
    assert found["takes an undominated action"].value == 1.0


def test_uniform_play_is_at_chance():
    found = figures(SUITE, play(SUITE, "uniform", replicates=30))
    check_chance([m for m in found.values() if m.group in ("rationality", "cooperation", "numbers")])
    assert found["random choices beside them"].value > 0.7
    precision = found["precision of a logit equilibrium, per payoff range"]
    assert precision.low <= 0.5


def test_noise_shows_as_precision():
    """Logit equilibrium play at 4 per payoff range."""
    known = {}

    def law(question):
        game = question.situation.game
        if id(game) not in known:
            scaled = replace(game, payoffs=game.payoffs / game.payoff_range)
            known[id(game)] = game, solve_quantal_response(scaled, 4.0).unwrap().profile
        return known[id(game)][1][question.situation.seat]

    small = tuple(s for s in SUITE.scenarios if s.classic.game.payoffs[0].size <= 9)
    suite = replace(SUITE, scenarios=small)
    found = figures(suite, play(suite, ScriptedPlayer("logit", law), replicates=30))
    precision = found["precision of a logit equilibrium, per payoff range"]
    assert precision.low <= 4.0 <= precision.high
    assert precision.high < 8.0


def test_guesses_and_claims_are_read_off():
    read = tuple(s for s in SUITE.scenarios if s.classic.figure or s.classic.kind)
    suite = replace(SUITE, scenarios=read)
    first = figures(suite, play(suite, certain(lambda question: 0)))
    last = figures(suite, play(suite, certain(lambda question: -1)))
    claim = "claim, travelers-dilemma(2 to 20, bonus 2)"
    assert (first[claim].value, last[claim].value, first[claim].ideal) == (2, 20, 2)
    assert last["guess, guessing(2, 0 to 100)"].value == 100
    assert last["guess, guessing(2, 0 to 100)"].chance == 50
    assert first["request, money-request(11 to 20)"].value == 11
    assert first["request, money-request(11 to 20)"].ideal is None
    assert first["cooperate, prisoners-dilemma"].value == 1
    assert last["contribute, public-goods(4, 1.6)"].value == 1
    # 100 is dominated, and so is cooperation.
    assert last["takes an undominated action"].value < 1


@pytest.mark.parametrize("claims", [3, 61])
def test_claims_have_a_range(claims):
    with pytest.raises(ValueError, match="claims"):
        classics(claims=claims)
