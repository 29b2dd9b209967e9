"""Where responses come from: the policy in process, or any server that can be told to serve it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from marl.language.asking import generate_all
from marl.language.control import control_tokens, first_control_token
from marl.language.decoding import CachedBatch
from marl.language.model import (
    Finish,
    LanguageModel,
    Reply,
    Request,
    Sampling,
    conversation,
)
from solvers.inpo.training.groups import Response, TokenisedPrompt
from solvers.inpo.training.log_probabilities import accepted_arguments


@dataclass(frozen=True, slots=True)
class ServedPolicy:
    """A policy as generators get it.

    Attributes:
        model: with the weights of the policy; in evaluation mode.
        tokenizer: its tokenizer.
        label: tells policies of a run apart, such as ``round 3 policy``.
        base: whether it is the model without its adapter, as ``from_pretrained`` gave it: nothing to save.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    label: str
    base: bool = False

    def save(self, folder: Path) -> None:
        """Write the model, or its adapter, and the tokenizer in the form that ``from_pretrained`` reads.

        Raises:
            ValueError: the policy is the base model.
        """
        if self.base:
            raise ValueError(f"{self.label} is the base model: serve that, it has no weights of its own")
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)


class Generator(Protocol):
    """Draws responses."""

    @property
    def name(self) -> str:
        """Everything that the responses depend on beside the policy, the prompts and the seed."""

    def generate(
        self, policy: ServedPolicy, prompts: Sequence[TokenisedPrompt], count: int, *, seed: int
    ) -> list[tuple[Response, ...]]:
        """``count`` responses to every prompt, fewer where some failed; the same ones for the same seed."""


@dataclass(frozen=True, slots=True)
class TransformersGenerator:
    """Draws from the model in process.

    A prompt is encoded once for all of its responses, and rows that have come to their end are dropped from
    the batch. A draw depends on the seed and on the place of the prompt among ``prompts``, on nothing global.

    Attributes:
        max_new_tokens: responses are cut after so many tokens.
        temperature: divides the logits, positive; at 1 the responses are the policy's own.
        top_p: tokens are drawn from the smallest set that holds this probability; 1 for all.
        batch_size: prompts at a time.

    Raises:
        ValueError: a setting is out of range.
    """

    max_new_tokens: int = 256
    temperature: float = 1.0
    top_p: float = 1.0
    batch_size: int = 16

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1 or self.batch_size < 1:
            raise ValueError(
                "max_new_tokens and batch_size must be at least 1, "
                f"got {self.max_new_tokens} and {self.batch_size}"
            )
        if not self.temperature > 0.0:
            raise ValueError(f"temperature must be positive, got {self.temperature!r}")
        if not 0.0 < self.top_p <= 1.0:
            raise ValueError(f"top_p must lie in (0, 1], got {self.top_p!r}")

    @property
    def name(self) -> str:
        """All of its settings."""
        return repr(self)

    def generate(
        self, policy: ServedPolicy, prompts: Sequence[TokenisedPrompt], count: int, *, seed: int
    ) -> list[tuple[Response, ...]]:
        """``count`` responses to every prompt.

        Raises:
            RuntimeError: logits are not finite.
        """
        ends = end_tokens(policy)
        # Prompts of like length together waste no work on padding.
        order = np.argsort([len(prompt.ids) for prompt in prompts], kind="stable")
        found: list[tuple[Response, ...]] = [()] * len(prompts)
        for number, start in enumerate(range(0, len(order), self.batch_size)):
            chosen = order[start : start + self.batch_size].tolist()
            child = np.random.SeedSequence(seed, spawn_key=(number,)).generate_state(1, np.uint64)
            rows = self._draw(policy, [prompts[i].ids for i in chosen], count, int(child[0]), ends)
            for place, index in enumerate(chosen):
                found[index] = tuple(
                    _response(policy, ids, ends) for ids in rows[place * count : (place + 1) * count]
                )
        return found

    @torch.no_grad()
    def _draw(
        self,
        policy: ServedPolicy,
        prompts: list[tuple[int, ...]],
        count: int,
        seed: int,
        ends: frozenset[int],
    ) -> list[tuple[int, ...]]:
        """Tokens of ``count`` responses to each prompt, in the order of the prompts."""
        model = policy.model
        chance = torch.Generator(model.device).manual_seed(seed)
        stops = torch.tensor(sorted(ends), device=model.device)
        batch = CachedBatch(model, "logits_to_keep" in accepted_arguments(model), prompts)
        batch.keep([row for row in range(len(prompts)) for _ in range(count)])
        alive = torch.arange(len(prompts) * count, device=model.device)
        drawn: list[Tensor] = []
        rows: list[Tensor] = []
        for position in range(self.max_new_tokens):
            tokens = torch.multinomial(self._distribution(batch.logits), 1, generator=chance)[:, 0]
            drawn.append(tokens)
            rows.append(alive)
            going = ~torch.isin(tokens, stops)
            if position + 1 == self.max_new_tokens or not bool(going.any()):
                break
            if not bool(going.all()):
                alive, tokens = alive[going], tokens[going]
                batch.keep(going.nonzero()[:, 0].tolist())
            batch.read_next(tokens)
        responses: list[list[int]] = [[] for _ in range(len(prompts) * count)]
        for tokens, owners in zip(drawn, rows, strict=True):
            for token, row in zip(tokens.tolist(), owners.tolist(), strict=True):
                responses[row].append(token)
        return [tuple(response) for response in responses]

    def _distribution(self, logits: Tensor) -> Tensor:
        probabilities = torch.softmax(logits.float() / self.temperature, dim=-1)
        if not bool(probabilities[:, 0].isfinite().all()):  # one bad logit spoils its whole row
            raise RuntimeError("logits of the policy are not finite; did the last fit diverge?")
        if self.top_p < 1.0:
            ranked, places = probabilities.sort(dim=-1, descending=True)
            ranked[ranked.cumsum(-1) - ranked >= self.top_p] = 0.0
            probabilities = torch.zeros_like(probabilities).scatter_(-1, places, ranked)
        return probabilities


