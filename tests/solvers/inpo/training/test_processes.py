"""Several processes train as one would."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from solvers.inpo.training.processes import Processes

RUN = """
import json, sys
import numpy as np, torch
from solvers.inpo.training import INPOConfig, INPOTrainer
from solvers.inpo.training.testbed import make_testbed

torch.set_num_threads(1)
folder, batch, rounds, method = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
bed = make_testbed(rng=np.random.default_rng(0), tau=0.1)
args = INPOConfig(
    output_dir=folder, rounds=rounds, method=method, tau=0.1, num_responses=4, max_new_tokens=2,
    learning_rate=1e-3, num_train_epochs=2, per_device_train_batch_size=batch, use_cpu=True, report_to=[],
    save_strategy="no", logging_strategy="no", disable_tqdm=True, lr_scheduler_type="constant",
)
trainer = INPOTrainer(
    bed.model, judge=bed.judge, args=args, train_dataset=bed.dataset(8), eval_dataset=bed.dataset(2),
    processing_class=bed.tokenizer,
)
trainer.train(resume_from_checkpoint=True)
metrics = {**trainer.rounds[-1].metrics, "fidelity": trainer.rounds[-1].passes[-1].fidelity}
print("RESULT", json.dumps([args.process_index, bed.policy(trainer.model).tolist(), metrics]), flush=True)
"""


def results(processes: int, *arguments: object) -> dict[int, tuple[np.ndarray, dict]]:
    """Policy and figures of the last round, by rank."""
    launch = ["-m", "torch.distributed.run", "--nproc_per_node", str(processes), "--standalone"]
    script = Path(str(arguments[0])).with_suffix(".py")
    script.write_text(RUN)
    command = [sys.executable, *(launch if processes > 1 else []), str(script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = [json.loads(line.split("RESULT ")[1]) for line in done.stdout.splitlines() if "RESULT " in line]
    return {rank: (np.array(policy), metrics) for rank, policy, metrics in found}


def equal(shared, alone, figures):
    assert set(shared) == {0, 1}
    for policy, own in shared.values():
        np.testing.assert_allclose(policy, alone, atol=1e-5)
        for name, value in figures.items():
            assert own[name] == pytest.approx(value, abs=1e-4), name


def test_two_processes_do_what_one_does(tmp_path):
    alone, figures = results(1, tmp_path / "one", 8, 1, "inpo")[0]
    equal(results(2, tmp_path / "two", 4, 1, "inpo"), alone, figures)


@pytest.mark.slow
def test_two_processes_go_on_with_a_run_of_several_passes(tmp_path):
    alone, figures = results(1, tmp_path / "one", 8, 2, "egpo")[0]
    results(2, tmp_path / "two", 4, 1, "egpo")
    equal(results(2, tmp_path / "two", 4, 2, "egpo"), alone, figures)


PRECISIONS = """
import sys
import numpy as np, torch
from solvers.inpo.training import INPOConfig, INPOTrainer, make_testbed

bed = make_testbed(rng=np.random.default_rng(0), tau=0.1, hidden=8, layers=1)
args = INPOConfig(
    output_dir=sys.argv[1], rounds=2, eta=0.5, tau=0.1, num_responses=3, max_new_tokens=2, bf16=True,
    per_device_train_batch_size=4, use_cpu=True, report_to=[], save_strategy="no", disable_tqdm=True,
)
trainer = INPOTrainer(
    bed.model, judge=bed.judge, args=args, train_dataset=bed.dataset(2), processing_class=bed.tokenizer
)
found = []
bed.model.model.layers[0].mlp.up_proj.register_forward_hook(
    lambda layer, given, result: found.append(str(result.dtype)) if torch.is_grad_enabled() else None
)
trainer.train()
print("RESULT", *found, flush=True)
"""


def test_every_fit_of_several_processes_has_mixed_precision(tmp_path):
    script = tmp_path / "precisions.py"
    script.write_text(PRECISIONS)
    launch = ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    command = [sys.executable, *launch, str(script), str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    words = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("RESULT")]
    assert words == [["torch.bfloat16"] * 2] * 2


def test_one_process_waits_for_nobody():
    processes = Processes(1, 0)
    processes.wait()
    with processes.first_then_others():
        assert processes.is_first
    assert processes.gather("x") == ["x"]
