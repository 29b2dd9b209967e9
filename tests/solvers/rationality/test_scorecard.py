"""Scorecards, stability, estimates and the report: what a run is turned into."""

import dataclasses
import functools
import io
import math

import numpy as np
import pytest

from games.errors import UnknownNameError
from games.text.decisions import Attempt, Decision, Outcome, Reading
from games.text.questions import Language, Wording
from marl.language.budgeted import Price
from marl.language.model import Finish, Reply, Sampling
from marl.players import LanguagePlayer, ScriptedPlayer
from solvers.rationality.estimate import Estimate, estimate
from solvers.rationality.handling import Handling
from solvers.rationality.plays_file import WORLD, read_plays
from solvers.rationality.run import PLAYS, read_manifest, run_suite
from solvers.rationality.scenarios import Measure, Play, Row
from solvers.rationality.scorecard import Scorecard, evaluate, score_plays
from solvers.rationality.solved import nash_profile
from solvers.rationality.stability import stability
from solvers.rationality.suites.fan2024 import fan2024
from solvers.rationality.variants import Variant, one_at_a_time
from solvers.report.rationality import plot_scorecard, plottable, rationality_page
from tests.solvers.rationality.small import HUNT, PENNIES, Drawing, Failing, Guessing, SmallSuite

GUESSING = SmallSuite((Guessing(4),), baselines=("scripted:uniform",))


def test_evaluate_takes_players_functions_and_specs():
    by_spec = evaluate("scripted:uniform", GUESSING, replicates=3)
    assert list(by_spec.measures) == ["scripted:uniform"]  # not twice, though it is a baseline
    by_function = evaluate(lambda text: "heads", GUESSING, replicates=3)
    assert by_function.baselines == ("scripted:uniform",)
    assert by_function.measure("legal in the end").value == 1.0
    player = ScriptedPlayer("mine", lambda question: np.array([1.0, 0.0]))
    assert evaluate(player, GUESSING, replicates=3).measure("guessed") == by_function.measure("guessed")
    with pytest.raises(UnknownNameError, match="fan2024"):
        evaluate("scripted:uniform", "fan2023")


def test_luck_is_that_of_the_seed():
    assert evaluate("scripted:uniform", GUESSING) == evaluate("scripted:uniform", GUESSING)
    cards = [evaluate("scripted:uniform", GUESSING, seed=seed, replicates=5) for seed in range(6)]
    assert len({card.measure("guessed").value for card in cards}) > 1


def test_measures_are_found_by_name():
    card = evaluate("scripted:uniform", GUESSING)
    with pytest.raises(KeyError, match="guessed"):
        card.measure("guessing")
    assert "guessed" in str(card)
    assert card.groups == ["", "answers"]


def test_handling_changes_what_missing_answers_count_as():
    player = Failing(Outcome.ILLEGAL, Outcome.ANSWERED)
    plays = run_suite(GUESSING, [player], replicates=40, concurrency=1)
    values = {h: score_plays(GUESSING, plays, handling=h).measure("guessed").value for h in Handling}
    assert values[Handling.FORFEITED] < values[Handling.SUBSTITUTED]
    assert math.isnan(values[Handling.EXCLUDED])
    assert score_plays(GUESSING, plays).failures == {"failing": {"ILLEGAL": 80}}


def _play(scenario: str, variant: str, replicate: int, action: int, best: int) -> Play:
    row = Row(0, 0, "action", ("a", "b"), action, None, "ANSWERED", 0, "ANSWERED", False, {"best": [best]})
    return Play("x", scenario, variant, replicate, (row,), ("x",))


def test_stability_finds_the_variant_that_sways():
    scenarios = [(f"s{k}", k % 2) for k in range(40)]
    swayed = [
        _play(name, variant, r, best if variant == "plain" else 0, best)
        for name, best in scenarios
        for variant in ("plain", "reversed")
        for r in range(2)
    ]
    found = {m.name: m for m in stability(swayed, rng=np.random.default_rng(0))}
    assert found["best action, plain"].value == 1.0
    assert found["best action, reversed"].value == 0.5
    assert found["best action in each scenario's worst variant"].value == 0.5
    assert found["first actions that differ between variants"].value == 0.5
    assert found["first actions that differ within a variant"].value == 0.0
    assert found["share of variance by variants"].value > 0.2
    steady = [dataclasses.replace(play, variant="plain") for play in swayed]
    assert stability(steady, rng=np.random.default_rng(0)) == []


