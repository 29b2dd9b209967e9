"""``counterplay sequoia`` as a user meets it."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from games.bandits import (
    EVALUATION_START,
    Family,
    allowed_actions,
    corrected_instance,
    paper_instance,
    starting_at_random,
)
from games.errors import UnknownNameError
from solvers.cli.main import app
from solvers.registry import BANDIT_POLICIES
from solvers.sequoia import SequoiaTrainer, evaluate
from solvers.sequoia.baselines import exact, lagrange, myopic
from solvers.sequoia.comparison import admitted, compare
from solvers.sequoia.learning import MultiplierBase

SMALL = ("--arms", 4, "--budget", 2, "--rounds", 2, "--lanes", 2, "--pairs", 2_000)


def run(*arguments):
    words = [*map(str, arguments)]
    return CliRunner().invoke(app, words, env={"COLUMNS": "200"}, catch_exceptions=True)


def rewards(file):
    return {policy["name"]: policy["reward"][0] for policy in json.loads(file.read_text())["policies"]}


def test_learns_compares_and_leaves_files(tmp_path):
    out = tmp_path / "deep" / "run"
    options = ("--against", "exact", "--against", "lagrange", "--episodes", 40, "--out", out)
    done = run("sequoia", "capacity", *SMALL, *options)
    assert done.exit_code == 0, done.output
    for words in ("capacity(arms=4, workers=2), 40 episodes", "any policy", "of the greatest Q"):
        assert words in done.stdout
    left = sorted(path.name for path in out.iterdir() if path.suffix != ".npz")
    assert left == ["learning.png", "policies.png", "policy.json", "scores.json"]
    for picture in out.glob("*.png"):
        assert picture.read_bytes().startswith(b"\x89PNG")
    scores = json.loads((out / "scores.json").read_text())
    assert scores["rounds"] == 2
    assert scores["argmax_gap"] <= 1e-2
    # The same numbers come from Python: the instance and the luck have children of the seed.
    for_instance, _, for_luck = np.random.default_rng(0).spawn(3)
    bandit = corrected_instance(Family.CAPACITY, rng=for_instance, arms=4, budget=2)
    control = MultiplierBase(lagrange(bandit).multipliers)(bandit, 1.0)
    luck = for_luck.spawn(1)[0]
    alone = evaluate(bandit, [exact(bandit)], episodes=40, rng=luck, control=control)
    assert rewards(out / "scores.json")["exact"] == alone["exact"].reward.mean
    optimum = exact(bandit).per_step(starting_at_random(bandit, EVALUATION_START))
    assert optimum <= scores["bound_per_step"] + 1e-9


def test_an_interrupted_run_goes_on_and_ends_in_the_same_digits(tmp_path, monkeypatch):
    common = ("sequoia", "path", *SMALL, "--against", "null", "--episodes", 8)
    assert run(*common, "--out", tmp_path / "whole").exit_code == 0
    checkpoint = tmp_path / "run.json"
    again = (*common, "--checkpoint", checkpoint, "--checkpoint-every", 1, "--out", tmp_path / "parts")
    one_round = SequoiaTrainer.round

    def interrupted(trainer):
        if trainer.rounds == 1:
            raise KeyboardInterrupt
        one_round(trainer)

    with monkeypatch.context() as patch:
        patch.setattr(SequoiaTrainer, "round", interrupted)
        killed = run(*again)
    assert killed.exit_code == 130
    assert "resumes the run" in killed.output
    assert not (tmp_path / "parts" / "scores.json").exists()
    assert run(*again).exit_code == 0
    assert rewards(tmp_path / "parts" / "scores.json") == rewards(tmp_path / "whole" / "scores.json")
    other = run(*again, "--seed", 1)
    assert isinstance(other.exception, ValueError)
    assert "other settings: bandit" in str(other.exception)


def test_compare_takes_every_baseline_that_fits():
    rng = np.random.default_rng
    small = corrected_instance(Family.CAPACITY, rng=rng(0), arms=4, budget=2)
    large = corrected_instance(Family.CAPACITY, rng=rng(0), arms=20)
    coupled = corrected_instance(Family.INTERVENTIONS, rng=rng(0), arms=20)
    everything = {entry.name for entry in BANDIT_POLICIES}
    whittle = {"whittle", "whittle_discounted"}
    assert {entry.name for entry in admitted(small)} == everything
    assert {entry.name for entry in admitted(large)} == everything - {"exact"}
    assert {entry.name for entry in admitted(coupled)} == everything - {"exact"} - whittle


def test_comparing_plays_all_that_fit(monkeypatch):
    fitting = tuple(BANDIT_POLICIES.get(name) for name in ("null", "lagrange"))
    monkeypatch.setattr("solvers.sequoia.comparison.admitted", lambda bandit: fitting)
    done = run("sequoia", "interventions", *SMALL, "--compare", "--episodes", 10)
    assert done.exit_code == 0, done.output
    assert all(f" {name} " in done.stdout for name in ("SEQUOIA", "Lagrange", "null", "any policy"))


def test_a_baseline_does_not_depend_on_the_others():
    bandit = corrected_instance(Family.SCHEDULE, rng=np.random.default_rng(2), arms=5, budget=2)
    alone, both = (
        compare(
            bandit,
            myopic(bandit),
            [BANDIT_POLICIES.get(name) for name in names],
            episodes=6,
            rng=np.random.default_rng(3),
        )
        for names in (("random",), ("sampling", "random"))
    )
    assert alone.names == {"random": "random"}
    np.testing.assert_array_equal(alone.evaluation["random"].values, both.evaluation["random"].values)
    assert alone.evaluation.reference == "myopic"
    assert alone.evaluation.bound is None


def test_released_rules_are_another_problem(tmp_path):
    """The released rows of the path constrain nothing but the budget; a walk does not reach every pair."""
    counts = {}
    for make in (corrected_instance, paper_instance):
        made = make(Family.PATH, rng=np.random.default_rng(0).spawn(3)[0], arms=8, budget=2)
        counts[make] = len(allowed_actions(made.feasible))
    assert counts[paper_instance] == 1 + 8 + 28
    assert counts[corrected_instance] < counts[paper_instance]
    common = ("--arms", 8, "--budget", 2, "--rounds", 1, "--lanes", 1, "--pairs", 0, "--against", "myopic")
    done = run("sequoia", "path", *common, "--released", "--episodes", 20, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    for_instance, _, for_luck = np.random.default_rng(0).spawn(3)
    bandit = paper_instance(Family.PATH, rng=for_instance, arms=8, budget=2)
    alone = evaluate(bandit, [myopic(bandit)], episodes=20, rng=for_luck.spawn(1)[0])
    assert rewards(tmp_path / "scores.json")["myopic"] == alone["myopic"].reward.mean


def test_decisions_that_are_not_proven_show_in_the_exit_code():
    done = run("sequoia", "capacity", *SMALL, "--tol", -1)
    assert done.exit_code == 1
    assert "not proven within -1" in done.output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--budget", 30), "budget must be in 1..20"),
        (("--seed", -1), "seed must be at least 0"),
        (("--rounds", 0), "rounds must be at least 1"),
        (("--lanes", 0), "lanes must be at least 1"),
        (("--episodes", 1), "--episodes must be at least 2"),
        (("--workers", 0), "workers must be at least 1"),
        (("--checkpoint-every", 0), "checkpoint_every must be at least 1"),
        (("--checkpoint", "run.ckpt"), "must end in .json"),
        (("--compare", "--against", "null"), "leave it out, or --against"),
        (("--against", "mypoic"), "did you mean 'myopic'"),
    ],
)
def test_mistakes_are_named_before_anything_runs(options, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("solvers.sequoia.learning.trainer.SequoiaTrainer.start", None)  # nothing to call
    done = run("sequoia", "capacity", *options)
    assert isinstance(done.exception, ValueError | UnknownNameError), done.output
    assert words in str(done.exception)


def test_a_folder_that_cannot_be_written_is_named_before_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr("solvers.sequoia.learning.trainer.SequoiaTrainer.start", None)
    (tmp_path / "scores.json").mkdir()
    done = run("sequoia", "capacity", "--out", tmp_path)
    assert isinstance(done.exception, OSError)
    assert "cannot be written" in str(done.exception)


def test_whittle_refuses_arms_that_share_bits():
    done = run("sequoia", "interventions", *SMALL, "--against", "whittle")
    assert isinstance(done.exception, ValueError)
    assert "one bit an arm" in str(done.exception)


@pytest.mark.parametrize("written", [False, True])
def test_an_interrupted_run_says_what_was_kept(written, tmp_path, monkeypatch):
    def interrupted(*arguments, checkpoint, **options):
        if written:
            checkpoint.touch()
        raise KeyboardInterrupt

    monkeypatch.setattr("solvers.sequoia.train_sequoia", interrupted)
    done = run("sequoia", "capacity", "--checkpoint", tmp_path / "run.json")
    assert done.exit_code == 130
    assert ("resumes the run" in done.output) is written
    assert ("nothing was kept" in done.output) is not written


def test_the_registry_is_listed():
    listed = run("list", "bandit-policies").output
    assert all(entry.name in listed for entry in BANDIT_POLICIES)
    bounding = run("list", "bandit-policies", "--tag", "bound").output
    assert "lagrange" in bounding
    assert "myopic" not in bounding
