"""Runs that something went wrong with: they go on when it is over, and begin with nothing of other runs."""

import math

import numpy as np
import pytest
import torch
from peft import LoraConfig
from transformers import TrainerCallback

from games.errors import FileFormatError
from solvers.inpo.judges import Verdict
from solvers.inpo.training import TransformersGenerator

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

TINY = {
    "rounds": 1,
    "num_responses": 3,
    "num_opponents": 2,
    "num_train_epochs": 1,
    "pairing": "ring",
    "eta": 0.5,
    "repeats": 2,
}


def _weights(trainer):
    return torch.cat([p.detach().flatten() for p in trainer.model.parameters()])


class Outage:
    """A judge and a generator that give nothing while they are down."""

    def __init__(self, bed, part):
        self.bed, self.part, self.name = bed, part, "outage"

    def compare(self, comparisons, on_verdict=None):
        if self.part == "judge":
            return [Verdict(None, failure="down")] * len(comparisons)
        return self.bed.judge.compare(comparisons)

    def generate(self, policy, prompts, count, *, seed):
        if self.part and self.part in policy.label:
            return [()] * len(prompts)
        return TransformersGenerator(2).generate(policy, prompts, count, seed=seed)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("policy", "round 0, pass 0: generator gave no prompt 2 responses of the policy"),
        ("half", "round 0, pass 1: generator gave no prompt 1 responses of the half"),
        ("judge", r"round 0, pass 0: no pair is left to learn from; of \d+ comparisons \d+ failed"),
        ("evaluation", "generator gave no response to any of 4 evaluation prompts"),
    ],
)
def test_after_an_outage_a_run_goes_on_as_if_there_had_been_none(part, message, bed_of, trainer_of, tmp_path):
    ends = []
    for down in (part, ""):
        bed = bed_of(1)
        outage = Outage(bed, down)
        trainer = trainer_of(
            bed,
            tmp_path / f"run {down}",
            method="egpo",
            arguments={"judge": outage, "generator": outage, "eval_dataset": bed.dataset(1)},
            **TINY,
        )
        if down:
            with pytest.raises(RuntimeError, match=message):
                trainer.train()
            outage.part = ""
        trainer.train(resume_from_checkpoint=True)
        ends.append((_weights(trainer), trainer.rounds[0].metrics))
    assert torch.equal(ends[0][0], ends[1][0])
    assert ends[0][1] == ends[1][1]


def test_a_run_begins_with_its_own_model_whatever_lies_there(bed_of, trainer_of, tmp_path):
    old, new = bed_of(1), bed_of(2)
    first = trainer_of(old, tmp_path, arguments={"eval_dataset": old.dataset(1)}, **TINY)
    first.evaluate()
    settings = {**TINY, "learning_rate": 0.0}
    trainer = trainer_of(new, tmp_path, arguments={"eval_dataset": new.dataset(1)}, **settings)
    start = new.policy(new.model)
    assert trainer.evaluate()["eval_kl_to_reference"] == 0.0
    trainer.train()
    np.testing.assert_array_equal(new.policy(trainer.model), start)
    alone = trainer_of(bed_of(2), tmp_path / "alone", arguments={"eval_dataset": new.dataset(1)}, **settings)
    alone.train()
    assert trainer.rounds[0].metrics == alone.rounds[0].metrics


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"arguments": {}}, "parameters, adapter, reference differ"),
        ({"alpha": 8}, "adapter differ"),
        ({"other": True}, "reference differ"),
        ({"lr_scheduler_kwargs": {"num_cycles": 2}}, "lr_scheduler_kwargs differ"),
        ({"disable_dropout": False}, "disable_dropout differ"),
    ],
)
def test_a_run_is_not_resumed_with_another_model_or_schedule(changed, message, bed_of, trainer_of, tmp_path):
    def make(*, alpha=4, other=False, arguments=None, rounds=1, **settings):
        bed = bed_of(1)
        given = {"peft_config": LoraConfig(r=2, lora_alpha=alpha, target_modules="all-linear")}
        if other:
            given["ref_model"] = bed_of(2).model
        return trainer_of(
            bed,
            tmp_path,
            arguments=given if arguments is None else arguments,
            **{**TINY, "rounds": rounds, **settings},
        )

    make().train()
    with pytest.raises(ValueError, match=message):
        make(rounds=2, **changed).train(resume_from_checkpoint=True)
    make(rounds=2).train(resume_from_checkpoint=True)


