"""How far decisions depend on words, labels and order: the part of a scorecard that compares variants.

What is compared is, per play, the share of its actions that were among the best (``best`` among the facts of
a row); plays without such rows are left out.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from solvers.rationality.metrics.consistency import flip_rates, variance_components, worst_case
from solvers.rationality.scenarios import Measure, Play
from solvers.rationality.statistics import rate_measure

_GROUP = "stability"


def stability(plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
    """Figures that compare variants; none where there is one variant only.

    Args:
        plays: of one player.
        rng: for resampling.
    """
    found = [(play, hits) for play in plays if (hits := _hits(play))]
    variants = [play.variant for play, _ in found]
    if len(set(variants)) < 2:
        return []
    scores = np.array([np.mean(hits) for _, hits in found])
    scenarios = [play.scenario for play, _ in found]
    count = len({(play.scenario, play.replicate) for play, _ in found})
    measures = []
    for variant in dict.fromkeys(variants):
        own = [(play, hit) for play, hits in found if play.variant == variant for hit in hits]
        clusters = [(play.scenario, play.replicate) for play, _ in own]
        name = f"best action, {variant}"
        measures.append(rate_measure(name, [hit for _, hit in own], clusters, rng=rng, group=_GROUP))
    worst = worst_case(scores, scenarios, variants, rng=rng)
    for name, value in (
        ("best action in each scenario's worst variant", worst.value),
        ("the same if variants did not matter", worst.expected),
    ):
        measures.append(_plain(name, value, count))
    return [*measures, *_flips(plays), *_components(scores, scenarios, variants, count)]


def _hits(play: Play) -> list[bool]:
    """Of each action whose best ones are known, whether it was one of them."""
    return [
        row.action in best
        for row in play.rows
        if row.seat == 0 and row.action is not None and isinstance(best := row.facts.get("best"), Sequence)
    ]


def _flips(plays: Sequence[Play]) -> list[Measure]:
    """First actions only: later ones may follow other histories."""
    firsts = [
        (play, next((r for r in play.rows if r.seat == 0 and r.action is not None), None)) for play in plays
    ]
    found = [(play, row) for play, row in firsts if row is not None and not row.substituted]
    flips = flip_rates(
        [row.action for _, row in found],
        [play.scenario for play, _ in found],
        [play.variant for play, _ in found],
    )
    count = len({(play.scenario, play.replicate) for play, _ in found})
    return [
        _plain("first actions that differ between variants", flips.across, count),
        _plain("first actions that differ within a variant", flips.within, count),
    ]


def _components(
    scores: NDArray[np.float64], scenarios: list[str], variants: list[str], count: int
) -> list[Measure]:
    factors = {"scenario": scenarios, "variant": variants}
    if any(not 1 < len(set(levels)) < len(levels) for levels in factors.values()) or not np.ptp(scores):
        return []
    try:
        shares = variance_components(scores, factors).shares
    except ValueError:  # levels of the two go together, as when a run was broken off
        return []
    names = {"scenario": "scenarios", "variant": "variants", "rest": "repetition and both together"}
    return [_plain(f"share of variance by {names[key]}", share, count) for key, share in shares.items()]


def _plain(name: str, value: float, count: int) -> Measure:
    """A figure without an interval."""
    return Measure(name, value, -np.inf, np.inf, count, group=_GROUP)
