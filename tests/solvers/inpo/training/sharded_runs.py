"""Runs of a model that is split over processes, which are forked from one that has imported all.

    python sharded_runs.py FOLDER METHOD PROCESSES KILL ...

The model is at FOLDER/model, and the run goes to FOLDER/run-PROCESSES. It is begun or resumed for every KILL,
the number of optimiser steps after which the first process kills itself, 0 for never.
"""

import json
import os
import signal
import socket
import sys
import traceback
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM, TrainerCallback
from transformers.distributed import DistributedConfig

from solvers.inpo.training import INPOConfig, INPOTrainer, make_testbed


class Killer(TrainerCallback):
    def __init__(self, steps):
        self._left = steps

    def on_step_end(self, args, state, control, **kwargs):
        self._left -= 1
        if self._left == 0 and args.process_index == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def make_bed():
    return make_testbed(rng=np.random.default_rng(0), tau=0.1, ends=True, hidden=16)


def save_model(folder):
    make_bed().model.save_pretrained(folder / "model")


def make_trainer(folder, method, count, kill=0):
    bed = make_bed()
    layout = {"distributed_config": DistributedConfig(fsdp_size=count)} if count > 1 else {}
    args = INPOConfig(
        output_dir=str(folder / f"run-{count}"),
        rounds=2,
        method=method,
        tau=0.1,
        num_responses=4,
        num_opponents=2,
        max_new_tokens=2,
        learning_rate=1e-3,
        lr_scheduler_type="constant",
        num_train_epochs=2,
        per_device_train_batch_size=4 // count,
        gradient_accumulation_steps=2,
        log_probability_batch_size=3,  # unlike the shares of the processes
        use_cpu=True,
        report_to="none",
        save_steps=1,
        save_only_model=True,  # without the state of the optimiser, so fits begin anew
        logging_strategy="no",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    return INPOTrainer(
        AutoModelForCausalLM.from_pretrained(folder / "model", **layout),
        judge=bed.judge,
        args=args,
        train_dataset=bed.dataset(4),
        eval_dataset=bed.dataset(2),
        processing_class=bed.tokenizer,
        callbacks=[Killer(kill)],
    )


def results(folder, trainer):
    """Figures of the last round, and of other weights; the policy is saved."""
    trainer.train(resume_from_checkpoint=True)
    figures = {**trainer.rounds[-1].metrics, "fidelity": trainer.rounds[-1].passes[-1].fidelity}
    trainer.save_model(str(folder / f"saved-{trainer.args.world_size}"))
    trainer.snapshots.load("initial.safetensors")
    with torch.no_grad():
        trainer.model.get_output_embeddings().weight.mul_(2.0)
    trainer.snapshots.touched()
    return figures, trainer.evaluate()


def work(folder, method, count, kill):
    """What a process does, and the file that it leaves."""
    trainer = make_trainer(folder, method, count, kill)
    figures, moved = results(folder, trainer)
    own = sum(parameter.to_local().numel() for parameter in trainer.model.parameters())
    path = folder / f"result-{trainer.args.process_index}.json"
    path.write_text(json.dumps([figures, moved, own]))


def play(folder, method, count, kill):
    """Fork the processes and wait for them; when one dies the others are ended."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    children = {}
    for rank in range(count):
        child = os.fork()
        if child == 0:
            os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "MASTER_PORT": str(port)}
            os.environ |= {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "OMP_NUM_THREADS": "1"}
            try:
                work(folder, method, count, kill)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        children[child] = rank
    died = False
    while children:
        child, status = os.wait()
        rank = children.pop(child)
        expected = signal.SIGKILL if kill and (died or rank == 0) else 0
        if status != expected:
            sys.exit(f"process {rank} ended with {status}, wanted {expected}")
        if status and not died:
            died = True
            for other in children:
                os.kill(other, signal.SIGKILL)


def main():
    torch.set_num_threads(1)
    folder, method, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    for kill in sys.argv[4:]:
        play(folder, method, count, int(kill))


if __name__ == "__main__":
    main()
