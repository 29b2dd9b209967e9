"""Games of every kind that OpenSpiel registers: the compiled tree gives OpenSpiel's own NashConv."""

import pyspiel
import pytest

from games.adapters.open_spiel_tree import compile_open_spiel
from games.extensive import nash_conv, uniform_behaviors

SMALL = [
    "blotto",
    "chat_game",
    "coordinated_mp",
    "first_sealed_auction",
    "lewis_signaling",
    "matching_pennies_3p",
    "matrix_bos",
    "matrix_brps",
    "matrix_pd",
    "python_dynamic_routing",
    "sheriff",
    "tiny_hanabi",
]
LARGE = [
    "liars_dice(numdice=1,dice_sides=5)",
    "liars_dice(numdice=1,dice_sides=6)",
    "goofspiel(num_cards=5,imp_info=True,points_order=descending)",
    "leduc_poker(players=3)",
    "tiny_bridge_2p",
    "universal_poker",
    "dark_hex(board_size=2,gameversion=cdh)",
]


def agrees(name):
    form = compile_open_spiel(name)
    game = pyspiel.load_game_as_turn_based(form.source)
    peer = pyspiel.nash_conv(game, pyspiel.UniformRandomPolicy(game))
    scale = max(form.payoff_range, 1.0)
    assert nash_conv(form, uniform_behaviors(form)) == pytest.approx(peer, abs=1e-11 * scale)


@pytest.mark.parametrize("name", SMALL)
def test_small_games(name):
    agrees(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_large_games(name):
    agrees(name)
