"""The compiled tree: OpenSpiel's numbers, closed forms, and what must be refused."""

import numpy as np
import pyspiel
import pytest
from hypothesis import given, settings, strategies as st
from open_spiel.python.algorithms import exploitability as peer

from games.adapters.open_spiel_policy import from_open_spiel_policy, to_open_spiel_policy
from games.adapters.open_spiel_tree import compile_open_spiel, tree_from_open_spiel
from games.errors import UnknownNameError, UnsupportedGameError
from games.extensive import (
    Utility,
    behaviors_of_plans,
    best_response,
    expected_values,
    exploitability,
    kernels,
    nash_conv,
    payoff_variances,
    realization_plans,
    regrets,
    uniform_behaviors,
)

KUHN = compile_open_spiel("kuhn_poker")
LEDUC = compile_open_spiel("leduc_poker")
THREE = compile_open_spiel("kuhn_poker(players=3)")


def random_behaviors(form, rng):
    """A policy with every action possible."""
    behaviors = []
    for plex in form.treeplexes:
        weights = rng.exponential(size=plex.num_sequences)
        sizes = np.diff(plex.start)
        totals = np.repeat(np.add.reduceat(weights, plex.start[:-1]), sizes)
        behaviors.append(np.concatenate(([1.0], weights[1:] / totals)))
    return tuple(behaviors)


