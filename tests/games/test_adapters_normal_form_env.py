import numpy as np
import pytest
from hypothesis import given, settings

from games.adapters.normal_form_env import NormalFormEnv
from games.conformance import check_env_game
from games.errors import IllegalActionError
from games.normal_form import NormalFormGame
from tests.strategies import normal_form_games

RNG = np.random.default_rng(0)


@given(normal_form_games(players=(1, 4), max_actions=3))
@settings(max_examples=20, deadline=None)
def test_every_normal_form_game_keeps_the_protocol(game):
    check_env_game(NormalFormEnv(game), episodes=2, rng=np.random.default_rng(0))


@given(normal_form_games())
@settings(max_examples=20, deadline=None)
def test_every_cell_pays_its_entry(game):
    env = NormalFormEnv(game)
    for cell in np.ndindex(*game.num_actions):
        state = env.step(env.initial(RNG), dict(enumerate(cell)), RNG)
        assert state == cell
        np.testing.assert_array_equal(env.returns(state), game.payoffs[(slice(None), *cell)])
    assert env.payoff_bounds == (game.payoffs.min(), game.payoffs.max())


def test_text_uses_the_labels_of_the_game():
    game = NormalFormGame(
        np.arange(8.0).reshape(2, 2, 2), (("stag", "hare"), ("S", "H")), ("Ann", "Bob"), "hunt"
    )
    env = NormalFormEnv(game)
    assert env.describe(()) == "hunt: to be played"
    assert env.describe((1, 0)) == "hunt: Ann plays hare, Bob plays S; payoffs [2.0, 6.0]"


def test_fractional_actions_are_no_actions():
    env = NormalFormEnv(NormalFormGame.zero_sum(np.eye(2)))
    with pytest.raises(TypeError, match="integer"):
        env.step((), {0: 0.5, 1: 0}, RNG)
    with pytest.raises(IllegalActionError, match=r"outside range\(2\)"):
        env.step((), {0: 2, 1: 0}, RNG)
    with pytest.raises(IllegalActionError, match="over"):
        env.step((0, 0), {0: 0, 1: 0}, RNG)