class Stop(TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == 3:
            raise KeyboardInterrupt


def test_checkpoints_without_the_optimiser_are_not_gone_on_from(bed_of, trainer_of, tmp_path):
    settings = {**TINY, "repeats": 8, "save_strategy": "steps", "save_steps": 1, "save_only_model": True}
    whole = trainer_of(bed_of(1), tmp_path / "whole", **settings)
    whole.train()
    stopped = trainer_of(bed_of(1), tmp_path / "cut", arguments={"callbacks": [Stop()]}, **settings)
    with pytest.raises(KeyboardInterrupt):
        stopped.train()
    again = trainer_of(bed_of(1), tmp_path / "cut", **settings)
    again.train(resume_from_checkpoint=True)
    assert torch.equal(_weights(again), _weights(whole))


def test_a_fit_that_diverges_is_told(bed_of, trainer_of, tmp_path):
    settings = {**TINY, "optim": "sgd", "max_grad_norm": 0.0}
    trainer = trainer_of(bed_of(1), tmp_path, **{**settings, "learning_rate": 1e30, "repeats": 8})
    with pytest.raises(RuntimeError, match=r"the fit diverged, its weights are not finite: learning_rate 1e"):
        trainer.train()
    assert not list(tmp_path.rglob("weights.safetensors"))
    # One step leaves weights that are finite but too large for logits.
    trainer = trainer_of(
        bed_of(1), tmp_path / "later", **{**settings, "learning_rate": 1e38, "repeats": 2, "rounds": 2}
    )
    with pytest.raises(RuntimeError, match="diverge"):
        trainer.train()


@pytest.mark.parametrize("name", ["run.json", "rounds/0000/pass0/weights.safetensors"])
def test_a_file_that_is_cut_short_is_named(name, bed_of, trainer_of, tmp_path):
    trainer_of(bed_of(1), tmp_path, **TINY).train()
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(FileFormatError, match=path.name):
        trainer_of(bed_of(1), tmp_path, **{**TINY, "rounds": 2}).train(resume_from_checkpoint=True)


# What callbacks see.


class Watch(TrainerCallback):
    """Notes every log and evaluation, and asks for evaluations amid fits."""

    def __init__(self, *, evaluates=False):
        self.steps, self.kls, self.evaluates = [], [], evaluates

    def on_step_end(self, args, state, control, **kwargs):
        control.should_evaluate = self.evaluates

    def on_log(self, args, state, control, logs=None, **kwargs):
        self.steps.append(state.global_step)

    def on_evaluate(self, args, state, control, metrics=None, **kwargs):
        self.kls.append(metrics["eval_kl_to_reference"])


def test_steps_are_counted_over_all_fits_in_logs(bed_of, trainer_of, tmp_path):
    def make(folder, rounds):
        bed, watch = bed_of(1), Watch()
        return watch, trainer_of(
            bed,
            folder,
            logging_strategy="steps",
            logging_steps=1,
            arguments={"callbacks": [watch], "eval_dataset": bed.dataset(1)},
            **{**TINY, "repeats": 4, "rounds": rounds},
        )

    watch, trainer = make(tmp_path / "a", 3)
    output = trainer.train()
    assert watch.steps == [1, 2, 2, 2, 3, 4, 4, 4, 5, 6, 6, 6]  # two steps, the end of the fit, the round
    assert [entry["step"] for entry in trainer.state.log_history] == watch.steps
    assert output.global_step == trainer.state.global_step == 6
    make(tmp_path / "b", 2)[1].train()
    watch, trainer = make(tmp_path / "b", 3)
    trainer.train(resume_from_checkpoint=True)
    assert watch.steps == [5, 6, 6, 6]


def test_evaluation_amid_fits_measures_and_changes_nothing(bed_of, trainer_of, tmp_path):
    ends = []
    for watch in (Watch(), Watch(evaluates=True)):
        bed = bed_of(1)
        trainer = trainer_of(
            bed,
            tmp_path / str(watch.evaluates),
            learning_rate=1e-2,
            eval_on_start=watch.evaluates,
            arguments={"callbacks": [watch], "eval_dataset": bed.dataset(2)},
            **{**TINY, "repeats": 8},
        )
        trainer.train()
        ends.append(_weights(trainer))
    assert torch.equal(*ends)
    assert watch.kls[0] == 0.0
    assert len(set(watch.kls[:5])) == 5
    assert all(map(math.isfinite, watch.kls))
