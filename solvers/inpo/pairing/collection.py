"""Matches of many groups put to a judge together, and their outcomes turned into edges."""

from collections.abc import Sequence

import numpy as np

from solvers.inpo.judges.verdicts import Comparison, Judge, Verdict, check_answered
from solvers.inpo.pairing.groups import (
    ComparisonCounts,
    Edge,
    Group,
    GroupEdges,
    Label,
    Match,
    Pairing,
)


def collect(
    groups: Sequence[Group],
    pairing: Pairing,
    judge: Judge,
    *,
    rng: np.random.Generator,
    label: Label = Label.SOFT,
    replicate: int = 0,
) -> list[GroupEdges]:
    """Let the responses of every group meet as ``pairing`` says; the judge is asked for all groups at once.

    A question that comes up twice in a group is asked once. Identical responses are not put to the judge:
    their outcome is 1/2, also where labels are drawn (h is 0 for them, so the label does not matter), and so
    is that of a tie. A match without an answer gives no edge, and the weights of the others in its group
    still sum to one: this biases nothing if failures come by chance, but it does if the judge fails more
    often on some responses than on others. The edges of a group depend on its place among ``groups`` and not
    on what the other groups hold, and a label depends on its match alone.

    Args:
        groups: prompts with their responses; one with fewer than two responses gets no edge.
        pairing: who meets whom.
        judge: who prefers what.
        rng: for labels, if they are drawn.
        label: soft probabilities or drawn labels.
        replicate: of every comparison; give each round of training its own where a judge answers by chance.

    Raises:
        ValueError: a group has opponents and the pairing uses none, or the other way round; or the judge does
            not answer every question.
    """
    for number, group in enumerate(groups):
        if bool(group.opponents) != pairing.against_opponents:
            raise ValueError(
                f"groups must {'' if pairing.against_opponents else 'not '}have opponents for this pairing, "
                f"group {number} has {len(group.opponents)}"
            )
    tables = [
        _Table(group, pairing, label, child)
        for group, child in zip(groups, rng.spawn(len(groups)), strict=True)
    ]
    while waiting := [table for table in tables if table.matches]:
        questions = [table.questions(replicate) for table in waiting]
        asked = [question for some in questions for question in some]
        verdicts = judge.compare(asked) if asked else []
        check_answered(judge, asked, verdicts)
        rest = iter(verdicts)
        for table, some in zip(waiting, questions, strict=True):
            table.answer(some, [next(rest) for _ in some])
    return [table.edges() for table in tables]


class _Table:
    """One group at play."""

    __slots__ = (
        "_counts",
        "_edges",
        "_group",
        "_known",
        "_label",
        "_mutual",
        "_opponents",
        "_play",
        "_results",
        "_rng",
        "matches",
    )

    def __init__(self, group: Group, pairing: Pairing, label: Label, rng: np.random.Generator) -> None:
        self._group = group
        self._mutual = not pairing.against_opponents
        self._opponents = group.responses if self._mutual else group.opponents
        self._label = label
        self._rng = rng
        self._play = pairing.play(len(group.responses), len(group.opponents))
        self._known: dict[tuple[str, str], Verdict] = {}
        self._results: list[list[float]] = [[] for _ in group.responses]
        self._counts = ComparisonCounts()
        self._edges: list[Edge] = []
        self.matches: Sequence[Match] = ()
        self._go_on(None)

    def questions(self, replicate: int) -> list[Comparison]:
        """What the matches at hand need and is not known yet."""
        new: dict[tuple[str, str], Comparison] = {}
        for first, second in map(self._texts, self.matches):
            seen = (first, second) in self._known or (first, second) in new or (second, first) in new
            if first != second and not seen:
                new[first, second] = Comparison(self._group.prompt, first, second, replicate)
        return list(new.values())

    def answer(self, questions: Sequence[Comparison], verdicts: Sequence[Verdict]) -> None:
        """Take the answers, and play on to the next matches."""
        for question, verdict in zip(questions, verdicts, strict=True):
            self._known[question.first, question.second] = verdict
            self._known[question.second, question.first] = verdict.turned()
            self._counts += ComparisonCounts(1, int(verdict.probability is None), int(verdict.tie))
        outcomes = []
        for match in self.matches:
            outcome = self._outcome(match)
            outcomes.append(outcome)
            if outcome is not None:
                self._results[match[0]].append(outcome)
                if self._mutual:
                    self._results[match[1]].append(1.0 - outcome)
        self._go_on(outcomes)

    def edges(self) -> GroupEdges:
        """What came of it."""
        edges = self._edges
        return GroupEdges(
            first=np.array([edge.first for edge in edges], dtype=np.int64),
            second=np.array([edge.second for edge in edges], dtype=np.int64),
            margin=np.array([edge.margin for edge in edges], dtype=np.float64),
            weight=np.array([edge.weight for edge in edges], dtype=np.float64),
            rates=np.array([sum(some) / len(some) if some else np.nan for some in self._results]),
            counts=self._counts,
        )

    def _outcome(self, match: Match) -> float | None:
        # Also where it is not needed: a match that fails or ties must not change the labels of the others.
        point = self._rng.random()
        first, second = self._texts(match)
        if first == second:
            self._counts += ComparisonCounts(identical=1)
            return 0.5
        verdict = self._known[first, second]
        if verdict.probability is None or verdict.tie or self._label is Label.SOFT:
            return verdict.probability
        return float(point < verdict.probability)

    def _texts(self, match: Match) -> tuple[str, str]:
        return self._group.responses[match[0]], self._opponents[match[1]]

    def _go_on(self, outcomes: Sequence[float | None] | None) -> None:
        try:
            self.matches = next(self._play) if outcomes is None else self._play.send(outcomes)
        except StopIteration as end:
            self.matches, self._edges = (), end.value
