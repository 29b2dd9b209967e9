"""Variants on the command line."""

import pytest
from typer.testing import CliRunner

from games.errors import UnknownNameError, UnsupportedGameError
from solvers.cli.main import app
from solvers.registry import VARIANTS


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.mark.parametrize("name", ["xdo", "self_play"])
def test_a_variant_runs_resumes_and_its_answer_checks(name, tmp_path):
    command = ["psro", "kuhn_poker", "--variant", name, "--checkpoint", tmp_path / "run.json"]
    assert run(*command, "--iterations", "1", "--checkpoint-every", "1").exit_code == 1  # not there yet
    done = run(*command, "--out", tmp_path / "out.json")
    assert done.exit_code == 0, done.output
    assert "certified" in done.output
    assert run("check", tmp_path / "out.json").exit_code == 0


def test_variants_are_listed_with_what_they_take():
    listed = run("list", "variants").output
    assert all(entry.name in listed for entry in VARIANTS)
    assert "fictitious_play" not in run("list", "variants", "--tag", "constant-sum").output


def test_a_variant_is_a_whole_method():
    refused = run("psro", "kuhn_poker", "--variant", "xdo", "--meta-solver", "uniform", "--expander", "all")
    assert isinstance(refused.exception, ValueError)
    assert "--meta-solver, --expander" in str(refused.exception)
    assert isinstance(run("psro", "kuhn_poker", "--variant", "xd0").exception, UnknownNameError)
    assert isinstance(run("psro", "stag-hunt", "--variant", "xdo").exception, UnsupportedGameError)
    assert isinstance(run("psro", "kuhn_poker", "--variant", "xdo", "--gamma", "1").exception, ValueError)


def test_symmetric_games_take_one_population():
    goofspiel = "goofspiel(num_cards=3,imp_info=True,points_order=descending)"
    done = run("psro", goofspiel, "--symmetric", "--tol", "1e-6")
    assert done.exit_code == 0, done.output
    assert isinstance(run("psro", "kuhn_poker", "--symmetric").exception, UnsupportedGameError)
    both = run("psro", goofspiel, "--symmetric", "--variant", "xdo")
    assert "--symmetric" in str(both.exception)
