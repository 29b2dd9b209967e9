"""One fit: the loop of ``transformers.Trainer`` on rows of groups, with the losses of this package."""

import copy
import math
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

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
        self.steps_before = 0  # of the fits that are over

    @property
    def is_fitting(self) -> bool:
        """Whether a fit is under way."""
        return self._task is not None

    def fit(self, task: FitTask) -> FitResult:
        """Fit the model by the loop of ``Trainer``, going on from the last whole checkpoint if any.

        Raises:
            ValueError: the rows do not fill a batch, and what does not is to be left out.
            RuntimeError: the weights are not finite in the end.
        """
        batch = self._train_batch_size * self.accelerator.num_processes
        if self.args.dataloader_drop_last and len(task.rows) < batch:
            raise ValueError(
                "dataloader_drop_last must be false where fewer prompts have pairs than a batch takes, "
                f"{batch}, got {len(task.rows)}"
            )
        self._task, self.train_dataset = task, task.rows
        self._covariation, self._epoch = np.zeros(2), 0
        self.optimizer, self.lr_scheduler = self._given_optimizers
        for given, state in zip(self._given_optimizers, self._given_states, strict=True):
            if given is not None:
                given.load_state_dict(copy.deepcopy(state))
        set_seed(task.seed)
        forward = self.model.__dict__.get("forward")
        history = self.state.log_history
        try:
            # Without the state of the optimiser nothing can go on as it was.
            begun = None if self.args.save_only_model else _last_whole(checkpoints_folder(task.folder))
            output = super().train(resume_from_checkpoint=begun)
            self._covariation = self._sum(self._covariation).numpy()
            loss = float(self._sum(output.training_loss)) / self.accelerator.num_processes
            if not all(bool(p.isfinite().all()) for p in self.model.parameters() if p.requires_grad):
                raise RuntimeError(
                    "the fit diverged, its weights are not finite: learning_rate "
                    f"{self.args.learning_rate:g} or max_grad_norm {self.args.max_grad_norm:g} is too large"
                )
            return FitResult(loss, self._fidelity(task), int(output.global_step))
        finally:
            self._task = None
            self.train_dataset = None
            if self.state.log_history is not history:  # each fit begins a state of its own
                self.state.log_history[:0] = history
            if self.model_wrapped is self.model:
                # Mixed precision wraps the forward pass, and would do so once more for every fit; a model
                # within another one is made ready by the first fit alone.
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
        # Without the state of the optimiser a fit would not go on as it was, so it is better begun again.
        if self._task is None or self.args.save_only_model:
            return
        folder = checkpoints_folder(self._task.folder) / f"checkpoint-{self.state.global_step}"
        self.accelerator.wait_for_everyone()  # each process has a file of its own in it
        if self.args.should_save:
            for file in folder.rglob("*"):
                if file.is_file():
                    with file.open("rb") as content:
                        os.fsync(content.fileno())
            (folder / _WHOLE).touch()

    def push_to_hub(self, *_: object, **__: object) -> NoReturn:
        """Refuses: it would publish ``output_dir``, which holds prompts, responses and answers of the judge.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            "push_to_hub would publish prompts, responses and the judge's answers; "
            "trainer.model.push_to_hub(...) publishes the model"
        )

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log with the steps of all fits so far, and with the loss the share of the step reached."""
        if "loss" in logs and self._task is not None:
            reached = self._fidelity(self._task)
            logs = {**logs, "fidelity": reached} if math.isfinite(reached) else logs
        own = self.state.global_step
        self.state.global_step = self.steps_before + (0 if self._task is None else own)
        try:
            super().log(logs, start_time)
        finally:
            self.state.global_step = own


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
