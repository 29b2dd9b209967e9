"""A transformers model in this process."""

import hashlib
import itertools
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from marl.language.batching import MicroBatches
from marl.language.control import control_tokens, first_control_token
from marl.language.decoding import CausalDecoder, Draw
from marl.language.model import (
    Cause,
    Choice,
    Conversation,
    Failure,
    Finish,
    Reply,
    Request,
    Role,
    Sampling,
    check_options,
)

if TYPE_CHECKING:  # `marl.language.decoding` says what to install when it is missing
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class TransformersModel:
    """Answers pending requests together, in batches padded on the left, with a cache of keys and values.

    A conversation is rendered by the tokenizer's chat template; one in which a message spells a control token
    is a failure, because the tokenizer would take it for the token. Without a template, a conversation must
    be one message of the user, which is continued as it stands, control tokens included. The text of a
    request is the same, whatever else is asked beside it, as far as `marl.language.decoding` says; seed,
    replicate and prompt decide.

    Args:
        model: a causal language model. It is run in evaluation mode, and left in the mode it was in.
        tokenizer: its tokenizer.
        name: identity. It must change with the weights, the tokenizer and its template: caches trust it.
        batch_size: the most requests in a batch, >= 1.

    Raises:
        ValueError: ``name`` is empty, or ``batch_size`` is below one.
    """

    def __init__(
        self,
        model: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
        *,
        name: str,
        batch_size: int = 32,
    ) -> None:
        if not name:
            raise ValueError("name must not be empty")
        if batch_size < 1:
            raise ValueError(f"batch_size must be >= 1, got {batch_size}")
        self._model = model
        self._tokenizer: Any = tokenizer  # its methods have no types
        self._name = name
        self._end_tokens = _end_tokens(model, tokenizer)
        self._decoder = CausalDecoder(model, self._end_tokens)
        self._control_tokens = control_tokens(tokenizer)
        self._context = getattr(model.config, "max_position_embeddings", None)
        lock = threading.Lock()
        self._texts = MicroBatches(self._write, size=batch_size, lock=lock)
        self._choices = MicroBatches(self._weigh, size=batch_size, lock=lock)

    @property
    def name(self) -> str:
        """As given."""
        return self._name

    async def generate(self, request: Request) -> Reply:
        """Write the next message of the conversation; a text of no tokens is a text.

        Raises:
            ValueError: The request has a temperature and no seed, or the tokenizer has no template for it.
        """
        if request.sampling.temperature > 0 and request.sampling.seed is None:
            raise ValueError("sampling.seed must be given for a model in process with a temperature above 0")
        prompt = self._prompt(request.messages)
        if isinstance(prompt, Failure):
            return Reply.failed(prompt)
        if failure := self._too_long(len(prompt) + 1):
            return Reply.failed(failure)
        return await self._texts.ask((prompt, request.sampling, request.replicate))

    async def choose(self, request: Request, options: Sequence[str]) -> Choice:
        """Log-probabilities of the tokens that spell each option on its own, after the conversation.

        Options that the tokenizer cannot spell, or not apart, are a failure.

        Raises:
            ValueError: The options are not to be told apart, or the tokenizer has no template.
        """
        checked = check_options(options)
        prompt = self._prompt(request.messages)
        if isinstance(prompt, Failure):
            return Choice.failed(prompt)
        spelt = [self._tokenizer.encode(option, add_special_tokens=False) for option in checked]
        if not self._are_told_apart(spelt):
            detail = f"the tokenizer does not spell each of {checked!r} in tokens of its own"
            return Choice.failed(Failure(Cause.NO_LOG_PROBABILITIES, detail))
        if failure := self._too_long(len(prompt) + max(map(len, spelt)) - 1):
            return Choice.failed(failure)
        return await self._choices.ask((prompt, spelt))

    def _are_told_apart(self, spelt: list[list[int]]) -> bool:
        unknown = getattr(self._tokenizer, "unk_token_id", None)
        if not all(spelt) or (unknown is not None and any(unknown in tokens for tokens in spelt)):
            return False
        # As for strings: a beginning of another comes right before one that it begins.
        return not any(b[: len(a)] == a for a, b in itertools.pairwise(sorted(spelt)))

    def _prompt(self, messages: Conversation) -> list[int] | Failure:
        if self._tokenizer.chat_template is not None:
            said = (message.content for message in messages)
            if (token := first_control_token(said, self._control_tokens)) is not None:
                return Failure(Cause.BAD_REQUEST, f"a message spells the control token {token!r}")
            turns = [{"role": message.role.value, "content": message.content} for message in messages]
            ids = self._tokenizer.apply_chat_template(
                turns, add_generation_prompt=True, tokenize=True, return_dict=False
            )
        elif len(messages) == 1 and messages[0].role is Role.USER:
            ids = self._tokenizer.encode(messages[0].content)
        else:
            roles = ", ".join(message.role.value for message in messages)
            raise ValueError(
                f"a tokenizer without a chat template takes one message of the user, got: {roles}"
            )
        if not ids:
            raise ValueError("messages must hold at least one token")
        return [int(token) for token in ids]

    def _too_long(self, tokens: int) -> Failure | None:
        if self._context is None or tokens <= self._context:
            return None
        return Failure(Cause.BAD_REQUEST, f"{tokens} tokens do not fit into {self._context}")

    def _write(self, batch: Sequence[tuple[list[int], Sampling, int]]) -> list[Reply]:
        rows = [self._row(*item) for item in batch]
        with _Evaluating(self._model):
            self._decoder.write(rows)
        return [self._reply(row, sampling.stop) for row, (_, sampling, _) in zip(rows, batch, strict=True)]

    def _row(self, prompt: list[int], sampling: Sampling, replicate: int) -> Draw:
        left = sampling.max_tokens if self._context is None else self._context - len(prompt)
        digest = hashlib.sha256(np.asarray(prompt, dtype="<i8").tobytes()).digest()
        entropy = [sampling.seed or 0, replicate, int.from_bytes(digest[:16], "big")]
        return Draw(
            prompt,
            sampling.temperature,
            sampling.top_p,
            min(sampling.max_tokens, left),
            np.random.default_rng(np.random.SeedSequence(entropy)),
            lambda tokens: self._holds_stop(tokens, sampling.stop),
        )

    def _holds_stop(self, tokens: list[int], stop: tuple[str, ...]) -> bool:
        if not stop:
            return False
        # A character takes four tokens at the most; the text before was looked at before.
        tail = tokens[-4 * (max(map(len, stop)) + 1) :]
        text = self._tokenizer.decode(tail, skip_special_tokens=True)
        return any(string in text for string in stop)

    def _reply(self, row: Draw, stop: tuple[str, ...]) -> Reply:
        counts = len(row.prompt), len(row.tokens)
        if not row.finite:
            return Reply.failed(Failure(Cause.MALFORMED, "the logits are not numbers"), *counts)
        written = row.tokens[:-1] if row.tokens[-1] in self._end_tokens else row.tokens
        text: str = self._tokenizer.decode(written, skip_special_tokens=True)
        cuts = [place for string in stop if (place := text.find(string)) >= 0]
        finish = Finish.STOP if row.ended else Finish.LENGTH
        return Reply(text[: min(cuts)] if cuts else text, finish, *counts)

    def _weigh(self, batch: Sequence[tuple[list[int], list[list[int]]]]) -> list[Choice]:
        with _Evaluating(self._model):
            weighed = self._decoder.weigh([prompt for prompt, _ in batch], [spelt for _, spelt in batch])
        return [
            Choice(tuple(min(value, 0.0) for value in values), len(prompt), 0)
            if not any(np.isnan(values))
            else Choice.failed(Failure(Cause.MALFORMED, "the logits are not numbers"), len(prompt), 0)
            for (prompt, _), values in zip(batch, weighed, strict=True)
        ]


class _Evaluating:
    """Puts a model into evaluation mode, and each of its parts back into the mode it was in."""

    def __init__(self, model: "PreTrainedModel") -> None:
        self._model: Any = model

    def __enter__(self) -> None:
        self._training = [part for part in self._model.modules() if part.training]
        self._model.eval()

    def __exit__(self, *_: object) -> None:
        for part in self._training:
            part.training = True


def _end_tokens(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> frozenset[int]:
    """The tokens that end a text by the model's own word, or else by the tokenizer's."""
    config = getattr(model, "generation_config", None)
    ids = getattr(config, "eos_token_id", None)
    if ids is None:
        ids = getattr(tokenizer, "eos_token_id", None)
    if ids is None:
        return frozenset()
    return frozenset({ids} if isinstance(ids, int) else map(int, ids))
