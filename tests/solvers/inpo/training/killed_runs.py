"""Runs that kill themselves, each in a process of its own, forked from one that has imported all.

    python killed_runs.py FOLDER SCENARIO ...

A scenario is PLACE:NUMBER, such as judge:20 (after the 20th verdict). Its run goes to FOLDER/PLACE-NUMBER.
"""

import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch
from transformers import TrainerCallback

from solvers.inpo.training import INPOConfig, INPOTrainer, TransformersGenerator, make_testbed


def die():
    os.kill(os.getpid(), signal.SIGKILL)


class Countdown:
    """Kills at the chosen place, when it has been there so many times."""

    def __init__(self, place="", number=0):
        self.place, self.left = place, number

    def at(self, place):
        if place == self.place:
            self.left -= 1
            if self.left <= 0:
                die()


class LoggedJudge:
    """A judge that notes every question in a file and may kill after a verdict was handed over."""

    def __init__(self, judge, path, countdown):
        self.name, self._judge, self._path, self._countdown = judge.name, judge, path, countdown

    def compare(self, comparisons, on_verdict=None):
        verdicts = []
        for number, comparison in enumerate(comparisons):
            with self._path.open("a") as file:
                file.write(f"{comparison.prompt} {'|'.join(sorted((comparison.first, comparison.second)))}\n")
            verdicts.extend(self._judge.compare([comparison]))
            on_verdict(number, verdicts[-1])
            self._countdown.at("judge")
        return verdicts


class Mortal:
    """A generator that may kill before or after it has drawn."""

    def __init__(self, generator, countdown):
        self.name, self._generator, self._countdown = generator.name, generator, countdown

    def generate(self, policy, prompts, count, *, seed):
        self._countdown.at("generate")
        found = self._generator.generate(policy, prompts, count, seed=seed)
        self._countdown.at("drawn")
        return found


class Killer(TrainerCallback):
    def __init__(self, countdown):
        self._countdown = countdown

    def on_step_end(self, args, state, control, **kwargs):
        self._countdown.at("step")

    def on_save(self, args, state, control, **kwargs):
        self._countdown.at("save")

    def on_evaluate(self, args, state, control, **kwargs):
        self._countdown.at("evaluate")

    def on_train_end(self, args, state, control, **kwargs):
        self._countdown.at("fitted")


def make_trainer(folder, countdown=None, *, method="egpo", adapter=False):
    countdown = countdown or Countdown()
    bed = make_testbed(rng=np.random.default_rng(0), tau=0.1, letters=3, ends=True, hidden=16)
    args = INPOConfig(
        output_dir=str(folder),
        method=method,
        rounds=2,
        eta=1.0,
        tau=0.1,
        num_responses=4,
        num_opponents=3,
        num_train_epochs=2,
        max_new_tokens=2,
        learning_rate=2e-3,
        per_device_train_batch_size=2,
        gradient_accumulation_steps=2,
        labels="drawn",
        save_steps=2,
        use_cpu=True,
        report_to="none",
        disable_tqdm=True,
        logging_strategy="no",
        dataloader_pin_memory=False,
    )
    peft_config = None
    if adapter:
        from peft import LoraConfig

        peft_config = LoraConfig(r=2, target_modules="all-linear", lora_dropout=0.0)
    folder.mkdir(parents=True, exist_ok=True)
    trainer = INPOTrainer(
        bed.model,
        judge=LoggedJudge(bed.judge, folder / "asked.txt", countdown),
        args=args,
        train_dataset=bed.dataset(3),
        eval_dataset=bed.dataset(2),
        processing_class=bed.tokenizer,
        peft_config=peft_config,
        callbacks=[Killer(countdown)],
        generator=Mortal(TransformersGenerator(2), countdown),
    )
    return bed, trainer


def main():
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    for scenario in sys.argv[2:]:
        place, _, number = scenario.partition(":")
        child = os.fork()
        if child == 0:
            adapter = place.startswith("adapter-")
            countdown = Countdown(place.removeprefix("adapter-"), int(number))
            _, trainer = make_trainer(folder / scenario.replace(":", "-"), countdown, adapter=adapter)
            trainer.train(resume_from_checkpoint=True)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WTERMSIG(status) != signal.SIGKILL:
            sys.exit(f"{scenario} was not killed: {status}")


if __name__ == "__main__":
    main()
