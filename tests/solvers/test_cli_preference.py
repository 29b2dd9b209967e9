"""``counterplay preference`` as a user meets it."""

import numpy as np
import pytest
from typer.testing import CliRunner

from games.preference import certify_preference, comal_testbed, random_preferences
from games.storage.preferences import load_preference
from solvers.cli.main import app
from solvers.inpo import exact_nash
from solvers.registry import PREFERENCE_METHODS


def run(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "200"})


@pytest.fixture
def judge(tmp_path):
    path = tmp_path / "judge.csv"
    np.savetxt(path, comal_testbed().preferences, delimiter=",")
    return path


def test_exact_saved_checked_and_inspected(judge, tmp_path):
    out = tmp_path / "deep" / "nash.json"
    done = run("preference", judge, "--out", out)
    assert done.exit_code == 0, done.output
    for words in ("0.3636", "exact_nash", "certified", "largest gap"):
        assert words in done.stdout
    stored = load_preference(out)
    np.testing.assert_allclose(stored.result.unwrap(), np.array([4, 3, 4]) / 11, atol=1e-12)
    assert stored.settings == {"method": "exact"}
    checked = run("check", out)
    assert checked.exit_code == 0
    assert "preference_gap" in checked.stdout
    shown = run("inspect", out)
    assert shown.exit_code == 0
    assert "settings method exact" in shown.stdout
    refused = run("inspect", out, "--player", 0)
    assert "a preference game has no players" in str(refused.exception)


@pytest.mark.parametrize("entry", PREFERENCE_METHODS, ids=lambda entry: entry.name)
def test_every_method_plays(judge, tmp_path, entry):
    options = {
        "nash_md": ["--eta", 2],
        "online_ipo": ["--eta", 0.1, "--rate", 0.3],
        "sppo": ["--eta", 5],
        "mnpo": ["--eta", 5],
        "iterative_dpo": ["--eta", 20],
    }.get(entry.name, [])
    tau = [] if "no divergence" in entry.tags else ["--tau", 0.1]
    out = tmp_path / "x.json"
    arguments = ["--method", entry.name, "--rounds", 300, "--tol", 0.05, "--out", out]
    done = run("preference", judge, *tau, *options, *arguments)
    assert done.exit_code in (0, 1), done.output
    stored = load_preference(out)
    assert certify_preference(stored.game, stored.result.unwrap()).bound < 0.6
    assert (done.exit_code == 0) == (stored.result.certificate.bound <= 0.05)


def test_batches_with_references_and_a_picture(tmp_path):
    game = random_preferences(
        6, rng=np.random.default_rng(3), batch_shape=(20,), reference_scale=1.0, tau=0.1
    )
    source, out = tmp_path / "prompts.npz", tmp_path / "nash.json"
    np.savez(source, preferences=game.preferences, reference=game.reference)
    picture = tmp_path / "gap.png"
    done = run("preference", source, "--tau", 0.1, "--method", "egpo", "--out", out, "--plot", picture)
    assert done.exit_code == 0, done.output
    assert "and 8 more contexts" in done.stdout
    np.testing.assert_allclose(
        load_preference(out).result.unwrap(), exact_nash(game).unwrap(), rtol=0, atol=1e-3
    )
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--method", "sppo"], "sppo needs --eta"),
        (["--method", "online_ipo", "--eta", 1, "--tau", 0.1], "online_ipo needs --rate"),
        (["--method", "egpo", "--rate", 1], "egpo takes no --rate"),
        (["--method", "egop"], "egpo"),
        (["--eta", 1], "--eta and --rate are for methods that play rounds"),
        (["--plot", "gap.png"], "--plot shows rounds"),
        (["--divergence", "hellinger"], "divergence"),
        (["--tau", -1], "tau must be finite"),
    ],
)
def test_what_makes_no_sense_is_refused(judge, arguments, words):
    refused = run("preference", judge, *arguments)
    assert refused.exit_code != 0
    assert words in str(refused.exception)


def test_files_that_hold_no_preferences_are_refused(tmp_path):
    (tmp_path / "words.csv").write_text("a,b\nc,d\n")
    np.save(tmp_path / "words.npy", np.array([["a"]]))
    np.save(tmp_path / "objects.npy", np.array([[{}]]), allow_pickle=True)
    np.savez(tmp_path / "other.npz", payoffs=np.eye(2))
    for name, words in (
        ("words.csv", "numbers between commas"),
        ("words.npy", "must hold numbers"),
        ("objects.npy", "allow_pickle"),
        ("other.npz", "'preferences'"),
        ("none.csv", "none.csv"),
    ):
        assert words in str(run("preference", tmp_path / name).exception), name
