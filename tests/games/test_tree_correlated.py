"""Joint distributions over policies of trees: gaps against the normal form, by brute force, and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.adapters.open_spiel_tree import compile_open_spiel, tree_from_open_spiel
from games.extensive import fold, from_normal_form, nash_conv, realization_plans, uniform_behaviors
from games.extensive.correlated import (
    coarse_deviation,
    joint_cce_gap,
    joint_ce_gap,
    joint_values,
    recommended_deviations,
    weighted_gradient,
)
from games.normal_form import NormalFormGame, cce_gap, ce_gap, load_named
from tests.strategies import distributions, normal_form_games


def pure_plans(game):
    return [np.hstack([np.ones((n, 1)), np.eye(n)]) for n in game.num_actions]


@st.composite
def games_with_joints(draw):
    game = draw(normal_form_games(players=(1, 3), max_actions=3))
    return game, draw(distributions(int(np.prod(game.num_actions)))).reshape(game.num_actions)


@settings(deadline=None)
@given(games_with_joints())
def test_matrix_games_as_trees_have_the_gaps_of_the_matrix(case):
    game, joint = case
    form, plans = fold(from_normal_form(game)), pure_plans(game)
    assert joint_ce_gap(form, plans, joint) == pytest.approx(ce_gap(game, joint), abs=1e-12)
    assert joint_cce_gap(form, plans, joint) == pytest.approx(cce_gap(game, joint), abs=1e-12)
    expected = (game.payoffs * joint).reshape(game.num_players, -1).sum(axis=1)
    np.testing.assert_allclose(joint_values(form, plans, joint), expected, atol=1e-12)


def pure_strategies(form, player):
    """Every pure plan of a player, by brute force over the treeplex."""
    plex = form.treeplexes[player]
    plans = [np.eye(plex.num_sequences)[0]]
    for h in range(plex.num_infosets):
        longer = []
        for plan in plans:
            if plan[plex.parent[h]] == 0.0:
                longer.append(plan)
                continue
            longer += [plan + np.eye(plex.num_sequences)[s] for s in range(plex.start[h], plex.start[h + 1])]
        plans = longer
    return np.array(plans)


def test_kuhn_poker_by_brute_force_over_all_pure_strategies():
    form = compile_open_spiel("kuhn_poker")
    rng = np.random.default_rng(3)
    everything = [pure_strategies(form, i) for i in range(2)]
    dense = np.zeros(form.num_sequences)
    np.add.at(dense, tuple(form.sequences), form.payoff[0])
    payoffs = everything[0] @ dense @ everything[1].T
    some = [rng.choice(len(p), 5, replace=False) for p in everything]
    joint = rng.dirichlet(np.full(25, 0.3)).reshape(5, 5)
    ce = cce = 0.0
    for i, (table, weights) in enumerate(((payoffs, joint), (-payoffs.T, joint.T))):
        against = table[:, some[1 - i]] @ weights.T  # [any plan, recommended]
        told = against[some[i]].diagonal()
        ce += (against.max(axis=0) - told).sum()
        cce += against.sum(axis=1).max() - told.sum()
    plans = [p[chosen] for p, chosen in zip(everything, some, strict=True)]
    assert joint_ce_gap(form, plans, joint) == pytest.approx(ce, abs=1e-12)
    assert joint_cce_gap(form, plans, joint) == pytest.approx(cce, abs=1e-12)
    assert cce < ce  # deviating before the recommendation is the weaker threat


@pytest.mark.parametrize("game", ["kuhn_poker", "kuhn_poker(players=3)"])
def test_one_cell_is_a_profile_and_both_gaps_its_nash_conv(game):
    form = compile_open_spiel(game)
    rng = np.random.default_rng(0)
    behaviors = [
        np.concatenate([[1.0], *(rng.dirichlet(np.ones(n)) for n in np.diff(plex.start))])
        for plex in form.treeplexes
    ]
    plans = [plan[None] for plan in realization_plans(form, behaviors)]
    joint = np.ones((1,) * form.num_players)
    assert joint_ce_gap(form, plans, joint) == pytest.approx(nash_conv(form, behaviors), abs=1e-12)
    assert joint_cce_gap(form, plans, joint) == pytest.approx(nash_conv(form, behaviors), abs=1e-12)


def test_chicken_by_hand():
    """Told to swerve, going straight pays (7 + 0) / 2 * 2/3 against (6 + 2) / 2 * 2/3: nobody gains."""
    form = fold(from_normal_form(load_named("chicken")))
    plans = [np.hstack([np.ones((2, 1)), np.eye(2)])] * 2
    third = np.array([[1.0, 1.0], [1.0, 0.0]]) / 3.0
    assert joint_ce_gap(form, plans, third) == 0.0
    crash = np.array([[0.0, 0.0], [0.0, 1.0]])
    deviations = recommended_deviations(form, plans, crash, 0)
    assert [(d.recommended, d.weight) for d in deviations] == [(1, 1.0)]
    assert deviations[0].gain == pytest.approx(2.0)
    np.testing.assert_array_equal(deviations[0].plan, [1, 1, 0])
    before = coarse_deviation(form, plans, crash, 1)
    assert (before.recommended, before.gain) == (None, pytest.approx(2.0))


def test_gradients_are_derivatives_of_the_weighted_payoff():
    form = compile_open_spiel("kuhn_poker(players=3)")
    rng = np.random.default_rng(1)
    plans = [np.array([realization_plans(form, uniform_behaviors(form))[i]] * 2) for i in range(3)]
    for i in range(3):
        plans[i][1] = rng.uniform(size=plans[i].shape[1])  # payoffs are multilinear, whatever the rows are
    weights = rng.uniform(size=(2, 2))
    own = rng.uniform(size=form.num_sequences[1])
    value = 0.0
    for a in range(2):
        for c in range(2):
            reach = plans[0][a][form.sequences[0]] * own[form.sequences[1]] * plans[2][c][form.sequences[2]]
            value += weights[a, c] * float(form.payoff[2] @ reach)
    gradient = weighted_gradient(form, plans, weights, 1, payoff_of=2)
    assert float(gradient @ own) == pytest.approx(value, rel=1e-12)


def test_bad_arguments_are_named():
    game = NormalFormGame.zero_sum([[1.0, 0.0], [0.0, 1.0]])
    form, plans = fold(from_normal_form(game)), pure_plans(game)
    even = np.full((2, 2), 0.25)
    for gap in (joint_ce_gap, joint_cce_gap):
        with pytest.raises(ValueError, match="policies must hold"):
            gap(form, plans[:1], even)
        with pytest.raises(ValueError, match="policies must hold"):
            gap(form, [plans[0], plans[1][:, :2]], even)
        with pytest.raises(ValueError, match="joint must have shape"):
            gap(form, plans, np.full((2, 3), 1 / 6))
        with pytest.raises(ValueError, match="joint must sum to one"):
            gap(form, plans, 2.0 * even)
        with pytest.raises(ValueError, match="flow"):
            gap(form, [plans[0] * 0.5, plans[1]], even)


def test_the_tree_of_open_spiel_agrees():
    """OpenSpiel's own best response to a correlated mixture gives the same coarse gap."""
    pyspiel = pytest.importorskip("pyspiel")
    assert tree_from_open_spiel(pyspiel.load_game("kuhn_poker")).num_players == 2
    form = compile_open_spiel("kuhn_poker")
    game = pyspiel.load_game("kuhn_poker")
    rng = np.random.default_rng(5)
    plans, tables = [], []
    for i in range(2):
        chosen = pure_strategies(form, i)[rng.choice(20, 3, replace=False)]
        plans.append(chosen)
        plex = form.treeplexes[i]
        tables.append(
            [
                {
                    label: [
                        (int(a), float(plan[s] / plan[plex.parent[h]]) if plan[plex.parent[h]] else 0.5)
                        for s, a in zip(
                            range(plex.start[h], plex.start[h + 1]),
                            plex.action_ids[plex.start[h] : plex.start[h + 1]],
                            strict=True,
                        )
                    ]
                    for h, label in enumerate(plex.infosets)
                }
                for plan in chosen
            ]
        )
    joint = rng.dirichlet(np.ones(9)).reshape(3, 3)
    mixture = [
        (joint[a, b], pyspiel.TabularPolicy(dict(tables[0][a]) | dict(tables[1][b])))
        for a in range(3)
        for b in range(3)
    ]
    theirs = pyspiel.cce_dist(game, mixture)
    assert joint_cce_gap(form, plans, joint) == pytest.approx(float(theirs.dist_value), abs=1e-9)
