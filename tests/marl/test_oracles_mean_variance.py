"""Mean-variance responses, warm starts and what the tabular oracles share."""

import itertools

import numpy as np
import pytest

from games.adapters.normal_form_env import NormalFormEnv
from games.adapters.open_spiel import open_spiel_game
from games.adapters.tree_env import TreeEnv
from games.extensive.builder import TreeBuilder
from games.normal_form import NormalFormGame
from marl.oracles import EarlyStop, MeanVarianceResponse, TabularQ, WarmStart
from marl.oracles.valued_policy import ValuedPolicy
from marl.policies import MixturePolicy, TabularPolicy, UniformPolicy


def gambles():
    """One decision after a coin that is seen; each arm is a gamble of known odds."""
    builder = TreeBuilder("gambles", ["gambler"])
    coin = builder.chance(None, {"heads": 0.5, "tails": 0.5})
    arms = {"sure": {4.0: 1.0}, "even": {0.0: 0.5, 10.0: 0.5}, "long": {0.0: 0.9, 60.0: 0.1}}
    for side, shift in (("heads", 0.0), ("tails", 3.0)):
        choice = builder.decision(coin[side], 0, side, list(arms))
        for arm, odds in arms.items():
            luck = builder.chance(choice[arm], {f"{x:g}": p for x, p in odds.items()})
            for x in odds:
                builder.terminal(luck[f"{x:g}"], [x + shift])
    moments = {
        arm: (sum(p * x for x, p in odds.items()), sum(p * x * x for x, p in odds.items()))
        for arm, odds in arms.items()
    }
    return TreeEnv(builder.build()), list(arms), moments


def exact_worth(pair, arms, moments, gamma):
    """E R - gamma Var R of the arms chosen after heads and after tails."""
    parts = [(*moments[arms[k]], shift) for k, shift in zip(pair, (0.0, 3.0), strict=True)]
    mean = sum(0.5 * (m + shift) for m, _, shift in parts)
    second = sum(0.5 * (s + 2 * shift * m + shift**2) for m, s, shift in parts)
    return mean - gamma * (second - mean**2)


@pytest.mark.parametrize("gamma", [0.0, 0.01, 0.03, 0.1, 1.0])
def test_it_is_the_best_of_all_policies(gamma):
    """Nine deterministic policies: the variance couples the two decisions, so no Bellman equation holds."""
    env, arms, moments = gambles()
    answer = MeanVarianceResponse(gamma, 20_000, evaluation=2).respond(
        env, [UniformPolicy()], 0, rng=np.random.default_rng(0)
    )
    states = {}
    for seed in range(20):
        state = env.initial(np.random.default_rng(seed))
        states[env.observe(state, 0).tobytes()] = state
    assert len(states) == 2
    rows = [answer.policy.probabilities(env, state, 0) for state in states.values()]
    found = tuple(int(row.argmax()) for row in rows)
    # Which of the two states is heads does not show in the observation's bytes: the better order counts.
    worth = max(exact_worth(order, arms, moments, gamma) for order in (found, found[::-1]))
    best = max(exact_worth(pair, arms, moments, gamma) for pair in itertools.product(range(3), repeat=2))
    assert worth > best - 0.02 * (1 + abs(best))


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("shift", [-1e3, 0.0, 1e3])
def test_in_any_unit_and_whatever_the_offset(scale, shift):
    """Row 0 pays 0 or 10, row 1 pays 4: the mean prefers the first, variance 25 priced at 0.1 the second."""
    payoffs = scale * (np.array([[0.0, 10.0], [4.0, 4.0]]) + shift)
    game = NormalFormEnv(NormalFormGame.bimatrix(payoffs, -payoffs))
    for gamma, row in ((0.0, 0), (0.01, 0), (0.1, 1)):
        answer = MeanVarianceResponse(gamma / scale, 400, evaluation=2).respond(
            game, [UniformPolicy()] * 2, 0, rng=np.random.default_rng(0)
        )
        assert answer.policy.probabilities(game, (), 0)[row] == 1.0


def test_several_targets_find_what_one_misses():
    """All safe (variance 0, mean 4) and all risky are both stable under taking turns; the better one wins."""
    env, arms, moments = gambles()
    gamma = 0.0112
    worths = [exact_worth(pair, arms, moments, gamma) for pair in itertools.product(range(3), repeat=2)]
    answer = MeanVarianceResponse(gamma, 40_000, evaluation=50_000).respond(
        env, [UniformPolicy()], 0, rng=np.random.default_rng(1)
    )
    reached = answer.estimate.mean[0] - gamma * answer.estimate.variance[0]
    assert reached > max(worths) - 0.25


def test_who_never_moves_has_an_answer_too():
    builder = TreeBuilder("spectator", ["actor", "spectator"])
    choice = builder.decision(None, 0, "choice", ["a", "b"])
    builder.terminal(choice["a"], (1, 1))
    builder.terminal(choice["b"], (0, 3))
    env = TreeEnv(builder.build())
    answer = MeanVarianceResponse(1.0, 50).respond(
        env, [UniformPolicy()] * 2, 1, rng=np.random.default_rng(0)
    )
    assert answer.policy.table == {}
    assert answer.estimate.mean[1] == pytest.approx(2.0, abs=0.2)


