"""Which kinds of situations a strategy has a rule for."""

from typing import TypeVar

from games.errors import UnsupportedGameError
from games.text.questions import Question
from games.text.situations import (
    AllocationSituation,
    BundleSituation,
    MatrixSituation,
    PlaySituation,
)

S = TypeVar("S", MatrixSituation, AllocationSituation, BundleSituation, PlaySituation)


def situation_of(question: Question, kind: type[S], strategy: str) -> S:
    """The situation of a question, for a strategy that has a rule for one kind only.

    Args:
        question: what is asked.
        kind: the kind that the strategy decides.
        strategy: how errors call it.

    Raises:
        UnsupportedGameError: it is of another kind.
    """
    situation = question.situation
    if not isinstance(situation, kind):
        raise UnsupportedGameError(
            f"{strategy} has a rule for {kind.__name__} only, got {type(situation).__name__}; "
            "put strategies for both together with ByKind"
        )
    return situation
