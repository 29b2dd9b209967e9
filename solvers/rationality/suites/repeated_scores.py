"""Figures about players who met machines in repeated games.

With w the worth of the action taken and w* that of the best one, both with best play afterwards, a play's
normalised payoff is 1 - sum of (w* - w) / (ceiling - floor). The ceiling is what the best reply to the
machine earns on average, the floor what uniform choices do. By the performance difference lemma it is 0 for
uniform choices and 1 for the best reply, on average over the machine's luck and the number of rounds. One who
does not know the machine must find out first, and cannot quite reach 1.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from games.text.questions import Aspect
from solvers.rationality.metrics.adaptation import chance_rounds_to_settle, rounds_to_settle
from solvers.rationality.metrics.beliefs import brier_scores, divergences, log_scores
from solvers.rationality.scenarios import Measure, Play, Row
from solvers.rationality.statistics import mean_measure, rate_measure
from solvers.rationality.suites.agreement import agreement
from solvers.rationality.suites.facts import cluster, numbers, stated

_KIND = ("prisoners-dilemma", "stag-hunt", "chicken")
"""Games in which the first action is kind to the other."""


def score_repeated(plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
    """Payoffs, forecasts and conduct, from plays of `solvers.rationality.suites.repeated.RepeatedScenario`.

    Args:
        plays: of one player; some may be missing.
        rng: for resampling.
    """
    met = [play for play in plays if _actions(play)]
    return [
        *_payoffs(met, rng=rng),
        *_forecasts(met, rng=rng),
        *_conduct(met, rng=rng),
        *_by(met, "game", rng=rng),
        *_by(met, "opponent", rng=rng),
    ]


def _actions(play: Play) -> list[Row]:
    return [row for row in play.rows if row.aspect is Aspect.ACTION and row.action is not None]


def _normalised(play: Play) -> float | None:
    """Normalised payoff; None where all play is alike."""
    rows = _actions(play)
    room = float(numbers(rows[0], "ceiling")) - float(numbers(rows[0], "floor"))
    if room <= 1e-9 * float(numbers(rows[0], "scale")):
        return None
    lost = 0.0
    for row in rows:
        worths = numbers(row, "utilities")
        assert row.action is not None
        lost += float(worths.max() - worths[row.action])
    return 1 - lost / room


def _payoff(name: str, plays: Sequence[Play], group: str, *, rng: np.random.Generator) -> Measure:
    found = [(cluster(play), value) for play in plays if (value := _normalised(play)) is not None]
    # On average a play loses no more than the range of payoffs in each round.
    least = [
        -len(rows)
        * float(numbers(rows[0], "scale"))
        / (float(numbers(rows[0], "ceiling")) - float(numbers(rows[0], "floor")))
        for play in plays
        if _normalised(play) is not None and (rows := _actions(play))
    ]
    return mean_measure(
        name,
        [value for _, value in found],
        [key for key, _ in found],
        rng=rng,
        chance=0.0,
        ideal=1.0,
        group=group,
        within=(min(least, default=-np.inf), 1.0),
    )


def _payoffs(plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
    measures = []
    for told, name in ((True, "known length"), (False, "unknown length")):
        chosen = [play for play in plays if play.rows[-1].facts["told"] is told]
        rows = [(play, row) for play in chosen for row in _actions(play)]
        measures += [
            _payoff(f"normalised payoff, {name}", chosen, "payoff", rng=rng),
            agreement(f"best action, {name}", rows, "best", rng=rng, group="payoff"),
        ]
    known = [play for play in plays if play.rows[-1].facts["told"]]
    hits = [[row.action in numbers(row, "best") for row in _actions(play)] for play in known]
    odds = [[numbers(row, "best").size / len(row.options) for row in _actions(play)] for play in known]
    measures.append(
        mean_measure(
            "rounds to a best action for good, known length",
            [rounds_to_settle(row) for row in hits],
            [cluster(play) for play in known],
            rng=rng,
            chance=float(np.mean([chance_rounds_to_settle(row) for row in odds])) if odds else None,
            ideal=0.0,
            group="payoff",
            within=(0.0, float(max(map(len, hits), default=0))),
        )
    )
    return measures


def _forecasts(plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
    """A forecast that was asked for and not given counts as uniform."""
    rows = [(cluster(p), r) for p in plays for r in p.rows if r.aspect is Aspect.BELIEF]
    if not rows:
        return []
    keys = [key for key, _ in rows]
    said = np.array([stated(row) for _, row in rows])
    bayes = np.array([numbers(row, "posterior") for _, row in rows])
    even = np.full_like(said, 1 / said.shape[1])
    happened = np.array([numbers(row, "happened") for _, row in rows]).astype(np.int64)
    scores: dict[str, tuple[Callable[[NDArray[np.float64]], NDArray[np.float64]], float]] = {
        "Brier score": (lambda beliefs: brier_scores(beliefs, happened), 2.0),
        "log score": (lambda beliefs: log_scores(beliefs, happened), np.inf),
        "divergence from Bayes": (lambda beliefs: divergences(bayes, beliefs), np.inf),
    }
    return [
        mean_measure(
            f"{name} of forecasts",
            score(said),
            keys,
            rng=rng,
            chance=float(score(even).mean()),
            ideal=float(score(bayes).mean()),
            group="forecasts",
            within=(0.0, most),
        )
        for name, (score, most) in scores.items()
    ]


def _conduct(plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
    """Kindness where the first action is the kind one; no answer is right apart from the opponent."""
    kind: dict[str, list[tuple[Play, bool]]] = {f"kind, {game}": [] for game in _KIND}
    first = "kind in the first round"
    retaliation = "unkind to one who was not kind in return"
    forgiveness = "kind again to one who was kind"
    kind |= {first: [], retaliation: [], forgiveness: []}
    for play in plays:
        rows = _actions(play)
        if rows[0].facts["game"] not in _KIND:
            continue
        kind[f"kind, {rows[0].facts['game']}"] += [(play, row.action == 0) for row in rows]
        kind[first].append((play, rows[0].action == 0))
        for before, now in pairwise(rows):
            answered = before.facts["happened"]
            if (before.action, answered) == (0, 1):
                kind[retaliation].append((play, now.action == 1))
            if (before.action, answered) == (1, 0):
                kind[forgiveness].append((play, now.action == 0))
    return [
        rate_measure(
            name,
            [hit for _, hit in found],
            [cluster(play) for play, _ in found],
            rng=rng,
            chance=0.5,
            ideal=None,
            group="conduct",
        )
        for name, found in kind.items()
    ]


def _by(plays: Sequence[Play], fact: str, *, rng: np.random.Generator) -> list[Measure]:
    """Normalised payoffs by game or by opponent."""
    values = dict.fromkeys(str(play.rows[-1].facts[fact]) for play in plays)
    return [
        _payoff(
            f"normalised payoff, {value}",
            [play for play in plays if play.rows[-1].facts[fact] == value],
            f"payoff by {fact}",
            rng=rng,
        )
        for value in values
    ]
