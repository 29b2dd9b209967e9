"""Whether intervals hold the truth and uniform play gets what is called chance: all figures of all suites.

    python benchmarks/rationality_coverage.py --trials 100 --replicates 4

A scripted player that errs now and then plays each suite ``trials * replicates`` times. Its figure over all
of these plays stands for the truth; each trial gets the plays of ``replicates`` of them, as a user would. The
table counts in how many trials the interval held the truth. 95 % is stated. Scenarios are the same in all
trials while intervals allow for others, so most hold more.

The second table is about a uniform player: the figure over all its plays, the level called chance, and how
many standard errors (of means over trials) lie between them. Where all trials agree there is no such error,
and what counts is whether the interval over all plays holds chance.
"""

import argparse
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from rich.console import Console
from rich.table import Table

from marl.players import player_from_spec
from solvers.rationality.run import run_suite
from solvers.rationality.scenarios import Measure, Play, Suite
from solvers.rationality.solved import SOLVED
from solvers.registry import SUITES

_ERRS = {
    "budgets": "scripted:noisy:0.3:cobb-douglas",
    "repeated-tournament": "scripted:noisy:0.3:tit-for-tat",
}
_OTHERWISE = "scripted:noisy:0.3:rational"
_MEETS = {"repeated-tournament": ("scripted:tit-for-tat", "scripted:always-unkind")}


@dataclass(slots=True)
class Counted:
    """One figure over all trials.

    Attributes:
        truth: over all plays.
        held: of trials with a finite interval, how many held the truth.
        known: how many there were.
        values: by trial.
    """

    truth: Measure
    held: int = 0
    known: int = 0
    values: list[float] = field(default_factory=list)


def counted(suite: Suite, spec: str, *, trials: int, replicates: int) -> list[Counted]:
    """All figures of a player in a suite."""
    player = player_from_spec(spec, solved=SOLVED)
    others = [player_from_spec(other, solved=SOLVED) for other in _MEETS.get(suite.name, ())]
    plays = run_suite(suite, [player], baselines=others, replicates=trials * replicates, seed=7)
    own = [play for play in plays if play.player == player.name]
    found = {(m.group, m.name): Counted(m) for m in scored(suite, own)}
    parts: dict[int, list[Play]] = defaultdict(list)
    for play in own:
        parts[play.replicate // replicates].append(play)
    for part in parts.values():
        for m in scored(suite, part):
            one = found[m.group, m.name]
            if math.isfinite(m.value):
                one.values.append(m.value)
            if np.isfinite([m.low, m.high, one.truth.value]).all():
                slack = 1e-9 * max(abs(one.truth.value), 1.0)
                one.known += 1
                one.held += m.low - slack <= one.truth.value <= m.high + slack
    return list(found.values())


def scored(suite: Suite, plays: Sequence[Play]) -> list[Measure]:
    """Its figures."""
    return suite.score(plays, rng=np.random.default_rng(0))


def errors_off(one: Counted) -> float:
    """Standard errors between a figure and the level called chance; NaN where there is none."""
    truth = one.truth
    if truth.chance is None or len(one.values) < 2:
        return math.nan
    error = float(np.std(one.values, ddof=1)) / math.sqrt(len(one.values))
    if not error:
        return 0.0 if truth.low - 1e-9 <= truth.chance <= truth.high + 1e-9 else math.inf
    return abs(truth.value - truth.chance) / error


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--replicates", type=int, default=4, help="in each trial")
    parser.add_argument("--suite", action="append", help="by name; all by default")
    arguments = parser.parse_args()
    console = Console(width=120)
    covered = Table(title="intervals that hold the truth")
    for heading in ("suite", "player", "figures", "intervals", "held", "seldomest held"):
        covered.add_column(heading)
    chances = Table(title="uniform play beside what is called chance")
    for heading in ("suite", "figures", "beyond 4 errors", "furthest off"):
        chances.add_column(heading)
    for name in arguments.suite or [entry.name for entry in SUITES]:
        suite: Suite = SUITES.get(name).load()()
        spec = _ERRS.get(name, _OTHERWISE)
        found = [
            one
            for one in counted(suite, spec, trials=arguments.trials, replicates=arguments.replicates)
            if one.known >= arguments.trials / 2
        ]
        known, held = sum(one.known for one in found), sum(one.held for one in found)
        worst = sorted(found, key=lambda one: one.held / one.known)[:3]
        seldom = "; ".join(f"{one.truth.name} {one.held / one.known:.2f}" for one in worst)
        covered.add_row(name, spec, str(len(found)), str(known), f"{held / known:.3f}", seldom)

        uniform = counted(suite, "scripted:uniform", trials=arguments.trials, replicates=arguments.replicates)
        off = {f"{one.truth.group}: {one.truth.name}": errors_off(one) for one in uniform}
        off = {figure: errors for figure, errors in off.items() if not math.isnan(errors)}
        far = sorted(off.items(), key=lambda pair: -pair[1])[:3]
        shown = "; ".join(f"{figure} {errors:.1f}" for figure, errors in far)
        beyond = sum(errors > 4 for errors in off.values())
        chances.add_row(name, str(len(off)), str(beyond), shown)
        console.print(f"{name} done")
    console.print(covered)
    console.print(chances)


if __name__ == "__main__":
    main()
