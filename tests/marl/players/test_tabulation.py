"""Players as policies: what is known of a player comes back exactly, and what failed is counted."""

import asyncio
import re

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.adapters.normal_form_env import NormalFormEnv
from games.adapters.tree_env import TreeEnv
from games.errors import UnsupportedGameError
from games.extensive.catalogue import ultimatum
from games.extensive.evaluation import expected_values, nash_conv
from games.gridworlds.trust_dilemma import TrustDilemma
from games.normal_form import NormalFormGame
from games.text import Decision, Outcome
from marl.language import OpenAIEndpoint
from marl.players import (
    LanguagePlayer,
    PlayerPolicy,
    Sampling,
    Source,
    TextPlayer,
    UnansweredError,
    Weighing,
    player_from_spec,
    tabulate,
)
from marl.policies.in_trees import behaviors_of_policies
from marl.populations import load_population, population_of_play, save_population
from tests.marl.players.asked import RING, about, belief_about
from tests.marl.players.kuhn import EQUILIBRIUM, KUHN, HalfWeighing, Unsure, scripted
from tests.marl.players.misbehaving import PlayingServer, line

UNIFORM = player_from_spec("scripted:uniform")
EVEN = dict.fromkeys(EQUILIBRIUM, 0.5)


def rows(table):
    return {key.decode(): row for policy in table.policies for key, row in policy.table.items()}


def test_an_equilibrium_that_is_told_comes_back_exactly():
    table = tabulate(scripted(EQUILIBRIUM), KUHN)
    assert {state: row[1] for state, row in rows(table).items()} == EQUILIBRIUM
    assert nash_conv(KUHN.form, table.behaviors) == pytest.approx(0, abs=1e-12)
    assert expected_values(KUHN.form, table.behaviors) == pytest.approx([-1 / 18, 1 / 18])
    assert table.answers.sources == {Source.WEIGHED: 12}
    assert not table.answers.failures
    assert table.name == "scripted"


def test_uniform_play_has_the_known_distance():
    assert nash_conv(KUHN.form, tabulate(UNIFORM, KUHN.game).behaviors) == pytest.approx(11 / 12)


@pytest.mark.parametrize("elicitation", [Weighing(), Sampling(5)])
def test_a_policy_that_asks_while_it_plays_is_the_table(elicitation):
    player = scripted(EVEN)
    table = tabulate(player, KUHN, elicitation=elicitation, seed=7)
    policy = PlayerPolicy(player, KUHN.game, elicitation=elicitation, seed=7)
    behaviors = behaviors_of_policies(KUHN.game, KUHN.form, [policy, policy])
    for found, wanted in zip(behaviors, table.behaviors, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-12)
    assert policy.answers.sources == table.answers.sources


def test_a_policy_asks_once_at_each_information_state():
    player = Unsure(EVEN)
    policy = PlayerPolicy(player, KUHN.game, elicitation=Sampling(3))
    for _ in range(2):
        for i, states in enumerate(KUHN.states):
            for state in states:
                policy.probabilities(KUHN.game, state, i)
    assert len(player.asked) == 3 * 12
    assert len(set(player.asked)) == 3 * 12  # every question has a seed of its own
    assert set(policy.shown) == {(i, state.encode()) for i, state, _ in player.asked}


def test_the_answers_do_not_depend_on_who_is_asked_first():
    tables = [
        tabulate(scripted(EVEN), KUHN, elicitation=Sampling(7), seed=seed, concurrency=many)
        for seed, many in ((3, 1), (3, 64), (4, 64))
    ]
    same, again, other = (np.concatenate(table.counts) for table in tables)
    np.testing.assert_array_equal(same, again)
    assert (same != other).any()


def test_the_estimate_is_the_mean_under_the_prior():
    player = scripted(dict.fromkeys(EQUILIBRIUM, 1.0))
    table = tabulate(player, KUHN, elicitation=Sampling(6, prior=2.0))
    for row in rows(table).values():
        assert row.tolist() == pytest.approx([1 / 8, 7 / 8])
    assert table.counts[0].tolist() == [0, *([0, 6] * 6)]


def test_the_estimate_converges():
    """Root mean squared errors fall as one over the root of the answers, to a factor of 2."""
    errors = {}
    for answers in (25, 2500):
        table = tabulate(scripted(EVEN), KUHN, elicitation=Sampling(answers), seed=1)
        errors[answers] = np.sqrt(np.mean([(row[1] - 0.5) ** 2 for row in rows(table).values()]))
    assert errors[25] == pytest.approx(0.1, rel=0.5)
    assert errors[2500] == pytest.approx(0.01, rel=0.5)


