"""Populations come back from disk as they were."""

import json

import numpy as np
import pytest

from games.adapters.open_spiel import open_spiel_game
from games.adapters.tree_env import TreeEnv
from games.driving.merge import MergeGame, small_merge
from games.errors import UnsupportedGameError
from games.extensive import expected_values, fold, payoff_variances, uniform_behaviors
from games.extensive.builder import TreeBuilder
from games.gridworlds.trust_dilemma import TrustDilemma, small_trust_dilemma
from games.loading import load_game
from marl.oracles import TabularQ
from marl.oracles.valued_policy import ValuedPolicy
from marl.policies import TabularPolicy, UniformPolicy, information_state_key, observation_key
from marl.policies.in_trees import behaviors_of_policies
from marl.populations import (
    RecallGame,
    load_population,
    playable,
    population_of_plans,
    population_of_play,
    save_population,
    with_recall,
)
from marl.populations.fingerprints import common_game, play_fingerprint
from marl.rollouts import estimate_returns
from solvers.psro import run_sampled_psro
from tests.stored_populations import played_population, random_plans, table, tree_population

NAMES = ["kuhn_poker", "goofspiel(num_cards=3,imp_info=True)", "stag-hunt", "matrix_rps", "centipede"]
ENVIRONMENTS = ["trust-dilemma-small", "merge-small"]


@pytest.mark.parametrize("name", NAMES + ENVIRONMENTS)
def test_a_population_over_a_tree_comes_back_and_is_worth_the_same(tmp_path, name):
    form, plans, profile, population = tree_population(name)
    save_population(tmp_path / "p.json", population)
    again = load_population(tmp_path / "p.json")
    assert type(again.game) is type(population.game)
    assert again.solver == "by hand"
    for one, two in zip(population.policies, again.policies, strict=True):
        for a, b in zip(one, two, strict=True):
            np.testing.assert_array_equal(a.behavior, b.behavior)
    # What the mixture of plans is worth, computed from the plans alone.
    mixed = [np.asarray(x) @ np.array(p) for x, p in zip(profile, plans, strict=True)]
    payoff = [
        sum(
            form.payoff[i, e] * np.prod([mixed[j][form.sequences[j, e]] for j in range(form.num_players)])
            for e in range(form.weight.size)
        )
        for i in range(form.num_players)
    ]
    means, variances = again.compiled().moments(again.players())
    np.testing.assert_allclose(means, payoff, atol=1e-12)
    sampled = estimate_returns(again.game, again.players(), 600, rng=np.random.default_rng(1))
    assert np.all(np.abs(sampled.mean - means) <= 4.5 * np.sqrt(variances / 600) + 1e-12)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_play_that_remembers_is_play_in_the_tree(name):
    """A behavior that depends on the whole past plays alike in the environment and in its tree."""
    form, _, _, population = tree_population(name)
    assert isinstance(population.game, RecallGame)
    tree = TreeEnv(load_game(name).game)
    rng = np.random.default_rng(3)
    pair = [group[1] for group in population.policies]
    one = estimate_returns(population.game, pair, 1_500, rng=rng)
    two = estimate_returns(tree, pair, 1_500, rng=rng)
    behaviors = [policy.behavior for policy in pair]
    exact, spread = expected_values(form, behaviors), payoff_variances(form, behaviors)
    for estimate in (one, two):
        assert np.all(np.abs(estimate.mean - exact) <= 4.5 * np.sqrt(spread / 1_500) + 1e-12)


@pytest.mark.parametrize(
    "game",
    [
        open_spiel_game("kuhn_poker(players=3)"),
        open_spiel_game("tic_tac_toe"),
        MergeGame(late=0.1),
        TrustDilemma(stag_roams=True, sight=2, horizon=5),
        with_recall(small_merge()),
        TreeEnv(load_game("beer-quiche").game),
        playable(load_game("shapley")),
    ],
    ids=lambda game: game.name,
)
def test_a_population_of_tables_and_networks_plays_the_same_after_the_way_to_disk(tmp_path, game):
    population = played_population(game)
    save_population(tmp_path / "p.json", population)
    again = load_population(tmp_path / "p.json")
    assert type(again.game) is type(game)
    assert again.game.name == game.name
    one, two = (
        estimate_returns(p.game, p.players(), 40, rng=np.random.default_rng(5)) for p in (population, again)
    )
    np.testing.assert_array_equal(one.mean, two.mean)
    np.testing.assert_array_equal(one.variance, two.variance)


