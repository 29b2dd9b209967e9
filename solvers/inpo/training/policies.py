"""Policies at work: responses and log-probabilities of whichever is asked for."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from solvers.inpo.training.generation import Generator, ServedPolicy
from solvers.inpo.training.groups import Sample, TokenisedPrompt
from solvers.inpo.training.log_probabilities import Tokens, all_log_probabilities
from solvers.inpo.training.processes import Processes
from solvers.inpo.training.snapshots import BASE, Snapshots


@dataclass(frozen=True, slots=True, eq=False)
class Policies:
    """The policies of a run and the means to use them.

    Attributes:
        snapshots: their weights.
        tokenizer: of all of them.
        pad_id: the token to fill up with.
        batch_size: sequences at a time for log-probabilities.
        autocast: a context in which forward passes have the precision of the fits.
        processes: who share the work.
    """

    snapshots: Snapshots
    tokenizer: PreTrainedTokenizerBase
    pad_id: int
    batch_size: int
    autocast: Callable[[], AbstractContextManager[None]]
    processes: Processes

    def draw(
        self,
        place: str,
        label: str,
        generator: Generator,
        prompts: Sequence[TokenisedPrompt],
        rows: NDArray[np.int64],
        count: int,
        seed: int,
    ) -> Sample:
        """Responses of the policy at ``place`` to the prompts with these numbers."""
        with self.snapshots.policy(place) as model, self.autocast():
            served = ServedPolicy(model, self.tokenizer, label, base=place == BASE)
            responses = generator.generate(served, [prompts[row] for row in rows], count, seed=seed)
        if len(responses) != len(rows):
            raise ValueError(f"generator must answer every prompt, {len(rows)}, got {len(responses)} groups")
        return Sample(rows, tuple(responses))

    def log_probabilities(
        self, place: str, sequences: Sequence[tuple[Tokens, Tokens]]
    ) -> NDArray[np.float64]:
        """Log-probabilities of responses under the policy at ``place``; sequences of prompt and response."""
        with self.snapshots.policy(place) as model, self.autocast():
            return all_log_probabilities(model, sequences, pad_id=self.pad_id, batch_size=self.batch_size)

    def shared_log_probabilities(
        self, place: str, sequences: Sequence[tuple[Tokens, Tokens]]
    ) -> NDArray[np.float64]:
        """The same, each process having looked at a part; all processes must call it."""
        count, rank = self.processes.count, self.processes.rank
        keys = [(tuple(prompt), tuple(response)) for prompt, response in sequences]
        distinct = sorted(set(keys))
        own = distinct[rank::count]
        if len(own) * count < len(distinct):
            own.append(distinct[0])  # as many for each: a split model passes as many batches everywhere
        with self.snapshots.shared(place) as model, self.autocast():
            part = all_log_probabilities(model, own, pad_id=self.pad_id, batch_size=self.batch_size)
        found: dict[tuple[Tokens, Tokens], float] = {}
        for number, values in enumerate(self.processes.gather(part)):
            found.update(zip(distinct[number::count], values.tolist(), strict=False))
        return np.array([found[key] for key in keys], dtype=np.float64)


def sequences_of(prompts: Sequence[TokenisedPrompt], sample: Sample) -> list[tuple[Tokens, Tokens]]:
    """Prompt and response tokens of every response of a sample."""
    return [
        (prompts[row].ids, response.ids)
        for row, group in zip(sample.rows, sample.responses, strict=True)
        for response in group
    ]
