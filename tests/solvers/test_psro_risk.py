"""PSRO towards a risk-averse equilibrium of the whole tree, certified in every iteration."""

import numpy as np
import pytest

from games.adapters.open_spiel_tree import compile_open_spiel
from games.extensive.risk import mixture_risk_nash_conv
from games.loading import load_game
from games.normal_form.risk import RiskAversion, RiskVariance
from games.results import Status
from solvers.psro import PSRO, RiskAverseBestResponse, RiskAverseMetaSolver, RiskNashConv, run_psro


def method(risk):
    return PSRO(RiskAverseBestResponse(risk), RiskAverseMetaSolver(risk), measure=RiskNashConv(risk))


@pytest.mark.parametrize("gamma", [0.0, 0.01, 0.1, 1.0])
@pytest.mark.parametrize("name", ["kuhn_poker", "beer-quiche", "kuhn_poker(players=3)"])
def test_small_trees_are_certified(name, gamma):
    form = load_game(name).sequence_form()
    risk = RiskAversion(gamma)
    result = run_psro(form, method(risk), iterations=40, tol=1e-6)
    assert result.status is Status.CERTIFIED
    assert result.certificate.measure == "risk_nash_conv"
    assert result.certificate.bound <= 1e-6 * form.payoff_range
    solution = result.unwrap()
    # Found again from the populations, apart from the run.
    again = mixture_risk_nash_conv(form, solution.plans, solution.profile, risk)
    assert again == pytest.approx(result.certificate.bound, abs=1e-9)
    assert solution.trace.distance[-1] == pytest.approx(again, abs=1e-9)
    if gamma == 0.0:
        assert result.info["nash_conv"] <= 1e-6 * form.payoff_range


def test_leduc_comes_nearer():
    form = compile_open_spiel("leduc_poker")
    risk = RiskAversion(1.0)
    trace = run_psro(form, method(risk), iterations=60).unwrap().trace
    assert trace.distance[0] > 5.0
    assert trace.distance[-10:].min() < 0.3
    assert (trace.distance >= 0).all()


def test_total_variance_runs_and_is_honest_where_no_equilibrium_is_found():
    form = compile_open_spiel("kuhn_poker")
    risk = RiskAversion(0.5, variance=RiskVariance.TOTAL)
    result = run_psro(form, method(risk), iterations=15)
    solution = result.unwrap()
    again = mixture_risk_nash_conv(form, solution.plans, solution.profile, risk)
    assert result.certificate.bound == pytest.approx(again, abs=1e-9)
    assert (result.status is Status.CERTIFIED) == (again <= 1e-9 * form.payoff_range)


def test_a_run_resumes_to_the_same_digits_with_mixed_policies(tmp_path):
    form = compile_open_spiel("leduc_poker")
    risk = RiskAversion(0.2)
    whole = run_psro(form, method(risk), iterations=12).unwrap()
    run_psro(form, method(risk), iterations=7, checkpoint=tmp_path / "run.json")
    resumed = run_psro(form, method(risk), iterations=12, checkpoint=tmp_path / "run.json").unwrap()
    np.testing.assert_array_equal(whole.trace.distance, resumed.trace.distance)
    for mine, theirs in zip(whole.plans, resumed.plans, strict=True):
        np.testing.assert_array_equal(mine, theirs)
