"""Players in pools and populations, against closed forms and independent tools."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from open_spiel.python import policy as spiel_policy
from open_spiel.python.algorithms import exploitability as spiel_exploitability

from games.adapters.normal_form_env import NormalFormEnv
from games.adapters.open_spiel import open_spiel_game
from games.empirical import RiskSource
from games.errors import UnsupportedGameError
from games.normal_form import NormalFormGame
from games.normal_form.risk import RiskAversion
from games.results import Status
from marl.oracles import TabularQ
from marl.players import PlayerPolicy, Sampling, ScriptedPlayer, tabulate
from marl.policies import MixturePolicy, TabularPolicy, UniformPolicy, information_state_key
from marl.populations import compile_game
from marl.rollouts.cross_play import cross_play
from solvers.psro import (
    AlphaRankMetaSolver,
    EmpiricalRiskMetaSolver,
    NashMetaSolver,
    run_psro,
    run_sampled_psro,
)
from solvers.psro.sampled.allocation import UniformAllocation
from solvers.rationality.metrics.ratings import fit_bradley_terry
from solvers.rationality.populations import (
    Participant,
    best_responses,
    learnt_exploits,
    matches_among,
    meetings,
    participant_of,
    play_pool,
    player_exploitability,
    rate_pool,
    starting_behaviors,
    weigh_pool,
)
from solvers.report import plot_weights, weights_table
from tests.marl.players.kuhn import EQUILIBRIUM, KUHN, HalfWeighing, scripted

TIMID = {state: 0.9 if state[0] == "2" else 0.1 for state in EQUILIBRIUM}
UNIFORM = Participant("uniform", (UniformPolicy(), UniformPolicy()))


def rng(seed=0):
    return np.random.default_rng(seed)


def always(action):
    return ScriptedPlayer(f"always {action}", lambda question: np.eye(len(question.options))[action])


def pure_pool(payoffs):
    """Everybody who plays one action of a game of two seats, by asking them."""
    compiled = compile_game(NormalFormEnv(NormalFormGame(np.asarray(payoffs, dtype=float))))
    actions = range(compiled.game.num_actions(0))
    return play_pool(compiled, [participant_of(tabulate(always(k), compiled)) for k in actions], rng=rng())


@pytest.fixture(scope="module")
def timid():
    return participant_of(tabulate(scripted(TIMID), KUHN), "timid")


@pytest.fixture(scope="module")
def nash():
    return participant_of(tabulate(scripted(EQUILIBRIUM), KUHN), "nash")


def test_pools_of_pure_players_are_the_game():
    rock_paper_scissors = np.array([[0, -1, 2], [1, 0, -1], [-2, 1, 0]])
    pool = pure_pool([rock_paper_scissors, -rock_paper_scissors])
    np.testing.assert_array_equal(pool.payoffs.means[0], rock_paper_scissors)
    result = weigh_pool(pool)
    np.testing.assert_allclose(result.unwrap(), [[0.25, 0.5, 0.25]] * 2, atol=1e-9)
    assert result.status is Status.CERTIFIED
    assert (result.certificate.measure, result.certificate.confidence) == ("restricted_nash_conv", 1.0)
    assert result.certificate.bound <= 1e-9


def test_exact_pools_are_cross_play(timid, nash):
    entrants = [
        timid,
        nash,
        Participant(
            "half", (MixturePolicy((UniformPolicy(), nash.policies[0]), [0.5, 0.5]), nash.policies[1])
        ),
    ]
    pool = play_pool(KUHN, entrants, rng=rng())
    wanted = cross_play(KUHN.game, [(e.name, e.policies) for e in entrants], compiled=KUHN, rng=rng())
    found = meetings(pool)
    np.testing.assert_allclose(found.means, wanted.means, atol=1e-12)
    np.testing.assert_allclose(found.variances, wanted.variances, atol=1e-12)
    assert found.exact
    assert (found.errors == 0).all()
    assert found.names == ("timid", "nash", "half")


def test_sampled_pools_come_near_and_repeat_themselves(timid, nash):
    exact = play_pool(KUHN, [timid, nash, UNIFORM], rng=rng()).payoffs
    first, again = (play_pool(KUHN.game, [timid, nash, UNIFORM], episodes=300, rng=rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first.payoffs.means, again.payoffs.means)
    errors = np.sqrt(first.payoffs.mean_variance)
    assert (np.abs(first.payoffs.means - exact.means) <= 4 * errors).all()
    assert meetings(first).episodes == 300
    result = weigh_pool(first)
    assert result.status is Status.LIMIT
    assert result.certificate.confidence == 0.95
    # The bound speaks of the true payoffs: it holds in the exact table.
    x, y = result.unwrap()
    regret = (exact.means[0] @ y).max() + (exact.means[1].T @ x).max()
    assert regret <= result.certificate.bound


def test_a_player_that_is_asked_while_it_plays_meets_others_as_its_table_does(timid):
    policy = PlayerPolicy(scripted(TIMID), KUHN.game)
    asked = Participant("timid", (policy, policy))
    pools = [play_pool(KUHN.game, [one, UNIFORM], episodes=50, rng=rng(2)) for one in (asked, timid)]
    np.testing.assert_array_equal(pools[0].payoffs.means, pools[1].payoffs.means)


def test_risk_aversion_takes_weight_from_a_risky_player():
    r"""Closed form. The other's better action is the second, and a tremble of .2 plays the first with .1.

    The first row pays (-5, 3), of mean 2.2 and variance 5.76, the second 1: the weight w of the first
    maximises 1.2 w - 5.76 gamma w^2, so w = min(1, .104 / gamma).
    """
    pool = pure_pool([[[-5, 3], [1, 1]], [[0, 1], [0, 1]]])
    weights = []
    for gamma in (0.0, 0.1, 0.2, 0.5, 1.0, 4.0):
        solver = EmpiricalRiskMetaSolver(RiskAversion(gamma, tremble=0.2), RiskSource.BETWEEN)
        result = weigh_pool(pool, solver)
        assert result.certificate.bound <= 1e-6
        assert result.certificate.measure == "restricted_risk_nash_conv"
        weights.append(result.unwrap()[0][0])
    assert weights[:2] == pytest.approx([1, 1], abs=1e-6)
    assert weights[2:] == pytest.approx([1.2 / (11.52 * gamma) for gamma in (0.2, 0.5, 1.0, 4.0)], abs=1e-5)


def test_alpha_rank_leaves_who_is_dominated():
    prisoners = pure_pool([[[3, 0], [5, 1]], [[3, 5], [0, 1]]])
    profile = weigh_pool(prisoners, AlphaRankMetaSolver()).unwrap()
    np.testing.assert_allclose(profile, [[0, 1], [0, 1]], atol=1e-5)
    with pytest.raises(UnsupportedGameError, match="constant-sum"):
        weigh_pool(prisoners, NashMetaSolver())


def test_ratings_say_who_is_better_in_both_seats(timid, nash):
    ratings = rate_pool(play_pool(KUHN, [UNIFORM, timid, nash], rng=rng()))
    np.testing.assert_allclose(ratings.advantages, -ratings.advantages.T, atol=1e-15)
    assert (ratings.advantages[2] >= -1e-12).all()  # nobody has an advantage over an equilibrium
    assert ratings.nash.weights == pytest.approx([0, 0, 1], abs=1e-6)
    assert ratings.nash.skills == pytest.approx(ratings.advantages[:, 2], abs=1e-6)
    assert np.argmax(ratings.alpha_rank) == 2
    three = compile_game(open_spiel_game("kuhn_poker(players=3)"))
    somebody = Participant("uniform", (UniformPolicy(),) * 3)
    pool = play_pool(three, [somebody, Participant("again", somebody.policies)], rng=rng())
    assert pool.payoffs.sizes == (2, 2, 2)
    with pytest.raises(UnsupportedGameError, match="two seats"):
        rate_pool(pool)
    with pytest.raises(UnsupportedGameError, match="two seats"):
        matches_among(three.game, pool.participants, episodes=1, rng=rng())


def test_matches_give_strengths():
    """The greater number wins: one player always takes 1, the other 2 with odds of 7 to 3, else 0."""
    values = np.arange(3)
    game = NormalFormEnv(NormalFormGame.zero_sum(np.sign(values[:, None] - values).astype(float)))
    fixed = [participant_of(tabulate(always(k), game)) for k in range(3)]
    matches = matches_among(game, fixed, episodes=5, rng=rng())
    assert matches.first.size == 30
    assert set(zip(matches.first.tolist(), matches.second.tolist(), matches.score.tolist(), strict=True)) == {
        (a, b, float(a > b)) for a in range(3) for b in range(3) if a != b
    }
    mixed = participant_of(tabulate(ScriptedPlayer("mixed", lambda _: np.array([0.3, 0, 0.7])), game))
    matches = matches_among(game, [mixed, fixed[1]], episodes=600, rng=rng())
    fit = fit_bradley_terry(matches, rng=rng(), resamples=20)
    assert fit.finite
    assert fit.strengths[0] - fit.strengths[1] == pytest.approx(np.log(7 / 3), abs=4 * 0.063)


@pytest.mark.parametrize("chances", [TIMID, dict.fromkeys(TIMID, 0.5), EQUILIBRIUM])
def test_what_best_responses_gain_is_what_open_spiel_finds(chances):
    table = tabulate(scripted(chances), KUHN)
    exploits = best_responses(KUHN, participant_of(table))
    reference = spiel_policy.TabularPolicy(KUHN.game.spiel_game)
    for state, row in reference.state_lookup.items():
        reference.action_probability_array[row] = [1 - chances[state], chances[state]]
    distance = spiel_exploitability.nash_conv(KUHN.game.spiel_game, reference)
    assert exploits.certificate.bound == pytest.approx(distance, abs=1e-12)
    assert exploits.gains.sum() == pytest.approx(distance, abs=1e-12)
    pool = play_pool(KUHN, [participant_of(table, "player"), exploits.participant("exploiter")], rng=rng())
    gains = [
        pool.payoffs.means[0, 1, 0] - exploits.values[0],
        pool.payoffs.means[1, 0, 1] - exploits.values[1],
    ]
    assert gains == pytest.approx(exploits.gains, abs=1e-12)


def test_an_oracle_learns_to_exploit_a_player_but_no_more_than_all(timid):
    most = best_responses(KUHN, timid).gains
    policy = PlayerPolicy(scripted(TIMID), KUHN.game)  # it is asked while the oracle plays
    oracle = TabularQ(4000, evaluation=200)
    found = learnt_exploits(KUHN, Participant("timid", (policy, policy)), oracle, rng=rng())
    for exploit in found:
        assert 0.5 * most[exploit.seat] <= exploit.gain <= most[exploit.seat] + 1e-12
        assert exploit.standard_error == 0
        assert exploit.episodes == 4000
    sampled = learnt_exploits(KUHN.game, timid, oracle, rng=rng(), episodes=2000)
    for exact, noisy in zip(found, sampled, strict=True):
        assert noisy.policy.table.keys() == exact.policy.table.keys()  # the same learning, otherwise measured
        assert abs(noisy.gain - exact.gain) <= 4 * noisy.standard_error
        assert noisy.standard_error > 0


def test_exploitability_of_players_who_say_and_who_do_not():
    truth = best_responses(KUHN, participant_of(tabulate(scripted(TIMID), KUHN))).certificate.bound
    said = player_exploitability(tabulate(scripted(TIMID), KUHN), rng=rng())
    assert said.value == said.interval.low == said.interval.high == pytest.approx(truth)
    sampled = tabulate(scripted(TIMID), KUHN, elicitation=Sampling(60))
    shown = player_exploitability(sampled, rng=rng(), draws=200)
    assert shown.interval.low <= truth <= shown.interval.high
    assert 0 < shown.interval.high - shown.interval.low < 1
    # With all but one state told, what is left to doubt is little.
    nearly = tabulate(HalfWeighing(TIMID, ("0p",)), KUHN, elicitation=None)
    less = player_exploitability(nearly, rng=rng(), draws=200)
    assert less.interval.low <= truth <= less.interval.high
    assert less.interval.high - less.interval.low < 0.5 * (shown.interval.high - shown.interval.low)


def test_psro_begins_with_the_players_and_leaves_them(timid):
    starts = starting_behaviors(KUHN, [timid, UNIFORM])
    first = run_psro(KUHN.form, policies=starts, iterations=0).unwrap()
    assert first.profile[0] == pytest.approx([1, 0])  # of the two, the timid one is the stronger
    result = run_psro(KUHN.form, policies=starts)
    assert result.certificate.bound <= 1e-9
    solution = result.unwrap()
    direct = best_responses(KUHN, timid)
    assert solution.meta_game.payoffs[0, 0, 0] == pytest.approx(direct.values[0])
    # The first answers are the exact exploiters of what was weighed, and beat it by as much.
    assert solution.meta_game.payoffs[0, 2, 0] - direct.values[0] == pytest.approx(direct.gains[0])
    assert solution.profile[0][0] == pytest.approx(0, abs=1e-9)


def test_sampled_psro_begins_with_the_players(timid):
    result = run_sampled_psro(
        KUHN.game,
        oracle=TabularQ(500, evaluation=50),
        allocation=UniformAllocation(50),
        iterations=1,
        verification=20,
        policies=[[timid.policies[i], UniformPolicy()] for i in range(2)],
        rng=rng(),
    )
    solution = result.unwrap()
    assert solution.policies[0][0] is timid.policies[0]
    assert solution.empirical.sizes == (3, 3)
    assert np.isfinite(result.certificate.bound)


def test_weights_are_shown():
    weights = {
        "at first": (np.array([0.25, 0.75]), np.array([1.0, 0.0])),
        "later": (np.eye(3)[2], np.eye(3)[0]),
    }
    table = weights_table(["a", "b", "c"], weights)
    assert [list(column.cells) for column in table.columns] == [
        ["a", "b", "c"],
        ["0.250", "0.750", "-"],
        ["1.000", "0.000", "-"],
        ["0.000", "0.000", "1.000"],
        ["1.000", "0.000", "0.000"],
    ]
    figure = plot_weights(["a", "b", "c"], weights, title="weights")
    assert isinstance(figure, Figure)
    widths = [bar.get_width() for bar in figure.axes[0].patches]
    assert widths == [0.25, 0.75, 0, 0, 1]
    with pytest.raises(ValueError, match="'later' weighs 3, got 2"):
        weights_table(["a", "b"], weights)
    with pytest.raises(ValueError, match="same number of seats"):
        plot_weights(["a", "b", "c"], {**weights, "alone": (np.ones(1),)})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: play_pool(KUHN, [], rng=rng()), "distinct names"),
        (lambda: play_pool(KUHN, [UNIFORM, UNIFORM], rng=rng()), "distinct names"),
        (lambda: play_pool(KUHN, [Participant("one", (UniformPolicy(),))], rng=rng()), "must fill 2 seats"),
        (lambda: play_pool(KUHN.game, [UNIFORM], episodes=1, rng=rng()), "episodes must be at least 2"),
        (lambda: best_responses(KUHN, Participant("one", (UniformPolicy(),))), "must fill 2 seats"),
        (lambda: matches_among(KUHN.game, [UNIFORM], episodes=1, rng=rng()), "at least two"),
        (
            lambda: best_responses(
                KUHN,
                Participant(
                    "bad", (TabularPolicy({b"0": np.zeros(2)}, information_state_key), UniformPolicy())
                ),
            ),
            "must give a distribution",
        ),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
