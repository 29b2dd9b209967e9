"""Trees expanded from games played forward: the same games as OpenSpiel's own trees and as sampled play."""

import dataclasses

import numpy as np
import pytest

from games.adapters.normal_form_env import NormalFormEnv
from games.adapters.open_spiel import open_spiel_game
from games.adapters.open_spiel_tree import tree_from_open_spiel
from games.adapters.tree_env import TreeEnv
from games.chance import draw_outcome
from games.driving.merge import expand_merge, small_merge
from games.errors import UnsupportedGameError
from games.extensive import (
    expected_values,
    fold,
    nash_conv,
    payoff_variances,
    to_normal_form,
    uniform_behaviors,
    validate_tree,
)
from games.extensive.builder import TreeBuilder
from games.extensive.expand import expand_env, tree_from_env
from games.extensive.tree import CHANCE, TERMINAL
from games.normal_form import NormalFormGame
from games.normal_form.registry import load_named
from marl.policies import UniformPolicy
from marl.rollouts import estimate_returns

DETERMINISTIC = [
    "matrix_rps",
    "matrix_sh",
    "goofspiel(num_cards=3,imp_info=True,points_order=descending)",
    "goofspiel(num_cards=3,imp_info=False,points_order=descending)",
    "goofspiel(num_cards=3,players=3,imp_info=True,points_order=descending)",
    "nim(pile_sizes=2;2;1)",
]


def information(state, player):
    return state.information_state_string(player)


class Coin:
    """A coin falls; the player guesses it, and gets 1 for tails or 3 for heads if right."""

    name = "coin"
    num_players = 1
    payoff_bounds = (0.0, 3.0)

    def __init__(self, heads=0.25):
        self.heads = heads

    def num_actions(self, player):
        return 2

    def start_outcomes(self):
        return ((1 - self.heads, (0,)), (self.heads, (1,)))

    def to_move(self, state):
        return () if len(state) == 2 else (0,)

    def legal_mask(self, state, player):
        return np.full(2, len(state) == 1)

    def step_outcomes(self, state, joint):
        return ((1.0, (*state, joint[0])),)

    def returns(self, state):
        return np.array([(1.0 + 2.0 * state[0]) * (state[0] == state[1])])


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_agrees_with_the_tree_that_openspiel_lists(name):
    ours = tree_from_env(open_spiel_game(name), information=information)
    theirs = tree_from_open_spiel(name)
    validate_tree(ours)
    for array in ("parent", "move", "chance", "actor", "infoset", "payoffs", "infoset_player"):
        np.testing.assert_array_equal(getattr(ours, array), getattr(theirs, array), err_msg=array)
    assert ours.infoset_labels == theirs.infoset_labels  # keys that are unique stay as they are
    assert ours.infoset_action_ids == theirs.infoset_action_ids
    one, two = fold(ours), fold(theirs)
    np.testing.assert_array_equal(
        expected_values(one, uniform_behaviors(one)), expected_values(two, uniform_behaviors(two))
    )
    assert nash_conv(one, uniform_behaviors(one)) == nash_conv(two, uniform_behaviors(two))


def test_a_game_that_draws_is_refused():
    for name in ("kuhn_poker", "goofspiel(num_cards=3,imp_info=True)"):  # chance first, and later
        with pytest.raises(UnsupportedGameError, match="draws chance from its generator"):
            tree_from_env(open_spiel_game(name), information=information)


def test_listed_chance_becomes_chance_nodes():
    tree = tree_from_env(Coin(), information=lambda state, player: "", actions=[("tails", "heads")])
    validate_tree(tree)
    assert tree.actor.tolist() == [CHANCE, 0, TERMINAL, TERMINAL, 0, TERMINAL, TERMINAL]
    assert tree.num_infosets == 1  # unseen
    assert tree.infoset_actions == (("tails", "heads"),)
    assert to_normal_form(tree).payoffs.tolist() == [[0.75, 0.75]]
    seen = tree_from_env(Coin(), information=lambda state, player: str(state[0]))
    assert to_normal_form(seen).payoffs.max() == 1.5


@pytest.mark.parametrize("heads", [1.5, -0.25, np.nan])
def test_broken_chance_is_refused(heads):
    game = Coin(heads)
    game.start_outcomes = lambda: ((0.5, (0,)), (heads, (1,)))
    with pytest.raises(UnsupportedGameError, match="lists chance probabilities"):
        tree_from_env(game, information=lambda state, player: "")


