"""``counterplay influence`` as a user meets it."""

import subprocess
import sys

import networkx as nx
import numpy as np
import pytest
from typer.testing import CliRunner

from games.influence.diffusion import IndependentCascade, LinearThreshold
from games.influence.graph import read_edge_list
from games.influence.seeding import node_worth
from games.storage.influence import load_influence
from solvers.cli.influence_inputs import Adopters, read_adopters, read_weights
from solvers.cli.main import app
from solvers.registry import INFLUENCE


def run(*arguments):
    return command("influence", *arguments)


def command(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "200"})


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
    stored = load_influence(out)
    assert list(stored.chosen) == [0, 33]
    assert all(len(friends) == 2 for friends in stored.chosen.values())
    claim = stored.result.unwrap()
    low, high = claim.spread_interval
    assert low <= claim.spread <= high
    assert claim.ratio == pytest.approx(low / claim.optimum_bound)
    assert claim.ratio >= 0.85
    assert stored.result.certificate.confidence == 0.99
    assert stored.result.status == "certified"
    assert dict(stored.settings) == {"method": "anytime", "model": "wc", "seed": 0}
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
    assert load_influence(again).chosen == stored.chosen
    judged = command("check", out, again, "--seed", 3)
    assert judged.exit_code == 0, judged.output
    assert judged.stdout.count("agrees") == 2
    shown = command("inspect", out, "--limit", 1)
    assert shown.exit_code == 0, shown.output
    for words in (
        "34 nodes, 156 arcs",
        "IndependentCascade",
        "method anytime",
        "and 1 more adopters",
        "0.99",
    ):
        assert words in shown.stdout


def test_a_forged_file_fails_the_check(files):
    out = files / "best.json"
    run(files / "karate.txt", "--undirected", "--adopters", files / "one.txt", "--capacity", 2, "--out", out)
    ratio = load_influence(out).result.unwrap().ratio
    out.write_text(out.read_text().replace(repr(ratio), "0.9999"))
    judged = command("check", out, "--seed", 3)
    assert judged.exit_code == 1
    assert "DISAGREES" in judged.stdout
    assert "fresh sets prove a ratio" in judged.stdout
    out.write_text(out.read_text()[:200])
    assert "JSON" in str(command("check", out).exception)


def test_inspecting_seeds_takes_no_player(files):
    out = files / "best.json"
    run(files / "karate.txt", "--undirected", "--seeds", 3, "--out", out)
    assert "no players" in str(command("inspect", out, "--player", 0).exception)
    assert "limit" in str(command("inspect", out, "--limit", 0).exception)


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
    stored = load_influence(files / "out.json")
    assert stored.settings["model"] == model
    diffusion = stored.problem.diffusion
    assert type(diffusion) is (LinearThreshold if model == "lt" else IndependentCascade)
    if model == "trivalency":
        assert set(diffusion.probability) == {0.1, 0.01, 0.001}
    assert command("check", files / "out.json", "--seed", 1).exit_code == 0


@pytest.mark.parametrize("entry", list(INFLUENCE), ids=lambda entry: entry.name)
def test_every_registered_method_runs(files, entry):
    capacity = ["--adopters", files / "one.txt", "--capacity", 2]
    done = run(
        files / "karate.txt",
        "--undirected",
        *(capacity if "capacity" in entry.tags else ["--seeds", 4]),
        "--method",
        entry.name,
        "--out",
        files / "out.json",
        "--plot",
        files / "out.png",
    )
    assert done.exit_code == 0, done.output
    stored = load_influence(files / "out.json")
    assert 0 < stored.result.unwrap().invited.size <= 4
    assert 0 < stored.result.unwrap().ratio <= 1
    assert (files / "out.png").exists()
    judged = command("check", files / "out.json", "--seed", 1)
    assert judged.exit_code == 0, judged.output


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
    stored = load_influence(files / "out.json")
    assert stored.result.status == "limit"
    assert stored.result.info["sets"] <= 300
    assert stored.settings["max_sets"] == 300
    assert stored.chosen


def test_plain_seeds_are_opim_c_unless_said_otherwise(files):
    done = run(files / "karate.txt", "--undirected", "--seeds", 3, "--out", files / "out.json")
    assert done.exit_code == 0, done.output
    assert "3 seeds" in done.stdout
    stored = load_influence(files / "out.json")
    assert stored.result.solver == "opim_c"
    assert len(stored.chosen) == 3
    assert {0, 33} <= set(stored.chosen)


def test_capacities_of_their_own(files):
    (files / "own.txt").write_text("0:1, 33:3\n2\n")
    assert read_adopters(files / "own.txt", None) == Adopters([0, 33, 2], {0: 1, 33: 3})
    arguments = [files / "karate.txt", "--undirected", "--adopters", files / "own.txt"]
    done = run(*arguments, "--capacity", 2, "--out", files / "out.json")
    assert done.exit_code == 0, done.output
    assert {a: len(f) for a, f in load_influence(files / "out.json").chosen.items()} == {0: 1, 33: 3, 2: 2}
    assert "adopter 2 has no capacity" in str(run(*arguments).exception)


