"""Prompts as users bring them: a column ``prompt`` with texts or chat messages."""

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from transformers import PreTrainedTokenizerBase

from games.storage.header import encode_header
from marl.language.control import control_tokens, first_control_token
from marl.language.model import Message, Role
from solvers.inpo.judges.verdicts import Prompt, prompt_fields
from solvers.inpo.training.groups import TokenisedPrompt

_log = logging.getLogger(__name__)


def tokenise_prompts(
    rows: Iterable[Mapping[str, Any]], tokenizer: PreTrainedTokenizerBase, *, max_length: int, name: str
) -> tuple[TokenisedPrompt, ...]:
    """Tokenise prompt-only data; messages go through the chat template, ready for the model's turn.

    Args:
        rows: each with a ``prompt``: a text, or a list of messages with ``role`` and ``content``.
        tokenizer: that of the policy.
        max_length: prompts of more tokens are left out, and so are conversations in which somebody spells a
            control token, which could end a turn; their numbers are logged.
        name: what the data are called in messages.

    Raises:
        ValueError: a row has no prompt, a prompt is of another form, has no token or ends with an answer, or
            none is left; or there are several data sets.
    """
    if isinstance(rows, Mapping):
        raise ValueError(f"{name} must be one data set, got several: {', '.join(map(str, rows))}; name one")
    found = []
    dropped = spoilt = 0
    spellings = control_tokens(tokenizer)
    for number, row in enumerate(rows):
        if "prompt" not in row:
            raise ValueError(
                f"{name} must be prompt-only data with a column 'prompt', row {number} has {sorted(row)}"
            )
        prompt, ids = _tokenise(row["prompt"], tokenizer, f"{name}, row {number}")
        if not ids:
            raise ValueError(f"{name}, row {number}: the prompt has no token, got {row['prompt']!r}")
        if len(ids) > max_length:
            dropped += 1
        elif not isinstance(prompt, str) and first_control_token((m.content for m in prompt), spellings):
            spoilt += 1
        else:
            found.append(TokenisedPrompt(prompt, ids))
    if dropped:
        _log.warning("%s: %d prompts of more than %d tokens are left out", name, dropped, max_length)
    if spoilt:
        _log.warning("%s: %d conversations that spell a control token are left out", name, spoilt)
    if not found:
        raise ValueError(f"{name} must hold at least one prompt of at most {max_length} tokens, got none")
    return tuple(found)


def _tokenise(
    value: object, tokenizer: PreTrainedTokenizerBase, place: str
) -> tuple[Prompt, tuple[int, ...]]:
    if isinstance(value, str):
        return value, _tokenise_text(value, tokenizer)
    if not isinstance(value, Sequence) or not value:
        raise ValueError(f"{place}: prompt must be a text or a list of messages, got {value!r:.80}")
    messages = []
    for message in value:
        try:
            messages.append(Message(Role(message["role"]), message["content"]))
        except (TypeError, KeyError, ValueError) as error:
            raise ValueError(
                f"{place}: a message must have a role and a content, got {message!r:.80}: {error}"
            ) from None
    if messages[-1].role is Role.ASSISTANT:
        raise ValueError(
            f"{place}: prompt must end where it is the model's turn, got a last message of the assistant"
        )
    plain = [{"role": message.role.value, "content": message.content} for message in messages]
    ids = tokenizer.apply_chat_template(plain, add_generation_prompt=True, tokenize=True, return_dict=True)
    return tuple(messages), tuple(ids["input_ids"])


def _tokenise_text(text: str, tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """Tokens of a text that is to go on: none that ends it, nor a second one that begins it, is added."""
    ids = tuple(tokenizer(text)["input_ids"])
    plain = tuple(tokenizer(text, add_special_tokens=False)["input_ids"])
    begin, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    if end is not None and ids[-len(plain) - 1 :] == (*plain, end):
        ids = ids[:-1]
    if plain[:1] == (begin,) and ids == (begin, *plain):
        ids = plain
    return ids


def prompts_digest(prompts: Sequence[TokenisedPrompt]) -> str:
    """SHA-256 of prompts and their tokens."""
    word = hashlib.sha256()
    for one in prompts:
        word.update(encode_header({"prompt": prompt_fields(one.prompt), "ids": list(one.ids)}) + b"/")
    return word.hexdigest()
