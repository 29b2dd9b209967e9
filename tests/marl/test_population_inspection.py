"""What inspection says of a population is what its policies do."""

import numpy as np
import pytest

from games.adapters.open_spiel import open_spiel_game
from games.driving.merge import MergeGame
from games.loading import load_game
from marl.policies import TabularPolicy, UniformPolicy, observation_key
from marl.populations import compile_game, population_of_plans, population_of_play
from marl.populations.inspection import compiled_decisions, sampled_decisions, summarise
from marl.rollouts import estimate_returns
from solvers.psro import run_psro


def test_values_of_an_equilibrium_support_are_the_value_of_the_game():
    form = load_game("kuhn_poker").sequence_form()
    solution = run_psro(form).unwrap()
    population = population_of_plans(form, solution.plans, solution.profile)
    compiled = population.compiled()
    rows = summarise(population, compiled=compiled, episodes=0, rng=np.random.default_rng(0))
    assert [(r.player, r.number) for r in rows] == [
        (i, k) for i in (0, 1) for k in range(len(population.policies[i]))
    ]
    for row in rows:
        value = (-1 / 18, 1 / 18)[row.player]
        assert row.error == 0.0
        assert row.kind == "behavior"
        assert row.value == pytest.approx(value, abs=1e-9) if row.weight > 1e-9 else row.value < value + 1e-9
    # The mixture as a behavior: pass with the jack when bet to, call with the king.
    plays = {d.label: dict(d.actions) for d in compiled_decisions(compiled, 1, population.players()[1])}
    assert plays["0b"]["Pass"] == pytest.approx(1.0)
    assert plays["2b"]["Bet"] == pytest.approx(1.0)
    assert plays["1b"]["Bet"] == pytest.approx(1 / 3, abs=1e-9)


def test_reach_is_the_product_of_own_moves():
    game = open_spiel_game("kuhn_poker")
    rng = np.random.default_rng(0)
    rows = {}
    state = game.initial(rng)
    rows[game.observe(state, 0).tobytes()] = np.array([0.25, 0.75])
    card = state.information_state_string(0)
    decisions = compiled_decisions(compile_game(game), 0, TabularPolicy(rows))
    found = {d.label: d for d in decisions}
    assert found[card].actions == (("Bet", 0.75), ("Pass", 0.25))
    assert found[card].reach == 1.0
    assert found[f"{card}pb"].reach == pytest.approx(0.25)
    assert sum(d.reach for d in decisions) == pytest.approx(3 + 0.25 + 0.5 + 0.5)


def test_sampled_values_and_decisions_where_nothing_is_compiled():
    game = MergeGame()
    table = {}
    state = game.initial(np.random.default_rng(0))
    table[observation_key(game, state, 0)] = np.array([0.0, 0.1, 0.2, 0.7])
    policy = TabularPolicy(table)
    population = population_of_play(game, [[policy, UniformPolicy()], [UniformPolicy()]], [[1, 0], [1]])
    rows = summarise(population, compiled=None, episodes=400, rng=np.random.default_rng(0))
    other = estimate_returns(game, [policy, UniformPolicy()], 400, rng=np.random.default_rng(9))
    assert abs(rows[0].value - other.mean[0]) < 4.5 * np.hypot(rows[0].error, other.standard_error[0])
    assert [r.size for r in rows] == ["1 entries by observation", "", ""]
    silent = summarise(population, compiled=None, episodes=0, rng=np.random.default_rng(0))
    assert {r.value for r in silent} == {None}
    lineup = [policy, UniformPolicy()]
    decisions = sampled_decisions(game, lineup, 0, 20, rng=np.random.default_rng(0))
    first = decisions[0]
    assert first.label == game.information_key(state, 0)
    assert [name for name, _ in first.actions] == ["change", "accelerate", "keep", "brake"]
    assert first.actions[0][1] == pytest.approx(0.7)
    assert first.reach is None
    assert len({d.label for d in decisions}) == len(decisions) > 5
    with pytest.raises(ValueError, match="0 or at least 2"):
        summarise(population, compiled=None, episodes=1, rng=np.random.default_rng(0))
