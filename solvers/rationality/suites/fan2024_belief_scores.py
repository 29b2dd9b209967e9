"""Figures about players who faced opponents with patterns.

**Payoffs** are expected ones, given how the opponent's move was distributed, so that its luck adds no noise.
They are normalised per play to (payoff - chance) / (ceiling - chance), where chance picks uniformly and the
ceiling is the best play of one who knows the pattern; a learner cannot quite reach it. An opponent against
whom all play is alike is left out there.

**Beliefs.** A belief that was asked for and not given counts as uniform, so that silence earns what
ignorance earns. The ideal is what the Bayesian scored on the same rounds.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from games.text.questions import Aspect
from solvers.rationality.metrics.actions import score_actions
from solvers.rationality.metrics.adaptation import chance_rounds_to_settle, rounds_to_settle
from solvers.rationality.metrics.beliefs import brier_scores, divergences, log_scores, rounds_to_identify
from solvers.rationality.scenarios import Measure, Play, Row
from solvers.rationality.statistics import mean_measure, rate_measure
from solvers.rationality.suites.facts import cluster, numbers, stated

_GROUP = "belief"


class Channel(StrEnum):
    """What a player is asked each round; the value names it in records."""

    PLAY = "play"
    PREDICT = "predict"  # its own moves are drawn at random
    BOTH = "both"  # first the belief, then the action in the same conversation


def score_beliefs(plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
    """Figures from plays of `solvers.rationality.suites.fan2024_belief.PatternScenario`.

    Args:
        plays: of one player; some may be missing.
        rng: for resampling.
    """
    measures = []
    plays = [play for play in plays if play.rows]
    for channel in (Channel.PLAY, Channel.BOTH):
        chosen = [play for play in plays if _channel(play) is channel]
        measures += [
            _payoff_measure(f"normalised payoff, {channel}", chosen, rng=rng),
            *_response_measures(channel, chosen, rng=rng),
            *_settling_measures(channel, chosen, rng=rng),
        ]
    for channel in (Channel.PREDICT, Channel.BOTH):
        chosen = [play for play in plays if _channel(play) is channel]
        measures += _belief_measures(channel, chosen, rng=rng)
    measures += _asking_measures(plays, rng=rng)
    kinds = dict.fromkeys(str(play.rows[0].facts["kind"]) for play in plays)
    for kind in kinds:
        chosen = [play for play in plays if play.rows[0].facts["kind"] == kind]
        found = _payoff_measure(f"normalised payoff, {kind}", chosen, rng=rng, group="belief by pattern")
        if found.count:
            measures.append(found)
    return measures


def _channel(play: Play) -> Channel:
    return Channel(str(play.rows[0].facts["channel"]))


def _actions(play: Play) -> list[Row]:
    return [row for row in play.rows if row.aspect is Aspect.ACTION and row.action is not None]


def _beliefs(play: Play) -> list[Row]:
    return [row for row in play.rows if row.aspect is Aspect.BELIEF]


def _taken(row: Row, name: str) -> float:
    """The entry of a fact per option at the option taken."""
    assert row.action is not None
    return float(numbers(row, name)[row.action])


class _Normalised(NamedTuple):
    """A normalised payoff, and one that no play falls below."""

    gained: float
    least: float


def _normalised(play: Play) -> _Normalised | None:
    """Normalised payoff of a play; None where there is nothing to gain, or nothing was chosen."""
    rows = _actions(play)
    if not rows:
        return None
    chance = float(np.mean([numbers(row, "utilities").mean() for row in rows]))
    room = float(numbers(rows[0], "ceiling")) - chance
    if room <= 1e-9 * float(numbers(rows[0], "scale")):
        return None
    gained = (float(np.mean([_taken(row, "utilities") for row in rows])) - chance) / room
    return _Normalised(gained, -float(numbers(rows[0], "scale")) / room)


def _payoff_measure(
    name: str, plays: Sequence[Play], *, rng: np.random.Generator, group: str = _GROUP
) -> Measure:
    found = [(cluster(play), _normalised(play)) for play in plays]
    kept = [(key, value) for key, value in found if value is not None]
    keys, values = [key for key, _ in kept], [value.gained for _, value in kept]
    least = min((value.least for _, value in kept), default=-np.inf)
    return mean_measure(name, values, keys, rng=rng, chance=0.0, ideal=1.0, group=group, within=(least, 1.0))


def _response_measures(channel: Channel, plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
    """How often an action is best, given the Bayesian's belief and, where there is one, the player's own."""
    measures = []
    whose_belief = {"learnt": "Bayes' belief"}
    if channel is Channel.BOTH:
        whose_belief["stated"] = "own belief"
    for fact, whose in whose_belief.items():
        rows = [(cluster(play), row) for play in plays for row in _actions(play) if fact in row.facts]
        scores = score_actions(
            [numbers(row, fact) for _, row in rows],
            [row.action for _, row in rows if row.action is not None],
            scales=[float(numbers(row, "scale")) for _, row in rows],
        )
        # Where all actions are equally good the answer says nothing.
        keys = [key for (key, _), told in zip(rows, scores.matters, strict=True) if told]
        odds = scores.chance_best[scores.matters]
        measures.append(
            rate_measure(
                f"best response to {whose}, {channel}",
                scores.best[scores.matters],
                keys,
                rng=rng,
                chance=float(odds.mean()) if odds.size else None,
                group=_GROUP,
            )
        )
    return measures


def _settling_measures(channel: Channel, plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
    """Rounds until play stays a best response to the truth, from the start and from a switch."""
    steady = [play for play in plays if play.rows[0].facts["switch"] is None]
    turned = [play for play in plays if play.rows[0].facts["switch"] is not None]
    return [
        _settling(f"rounds to a best response for good, {channel}", steady, rng=rng),
        _settling(f"rounds to adapt to a switch, {channel}", turned, rng=rng),
    ]


def _settling(name: str, plays: Sequence[Play], *, rng: np.random.Generator) -> Measure:
    keys, settled, chances, ideals, longest = [], [], [], [], []
    for play in plays:
        rows = [row for row in _actions(play) if float(numbers(row, "round")) >= _start(row)]
        if not rows:
            continue
        scores = score_actions(
            [numbers(row, "utilities") for row in rows],
            [row.action for row in rows if row.action is not None],
            scales=[float(numbers(row, "scale")) for row in rows],
        )
        # The Bayesian breaks ties among its best by chance.
        bayes = [_share_of_best(numbers(row, "learnt"), numbers(row, "utilities"), row) for row in rows]
        keys.append(cluster(play))
        longest.append(len(rows))
        settled.append(rounds_to_settle(scores.best))
        chances.append(chance_rounds_to_settle(scores.chance_best))
        ideals.append(chance_rounds_to_settle(np.array(bayes)))
    return mean_measure(
        name,
        np.array(settled, dtype=np.float64),
        keys,
        rng=rng,
        chance=float(np.mean(chances)) if chances else None,
        ideal=float(np.mean(ideals)) if ideals else None,
        group=_GROUP,
        within=(0.0, max(longest, default=np.inf)),
    )


def _start(row: Row) -> float:
    """The round of the switch, or the first."""
    return 0.0 if row.facts["switch"] is None else float(numbers(row, "switch"))


def _share_of_best(believed: NDArray[np.float64], true: NDArray[np.float64], row: Row) -> float:
    """Which share of the options that look best are best."""
    slack = 1e-9 * float(numbers(row, "scale"))
    looks, good = believed >= believed.max() - slack, true >= true.max() - slack
    return float((looks & good).sum() / looks.sum())


def _belief_measures(channel: Channel, plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
    rows = [(cluster(play), row) for play in plays for row in _beliefs(play)]
    keys = [key for key, _ in rows]
    given = rate_measure(
        f"beliefs given, {channel}", [row.belief is not None for _, row in rows], keys, rng=rng, group=_GROUP
    )
    if not rows:
        return [given]
    said = np.stack([stated(row) for _, row in rows])
    posteriors = np.stack([numbers(row, "posterior") for _, row in rows])
    uniform = np.full_like(said, 1 / said.shape[1])
    happened = np.array([int(numbers(row, "happened")) for _, row in rows])
    judges: dict[str, tuple[Callable[[NDArray[np.float64]], NDArray[np.float64]], float]] = {
        "Brier score": (lambda beliefs: brier_scores(beliefs, happened), 2.0),
        "log score": (lambda beliefs: log_scores(beliefs, happened), np.inf),
        "divergence from Bayes": (lambda beliefs: divergences(posteriors, beliefs), np.inf),
    }
    measures = [given]
    for name, (judge, most) in judges.items():
        chance, ideal = float(judge(uniform).mean()), float(judge(posteriors).mean())
        measures.append(
            mean_measure(
                f"{name}, {channel}",
                judge(said),
                keys,
                rng=rng,
                chance=chance,
                ideal=ideal,
                group=_GROUP,
                within=(0.0, most),
            )
        )
    return [*measures, _identification(channel, plays, rng=rng)]


def _identification(channel: Channel, plays: Sequence[Play], *, rng: np.random.Generator) -> Measure:
    """Rounds until the belief stays near the truth; all of them where it never does."""
    keys, found = [], []
    for play in plays:
        rows = _beliefs(play)
        laws = np.stack([numbers(row, "law") for row in rows])
        uniform = np.full_like(laws, 1 / laws.shape[1])
        said = np.stack([stated(row) for row in rows])
        posteriors = np.stack([numbers(row, "posterior") for row in rows])
        # None stands for a last belief that is still off.
        rounds = [rounds_to_identify(beliefs, laws) for beliefs in (said, uniform, posteriors)]
        keys.append(cluster(play))
        found.append([len(rows) if value is None else value for value in rounds])
    table = np.array(found, dtype=np.float64)
    return mean_measure(
        f"rounds to identify, {channel}",
        table[:, 0],
        keys,
        rng=rng,
        chance=float(table[:, 1].mean()),
        ideal=float(table[:, 2].mean()),
        group=_GROUP,
        within=(0.0, float(max(len(_beliefs(play)) for play in plays))),
    )


def _asking_measures(plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
    """Whether stating a belief first changes what play earns, in pairs of equal opponents."""
    ways: dict[Channel, dict[tuple[str, int, str], _Normalised]] = {channel: {} for channel in Channel}
    for play in plays:
        value = _normalised(play)
        if value is not None:
            opponent = str(play.rows[0].facts["opponent"])
            ways[_channel(play)][opponent, play.replicate, play.variant] = value
    pairs = [key for key in ways[Channel.BOTH] if key in ways[Channel.PLAY]]
    gaps = [ways[Channel.BOTH][key].gained - ways[Channel.PLAY][key].gained for key in pairs]
    # From the worst play to the best that knows the pattern.
    widest = max((1.0 - way[key].least for way in ways.values() for key in way), default=np.inf)
    clusters = [key[:2] for key in pairs]
    return [
        mean_measure(
            "normalised payoff, both minus play",
            gaps,
            clusters,
            rng=rng,
            chance=0.0,
            group=_GROUP,
            within=(-widest, widest),
        )
    ]