def test_weights_make_the_audience(files):
    """Only two members count, and they are one step away from different friends."""
    (files / "worth.txt").write_text("# customers\n16 5\n26, 2.5\n")
    arguments = [files / "karate.txt", "--undirected", "--adopters", files / "one.txt", "--capacity", 1]
    done = run(*arguments, "--weights", files / "worth.txt", "--out", files / "out.json")
    assert done.exit_code == 0, done.output
    stored = load_influence(files / "out.json")
    worth = node_worth(stored.problem.model)
    assert sorted(worth[worth > 0]) == [2.5, 5.0]
    # 16 is reached through 5 and 6 alone, 26 through 29 alone or as a friend itself.
    assert stored.chosen[0][0] in (5, 6)
    assert stored.chosen[33] == (26,)
    assert command("check", files / "out.json", "--seed", 1).exit_code == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1\n", "node id and a weight"),
        ("1 -2\n", "at least 0"),
        ("x 2\n", "node id"),
        ("1 nan\n", "at least 0"),
        ("1 2\n1 3\n", "more than once"),
        ("99 1\n", "99"),
        ("1 2 3\n", "node id and a weight"),
    ],
)
def test_weights_that_make_no_sense(files, text, words):
    (files / "worth.txt").write_text(text)
    graph = read_edge_list(files / "karate.txt", directed=False)
    with pytest.raises(ValueError, match=words):
        read_weights(files / "worth.txt", graph)


def test_probabilities_of_the_file_and_limited_steps(files):
    (files / "path.txt").write_text("0 1 1.0\n1 2 0.5\n2 3 1.0\n0 4 1.0\n")
    (files / "first.txt").write_text("0\n")
    arguments = [files / "path.txt", "--adopters", files / "first.txt", "--capacity", 1, "--model", "arcs"]
    for steps, spread in (([], 2.0), (["--steps", 1], 1.5), (["--steps", 0], 1.0)):
        done = run(*arguments, *steps, "--out", files / "out.json", "--target-ratio", 0.9)
        assert done.exit_code == 0, done.output
        answer = load_influence(files / "out.json").result.unwrap()
        assert answer.spread == pytest.approx(spread, rel=0.1)
    np.testing.assert_array_equal(
        load_influence(files / "out.json").problem.diffusion.probability, [1, 0.5, 1, 1]
    )
    without = run(files / "karate.txt", "--adopters", files / "one.txt", "--capacity", 1, "--model", "arcs")
    assert "third column" in str(without.exception)


def test_adopters_are_read_from_one_line_or_all(files):
    assert read_adopters(files / "one.txt", None) == Adopters([0, 33], {})
    assert [read_adopters(files / "sets.txt", k).nodes for k in (1, 2, 3)] == [[0], [0, 33], [0, 33, 2]]
    (files / "column.txt").write_text("5\n7\n\n9\n")
    assert read_adopters(files / "column.txt", None).nodes == [5, 7, 9]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("0\n0,33\n", None, "name one by --adopter-set"),
        ("0\n0,33\n", 3, r"must lie in 1..2"),
        ("0\n0,33\n", 0, r"must lie in 1..2"),
        ("0 0\n", None, "more than once$"),
        ("ann, bob\n", None, "got 'ann', 'bob'"),
        ("3:, 4:x", None, "got '3:', '4:x'"),
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
        (["--adopters", "one.txt", "--seeds", "2", "--method", "opim_c"], "takes no --adopters"),
        (["--capacity", "2"], "needs --adopters"),
        (["--seeds", "2", "--adopter-set", "1"], "takes no --adopter-set"),
        (["--seeds", "2", "--capacity", "1"], "takes no --capacity"),
        (["--method", "opim_c"], "needs --seeds"),
        (["--seeds", "0"], "size must lie"),
        (["--seeds", "2", "--method", "degree"], "--seeds is for methods that need none"),
        (["--adopters", "one.txt", "--capacity", "2", "--steps", "-1"], "max_steps"),
        (["--adopters", "one.txt"], "--capacity must be given"),
        (["--adopters", "one.txt", "--capacity", "2", "--out", "best.txt"], "must end in .json"),
        (["--adopters", "one.txt", "--capacity", "2", "--plot", "best.txt"], "pictures must end"),
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
    assert done.stderr == "error: method anytime needs --adopters, a file of node ids (or choose --seeds)\n"


def test_the_listing_names_the_methods():
    done = CliRunner().invoke(app, ["list", "influence-methods"], env={"COLUMNS": "200"})
    assert done.exit_code == 0
    for word in ("anytime", "rr_opim_plus", "pagerank", "opim_c"):
        assert word in done.stdout
