"""Saved populations from the shell: play, cross-play, inspect, and a person at the keyboard."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from games.driving.merge import MergeGame, small_merge
from games.errors import FileFormatError
from marl.learning.dense import DenseNetwork
from marl.learning.neural_policy import ActionRule, NeuralPolicy
from marl.policies import UniformPolicy
from marl.populations import population_of_play, save_population
from solvers.cli.main import app

COORDINATION = """NFG 1 R "meet" { "Ann" "Bob" } { { "up" "down" } { "left" "right" } }

2 1 0 0 0 0 1 2
"""


def run(*arguments, keys=""):
    return CliRunner().invoke(app, [*map(str, arguments)], input=keys, env={"COLUMNS": "200"})


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Populations that `counterplay psro` saves, and a uniform one of the merge."""
    folder = tmp_path_factory.mktemp("populations")
    risk = ["--meta-solver", "risk_averse", "--gamma", "0"]
    (folder / "meet.nfg").write_text(COORDINATION)
    for game, file, options in (
        ("kuhn_poker", "kuhn", []),
        ("kuhn_poker", "early", ["--iterations", "1"]),
        ("merge-small", "merge", risk),
        ("trust-dilemma-small", "hunt", risk),
        (folder / "meet.nfg", "meet", risk),
    ):
        done = run("psro", game, "--save-population", folder / f"{file}.json", *options)
        assert "play it with" in done.stdout, done.output
    uniform = population_of_play(small_merge(), [[UniformPolicy()]] * 2, [[1.0]] * 2)
    save_population(folder / "anyhow.json", uniform)
    return folder


def figures(line):
    return [float(word) for word in line.split() if word.lstrip("+-").replace(".", "", 1).isdecimal()]


def test_play_measures_what_the_game_is_worth(files):
    done = run("play", files / "kuhn.json", "--episodes", "3000", "--seed", "1")
    assert done.exit_code == 0, done.output
    row = next(line for line in done.stdout.splitlines() if "kuhn " in line and line.strip().startswith("0"))
    _, mean, error, variance, worst = figures(row)
    assert abs(mean + 1 / 18) < 4.5 * error
    assert error == pytest.approx(np.sqrt(variance / 3000), rel=1e-3)
    assert worst == -2.0
    again = run("play", files / "kuhn.json", "--episodes", "3000", "--seed", "1", "--workers", "2")
    assert again.stdout == done.stdout


def test_play_against_others_and_from_either_seat(files):
    done = run("play", files / "kuhn.json", "--against", files / "early.json", "--episodes", "50")
    assert [w for w in ("kuhn", "early") if w in done.stdout] == ["kuhn", "early"]
    done = run("play", files / "kuhn.json", "--against", "uniform", "--seat", "1", "--episodes", "50")
    lines = [line.split() for line in done.stdout.splitlines() if "uniform" in line or "kuhn " in line]
    assert ["0", "uniform"] in [words[:2] for words in lines]
    assert ["1", "kuhn"] in [words[:2] for words in lines]


def test_crashes_are_counted_where_cars_may_crash(files):
    done = run("play", files / "merge.json", "--against", files / "anyhow.json", "--episodes", "300")
    assert done.exit_code == 0, done.output
    assert "crashes: " in done.stdout
    assert "with confidence 0.95" in done.stdout
    assert "crashes" not in run("play", files / "kuhn.json", "--episodes", "10").stdout


@pytest.mark.parametrize("name", ["kuhn", "merge", "hunt", "meet"])
def test_an_episode_is_shown_and_drawn(files, tmp_path, name):
    gif, png = tmp_path / "new" / "e.gif", tmp_path / "new" / "e.png"
    done = run("play", files / f"{name}.json", "--episodes", "2", "--show", "--gif", gif, "--png", png)
    assert done.exit_code == 0, done.output
    assert "state 0 of " in done.stdout
    states = int(done.stdout.split("state 0 of ")[1].split()[0]) + 1
    with Image.open(gif) as image:
        assert image.n_frames == states
    with Image.open(png) as image:
        assert np.asarray(image.convert("L")).min() < 100


