"""The INPO trainer beside the OnlineDPOTrainer of TRL: what they cost, and what they learn.

    python benchmarks/inpo_trainer.py

Cost: the same random Llama in single precision (2 layers of width 64), tokenizer, prompts and lengths of
responses, one thread. Both draw responses and make one optimiser step for each 16 sequences. TRL has two
responses to a prompt and so one pair; ours have K in a ring, which makes K pairs (one for K = 2) of K
sequences, each encoded once. TRL draws anew for every step, ours draw all of a round first. Seconds are
counted by parts. The update is forward pass, backward pass and optimiser step with the bookkeeping around
them: the loop of the trainer, in TRL less drawing, reference and rewards. The reference is the
log-probabilities of the anchor, in TRL those of its reference model. The rest of ours is files and the begin
of a fit, once a round. Activation checkpointing, which TRL switches on by default, takes its cache of keys
and values away, so it is off except where it says so. Tokens read are counted by a hook on the model. Figures
are medians over turns; ratios are those within one turn, so that load falls on all.

What they learn: `inpo_trainer_learning.py`, whose table follows.
"""

import argparse
import json
import os
import statistics
import string
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from inpo_trainer_learning import COMMON, Course, run_learning
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from torch import nn
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    PrinterCallback,
    TrainerCallback,
)

from solvers.inpo.judges import CallableJudge, Comparison, Judge, OnVerdict, Verdict
from solvers.inpo.training import INPOConfig, INPOTrainer, TransformersGenerator
from solvers.inpo.training.generation import ServedPolicy
from solvers.inpo.training.groups import Response, TokenisedPrompt

_SEQUENCES = 16  # in one optimiser step
_RING = 8


