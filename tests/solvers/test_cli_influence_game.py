"""``counterplay influence-game`` as a user meets it."""

import networkx as nx
import pytest
from typer.testing import CliRunner

from games.normal_form.risk import RiskAversion
from games.storage import load_result
from solvers.cli.main import app


def run(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "200"})


@pytest.fixture
def play(tmp_path, monkeypatch):
    """Runs the command on the karate club, with two firms in files."""
    lines = [f"{u} {v}" for u, v in nx.karate_club_graph().edges]
    (tmp_path / "club.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "east.txt").write_text("13\n2\n")
    (tmp_path / "west.txt").write_text("9, 0\n")
    monkeypatch.chdir(tmp_path)
    firms = ["--adopters", "east.txt", "--adopters", "west.txt"]

    def call(*arguments, firms=firms):
        return run("influence-game", "club.txt", "--undirected", *firms, *arguments)

    return call


def test_an_equilibrium_with_its_certificate_and_a_file(play, tmp_path):
    out = tmp_path / "deep" / "game.json"
    options = ["--capacity", 1, "--model", "uniform:0.5", "--rivalry", 1, "--sets", 10_000]
    done = play(*options, "--out", out)
    assert done.exit_code == 0, done.output
    for words in ("east", "west", "NashConv", "against all strategies", "certified", "competition(nash)"):
        assert words in done.stdout
    stored = load_result(out)
    assert stored.problem.is_zero_sum()
    assert stored.problem.players == ("east", "west")
    assert stored.result.certificate.measure == "nash_conv"
    assert run("check", out).exit_code == 0
    again = play(*options)
    table = done.stdout.split("competition(")[0]
    assert again.stdout.split("competition(")[0] == table


def test_risk_aversion_is_certified_in_the_matrix_game(play, tmp_path):
    out = tmp_path / "game.json"
    options = ["--capacity", 2, "--model", "uniform:0.5", "--rivalry", 1, "--gamma", 1, "--tremble", 0.1]
    done = play(*options, "--sets", 3000, "--out", out)
    assert done.exit_code == 0, done.output
    for words in ("risk-averse", "variance", "risk_averse(gamma=1"):
        assert words in done.stdout
    stored = load_result(out)
    assert stored.result.certificate.measure == "risk_nash_conv"
    assert stored.risk == RiskAversion(1.0, 0.1)
    assert run("check", out).exit_code == 0


def test_three_firms_with_rooms_of_their_own(play, tmp_path):
    (tmp_path / "north.txt").write_text("33:1, 32\n")
    three = ["--adopters", "east.txt", "--adopters", "west.txt", "--adopters", "north.txt"]
    rooms = ["--capacity", 1, "--capacity", 2, "--capacity", 3]
    done = play(*rooms, "--sets", 4000, "--tol", 0.5, "--ties", "draw", "--max-seconds", 20, firms=three)
    assert done.exit_code == 0, done.output
    invited = {}
    for row in done.stdout.splitlines():
        words = row.replace(",", " ").split()
        if words and words[0] in ("east", "west", "north"):
            invited[words[0]] = words[2:-1]
    assert len(invited["east"]) == 2
    assert len(invited["west"]) == 2  # 9 knows adopters only
    assert len(invited["north"]) == 4  # 33 invites one, 32 three


def test_a_certificate_above_the_tolerance_says_so(play):
    done = play("--capacity", 1, "--sets", 50, "--tol", 0.001)
    assert done.exit_code == 1
    assert "certificate" in done.output or "stationary" in done.output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--capacity", 1, "--tremble", 0.1], "--tremble needs --gamma"),
        (["--capacity", 1, "--capacity", 1, "--capacity", 1], "--capacity must be given once"),
        ([], "--capacity must be given: adopter 13"),
        (["--capacity", 1, "--model", "sir"], "--model must be"),
        (["--capacity", 1, "--rivalry", -1], "rivalry"),
        (["--capacity", 1, "--sets", 0], "num_sets"),
        (["--capacity", 0], "no adopter has room"),
        (["--capacity", 1, "--out", "game.txt"], "must end in .json"),
        (["--capacity", 1, "--adopters", "west.txt"], "adopters must be distinct"),
    ],
)
def test_mistakes_are_named(play, options, words):
    done = play(*options)
    assert isinstance(done.exception, ValueError)
    assert words in str(done.exception)


def test_one_firm_is_no_competition(play):
    done = play("--capacity", 1, firms=["--adopters", "east.txt"])
    assert "at least twice" in str(done.exception)
