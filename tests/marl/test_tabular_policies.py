import numpy as np
import pytest

from games.adapters.open_spiel import open_spiel_game
from games.adapters.open_spiel_tree import compile_open_spiel
from games.extensive.evaluation import expected_values, uniform_behaviors
from marl.policies import MixturePolicy, TabularPolicy, UniformPolicy, information_state_key
from marl.policies.in_trees import behaviors_of_policies, policy_of_behavior
from marl.rollouts import estimate_returns, play_episode


def random_behavior(form, player, rng):
    plex = form.treeplexes[player]
    parts = [rng.dirichlet(np.ones(b - a)) for a, b in zip(plex.start[:-1], plex.start[1:], strict=True)]
    return np.concatenate([[1.0], *parts])


@pytest.mark.parametrize("name", ["kuhn_poker", "leduc_poker", "goofspiel(num_cards=3,imp_info=True)"])
def test_behaviors_survive_the_way_to_tables_and_back(name):
    game, form, rng = open_spiel_game(name), compile_open_spiel(name), np.random.default_rng(0)
    behaviors = [random_behavior(form, i, rng) for i in (0, 1)]
    tables = [policy_of_behavior(form, i, b, game.num_actions(i)) for i, b in enumerate(behaviors)]
    for one, two in zip(behaviors, behaviors_of_policies(game, form, tables), strict=True):
        np.testing.assert_allclose(one, two)
    empty = [TabularPolicy(), UniformPolicy()]
    for one, two in zip(uniform_behaviors(form), behaviors_of_policies(game, form, empty), strict=True):
        np.testing.assert_allclose(one, two)


def test_a_mixture_plays_as_its_behavior_says():
    """Its exact value by realization plans, its sampled value by drawing a policy per episode."""
    game, form, rng = (
        open_spiel_game("kuhn_poker"),
        compile_open_spiel("kuhn_poker"),
        np.random.default_rng(1),
    )
    groups = [
        tuple(policy_of_behavior(form, i, random_behavior(form, i, rng), 2) for _ in range(3)) for i in (0, 1)
    ]
    weights = [rng.dirichlet(np.ones(3)) for _ in groups]
    players = [MixturePolicy(g, w) for g, w in zip(groups, weights, strict=True)]
    value = expected_values(form, behaviors_of_policies(game, form, players))
    pairs = [
        weights[0][a]
        * weights[1][b]
        * expected_values(form, behaviors_of_policies(game, form, [groups[0][a], groups[1][b]]))
        for a in range(3)
        for b in range(3)
    ]
    np.testing.assert_allclose(value, np.sum(pairs, axis=0), atol=1e-12)
    sampled = estimate_returns(game, players, 8_000, rng=rng)
    assert np.abs(sampled.mean - value).max() < 4 * sampled.standard_error.max()


def test_a_mixture_keeps_its_draw_for_the_episode():
    """Over a game of many moves, every move of an episode asks the same policy."""

    class Recorder:
        def __init__(self):
            self.asked = 0

        def probabilities(self, game, state, player):
            self.asked += 1
            return UniformPolicy().probabilities(game, state, player)

    game, rng = open_spiel_game("tic_tac_toe"), np.random.default_rng(0)
    group = [Recorder(), Recorder(), Recorder()]
    mixture = MixturePolicy(tuple(group), [0.5, 0.5, 0.0])
    episodes = np.zeros(3)
    for _ in range(200):
        before = [r.asked for r in group]
        play_episode(game, [mixture, UniformPolicy()], rng=rng)
        used = np.array([r.asked for r in group]) > before
        assert used.sum() == 1
        episodes += used
    assert episodes[2] == 0
    assert abs(episodes[0] - 100) < 5 * np.sqrt(50)


def test_arrays_restore_keys_of_any_length():
    rows = {b"": np.array([1.0, 0.0]), b"abc": np.array([0.25, 0.75]), b"ab\0": np.array([0.5, 0.5])}
    again = TabularPolicy.restore(TabularPolicy(rows, information_state_key).arrays(), information_state_key)
    assert again.key is information_state_key
    assert {k: v.tolist() for k, v in again.table.items()} == {k: v.tolist() for k, v in rows.items()}
    assert TabularPolicy.restore(TabularPolicy().arrays()).table == {}
    with pytest.raises(ValueError, match="make no table"):
        TabularPolicy.restore(
            {"keys": np.zeros(3, np.uint8), "lengths": np.array([1]), "rows": np.zeros((1, 2))}
        )


def test_bad_input():
    game, form = open_spiel_game("kuhn_poker"), compile_open_spiel("kuhn_poker")
    with pytest.raises(ValueError, match="weights"):
        MixturePolicy((UniformPolicy(),), [0.5, 0.5])
    with pytest.raises(ValueError, match="wanted 2, got 1"):
        behaviors_of_policies(game, form, [UniformPolicy()])
    with pytest.raises(ValueError, match="shape"):
        policy_of_behavior(form, 0, [1.0], 2)
