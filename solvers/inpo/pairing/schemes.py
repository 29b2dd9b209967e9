"""Pairings: which responses meet, which of them enter the loss, and with what weight.

``Independent``, ``Ring``, ``AllPairs`` and ``AgainstOpponents`` are unbiased; ``Tournament`` is not.
Responses are exchangeable, so no pairing needs chance of its own.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from solvers.inpo.pairing.groups import Edge, Match, Play


@dataclass(frozen=True, slots=True)
class Independent:
    """Disjoint pairs, i.i.d. as in the paper's loss: K / 2 comparisons; an odd one stays out."""

    against_opponents: bool = field(default=False, init=False)

    def play(self, responses: int, opponents: int) -> Play:
        """0 meets 1, 2 meets 3, and so on."""
        return _play_once([(i, i + 1) for i in range(0, responses - 1, 2)])


@dataclass(frozen=True, slots=True)
class Ring:
    """Each response meets the next, the last one the first: K comparisons, each response in two of them."""

    against_opponents: bool = field(default=False, init=False)

    def play(self, responses: int, opponents: int) -> Play:
        """0 meets 1 meets 2 ... meets 0; two meet once."""
        if responses < 3:
            return _play_once([(0, 1)] * (responses == 2))
        return _play_once([(i, (i + 1) % responses) for i in range(responses)])


@dataclass(frozen=True, slots=True)
class AllPairs:
    """Each response meets every other one: K (K - 1) / 2 comparisons, and the least variance."""

    against_opponents: bool = field(default=False, init=False)

    def play(self, responses: int, opponents: int) -> Play:
        """Every pair once."""
        return _play_once(list(combinations(range(responses), 2)))


@dataclass(frozen=True, slots=True)
class AgainstOpponents:
    r"""Responses meet those of another policy; every pair enters, with its difference in win rate.

    With :math:`\hat p_i` the mean outcome of response i against its opponents, the margin of (i, j) is
    :math:`\hat p_i - \hat p_j`, an unbiased estimate of :math:`P(i \succ \mu) - P(j \succ \mu)` for opponents
    from :math:`\mu`, as the extragradient wants it. A response whose matches all failed stays out.

    Attributes:
        each: how many opponents each response meets, in turn, so that all opponents serve; None means all.
    """

    each: int | None = None
    against_opponents: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        if self.each is not None and self.each < 1:
            raise ValueError(f"each must be at least 1 or None, got {self.each}")

    def play(self, responses: int, opponents: int) -> Play:
        """K * each comparisons, in one go."""
        each = opponents if self.each is None else min(self.each, opponents)
        matches = [(i, (i * each + k) % opponents) for i in range(responses) for k in range(each)]
        outcomes = yield matches
        rates: dict[int, float] = {}
        for i in range(responses):
            answered = [outcome for outcome in outcomes[i * each : (i + 1) * each] if outcome is not None]
            if answered:
                rates[i] = sum(answered) / len(answered)
        return _evenly_weighted([(i, j, rates[i] - rates[j]) for i, j in combinations(rates, 2)])


@dataclass(frozen=True, slots=True)
class Tournament:
    """The tournament of the INPO paper: one pair, winner against loser; K = 8 takes 11 comparisons.

    Responses meet in disjoint pairs; winners play on against winners and losers against losers until one of
    each is left, and these two meet. Ties go to the first. The pair enters, with label 1 if labels are drawn,
    only if the winner beats the loser; else the group has no edge. An odd one out of the first matches stays
    out, later it goes on without a match; a failed match leaves the group without an edge. Two responses that
    meet again keep their answer, which saves a call.

    The pair is chosen by the outcomes, so the expected loss is not that of the policy's own pairs: best
    against worst exaggerates preferences, as if tau were smaller. With tau = 0.1, K = 8, drawn labels and no
    limit on the number of prompts, self-play on a random game of ten responses lands at a regularised gap of
    0.061, KL 0.37 from the equilibrium and 0.02 from that of tau = 0.030, where the other pairings have gap
    0; on the testbed of the COMAL paper at 0.011, next to the equilibrium of tau = 0.032
    (``benchmarks/inpo_pairing.py``).
    """

    against_opponents: bool = field(default=False, init=False)

    def play(self, responses: int, opponents: int) -> Play:
        """The rounds of the tournament, one after another."""
        if responses < 2:
            return []
        pairs = [(i, i + 1) for i in range(0, responses - 1, 2)]
        winners, losers = [], []
        for (first, second), won in zip(pairs, (yield from _decide(pairs)), strict=True):
            if won is None:
                return []
            winners.append(first if won else second)
            losers.append(second if won else first)
        while len(winners) > 1:
            upper, lower = _neighbours(winners), _neighbours(losers)
            decided = yield from _decide([*upper, *lower])
            if None in decided:
                return []
            winners = _advance(winners, upper, [bool(won) for won in decided[: len(upper)]])
            losers = _advance(losers, lower, [not won for won in decided[len(upper) :]])
        (outcome,) = yield [(winners[0], losers[0])]
        if outcome is None or outcome <= 0.5:
            return []
        return [Edge(winners[0], losers[0], outcome - 0.5, 1.0)]


def _play_once(matches: list[Match]) -> Play:
    """All matches in one go; those with an outcome enter the loss, alike in weight."""
    if not matches:
        return []
    outcomes = yield matches
    return _evenly_weighted(
        [
            (first, second, outcome - 0.5)
            for (first, second), outcome in zip(matches, outcomes, strict=True)
            if outcome is not None
        ]
    )


def _evenly_weighted(pairs: list[tuple[int, int, float]]) -> list[Edge]:
    return [Edge(first, second, margin, 1.0 / len(pairs)) for first, second, margin in pairs]


def _decide(matches: list[Match]) -> Generator[Sequence[Match], Sequence[float | None], list[bool | None]]:
    """Whether the first of each match won, ties to it; None where the match failed."""
    if not matches:
        return []
    outcomes = yield matches
    return [None if outcome is None else outcome >= 0.5 for outcome in outcomes]


def _neighbours(entrants: list[int]) -> list[Match]:
    return [(entrants[i], entrants[i + 1]) for i in range(0, len(entrants) - 1, 2)]


def _advance(entrants: list[int], matches: list[Match], first_goes_on: list[bool]) -> list[int]:
    """Those who go on, and an odd one out."""
    chosen = [match[0] if first else match[1] for match, first in zip(matches, first_goes_on, strict=True)]
    return chosen + entrants[2 * len(matches) :]
