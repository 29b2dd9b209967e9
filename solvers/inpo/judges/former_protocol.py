"""Judges written for the pairwise protocol that TRL had until version 1.0."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from solvers.inpo.judges.callables import BatchCallableJudge
from solvers.inpo.judges.templates import prompt_text
from solvers.inpo.judges.verdicts import Comparison, OnVerdict, Verdict

_RANKS = {0: Verdict(1.0), 1: Verdict(0.0), -1: Verdict(None, failure="the judge gave rank -1")}


class PairwiseJudge(Protocol):
    """What ``BasePairwiseJudge`` of TRL asked of a judge."""

    def judge(
        self, prompts: list[str], completions: list[list[str]], shuffle_order: bool = True
    ) -> Sequence[int]:
        """The place, 0 or 1, of the better of two completions of each prompt; -1 for a failure."""


@dataclass(frozen=True, slots=True)
class FormerPairwiseJudge:
    """Such a judge in ours; it is asked in the order given, so wrap it in ``BothOrders`` if that sways it.

    Attributes:
        judge: whose ranks become probabilities 0 and 1, and explicit failures.
        name: its identity; judges that answer differently need different names.
        batch_size: comparisons given at a time; verdicts are passed on after each batch.

    Raises:
        ValueError: ``batch_size`` is below 1.
    """

    judge: PairwiseJudge
    name: str
    batch_size: int = 256

    def __post_init__(self) -> None:
        self._in_batches()

    def compare(
        self, comparisons: Sequence[Comparison], on_verdict: OnVerdict | None = None
    ) -> list[Verdict]:
        """One call for each batch.

        Raises:
            ValueError: the judge gives another number of ranks, or a rank that is not 0, 1 or -1.
        """
        return self._in_batches().compare(comparisons, on_verdict)

    def _in_batches(self) -> BatchCallableJudge:
        return BatchCallableJudge(self._judge_batch, self.name, self.batch_size)

    def _judge_batch(self, comparisons: Sequence[Comparison]) -> list[Verdict]:
        ranks = self.judge.judge(
            [prompt_text(comparison.prompt) for comparison in comparisons],
            [[comparison.first, comparison.second] for comparison in comparisons],
            shuffle_order=False,
        )
        if len(ranks) != len(comparisons) or not set(ranks) <= set(_RANKS):
            raise ValueError(
                f"judge must give a rank 0, 1 or -1 for each of {len(comparisons)} pairs, got {list(ranks)!r}"
            )
        return [_RANKS[rank] for rank in ranks]
