"""Files of bandit policies from ``counterplay sequoia --out``, inspected and checked."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from games.errors import FileFormatError
from solvers.cli.main import app


def run(*arguments):
    words = [*map(str, arguments)]
    return CliRunner().invoke(app, words, env={"COLUMNS": "160"}, catch_exceptions=True)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "deep"
    sizes = ("--arms", 4, "--budget", 2, "--rounds", 2, "--lanes", 2, "--pairs", 2_000)
    done = run("sequoia", "interventions", *sizes, "--out", folder)
    assert done.exit_code == 0, done.output
    assert "check it with: counterplay check" in done.stdout
    return folder


@pytest.fixture
def file(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "copy") / "policy.json"


def test_inspect_shows_claims_and_a_decision(file):
    done = run("inspect", file, "--limit", 2)
    assert done.exit_code == 0, done.output
    for words in (
        "interventions(arms=4",
        "claimed return",
        "at most",
        "loss if flipped",
        "next best actions",
    ):
        assert words in done.stdout
    assert "and 2 more" in done.stdout
    refused = run("inspect", file, "--player", 0)
    assert isinstance(refused.exception, ValueError)
    assert "has no players" in str(refused.exception)


def test_check_agrees_and_notices_what_was_changed(file):
    done = run("check", file, "--seed", 3, "--episodes", 60)
    assert done.exit_code == 0, done.output
    assert "argmax_gap claimed" in done.stdout
    assert "agrees" in done.stdout
    assert "60 fresh episodes" in done.stdout
    header = json.loads(file.read_text())
    header["claim"]["mean"] += 0.5
    file.write_text(json.dumps(header))
    done = run("check", file, "--seed", 3, "--episodes", 60)
    assert done.exit_code == 1
    assert "DISAGREES" in done.stdout
    assert "is too high" in done.stdout
    header["bandit"]["actions"]["most"] = 3
    file.write_text(json.dumps(header))
    done = run("check", file)
    assert isinstance(done.exception, FileFormatError)
    assert "bandit.sha256" in str(done.exception)
    assert isinstance(run("check", file, "--episodes", 1).exception, FileFormatError | ValueError)


def test_equal_seeds_give_equal_files(trained, tmp_path):
    sizes = ("--arms", 4, "--budget", 2, "--rounds", 2, "--lanes", 2, "--pairs", 2_000)
    assert run("sequoia", "interventions", *sizes, "--out", tmp_path).exit_code == 0
    first, second = (json.loads((folder / "policy.json").read_text()) for folder in (trained, tmp_path))
    assert first["claim"] == second["claim"]
    assert first["bandit"] == second["bandit"]
    assert run("sequoia", "capacity", "--seed", 1, *sizes, "--tol", -1, "--out", tmp_path).exit_code == 1
    assert json.loads((tmp_path / "policy.json").read_text())["claim"] != first["claim"]


def test_a_place_that_cannot_be_written_is_named_before_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr("solvers.sequoia.learning.trainer.SequoiaTrainer.start", None)
    (tmp_path / "policy.json").mkdir()
    done = run("sequoia", "capacity", "--out", tmp_path)
    assert isinstance(done.exception, OSError)
    assert "cannot be written" in str(done.exception)
