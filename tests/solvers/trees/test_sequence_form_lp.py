"""The sequence-form program as a solver; the conformance sweep runs it on matrix games as well."""

import numpy as np
import pytest

from games.adapters.open_spiel_tree import compile_open_spiel
from games.errors import UnsupportedGameError
from games.extensive import fold, from_normal_form, nash_conv
from games.normal_form import NormalFormGame
from games.results import Status
from solvers.trees import solve_sequence_form_lp


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kuhn_poker", -1 / 18),
        ("leduc_poker", -0.0856064240780),
        ("liars_dice(numdice=1,dice_sides=2)", 1 / 2),
        ("liars_dice(numdice=1,dice_sides=3)", 1 / 9),
        ("goofspiel(num_cards=3,imp_info=True,points_order=descending)", 0.0),
    ],
)
def test_known_values_are_exact(name, value):
    form = compile_open_spiel(name)
    result = solve_sequence_form_lp(form)
    assert result.status is Status.CERTIFIED
    assert result.certificate.bound == nash_conv(form, result.unwrap()) <= 1e-9
    assert result.info["value_0"] == pytest.approx(value, abs=1e-9)


def test_constant_sums_far_from_zero_lose_no_digits():
    a = np.random.default_rng(3).normal(size=(6, 9))
    plain = fold(from_normal_form(NormalFormGame.zero_sum(a)))
    moved = fold(from_normal_form(NormalFormGame.bimatrix(a + 1e6, 2e6 - a)))
    values = [solve_sequence_form_lp(form).require(1e-8).info["value_0"] for form in (plain, moved)]
    assert values[1] - 1e6 == pytest.approx(values[0], abs=1e-8)


def test_a_limit_leaves_policies_and_no_claim():
    form = compile_open_spiel("leduc_poker")
    result = solve_sequence_form_lp(form, time_limit=0.0)
    assert result.status is Status.LIMIT
    assert result.certificate.bound == nash_conv(form, result.unwrap()) > 0.0


def test_games_of_more_players_are_refused():
    with pytest.raises(UnsupportedGameError, match="3 players"):
        solve_sequence_form_lp(compile_open_spiel("kuhn_poker(players=3)"))
