r"""Rewards as preferences, by the model of Bradley and Terry: P(y > y') = 1 / (1 + exp(-scale (r - r')))."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from solvers.inpo.judges.verdicts import (
    Comparison,
    OnVerdict,
    Prompt,
    Verdict,
    digest,
    prompt_fields,
)

Reward = Callable[[Sequence[Prompt], Sequence[str]], Sequence[float]]
"""Takes prompts and one response to each, returns a reward for each; NaN says that there is none."""


@dataclass(frozen=True, slots=True, eq=False)
class RewardJudge:
    """Compares by rewards; each response is scored once while the judge lives.

    Attributes:
        reward: scores responses; the same response must get the same reward again.
        reward_name: its identity.
        scale: multiplies differences of rewards, positive.
        batch_size: comparisons whose responses are scored together; verdicts come after each batch.

    Raises:
        ValueError: ``scale`` or ``batch_size`` is not positive.
    """

    reward: Reward
    reward_name: str
    scale: float = 1.0
    batch_size: int = 256
    _scores: dict[str, float] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        if not 0.0 < self.scale < math.inf:
            raise ValueError(f"scale must be positive and finite, got {self.scale!r}")
        if self.batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {self.batch_size}")

    @property
    def name(self) -> str:
        """That of the reward, and the scale."""
        return f"Bradley-Terry of {self.reward_name} times {float(self.scale)!r}"

    def compare(
        self, comparisons: Sequence[Comparison], on_verdict: OnVerdict | None = None
    ) -> list[Verdict]:
        """Sigmoids of scaled differences; without a finite reward a failure.

        Raises:
            ValueError: ``reward`` does not score every response.
        """
        verdicts: list[Verdict] = []
        for start in range(0, len(comparisons), self.batch_size):
            batch = comparisons[start : start + self.batch_size]
            self._score(batch)
            for position, comparison in enumerate(batch, start):
                verdicts.append(self._verdict(comparison))
                if on_verdict is not None:
                    on_verdict(position, verdicts[-1])
        return verdicts

    def _score(self, comparisons: Sequence[Comparison]) -> None:
        wanted = {
            key: (comparison.prompt, text)
            for comparison in comparisons
            for text in (comparison.first, comparison.second)
            if (key := _key(comparison.prompt, text)) not in self._scores
        }
        if not wanted:
            return
        prompts, texts = zip(*wanted.values(), strict=True)
        scores = self.reward(prompts, texts)
        if len(scores) != len(texts):
            raise ValueError(f"reward must score every response, {len(texts)}, got {len(scores)} scores")
        self._scores.update(zip(wanted, map(float, scores), strict=True))

    def _verdict(self, comparison: Comparison) -> Verdict:
        first, second = (
            self._scores[_key(comparison.prompt, text)] for text in (comparison.first, comparison.second)
        )
        for place, score in (("first", first), ("second", second)):
            if not math.isfinite(score):
                return Verdict(None, failure=f"the reward of the {place} response is {score}")
        # tanh cannot overflow, and keeps P(a > b) + P(b > a) = 1 to the last digit.
        return Verdict(0.5 + 0.5 * math.tanh(0.5 * self.scale * (first - second)))


def _key(prompt: Prompt, text: str) -> str:
    return digest([prompt_fields(prompt), text])
