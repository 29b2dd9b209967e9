"""Risk profiles on disk and their certificates, computed again from the file alone."""

import json

import numpy as np
import pytest

from games.certificates import Certificate
from games.checking import check_result
from games.errors import FileFormatError
from games.normal_form import NormalFormGame
from games.normal_form.quantal import logit_residual
from games.normal_form.risk import RiskAversion
from games.normal_form.risk_measures import (
    Entropic,
    LowerPartialMoment,
    MeanVariance,
    MonotoneMeanVariance,
    Neutral,
)
from games.normal_form.risk_profiles import RiskProfile, risk_profile_nash_conv
from games.normal_form.risk_regularisers import Entropy, LogBarrier
from games.normal_form.risk_tails import CVaR, WorstCase
from games.results import SolveResult, Status
from games.storage import load_result, save_result

ROWS = np.array([[3.0, -1.0], [-2.0, 1.0]])
PROFILE = (np.array([0.5, 0.5]), np.array([0.25, 0.75]))
RISKS = [
    RiskProfile((Neutral(), MeanVariance(0.3)), (Entropy(0.2), None), 0.1),
    RiskProfile((MonotoneMeanVariance(0.4), Entropic(1.5))),
    RiskProfile((LowerPartialMoment(0.5, 3), LowerPartialMoment(0.7, 1, -0.25)), (None, LogBarrier(0.05))),
    RiskProfile((CVaR(0.35), WorstCase()), tremble=0.2),
]


def result_of(measure, bound, info=None):
    return SolveResult(PROFILE, Status.LIMIT, Certificate(measure, bound), "by hand", 1, 0.0, info or {})


def edited(path, change):
    header = json.loads(path.read_text())
    change(header)
    path.write_text(json.dumps(header))


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e5])
@pytest.mark.parametrize("risk", RISKS)
def test_true_claims_agree_and_lowered_ones_do_not(tmp_path, risk, scale):
    unit = RiskProfile(
        tuple(m.rescaled(1.0 / scale, 0.0) for m in risk.measures),
        tuple(None if own is None else own.rescaled(1.0 / scale) for own in risk.regularisers),
        risk.tremble,
    )
    game = NormalFormGame.zero_sum(scale * ROWS)
    bound = risk_profile_nash_conv(game, PROFILE, unit)
    assert bound > 1e-3 * scale
    path = tmp_path / "a.json"
    save_result(path, game, result_of("risk_profile_nash_conv", bound), risk=unit)
    stored = load_result(path)
    assert stored.risk == unit
    report = check_result(stored)
    assert report.agrees
    assert report.recomputed.bound == bound

    def lower(header):
        header["result"]["certificate"]["bound"] *= 1 - 1e-7

    edited(path, lower)
    assert not check_result(load_result(path)).agrees


def test_logit_play_is_checked_at_the_precision_in_the_file(tmp_path):
    game = NormalFormGame.zero_sum(ROWS)
    bound = logit_residual(game, PROFILE, 0.7)
    path = tmp_path / "a.json"
    save_result(path, game, result_of("logit_residual", bound, {"lam": 0.7}))
    assert check_result(load_result(path)).agrees
    save_result(path, game, result_of("logit_residual", bound, {"lam": 0.0}))
    assert not check_result(load_result(path)).agrees
    save_result(path, game, result_of("logit_residual", bound))
    with pytest.raises(ValueError, match=r"info\['lam'\]"):
        check_result(load_result(path))


def test_a_claim_about_risk_needs_risk_of_its_kind(tmp_path):
    game, path = NormalFormGame.zero_sum(ROWS), tmp_path / "a.json"
    claim = result_of("risk_profile_nash_conv", 1.0)
    with pytest.raises(ValueError, match="since the certificate is a risk_profile_nash_conv"):
        save_result(path, game, claim)
    save_result(path, game, claim, risk=RiskAversion(0.5))
    with pytest.raises(ValueError, match="holds no risk profile"):
        check_result(load_result(path))
    save_result(path, game, result_of("risk_nash_conv", 1.0), risk=RISKS[0])
    with pytest.raises(ValueError, match="holds no risk aversion"):
        check_result(load_result(path))


class _Own:
    """A measure that files cannot hold."""


def test_measures_of_other_kinds_or_numbers_are_not_saved(tmp_path):
    game, path = NormalFormGame.zero_sum(ROWS), tmp_path / "a.json"
    claim = result_of("risk_profile_nash_conv", 1.0)
    for risk in (
        RiskProfile((_Own(), Neutral())),
        RiskProfile((CVaR(0.5).smoothed(0.1),) * 2),
        RiskProfile((Neutral(),) * 2, (_Own(), None)),
    ):
        with pytest.raises(TypeError, match="can be saved if they are one of"):
            save_result(path, game, claim, risk=risk)
    with pytest.raises(ValueError, match="one per player"):
        save_result(path, game, claim, risk=RiskProfile((Neutral(),) * 3))
    with pytest.raises(TypeError, match="RiskAversion or a RiskProfile"):
        save_result(path, game, claim, risk="neutral")
    assert not path.exists()


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("measures", 0, "kind"), "lottery", r"risk\.measures\.0\.kind: wanted 'neutral' or"),
        (("measures", 0, "gamma"), -1.0, "gamma must be finite and at least 0"),
        (("measures", 0, "gamma"), "much", r"measures\.0\.gamma: wanted a finite number"),
        (("measures", 0, "order"), 2.5, r"measures\.0\.order: wanted an integer"),
        (("measures", 0, "target"), "mean", r"measures\.0\.target: wanted a finite number"),
        (("measures",), {}, r"risk\.measures: wanted a list of objects"),
        (("measures",), [None, None], r"risk\.measures: wanted a list of objects"),
        (("measures",), [{"kind": "neutral"}], "one per player"),
        (("measures", 0), 3, r"measures\.0: wanted an object"),
        (("regularisers",), [None], "one per player"),
        (("regularisers", 1, "eps"), 0.0, "eps must be positive"),
        (("tremble",), 2.0, r"tremble must lie in \[0, 1\]"),
    ],
)
def test_broken_risk_in_a_file_is_named(tmp_path, keys, value, message):
    path = tmp_path / "a.json"
    save_result(path, NormalFormGame.zero_sum(ROWS), result_of("nash_conv", 5.0), risk=RISKS[2])

    def change(header):
        part = header["risk"]
        for key in keys[:-1]:
            part = part[key]
        part[keys[-1]] = value

    edited(path, change)
    with pytest.raises(FileFormatError, match=message):
        load_result(path)