@pytest.mark.parametrize(
    ("name", "value", "gap", "infosets", "histories"),
    [
        ("kuhn_poker", 1 / 8, 11 / 12, 12, 58),
        ("leduc_poker", -5 / 64, 4.747222222222222, 936, 9457),
        ("liars_dice(numdice=1,dice_sides=4)", -1 / 64, 1.3101190476190474, 1024, 8181),
        ("goofspiel(num_cards=4,imp_info=True,points_order=descending)", 0.0, 17 / 12, 162, 1077),
    ],
)
def test_uniform_play_has_its_known_value_and_nash_conv(name, value, gap, infosets, histories):
    tree = tree_from_open_spiel(name)
    form = compile_open_spiel(name)
    uniform = uniform_behaviors(form)
    assert (tree.num_infosets, tree.num_nodes) == (infosets, histories)
    assert form.utility is Utility.ZERO_SUM
    np.testing.assert_allclose(expected_values(form, uniform), [value, -value], atol=1e-13)
    assert nash_conv(form, uniform) == pytest.approx(gap, abs=1e-12)
    assert exploitability(form, uniform) == pytest.approx(gap / 2, abs=1e-12)
    # Some leaf is reached with certainty.
    plans = np.concatenate(realization_plans(form, uniform))
    assert kernels.multilinear(form.sequences, form.weight, form.flat, plans) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    "name",
    [
        "kuhn_poker",
        "leduc_poker",
        "kuhn_poker(players=3)",
        "liars_dice(numdice=1,dice_sides=3)",
        "python_kuhn_poker",
    ],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_random_policies_agree_with_open_spiel(name, seed):
    form = compile_open_spiel(name)
    behaviors = random_behaviors(form, np.random.default_rng(seed))
    policy = to_open_spiel_policy(form, behaviors)
    game = pyspiel.load_game(form.source)
    result = peer.nash_conv(game, policy, return_only_nash_conv=False)
    np.testing.assert_allclose(regrets(form, behaviors), result.player_improvements, atol=1e-12)
    back = from_open_spiel_policy(form, policy)
    for mine, theirs in zip(behaviors, back, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_variance_agrees_with_enumeration_of_plays():
    rng = np.random.default_rng(3)
    for form in (KUHN, THREE):
        behaviors = random_behaviors(form, rng)
        policy = to_open_spiel_policy(form, behaviors)
        game = pyspiel.load_game(form.source)
        outcomes = []

        def walk(state, p, policy=policy, outcomes=outcomes):
            if state.is_terminal():
                outcomes.append((p, state.returns()))
            elif state.is_chance_node():
                for action, q in state.chance_outcomes():
                    walk(state.child(action), p * q)
            else:
                for action, q in policy.action_probabilities(state).items():
                    walk(state.child(action), p * q)

        walk(game.new_initial_state(), 1.0)
        weights = np.array([p for p, _ in outcomes])
        payoffs = np.array([u for _, u in outcomes])
        mean = weights @ payoffs
        np.testing.assert_allclose(expected_values(form, behaviors), mean, atol=1e-12)
        np.testing.assert_allclose(
            payoff_variances(form, behaviors), weights @ (payoffs - mean) ** 2, atol=1e-12
        )


def test_the_known_kuhn_equilibrium_has_no_regret():
    # Kuhn (1950): with alpha in [0, 1/3], bet J with alpha, K with 3 alpha, call Q with alpha + 1/3.
    alpha = 0.2
    bet = {"0": alpha, "1": 0.0, "2": 3 * alpha, "0pb": 0.0, "1pb": alpha + 1 / 3, "2pb": 1.0}
    bet |= {"0p": 1 / 3, "1p": 0.0, "2p": 1.0, "0b": 0.0, "1b": 1 / 3, "2b": 1.0}
    behaviors = from_open_spiel_policy(KUHN, {k: [(0, 1 - p), (1, p)] for k, p in bet.items()})
    assert nash_conv(KUHN, behaviors) == pytest.approx(0.0, abs=1e-14)
    np.testing.assert_allclose(expected_values(KUHN, behaviors), [-1 / 18, 1 / 18], atol=1e-14)


def test_simultaneous_moves_become_a_matrix():
    form = compile_open_spiel("matrix_shapleys_game")
    game = pyspiel.load_matrix_game("matrix_shapleys_game")
    x, y = np.array([0.2, 0.3, 0.5]), np.array([0.6, 0.3, 0.1])
    rows, columns = (
        np.array([[utility(r, c) for c in range(3)] for r in range(3)])
        for utility in (game.row_utility, game.col_utility)
    )
    behaviors = (np.append(1.0, x), np.append(1.0, y))
    np.testing.assert_allclose(expected_values(form, behaviors), [x @ rows @ y, x @ columns @ y], atol=1e-14)
    np.testing.assert_allclose(
        regrets(form, behaviors), [(rows @ y).max() - x @ rows @ y, (x @ columns).max() - x @ columns @ y]
    )


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), player=st.integers(0, 2))
def test_no_policy_beats_the_best_response(seed, player):
    rng = np.random.default_rng(seed)
    behaviors = list(random_behaviors(THREE, rng))
    best = best_response(THREE, behaviors, player)
    behaviors[player] = best.behavior
    assert expected_values(THREE, behaviors)[player] == pytest.approx(best.value, abs=1e-12)
    np.testing.assert_array_equal(realization_plans(THREE, behaviors)[player], best.plan)
    behaviors[player] = random_behaviors(THREE, rng)[player]
    assert expected_values(THREE, behaviors)[player] <= best.value + 1e-12


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_plans_and_behaviors_are_inverse_where_play_arrives(seed):
    behaviors = random_behaviors(LEDUC, np.random.default_rng(seed))
    back = behaviors_of_plans(LEDUC, realization_plans(LEDUC, behaviors))
    for mine, theirs in zip(behaviors, back, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-10)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("goofspiel(num_cards=4,imp_info=False,points_order=descending)", "imperfect recall"),
        ("leduc_poker(players=10)", "max_histories"),
        ("mfg_crowd_modelling", "mean-field|information state"),
        ("phantom_ttt", "max_histories"),
        ("kuhn_poker(players=99)", "cannot load"),
    ],
)
def test_games_without_a_sequence_form_are_refused_with_the_reason(name, reason):
    with pytest.raises(UnsupportedGameError, match=reason):
        compile_open_spiel(name, max_histories=20_000)


def test_common_payoffs_are_recognised():
    form = compile_open_spiel("tiny_bridge_2p")
    assert form.utility is Utility.COMMON


def test_unknown_games_suggest_near_names():
    with pytest.raises(UnknownNameError, match="leduc_poker"):
        compile_open_spiel("leduk_poker")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda b: b[:1], "one array per player"),
        (lambda b: (b[0][:-1], b[1]), "shapes"),
        (lambda b: (b[0] * 2, b[1]), "distribution"),
        (lambda b: (b[0] * np.nan, b[1]), "distribution"),
        (lambda b: (b[0], -b[1]), "behaviors\\[1\\]"),
    ],
)
def test_bad_policies_are_refused_with_the_place(spoil, reason):
    with pytest.raises(ValueError, match=reason):
        nash_conv(KUHN, spoil(uniform_behaviors(KUHN)))


def test_a_policy_table_that_misses_an_information_set_is_refused():
    with pytest.raises(ValueError, match="no entry"):
        from_open_spiel_policy(KUHN, {"0": [(0, 1.0)]})
