"""The suite recovers what is known of players: perfect, uniform, overlooking, mistaken, Bayesian, level k."""

import asyncio
import json
import math
from collections import Counter

import numpy as np
import pytest

from games.social.desires import Desire
from games.social.pattern_ceilings import best_play
from games.social.ring import eliminate_pure
from games.text.decisions import Attempt, Decision, Outcome, Reading
from games.text.questions import Aspect, Exchange, Question
from games.text.situations import AllocationSituation, MatrixSituation
from marl.players.catalogue import scripted_player
from marl.players.scripted import ScriptedPlayer
from solvers.rationality.metrics.rationalizability import eliminate_strictly
from solvers.rationality.scenarios import Answer, Play
from solvers.rationality.suites.fan2024 import fan2024
from solvers.rationality.suites.fan2024_action import RingPairScenario, RingScenario
from solvers.rationality.suites.fan2024_belief import Channel, PatternScenario

SUITE = fan2024()


class Desk:
    """The least table: one player, questions numbered from a seed, missing actions drawn."""

    def __init__(self, player, seed):
        self.player, self.seed, self.asked = player, seed, []

    async def ask(self, seat, situation, *, aspect=Aspect.ACTION, about=None, earlier=()):
        question = Question(situation, self.seed * 1000 + len(self.asked), aspect, about, earlier=earlier)
        self.asked.append(question)
        decision = await self.player.decide(question)
        exchange = Exchange(f"question {question.seed}", "reply") if decision.attempts else None
        action, missing = decision.action, aspect is Aspect.ACTION and decision.action is None
        if missing:
            action = int(np.random.default_rng(question.seed).integers(len(question.options)))
        return Answer(action, decision.belief, decision, missing, exchange)


def play(player_for, scenarios, replicates=1, variant="plain"):
    """Plays of a player that may depend on the scenario, with the scenario's own luck."""
    plays = []
    for number, scenario in enumerate(scenarios):
        for replicate in range(replicates):
            rng = np.random.default_rng([number, replicate])
            desk = Desk(player_for(scenario), 1 + number * replicates + replicate)
            rows = asyncio.run(scenario.play(desk, rng))
            plays.append(Play("somebody", scenario.name, variant, replicate, tuple(rows)))
    return plays


def score(plays, suite=SUITE):
    return {measure.name: measure for measure in suite.score(plays, rng=np.random.default_rng(0))}


def sure(size, place):
    return np.eye(size)[place]


def even(question):
    return np.full(len(question.options), 1 / len(question.options))


def moves_of(situation):
    own = np.array([joint[0] for joint in situation.history], dtype=np.int64)
    return own, np.array([joint[1] for joint in situation.history], dtype=np.int64)


def knower(scenario):
    """Knows the pattern of its opponent and what elimination leaves; wants what it is told to."""
    if isinstance(scenario, PatternScenario):
        plan = best_play(scenario.pattern, scenario.game.payoffs[0], scenario.rounds)

    def act(question):
        situation = question.situation
        if isinstance(situation, AllocationSituation):
            desire = situation.desire or Desire.SELF_INTEREST
            return sure(len(question.options), int(desire.utilities(situation.payoffs).argmax()))
        if isinstance(scenario, PatternScenario):
            return sure(len(question.options), plan.action(moves_of(situation)[0]))
        return sure(len(question.options), eliminate_pure(situation.game).profile[situation.seat])

    def believe(question):
        situation = question.situation
        if isinstance(scenario, PatternScenario):
            return scenario.pattern.forecasts(moves_of(situation)[0])[-1]
        return sure(len(question.options), eliminate_pure(situation.game).profile[question.about])

    return ScriptedPlayer("knower", act, believe)


def bayesian(scenario, twist=0, acts=True):
    """Holds the posterior, moved up the cycle by ``twist``, and answers it best, or acts at random."""

    def believe(question):
        return np.roll(scenario.family.predictive(*moves_of(question.situation)), twist)

    def act(question):
        utilities = question.situation.game.payoffs[0] @ believe(question)
        return sure(3, int(np.argmax(utilities >= utilities.max() - 1e-12)))

    return ScriptedPlayer("bayesian", act if acts else even, believe)


def test_names_are_distinct_and_the_size_is_as_told():
    names = [scenario.name for scenario in SUITE.scenarios]
    assert len(set(names)) == len(names)
    rows = [row for one in play(knower, SUITE.scenarios) for row in one.rows]
    assert len(rows) == 550
    assert len(SUITE.belief.scenarios) == 11 * 3
    assert {scenario.seats for scenario in SUITE.scenarios} == {1}
    for spec in SUITE.baselines:
        assert scripted_player(spec.removeprefix("scripted:")).name == spec


