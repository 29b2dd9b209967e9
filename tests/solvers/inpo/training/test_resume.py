"""A run that was killed goes on where it was, to the same weights, and asks nothing twice."""

import os
import subprocess
import sys
from collections import Counter
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import torch

from games.errors import FileFormatError

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

SCRIPT = Path(__file__).with_name("killed_runs.py")
PLACES = [
    "judge:25",
    "step:5",
    "evaluate:1",
    "adapter-step:5",
]
MORE = [
    "step:1",
    "drawn:2",  # the opponents of the second pass
    "save:4",
    "drawn:3",  # evaluation
    "generate:1",
    "drawn:1",
    "judge:1",
    "save:1",
    "fitted:1",
    "fitted:2",
    "evaluate:2",
    "generate:5",
    "adapter-drawn:3",
    "adapter-save:5",
]


def _runs():
    spec = spec_from_file_location("killed_runs", SCRIPT)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def runs():
    return _runs()


def _kill(folder, places):
    """Leaves a killed run for each place."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(SCRIPT), str(folder), *places],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed")
    _kill(folder, PLACES)
    return folder


@pytest.fixture(scope="module")
def killed_more(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed_more")
    _kill(folder, MORE)
    return folder


def _outcome(trainer):
    weights = torch.cat([p.detach().flatten() for p in trainer.model.parameters()])
    figures = [
        (one.eta, one.radius, one.pairs, one.calls, one.failed, one.length, one.ended, one.kl_to_reference)
        for report in trainer.rounds
        for one in report.passes
    ]
    return weights, repr(figures), [report.metrics for report in trainer.rounds]


@pytest.fixture(scope="module")
def whole(runs, tmp_path_factory):
    """Outcomes without a kill and the questions asked, by whether there is an adapter."""
    torch.set_num_threads(1)
    found = {}
    for adapter in (False, True):
        folder = tmp_path_factory.mktemp("whole")
        _, trainer = runs.make_trainer(folder, adapter=adapter)
        trainer.train()
        found[adapter] = (_outcome(trainer), (folder / "asked.txt").read_text().splitlines())
    return found


@pytest.mark.parametrize("place", PLACES)
def test_it_ends_as_without_the_kill(place, runs, killed, whole):
    _check(place, runs, killed, whole)


@pytest.mark.slow
@pytest.mark.parametrize("place", MORE)
def test_it_ends_as_without_the_kill_anywhere_else(place, runs, killed_more, whole):
    _check(place, runs, killed_more, whole)


def _check(place, runs, killed, whole):
    adapter = place.startswith("adapter-")
    folder = killed / place.replace(":", "-")
    _, trainer = runs.make_trainer(folder, adapter=adapter)
    trainer.train(resume_from_checkpoint=True)
    (weights, figures, metrics), questions = whole[adapter]
    again, same_figures, same_metrics = _outcome(trainer)
    assert torch.equal(again, weights)
    assert same_figures == figures
    assert same_metrics == metrics
    asked = Counter((folder / "asked.txt").read_text().splitlines())
    assert set(asked) == set(questions)
    assert max(asked.values()) == 1
    assert not list(folder.rglob("checkpoint-*"))


def test_a_finished_run_is_read_and_can_be_lengthened(runs, tmp_path):
    _, longer = runs.make_trainer(tmp_path / "longer", method="mnpo")
    longer.args.rounds = 3
    longer.train()
    _, trainer = runs.make_trainer(tmp_path / "run", method="mnpo")
    trainer.train()
    first = _outcome(trainer)
    _, again = runs.make_trainer(tmp_path / "run", method="mnpo")
    again.train(resume_from_checkpoint=str(tmp_path / "run"))
    assert torch.equal(_outcome(again)[0], first[0])
    assert _outcome(again)[1:] == first[1:]
    again.args.rounds = 3
    again.train(resume_from_checkpoint=True)
    assert torch.equal(_outcome(again)[0], _outcome(longer)[0])
    assert _outcome(again)[1:] == _outcome(longer)[1:]


def test_a_run_is_not_overwritten_or_mixed_with_another(runs, tmp_path):
    _, trainer = runs.make_trainer(tmp_path, method="inpo")
    trainer.args.rounds = 1
    trainer.train()
    _, again = runs.make_trainer(tmp_path, method="inpo")
    with pytest.raises(ValueError, match="holds a run already"):
        again.train()
    _, other = runs.make_trainer(tmp_path, method="onpo")
    with pytest.raises(ValueError, match="method, rules differ"):
        other.train(resume_from_checkpoint=True)


def test_damage_is_noticed(runs, tmp_path):
    _, trainer = runs.make_trainer(tmp_path, method="inpo")
    trainer.args.rounds = 1
    trainer.train()
    folder = tmp_path / "rounds/0000/pass0"
    manifest = folder / "manifest.json"
    text = manifest.read_text()
    # As if the fit had not been done, and the edges were another file than the manifest knows.
    manifest.write_text(text.replace('"fit"', '"fitting"'))
    edges = folder / "edges.json"
    edges.write_text(edges.read_text().replace('"asked"', '"asked" '))
    _, again = runs.make_trainer(tmp_path, method="inpo")
    with pytest.raises(
        FileFormatError, match=r"edges\.json: content is not what the manifest was written with"
    ):
        again.train(resume_from_checkpoint=True)
