"""Verdicts kept in a file, so that no call to a judge is made twice and none is lost when a run is killed."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from marl.language.cached import AnswerFile
from solvers.inpo.judges.verdicts import (
    Comparison,
    Judge,
    OnVerdict,
    Verdict,
    check_answered,
    comparison_key,
    digest,
)


@dataclass(frozen=True, slots=True)
class RecordCounts:
    """What a ``RecordedJudge`` has done since it was made.

    Attributes:
        made: comparisons put to the judge behind it.
        saved: comparisons answered from the file, or by another one of the same call.
        failed: of those made, the ones without an answer.
    """

    made: int = 0
    saved: int = 0
    failed: int = 0


class RecordedJudge:
    """Another judge whose verdicts are kept in an SQLite file, each from the moment it comes.

    A verdict is filed under the SHA-256 of the name of the judge, the prompt, the two responses and the
    replicate. A pair and its exchange share one entry, whose probabilities add up to one. Failures are no
    answers: they are counted, and asked again when they come again. A run that is killed and started again
    gets the same numbers, to the last bit, without a second call for what was answered. A judge that asks a
    model in both orders has answered once both came; `marl.language.Cached` around the model keeps halves.

    Several judges may share a file, also from several processes; the first verdict on a pair stays.

    Args:
        judge: who is asked for what is not in the file. Its name must change whenever its answers may.
        path: the file; made if it is not there, its folder must be.

    Raises:
        OSError: the file cannot be made.
        FileFormatError: it is no file of answers.
    """

    def __init__(self, judge: Judge, path: str | os.PathLike[str]) -> None:
        self._judge = judge
        self._file = AnswerFile(path)
        self._counts = RecordCounts()

    @property
    def name(self) -> str:
        """That of the judge: the answers are the same."""
        return self._judge.name

    @property
    def counts(self) -> RecordCounts:
        """Comparisons made, saved and failed since this object was made."""
        return self._counts

    def num_stored(self) -> int:
        """Answers in the file, of all who share it."""
        return len(self._file)

    def close(self) -> None:
        """Close the file; it is also closed at the end of a ``with`` block."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def compare(
        self, comparisons: Sequence[Comparison], on_verdict: OnVerdict | None = None
    ) -> list[Verdict]:
        """Verdicts from the file, the others from the judge; questions that are the same are asked once.

        Raises:
            FileFormatError: the file holds what is no verdict.
            ValueError: the judge does not answer every question.
        """
        found: dict[int, Verdict] = {}

        def report(places: list[tuple[int, bool]], verdict: Verdict) -> None:
            for position, turned in places:
                found[position] = verdict.turned() if turned else verdict
                if on_verdict is not None:
                    on_verdict(position, found[position])

        asked_for: dict[str, list[tuple[int, bool]]] = {}
        for position, comparison in enumerate(comparisons):
            pair, turned = comparison_key(comparison)
            asked_for.setdefault(digest([self.name, pair]), []).append((position, turned))
        missing = []
        for key, places in asked_for.items():
            stored = self._file.get(key)
            if stored is None:
                missing.append((key, places))
            else:
                self._count(saved=len(places))
                report(places, self._decode(stored))

        def on_arrival(number: int, verdict: Verdict) -> None:
            key, places = missing[number]
            position, turned = places[0]
            if position in found:
                return
            filed = verdict.turned() if turned else verdict
            if filed.probability is not None:
                filed = self._decode(self._file.put(key, _encode(filed)))
            self._count(made=1, saved=len(places) - 1, failed=int(filed.probability is None))
            report(places, filed)

        if missing:
            # Asked as given, not as filed: a judge swayed by the order must not see texts that are sorted.
            questions = [comparisons[places[0][0]] for _, places in missing]
            verdicts = self._judge.compare(questions, on_arrival)
            check_answered(self._judge, questions, verdicts)
            for number, verdict in enumerate(verdicts):
                on_arrival(number, verdict)  # for judges that do not call back
        return [found[position] for position in range(len(comparisons))]

    def _decode(self, text: str) -> Verdict:
        try:
            data = json.loads(text)
            return Verdict(data["probability"], bool(data["tie"]), orders=tuple(data["orders"]))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise self._file.spoilt(f"a verdict is malformed: {error!r}") from error

    def _count(self, made: int = 0, saved: int = 0, failed: int = 0) -> None:
        counts = self._counts
        self._counts = RecordCounts(counts.made + made, counts.saved + saved, counts.failed + failed)


def _encode(verdict: Verdict) -> str:
    """As JSON, whose decimal numbers give back every float64."""
    fields = {"probability": verdict.probability, "tie": verdict.tie, "orders": list(verdict.orders)}
    return json.dumps(fields)
