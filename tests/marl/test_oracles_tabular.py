import numpy as np
import pytest

from games.adapters.normal_form_env import NormalFormEnv
from games.adapters.open_spiel import open_spiel_game
from games.adapters.open_spiel_tree import compile_open_spiel, tree_from_open_spiel
from games.adapters.tree_env import TreeEnv
from games.extensive.evaluation import best_response, expected_values
from games.normal_form import NormalFormGame
from marl.oracles import (
    CertaintyEquivalent,
    ConstantStep,
    EarlyStop,
    InverseVisits,
    LinearDecay,
    TabularQ,
)
from marl.policies import MixturePolicy, TabularPolicy, UniformPolicy, information_state_key
from marl.policies.in_trees import behaviors_of_policies, policy_of_behavior


def exact_shortfall(name, opponents, oracle, player, seed):
    """How much less than the best response the learned one earns, exactly."""
    game, form = open_spiel_game(name), compile_open_spiel(name)
    answer = oracle.respond(game, opponents, player, rng=np.random.default_rng(seed))
    seated = [answer.policy if i == player else p for i, p in enumerate(opponents)]
    best = best_response(form, behaviors_of_policies(game, form, opponents), player).value
    return best - expected_values(form, behaviors_of_policies(game, form, seated))[player], answer


@pytest.mark.parametrize("player", [0, 1])
@pytest.mark.parametrize("oracle", [TabularQ(8_000), CertaintyEquivalent(8_000)])
def test_learns_the_best_response_to_uniform_kuhn(oracle, player):
    shortfall, answer = exact_shortfall("kuhn_poker", [UniformPolicy()] * 2, oracle, player, 0)
    assert -1e-12 < shortfall < 0.01
    assert (answer.episodes, answer.stopped_early) == (8_000, False)


@pytest.mark.parametrize(
    ("oracle", "player", "error"), [(TabularQ(30_000), 0, 0.4), (CertaintyEquivalent(30_000), 1, 0.3)]
)
def test_comes_near_the_best_response_to_uniform_leduc(oracle, player, error):
    """The best responses earn 2.09 and 2.66."""
    shortfall, _ = exact_shortfall("leduc_poker", [UniformPolicy()] * 2, oracle, player, 1)
    assert -1e-9 < shortfall < error


@pytest.mark.parametrize("oracle", [TabularQ(10_000), CertaintyEquivalent(10_000)])
def test_learns_from_what_it_sees_of_a_mixture(oracle):
    """Against always-bet or always-pass, drawn per episode, the best response reads the first move."""
    form = compile_open_spiel("kuhn_poker")
    always = [policy_of_behavior(form, 0, _constant(form, 0, k), 2) for k in (0, 1)]
    mixture = MixturePolicy(tuple(always), [0.4, 0.6])
    shortfall, _ = exact_shortfall("kuhn_poker", [mixture, UniformPolicy()], oracle, 1, 2)
    assert -1e-12 < shortfall < 0.01


def _constant(form, player, move):
    behavior = np.zeros(form.num_sequences[player])
    behavior[0] = 1.0
    behavior[form.treeplexes[player].start[:-1] + move] = 1.0
    return behavior


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("shift", [-10.0, 0.0, 10.0])
def test_simultaneous_moves_in_any_unit(scale, shift):
    payoffs = scale * (np.array([[1.0, 2.0, 0.0], [0.0, 9.0, 0.0]]) + shift)
    game = NormalFormEnv(NormalFormGame.bimatrix(payoffs, -payoffs))
    opponents = (UniformPolicy(), TabularPolicy())
    for oracle in (
        TabularQ(400, step=InverseVisits(1.0)),
        TabularQ(400, step=ConstantStep(0.02)),
        CertaintyEquivalent(400),
    ):
        answer = oracle.respond(game, opponents, 0, rng=np.random.default_rng(0))
        assert answer.policy.probabilities(game, (), 0).tolist() == [0.0, 1.0]


def test_the_estimate_is_that_of_the_response():
    """Column 2 against (1/4, 3/4): mean 3/4 * 4 = 3, variance 3/16 * 16 = 3."""
    payoffs = np.array([[0.0, 0.0], [1.0, 4.0]])
    game = NormalFormEnv(NormalFormGame.bimatrix(payoffs, payoffs))
    opponents = (
        MixturePolicy((TabularPolicy({_key(game): np.eye(2)[0]}), _second(game)), [0.25, 0.75]),
        None,
    )
    answer = TabularQ(200, evaluation=20_000).respond(game, opponents, 1, rng=np.random.default_rng(3))
    assert answer.estimate.episodes == 20_000
    assert abs(answer.estimate.mean[1] - 3.0) < 5 * answer.estimate.standard_error[1]
    np.testing.assert_allclose(answer.estimate.variance[1], 3.0, rtol=0.05)


def _key(game):
    return game.observe((), 0).tobytes()


def _second(game):
    return TabularPolicy({_key(game): np.array([0.0, 1.0])})


def test_any_env_game_and_either_key_give_the_same_answer():
    """The same game by its tree and by OpenSpiel: other observations and chance draws, one best response."""
    tree = TreeEnv(tree_from_open_spiel("kuhn_poker"))
    by_tree = TabularQ(8_000, evaluation=4_000).respond(
        tree, [UniformPolicy()] * 2, 1, rng=np.random.default_rng(0)
    )
    assert abs(by_tree.estimate.mean[1] - 5 / 12) < 5 * by_tree.estimate.standard_error[1]
    oracle = TabularQ(8_000, key=information_state_key)
    shortfall, answer = exact_shortfall("kuhn_poker", [UniformPolicy()] * 2, oracle, 1, 0)
    assert shortfall < 0.01
    assert b"0p" in answer.policy.table