def test_outcomes_are_drawn_by_their_probabilities():
    rng = np.random.default_rng(0)
    draws = [draw_outcome(((0.2, "a"), (0.0, "b"), (0.8, "c")), rng) for _ in range(4000)]
    assert set(draws) == {"a", "c"}
    assert draws.count("a") / 4000 == pytest.approx(0.2, abs=0.03)  # five standard errors
    # What rounding leaves over goes to the last outcome; here it is most.
    assert draw_outcome(((1e-9, "a"), (1e-9, "b")), rng) == "b"
    before = rng.bit_generator.state
    assert draw_outcome(((1.0, "only"),), rng) == "only"
    assert rng.bit_generator.state == before


def test_players_remember_what_they_saw_and_did():
    """A player who sees nothing new, twice: the second information sets differ by the own first move."""
    builder = TreeBuilder("twice", ("solo",))
    first = builder.decision(None, 0, "first", ("l", "r"))
    for move in first.labels:
        second = builder.decision(first[move], 0, f"second after {move}", ("l", "r"))
        for end in second.labels:
            builder.terminal(second[end], (1.0 if move == end else 0.0,))
    tree = tree_from_env(TreeEnv(builder.build()), information=lambda state, player: "dark")
    assert tree.infoset_labels == ("dark", "dark > 0 > dark", "dark > 1 > dark")
    fold(tree)  # perfect recall


def test_trees_come_back_from_their_own_environments():
    game = load_named("stag-hunt")
    tree = tree_from_env(
        NormalFormEnv(game),
        information=lambda state, player: "",
        actions=game.actions,
        players=game.players,
        name="hunt",
    )
    back = to_normal_form(tree)
    np.testing.assert_array_equal(back.payoffs, game.payoffs)
    assert (back.actions, back.players, tree.name) == (game.actions, game.players, "hunt")


def test_policies_become_behaviors():
    three = NormalFormGame(np.arange(12.0).reshape(2, 2, 3))
    expansion = expand_env(NormalFormEnv(three), information=lambda state, player: "")
    behaviors = [
        expansion.behavior(0, lambda state: [0.25, 0.75]),
        expansion.behavior(1, lambda state: [0.5, 0.0, 0.5]),
    ]
    assert [b.tolist() for b in behaviors] == [[1, 0.25, 0.75], [1, 0.5, 0, 0.5]]
    values = expected_values(fold(expansion.tree), behaviors)
    np.testing.assert_allclose(values, three.payoffs @ [0.5, 0, 0.5] @ [0.25, 0.75])
    for wrong in ([0.5, 0.6], [1.0], [[0.5, 0.5]], [np.nan, 1.0]):
        with pytest.raises(ValueError, match="policy must give a distribution"):
            expansion.behavior(0, lambda state, wrong=wrong: wrong)


@pytest.mark.parametrize("late", [0.0, 0.3])
def test_exact_moments_agree_with_sampled_ones(late):
    game = dataclasses.replace(small_merge(), horizon=2, late=late)
    form = fold(expand_merge(game).tree)
    uniform = uniform_behaviors(form)
    estimate = estimate_returns(game, [UniformPolicy()] * 2, 4000, rng=np.random.default_rng(1))
    error = 5 * estimate.standard_error
    assert (np.abs(estimate.mean - expected_values(form, uniform)) <= error).all()
    np.testing.assert_allclose(estimate.variance, payoff_variances(form, uniform), rtol=0.15)


def test_limits_and_bad_arguments():
    game = open_spiel_game("matrix_rps")
    assert tree_from_env(game, information=information, max_histories=13).num_nodes == 13
    with pytest.raises(UnsupportedGameError, match="more than max_histories=12"):
        tree_from_env(game, information=information, max_histories=12)
    with pytest.raises(ValueError, match="max_histories must be at least 1"):
        tree_from_env(game, information=information, max_histories=0)
    with pytest.raises(ValueError, match=r"actions must label \[3, 3\]"):
        tree_from_env(game, information=information, actions=[("r", "p"), ("r", "p", "s")])
    with pytest.raises(ValueError, match="players must be empty or hold 2"):
        tree_from_env(game, information=information, players=("one",))
    with pytest.raises(UnsupportedGameError, match="different actions where player 1 sees the same"):
        tree_from_env(open_spiel_game("nim(pile_sizes=1;2)"), information=lambda state, player: "")


def test_payoffs_must_be_finite():
    game = Coin()
    game.returns = lambda state: np.array([np.inf])
    with pytest.raises(UnsupportedGameError, match="not finite"):
        tree_from_env(game, information=lambda state, player: "")