def test_stability_of_a_steady_player_has_no_variance_by_variants():
    variants = one_at_a_time(orders=2)
    plays = run_suite(GUESSING, [Drawing("a")], variants=variants, replicates=3)
    assert stability(plays, rng=np.random.default_rng(0)) == []  # no best actions among its facts
    rng = np.random.default_rng(1)
    plays = [
        _play(f"s{k}", variant, r, int(rng.random() < 0.7), 1)
        for k in range(30)
        for variant in "ab"
        for r in range(5)
    ]
    found = {m.name: m for m in stability(plays, rng=rng)}
    assert found["share of variance by variants"].value < 0.05
    worst = found["best action in each scenario's worst variant"].value
    assert abs(worst - found["the same if variants did not matter"].value) < 0.08


def test_estimates_count_what_is_asked():
    expected = estimate(GUESSING, replicates=5, variants=one_at_a_time(orders=1))
    assert expected.questions == 5 * 2 * 4
    player = Drawing("a")
    run_suite(GUESSING, [player], replicates=5, variants=one_at_a_time(orders=1))
    assert player.asked == expected.questions
    price = Price(1.0, 2.0)
    tiny = Estimate(10, 4000)
    assert tiny.likely_cost(price, completion_tokens=50) == pytest.approx((1000 + 2 * 500) / 1e6)
    assert tiny.worst_cost(price, max_tokens=50, reasks=0) == pytest.approx((4000 + 2 * 500) / 1e6)
    # The second time the first reply is read too.
    again = (8000 + 10 * 50 + 2 * 2 * 500) / 1e6
    assert tiny.worst_cost(price, max_tokens=50, reasks=1) == pytest.approx(again)


def test_estimates_count_every_match():
    """A player meets all others in both seats."""
    players = [Drawing(name) for name in "abcd"]
    run_suite(SmallSuite(), players, replicates=3)
    assert estimate(SmallSuite(), replicates=3, others=3).questions == players[0].asked == 3 * (3 + 2 * 3)
    alone = Drawing("a")
    run_suite(SmallSuite(), [alone], replicates=3)
    assert estimate(SmallSuite(), replicates=3).questions == alone.asked
    with pytest.raises(ValueError, match="others"):
        estimate(SmallSuite(), others=-1)


class Rambling:
    """A model that never gives an answer, at the greatest length, and counts what it costs at the worst."""

    name = "rambling"

    def __init__(self, length, text="x"):
        self.text = text * length
        self.read = 0
        self.written = 0

    async def generate(self, request):
        self.read += sum(len(message.content.encode()) + 64 for message in request.messages)
        self.written += request.sampling.max_tokens
        return Reply(self.text, Finish.STOP)

    async def choose(self, request, options):
        raise NotImplementedError


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("reasks", [0, 2])
def test_nothing_costs_more_than_the_worst_estimate(language, reasks):
    """Also where a conversation is read again, as when a belief is asked before the action."""
    suite = fan2024(menus=1, sizes=(2,), rounds=2, rings=2, ring_pairs=1)
    variants = (Variant("x", Wording(language=language, persona="a cautious banker")),)
    model = Rambling(300)
    player = LanguagePlayer(model, sampling=Sampling(max_tokens=300), reasks=reasks)
    run_suite(suite, [player], variants=variants)
    price = Price(1.0, 3.0)
    worst = estimate(suite, variants=variants).worst_cost(price, max_tokens=300, reasks=reasks)
    paid = price.of(model.read, model.written)
    assert 0.99 * paid <= worst < 1.2 * paid  # the stand-in's histories differ by some letters


def test_legality_is_about_replies_and_not_about_the_connection():
    plays = run_suite(GUESSING, [Failing(Outcome.ANSWERED, Outcome.TRANSPORT)], concurrency=1)
    found = {m.name: m for m in score_plays(GUESSING, plays).measures["failing"]}
    assert found["legal at the first try"].value == found["legal in the end"].value == 1.0
    assert score_plays(GUESSING, plays).failures == {"failing": {"TRANSPORT": 2}}


@pytest.mark.parametrize("outcome", [Outcome(name) for name in Outcome if name.name in WORLD])
def test_what_the_world_broke_says_nothing_of_the_player(outcome):
    """A spent budget or a broken connection must not make a player look as if it played at random."""

    class Right:
        name = "right"

        async def decide(self, question):
            if len(question.situation.history) == 1 and question.seed % 2:
                return Decision.of((Attempt(Reading(outcome)),))
            return Decision(action=0)

    suite = SmallSuite((Guessing(2),))
    whole = score_plays(suite, run_suite(suite, [ScriptedPlayer("right", _heads)], replicates=60))
    plays = run_suite(suite, [Right()], replicates=60)
    reached = [play for play in plays if all(row.outcome == "ANSWERED" for row in play.rows)]
    assert 10 < len(reached) < 50
    expected = np.mean([row.facts["utilities"][0] > 0 for play in reached for row in play.rows])
    for handling in Handling:
        card = score_plays(suite, plays, handling=handling)
        assert card.measure("guessed").value == pytest.approx(expected)
        assert card.measure("guessed").count == len(reached)
        assert card.failures == {"right": {outcome.name: 60 - len(reached)}}
    assert whole.measure("guessed").count == 60
    nothing = score_plays(suite, run_suite(suite, [Failing(outcome)]))
    assert math.isnan(nothing.measure("guessed").value)