def test_equal_seeds_give_equal_answers_and_stop_early():
    game = open_spiel_game("kuhn_poker")
    oracle = TabularQ(50_000, LinearDecay(1.0, 0.2, 0.1), early_stop=EarlyStop(1_000, 4))
    one, two, other = (
        oracle.respond(game, [UniformPolicy()] * 2, 0, rng=np.random.default_rng(s)) for s in (7, 7, 8)
    )
    assert one.stopped_early
    assert one.episodes == two.episodes < 50_000
    assert one.policy.arrays().keys() == two.policy.arrays().keys()
    for name, array in one.policy.arrays().items():
        np.testing.assert_array_equal(array, two.policy.arrays()[name])
    np.testing.assert_array_equal(one.estimate.mean, two.estimate.mean)
    assert not np.array_equal(one.estimate.mean, other.estimate.mean)


def test_certainty_equivalence_counts_exactly():
    """One action per key: the response is known, and its worth is the sample mean of the payoffs."""
    payoffs = np.array([[1.0, 2.0], [3.0, 8.0]])
    game = NormalFormEnv(NormalFormGame.bimatrix(payoffs, payoffs))
    oracle = CertaintyEquivalent(100, solves=1)
    one, two = (oracle.respond(game, [UniformPolicy()] * 2, 0, rng=np.random.default_rng(3)) for _ in "12")
    assert one.policy.probabilities(game, (), 0).tolist() == [0.0, 1.0]
    np.testing.assert_array_equal(one.estimate.mean, two.estimate.mean)


def test_certainty_equivalence_where_observations_forget():
    """Who sees nothing while a ball falls has one key for all decisions: its value feeds back into itself."""
    game = open_spiel_game("catch(rows=5,columns=3)")
    answer = CertaintyEquivalent(300, key=_blind).respond(
        game, [UniformPolicy()], 0, rng=np.random.default_rng(0)
    )
    assert list(answer.policy.table) == [b""]


def _blind(game, state, player):
    return b""


@pytest.mark.parametrize("oracle", [TabularQ(500), CertaintyEquivalent(500)])
def test_packed_policies_play_the_same(oracle):
    game = open_spiel_game("kuhn_poker")
    answer = oracle.respond(game, [UniformPolicy()] * 2, 0, rng=np.random.default_rng(0))
    again = oracle.unpack(oracle.pack(answer.policy))
    assert answer.policy.table.keys() == again.table.keys()
    for key, row in answer.policy.table.items():
        np.testing.assert_array_equal(row, again.table[key])
    with pytest.raises(ValueError, match="rows"):
        oracle.unpack({"keys": np.zeros(1, np.uint8), "lengths": np.ones(1, np.int64)})


def test_names_tell_settings_apart():
    oracles = [TabularQ(), TabularQ(5), TabularQ(step=ConstantStep(0.1)), TabularQ(early_stop=EarlyStop())]
    oracles += [TabularQ(key=information_state_key), TabularQ(epsilon=LinearDecay(end=0.2))]
    oracles += [CertaintyEquivalent(), CertaintyEquivalent(5), CertaintyEquivalent(solves=3)]
    assert len({oracle.name for oracle in oracles}) == len(oracles)


def test_schedules():
    assert [LinearDecay(1.0, 0.2, 0.5)(x) for x in (0.0, 0.25, 0.5, 1.0)] == pytest.approx([1, 0.6, 0.2, 0.2])
    assert LinearDecay(1.0, 0.3, 0.0)(0.0) == 0.3
    assert [InverseVisits(1.0)(n) for n in (1, 2, 4)] == [1.0, 0.5, 0.25]
    assert [ConstantStep(0.1)(n) for n in (1, 2)] == [1.0, 0.1]


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: TabularQ(0), "episodes"),
        (lambda: TabularQ(evaluation=1), "evaluation"),
        (lambda: CertaintyEquivalent(0), "episodes"),
        (lambda: CertaintyEquivalent(solves=0), "solves"),
        (lambda: CertaintyEquivalent(evaluation=1), "evaluation"),
        (lambda: LinearDecay(start=1.5), "start"),
        (lambda: LinearDecay(fraction=float("nan")), "fraction"),
        (lambda: InverseVisits(0.5), "power"),
        (lambda: ConstantStep(0.0), "rate"),
        (lambda: ConstantStep(float("nan")), "rate"),
        (lambda: EarlyStop(every=0), "every"),
        (lambda: EarlyStop(share=1.0), "share"),
    ],
)
def test_bad_settings(make, word):
    with pytest.raises(ValueError, match=word):
        make()


def test_bad_opponents():
    game, rng = open_spiel_game("kuhn_poker"), np.random.default_rng(0)
    with pytest.raises(ValueError, match="wanted 2, got 1"):
        TabularQ().respond(game, [UniformPolicy()], 0, rng=rng)
    with pytest.raises(ValueError, match="player"):
        TabularQ().respond(game, [UniformPolicy()] * 2, 2, rng=rng)
    broken = TabularPolicy({}, key=information_state_key)
    broken.table[b"0"] = np.array([0.7, 0.7])
    with pytest.raises(ValueError, match="policy of player 0"):
        TabularQ().respond(game, [broken, UniformPolicy()], 1, rng=rng)
