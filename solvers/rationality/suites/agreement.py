"""How often actions are among those that some rule allows."""

from collections.abc import Sequence

import numpy as np

from games.text.questions import Aspect
from solvers.rationality.metrics.actions import score_actions
from solvers.rationality.scenarios import Measure, Play, Row
from solvers.rationality.statistics import rate_measure
from solvers.rationality.suites.facts import cluster, numbers


def actions_with(plays: Sequence[Play], fact: str) -> list[tuple[Play, Row]]:
    """Actions of seat 0 whose rows hold a fact that is not None."""
    return [
        (play, row)
        for play in plays
        for row in play.rows
        if row.seat == 0 and row.aspect is Aspect.ACTION and row.facts.get(fact) is not None
    ]


def agreement(
    name: str,
    rows: Sequence[tuple[Play, Row]],
    fact: str,
    *,
    rng: np.random.Generator,
    ideal: float | None = 1.0,
    group: str,
) -> Measure:
    """How often the action is one of the positions that a fact lists.

    Chance is that of a uniform choice in the same decisions.

    Args:
        name: of the figure.
        rows: decisions whose rows hold the fact.
        fact: names a list of positions; a decision in which it lists all options is left out.
        rng: for resampling.
        ideal: what a perfectly rational player gets.
        group: heading in a report.
    """
    allowed = [(play, row, set(numbers(row, fact).astype(int).tolist())) for play, row in rows]
    told = [entry for entry in allowed if len(entry[2]) < len(entry[1].options)]
    odds = [len(positions) / len(row.options) for _, row, positions in told]
    return rate_measure(
        name,
        [row.action in positions for _, row, positions in told],
        [cluster(play) for play, _, _ in told],
        rng=rng,
        chance=float(np.mean(odds)) if odds else None,
        ideal=ideal,
        group=group,
    )


def best_responses(
    name: str, rows: Sequence[tuple[Play, Row]], fact: str, *, rng: np.random.Generator, group: str
) -> Measure:
    """How often the action is best by the utilities that a fact lists; ``scale`` among the facts sets ties.

    Decisions in which all options are equally good are left out.
    """
    taken = [(play, row, row.action) for play, row in rows if row.action is not None]
    scores = score_actions(
        [numbers(row, fact) for _, row, _ in taken],
        [action for _, _, action in taken],
        scales=[float(numbers(row, "scale")) for _, row, _ in taken],
    )
    keys = [cluster(play) for (play, _, _), told in zip(taken, scores.matters, strict=True) if told]
    odds = scores.chance_best[scores.matters]
    return rate_measure(
        name,
        scores.best[scores.matters],
        keys,
        rng=rng,
        chance=float(odds.mean()) if odds.size else None,
        group=group,
    )