def test_missing_answers_are_refused_or_counted():
    player = Unsure(EQUILIBRIUM, silent=("0", "0pb", "1b"))
    with pytest.raises(UnansweredError, match=r"unsure gave no answer in 3 of 12 .* \(48 x REFUSAL\).*0\.2"):
        tabulate(player, KUHN, tolerated=0.2)
    table = tabulate(player, KUHN, tolerated=0.25)
    assert table.answers.failures == {Outcome.REFUSAL: 48}
    assert table.answers.sources == {Source.SUBSTITUTED: 3, Source.SAMPLED: 9}
    assert set(table.answers.substituted) == {"player 0: 0", "player 0: 0pb", "player 1: 1b"}
    assert table.answers.least_mass == 0
    for state in player.silent:
        assert rows(table)[state].tolist() == [0.5, 0.5]


@pytest.mark.parametrize("outcome", [Outcome.REJECTED, Outcome.BUDGET])
def test_whoever_will_be_refused_again_is_not_asked_again(outcome):
    player = Unsure(EVEN, silent=tuple(EVEN), outcome=outcome)
    with pytest.raises(UnansweredError, match=f"12 of 12 .*12 x {outcome.name}"):
        tabulate(player, KUHN, elicitation=Sampling(50))
    assert len(player.asked) == 12


def test_a_policy_refuses_where_a_share_is_missing():
    def play(tolerated, silent):
        player = Unsure(EVEN, silent=silent)
        policy = PlayerPolicy(player, KUHN.game, elicitation=Sampling(2), tolerated=tolerated)
        for state in KUHN.states[0]:
            policy.probabilities(KUHN.game, state, 0)
        return policy.answers

    with pytest.raises(UnansweredError, match=r"no answer in 1 of \d"):
        play(0.0, ("1",))
    assert play(0.01, ("1",)).substituted == ("player 0: b'1'",)
    with pytest.raises(UnansweredError, match=r"no answer in 2 of \d"):
        play(0.01, ("1", "2"))


def test_where_weighing_fails_answers_are_counted():
    table = tabulate(HalfWeighing(EQUILIBRIUM, ("1", "1p")), KUHN, elicitation=Weighing(Sampling(400)))
    assert table.answers.sources == {Source.WEIGHED: 10, Source.SAMPLED: 2}
    assert table.answers.failures == {Outcome.UNREADABLE: 2}
    assert rows(table)["1b"][1] == EQUILIBRIUM["1b"]
    assert rows(table)["1"][1] == pytest.approx(0.5 / 401)
    assert [int((~said).sum()) for said in table.weighed] == [2, 2]


def test_a_function_of_texts_is_a_policy():
    """It reads its card in the prompt, answers in the form asked for, and breaks with the worst card."""

    def raises_with_the_best(prompt):
        (card,) = re.findall(r"Your card: (\d)", prompt)
        if card == "1":
            raise LookupError("no idea")
        gives, adds = re.findall(r'"(\w+)"', prompt.rsplit("Options: ", 1)[1].split("\n")[0])
        return re.findall(r'\{"id": .*\}', prompt)[-1].replace("<option>", adds if card == "3" else gives)

    player = TextPlayer("reader", raises_with_the_best, reasks=0)
    table = tabulate(player, KUHN, elicitation=Sampling(3, prior=1.0), tolerated=0.5)
    assert table.answers.failures == {Outcome.ERROR: 12}
    for state, row in rows(table).items():
        assert row[1] == pytest.approx({"0": 0.5, "1": 0.125, "2": 0.875}[state[0]])


def test_games_in_matrices_and_trees():
    ring = tabulate(player_from_spec("scripted:level1"), NormalFormEnv(RING))
    assert [behavior.tolist() for behavior in ring.behaviors] == [[1, 1, 0], [1, 0, 1]]
    tree = tabulate(UNIFORM, TreeEnv(ultimatum(2)))
    assert tree.answers.sources == {Source.WEIGHED: 4}
    assert tree.behaviors[0].tolist() == pytest.approx([1, 1 / 3, 1 / 3, 1 / 3])
    for make in (tabulate, PlayerPolicy):
        with pytest.raises(UnsupportedGameError, match="to be told in words"):
            make(UNIFORM, TrustDilemma())


def test_nobody_is_asked_about_a_forced_move():
    player = Unsure({}, name="nobody")
    game = NormalFormEnv(NormalFormGame.zero_sum([[1.0]]))
    table = tabulate(player, game)
    assert not player.asked
    assert table.answers.sources == {Source.FORCED: 2}
    assert table.answers.asked == 0


