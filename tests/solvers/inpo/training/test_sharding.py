"""A model that is split over two processes learns what a whole one does."""

import json
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from solvers.inpo.training import INPOConfig, INPOTrainer
from solvers.inpo.training.sharding import check_sharding, is_sharded

SCRIPT = Path(__file__).with_name("sharded_runs.py")


@pytest.fixture(scope="module")
def runs():
    spec = spec_from_file_location("sharded_runs", SCRIPT)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compare(runs, folder, method, processes, *kills):
    """The run of several processes, killed and resumed so often, beside one in this process."""
    command = [sys.executable, str(SCRIPT), str(folder), method, str(processes), *map(str, kills), "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    alone = runs.make_trainer(folder, method, 1)
    figures, moved = runs.results(folder, alone)
    for rank in range(processes):
        own_figures, own_moved, own = json.loads((folder / f"result-{rank}.json").read_text())
        assert own_figures == pytest.approx(figures, abs=1e-4)
        assert own_moved == pytest.approx(moved, abs=1e-4)
        assert own < 1.5 / processes * alone.model.num_parameters()
    models = [AutoModelForCausalLM.from_pretrained(folder / f"saved-{n}") for n in (1, processes)]
    for name, tensor in models[0].state_dict().items():
        np.testing.assert_allclose(models[1].state_dict()[name], tensor, atol=1e-5, err_msg=name)
    bed = runs.make_bed()
    assert np.abs(bed.policy(models[0]) - bed.policy(bed.model)).max() > 1e-3  # it did learn


def test_a_split_model_killed_in_both_fits_ends_with_the_weights_of_a_whole_one(runs, tmp_path):
    runs.save_model(tmp_path)
    compare(runs, tmp_path, "inpo", 2, 2, 6)


@pytest.mark.slow
def test_several_passes_and_moving_references(runs, tmp_path):
    runs.save_model(tmp_path)
    compare(runs, tmp_path, "egpo", 2)


@pytest.mark.slow
def test_processes_without_a_part_of_small_weights(runs, tmp_path):
    runs.save_model(tmp_path)
    compare(runs, tmp_path, "mpo", 4)


class Split(torch.nn.Module):
    """What tells a model that transformers has split."""

    is_distributed_loading_by_transformers = True

    def __init__(self, *, tied=False, **sizes):
        super().__init__()
        layout = SimpleNamespace(**{"tp_size": 1, "pp_size": 1, "ep_size": 1, **sizes})
        self.config = SimpleNamespace(distributed_config=layout)
        self.embedding, self.head = torch.nn.Embedding(3, 2), torch.nn.Linear(2, 3, bias=False)
        if tied:
            self.head.weight = self.embedding.weight


def test_what_cannot_be_split_is_refused(bed_of):
    model = bed_of().model
    assert not is_sharded(model)
    assert is_sharded(Split())
    check_sharding(model, None, adapted=True)
    check_sharding(Split(), model, adapted=False)
    with pytest.raises(ValueError, match="tp_size 2, pp_size 1"):
        check_sharding(Split(tp_size=2), None, adapted=False)
    with pytest.raises(ValueError, match=r"share parameters between modules, got head\.weight"):
        check_sharding(Split(tied=True), None, adapted=False)
    with pytest.raises(ValueError, match="an adapter needs a whole model"):
        check_sharding(Split(), None, adapted=True)
    with pytest.raises(ValueError, match="ref_model must be whole"):
        check_sharding(model, Split(), adapted=False)


def test_the_trainer_asks(bed_of, tmp_path):
    bed = bed_of()
    with pytest.raises(ValueError, match="ref_model must be whole"):
        INPOTrainer(
            bed.model,
            Split(),
            judge=bed.judge,
            args=INPOConfig(str(tmp_path), use_cpu=True, report_to="none"),
            train_dataset=bed.dataset(1),
            processing_class=bed.tokenizer,
        )
