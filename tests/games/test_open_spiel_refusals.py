"""Games that break a rule the arrays rely on: each is refused with the reason, before any number comes out.

The games are made up, since OpenSpiel ships none that breaks these rules.
"""

import pyspiel
import pytest

from games.adapters.open_spiel_matrix import normal_form_from_open_spiel
from games.adapters.open_spiel_policy import to_open_spiel_policy
from games.adapters.open_spiel_tree import compile_open_spiel, tree_from_open_spiel
from games.errors import UnsupportedGameError
from games.extensive import expected_values, fold, uniform_behaviors
from games.extensive.catalogue import myerson_card_game

KIND = pyspiel.GameType


class Coin:
    """Chance tosses a coin, player 0 calls it: as small as a game with chance can be."""

    def __init__(
        self, chance=((0, 0.5), (1, 0.5)), legal=((0, 1), (0, 1)), pay=1.0, utility=KIND.Utility.ZERO_SUM
    ):
        self.chance, self.legal, self.pay, self.utility = chance, legal, pay, utility

    def __str__(self):
        return "coin"

    def num_players(self):
        return 2

    def get_type(self):
        game = self

        class Type:
            chance_mode = KIND.ChanceMode.EXPLICIT_STOCHASTIC
            dynamics = KIND.Dynamics.SEQUENTIAL
            provides_information_state_string = True
            utility = game.utility

        return Type

    def new_initial_state(self):
        return CoinState(self, ())


class CoinState:
    def __init__(self, game, past):
        self.game, self.past = game, past

    def clone(self):
        return CoinState(self.game, self.past)

    def apply_action(self, action):
        self.past = (*self.past, action)

    def history(self):
        return list(self.past)

    def current_player(self):
        return (pyspiel.PlayerId.CHANCE, 0, pyspiel.PlayerId.TERMINAL)[len(self.past)]

    def chance_outcomes(self):
        return list(self.game.chance)

    def legal_actions(self):
        return list(self.game.legal[self.past[0]])

    def information_state_string(self, player):
        return "call"

    def action_to_string(self, player, action):
        return "same" if player == 0 else f"side {action}"

    def returns(self):
        won = self.game.pay if self.past[0] == self.past[1] else -1.0
        return [won, -won] if self.game.utility is KIND.Utility.ZERO_SUM else [won, 2 * won]


def test_the_sound_game_is_compiled_and_its_equal_labels_told_apart():
    form = fold(tree_from_open_spiel(Coin()))
    assert expected_values(form, uniform_behaviors(form)).tolist() == [0.0, 0.0]
    assert form.treeplexes[0].actions == (("same#0", "same#1"),)


@pytest.mark.parametrize(
    ("game", "reason"),
    [
        (Coin(chance=((0, 0.5), (1, 0.4))), r"sum to 0\.9.*not to one"),
        (Coin(chance=((0, 1.5), (1, -0.5))), "chance probabilities"),
        (Coin(legal=((0, 1), (0, 1, 2))), "different actions at one information state"),
        (Coin(pay=float("inf")), "not finite"),
        (Coin(pay=float("nan")), "not finite"),
        (Coin(utility=KIND.Utility.IDENTICAL), "declares IDENTICAL"),
    ],
)
def test_broken_games_are_refused(game, reason):
    with pytest.raises(UnsupportedGameError, match=reason):
        tree_from_open_spiel(game)


def test_a_zero_sum_claim_is_checked_at_every_leaf():
    class Liar(Coin):
        def get_type(self):
            kind = super().get_type()
            kind.utility = KIND.Utility.ZERO_SUM
            return kind

    liar = Liar(utility=KIND.Utility.GENERAL_SUM)
    with pytest.raises(UnsupportedGameError, match="declares ZERO_SUM utility, but its leaves are general"):
        tree_from_open_spiel(liar)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("mfg_garnet", "mean-field"),
        ("markov_soccer", "information states|max_histories|histories"),
        ("stones_and_gems", "samples its chance moves"),
    ],
)
def test_kinds_of_games_without_a_tree_are_refused(name, reason):
    with pytest.raises(UnsupportedGameError, match=reason):
        compile_open_spiel(name, max_histories=1000)


@pytest.mark.parametrize("name", ["kuhn_poker", "goofspiel(num_cards=3,imp_info=True)"])
def test_only_one_simultaneous_move_is_a_matrix(name):
    with pytest.raises(UnsupportedGameError, match="compile it to a tree"):
        normal_form_from_open_spiel(name)


def test_policies_go_back_only_to_open_spiel_games():
    form = fold(myerson_card_game())
    with pytest.raises(UnsupportedGameError, match="not compiled from an OpenSpiel game"):
        to_open_spiel_policy(form, uniform_behaviors(form))
