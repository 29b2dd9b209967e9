"""Texts that a tokenizer takes for control tokens, wherever they stand.

A tokenizer reads the spelling of a control token, such as the end of a turn, as that token, also amid what
somebody said. Who may write into a conversation could end a turn and speak in another role, so what is put
into a chat template or before a classifier is held against `control_tokens` first.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def control_tokens(tokenizer: "PreTrainedTokenizerBase") -> tuple[str, ...]:
    """The spellings, none for a tokenizer that splits them like other text."""
    known: Any = tokenizer  # its attributes have no types
    if getattr(known, "split_special_tokens", False):
        return ()
    added = {token.content for token in known.added_tokens_decoder.values() if token.special}
    return tuple(sorted(added | set(known.all_special_tokens)))


def first_control_token(texts: Iterable[str], spellings: Iterable[str]) -> str | None:
    """One of the spellings that is in one of the texts, None without one."""
    found = (spelling for text in texts for spelling in spellings if spelling in text)
    return next(found, None)
