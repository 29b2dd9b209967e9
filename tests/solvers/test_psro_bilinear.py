"""The games inside an iteration, their two solvers, and populations whose policies are replaced."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.adapters.open_spiel_tree import compile_open_spiel
from games.extensive import fold
from games.extensive.evaluation import split, values_and_regrets
from games.extensive.normal_form import from_normal_form
from games.normal_form import NormalFormGame
from solvers.psro import EmpiricalPayoffs, LinearProgram, RegretMatching, run_psro
from solvers.psro.bilinear.game import mixture_game, restricted_tree, simplex_game
from solvers.psro.bilinear.linear_program import solve_by_lp
from solvers.psro.bilinear.regret import solve_by_regret_matching
from solvers.psro.variants.anytime import pure_parts

KUHN = compile_open_spiel("kuhn_poker")
LEDUC = compile_open_spiel("leduc_poker")
VALUES = [(KUHN, -1 / 18), (LEDUC, -0.0856064240780)]


def whole(form):
    """Policies that take every action somewhere: the restricted tree is the tree."""
    return [np.ones((1, n)) for n in form.num_sequences]


def random_plan(form, player, rng, *, pure=False):
    plex = form.treeplexes[player]
    plan = np.ones(plex.num_sequences)
    for h in range(plex.num_infosets):
        block = slice(plex.start[h], plex.start[h + 1])
        size = block.stop - block.start
        choice = np.eye(size)[rng.integers(size)] if pure else rng.dirichlet(np.ones(size))
        plan[block] = plan[plex.parent[h]] * choice
    return plan


@pytest.mark.parametrize(("form", "value"), VALUES, ids=["kuhn", "leduc"])
def test_the_whole_tree_is_solved_to_its_value(form, value):
    tree = restricted_tree(form, whole(form))
    exact = solve_by_lp(tree.game)
    close, gap, sweeps = solve_by_regret_matching(tree.game, tolerance=1e-3, max_sweeps=5000)
    assert 0 < gap <= 1e-3
    assert sweeps < 5000
    for plans, bound in ((exact, 1e-9), (close, 1e-3)):
        lifted = np.concatenate(tree.lift(form, plans))
        values, gains = values_and_regrets(form, lifted)  # by games, in the full game
        assert gains.sum() <= bound
        assert values[0] == pytest.approx(value, abs=bound)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), policies=st.integers(1, 4))
def test_the_restricted_tree_allows_what_policies_do_and_nothing_else(seed, policies):
    rng = np.random.default_rng(seed)
    populations = [
        np.array([random_plan(KUHN, i, rng, pure=True) for _ in range(policies)]) for i in range(2)
    ]
    tree = restricted_tree(KUHN, populations)
    plans = tree.lift(KUHN, solve_by_lp(tree.game))
    for plan, rows in zip(plans, populations, strict=True):
        assert (plan[rows.sum(axis=0) == 0] == 0).all()
    # No mixture of the policies does better against what the other plays in the restricted tree.
    joined = np.concatenate(plans)
    value = values_and_regrets(KUHN, joined)[0][0]
    payoffs = EmpiricalPayoffs(KUHN)
    for row in populations[0]:
        payoffs.add(0, row)
    payoffs.add(1, plans[1])
    assert payoffs.table[0].max() <= value + 1e-9
    if policies == 1:  # only one way to play
        np.testing.assert_allclose(joined, np.concatenate([p[0] for p in populations]), atol=1e-12)


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1e-6, 1.0, 1e6]))
def test_both_solvers_agree_on_matrix_games(seed, scale):
    rng = np.random.default_rng(seed)
    a = scale * rng.normal(size=(5, 7))
    form = fold(from_normal_form(NormalFormGame.bimatrix(a, 2 * scale - a)))
    game = restricted_tree(form, whole(form)).game
    exact = solve_by_lp(game)
    assert game.gap(exact) <= 1e-9 * form.payoff_range
    plans, gap, _ = solve_by_regret_matching(game, tolerance=1e-5 * form.payoff_range, max_sweeps=20_000)
    assert gap <= 1e-5 * form.payoff_range
    assert game.gap(plans) == gap
    values = [p[1:6] @ a @ p[7:] for p in (exact, plans)]
    assert values[0] == pytest.approx(values[1], abs=2e-5 * form.payoff_range)


def test_limits_of_regret_matching_are_kept_and_a_finish_takes_over():
    game = restricted_tree(LEDUC, whole(LEDUC)).game
    few = RegretMatching(max_sweeps=20).solve(game, tolerance=1e-9)
    assert 1e-9 < game.gap(few) < 3.0
    done = RegretMatching(max_sweeps=20, finish=LinearProgram()).solve(game, tolerance=1e-9)
    assert game.gap(done) <= 1e-9
    assert RegretMatching(20).name != RegretMatching(20, LinearProgram()).name


def test_a_game_of_equal_payoffs_and_a_player_without_choices():
    form = fold(from_normal_form(NormalFormGame.bimatrix(np.ones((3, 1)), -np.ones((3, 1)))))
    game = restricted_tree(form, whole(form)).game
    assert game.gap(solve_by_lp(game)) == 0.0
    assert solve_by_regret_matching(game, tolerance=0.0, max_sweeps=10)[1] == 0.0


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), player=st.sampled_from([0, 1]))
def test_mixture_and_simplex_games_pay_what_the_full_game_does(seed, player):
    rng = np.random.default_rng(seed)
    rows = np.array([random_plan(KUHN, player, rng) for _ in range(3)])
    game = mixture_game(KUHN, rows, player)
    weights, reply = rng.dirichlet(np.ones(3)), random_plan(KUHN, 1 - player, rng)
    mine = np.append([0.0], weights) @ (game.matrix @ reply)
    pair = [reply, reply]
    pair[player] = weights @ rows
    assert mine == pytest.approx(values_and_regrets(KUHN, np.concatenate(pair))[0][player], abs=1e-12)
    cuts = rng.normal(size=(4, KUHN.num_sequences[player]))
    worst = simplex_game(KUHN, player, cuts)
    plan = rows[0]
    np.testing.assert_allclose((plan @ worst.matrix)[1:], cuts @ plan, atol=1e-12)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32 - 1))
def test_pure_parts_make_up_the_plan(seed):
    rng = np.random.default_rng(seed)
    plex = KUHN.treeplexes[0]
    plan = random_plan(KUHN, 0, rng)
    parts = list(pure_parts(plex, plan))
    assert len(parts) <= plex.num_sequences
    assert set(np.unique(parts)) <= {0.0, 1.0}
    from scipy.optimize import nnls

    weights, residual = nnls(np.array(parts).T, plan)
    assert residual <= 1e-6
    assert weights.sum() == pytest.approx(1.0, abs=1e-6)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32 - 1))
def test_payoffs_follow_policies_that_are_added_late_or_replaced(seed):
    rng = np.random.default_rng(seed)
    payoffs = EmpiricalPayoffs(KUHN)
    plans = [[], []]
    for _ in range(12):
        player = int(rng.integers(2))
        plan = random_plan(KUHN, player, rng)
        if plans[player] and rng.random() < 0.4:
            k = int(rng.integers(len(plans[player])))
            old = plans[player][k]
            plans[player][k] = plan
            payoffs.replace(player, k, plan)
            assert old not in payoffs.populations[player]
        else:
            plans[player].append(plan)
            payoffs.add(player, plan)
        assert plan in payoffs.populations[player]
        if rng.random() < 0.3 and all(plans):
            assert payoffs.table.shape == (2, *map(len, plans))
    if all(plans):
        fresh = EmpiricalPayoffs(KUHN)
        for player in range(2):
            for plan in plans[player]:
                fresh.add(player, plan)
        np.testing.assert_allclose(payoffs.table, fresh.table, atol=1e-12)
        assert payoffs.tally.cells >= payoffs.table[0].size


def test_the_table_is_only_filled_when_asked_for():
    payoffs = EmpiricalPayoffs(KUHN)
    for player, plan in enumerate(split(KUHN, np.concatenate([p[0] for p in run_psro(KUHN).unwrap().plans]))):
        payoffs.add(player, plan)
    assert payoffs.tally.cells == payoffs.filled.size == 0
    assert payoffs.game().payoffs.shape == (2, 1, 1)
    assert payoffs.tally.cells == 1
