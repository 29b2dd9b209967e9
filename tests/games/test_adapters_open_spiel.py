import pickle
from collections import Counter

import numpy as np
import pyspiel
import pytest

from games.adapters.cursor import StateCursor, cursor_of
from games.adapters.open_spiel import OpenSpielCursor, OpenSpielGame, open_spiel_game
from games.conformance import check_env_game
from games.errors import IllegalActionError, UnknownNameError, UnsupportedGameError

# Sequential and simultaneous, with and without chance, one to five players, C++ and Python.
VARIED = [
    "kuhn_poker(players=3)",
    "leduc_poker",
    "tic_tac_toe",
    "connect_four",
    "goofspiel(imp_info=True,num_cards=4)",
    "goofspiel(players=3,num_cards=3)",
    "matrix_rps",
    "blotto(players=3,coins=4,fields=3)",
    "liars_dice",
    "oshi_zumo(coins=6)",
    "markov_soccer",
    "coop_box_pushing(horizon=10)",
    "pathfinding(players=2,horizon=20)",
    "laser_tag(horizon=20)",
    "first_sealed_auction",
    "turn_based_simultaneous_game(game=goofspiel(num_cards=3))",
    "repeated_game(stage_game=matrix_pd(),num_repetitions=4)",
    "blackjack",
    "nim",
    "negotiation",
    "python_kuhn_poker",
    "python_tic_tac_toe",
    "python_liars_poker",
]


@pytest.mark.parametrize("name", VARIED)
def test_openspiel_games_keep_the_protocol(name):
    check_env_game(open_spiel_game(name), episodes=2, rng=np.random.default_rng(7))


@pytest.mark.parametrize("name", VARIED)
def test_play_agrees_with_openspiel_itself(name):
    """Replaying the recorded history in pyspiel alone gives the same returns, legal actions and tensors."""
    game, rng = open_spiel_game(name), np.random.default_rng(3)
    state = game.initial(rng)
    while movers := game.to_move(state):
        for player in movers:
            legal = state.legal_actions(player)
            assert np.flatnonzero(game.legal_mask(state, player)).tolist() == legal
            kind = game.spiel_game.get_type()
            tensor = (
                state.information_state_tensor(player)
                if kind.provides_information_state_tensor
                else state.observation_tensor(player)
            )
            np.testing.assert_array_equal(game.observe(state, player).ravel(), np.float32(tensor))
        joint = {p: int(rng.choice(np.flatnonzero(game.legal_mask(state, p)))) for p in movers}
        state = game.step(state, joint, rng)
    assert state.is_terminal()
    np.testing.assert_array_equal(game.returns(state), state.returns())
    assert game.describe(state) == str(state)


@pytest.mark.parametrize("name", ["leduc_poker", "goofspiel(num_cards=4)", "connect_four", "negotiation"])
def test_cursor_and_states_play_the_same_game(name):
    game = open_spiel_game(name)
    fast, slow = cursor_of(game), StateCursor(game)
    assert isinstance(fast, OpenSpielCursor)
    for seed in range(5):
        actions = np.random.default_rng(seed)
        fast.reset(np.random.default_rng(seed))
        slow.reset(np.random.default_rng(seed))
        while fast.to_move:
            assert fast.to_move == slow.to_move
            assert fast.describe() == slow.describe()
            joint = {}
            for player in fast.to_move:
                assert fast.legal_actions(player) == slow.legal_actions(player)
                np.testing.assert_array_equal(fast.observe(player), slow.observe(player))
                joint[player] = int(actions.choice(fast.legal_actions(player)))
            fast.advance(joint)
            slow.advance(joint)
        assert slow.to_move == ()
        assert list(fast.returns()) == list(slow.returns())


def test_chance_is_drawn_with_openspiels_probabilities():
    # In Kuhn poker the six deals are equally likely; counts of 6000 draws have deviation 29.
    game, rng = open_spiel_game("kuhn_poker"), np.random.default_rng(11)
    deals = Counter(tuple(game.initial(rng).history()) for _ in range(6000))
    assert len(deals) == 6
    assert all(abs(count - 1000) < 5 * 29 for count in deals.values())


def test_sampled_stochastic_games_follow_the_generator():
    game = open_spiel_game("negotiation")
    texts = [game.describe(game.initial(np.random.default_rng(seed))) for seed in (0, 0, 1, 2, 3)]
    assert texts[0] == texts[1]
    assert len(set(texts)) > 2


def test_games_that_sample_chance_amid_play_are_refused_while_playing():
    game, rng = open_spiel_game("stones_and_gems"), np.random.default_rng(0)
    state = game.initial(rng)
    with pytest.raises(UnsupportedGameError, match="samples chance moves amid the game"):
        game.step(state, {0: state.legal_actions()[0]}, rng)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("mfg_garnet", "mean-field"), ("crossword", "structured actions")],
)
def test_games_of_another_kind_are_refused_with_the_reason(name, reason):
    with pytest.raises(UnsupportedGameError, match=reason):
        open_spiel_game(name)


@pytest.mark.parametrize("name", ["cribbage", "python_dynamic_routing"])
def test_games_without_tensors_play_but_refuse_to_be_observed(name):
    game, rng = open_spiel_game(name), np.random.default_rng(0)
    state = game.initial(rng)
    player = game.to_move(state)[0]
    assert game.legal_mask(state, player).any()
    with pytest.raises(UnsupportedGameError, match="tensor"):
        game.observe(state, player)
    with pytest.raises(UnsupportedGameError, match="tensor"):
        game.observation_shape(player)


def test_actions_beyond_those_declared_are_refused_with_the_reason():
    game, rng = open_spiel_game("chat_game"), np.random.default_rng(0)
    state = game.initial(rng)
    with pytest.raises(UnsupportedGameError, match=r"declares \d+ actions"):
        game.legal_mask(state, game.to_move(state)[0])


def test_unknown_names_suggest_near_ones():
    with pytest.raises(UnknownNameError, match="kuhn_poker"):
        open_spiel_game("kuhn_pokr")


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("kuhn_poker(plyers=3)", "plyers"),
        ("kuhn_poker(players=77)", "77"),
        ("kuhn_poker(players=many)", "many"),
        ("kuhn_poker(players=3", "bracket"),
        ("nfg_game", "nfg_game"),
    ],
)
def test_bad_parameters_are_named(name, named):
    with pytest.raises(ValueError, match=named):
        open_spiel_game(name)


def test_loaded_games_are_taken_as_they_are():
    loaded = pyspiel.load_game("kuhn_poker(players=4)")
    game = open_spiel_game(loaded)
    assert game.num_players == 4
    assert open_spiel_game(game.name).num_players == 4


@pytest.mark.parametrize("name", ["goofspiel(num_cards=4)", "python_kuhn_poker"])
def test_games_survive_pickling(name):
    game = open_spiel_game(name)
    copy = pickle.loads(pickle.dumps(game))
    assert isinstance(copy, OpenSpielGame)
    assert copy.name == game.name


def test_bounds_are_openspiels():
    assert open_spiel_game("leduc_poker").payoff_bounds == (-13.0, 13.0)


def test_illegal_joint_actions_name_what_is_legal():
    game, rng = open_spiel_game("leduc_poker"), np.random.default_rng(0)
    state = game.initial(rng)
    with pytest.raises(IllegalActionError, match=r"legal are \[1, 2\]"):
        game.step(state, {0: 0}, rng)
    with pytest.raises(IllegalActionError, match="players to move are"):
        game.step(state, {1: 1}, rng)
