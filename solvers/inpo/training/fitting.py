"""One fit: the loop of ``transformers.Trainer`` on rows of groups, with the losses of this package."""

import copy
import math
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

from solvers.inpo.training.groups import GroupCollator, GroupRows
from solvers.inpo.training.log_probabilities import response_log_probabilities
from solvers.inpo.training.losses import Loss, covariation

_WHOLE = "whole"  # in a checkpoint that was written to its end
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")


@dataclass(frozen=True, slots=True)
class FitResult:
    """What a fit says of itself.

    Attributes:
        loss: mean training loss.
        fidelity: share of the step asked for that was reached, over the last epoch; NaN where unknown.
        steps: optimiser steps.
    """

    loss: float
    fidelity: float
    steps: int


@dataclass(frozen=True, slots=True, eq=False)
class FitTask:
    """What to fit the weights in the model to.

    Attributes:
        rows: the data.
        loss: what to minimise.
        ideal_square: mean square of the fitted values of an ideal fit, NaN where unknown.
        folder: that of the pass; checkpoints go below it.
        seed: for everything random about it.
    """

    rows: GroupRows
    loss: Loss
    ideal_square: float
    folder: Path
    seed: int


Fit = Callable[[FitTask], FitResult]


class GroupTrainer(Trainer):  # type: ignore[misc]
    """Fits a model to groups, as often as asked, each time with a fresh optimiser and schedule.

    Args:
        model: a causal language model.
        args: settings of every fit.
        collator: makes batches.
        tokenizer: of the model.
        callbacks: as in ``transformers.Trainer``.
        optimizers: an optimiser and a schedule, or None; each fit begins with the state they have now.
    """

    model: PreTrainedModel
    train_dataset: GroupRows | None

    def __init__(
        self,
        model: PreTrainedModel,
        args: TrainingArguments,
        collator: GroupCollator,
        tokenizer: PreTrainedTokenizerBase,
        callbacks: list[TrainerCallback] | None,
        optimizers: tuple[torch.optim.Optimizer | None, torch.optim.lr_scheduler.LambdaLR | None],
    ) -> None:
        super().__init__(
            model=model,
            args=args,
            data_collator=collator,
            processing_class=tokenizer,
            callbacks=callbacks,
            optimizers=optimizers,
        )
        self.loss_is_scaled_for_ga = True
        self._given_optimizers = optimizers
        self._given_states = tuple({} if o is None else copy.deepcopy(o.state_dict()) for o in optimizers)
        self._task: FitTask | None = None
        self._covariation = np.zeros(2)
        self._epoch = 0

    def fit(self, task: FitTask) -> FitResult:
        """Fit the model by the loop of ``Trainer``, going on from the last whole checkpoint if any."""
        self._task, self.train_dataset = task, task.rows
        self._covariation, self._epoch = np.zeros(2), 0
        self.optimizer, self.lr_scheduler = self._given_optimizers
        for given, state in zip(self._given_optimizers, self._given_states, strict=True):
            if given is not None:
                given.load_state_dict(copy.deepcopy(state))
        set_seed(task.seed)
        forward = self.model.__dict__.get("forward")
        try:
            output = super().train(resume_from_checkpoint=_last_whole(checkpoints_folder(task.folder)))
            self._covariation = self._sum(self._covariation).numpy()
            loss = float(self._sum(output.training_loss)) / self.accelerator.num_processes
            return FitResult(loss, self._fidelity(task), int(output.global_step))
        finally:
            self._task = None
            self.train_dataset = None
            # Mixed precision wraps the forward pass, and would do so once more for every fit.
            self.model.__dict__.pop("forward", None)
            self.model.__dict__.pop("_original_forward", None)
            if forward is not None:
                self.model.__dict__["forward"] = forward

    def _sum(self, figures: ArrayLike) -> Tensor:
        """Sums over the processes."""
        own = torch.as_tensor(figures, dtype=torch.float32, device=self.accelerator.device)
        total: Tensor = self.accelerator.reduce(own)
        return total.double().cpu()

    def _fidelity(self, task: FitTask) -> float:
        product, weight = self._covariation.tolist()
        return float(product / weight / task.ideal_square) if weight else float("nan")

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | None = None,
    ) -> Tensor:
        """The loss of a batch of groups, divided by the weight of the whole optimiser step."""
        if self._task is None or return_outputs:
            raise RuntimeError("compute_loss serves the fits of train(), without outputs")
        loss = self._task.loss
        log_probabilities = response_log_probabilities(model, inputs)
        ratios = log_probabilities - inputs["anchor"].to(log_probabilities.dtype)
        fitted = loss.fitted(ratios, inputs)
        epoch = int(self.state.epoch or 0)
        if epoch != self._epoch:
            self._covariation, self._epoch = np.zeros(2), epoch
        self._covariation += covariation(fitted)
        weight = loss.weight(inputs) if num_items_in_batch is None else num_items_in_batch
        # Processes average their gradients, of which each is a share of the sum.
        share: Tensor = loss.total(fitted) / weight * self.accelerator.num_processes
        return share

    def _get_num_items_in_batch(
        self, batch_samples: list[dict[str, Tensor]], device: torch.device
    ) -> Tensor | None:
        """The weight of an optimiser step, so that cutting it into micro-batches changes nothing."""
        if self._task is None or not batch_samples:
            return None
        weight = torch.stack([self._task.loss.weight(batch) for batch in batch_samples]).sum().to(device)
        total: Tensor = self.accelerator.reduce(weight)
        return total

    def _get_output_dir(self, trial: object) -> str:
        return str(self.args.output_dir if self._task is None else checkpoints_folder(self._task.folder))

    def _save_checkpoint(self, model: nn.Module, trial: object) -> None:
        super()._save_checkpoint(model, trial)
        if self._task is not None:
            folder = checkpoints_folder(self._task.folder) / f"checkpoint-{self.state.global_step}"
            for file in folder.iterdir():
                with file.open("rb") as content:
                    os.fsync(content.fileno())
            (folder / _WHOLE).touch()

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log, and with the loss the share of the step reached so far."""
        if "loss" in logs and self._task is not None:
            reached = self._fidelity(self._task)
            logs = {**logs, "fidelity": reached} if math.isfinite(reached) else logs
        super().log(logs, start_time)


def remove_checkpoints(folder: Path) -> None:
    """Delete the checkpoints of the pass in ``folder``, if there are any."""
    shutil.rmtree(checkpoints_folder(folder), ignore_errors=True)


def checkpoints_folder(folder: Path) -> Path:
    """Where the checkpoints of the pass in ``folder`` go."""
    return folder / "checkpoints"


def _last_whole(folder: Path) -> str | None:
    """The latest checkpoint that was written to its end."""
    found = [
        (int(match[1]), path)
        for path in (folder.iterdir() if folder.is_dir() else ())
        if (match := _CHECKPOINT.fullmatch(path.name)) and (path / _WHOLE).exists()
    ]
    return str(max(found)[1]) if found else None