def test_a_person_plays_by_numbers_and_labels_and_is_asked_again(files):
    done = run("play", files / "kuhn.json", "--human", "0", keys="nine\n0\n3\n\nPass\n2\n")
    assert done.exit_code == 0, done.output
    assert done.stdout.count("is not one of the moves") == 4
    assert "1  Pass" in done.stdout
    assert "returns: you " in done.stdout
    assert "1 finished" in done.stdout


def test_a_person_may_leave(files):
    done = run("play", files / "hunt.json", "--human", "1", "--episodes", "3", keys="1\n")
    assert done.exit_code == 0, done.output
    assert "hunter B is to step" in done.stdout
    assert "you left the game\n0 finished; in all: hunt +0, you +0" in done.stdout


def test_hidden_cards_stay_hidden_from_a_person(files):
    """Two seeds with one own card and different cards of the other look the same until the end."""
    views = {}
    for seed in range(12):
        out = run("play", files / "kuhn.json", "--human", "0", "--seed", seed, keys="1\n1\n").stdout
        first, end = out.split("your move")[0], out.split("returns:")[0].strip().splitlines()[-1]
        views.setdefault(first, set()).add(end.split()[1])
    assert len(views) <= 3
    assert max(map(len, views.values())) == 2


def test_the_end_of_input_in_a_real_shell(files):
    command = "from solvers.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", command, "play", str(files / "meet.json"), "--human", "0"],
        input="up and away\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "you left the game" in done.stdout
    assert "Traceback" not in done.stderr


def test_cross_play_is_exact_where_it_can_be(files, tmp_path):
    out = tmp_path / "new" / "table.json"
    done = run(
        "cross-play", files / "kuhn.json", files / "early.json", "--out", out, "--out", tmp_path / "t.png"
    )
    assert done.exit_code == 0, done.output
    assert "exact" in done.stdout
    record = json.loads(out.read_text())
    assert record["exact"]
    means = {(m["entrant"], m["against"], m["seat"]): m["mean"] for m in record["meetings"]}
    assert len(means) == 8
    assert means["kuhn", "kuhn", 0] == pytest.approx(-1 / 18, abs=1e-9)
    assert means["kuhn", "early", 0] >= -1 / 18 - 1e-9
    assert means["kuhn", "early", 0] == -means["early", "kuhn", 1]
    assert all(m["standard_error"] == 0 and "events" not in m for m in record["meetings"])
    with Image.open(tmp_path / "t.png") as image:
        assert image.size[0] > 500
    sampled = run("cross-play", files / "kuhn.json", "--sample", "--episodes", "64")
    assert "64 episodes each" in " ".join(sampled.stdout.split())
    assert "±" in sampled.stdout


def test_cross_play_joins_a_game_and_its_guise_that_remembers(files, tmp_path):
    out = tmp_path / "t.json"
    arguments = ["cross-play", files / "anyhow.json", files / "merge.json", "--episodes", "100"]
    done = run(*arguments, "--out", out)
    assert done.exit_code == 0, done.output
    meeting = json.loads(out.read_text())["meetings"][0]
    assert meeting["entrant"] == meeting["against"] == "anyhow"
    assert meeting["events"]["episodes"] == 100
    assert meeting["events"]["low"] < meeting["events"]["rate"] < meeting["events"]["high"]
    assert "event " in done.stdout


def test_inspect_tells_what_a_population_holds(files):
    done = run("inspect", files / "kuhn.json")
    assert done.exit_code == 0, done.output
    for word in ("game    kuhn_poker", "solver  psro(exact", "player 1: ", "behavior", "exact", "-0.05556"):
        assert word in done.stdout
    mixture = run("inspect", files / "kuhn.json", "--player", "1", "--infoset", "b")
    assert "mixture of player 1" in mixture.stdout
    assert "0b" in mixture.stdout
    assert "0p" not in mixture.stdout
    one = run("inspect", files / "kuhn.json", "--player", "0", "--policy", "1", "--limit", "2")
    assert "policy 1 of player 0" in one.stdout
    assert "... and 4 more" in one.stdout
    assert "brake" in run("inspect", files / "merge.json", "--player", "0", "--policy", "0").stdout