class Clock:
    """Seconds by part, of one run."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.tokens = 0  # drawn
        self.read = 0  # given to the model while drawing, padding included
        self.pairs = 0
        self._parts: list[str] = []

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Adds to a part."""
        begin = time.perf_counter()
        self._parts.append(name)
        yield
        self._parts.pop()
        self.seconds[name] += time.perf_counter() - begin

    def watch(self, model: nn.Module) -> None:
        """Counts what a model reads."""

        def count(_: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
            if "generate" in self._parts:
                ids = arguments[0] if arguments else named["input_ids"]
                self.read += ids.numel()

        model.register_forward_pre_hook(count, with_kwargs=True)


class LoopClock(TrainerCallback):
    """Seconds from the begin to the end of every loop of a trainer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begin = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A loop begins."""
        self._begin = time.perf_counter()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A loop is over."""
        self._clock.seconds["loop"] += time.perf_counter() - self._begin


def make_tokenizer() -> PreTrainedTokenizerFast:
    """A token for each character."""
    names = ["<pad>", "<end>", *string.ascii_letters, *string.digits, *" .,"]
    raw = Tokenizer(models.WordLevel({name: place for place, name in enumerate(names)}, unk_token="<pad>"))
    raw.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    raw.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", eos_token="<end>")


def make_model(vocabulary: int) -> LlamaForCausalLM:
    """Two layers of width 64."""
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=4,
            pad_token_id=0,
            eos_token_id=1,
            bos_token_id=None,
        )
    )


def make_prompts(count: int, length: int) -> list[str]:
    """Different prompts of ``length`` characters."""
    return [f"{number:06d} ".ljust(length, "a") for number in range(count)]


def _count(prompt: object, first: str, second: str) -> float:
    return 0.5 + 0.5 * (first.count("e") - second.count("e")) / (1 + len(first) + len(second))


@dataclass(frozen=True, slots=True)
class TimedGenerator:
    """The generator in process, with its clock."""

    generator: TransformersGenerator
    clock: Clock

    @property
    def name(self) -> str:
        """That of the generator."""
        return self.generator.name

    def generate(
        self, policy: ServedPolicy, prompts: Sequence[TokenisedPrompt], count: int, *, seed: int
    ) -> list[tuple[Response, ...]]:
        """As the generator."""
        with self.clock.part("generate"):
            found = self.generator.generate(policy, prompts, count, seed=seed)
        self.clock.tokens += sum(len(response.ids) for group in found for response in group)
        return found


@dataclass(frozen=True, slots=True)
class TimedJudge:
    """A judge, with its clock."""

    judge: Judge
    clock: Clock

    @property
    def name(self) -> str:
        """That of the judge."""
        return self.judge.name

    def compare(
        self, comparisons: Sequence[Comparison], on_verdict: OnVerdict | None = None
    ) -> list[Verdict]:
        """As the judge."""
        with self.clock.part("judge"):
            return self.judge.compare(comparisons, on_verdict)


def peer_type(clock: Clock) -> Any:
    """TRL's trainer, with a clock on its parts."""
    os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"
    from trl.experimental.online_dpo import OnlineDPOTrainer

    class TimedOnlineDPO(OnlineDPOTrainer):  # type: ignore[misc]
        def _generate(self, *arguments: Any) -> Any:
            with clock.part("generate"):
                found = super()._generate(*arguments)
            clock.tokens += int(found[3].sum())
            return found

        def _forward(self, *arguments: Any) -> Any:
            if torch.is_grad_enabled():
                return super()._forward(*arguments)
            with clock.part("reference"):
                return super()._forward(*arguments)

        def _calculate_rewards_from_functions(self, *arguments: Any, **named: Any) -> Any:
            with clock.part("judge"):
                return super()._calculate_rewards_from_functions(*arguments, **named)

    return TimedOnlineDPO


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done in one run.

    Attributes:
        steps: optimiser steps, of 16 sequences each.
        rounds: in which ours make them.
        prompt: characters of a prompt.
        response: tokens of a response, at most.
    """

    steps: int
    rounds: int
    prompt: int
    response: int


def run_ours(size: Size, responses: int, seed: int) -> Clock:
    """One run of ours with so many responses to a prompt, in a ring."""
    clock = Clock()
    tokenizer = make_tokenizer()
    model = make_model(len(tokenizer))
    clock.watch(model)
    with tempfile.TemporaryDirectory() as folder:
        trainer = INPOTrainer(
            model,
            judge=TimedJudge(CallableJudge(_count, "e"), clock),
            args=INPOConfig(
                output_dir=folder,
                rounds=size.rounds,
                prompts_per_round=size.steps // size.rounds * _SEQUENCES // responses,
                num_responses=responses,
                eta=1.0,
                tau=0.5,
                max_new_tokens=size.response,
                generation_batch_size=_SEQUENCES // responses,
                log_probability_batch_size=_SEQUENCES,
                per_device_train_batch_size=_SEQUENCES // responses,
                **COMMON,
                seed=seed,
            ),
            train_dataset=_dataset(size.steps * _SEQUENCES // responses, size.prompt),
            processing_class=tokenizer,
            callbacks=[LoopClock(clock)],
            generator=TimedGenerator(
                TransformersGenerator(size.response, batch_size=_SEQUENCES // responses), clock
            ),
        )
        trainer.remove_callback(PrinterCallback)
        begin = time.perf_counter()
        trainer.train()
        clock.seconds["all"] = time.perf_counter() - begin
        clock.pairs = sum(one.pairs for report in trainer.rounds for one in report.passes)
        manifests = sorted(Path(folder).glob("rounds/*/pass0/manifest.json"))
        stages = [json.loads(path.read_text())["stages"] for path in manifests]
        clock.seconds["reference"] = sum(stage["log_probabilities"]["seconds"] for stage in stages)
        clock.seconds["update"] = clock.seconds["loop"]
    return clock


def run_peer(size: Size, seed: int, checkpointing: bool = False) -> Clock:
    """One run of TRL."""
    os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"
    from trl.experimental.online_dpo import OnlineDPOConfig

    clock = Clock()
    tokenizer = make_tokenizer()
    model = make_model(len(tokenizer))
    clock.watch(model)
    with tempfile.TemporaryDirectory() as folder:
        trainer = peer_type(clock)(
            model=model,
            reward_funcs=lambda completions, **_: [
                text.count("e") / (1.0 + len(text)) for text in completions
            ],
            args=OnlineDPOConfig(
                output_dir=folder,
                max_steps=size.steps,
                max_new_tokens=size.response,
                temperature=1.0,
                loss_type="ipo",
                per_device_train_batch_size=_SEQUENCES // 2,
                activation_checkpointing=checkpointing,
                **COMMON,
                seed=seed,
            ),
            train_dataset=_dataset(size.steps * _SEQUENCES // 2, size.prompt),
            processing_class=tokenizer,
            callbacks=[LoopClock(clock)],
        )
        trainer.remove_callback(PrinterCallback)
        begin = time.perf_counter()
        trainer.train()
        clock.seconds["all"] = time.perf_counter() - begin
    clock.pairs = size.steps * _SEQUENCES // 2
    parts = clock.seconds
    parts["update"] = parts["loop"] - parts["generate"] - parts["judge"] - parts["reference"]
    return clock


def _dataset(count: int, length: int) -> Dataset:
    return Dataset.from_dict({"prompt": make_prompts(count, length)})


def run_cost(size: Size, turns: int) -> None:
    """Seconds by part, alternately, and ratios within turns."""
    contenders: dict[str, Callable[[int], Clock]] = {
        "TRL": lambda seed: run_peer(size, seed),
        "TRL, checkpointing": lambda seed: run_peer(size, seed, checkpointing=True),
        "ours, 2 responses": lambda seed: run_ours(size, 2, seed),
        "ours, ring of 8": lambda seed: run_ours(size, _RING, seed),
    }
    for run in contenders.values():
        run(0)  # warms up
    clocks: dict[str, list[Clock]] = defaultdict(list)
    for turn in range(turns):
        for name, run in contenders.items():
            clocks[name].append(run(turn))
    sequences = size.steps * _SEQUENCES
    print(
        f"cost: {size.steps} steps of {_SEQUENCES} sequences, prompts of {size.prompt}, responses of up to "
        f"{size.response} tokens; medians of {turns} turns"
    )
    print(f"   {'':20}   update: pairs/s  sequences/s | drawn tokens/s | whole run: pairs/s  sequences/s")
    for name, found in clocks.items():
        rows = [
            (
                clock.pairs / clock.seconds["update"],
                sequences / clock.seconds["update"],
                clock.tokens / clock.seconds["generate"],
                clock.pairs / clock.seconds["all"],
                sequences / clock.seconds["all"],
            )
            for clock in found
        ]
        update_pairs, update, tokens, pairs, whole = map(statistics.median, zip(*rows, strict=True))
        print(
            f"   {name:20}   {update_pairs:15.0f} {update:12.0f} | {tokens:14.0f} | "
            f"{pairs:18.0f} {whole:12.0f}"
        )
    print("   ratios to TRL within a turn (median): sequences in the update, drawn tokens, sequences in all")
    peer = clocks["TRL"]
    for name in list(contenders)[1:]:
        turns_of = list(zip(clocks[name], peer, strict=True))
        update = statistics.median(b.seconds["update"] / a.seconds["update"] for a, b in turns_of)
        drawn = statistics.median(
            a.tokens / a.seconds["generate"] / (b.tokens / b.seconds["generate"]) for a, b in turns_of
        )
        whole = statistics.median(b.seconds["all"] / a.seconds["all"] for a, b in turns_of)
        print(f"   {name:20}   {update:.2f}, {drawn:.2f}, {whole:.2f}")
    print("   tokens read by the model for each response drawn; seconds by part")
    for name, found in clocks.items():
        read = statistics.median(clock.read for clock in found) / sequences
        parts = {
            part: statistics.median(clock.seconds[part] for clock in found)
            for part in ("generate", "judge", "reference", "update")
        }
        rest = statistics.median(clock.seconds["all"] for clock in found) - sum(parts.values())
        listed = ", ".join(f"{part} {seconds:.2f}" for part, seconds in parts.items())
        print(f"   {name:20}   {read:7.1f}; {listed}, rest {rest:.2f}")


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--prompt", type=int, default=48)
    parser.add_argument("--response", type=int, default=32)
    parser.add_argument("--turns", type=int, default=5, help="of the table of costs; 0 for none")
    parser.add_argument("--learn", type=int, default=300, help="steps in the table of what they learn")
    parser.add_argument("--seeds", type=int, default=3, help="of the same; 0 for no such table")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    size = Size(arguments.steps, arguments.rounds, arguments.prompt, arguments.response)
    if arguments.turns:
        run_cost(size, arguments.turns)
    if arguments.seeds:
        run_learning(Course(arguments.learn, 64, arguments.learn // 30, 3), arguments.seeds)


if __name__ == "__main__":
    main()
