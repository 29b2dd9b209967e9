"""Writing and weighing token sequences with a causal transformer, a batch at a time.

Prompts are padded on the left, so that all rows go on at the same place, and what was read is kept as keys
and values: no token is read twice. A row that ends leaves the batch.

The numbers that draw a row's tokens come from a generator of its own, one per token by inversion of the
distribution function, so they do not depend on the rows beside it. The logits do, in the last digits, because
sums over padded rows are rounded otherwise; a token differs only where such a digit decides.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from games.errors import MissingDependencyError

try:
    from transformers import DynamicCache, PreTrainedModel
except ImportError as error:
    raise MissingDependencyError("transformers is needed: pip install 'counterplay[lm]'") from error


@dataclass(slots=True)
class Draw:
    """How one row is written, and what was written so far.

    Attributes:
        prompt: token ids, not empty.
        temperature: >= 0; 0 takes the likeliest.
        top_p: in (0, 1].
        max_tokens: >= 1.
        rng: draws the tokens.
        is_over: whether the text is over with the tokens so far; called after each token.
        tokens: written so far, with the end token if one was drawn.
        ended: whether ``is_over`` ended it, or an end token did.
        finite: whether all probabilities were numbers.
    """

    prompt: Sequence[int]
    temperature: float
    top_p: float
    max_tokens: int
    rng: np.random.Generator
    is_over: Callable[[list[int]], bool]
    tokens: list[int] = field(default_factory=list)
    ended: bool = False
    finite: bool = True


class CausalDecoder:
    """Runs ``model``, in evaluation mode and without gradients.

    Args:
        model: a causal language model that takes position ids and a cache of keys and values.
        end_tokens: ids that end a text.
    """

    def __init__(self, model: PreTrainedModel, end_tokens: frozenset[int]) -> None:
        self._model: Any = model  # its forward has no types
        self._end_tokens = end_tokens
        self._keeps_last = "logits_to_keep" in inspect.signature(model.forward).parameters

    @torch.no_grad()
    def write(self, rows: Sequence[Draw]) -> None:
        """Write all rows to their ends, in place."""
        batch = CachedBatch(self._model, self._keeps_last, [row.prompt for row in rows])
        live = list(rows)
        while True:
            drawn = _draw(batch.logits, live)
            going = []
            for i, (row, token) in enumerate(zip(live, drawn, strict=True)):
                if token is None:
                    row.finite = False
                    continue
                row.tokens.append(token)
                row.ended = token in self._end_tokens or row.is_over(row.tokens)
                if not row.ended and len(row.tokens) < row.max_tokens:
                    going.append(i)
            if not going:
                return
            if len(going) < len(live):
                batch.keep(going)
                live = [live[i] for i in going]
            batch.read([[row.tokens[-1]] for row in live])

    @torch.no_grad()
    def weigh(
        self, prompts: Sequence[Sequence[int]], options: Sequence[Sequence[Sequence[int]]]
    ) -> list[list[float]]:
        """Log-probabilities of each prompt's options, as sequences that follow it.

        Args:
            prompts: token ids, not empty.
            options: for each prompt its options, as token ids, not empty.
        """
        batch = CachedBatch(self._model, self._keeps_last, prompts)
        first = batch.logits.double().log_softmax(-1)
        values = [[float(first[i, o[0]]) for o in row] for i, row in enumerate(options)]
        places = [(i, j) for i, row in enumerate(options) for j, o in enumerate(row) if len(o) > 1]
        if not places:
            return values
        batch.keep([i for i, _ in places])  # once per option that goes on
        rest = [options[i][j] for i, j in places]
        after = batch.read([option[:-1] for option in rest], every=True).double().log_softmax(-1)
        for k, ((i, j), option) in enumerate(zip(places, rest, strict=True)):
            # Shorter rows are padded on the right, behind all that counts.
            values[i][j] += sum(float(after[k, t, token]) for t, token in enumerate(option[1:]))
        return values


class CachedBatch:
    """Rows that a model has read: their cache, mask, next positions and last logits (rows, vocabulary).

    Args:
        model: a causal language model that takes position ids and a cache of keys and values.
        keeps_last: whether it takes ``logits_to_keep``.
        prompts: token ids of each row, not empty.
    """

    def __init__(self, model: Any, keeps_last: bool, prompts: Sequence[Sequence[int]]) -> None:  # noqa: ANN401
        self._model = model
        self._last = {"logits_to_keep": 1} if keeps_last else {}
        self._device = model.device
        self._cache = DynamicCache(config=model.config)
        rows, width = len(prompts), max(map(len, prompts))
        ids = torch.zeros(rows, width, dtype=torch.long)
        self._mask = torch.zeros(rows, width, dtype=torch.long, device=self._device)
        for i, prompt in enumerate(prompts):
            ids[i, width - len(prompt) :] = torch.tensor(prompt)
            self._mask[i, width - len(prompt) :] = 1
        positions = (self._mask.cumsum(-1) - 1).clamp(min=0)
        self._next = self._mask.sum(-1, keepdim=True)
        self.logits = self._forward(ids.to(self._device), positions, self._last)[:, -1]

    def keep(self, rows: Sequence[int]) -> None:
        """Keep these rows, in this order; a row may come more than once."""
        index = torch.tensor(rows, device=self._device)
        self._cache.batch_select_indices(index)
        self._mask, self._next, self.logits = self._mask[index], self._next[index], self.logits[index]

    def read_next(self, tokens: torch.Tensor) -> None:
        """Read one more token in every row, shape (rows,), where they are on the device already."""
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(tokens), 1)], dim=1)
        self.logits = self._forward(tokens[:, None], self._next, self._last)[:, -1]
        self._next = self._next + 1

    def read(self, tokens: Sequence[Sequence[int]], *, every: bool = False) -> torch.Tensor:
        """Read further tokens, padded on the right, and give the logits after each of them.

        Only where all rows are of one length may more be read afterwards.
        """
        width = max(map(len, tokens))
        ids = torch.tensor([[*row, *[0] * (width - len(row))] for row in tokens], device=self._device)
        added = torch.tensor([[t < len(row) for t in range(width)] for row in tokens], device=self._device)
        self._mask = torch.cat([self._mask, added.long()], dim=1)
        positions = self._next + torch.arange(width, device=self._device)
        self._next = self._next + width
        logits = self._forward(ids, positions, {} if every else self._last)
        self.logits = logits[:, -1]
        return logits

    def _forward(self, ids: torch.Tensor, positions: torch.Tensor, more: dict[str, int]) -> torch.Tensor:
        answer = self._model(
            input_ids=ids,
            attention_mask=self._mask,
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
            **more,
        )
        logits: torch.Tensor = answer.logits
        return logits


def _draw(logits: torch.Tensor, rows: Sequence[Draw]) -> list[int | None]:
    """The next token of each row, None where its probabilities are not numbers."""
    scores = logits.double()
    heat = torch.tensor([row.temperature or 1.0 for row in rows], device=scores.device, dtype=scores.dtype)
    probabilities = (scores / heat[:, None]).softmax(-1)
    order: dict[int, torch.Tensor] = {}
    for i, row in enumerate(rows):
        if row.top_p < 1 and row.temperature > 0:
            kept, order[i] = probabilities[i].sort(descending=True, stable=True)
            kept = kept * (kept.cumsum(-1) - kept < row.top_p)
            probabilities[i] = kept
    sums = probabilities.cumsum(-1)
    uniforms = [row.rng.random() if row.temperature > 0 else 0.0 for row in rows]
    below = torch.tensor(uniforms, device=scores.device, dtype=scores.dtype)[:, None] * sums[:, -1:]
    places = torch.searchsorted(sums, below, right=True).clamp(max=scores.shape[-1] - 1)[:, 0].tolist()
    likeliest = scores.argmax(-1).tolist()
    finite = sums[:, -1].isfinite().tolist()
    tokens: list[int | None] = []
    for i, row in enumerate(rows):
        if not finite[i]:
            tokens.append(None)
        elif row.temperature == 0:
            tokens.append(likeliest[i])
        else:
            tokens.append(int(order[i][places[i]]) if i in order else places[i])
    return tokens