def test_equal_arguments_give_equal_suites():
    first, again, other = (play(knower, fan2024(seed=seed).scenarios) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_rows_are_plain_data():
    for one in play(knower, SUITE.scenarios):
        for step, row in enumerate(one.rows):
            assert row.step == step
            json.dumps(dict(row.facts), allow_nan=False)


def test_a_perfect_player_is_perfect_everywhere():
    found = score(play(knower, SUITE.scenarios))
    learning = {f"best response to Bayes' belief, {way}" for way in ("play", "both")}
    # Who leads a sampling opponent may forgo the best reply of a round.
    leading = {"best response to own belief, both"}
    checked = 0
    for name, measure in found.items():
        if measure.ideal == 1.0 and name not in learning | leading:
            assert measure.value == pytest.approx(1.0, abs=1e-12), name
            checked += 1
    assert checked == 30
    myopic = [s for s in SUITE.belief.scenarios if s.kind != "sample"]
    found = score(play(knower, myopic))
    assert found["best response to own belief, both"].value == 1
    assert found["rounds to a best response for good, play"].value == 0
    assert found["rounds to adapt to a switch, both"].value == 0
    assert found["rounds to identify, predict"].value == 0


def test_uniform_play_is_at_chance():
    plays = play(lambda _: ScriptedPlayer("uniform", even, even), SUITE.scenarios, replicates=12)
    found = score(plays)
    exact = {"Brier score", "log score", "divergence from Bayes", "rounds to identify"}
    checked = 0
    for name, measure in found.items():
        if measure.chance is None:
            continue
        if name.split(",")[0] in exact:
            assert measure.value == pytest.approx(measure.chance, abs=1e-12), name
        elif name != "best response to own stated belief" and "own belief" not in name:
            # Four standard errors: among about fifty figures none should be out by luck.
            half = (measure.high - measure.low) / 2
            assert abs(measure.value - measure.chance) < 2.1 * half + 1e-9, (name, measure)
        checked += 1
    assert checked > 40
    # A uniform belief in a ring calls for the level-1 action, which a coin takes half the time.
    assert 0.3 < found["best response to own stated belief"].value < 0.7
    assert found["states the right belief"].value == 0.5  # what a guess gets


def test_a_bayesian_believes_the_posterior():
    found = score(play(bayesian, SUITE.belief.scenarios, replicates=2))
    for way in ("predict", "both"):
        assert found[f"divergence from Bayes, {way}"].value == pytest.approx(0, abs=1e-12)
        for name in ("Brier score", "log score", "rounds to identify"):
            measure = found[f"{name}, {way}"]
            assert measure.value == pytest.approx(measure.ideal, abs=1e-12)
            assert measure.value < measure.chance
        assert found[f"beliefs given, {way}"].value == 1
    for way in ("play", "both"):
        assert found[f"best response to Bayes' belief, {way}"].value == 1
        assert 0.4 < found[f"normalised payoff, {way}"].value < 1
        settled = found[f"rounds to a best response for good, {way}"]
        assert settled.value < settled.chance
    assert found["best response to own belief, both"].value == 1


def test_an_overlooked_belief_is_told_from_a_wrong_one():
    overlooks = score(play(lambda s: bayesian(s, acts=False), SUITE.belief.scenarios, replicates=3))
    wrong = score(play(lambda s: bayesian(s, twist=1), SUITE.belief.scenarios, replicates=3))
    assert overlooks["divergence from Bayes, both"].value == pytest.approx(0, abs=1e-12)
    own = overlooks["best response to own belief, both"]
    assert own.low < own.chance < own.high < 0.7
    assert wrong["best response to own belief, both"].value == 1
    assert wrong["divergence from Bayes, both"].low > 0.5
    assert wrong["best response to Bayes' belief, both"].high < 0.3


def test_adaptation_counts_from_the_switch():
    """Answers the new pattern from the start: wrong before the switch, right from its first round on."""
    turned = [s for s in SUITE.belief.scenarios if s.kind == "switch" and s.channel is Channel.PLAY]

    def act(question):
        return sure(
            3, (scenario.pattern.after.forecasts(moves_of(question.situation)[0])[-1].argmax() + 1) % 3
        )

    (scenario,) = turned
    found = score(play(lambda _: ScriptedPlayer("early", act), turned))
    assert found["rounds to adapt to a switch, play"].value == 0
    late = score(play(lambda s: bayesian(s, twist=1), turned))
    assert late["rounds to adapt to a switch, play"].value == scenario.rounds - scenario.switch


def ring_player(right_if_asked, right_if_told, belief_right=True, heeds=False):
    """Takes level-1 actions in rings unless it is told the other's action, or has said it."""

    def act(question):
        situation = question.situation
        game, seat = situation.game, situation.seat
        solution = eliminate_pure(game).profile[seat]
        right = right_if_told if situation.told else right_if_asked or (heeds and bool(question.earlier))
        return sure(2, solution if right else 1 - solution)

    def believe(question):
        other = eliminate_pure(question.situation.game).profile[question.about]
        return np.where(sure(2, other if belief_right else 1 - other) == 1, 0.8, 0.2)

    return ScriptedPlayer("ring player", act, believe)


class Talking:
    """A player with words, so that its belief stands in the conversation."""

    def __init__(self, player):
        self.player, self.name = player, player.name

    async def decide(self, question):
        decision = await self.player.decide(question)
        reading = Reading(Outcome.ANSWERED, decision.action, decision.belief)
        return Decision.of((Attempt(reading, "words"),))


RINGS = [scenario for scenario in SUITE.scenarios if isinstance(scenario, RingScenario)]


def test_gaps_between_regimes_are_found():
    found = score(play(lambda _: ring_player(False, True), RINGS))
    assert found["best response, implicit belief"].value == 0
    assert found["best response, explicit belief"].value == 0
    assert found["best response, given belief"].value == 1
    assert found["given minus implicit belief"].value == 1
    assert found["explicit minus implicit belief"].value == 0
    # All of eight signs alike: 2 / 2^8, times two by Holm.
    assert found["given minus implicit belief"].p_value == pytest.approx(4 / 256)
    assert found["explicit minus implicit belief"].p_value == 1
    assert found["states the right belief"].value == 1
    assert found["best response to own stated belief"].value < 1  # overlooked


def test_what_was_said_first_is_in_the_conversation():
    found = score(play(lambda _: Talking(ring_player(False, True, heeds=True)), RINGS))
    assert found["best response, implicit belief"].value == 0
    assert found["best response, explicit belief"].value == 1
    both = next(s for s in SUITE.belief.scenarios if s.channel is Channel.BOTH)
    desk = Desk(Talking(ScriptedPlayer("uniform", even, even)), 5)
    asyncio.run(both.play(desk, np.random.default_rng(0)))
    assert [len(question.earlier) for question in desk.asked] == [0, 1] * both.rounds
    assert [question.aspect for question in desk.asked[:2]] == [Aspect.BELIEF, Aspect.ACTION]


def test_a_wrong_belief_in_a_ring_is_told_from_an_overlooked_one():
    found = score(play(lambda _: ring_player(False, True, belief_right=False), RINGS))
    assert found["states the right belief"].value == 0
    # u(U,X) is the greatest payoff, so U is right for who believes in X with .8.
    assert found["best response to own stated belief"].value == 1


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_levels_show_as_orders(level):
    player = scripted_player(f"level{level}")
    found = score(play(lambda _: player, SUITE.action.scenarios))
    assert found["takes its dominant action"].value == 1
    assert found["best response, given belief"].value == 1
    assert found["best response, implicit belief"].value == (level >= 2)
    for order in range(1, 5):
        assert found[f"order {order} or more"].value == (order <= level)
    first = RINGS[0]
    row = asyncio.run(first.play(Desk(player, 3), np.random.default_rng(0)))[0]
    assert row.options[row.action] == ("U" if level == 1 else "V")


def test_ring_keys_are_those_of_other_code():
    for scenario in SUITE.action.scenarios:
        games = [scenario.game] if isinstance(scenario, RingScenario) else list(scenario.pair.games)
        for game in games:
            left = eliminate_strictly(game).rationalizable
            assert left == tuple((action,) for action in eliminate_pure(game).profile)
    for one in play(knower, SUITE.action.scenarios):
        for row in one.rows:
            if row.aspect is Aspect.ACTION:
                best = np.flatnonzero(np.array(row.facts["utilities"]) == max(row.facts["utilities"]))
                assert best.tolist() == list(row.facts["best"]) == [row.action]


def test_pattern_facts_are_those_of_the_history():
    for scenario in SUITE.belief.scenarios:
        desk = Desk(ScriptedPlayer("uniform", even, even), 9)
        rows = asyncio.run(scenario.play(desk, np.random.default_rng(3)))
        for row, question in zip(rows, desk.asked, strict=True):
            own, seen = moves_of(question.situation)
            assert row.facts["round"] == len(own)
            law = scenario.pattern.forecasts(own)[-1]
            assert law[row.facts["happened"]] > 0
            np.testing.assert_allclose(row.facts["law"], law, atol=1e-12)
            np.testing.assert_allclose(
                row.facts["posterior"], scenario.family.predictive(own, seen), atol=1e-12
            )
            if row.aspect is Aspect.ACTION:
                table = scenario.game.payoffs[0]
                wanted = [sum(p * table[a, b] for b, p in enumerate(law)) for a in range(3)]
                np.testing.assert_allclose(row.facts["utilities"], wanted, atol=1e-12)
                assert row.facts["payoff"] == table[row.action, row.facts["happened"]]


def test_the_opponents_luck_does_not_hang_on_the_player():
    for scenario in SUITE.belief.scenarios:
        if scenario.kind in {"copy", "counter", "sample", "switch"}:
            continue
        happened = [
            [row.facts["happened"] for row in one.rows]
            for maker in (knower, lambda _: ScriptedPlayer("uniform", even, even))
            for one in play(maker, [scenario])
        ]
        assert happened[0] == happened[1]


def test_missing_beliefs_count_as_ignorance_and_are_counted():
    silent = ScriptedPlayer("silent", even)
    found = score(play(lambda _: silent, SUITE.belief.scenarios))
    for way in ("predict", "both"):
        assert found[f"beliefs given, {way}"].value == 0
        measure = found[f"Brier score, {way}"]
        assert measure.value == pytest.approx(measure.chance) == pytest.approx(2 / 3)
    assert math.isnan(found["best response to own belief, both"].value)
    rings = score(play(lambda _: silent, RINGS))
    assert rings["states the right belief"].value == 0.5
    assert math.isnan(rings["best response to own stated belief"].value)


def test_desires_that_are_not_heard_show_as_what_they_are():
    def selfish(question):
        return sure(len(question.options), int(question.situation.payoffs[:, 0].argmax()))

    found = score(play(lambda _: ScriptedPlayer("selfish", selfish), SUITE.desire.scenarios))
    assert found["follows self-interest"].value == 1
    for desire in set(Desire) - {Desire.SELF_INTEREST}:
        assert found[f"follows {desire.value}"].value < 0.7
    assert found["free choice agrees with self-interest"].value == 1
    for weight in ("weight of one who has less (rho)", "weight of one who has more (sigma)"):
        assert found[weight].low <= 0 <= found[weight].high
        assert -0.5 < found[weight].low < found[weight].high < 0.5  # bracketed by the design


@pytest.mark.parametrize(("rho", "sigma"), [(0.4, -0.4), (0.6, 0.1)])
def test_free_choices_recover_what_others_count_for(rho, sigma):
    player = scripted_player(f"charness-rabin:{rho}:{sigma}:0.05")
    free = [scenario for scenario in SUITE.desire.scenarios if scenario.desire is None]
    found = score(play(lambda _: player, free, replicates=30))
    for name, truth in (("less (rho)", rho), ("more (sigma)", sigma)):
        measure = found[f"weight of one who has {name}"]
        assert measure.low < truth < measure.high
        assert measure.value == pytest.approx(truth, abs=0.15)


def test_chance_of_desires_is_counted():
    found = score(play(knower, SUITE.desire.scenarios))
    sizes = Counter(len(s.menu.payoffs) for s in SUITE.desire.scenarios if s.desire is Desire.ALTRUISM)
    assert sizes == {2: 6, 4: 4}
    assert found["follows altruism"].chance == pytest.approx((6 / 2 + 4 / 4) / 10)


def test_part_of_the_plays_is_scored_too():
    assert SUITE.score([], rng=np.random.default_rng(0)) == []
    plays = play(knower, SUITE.scenarios)
    for kept in (plays[:1], plays[-1:], plays[60:75]):
        assert SUITE.score(kept, rng=np.random.default_rng(0))
    pair = next(s for s in SUITE.action.scenarios if isinstance(s, RingPairScenario))
    half = Play("somebody", pair.name, "plain", 0, plays[-1].rows[:5])
    assert score([half])["order 1 or more"].count == 0


def test_other_sizes():
    suite = fan2024(menus=2, sizes=(3,), rounds=4, actions=("a", "b", "c", "d"), rings=2, ring_pairs=1)
    assert all(len(s.game.actions[0]) == 4 for s in suite.belief.scenarios)
    found = score(play(knower, suite.scenarios), suite)
    assert found["normalised payoff, play"].value == pytest.approx(1)
    with pytest.raises(ValueError, match="rounds must be"):
        fan2024(rounds=1)
    with pytest.raises(ValueError, match="sizes must lie"):
        fan2024(sizes=(1,))
    with pytest.raises(ValueError, match="rings and pairs"):
        fan2024(rings=-1)


def test_histories_hold_joint_moves_of_both_and_the_horizon():
    scenario = SUITE.belief.scenarios[0]
    desk = Desk(ScriptedPlayer("uniform", even, even), 2)
    rows = asyncio.run(scenario.play(desk, np.random.default_rng(0)))
    last = desk.asked[-1].situation
    assert isinstance(last, MatrixSituation)
    assert last.rounds == scenario.rounds
    assert last.history == tuple((row.action, row.facts["happened"]) for row in rows[:-1])