def test_tables_are_saved_as_any_policy(tmp_path):
    table = tabulate(scripted(EQUILIBRIUM), KUHN)
    uniform = tabulate(UNIFORM, KUHN)
    groups = [[a, b] for a, b in zip(table.policies, uniform.policies, strict=True)]
    save_population(tmp_path / "p.json", population_of_play(KUHN.game, groups, [[1, 0], [0.5, 0.5]]))
    players = load_population(tmp_path / "p.json").players()
    mean, variance = KUHN.moments(players)
    direct, _ = KUHN.moments([table.policies[0], groups[1][0]])
    half, _ = KUHN.moments([table.policies[0], groups[1][1]])
    assert mean == pytest.approx(0.5 * (direct + half))
    assert (variance > 0).all()


def test_progress_is_told():
    told = []
    tabulate(UNIFORM, KUHN, progress=lambda step, total, **_: told.append((step, total)))
    assert told == [(k, 12) for k in range(1, 13)]


class Drawn:
    """Answers and failures in a given order."""

    name = "drawn"

    def __init__(self, actions):
        self.actions = list(actions)

    async def decide(self, question):
        action = self.actions.pop()
        return Decision(outcome=Outcome.EMPTY) if action is None else Decision(action)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from([None, 0, 1]), min_size=1, max_size=20), st.floats(0.01, 100))
def test_a_distribution_comes_of_whatever_is_answered(actions, prior):
    shown = asyncio.run(Sampling(len(actions), prior).show(Drawn(actions), about(RING)))
    assert sum(shown.probabilities) == pytest.approx(1)
    assert min(shown.probabilities) > 0
    assert sum(shown.counts) + len(shown.failures) == len(actions)
    assert shown.counts == (actions.count(0), actions.count(1))
    assert (shown.source is Source.SUBSTITUTED) == (sum(shown.counts) == 0)
    assert shown.mass == pytest.approx(sum(shown.counts) / len(actions))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Sampling(0), "answers must be >= 1, got 0"),
        (lambda: Sampling(prior=0), "prior must be positive"),
        (lambda: tabulate(UNIFORM, KUHN, seed=-1), "seed must be >= 0"),
        (lambda: tabulate(UNIFORM, KUHN, tolerated=1.5), "tolerated must lie in"),
        (lambda: tabulate(UNIFORM, KUHN, concurrency=0), "concurrency must be >= 1"),
        (lambda: tabulate(UNIFORM, KUHN.game, max_histories=3), "max_histories"),
        (lambda: PlayerPolicy(UNIFORM, KUHN.game, tolerated=-1), "tolerated must lie in"),
        (lambda: asyncio.run(Sampling().show(UNIFORM, belief_about(RING, 1))), "must be about an action"),
        (lambda: asyncio.run(Weighing().show(UNIFORM, belief_about(RING, 1))), "must be about an action"),
        (
            lambda: PlayerPolicy(UNIFORM, KUHN.game).probabilities(NormalFormEnv(RING), (), 0),
            "game must be kuhn_poker",
        ),
        (
            lambda: PlayerPolicy(UNIFORM, NormalFormEnv(RING)).probabilities(NormalFormEnv(RING), (0, 0), 0),
            "move",
        ),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def cautious(body):
    """Reads its card in the last message of a request."""
    prompt = body["messages"][-1]["content"]
    (card,) = re.findall(r"Your card: (\d)", prompt)
    gives, adds = re.findall(r'"(\w+)"', prompt.rsplit("Options: ", 1)[1].split("\n")[0])
    return line(body, adds if card == "3" else gives)


def test_a_model_on_a_server_is_a_policy():
    with PlayingServer({"cautious": cautious}) as server:
        player = LanguagePlayer(OpenAIEndpoint(server.url, "cautious"), reasks=0)
        table = tabulate(player, KUHN, elicitation=Sampling(4))
        assert server.calls == {"cautious": 4 * 12}
        policy = PlayerPolicy(player, KUHN.game, elicitation=Sampling(4))
        for i, states in enumerate(KUHN.states):  # one talk after another, each in a loop of its own
            for state in states:
                row = policy.probabilities(KUHN.game, state, i)
                np.testing.assert_array_equal(row, table.policies[i].probabilities(KUHN.game, state, i))
    assert {state: round(row[1], 3) for state, row in rows(table).items()} == {
        state: 0.9 if state[0] == "2" else 0.1 for state in EQUILIBRIUM
    }


@pytest.mark.parametrize(
    ("model", "outcome", "calls"),
    [("refused-key", Outcome.REJECTED, 12), ("illegal-forever", Outcome.ILLEGAL, 36)],
)
def test_a_model_that_never_answers_has_no_table(model, outcome, calls):
    with PlayingServer() as server:
        player = LanguagePlayer(OpenAIEndpoint(server.url, model), reasks=0)
        with pytest.raises(UnansweredError, match=f"12 of 12 .*{calls} x {outcome.name}"):
            tabulate(player, KUHN, elicitation=Sampling(3), tolerated=0.9)
        assert server.calls[model] == calls
