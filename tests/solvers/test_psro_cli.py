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


@pytest.mark.parametrize(
    ("option", "file", "words"),
    [
        ("--plot", "x.foo", "pictures must end in"),
        ("--save-population", "pop.txt", "must end in .json"),
        ("--out", "r.txt", "must end in .json"),
        ("--checkpoint", "c.ckpt", "must end in .json"),
        ("--out", "folder.json", "cannot be written"),
    ],
)
def test_places_are_checked_before_the_run(option, file, words, tmp_path, monkeypatch):
    monkeypatch.setattr("solvers.cli.psro.run_psro", None)  # nothing to call
    (tmp_path / "folder.json").mkdir()
    done = run("psro", "kuhn_poker", option, tmp_path / file)
    assert isinstance(done.exception, ValueError | OSError)
    assert words in str(done.exception)


def test_a_result_is_kept_where_a_later_picture_fails(tmp_path, monkeypatch):
    def broken(traces):
        raise RuntimeError("no picture")

    monkeypatch.setattr("solvers.report.plots.plot_convergence", broken)
    out, population = tmp_path / "new" / "out.json", tmp_path / "population.json"
    done = run(
        "psro", "kuhn_poker", "--out", out, "--save-population", population, "--plot", tmp_path / "a.png"
    )
    assert isinstance(done.exception, RuntimeError)
    assert run("check", out).exit_code == 0
    assert run("inspect", population).exit_code == 0


@pytest.mark.parametrize("part", ["--oracle", "--meta-solver"])
def test_parts_averse_to_risk_ask_how_much(part):
    done = run("psro", "kuhn_poker", part, "risk_averse")
    assert isinstance(done.exception, ValueError)
    assert "--gamma" in str(done.exception)


@pytest.mark.parametrize("written", [False, True])
def test_an_interrupted_run_says_what_was_kept(written, tmp_path, monkeypatch):
    def interrupted(*arguments, checkpoint, **options):
        if written:
            checkpoint.touch()
        raise KeyboardInterrupt

    monkeypatch.setattr("solvers.cli.psro.run_psro", interrupted)
    done = run("psro", "kuhn_poker", "--checkpoint", tmp_path / "run.json")
    assert done.exit_code == 130
    assert ("resumes the run" in done.output) is written
    assert ("nothing was kept" in done.output) is not written