def test_inspect_samples_where_nothing_can_be_compiled(tmp_path):
    game, rng = MergeGame(), np.random.default_rng(0)
    weights = tuple(rng.normal(size=shape).astype(np.float32) for shape in ((8, 5), (5, 4)))
    network = DenseNetwork(weights, (np.zeros(5, np.float32), np.zeros(4, np.float32)))
    policies = [[NeuralPolicy(network, ActionRule.SOFTMAX)], [UniformPolicy()]]
    file = tmp_path / "road.json"
    save_population(file, population_of_play(game, policies, [[1.0]] * 2))
    done = run("inspect", file, "--episodes", "30")
    assert done.exit_code == 0, done.output
    assert "layers 8-5-4, 69 parameters, softmax" in done.stdout  # 8 x 5 + 5 + 5 x 4 + 4
    assert "30 episodes each" in done.stdout
    assert "±" in done.stdout
    done = run("inspect", file, "--player", "0", "--episodes", "5", "--infoset", "t0 main 0")
    assert done.exit_code == 0, done.output
    row = next(line for line in done.stdout.splitlines() if "t0 main 0 speed 2" in line)
    start = game.initial(rng)
    chances = sorted(policies[0][0].probabilities(game, start, 0), reverse=True)
    assert f"{chances[0]:.4f}" in row
    assert f"{chances[2]:.4f}, ..." in row


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["play", "kuhn.json", "--against", "merge.json"], "one game"),
        (["play", "kuhn.json", "--against", "early.json", "--human", "0"], "leave out --against"),
        (["play", "kuhn.json", "--human", "0", "--show", "--level", "0.2"], "leave out --level, --show"),
        (["play", "kuhn.json", "--human", "0", "--gif", "a.gif", "--png", "a.png"], "--gif, --png"),
        (["play", "kuhn.json", "--human", "0", "--workers", "1"], "--workers"),
        (["play", "kuhn.json", "--seat", "0"], "--seat is for --against"),
        (["play", "kuhn.json", "--png", "episode.foo"], "pictures must end in"),
        (["play", "kuhn.json", "--workers", "0"], "workers"),
        (["cross-play", "kuhn.json", "--out", "table.foo"], "pictures must end in"),
        (["play", "kuhn.json", "--human", "2"], "seats are numbered 0 to 1"),
        (["play", "kuhn.json", "--against", "uniform", "--seat", "-1"], "seats are numbered"),
        (["play", "kuhn.json", "--episodes", "0"], "episodes"),
        (["play", "kuhn.json", "--seed", "-1"], "seed"),
        (["play", "kuhn.json", "--game", "leduc_poker"], "cannot be compared"),
        (["play", "kuhn.json", "--game", "kuhn_poker(players=3)"], "not the compiled one"),
        (["inspect", "kuhn.json", "--policy", "0"], "need --player"),
        (["inspect", "kuhn.json", "--player", "5"], "player must lie in 0..1"),
        (["inspect", "kuhn.json", "--player", "0", "--policy", "99"], "policy must lie in"),
        (["inspect", "kuhn.json", "--limit", "0"], "limit"),
    ],
)
def test_bad_input_says_what_is_wrong(files, arguments, words):
    command, file, *rest = arguments
    rest = [files / word if str(word).endswith(".json") else word for word in rest]
    done = run(command, files / file, *rest)
    assert isinstance(done.exception, ValueError)
    assert words in str(done.exception)


def test_a_result_is_no_population(files, tmp_path):
    run("solve", "kuhn_poker", "--out", tmp_path / "result.json")
    done = run("play", tmp_path / "result.json")
    assert isinstance(done.exception, FileFormatError)
    assert "counterplay.population" in str(done.exception)