def _heads(question):
    return np.array([1.0, 0.0])


def test_flips_are_those_of_the_player_itself():
    """The other seat's row may come first, and its variants are not what is compared."""

    def play(variant, other):
        rows = [
            Row(k, seat, "action", ("a", "b"), action, None, "ANSWERED", 0, "ANSWERED", False, {"best": [0]})
            for k, (seat, action) in enumerate([(1, other), (0, 0)])
        ]
        return Play("x", "s", variant, 0, tuple(rows), ("x", "y"))

    found = {m.name: m for m in stability([play("a", 0), play("b", 1)], rng=np.random.default_rng(0))}
    assert found["first actions that differ between variants"].value == 0.0


def test_functions_without_a_name_of_their_own_keep_no_plays(tmp_path):
    def named(text):
        return "heads"

    for function in (lambda text: "heads", functools.partial(named)):
        with pytest.raises(ValueError, match="TextPlayer"):
            evaluate(function, GUESSING, folder=tmp_path)
    assert evaluate(functools.partial(named), GUESSING).measure("legal in the end").value == 1.0
    assert next(iter(evaluate(named, GUESSING, folder=tmp_path).measures)).endswith("named")


def test_players_that_can_be_called_are_players():
    class Both(Drawing):
        def __call__(self, text):
            raise AssertionError("it is a player, and no function")

    assert next(iter(evaluate(Both("both"), GUESSING).measures)) == "both"


@pytest.mark.parametrize("name", ["_private", r"costs $\frac$ 5", "$x$ and $y$"])
def test_names_are_shown_as_they_are(name):
    measure = Measure(name, 0.5, 0.4, 0.6, 9, chance=0.0, ideal=1.0, group="g")
    figure = plot_scorecard(Scorecard("s $1$", {name: (measure,)}), "g")
    figure.savefig(io.BytesIO(), format="png")
    (legend,) = figure.legends
    shown = legend.get_texts()
    assert [text.get_text().strip() for text in shown] == [name, "chance", "ideal"]
    assert not any(text.get_parse_math() for text in [*shown, *figure.axes[0].get_yticklabels()])


def test_report_escapes_what_players_say(tmp_path):
    plays = run_suite(GUESSING, [Failing(Outcome.ILLEGAL, name="<script>x</script>")], folder=tmp_path)
    card = score_plays(GUESSING, plays)
    page = rationality_page(
        card, list(read_plays(tmp_path / PLAYS).values()), manifest=read_manifest(tmp_path)
    )
    assert "<script" not in page
    assert "<b>" not in page
    assert "reply &lt;b&gt;1&lt;/b&gt;" in page
    assert page.count("data:image/png") == sum(plottable(card, group) for group in card.groups)
    assert 'src="http' not in page


def test_pictures_cut_what_has_no_bounds():
    wild = Measure("wild", 5.0, -math.inf, math.inf, 1, chance=0.0, ideal=1.0, group="g")
    lone = Measure("no chance", 5.0, 4.0, 6.0, 1, group="h")
    nothing = Measure("nothing", math.nan, math.nan, math.nan, 0, chance=0.0, ideal=1.0, group="g")
    same = Measure("same", 1.0, 1.0, 1.0, 3, chance=1.0, ideal=1.0, group="h")
    card = Scorecard("s", {"p": (wild, nothing, lone, same)})
    assert plottable(card, "g")
    assert not plottable(card, "h")
    figure = plot_scorecard(card, "g")
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["wild"]
    assert figure.axes[0].get_xlim() == (-1.0, 1.6)


def test_solved_profiles_are_equilibria():
    x, y = nash_profile(PENNIES)
    np.testing.assert_allclose([x, y], 0.5, atol=1e-5)
    p, q = nash_profile(HUNT)
    gains = [HUNT.payoffs[0] @ q, p @ HUNT.payoffs[1]]
    assert all(gain.max() - gain @ own < 1e-4 for gain, own in zip(gains, (p, q), strict=True))
