"""Any function as a judge."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from solvers.inpo.judges.verdicts import Comparison, OnVerdict, Prompt, Verdict

Answer = float | Verdict
"""A probability, or a verdict where there is a tie or a failure to tell of."""


@dataclass(frozen=True, slots=True)
class CallableJudge:
    """A function of one pair, (prompt, first, second) -> P(first is preferred).

    Attributes:
        function: called for one comparison after the other; what it raises is passed on.
        name: its identity; functions that answer differently need different names.
    """

    function: Callable[[Prompt, str, str], Answer]
    name: str

    def compare(
        self, comparisons: Sequence[Comparison], on_verdict: OnVerdict | None = None
    ) -> list[Verdict]:
        """What the function says.

        Raises:
            ValueError: an answer is not in [0, 1].
        """
        verdicts = []
        for position, comparison in enumerate(comparisons):
            answer = self.function(comparison.prompt, comparison.first, comparison.second)
            verdicts.append(_verdict(answer))
            if on_verdict is not None:
                on_verdict(position, verdicts[-1])
        return verdicts


@dataclass(frozen=True, slots=True)
class BatchCallableJudge:
    """A function of many pairs.

    Attributes:
        function: takes comparisons, returns an answer for each.
        name: its identity; functions that answer differently need different names.
        batch_size: comparisons given at a time; answers are passed on after each batch.
    """

    function: Callable[[Sequence[Comparison]], Sequence[Answer]]
    name: str
    batch_size: int = 256

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {self.batch_size}")

    def compare(
        self, comparisons: Sequence[Comparison], on_verdict: OnVerdict | None = None
    ) -> list[Verdict]:
        """What the function says.

        Raises:
            ValueError: an answer is not in [0, 1], or there are not as many answers as comparisons.
        """
        verdicts: list[Verdict] = []
        for start in range(0, len(comparisons), self.batch_size):
            batch = comparisons[start : start + self.batch_size]
            answers = self.function(batch)
            if len(answers) != len(batch):
                raise ValueError(
                    f"function must give one answer per comparison, {len(batch)}, "
                    f"{self.name} gave {len(answers)}"
                )
            for position, answer in enumerate(answers, start):
                verdicts.append(_verdict(answer))
                if on_verdict is not None:
                    on_verdict(position, verdicts[-1])
        return verdicts


def _verdict(answer: Answer) -> Verdict:
    return answer if isinstance(answer, Verdict) else Verdict(float(answer))
