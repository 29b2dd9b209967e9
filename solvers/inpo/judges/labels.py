"""Hard labels from soft judges: drawn by their probabilities, or the likelier one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from marl.language.model import whole_number
from solvers.inpo.judges.verdicts import (
    Comparison,
    Judge,
    OnVerdict,
    Verdict,
    comparison_key,
    digest,
)

_DIGITS = 13  # hexadecimal digits that a float64 holds without rounding


@dataclass(frozen=True, slots=True)
class SampledJudge:
    """Labels drawn with the probabilities of another judge; see ``sampled``."""

    judge: Judge
    seed: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", whole_number("seed", self.seed))

    @property
    def name(self) -> str:
        """That of the judge, and the seed."""
        return f"labels drawn with seed {self.seed} from {self.judge.name}"

    def compare(
        self, comparisons: Sequence[Comparison], on_verdict: OnVerdict | None = None
    ) -> list[Verdict]:
        """Probabilities 0 and 1, ties and failures."""
        return _relabel(self.judge, self._draw, comparisons, on_verdict)

    def _draw(self, comparison: Comparison, verdict: Verdict) -> Verdict:
        if verdict.probability is None or verdict.tie:
            return verdict
        key, turned = comparison_key(comparison)
        point = int(digest([self.seed, key])[:_DIGITS], 16) / 16**_DIGITS
        chance = 1.0 - verdict.probability if turned else verdict.probability
        return Verdict(float((point < chance) != turned))


@dataclass(frozen=True, slots=True)
class DecidedJudge:
    """The likelier label of another judge; see ``decided``."""

    judge: Judge

    @property
    def name(self) -> str:
        """That of the judge, marked."""
        return f"decisions of {self.judge.name}"

    def compare(
        self, comparisons: Sequence[Comparison], on_verdict: OnVerdict | None = None
    ) -> list[Verdict]:
        """Probabilities 0 and 1, ties and failures."""
        return _relabel(self.judge, _decide, comparisons, on_verdict)


def sampled(judge: Judge, seed: int) -> SampledJudge:
    """Labels 1 and 0 drawn with the probabilities of ``judge``; ties and failures stay.

    A label is a function of the seed, the pair and the replicate alone: the same question gets the same
    label, in whatever order pairs are asked, and the turned question the opposite one.
    """
    return SampledJudge(judge, seed)


def decided(judge: Judge) -> DecidedJudge:
    """The label 1 where ``judge`` gives more than 1/2, 0 where less, a tie at 1/2; failures stay.

    This is another game, that of sign(P - 1/2), and what a language model that judges without sampling gives.
    """
    return DecidedJudge(judge)


def _decide(comparison: Comparison, verdict: Verdict) -> Verdict:
    if verdict.probability is None:
        return verdict
    if verdict.probability == 0.5:
        return Verdict(0.5, tie=True)
    return Verdict(float(verdict.probability > 0.5))


def _relabel(
    judge: Judge,
    relabel: Callable[[Comparison, Verdict], Verdict],
    comparisons: Sequence[Comparison],
    on_verdict: OnVerdict | None,
) -> list[Verdict]:
    def on_arrival(position: int, verdict: Verdict) -> None:
        if on_verdict is not None:
            on_verdict(position, relabel(comparisons[position], verdict))

    found = judge.compare(comparisons, on_arrival)
    return [relabel(comparison, verdict) for comparison, verdict in zip(comparisons, found, strict=True)]
