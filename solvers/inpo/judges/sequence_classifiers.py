"""Transformers sequence classifiers as judges: of single responses (reward models) and of pairs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from marl.language.control import control_tokens, first_control_token
from marl.language.model import conversation
from solvers.inpo.judges.orders import ask_both_orders
from solvers.inpo.judges.readable import ask_unless, is_unicode, texts, unicode_hindrance
from solvers.inpo.judges.templates import PairTemplate
from solvers.inpo.judges.verdicts import Comparison, OnVerdict, Prompt, Verdict, digest

PAIR_TEMPLATE = PairTemplate("Prompt: {prompt}\n\nResponse A: {first}\n\nResponse B: {second}")
"""Replace it by what the classifier was trained on."""

_BATCHES_BETWEEN_REPORTS = 16


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """A model with a classification head, in evaluation mode.

    Attributes:
        model: where it stands and as it is; put into evaluation mode.
        tokenizer: of the model.
        max_length: most tokens of a text; longer ones are not cut but left without an answer.
        batch_size: texts at a time; 1 is used if the model has no padding token.

    Raises:
        ValueError: ``max_length`` or ``batch_size`` is below 1.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    max_length: int
    batch_size: int = 16

    def __post_init__(self) -> None:
        for name in ("max_length", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        self.model.train(False)

    @property
    def num_labels(self) -> int:
        """Logits that a text gets."""
        return int(self.model.config.num_labels or 0)

    def logits(self, texts: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """Logits of token sequences, shape (texts, labels); NaN for those that are empty or too long."""
        logits = np.full((len(texts), self.num_labels), np.nan)
        # Like lengths together, so that little is padded.
        usable = [number for number, text in enumerate(texts) if 0 < len(text) <= self.max_length]
        usable.sort(key=lambda number: len(texts[number]))
        padding = self.model.config.get_text_config().pad_token_id
        step = 1 if padding is None else self.batch_size
        for start in range(0, len(usable), step):
            batch = usable[start : start + step]
            logits[batch] = self._forward([texts[number] for number in batch], padding or 0)
        return logits

    def _forward(self, texts: Sequence[Sequence[int]], padding: int) -> NDArray[np.float64]:
        width = max(map(len, texts))
        tokens = torch.full((len(texts), width), padding, dtype=torch.long)
        mask = torch.zeros((len(texts), width), dtype=torch.long)
        for row, text in enumerate(texts):
            tokens[row, : len(text)] = torch.tensor(text)
            mask[row, : len(text)] = 1
        device = self.model.device
        with torch.inference_mode():
            found = self.model(input_ids=tokens.to(device), attention_mask=mask.to(device)).logits
        rows: NDArray[np.float64] = found.double().cpu().numpy()
        return rows


@dataclass(frozen=True, slots=True, eq=False)
class RewardModel:
    """A reward model as the ``reward`` of a ``RewardJudge``: one logit of a prompt with its response.

    Both are written by the chat template of the tokenizer, or one after the other where it has none. What
    spells a control token, and what is no valid Unicode, gets no reward: responses are written by those who
    gain by a high one.

    Attributes:
        classifier: with one label.

    Raises:
        ValueError: there is not one label.
    """

    classifier: Classifier

    def __post_init__(self) -> None:
        if self.classifier.num_labels != 1:
            raise ValueError(f"classifier must have one label, got {self.classifier.num_labels}")

    def __call__(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> list[float]:
        """A reward for each response; NaN where the text is too long or cannot be read."""
        control = control_tokens(self.classifier.tokenizer)
        encoded = [self._encode(*pair, control) for pair in zip(prompts, responses, strict=True)]
        return [float(row[0]) for row in self.classifier.logits(encoded)]

    def _encode(self, prompt: Prompt, response: str, control: Sequence[str]) -> list[int]:
        """Tokens; none where the text cannot be read."""
        tokenizer = self.classifier.tokenizer
        if isinstance(prompt, str) and not is_unicode(prompt):
            return []
        turns = [{"role": message.role.value, "content": message.content} for message in conversation(prompt)]
        turns.append({"role": "assistant", "content": response})
        said = [turn["content"] for turn in turns]
        if not is_unicode(response) or first_control_token(said, control) is not None:
            return []
        if tokenizer.chat_template is None:
            return list(tokenizer("".join(said))["input_ids"])
        return list(tokenizer.apply_chat_template(turns, tokenize=True, return_dict=False))


@dataclass(frozen=True, slots=True, eq=False)
class PairClassifierJudge:
    """A classifier that reads both responses, asked in both orders.

    With one label its logit is that of P(first is preferred); of two labels, the softmax of the one at
    ``first_label`` is P.

    Attributes:
        classifier: with one or two labels.
        classifier_name: its identity; weights that answer differently need different names.
        template: how a pair is written; as the classifier was trained.
        first_label: of two labels, the one that prefers the first response, 0 or 1.

    Raises:
        ValueError: there are more than two labels, or ``first_label`` is not 0 or 1.
    """

    classifier: Classifier
    classifier_name: str
    template: PairTemplate = PAIR_TEMPLATE
    first_label: int = 0

    def __post_init__(self) -> None:
        if self.classifier.num_labels not in (1, 2):
            raise ValueError(f"classifier must have one or two labels, got {self.classifier.num_labels}")
        if self.first_label not in (0, 1):
            raise ValueError(f"first_label must be 0 or 1, got {self.first_label}")

    @property
    def name(self) -> str:
        """That of the classifier, and how a pair is written."""
        fields = [self.template.text, self.first_label, self.classifier.max_length]
        return f"pair classifier {self.classifier_name} {digest(fields)[:16]}"

    def compare(
        self, comparisons: Sequence[Comparison], on_verdict: OnVerdict | None = None
    ) -> list[Verdict]:
        """Two readings for each comparison; one whose texts spell a control token fails at once."""
        control = control_tokens(self.classifier.tokenizer)

        def hindrance(comparison: Comparison) -> str:
            token = first_control_token(texts(comparison), control)
            spelt = "" if token is None else f"a text spells the control token {token!r}"
            return spelt or unicode_hindrance(comparison)

        ask = partial(ask_both_orders, self._ask)
        return ask_unless(hindrance, ask, comparisons, on_verdict)

    def _ask(self, comparisons: Sequence[Comparison], on_verdict: OnVerdict | None) -> list[Verdict]:
        verdicts: list[Verdict] = []
        tokenizer = self.classifier.tokenizer
        step = _BATCHES_BETWEEN_REPORTS * self.classifier.batch_size
        for start in range(0, len(comparisons), step):
            pairs = comparisons[start : start + step]
            texts = [tokenizer(self.template.render(pair))["input_ids"] for pair in pairs]
            for position, logits in enumerate(self.classifier.logits(texts), start):
                verdicts.append(self._verdict(logits))
                if on_verdict is not None:
                    on_verdict(position, verdicts[-1])
        return verdicts

    def _verdict(self, logits: NDArray[np.float64]) -> Verdict:
        single = len(logits) == 1
        margin = logits[0] if single else logits[self.first_label] - logits[1 - self.first_label]
        if not np.isfinite(margin):
            return Verdict(None, failure=f"the pair is too long, or the logits {logits.tolist()} say nothing")
        return Verdict(0.5 + 0.5 * float(np.tanh(0.5 * margin)))
