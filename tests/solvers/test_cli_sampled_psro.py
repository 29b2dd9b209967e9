"""``counterplay sampled-psro`` as a user meets it."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from games.errors import UnknownNameError
from solvers.cli.main import app
from solvers.registry import SAMPLED_ORACLES

FAST = ["--iterations", "1", "--learn", "200", "--initial", "20", "--extra", "200", "--verification", "40"]


def run(*arguments):
    return CliRunner().invoke(app, ["sampled-psro", *map(str, arguments)])


def test_a_run_shows_its_certificate_resumes_and_is_played(tmp_path):
    checkpoint, population = tmp_path / "run.json", tmp_path / "population.json"
    first = run("kuhn_poker", *FAST, "--checkpoint", checkpoint, "--save-population", population)
    assert first.exit_code == 0, first.output
    for word in ("restricted_nash_conv <=", "confidence 0.95", "all 1 iterations", "gain of the answers"):
        assert word in first.output
    again = run("kuhn_poker", *FAST, "--checkpoint", checkpoint)
    assert "restricted_nash_conv" in again.output
    played = CliRunner().invoke(app, ["play", str(population), "--episodes", "20"])
    assert played.exit_code == 0, played.output


def test_risk_budget_and_patience():
    averse = run("stag-hunt", *FAST, "--oracle", "mean_variance", "--risk", "both", "--gamma", "0.5")
    assert averse.exit_code == 0, averse.output
    assert "restricted_risk_nash_conv" in averse.output
    short = run("kuhn_poker", *FAST, "--episodes", "100")
    assert "budget of 100 episodes" in " ".join(short.output.split())
    names = CliRunner().invoke(app, ["list", "sampled-oracles"])
    assert "mean_variance" in names.output


@pytest.mark.parametrize(
    ("arguments", "error", "word"),
    [
        (["--oracle", "tabular"], UnknownNameError, "tabular_q"),
        (["--risk", "both"], ValueError, "--gamma"),
        (["--risk", "both", "--gamma", "1", "--meta-solver", "nash"], ValueError, "--meta-solver"),
        (["--gamma", "1"], ValueError, "--gamma"),
        (["--oracle", "mean_variance"], ValueError, "need it"),
        (["--meta-solver", "risk_averse"], ValueError, "need it"),
        (["--tremble", "0.1"], ValueError, "--tremble"),
        (["--oracle", "mean_variance", "--gamma", "1", "--tremble", "0.1"], ValueError, "--tremble"),
        (["--checkpoint", "run.ckpt"], ValueError, "must end in .json"),
        (["--save-population", "pop.txt"], ValueError, "must end in .json"),
        (["--seed", "-1"], ValueError, "seed"),
    ],
)
def test_refusals(arguments, error, word):
    done = run("kuhn_poker", *FAST, *arguments)
    assert isinstance(done.exception, error)
    assert word in str(done.exception)


def test_errors_are_one_line_from_the_shell():
    code = "from solvers.cli.main import main; main()"
    command = [sys.executable, "-c", code, "sampled-psro", "no_such_game"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "error:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", [e.name for e in SAMPLED_ORACLES if e.name != "sb3"])
def test_every_registered_oracle_answers(name):
    averse = ["--gamma", "0.1"] if "risk" in SAMPLED_ORACLES.get(name).tags else []
    done = run("kuhn_poker", *FAST, "--oracle", name, *averse)
    assert done.exit_code == 0, done.output


def test_environments_are_played_by_name():
    done = run("merge", *FAST, "--oracle", "mean_variance", "--gamma", "0.1", "--meta-solver", "uniform")
    assert done.exit_code == 0, done.output
    assert "merge" in done.output
