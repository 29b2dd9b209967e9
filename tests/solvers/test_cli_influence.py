"""``counterplay influence`` as a user meets it."""

import json
import subprocess
import sys

import networkx as nx
import pytest
from typer.testing import CliRunner

from solvers.cli.influence import read_adopters
from solvers.cli.main import app
from solvers.registry import INFLUENCE


def run(*arguments):
    return CliRunner().invoke(app, ["influence", *map(str, arguments)], env={"COLUMNS": "200"})


@pytest.fixture
def files(tmp_path):
    """The karate club, each friendship once, and adopters."""
    lines = [f"{u} {v}" for u, v in nx.karate_club_graph().edges]
    (tmp_path / "karate.txt").write_text("# karate\n" + "\n".join(lines) + "\n")
    (tmp_path / "one.txt").write_text("0, 33\n")
    (tmp_path / "sets.txt").write_text("# nested sets\n0\n0,33\n\n0 33,2  # three\n")
    return tmp_path


def test_an_answer_a_file_and_a_picture(files):
    out, plot = files / "deep" / "best.json", files / "deep" / "ratio.png"
    done = run(
        files / "karate.txt",
        "--undirected",
        "--adopters",
        files / "one.txt",
        "--capacity",
        2,
        "--out",
        out,
        "--plot",
        plot,
    )
    assert done.exit_code == 0, done.output
    for words in ("4 friends of 2 adopters", "certified ratio", "bound by", "sets", "certified"):
        assert words in done.stdout
    record = json.loads(out.read_text())
    assert [adopter for adopter, _ in record["friends"]] == [0, 33]
    assert all(len(friends) == 2 for _, friends in record["friends"])
    low, high = record["spread_interval"]
    assert low <= record["spread"] <= high
    assert record["ratio"] == pytest.approx(low / record["optimum_bound"])
    assert record["ratio"] >= 0.85
    assert record["confidence"] == 0.99
    assert record["status"] == "certified"
    assert record["directed"] is False
    assert plot.read_bytes().startswith(b"\x89PNG")
    again = files / "again.json"
    run(
        files / "karate.txt",
        "--undirected",
        "--adopters",
        files / "one.txt",
        "--capacity",
        2,
        "--threads",
        2,
        "--out",
        again,
    )
    assert json.loads(again.read_text())["friends"] == record["friends"]


@pytest.mark.parametrize("model", ["wc", "lt", "uniform:0.1", "trivalency"])
def test_models(files, model):
    arguments = (
        files / "karate.txt",
        "--undirected",
        "--adopters",
        files / "one.txt",
        "--capacity",
        3,
        "--model",
        model,
    )
    done = run(*arguments, "--target-ratio", 0.5, "--out", files / "out.json")
    assert done.exit_code == 0, done.output
    assert json.loads((files / "out.json").read_text())["model"] == model


@pytest.mark.parametrize("entry", list(INFLUENCE), ids=lambda entry: entry.name)
def test_every_registered_method_runs(files, entry):
    adopters = ["--adopters", files / "one.txt"] if "capacity" in entry.tags else []
    done = run(
        files / "karate.txt",
        "--undirected",
        *adopters,
        "--capacity",
        2,
        "--method",
        entry.name,
        "--out",
        files / "out.json",
        "--plot",
        files / "out.png",
    )
    assert done.exit_code == 0, done.output
    record = json.loads((files / "out.json").read_text())
    chosen = (
        record["seeds"] if "seeds" in record else [f for _, friends in record["friends"] for f in friends]
    )
    assert 0 < len(chosen) <= 4
    assert 0 < record["ratio"] <= 1
    assert (files / "out.png").exists()


def test_a_limit_leaves_an_answer_and_says_so(files):
    done = run(
        files / "karate.txt",
        "--undirected",
        "--adopters",
        files / "one.txt",
        "--capacity",
        2,
        "--target-ratio",
        0.9999,
        "--max-sets",
        300,
        "--out",
        files / "out.json",
    )
    assert done.exit_code == 1
    assert "limit" in done.output
    record = json.loads((files / "out.json").read_text())
    assert record["status"] == "limit"
    assert record["info"]["sets"] <= 300
    assert record["friends"]


def test_adopters_are_read_from_one_line_or_all(files):
    assert read_adopters(files / "one.txt", None) == [0, 33]
    assert [read_adopters(files / "sets.txt", k) for k in (1, 2, 3)] == [[0], [0, 33], [0, 33, 2]]
    (files / "column.txt").write_text("5\n7\n\n9\n")
    assert read_adopters(files / "column.txt", None) == [5, 7, 9]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("0\n0,33\n", None, "name one by --adopter-set"),
        ("0\n0,33\n", 3, r"must lie in 1..2"),
        ("0\n0,33\n", 0, r"must lie in 1..2"),
        ("0 0\n", None, "more than once$"),
        ("ann, bob\n", None, "node ids like 3, 14, 15; got 'ann', 'bob'"),
        ("-1\n", None, "node ids"),
        ("# nobody\n", None, "got nothing"),
    ],
)
def test_adopter_files_that_make_no_sense(tmp_path, text, line, words):
    (tmp_path / "ids.txt").write_text(text)
    with pytest.raises(ValueError, match=words):
        read_adopters(tmp_path / "ids.txt", line)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--adopters", "one.txt", "--capacity", "2", "--model", "sir"], "--model must be"),
        (["--adopters", "one.txt", "--capacity", "2", "--model", "uniform"], "uniform:0.1"),
        (["--adopters", "one.txt", "--capacity", "2", "--model", "uniform:2"], "probability must lie"),
        (["--adopters", "one.txt", "--capacity", "2", "--method", "best"], "unknown influence method"),
        (
            ["--adopters", "one.txt", "--capacity", "2", "--method", "degree", "--eps", "0.1"],
            "takes no --eps",
        ),
        (["--adopters", "one.txt", "--capacity", "2", "--method", "opim_c"], "takes no --adopters"),
        (["--capacity", "2"], "needs --adopters"),
        (["--capacity", "2", "--method", "opim_c", "--adopter-set", "1"], "--adopter-set"),
        (["--adopters", "one.txt", "--capacity", "-2"], "at least 0"),
        (["--adopters", "missing.txt", "--capacity", "2"], "missing.txt"),
        (["--adopters", "far.txt", "--capacity", "2"], "99"),
    ],
)
def test_mistakes_are_named(files, options, words, monkeypatch):
    (files / "far.txt").write_text("99\n")
    monkeypatch.chdir(files)
    done = run("karate.txt", *options)
    assert isinstance(done.exception, ValueError | OSError)
    assert words in str(done.exception)


def test_a_mistake_ends_in_one_line_and_exit_code_two(files):
    command = [sys.executable, "-c", "from solvers.cli.main import main; main()", "influence", "karate.txt"]
    done = subprocess.run(
        [*command, "--capacity", "2"], capture_output=True, text=True, cwd=files, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "error: method anytime needs --adopters, a file of node ids\n"


def test_the_listing_names_the_methods():
    done = CliRunner().invoke(app, ["list", "influence-methods"], env={"COLUMNS": "200"})
    assert done.exit_code == 0
    for word in ("anytime", "rr_opim_plus", "pagerank", "opim_c"):
        assert word in done.stdout
