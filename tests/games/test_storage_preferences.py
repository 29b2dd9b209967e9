"""Solved preference games on disk, and judged from there."""

import json
from dataclasses import replace

import numpy as np
import pytest

from games.certificates import Certificate
from games.checking_preferences import check_preference
from games.errors import FileFormatError
from games.preference import (
    CHI_SQUARED,
    KL,
    REVERSE_KL,
    KullbackLeibler,
    best_response,
    certify_preference,
    comal_testbed,
    random_preferences,
)
from games.results import SolveResult, Status
from games.storage.preferences import load_preference, save_preference


def solved(game, policy):
    certificate = certify_preference(game, policy)
    return SolveResult(policy, Status.CERTIFIED, certificate, "by hand", 3, 0.5, {"contexts": 4})


def batch(divergence=KL, tau=0.3):
    game = random_preferences(5, rng=np.random.default_rng(2), batch_shape=(2, 3), tau=tau)
    game = game.with_divergence(divergence)
    return game, best_response(game, game.reference)


@pytest.mark.parametrize("divergence", [KL, REVERSE_KL, CHI_SQUARED])
def test_a_batch_comes_back_and_its_claim_holds(tmp_path, divergence):
    game, policy = batch(divergence)
    save_preference(tmp_path / "a" / "b.json", game, solved(game, policy), settings={"eta": 2.0})
    stored = load_preference(tmp_path / "a" / "b.json")
    np.testing.assert_array_equal(stored.game.preferences, game.preferences)
    np.testing.assert_array_equal(stored.game.reference, game.reference)
    np.testing.assert_array_equal(stored.result.unwrap(), policy)
    assert (stored.game.tau, stored.game.name, stored.game.divergence) == (0.3, game.name, divergence)
    assert (stored.settings, stored.result.info) == ({"eta": 2.0}, {"contexts": 4})
    report = check_preference(stored)
    assert report.agrees
    assert report.recomputed.bound == pytest.approx(report.claimed.bound, rel=1e-9)
    assert divergence.name in report.messages[-1]


@pytest.mark.parametrize("tau", [0.0, 0.2])
def test_a_claim_that_is_too_good_is_found_out(tmp_path, tau):
    game = comal_testbed(tau=tau)
    result = solved(game, game.reference)
    better = replace(result, certificate=replace(result.certificate, bound=0.9 * result.certificate.bound))
    save_preference(tmp_path / "x.json", game, better)
    report = check_preference(load_preference(tmp_path / "x.json"))
    assert not report.agrees
    assert report.recomputed == result.certificate
    assert "more than the" in report.messages[0]


@pytest.mark.parametrize("claim", [None, Certificate("nash_conv", 1.0), Certificate("preference_gap", 1.0)])
def test_a_claim_about_something_else_is_not_checked(tmp_path, claim):
    game, policy = batch()
    save_preference(tmp_path / "x.json", game, replace(solved(game, policy), certificate=claim))
    with pytest.raises(ValueError, match="no certificate 'regularised_gap'"):
        check_preference(load_preference(tmp_path / "x.json"))


def test_what_cannot_be_saved_is_refused(tmp_path):
    game, policy = batch()
    with pytest.raises(ValueError, match="holds no solution"):
        save_preference(tmp_path / "x.json", game, replace(solved(game, policy), solution=None))
    with pytest.raises(ValueError, match="shape"):
        save_preference(tmp_path / "x.json", game, replace(solved(game, policy), solution=policy[0]))
    own = game.with_divergence(KullbackLeibler(name="mine"))
    with pytest.raises(ValueError, match="divergence must be one of kl, reverse_kl, chi_squared"):
        save_preference(tmp_path / "x.json", own, solved(game, policy))
    assert not (tmp_path / "x.json").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tau": -1.0}, "tau must be finite"),
        ({"tau": "much"}, "wanted a finite number"),
        ({"divergence": "hellinger"}, "'kl' or 'reverse_kl'"),
        ({"name": 3}, "wanted a string"),
    ],
)
def test_headers_that_make_no_sense_are_refused(tmp_path, change, words):
    game, policy = batch()
    path = tmp_path / "x.json"
    save_preference(path, game, solved(game, policy))
    header = json.loads(path.read_text())
    header["game"] |= change
    path.write_text(json.dumps(header))
    with pytest.raises(FileFormatError, match=words):
        load_preference(path)


@pytest.mark.parametrize(
    "arrays",
    [
        {"preferences": np.full((2, 2), 0.7)},
        {"policy": np.array([0.9, 0.9])},
        {"policy": np.array([[0.5, 0.5]])},
        {"reference": np.array([1, 0])},
        {"preferences": None},
    ],
)
def test_arrays_that_are_no_game_are_refused(tmp_path, arrays):
    from games.storage.bundle import read_bundle, write_bundle
    from games.storage.preferences import SCHEMA, VERSION

    game = comal_testbed()
    game = type(game)(np.array([[0.5, 0.9], [0.1, 0.5]]))
    path = tmp_path / "x.json"
    save_preference(path, game, solved(game, game.reference))
    header, kept = read_bundle(path, schema=SCHEMA, version=VERSION)
    spoilt = {name: array for name, array in {**kept, **arrays}.items() if array is not None}
    write_bundle(path, {key: value for key, value in header.items() if key != "arrays"}, spoilt)
    with pytest.raises(FileFormatError):
        load_preference(path)
