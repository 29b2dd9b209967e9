r"""Log-probabilities of whole responses: sums over their tokens, the end token included.

Prompts are padded on the left and responses on the right, so the positions that predict response tokens are
the last ones of every row, and the model is asked for no other logits. The log-softmax of chosen tokens,

.. math::
    \log p(y_k) = z_{y_k} - \log\sum_v e^{z_v},

is computed in single precision a few rows at a time, forwards and backwards, so no second copy of the logits
in single precision is ever made.
"""

import inspect
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

Tokens: TypeAlias = Sequence[int]

_ROW_ELEMENTS = 2**22  # logits converted at a time


def pad_sequences(sequences: Sequence[tuple[Tokens, Tokens]], pad_id: int) -> dict[str, Tensor]:
    """Prompts and responses as one batch: prompts end, and responses begin, in the same column.

    Args:
        sequences: token ids of prompts and responses; both non-empty.
        pad_id: the token to fill up with.

    Returns:
        ``input_ids``, ``attention_mask`` and ``position_ids`` of shape (N, L), ``targets`` of shape (N, R)
        with the response tokens, -1 where there is none. The mask hides what comes before prompts only: a
        causal model cannot look ahead at the rest, and where prompts are of one length, as in a batch of one
        prompt, it needs no mask and may take its fastest attention.
    """
    prompts = np.array([len(prompt) for prompt, _ in sequences])
    responses = np.array([len(response) for _, response in sequences])
    first = int(prompts.max())  # column of the first response tokens
    ids = np.full((len(sequences), first + int(responses.max())), pad_id, np.int64)
    for row, (prompt, response) in enumerate(sequences):
        ids[row, first - len(prompt) : first] = prompt
        ids[row, first : first + len(response)] = response
    places = np.arange(ids.shape[1]) - (first - prompts)[:, None]
    answered = np.arange(ids.shape[1] - first) < responses[:, None]
    return {
        "input_ids": torch.from_numpy(ids),
        "attention_mask": torch.from_numpy((places >= 0).astype(np.int64)),
        "position_ids": torch.from_numpy(places.clip(0, (prompts + responses - 1)[:, None])),
        "targets": torch.from_numpy(np.where(answered, ids[:, first:], -1)),
    }


def accepted_arguments(model: nn.Module) -> frozenset[str]:
    """Names of the arguments that the forward pass of a model, or of what a wrapper holds, takes."""
    inner: Any = model
    while True:
        if hasattr(inner, "module"):  # distributed wrappers
            inner = inner.module
        elif hasattr(inner, "get_base_model"):  # adapters
            inner = inner.get_base_model()
        else:
            return _parameters(type(inner).forward)


@cache
def _parameters(forward: Callable[..., object]) -> frozenset[str]:
    return frozenset(inspect.signature(forward).parameters)


def response_log_probabilities(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    """Log-probability of every response given its prompt, shape (N,), at least in single precision.

    Args:
        model: a causal language model.
        batch: what ``pad_sequences`` made, on the model's device.
    """
    targets = batch["targets"]
    width = targets.shape[1]
    accepted = accepted_arguments(model)
    inputs: dict[str, Any] = {
        name: batch[name] for name in ("input_ids", "attention_mask", "position_ids") if name in accepted
    }
    if "use_cache" in accepted:
        inputs["use_cache"] = False
    if "logits_to_keep" in accepted:
        inputs["logits_to_keep"] = width + 1
    logits = model(**inputs).logits[:, -width - 1 : -1]
    chosen = token_log_probabilities(logits, targets.clamp(min=0))
    return chosen.masked_fill(targets < 0, 0.0).sum(-1)


@torch.no_grad()
def all_log_probabilities(
    model: nn.Module, sequences: Sequence[tuple[Tokens, Tokens]], *, pad_id: int, batch_size: int
) -> NDArray[np.float64]:
    """Log-probabilities of many responses, in batches of like length; equal sequences are looked at once."""
    keys = [(tuple(prompt), tuple(response)) for prompt, response in sequences]
    distinct = sorted(set(keys), key=lambda key: (len(key[0]) + len(key[1]), key))
    device = next(model.parameters()).device
    found: dict[tuple[Tokens, Tokens], float] = {}
    for start in range(0, len(distinct), batch_size):
        chosen = distinct[start : start + batch_size]
        batch = {name: tensor.to(device) for name, tensor in pad_sequences(chosen, pad_id).items()}
        values = response_log_probabilities(model, batch).double().tolist()
        found.update(zip(chosen, values, strict=True))
    return np.array([found[key] for key in keys], dtype=np.float64)


def token_log_probabilities(logits: Tensor, tokens: Tensor) -> Tensor:
    """Log-softmax of ``logits``, shape (..., V), at ``tokens``, shape (...)."""
    rows = logits.reshape(-1, logits.shape[-1])
    flat: Tensor = _ChosenLogSoftmax.apply(rows, tokens.reshape(-1))  # type: ignore[no-untyped-call]
    return flat.reshape(tokens.shape)


class _Context(Protocol):
    saved_tensors: tuple[Tensor, Tensor, Tensor]

    def save_for_backward(self, *tensors: Tensor) -> None: ...


class _ChosenLogSoftmax(torch.autograd.Function):
    """Keeps the logits as they came and one number for each row, nothing else of their size."""

    @staticmethod
    def forward(ctx: _Context, logits: Tensor, tokens: Tensor) -> Tensor:
        wide = torch.promote_types(logits.dtype, torch.float32)
        chosen = logits.gather(-1, tokens[:, None])[:, 0].to(wide)
        normaliser = torch.cat([part.to(wide).logsumexp(-1) for part in _parts(logits)])
        ctx.save_for_backward(logits, tokens, normaliser)
        return chosen - normaliser

    @staticmethod
    @once_differentiable
    def backward(ctx: _Context, gradient: Tensor) -> tuple[Tensor, None]:
        logits, tokens, normaliser = ctx.saved_tensors
        result = torch.empty_like(logits)
        begin = 0
        for part in _parts(logits):
            rows = slice(begin, begin + len(part))
            piece = part.to(normaliser.dtype).sub(normaliser[rows, None]).exp_()
            piece.mul_(-gradient[rows, None])
            piece.scatter_add_(-1, tokens[rows, None], gradient[rows, None])
            result[rows] = piece
            begin += len(part)
        return result, None


def _parts(logits: Tensor) -> Sequence[Tensor]:
    return torch.split(logits, max(_ROW_ELEMENTS // logits.shape[-1], 1))
