"""What the INPO trainer and the OnlineDPOTrainer of TRL learn in as many steps; `inpo_trainer.py` prints it.

The enumerable testbed (four prompts, 21 responses of at most two letters, random preferences, tau
= 0.1), with as many optimiser steps of as many sequences for both. Labels are soft, or drawn by the
preferences, which is all that TRL can take. The fixed point of its `ipo` loss with beta = tau is the same
equilibrium. Ours take a ring of 8, the automatic eta, and three epochs over the responses of a round, so they
draw and judge fewer. Distances are enumerated.
"""

import os
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from datasets import Dataset
from transformers import PrinterCallback

from solvers.inpo.judges import Comparison
from solvers.inpo.training import INPOConfig, INPOTrainer, make_testbed
from solvers.inpo.training.config import LabelName

_TAU = 0.1
_RING = 8

COMMON: dict[str, Any] = {
    "learning_rate": 1e-4,
    "bf16": False,
    "use_cpu": True,
    "report_to": "none",
    "save_strategy": "no",
    "logging_strategy": "no",
    "disable_tqdm": True,
}
"""Settings of both trainers, of transformers."""


@dataclass(frozen=True, slots=True)
class Course:
    """A run on the testbed.

    Attributes:
        steps: optimiser steps.
        sequences: in each step.
        rounds: of ours.
        epochs: of ours over the responses of a round.
    """

    steps: int
    sequences: int
    rounds: int
    epochs: int


def learn_ours(course: Course, labels: LabelName, rate: float, seed: int) -> tuple[float, float, int]:
    """KL(equilibrium || policy), duality gap, and judge calls."""
    bed = make_testbed(rng=np.random.default_rng(seed), tau=_TAU, ends=True)
    drawn = course.steps // course.rounds // course.epochs * course.sequences // _RING
    with tempfile.TemporaryDirectory() as folder:
        trainer = INPOTrainer(
            bed.model,
            judge=bed.judge,
            args=INPOConfig(
                output_dir=folder,
                rounds=course.rounds,
                prompts_per_round=drawn,
                num_responses=_RING,
                labels=labels,
                tau=_TAU,
                max_new_tokens=bed.max_new_tokens,
                generation_batch_size=64,
                log_probability_batch_size=512,
                per_device_train_batch_size=course.sequences // _RING,
                num_train_epochs=course.epochs,
                **{**COMMON, "learning_rate": rate},
                seed=seed,
            ),
            train_dataset=bed.dataset(drawn // len(bed.prompts)),
            processing_class=bed.tokenizer,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        measures = bed.measure(trainer.model)
        calls = sum(one.pairs for report in trainer.rounds for one in report.passes)
    return measures.kl_to_nash, measures.gap, calls


def learn_peer(course: Course, rate: float, seed: int) -> tuple[float, float, int]:
    """The same of TRL."""
    os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"
    from trl.experimental.online_dpo import OnlineDPOConfig, OnlineDPOTrainer

    bed = make_testbed(rng=np.random.default_rng(seed), tau=_TAU, ends=True)
    rng = np.random.default_rng(seed)

    def rewards(prompts: list[str], completions: list[str], **_: object) -> list[float]:
        half = len(prompts) // 2
        pairs = zip(prompts[:half], completions[:half], completions[half:], strict=True)
        verdicts = bed.judge.compare([Comparison(*pair) for pair in pairs])
        won = [float(rng.random() < (verdict.probability or 0.0)) for verdict in verdicts]
        return won + [1.0 - label for label in won]

    with tempfile.TemporaryDirectory() as folder:
        trainer = OnlineDPOTrainer(
            model=bed.model,
            reward_funcs=rewards,
            args=OnlineDPOConfig(
                output_dir=folder,
                max_steps=course.steps,
                max_new_tokens=bed.max_new_tokens,
                temperature=1.0,
                loss_type="ipo",
                beta=[_TAU],
                per_device_train_batch_size=course.sequences // 2,
                activation_checkpointing=False,
                **{**COMMON, "learning_rate": rate},
                seed=seed,
            ),
            train_dataset=Dataset.from_list(bed.dataset(course.sequences)),
            processing_class=bed.tokenizer,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        measures = bed.measure(trainer.model)
    return measures.kl_to_nash, measures.gap, course.steps * course.sequences // 2


def run_learning(course: Course, seeds: int) -> None:
    """Distances from the equilibrium after as many steps."""
    beds = [make_testbed(rng=np.random.default_rng(seed), tau=_TAU, ends=True) for seed in range(seeds)]
    start = statistics.median(bed.measure(bed.model).kl_to_nash for bed in beds)
    print(
        f"learning: {course.steps} steps of {course.sequences} sequences; medians of {seeds} seeds, "
        f"KL to equilibrium at the start {start:.3f}"
    )
    contenders: dict[str, Callable[[float, int], tuple[float, float, int]]] = {
        "ours, soft labels": partial(learn_ours, course, LabelName.SOFT),
        "ours, drawn labels": partial(learn_ours, course, LabelName.DRAWN),
        "TRL, drawn labels": partial(learn_peer, course),
    }
    for rate in (3e-4, 1e-3, 3e-3):
        for name, run in contenders.items():
            found = [run(rate, seed) for seed in range(seeds)]
            distance, gap, calls = map(statistics.median, zip(*found, strict=True))
            print(
                f"   {name:18} rate {rate:<7g} KL to equilibrium {distance:.3f}, gap {gap:.4f}, "
                f"{calls:.0f} pairs judged"
            )