def test_tables_by_information_state_come_back_with_their_key(tmp_path):
    game = open_spiel_game("kuhn_poker")
    policy = table(game, 0, np.random.default_rng(0), information_state_key)
    save_population(
        tmp_path / "p.json", population_of_play(game, [[policy], [UniformPolicy()]], [[1.0], [1.0]])
    )
    again = load_population(tmp_path / "p.json").policies[0][0]
    assert again.key is information_state_key
    assert {k: v.tolist() for k, v in again.table.items()} == {k: v.tolist() for k, v in policy.table.items()}


class Unknown(MergeGame):
    """A game of no registered kind, with the rules of one."""

    __slots__ = ()


def test_a_game_of_no_kind_is_brought_by_the_caller_and_a_wrong_one_refused(tmp_path):
    mine = Unknown(crash_payoff=-20.0)
    population = population_of_play(mine, [[UniformPolicy()]] * 2, [[1.0]] * 2)
    save_population(tmp_path / "p.json", population)
    alone = load_population(tmp_path / "p.json")
    assert alone.game is None
    with pytest.raises(UnsupportedGameError, match="load it together with the game"):
        alone.playable()
    assert load_population(tmp_path / "p.json", game=mine).playable() is mine
    for other in (Unknown(crash_payoff=-21.0), Unknown(horizon=7), open_spiel_game("kuhn_poker")):
        with pytest.raises(ValueError, match="does not play as"):
            load_population(tmp_path / "p.json", game=other)


def test_a_compiled_game_without_a_source_is_brought_too(tmp_path):
    form = load_game("centipede").sequence_form()
    plans = random_plans(form, np.random.default_rng(0))
    population = population_of_plans(form, plans, [[0.2, 0.3, 0.5]] * 2)
    save_population(tmp_path / "p.json", population)
    assert load_population(tmp_path / "p.json").game is None
    brought = TreeEnv(load_game("centipede").game)
    assert load_population(tmp_path / "p.json", game=brought).game is brought
    with pytest.raises(ValueError, match="not the compiled one"):
        load_population(tmp_path / "p.json", game=TreeEnv(load_game("ultimatum").game))
    with pytest.raises(ValueError, match="not the compiled one"):
        population_of_plans(form, plans, [[0.2, 0.3, 0.5]] * 2, game=open_spiel_game("kuhn_poker"))


def test_own_trees_are_whole_in_the_file(tmp_path):
    builder = TreeBuilder("coin", players=["Ann", "Bob"])
    toss = builder.chance(None, {"heads": 1 / 3, "tails": 2 / 3})
    for side, win in (("heads", 1.0), ("tails", -1.0)):
        ann = builder.decision(toss[side], 0, side, ["bet", "pass"])
        builder.terminal(ann["pass"], [0.0, 0.0])
        bob = builder.decision(ann["bet"], 1, "facing a bet", ["call", "fold"])
        builder.terminal(bob["call"], [2 * win, -2 * win])
        builder.terminal(bob["fold"], [1.0, -1.0])
    tree = builder.build()
    form = fold(tree)
    population = population_of_plans(
        form, random_plans(form, np.random.default_rng(0)), [[0.2, 0.3, 0.5]] * 2, game=TreeEnv(tree)
    )
    save_population(tmp_path / "p.json", population)
    again = load_population(tmp_path / "p.json")
    assert again.game.tree.infoset_labels == tree.infoset_labels
    one, two = (p.compiled().moments(p.players()) for p in (population, again))
    np.testing.assert_array_equal(one, two)


def test_what_sampled_psro_finds_is_worth_the_same_after_the_way_to_disk(tmp_path):
    game = open_spiel_game("kuhn_poker")
    oracle = TabularQ(300, evaluation=20)
    result = run_sampled_psro(game, oracle=oracle, iterations=2, verification=4, rng=np.random.default_rng(0))
    found = result.unwrap()
    save_population(
        tmp_path / "p.json",
        population_of_play(game, found.policies, found.profile, solver=result.solver),
    )
    again = load_population(tmp_path / "p.json")
    assert again.solver == result.solver
    form = load_game("kuhn_poker").sequence_form()
    behaviors = behaviors_of_policies(game, form, found.players())
    means, variances = again.compiled().moments(again.players())
    np.testing.assert_allclose(means, expected_values(form, behaviors), atol=1e-12)
    np.testing.assert_allclose(variances, payoff_variances(form, behaviors), atol=1e-12)


def test_tables_with_values_are_stored_as_tables(tmp_path):
    row = np.array([0.25, 0.75])
    policy = ValuedPolicy({b"k": row}, observation_key, {b"k": np.array([1.0, np.nan])})
    game = open_spiel_game("kuhn_poker")
    save_population(tmp_path / "p.json", population_of_play(game, [[policy]] * 2, [[1.0]] * 2))
    again = load_population(tmp_path / "p.json").policies[1][0]
    assert type(again) is TabularPolicy
    assert again.table[b"k"].tolist() == row.tolist()


