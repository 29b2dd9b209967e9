r"""What a pairing works on: groups of responses, matches between them, and weighted edges for the loss.

The loss of INPO for one prompt, with responses i.i.d. from the policy :math:`\pi_t` [1]_, is

.. math::
    E_{y, y' \sim \pi_t}\Big[\big(h(y, y') - (P(y \succ y') - \tfrac12) / \eta\big)^2\Big]

up to a constant. A pairing turns K sampled responses into edges (i, j) with margins :math:`m_e` and weights
:math:`w_e`, so that :math:`\sum_e w_e (h_e - m_e / \eta)^2` stands for that loss. It is unbiased where edges
are chosen without a look at the responses and the weights sum to one.

.. [1] Zhang et al., "Iterative Nash policy optimization", ICLR 2025, arXiv 2407.00617, eq. 8 and Prop. 6.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from solvers.inpo.judges.verdicts import Prompt

Match = tuple[int, int]
"""Two responses by number. Where there are opponents, the second is the number of an opponent."""


class Label(Enum):
    """What becomes of the probability that a judge gives for a match."""

    SOFT = "used as it is"
    DRAWN = "the chance of the label 1, else 0, drawn once for each match; ties stay ties"


@dataclass(frozen=True, slots=True)
class Group:
    """One prompt and its responses.

    Attributes:
        prompt: what was answered.
        responses: texts of the K responses of the policy.
        opponents: texts of the M responses to judge them against; empty where they meet each other.
    """

    prompt: Prompt
    responses: tuple[str, ...]
    opponents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """A pair that enters the loss.

    Attributes:
        first: number of a response.
        second: number of another one.
        margin: P(first beats second) - 1/2, or what stands for it.
        weight: positive; the weights of a group sum to one.
    """

    first: int
    second: int
    margin: float
    weight: float


Play = Generator[Sequence[Match], Sequence[float | None], list[Edge]]
"""Yields matches, is sent their outcomes P(first beats second), None for a failure, and returns the edges."""


class Pairing(Protocol):
    """Decides who meets whom, perhaps in the light of earlier outcomes, and which pairs count."""

    @property
    def against_opponents(self) -> bool:
        """Whether responses meet given opponents rather than each other."""

    def play(self, responses: int, opponents: int) -> Play:
        """The matches of one group of so many responses and opponents."""


@dataclass(frozen=True, slots=True)
class ComparisonCounts:
    """What comparisons took; counts add.

    Attributes:
        asked: questions put to the judge.
        failed: of these, without an answer.
        ties: of these, called a tie by the judge.
        identical: matches between identical responses, settled without a question.
    """

    asked: int = 0
    failed: int = 0
    ties: int = 0
    identical: int = 0

    def __add__(self, other: "ComparisonCounts") -> "ComparisonCounts":
        return ComparisonCounts(
            self.asked + other.asked,
            self.failed + other.failed,
            self.ties + other.ties,
            self.identical + other.identical,
        )


@dataclass(frozen=True, slots=True, eq=False)
class GroupEdges:
    """The pairs of a group that enter the loss, as arrays of one length E.

    Attributes:
        first: numbers of responses, int64, shape (E,).
        second: numbers of responses, int64, shape (E,).
        margin: shape (E,); the target of h is ``margin / eta``. For pairs that met, P(first beats second) -
            1/2, thus in [-1/2, 1/2], where labels are drawn at its ends or 0 for a tie; for pairs that met
            opponents, the difference of their win rates, in [-1, 1].
        weight: positive, shape (E,); sums to one unless there is no edge.
        rates: mean outcome of each response over its matches, shape (K,); NaN without one.
        counts: what the comparisons took.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    margin: NDArray[np.float64]
    weight: NDArray[np.float64]
    rates: NDArray[np.float64]
    counts: ComparisonCounts

    def margins_matrix(self) -> NDArray[np.float64] | None:
        """The margins as an antisymmetric matrix, shape (K, K); None unless every pair has an edge.

        It is the P - 1/2 of the group where responses met each other. Where they met opponents it holds
        differences of win rates, which say nothing about their own matches.
        """
        size = len(self.rates)
        matrix = np.full((size, size), np.nan)
        np.fill_diagonal(matrix, 0.0)
        matrix[self.first, self.second] = self.margin
        matrix[self.second, self.first] = -self.margin
        return None if np.isnan(matrix).any() else matrix
