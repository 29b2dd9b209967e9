"""Populations come back from disk as they were; whatever else a file holds is refused."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from games.adapters.open_spiel import open_spiel_game
from games.adapters.tree_env import TreeEnv
from games.driving.merge import MergeGame, small_merge
from games.errors import FileFormatError, UnsupportedGameError
from games.extensive import expected_values, fold, payoff_variances, uniform_behaviors
from games.extensive.builder import TreeBuilder
from games.gridworlds.trust_dilemma import TrustDilemma, small_trust_dilemma
from games.loading import load_game
from games.storage.bundle import read_bundle, write_bundle
from marl.learning.dense import DenseNetwork
from marl.learning.neural_policy import ActionRule, NeuralPolicy
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
from marl.populations.storage import SCHEMA, VERSION
from marl.rollouts import estimate_returns, play_states
from solvers.psro import run_sampled_psro

NAMES = ["kuhn_poker", "goofspiel(num_cards=3,imp_info=True)", "stag-hunt", "matrix_rps", "centipede"]
ENVIRONMENTS = ["trust-dilemma-small", "merge-small"]


def random_plans(form, rng, count=3):
    """Realization plans of random behaviors, pure ones among them."""
    groups = []
    for plex in form.treeplexes:
        plans = []
        for k in range(count):
            plan = np.ones(plex.num_sequences)
            for h in range(plex.num_infosets):
                moves = slice(plex.start[h], plex.start[h + 1])
                size = int(plex.start[h + 1] - plex.start[h])
                row = rng.dirichlet(np.ones(size)) if k else np.eye(size)[rng.integers(size)]
                plan[moves] = plan[plex.parent[h]] * row
            plans.append(plan)
        groups.append(plans)
    return groups


def tree_population(name, seed=0):
    loaded, rng = load_game(name), np.random.default_rng(seed)
    form = loaded.sequence_form()
    plans = random_plans(form, rng)
    profile = [rng.dirichlet(np.ones(3)) for _ in plans]
    population = population_of_plans(form, plans, profile, game=playable(loaded), solver="by hand")
    return form, plans, profile, population


def table(game, player, rng, key=observation_key):
    rows = {}
    for _ in range(20):
        for state in play_states(game, [UniformPolicy()] * game.num_players, rng=rng):
            if player in game.to_move(state):
                mask = game.legal_mask(state, player)
                row = np.zeros(mask.size)
                row[mask] = rng.dirichlet(np.ones(mask.sum()))
                rows.setdefault(key(game, state, player), row)
    return TabularPolicy(rows, key)


def network(game, player, rng):
    sizes = (int(np.prod(game.observation_shape(player))), 6, game.num_actions(player))
    weights = tuple(rng.normal(size=pair).astype(np.float32) for pair in itertools.pairwise(sizes))
    biases = tuple(rng.normal(size=n).astype(np.float32) for n in sizes[1:])
    return NeuralPolicy(DenseNetwork(weights, biases), ActionRule.SOFTMAX)


def played_population(game, seed=0):
    rng = np.random.default_rng(seed)
    groups = [[UniformPolicy(), table(game, i, rng), network(game, i, rng)] for i in range(game.num_players)]
    return population_of_play(game, groups, [rng.dirichlet(np.ones(3)) for _ in groups])


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


# Hostile files: each case takes the header and arrays of a sound file and spoils one thing.


def spoil(tmp_path, population, change):
    save_population(tmp_path / "good.json", population)
    header, arrays = read_bundle(tmp_path / "good.json", schema=SCHEMA, version=VERSION)
    change(header, arrays)
    write_bundle(tmp_path / "bad.json", header, arrays)
    return tmp_path / "bad.json"


def at(*keys, value):
    def change(header, arrays):
        node = header
        for key in keys[:-1]:
            node = node[key]
        node[keys[-1]] = value

    return change


def put(name, value):
    return lambda header, arrays: arrays.update({name: value})


def drop(name):
    return lambda header, arrays: arrays.pop(name)


TABLES = {
    "kind of game": at("game", "kind", value="os.system"),
    "no parameters": at("game", "parameters", value=None),
    "a giant road": at("game", "parameters", "length", value=10**9),
    "a real as length": at("game", "parameters", "length", value=6.0),
    "a Boolean as length": at("game", "parameters", "length", value=True),
    "payoffs out of order": at("game", "parameters", "crash_payoff", value=5.0),
    "other rules": at("game", "parameters", "crash_payoff", value=-11.0),
    "cars that are words": at("game", "parameters", "starts", value=["a", "b"]),
    "three cars": at("game", "parameters", "starts", value=[[0, 0, 1]] * 3),
    "a lane that is none": at("game", "parameters", "starts", value=[[7, 0, 1], [1, 0, 1]]),
    "another fingerprint": at("game", "play", value="0" * 64),
    "no fingerprint": at("game", "play", value=None),
    "one player": lambda header, arrays: header["players"].pop(),
    "no players": at("players", value=[]),
    "players that are words": at("players", value=["a", "b"]),
    "a player without policies": at("players", 0, value=[]),
    "kind of policy": at("players", 0, 1, "kind", value="builtins.eval"),
    "a kind that is a number": at("players", 0, 1, "kind", value=3),
    "key of a table": at("players", 0, 1, "key", value="os.getcwd"),
    "a behavior without a form": at("players", 0, 0, value={"kind": "behavior"}),
    "a solver that is a list": at("solver", value=[]),
    "no weights": drop("profile_0"),
    "weights that are none": put("profile_0", np.array([0.5, 0.6, 0.7])),
    "weights of another size": put("profile_0", np.array([0.5, 0.5])),
    "not-a-number weights": put("profile_0", np.array([np.nan, 0.5, 0.5])),
    "a table without rows": drop("policy_0_1_rows"),
    "rows that are none": put("policy_0_1_rows", np.full((2, 4), 0.3)),
    "lengths that wrap": put("policy_0_1_lengths", np.array([2**62, 2**62, 2**62, 2**62])),
    "negative lengths": put("policy_0_1_lengths", np.array([-1, 1])),
    "a network without its form": drop("policy_0_2_network_form"),
    "a network of endless layers": put("policy_0_2_network_form", np.array([2**62, 0, 0])),
    "a network with infinities": put("policy_0_2_network_biases_0", np.full(6, np.inf)),
    "a network of other outputs": put("policy_0_2_network_biases_1", np.zeros(9)),
    "an unknown rule": put("policy_0_2_rule", np.array([17])),
    "a form that is a list": at("form", value=[]),
}


@pytest.mark.parametrize("change", TABLES.values(), ids=TABLES.keys())
def test_spoilt_files_are_refused(tmp_path, change):
    file = spoil(tmp_path, played_population(small_merge()), change)
    with pytest.raises(FileFormatError, match="bad"):
        load_population(file)


def bad_rows(header, arrays):
    rows = arrays["policy_0_1_rows"].copy()
    rows[0, 0] = np.nan
    arrays["policy_0_1_rows"] = rows


def narrow_rows(header, arrays):
    count = len(arrays["policy_0_1_rows"])
    arrays["policy_0_1_rows"] = np.full((count, 2), 0.5)


def twice(header, arrays):
    arrays["policy_0_1_keys"] = np.zeros_like(arrays["policy_0_1_keys"])


@pytest.mark.parametrize("change", [bad_rows, narrow_rows, twice])
def test_tables_that_are_no_policies_are_refused(tmp_path, change):
    with pytest.raises(FileFormatError, match="bad"):
        load_population(spoil(tmp_path, played_population(small_merge()), change))


def negative_behavior(header, arrays):
    behavior = arrays["policy_0_1_behavior"].copy()
    behavior[1:3] = (-0.5, 1.5)
    arrays["policy_0_1_behavior"] = behavior


def unbalanced_behavior(header, arrays):
    arrays["policy_0_1_behavior"] = arrays["policy_0_1_behavior"] * 0.9 + 0.1


def other_payoffs(header, arrays):
    arrays["form_payoff"] = arrays["form_payoff"] * 2.0


FORMS = {
    "negative": negative_behavior,
    "unbalanced": unbalanced_behavior,
    "short": put("policy_0_1_behavior", np.ones(3)),
    "absent": drop("policy_0_1_behavior"),
    "payoffs that are not the game's": other_payoffs,
    "another game": at("game", "parameters", "text", value="leduc_poker"),
    "a game that is none": at("game", "parameters", "text", value="no_such_game"),
    "a game from a file": at("game", "parameters", "text", value="efg_game(filename=/etc/passwd)"),
    "a game from a file within": at(
        "game", "parameters", "text", value="misere(game=nfg_game( filename = /etc/passwd))"
    ),
    "a board beyond memory": at("game", "parameters", "text", value="go(board_size=100000)"),
    "a game too long to name": at("game", "parameters", "text", value="kuhn_poker(" + "players=2," * 500),
    "a form that is a matrix": at("form", "kind", value="normal_form"),
    "a form without arrays": drop("form_payoff"),
    "no form": at("form", value=None),
    "three players": at("form", "num_players", value=3),
}


RECALLS = {
    "no such game within": at("game", "parameters", "inner", value="chess"),
    "itself within": at("game", "parameters", "inner", value="recall"),
    "words for Booleans": at("game", "parameters", "chained", value=["yes", "no"]),
    "one Boolean": at("game", "parameters", "chained", value=[True]),
    "other labels": at("game", "parameters", "chained", value=[False, False]),
    "a grid beyond memory": at("game", "parameters", "parameters", "rows", value=9_999),
    "a hunter off the grid": at("game", "parameters", "parameters", "hunters", value=[[0, 0], [9, 9]]),
    "three hunters": at("game", "parameters", "parameters", "hunters", value=[[0, 0]] * 3),
    "a stag that is a word": at("game", "parameters", "parameters", "stag", value="here"),
    "hares that are none": at("game", "parameters", "parameters", "hares", value={}),
    "a stag that roams a little": at("game", "parameters", "parameters", "stag_roams", value=0.5),
    "a longer hunt than the tree's": at("game", "parameters", "parameters", "horizon", value=9),
    "no payoff": at("game", "parameters", "parameters", "hare_payoff", value=None),
}


@pytest.mark.parametrize("change", RECALLS.values(), ids=RECALLS.keys())
def test_spoilt_hunts_are_refused(tmp_path, change):
    file = spoil(tmp_path, tree_population("trust-dilemma-small")[3], change)
    with pytest.raises(FileFormatError, match="bad"):
        load_population(file)


@pytest.mark.parametrize("change", FORMS.values(), ids=FORMS.keys())
def test_spoilt_trees_are_refused(tmp_path, change, capfd):
    file = spoil(tmp_path, tree_population("kuhn_poker")[3], change)
    with pytest.raises(FileFormatError, match="bad"):
        load_population(file)


def test_spoilt_texts_of_trees_are_refused(tmp_path):
    population = population_of_play(
        TreeEnv(load_game("beer-quiche").game), [[UniformPolicy()]] * 2, [[1.0]] * 2
    )
    for text in (b"EFG 9", b"\xff\xfe", b""):
        file = spoil(tmp_path, population, put("game_tree_text", np.frombuffer(text, np.uint8)))
        with pytest.raises(FileFormatError, match="tree_text"):
            load_population(file)


def test_bytes_that_were_changed_are_refused(tmp_path):
    save_population(tmp_path / "p.json", played_population(small_merge()))
    (arrays,) = tmp_path.glob("*.npz")
    data = bytearray(arrays.read_bytes())
    data[len(data) // 2] ^= 1
    arrays.write_bytes(data)
    with pytest.raises(FileFormatError, match="SHA-256"):
        load_population(tmp_path / "p.json")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_anywhere_in_the_header_is_taken_or_refused_by_name(tmp_path, data):
    """Replace one value of the header by another: the answer is a population or a FileFormatError."""
    save_population(tmp_path / "p.json", played_population(TrustDilemma(horizon=3)))
    header = json.loads((tmp_path / "p.json").read_text())
    node = header
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = data.draw(st.sampled_from(keys))
        if isinstance(node[key], dict | list) and node[key] and data.draw(st.booleans()):
            node = node[key]
            continue
        node[key] = data.draw(JSON)
        break
    try:
        (tmp_path / "p.json").write_text(json.dumps(header))
        population = load_population(tmp_path / "p.json")
    except FileFormatError:
        return
    assert population.num_players == 2


def test_uniform_behaviors_and_uniform_policies_are_one():
    form = load_game("leduc_poker").sequence_form()
    game = open_spiel_game("leduc_poker")
    population = population_of_play(game, [[UniformPolicy()]] * 2, [[1.0]] * 2)
    means, variances = population.compiled().moments(population.players())
    np.testing.assert_allclose(means, expected_values(form, uniform_behaviors(form)), atol=1e-12)
    np.testing.assert_allclose(variances, payoff_variances(form, uniform_behaviors(form)), atol=1e-9)
