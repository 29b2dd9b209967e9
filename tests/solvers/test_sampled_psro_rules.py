"""Budgets, stop rules, warm starts and simulators of sampled PSRO."""

import numpy as np
import pytest

from games.adapters.normal_form_env import NormalFormEnv
from games.adapters.open_spiel import open_spiel_game
from games.driving.merge import MergeGame
from games.normal_form import NormalFormGame
from games.normal_form.risk import RiskAversion
from games.results import Status
from marl.oracles import TabularQ, WarmStart
from marl.oracles.valued_policy import ValuedPolicy
from marl.policies import UniformPolicy
from solvers.psro import (
    AdaptiveAllocation,
    EpisodeBudget,
    NoGain,
    OneByOne,
    RiskAverseMetaSolver,
    SampledTrace,
    SideBySide,
    UniformAllocation,
    run_sampled_psro,
)
from solvers.psro.sampled.simulators import simulator_for
from solvers.psro.sampled.tasks import pieces

FAST = {"oracle": TabularQ(300, evaluation=50), "allocation": UniformAllocation(20), "verification": 40}


def run(game=None, seed=0, **changes):
    options = FAST | {"iterations": 3, "rng": np.random.default_rng(seed)} | changes
    return run_sampled_psro(open_spiel_game("kuhn_poker") if game is None else game, **options)


def trace(gains, errors):
    gains = np.asarray(gains, dtype=float)
    zero, none = np.zeros(len(gains)), np.zeros(len(gains), dtype=np.int64)
    return SampledTrace(zero, gains, np.broadcast_to(errors, gains.shape), gains, none, none, zero)


def test_no_gain_looks_at_every_player_over_the_latest_iterations():
    rule = NoGain(2, 2.0)
    assert not rule.met(trace([[0.0, 0.0]], 0.1))
    assert rule.met(trace([[9.0, 9.0], [0.19, -1.0], [0.0, 0.19]], 0.1))
    assert not rule.met(trace([[0.0, 0.0], [0.0, 0.21]], 0.1))
    assert not rule.met(trace([[0.0, 0.21], [0.0, 0.0]], 0.1))
    assert not rule.met(SampledTrace.empty(2))


def test_a_run_without_gains_comes_to_rest_and_resumes_so(tmp_path):
    """Hare against hare: after the first answer nothing can be gained, and nothing is random."""
    stag = NormalFormEnv(NormalFormGame.bimatrix([[4.0, -1.0], [3.0, 2.0]], [[4.0, 3.0], [-1.0, 2.0]]))
    options = {
        "meta_solver": RiskAverseMetaSolver(RiskAversion(0.0)),
        "iterations": 9,
        "stop": NoGain(2),
        "checkpoint": tmp_path / "run.json",
    }
    result = run(stag, **options)
    assert result.status is Status.LIMIT  # what no answer found may still be there
    assert result.steps < 9
    assert "2 iterations" in result.info["stop"]
    assert NoGain(2).met(result.solution.trace)
    again = run(stag, **options)
    assert (again.status, again.steps, again.certificate) == (result.status, result.steps, result.certificate)


@pytest.mark.parametrize("limit", [1_500, 4_000])
def test_the_episode_budget_holds_over_learning_simulation_and_verification(limit):
    result = run(iterations=50, budget=EpisodeBudget(limit), verification=1_000)
    info = result.info
    spent = info["episodes"] + info.get("learning_episodes", 0) + info["verification_episodes"]
    # One iteration learns from 2 * 350 episodes and simulates 2 t + 1 cells of 20, two more than the last.
    assert spent <= limit + 40
    assert spent > limit - 2 * (700 + 20 * (2 * result.steps + 3))
    assert result.status is Status.LIMIT
    assert "budget" in result.info["stop"]
    assert 0 < result.certificate.bound <= 8.0
    assert run(budget=EpisodeBudget(20)).steps == 0  # the start alone takes so many


def test_why_a_run_ended_is_said():
    assert "all 1 iterations" in run(iterations=1).info["stop"]
    assert "time limit" in run(time_limit=0.0).info["stop"]


def test_warm_starts_carry_values_through_checkpoints(tmp_path):
    class Killed(BaseException):
        pass

    def kill(step, total, **figures):
        if step == 2:
            raise Killed

    options = {"oracle": TabularQ(300, warm=WarmStart(), evaluation=50)}
    file = tmp_path / "run.json"
    with pytest.raises(Killed):
        run(**options, checkpoint=file, progress=kill)
    resumed, whole = run(**options, checkpoint=file), run(**options)
    assert isinstance(whole.solution.policies[0][-1], ValuedPolicy)
    np.testing.assert_array_equal(resumed.solution.trace.gains, whole.solution.trace.gains)
    assert resumed.certificate == whole.certificate


def test_simulators_agree_and_are_chosen_by_the_game():
    assert isinstance(simulator_for(MergeGame()), SideBySide)
    matrix = NormalFormEnv(NormalFormGame.zero_sum([[0.0, 1.0]]))
    chosen = simulator_for(matrix)
    assert chosen.name == (SideBySide() if hasattr(matrix, "batch") else OneByOne()).name
    game = open_spiel_game("kuhn_poker")
    one, side = (
        simulator.moments(game, [UniformPolicy()] * 2, 20_000, rng=np.random.default_rng(0))
        for simulator in (OneByOne(), SideBySide(512))
    )
    error = np.sqrt(2 * one.squares[0]) / 20_000
    assert abs(one.mean[0] - side.mean[0]) < 5 * error
    assert side.squares[0] == pytest.approx(one.squares[0], rel=0.05)
    assert OneByOne().name != SideBySide().name
    runs = [run(simulator=simulator, iterations=1) for simulator in (OneByOne(), SideBySide())]
    assert not np.array_equal(runs[0].solution.empirical.means, runs[1].solution.empirical.means)


@pytest.mark.parametrize("simulator", [OneByOne(16), SideBySide(8, 16)])
def test_cells_that_are_split_are_the_same_on_two_processes(simulator):
    allocation = AdaptiveAllocation(40, 200, 2, 20)
    one, two = (run(simulator=simulator, allocation=allocation, iterations=1, workers=w) for w in (1, 2))
    for key, array in one.solution.empirical.arrays().items():
        np.testing.assert_array_equal(array, two.solution.empirical.arrays()[key])
    assert one.certificate == two.certificate


def test_pieces_are_nearly_equal():
    assert pieces(10, 4) == [4, 3, 3]
    assert pieces(4, 4) == [4]
    assert pieces(0, 4) == []
    assert min(pieces(5, 4)) >= 2


@pytest.mark.parametrize(
    "make",
    [
        lambda: NoGain(0),
        lambda: NoGain(deviations=-1.0),
        lambda: NoGain(deviations=float("nan")),
        lambda: EpisodeBudget(0),
        lambda: OneByOne(3),
        lambda: SideBySide(0),
        lambda: SideBySide(largest=3),
    ],
)
def test_bad_settings(make):
    with pytest.raises(ValueError, match="must"):
        make()
