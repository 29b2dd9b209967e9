"""Pairs shown to a judge in both orders, because the one shown first often gains by it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from solvers.inpo.judges.verdicts import Comparison, Judge, OnVerdict, Verdict


def ask_both_orders(
    ask: Callable[[Sequence[Comparison], OnVerdict | None], list[Verdict]],
    comparisons: Sequence[Comparison],
    on_verdict: OnVerdict | None = None,
) -> list[Verdict]:
    """Verdicts averaged over both orders of presentation; a failure in one order is a failure.

    Args:
        ask: answers comparisons in the order given, as ``Judge.compare`` does.
        comparisons: the questions; twice as many are asked.
        on_verdict: called when both orders of a comparison are answered.
    """
    doubled = [shown for comparison in comparisons for shown in (comparison, comparison.turned())]
    arrived: dict[int, Verdict] = {}

    def on_arrival(position: int, verdict: Verdict) -> None:
        arrived[position] = verdict
        other = arrived.get(position ^ 1)
        if other is not None and on_verdict is not None:
            pair = (verdict, other) if position % 2 == 0 else (other, verdict)
            on_verdict(position // 2, merge_orders(*pair))

    verdicts = ask(doubled, on_arrival)
    return [merge_orders(*pair) for pair in zip(verdicts[::2], verdicts[1::2], strict=True)]


def merge_orders(shown: Verdict, turned: Verdict) -> Verdict:
    """The mean of a verdict and of the one on the same pair with the responses exchanged."""
    if shown.probability is None or turned.probability is None:
        reasons = [
            f"shown {place}: {verdict.failure}"
            for place, verdict in (("as given", shown), ("exchanged", turned))
            if verdict.failure
        ]
        return Verdict(None, failure="; ".join(reasons))
    orders = (shown.probability, 1.0 - turned.probability)
    return Verdict(sum(orders) / 2.0, shown.tie and turned.tie, orders=orders)


@dataclass(frozen=True, slots=True)
class BothOrders:
    """Another judge, asked in both orders.

    Attributes:
        judge: one that is swayed by the order, and does not average by itself.
    """

    judge: Judge

    @property
    def name(self) -> str:
        """That of the judge, marked."""
        return f"both orders of {self.judge.name}"

    def compare(
        self, comparisons: Sequence[Comparison], on_verdict: OnVerdict | None = None
    ) -> list[Verdict]:
        """Averaged verdicts, with ``orders`` set."""
        return ask_both_orders(self.judge.compare, comparisons, on_verdict)


@dataclass(frozen=True, slots=True)
class PositionBias:
    """How much the order of presentation sways a judge, over verdicts in both orders.

    Attributes:
        favour: mean of P(first | shown first) - P(first | shown second), halved: the probability that a
            response gains by being shown first, in [-1/2, 1/2]; NaN without such verdicts.
        contradictions: share of verdicts whose two orders prefer different responses.
        verdicts: how many verdicts in both orders were counted.
    """

    favour: float
    contradictions: float
    verdicts: int


def position_bias(verdicts: Sequence[Verdict]) -> PositionBias:
    """The position bias seen in those of ``verdicts`` that were given in both orders."""
    pairs = [verdict.orders for verdict in verdicts if verdict.orders]
    if not pairs:
        return PositionBias(math.nan, math.nan, 0)
    favour = sum(first - second for first, second in pairs) / (2 * len(pairs))
    against = sum((first - 0.5) * (second - 0.5) < 0.0 for first, second in pairs)
    return PositionBias(favour, against / len(pairs), len(pairs))
