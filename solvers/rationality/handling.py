"""What a missing answer counts as, and how often answers were missing.

Nothing is dropped silently: a question without an answer stays in the records, is counted, and figures are
given under each way to take it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

import numpy as np

from games.text.decisions import Outcome
from solvers.rationality.plays_file import WORLD
from solvers.rationality.scenarios import Measure, Play, Row
from solvers.rationality.statistics import rate_measure

ANSWERED = Outcome.ANSWERED.name


class Handling(StrEnum):
    """What a question without an answer counts as; the value names it on the command line."""

    SUBSTITUTED = "substituted"  # the random legal action that was played in its place; the default
    FORFEITED = "forfeited"  # the worst of the options
    EXCLUDED = "excluded"  # plays with one are left out, which flatters whoever fails on hard questions


def handled(plays: Sequence[Play], handling: Handling) -> list[Play]:
    """The plays as they count.

    Plays in which the connection, the server or the budget failed are no evidence of any kind: they are left
    out, whatever the handling, and `failures` tells of them.

    Forfeits take the option of least ``utilities`` among the facts of a row; rows without them keep the
    random action.
    """
    reached = [play for play in plays if not any(row.outcome in WORLD for row in play.rows)]
    if handling is Handling.EXCLUDED:
        return [play for play in reached if all(row.outcome == ANSWERED for row in play.rows)]
    if handling is Handling.FORFEITED:
        return [replace(play, rows=tuple(_forfeit(row) for row in play.rows)) for play in reached]
    return reached


def _forfeit(row: Row) -> Row:
    utilities = row.facts.get("utilities")
    if not row.substituted or not isinstance(utilities, Sequence):
        return row
    return replace(row, action=int(np.argmin(np.asarray(utilities, dtype=np.float64))))


def legality(plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
    """How often the first reply, and how often any reply, held a legal answer; seat 0 only.

    Questions that the player never got to answer say nothing of it, and are left out.
    """
    rows = [(play, row) for play in plays for row in play.rows if row.seat == 0 and row.outcome not in WORLD]
    clusters = [(play.scenario, play.replicate) for play, _ in rows]
    group = "answers"
    return [
        rate_measure(
            "legal at the first try",
            [row.first == ANSWERED for _, row in rows],
            clusters,
            rng=rng,
            group=group,
        ),
        rate_measure(
            "legal in the end", [row.outcome == ANSWERED for _, row in rows], clusters, rng=rng, group=group
        ),
    ]


def failures(plays: Sequence[Play]) -> dict[str, int]:
    """How many questions to seat 0 ended in each kind of failure; kinds that did not occur are left out."""
    found = Counter(
        row.outcome for play in plays for row in play.rows if row.seat == 0 and row.outcome != ANSWERED
    )
    return dict(sorted(found.items()))