def test_fingerprints_tell_games_apart_and_guises_together():
    hunt = small_trust_dilemma()
    assert play_fingerprint(hunt) == play_fingerprint(with_recall(hunt))
    assert play_fingerprint(small_merge()) != play_fingerprint(MergeGame())
    texts = ["kuhn_poker", "kuhn_poker(players=3)", "leduc_poker", "tic_tac_toe"]
    assert len({play_fingerprint(open_spiel_game(t)) for t in texts}) == len(texts)
    plain = population_of_play(hunt, [[UniformPolicy()]] * 2, [[1.0]] * 2)
    _, _, _, tree = tree_population("trust-dilemma-small")
    assert common_game([plain, tree]) is tree.game
    with pytest.raises(ValueError, match="one game"):
        common_game([plain, population_of_play(small_merge(), [[UniformPolicy()]] * 2, [[1.0]] * 2)])


def test_bad_populations_are_refused_before_anything_is_written(tmp_path):
    game = small_merge()
    uniform = [[UniformPolicy()]] * 2

    class Own:
        def probabilities(self, game, state, player):
            return UniformPolicy().probabilities(game, state, player)

    with pytest.raises(TypeError, match="Own cannot be stored"):
        save_population(tmp_path / "p.json", population_of_play(game, [[Own()], [Own()]], [[1.0]] * 2))
    keyed = TabularPolicy({}, lambda game, state, player: b"")
    with pytest.raises(ValueError, match="key must be one of"):
        save_population(tmp_path / "p.json", population_of_play(game, [[keyed], [keyed]], [[1.0]] * 2))
    _, _, _, tree = tree_population("merge-small")
    strays = population_of_play(game, tree.policies, tree.profile)
    with pytest.raises(ValueError, match="another form"):
        save_population(tmp_path / "p.json", strays)
    assert list(tmp_path.iterdir()) == []
    for policies, profile in (
        ([[UniformPolicy()]], [[1.0]]),
        ([[], []], [[], []]),
        (uniform, [[0.5], [1.0]]),
    ):
        with pytest.raises(ValueError, match=r"policies|profile"):
            population_of_play(game, policies, profile)
    form = load_game("kuhn_poker").sequence_form()
    for plans in ([[]] * 2, [[np.ones(13)]] * 2, [[np.ones(3)]] * 2, [[np.ones(13)]]):
        with pytest.raises(ValueError, match="plan"):
            population_of_plans(form, plans, [[1.0]] * 2)


def test_a_behavior_of_another_game_says_so():
    _, _, _, population = tree_population("kuhn_poker")
    other, rng = open_spiel_game("leduc_poker"), np.random.default_rng(0)
    with pytest.raises(ValueError, match="no information set"):
        population.policies[0][0].probabilities(other, other.initial(rng), 0)
    mine = Unknown()
    with pytest.raises(UnsupportedGameError, match="no kind"):
        population.policies[0][0].probabilities(mine, mine.initial(rng), 0)


def test_games_that_files_may_not_name_are_brought(tmp_path):
    game = open_spiel_game("catch(rows=3,columns=3)")
    save_population(tmp_path / "p.json", population_of_play(game, [[UniformPolicy()]], [[1.0]]))
    assert load_population(tmp_path / "p.json").game is None
    assert load_population(tmp_path / "p.json", game=game).game is game


class Unrepeatable(Unknown):
    """Its chance is not that of the generator."""

    __slots__ = ()

    def returns(self, state):
        return super().returns(state) + np.random.default_rng().random()


def test_a_game_that_does_not_repeat_itself_can_be_brought(tmp_path):
    game = Unrepeatable()
    save_population(tmp_path / "p.json", population_of_play(game, [[UniformPolicy()]] * 2, [[1.0]] * 2))
    assert json.loads((tmp_path / "p.json").read_text())["game"]["play"] is None
    again = load_population(tmp_path / "p.json", game=game)
    assert again.playable() is game
    assert common_game([again, again]) is game


def test_uniform_behaviors_and_uniform_policies_are_one():
    form = load_game("leduc_poker").sequence_form()
    game = open_spiel_game("leduc_poker")
    population = population_of_play(game, [[UniformPolicy()]] * 2, [[1.0]] * 2)
    means, variances = population.compiled().moments(population.players())
    np.testing.assert_allclose(means, expected_values(form, uniform_behaviors(form)), atol=1e-12)
    np.testing.assert_allclose(variances, payoff_variances(form, uniform_behaviors(form)), atol=1e-9)
