import numpy as np
import pytest

from games.adapters.normal_form_env import NormalFormEnv
from games.adapters.open_spiel import open_spiel_game
from games.errors import IllegalActionError
from games.normal_form import NormalFormGame
from marl.policies import UniformPolicy
from marl.rollouts import estimate_returns, play_episode

UNIFORM = (UniformPolicy(), UniformPolicy())


class Fixed:
    """One distribution in every state."""

    def __init__(self, *probabilities):
        self.p = np.array(probabilities, dtype=float)

    def probabilities(self, game, state, player):
        return self.p


@pytest.mark.parametrize(("name", "value"), [("kuhn_poker", 1 / 8), ("leduc_poker", -5 / 64)])
def test_uniform_play_earns_its_exact_value(name, value):
    # Exact values: enumeration of all deals and all uniform lines of play.
    estimate = estimate_returns(open_spiel_game(name), UNIFORM, 30_000, rng=np.random.default_rng(1))
    assert estimate.episodes == 30_000
    assert np.abs(estimate.mean - [value, -value]).max() < 5 * estimate.standard_error.max()
    assert 0 < estimate.standard_error.max() < 0.03


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_moments_match_the_closed_form_in_any_unit(scale):
    # (1/4, 3/4) against (1/2, 1/2) on the identity: 1 with probability 1/2, so variance 1/4.
    game = NormalFormEnv(NormalFormGame.zero_sum(scale * np.eye(2)))
    estimate = estimate_returns(
        game, (Fixed(0.25, 0.75), Fixed(0.5, 0.5)), 4000, rng=np.random.default_rng(2)
    )
    assert abs(estimate.mean[0] - 0.5 * scale) < 5 * estimate.standard_error[0]
    np.testing.assert_allclose(estimate.variance, 0.25 * scale**2, rtol=0.02)
    np.testing.assert_allclose(estimate.standard_error, np.sqrt(estimate.variance / 4000))


def test_pooled_moments_are_those_of_the_sample():
    """The same children of the seed, played here one by one."""
    game = open_spiel_game("leduc_poker")
    estimate = estimate_returns(game, UNIFORM, 150, rng=np.random.default_rng(3))
    returns = []
    for size, child in zip((64, 64, 22), np.random.default_rng(3).spawn(3), strict=True):
        returns += [play_episode(game, UNIFORM, rng=child).returns for _ in range(size)]
    np.testing.assert_allclose(estimate.mean, np.mean(returns, axis=0), rtol=1e-12)
    np.testing.assert_allclose(estimate.variance, np.var(returns, axis=0, ddof=1), rtol=1e-12)


def test_workers_do_not_change_the_estimate():
    game = open_spiel_game("python_kuhn_poker")  # must be registered anew in each process
    one, two = (estimate_returns(game, UNIFORM, 200, rng=np.random.default_rng(4), workers=n) for n in (1, 2))
    np.testing.assert_array_equal(one.mean, two.mean)
    np.testing.assert_array_equal(one.variance, two.variance)


def test_calls_on_one_generator_are_independent():
    game, rng = open_spiel_game("leduc_poker"), np.random.default_rng(5)
    first, second = (estimate_returns(game, UNIFORM, 100, rng=rng) for _ in range(2))
    assert not np.array_equal(first.mean, second.mean)


def test_every_action_is_drawn_as_often_as_it_should():
    payoffs = np.zeros((1, 4))
    payoffs[0] = [1.0, 10.0, 100.0, 1000.0]
    game, rng = NormalFormEnv(NormalFormGame(payoffs)), np.random.default_rng(6)
    weights = np.array([0.1, 0.0, 0.6, 0.3])
    drawn = [play_episode(game, [Fixed(*weights)], rng=rng).returns[0] for _ in range(4000)]
    counts = np.array([drawn.count(x) for x in payoffs[0]])
    assert counts[1] == 0
    assert np.abs(counts - 4000 * weights).max() < 5 * np.sqrt(4000 * 0.25)


def test_episodes_count_moves_and_can_be_cut():
    game, rng = open_spiel_game("goofspiel(num_cards=4)"), np.random.default_rng(7)
    assert play_episode(game, UNIFORM, rng=rng).moves == 6  # the last card plays itself
    cut = play_episode(game, UNIFORM, rng=rng, max_moves=2)
    assert cut.moves == 2
    np.testing.assert_array_equal(cut.returns, [0.0, 0.0])


@pytest.mark.parametrize("bad", [(0.5, 0.6), (np.nan, 1.0), (-0.5, 1.5), (0.0, 0.0)])
def test_policies_must_give_distributions(bad):
    game = NormalFormEnv(NormalFormGame.zero_sum(np.eye(2)))
    with pytest.raises(ValueError, match="policy of player 1"):
        play_episode(game, (Fixed(1.0, 0.0), Fixed(*bad)), rng=np.random.default_rng(0))


def test_policies_must_stay_inside_the_mask():
    with pytest.raises(IllegalActionError, match="of player 0"):
        play_episode(open_spiel_game("leduc_poker"), [Fixed(1, 0, 0)] * 2, rng=np.random.default_rng(0))


def test_bad_arguments():
    game, rng = open_spiel_game("kuhn_poker"), np.random.default_rng(0)
    with pytest.raises(ValueError, match="wanted 2, got 1"):
        play_episode(game, UNIFORM[:1], rng=rng)
    with pytest.raises(ValueError, match="episodes"):
        estimate_returns(game, UNIFORM, 1, rng=rng)
    with pytest.raises(ValueError, match="workers"):
        estimate_returns(game, UNIFORM, 10, rng=rng, workers=0)