def test_mean_variance_answers_are_packed_and_named_apart():
    game = open_spiel_game("kuhn_poker")
    oracle = MeanVarianceResponse(0.1, 200)
    one, two = (oracle.respond(game, [UniformPolicy()] * 2, 0, rng=np.random.default_rng(3)) for _ in "12")
    again = oracle.unpack(oracle.pack(one.policy))
    assert again.table.keys() == two.policy.table.keys()
    for key, row in two.policy.table.items():
        np.testing.assert_array_equal(again.table[key], row)
    oracles = [oracle, MeanVarianceResponse(0.2, 200), MeanVarianceResponse(0.1, 200, targets=2)]
    assert len({o.name for o in oracles}) == 3


def test_a_warm_start_knows_what_was_learned_before():
    """After one episode, a fresh learner knows next to nothing and a warm one plays the old response."""
    game, rng = open_spiel_game("kuhn_poker"), np.random.default_rng(0)
    opponents = [UniformPolicy()] * 2
    learned = TabularQ(8_000, warm=WarmStart()).respond(game, opponents, 0, rng=rng).policy
    assert isinstance(learned, ValuedPolicy)
    seats = [MixturePolicy((UniformPolicy(), learned), [0.3, 0.7]), UniformPolicy()]
    # Two hundred episodes: a fresh table is nearly random, a warm one nearly the old response.
    warm, fresh = (
        TabularQ(200, warm=start, evaluation=4_000).respond(game, seats, 0, rng=np.random.default_rng(1))
        for start in (WarmStart(200), None)
    )
    again = TabularQ(1, evaluation=4_000).respond(game, seats, 0, rng=np.random.default_rng(1))
    assert warm.estimate.mean[0] > 0.5 - 0.1  # the best response to uniform play earns 1/2
    assert warm.estimate.mean[0] > again.estimate.mean[0] + 0.2
    assert warm.estimate.mean[0] >= fresh.estimate.mean[0] - 0.05
    # Where nothing is inherited a warm learner is a fresh one.
    plain = TabularQ(200).respond(game, opponents, 0, rng=np.random.default_rng(2))
    cold = TabularQ(200, warm=WarmStart()).respond(game, opponents, 0, rng=np.random.default_rng(2))
    for key, row in plain.policy.table.items():
        np.testing.assert_array_equal(cold.policy.table[key], row)


def test_inherited_values_are_forgotten_where_they_are_wrong():
    payoffs = np.array([[1.0, 1.0], [3.0, 3.0]])
    game = NormalFormEnv(NormalFormGame.bimatrix(payoffs, payoffs))
    key = game.observe((), 0).tobytes()
    wrong = ValuedPolicy({key: np.array([1.0, 0.0])}, values={key: np.array([9.0, -9.0])})
    answer = TabularQ(400, early_stop=EarlyStop(100, 3), warm=WarmStart(5)).respond(
        game, [wrong, UniformPolicy()], 0, rng=np.random.default_rng(0)
    )
    assert answer.policy.probabilities(game, (), 0).tolist() == [0.0, 1.0]
    np.testing.assert_allclose(answer.policy.values[key], [1.0, 3.0], atol=1.5)


def test_valued_policies_survive_arrays():
    oracle = TabularQ(300, warm=WarmStart())
    game = open_spiel_game("kuhn_poker")
    policy = oracle.respond(game, [UniformPolicy()] * 2, 1, rng=np.random.default_rng(0)).policy
    again = oracle.unpack(oracle.pack(policy))
    assert again.values.keys() == policy.values.keys()
    for key, row in policy.values.items():
        np.testing.assert_array_equal(again.values[key], row)
        np.testing.assert_array_equal(again.table[key], policy.table[key])
    with pytest.raises(ValueError, match="lack"):
        oracle.unpack(TabularPolicy(policy.table).arrays())


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: MeanVarianceResponse(-1.0), "gamma"),
        (lambda: MeanVarianceResponse(float("nan")), "gamma"),
        (lambda: MeanVarianceResponse(1.0, 0), "episodes"),
        (lambda: MeanVarianceResponse(1.0, solves=0), "solves"),
        (lambda: MeanVarianceResponse(1.0, targets=0), "targets"),
        (lambda: MeanVarianceResponse(1.0, evaluation=1), "evaluation"),
        (lambda: WarmStart(0), "visits"),
    ],
)
def test_bad_settings(make, word):
    with pytest.raises(ValueError, match=word):
        make()


def test_bad_seats():
    game, rng = open_spiel_game("kuhn_poker"), np.random.default_rng(0)
    for oracle in (TabularQ(warm=WarmStart()), MeanVarianceResponse(1.0)):
        with pytest.raises(ValueError, match="player"):
            oracle.respond(game, [UniformPolicy()] * 2, 2, rng=rng)
