"""A tree played forward is the game that OpenSpiel and the sequence form know."""

import numpy as np
import pytest

from games.adapters.open_spiel_tree import tree_from_open_spiel
from games.adapters.tree_env import TreeEnv
from games.conformance import check_env_game
from games.errors import IllegalActionError
from games.extensive import expected_values, fold, payoff_variances, uniform_behaviors
from games.extensive.registry import TREES
from marl.policies import UniformPolicy
from marl.rollouts import estimate_returns

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("name", [entry.name for entry in TREES])
def test_catalogued_trees_keep_the_protocol(name):
    check_env_game(TreeEnv(TREES.get(name).load()()), episodes=5, rng=np.random.default_rng(0))


@pytest.mark.parametrize("name", ["kuhn_poker", "kuhn_poker(players=3)", "matrix_rps"])
def test_sampled_returns_agree_with_the_exact_ones(name):
    tree = tree_from_open_spiel(name)
    env = TreeEnv(tree)
    check_env_game(env, episodes=5, rng=np.random.default_rng(1))
    form = fold(tree)
    uniform = uniform_behaviors(form)
    policies = [UniformPolicy()] * tree.num_players
    estimate = estimate_returns(env, policies, 4000, rng=np.random.default_rng(2))
    error = 5 * estimate.standard_error + 1e-12
    assert (np.abs(estimate.mean - expected_values(form, uniform)) <= error).all()
    np.testing.assert_allclose(estimate.variance, payoff_variances(form, uniform), rtol=0.15, atol=1e-12)


def test_wrong_moves_are_refused():
    env = TreeEnv(tree_from_open_spiel("kuhn_poker"))
    state = env.initial(RNG)
    with pytest.raises(IllegalActionError, match=r"range\(2\)"):
        env.step(state, {0: 2}, RNG)
    with pytest.raises(IllegalActionError, match="to move"):
        env.step(state, {1: 0}, RNG)
    assert "chooses among Pass, Bet" in env.describe(state)