@dataclass(frozen=True, slots=True)
class EndpointGenerator:
    """Draws from a server, such as vLLM, through a ``LanguageModel``.

    Responses without an answer are left out, and so are those that spell a control token, which the tokenizer
    would take for the token. Servers report an empty text as a failure, so the responses are the policy's,
    given that they are not empty.

    Attributes:
        serve: called for each policy with it; has the server load its weights (``policy.save`` writes them,
            unless it is the base model) and returns the model to ask. What is transient is to be asked again
            there: ``Cached(Retrying(Limited(OpenAIEndpoint(...))), ...)``. Names should tell policies apart.
        sampling: how texts are drawn.
    """

    serve: Callable[[ServedPolicy], LanguageModel]
    sampling: Sampling

    @property
    def name(self) -> str:
        """The sampling; servers are taken to be alike."""
        return repr(self.sampling)

    def generate(
        self, policy: ServedPolicy, prompts: Sequence[TokenisedPrompt], count: int, *, seed: int
    ) -> list[tuple[Response, ...]]:
        """``count`` responses to every prompt, fewer where the server failed."""
        model = self.serve(policy)
        seeds = np.random.SeedSequence(seed).generate_state(max(len(prompts) * count, 1))
        requests = [
            Request(
                conversation(prompt.prompt),
                replace(self.sampling, seed=int(seeds[row * count + k])),
                replicate=k,
            )
            for row, prompt in enumerate(prompts)
            for k in range(count)
        ]
        replies = generate_all(model, requests)
        spellings = control_tokens(policy.tokenizer)
        ends = end_tokens(policy)
        responses = [_from_reply(policy, reply, spellings, ends) for reply in replies]
        return [
            tuple(r for r in responses[row * count : (row + 1) * count] if r is not None)
            for row in range(len(prompts))
        ]


def _from_reply(
    policy: ServedPolicy, reply: Reply, spellings: tuple[str, ...], ends: frozenset[int]
) -> Response | None:
    if reply.failure is not None or first_control_token([reply.text], spellings) is not None:
        return None
    ids = tuple(policy.tokenizer(reply.text, add_special_tokens=False)["input_ids"])
    ended = reply.finish is Finish.STOP
    end = policy.tokenizer.eos_token_id
    if ended and end is not None and (not ids or ids[-1] not in ends):
        ids = (*ids, end)
    return Response(ids, reply.text, ended) if ids else None


def end_tokens(policy: ServedPolicy) -> frozenset[int]:
    """Tokens that end a response, by the tokenizer and by the model's generation settings."""
    settings = getattr(policy.model, "generation_config", None)
    listed = getattr(settings, "eos_token_id", None)
    found = {policy.tokenizer.eos_token_id, *(listed if isinstance(listed, list) else [listed])}
    return frozenset(token for token in found if token is not None)


def _response(policy: ServedPolicy, ids: tuple[int, ...], ends: frozenset[int]) -> Response:
    ended = ids[-1] in ends
    shown = ids[:-1] if ended else ids
    return Response(ids, policy.tokenizer.decode(list(shown), skip_special_tokens=True), ended)
