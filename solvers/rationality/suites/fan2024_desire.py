"""Desires: does a player who is told what to want choose it, and what does it want when it is told nothing?

The dictator game with four stated preferences is the first part of Fan, Chen, Jin and He (2024). One pair of
options per preference comes from a public re-implementation; the random menus of two and of more options,
where every preference has one best option by a margin, and the free choices are this project's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from games.social.desires import Desire
from games.social.dictator import Menu, balanced_menus, free_menus, reimplemented_menus
from games.text.situations import AllocationSituation
from solvers.rationality.metrics.actions import optimal_set
from solvers.rationality.metrics.social_preferences import fit_social_preferences
from solvers.rationality.scenarios import Json, Measure, Play, Row, Table
from solvers.rationality.statistics import rate_measure
from solvers.rationality.suites.facts import cluster, numbers

_ANONYMOUS = ("person 1", "person 2")
_NAMED = ("Noor", "Emil")
_LABELS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True, eq=False)
class DictatorScenario:
    """One choice by a dictator.

    Attributes:
        menu: the options.
        desire: what the player is told to want; None leaves it free.
        people: names of those concerned, the chooser's first.
        name: distinct within the suite.
    """

    menu: Menu
    desire: Desire | None
    people: tuple[str, ...]
    name: str

    @property
    def seats(self) -> int:
        """One: nobody but the dictator has a say."""
        return 1

    async def play(self, table: Table, rng: np.random.Generator) -> list[Row]:
        """Ask once; nothing is drawn."""
        options = tuple(_LABELS[: self.menu.num_options])
        situation = AllocationSituation(self.menu.payoffs, options, self.people, self.desire)
        answer = await table.ask(0, situation)
        facts: dict[str, Json] = {"payoffs": self.menu.payoffs.tolist()}
        if self.desire is not None:
            utilities = self.desire.utilities(self.menu.payoffs)
            facts |= {
                "desire": self.desire.value,
                "utilities": utilities.tolist(),
                "best": self.menu.best(self.desire),
                "range": float(np.ptp(utilities)),
            }
        return [Row.of(0, 0, answer, options, facts)]


@dataclass(frozen=True, slots=True, eq=False)
class DesirePart:
    """The dictator's scenarios and their figures.

    Attributes:
        scenarios: what is played.
    """

    scenarios: tuple[DictatorScenario, ...]

    def score(self, plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
        """How often each stated desire is followed, and what free choices agree with.

        A free choice agrees with every desire for which it is best; desires may share a choice, so these
        rates do not sum to one. The weights are those of `fit_social_preferences`, and take choices as
        independent.
        """
        rows = [(cluster(play), row) for play in plays for row in play.rows]
        told = [(key, row) for key, row in rows if "desire" in row.facts]
        free = [(key, row) for key, row in rows if "desire" not in row.facts]
        measures = []
        for desire in (None, *Desire):
            chosen = [(key, row) for key, row in told if desire in (None, row.facts["desire"])]
            measures.append(
                _rate(
                    f"follows {desire.value if desire else 'the stated desire'}",
                    chosen,
                    [numbers(row, "best").astype(int).tolist() for _, row in chosen],
                    rng=rng,
                    ideal=1.0,
                    group="desire",
                )
            )
        for desire in Desire:
            best = [optimal_set(desire.utilities(numbers(row, "payoffs"))) for _, row in free]
            measures.append(
                _rate(
                    f"free choice agrees with {desire.value}",
                    free,
                    best,
                    rng=rng,
                    ideal=None,
                    group="free desire",
                )
            )
        return [*measures, *_weights(free)] if free else measures


def _weights(free: Sequence[tuple[object, Row]]) -> list[Measure]:
    """What others count for in free choices, by maximum likelihood."""
    answered = [row for _, row in free if row.action is not None]
    fit = fit_social_preferences(
        [numbers(row, "payoffs") for row in answered],
        [row.action for row in answered if row.action is not None],
    )
    found = {
        "weight of one who has less (rho)": (fit.rho, fit.rho_interval),
        "weight of one who has more (sigma)": (fit.sigma, fit.sigma_interval),
    }
    return [
        Measure(name, value, interval.low, interval.high, fit.count, group="free desire")
        for name, (value, interval) in found.items()
    ]


def _rate(
    name: str,
    rows: Sequence[tuple[object, Row]],
    best: Sequence[Sequence[int]],
    *,
    rng: np.random.Generator,
    ideal: float | None,
    group: str,
) -> Measure:
    hits = [row.action in right for (_, row), right in zip(rows, best, strict=True)]
    odds = [len(right) / len(row.options) for (_, row), right in zip(rows, best, strict=True)]
    chance = float(np.mean(odds)) if odds else None
    return rate_measure(
        name, hits, [key for key, _ in rows], rng=rng, chance=chance, ideal=ideal, group=group
    )


def desire_part(
    *, rng: np.random.Generator, menus: int = 4, sizes: Sequence[int] = (2, 4), people: int = 2
) -> DesirePart:
    """Scenarios of stated desires and of free choice.

    Args:
        rng: draws the menus.
        menus: random menus per desire and number of options; people have names in every other one.
        sizes: numbers of options of the random menus, each from 2 to 26.
        people: number of people of the random menus.

    Raises:
        ValueError: a size out of range, or no menus can be found.
    """
    if not all(2 <= size <= len(_LABELS) for size in sizes):
        raise ValueError(f"sizes must lie in [2, {len(_LABELS)}], got {tuple(sizes)}")
    scenarios = []
    for desire, menu in reimplemented_menus().items():
        for position, place in enumerate(("first", "second")):
            name = f"dictator({desire.value}, {menu.name}, right {place})"
            scenarios.append(DictatorScenario(menu.placed(desire, position), desire, _ANONYMOUS, name))
    for desire in Desire:
        for size in sizes:
            for number, menu in enumerate(balanced_menus(desire, menus, size, rng=rng, people=people)):
                names = _names(people, named=number % 2 == 1)
                name = f"dictator({desire.value}, {menu.name})"
                scenarios.append(DictatorScenario(menu, desire, names, name))
    scenarios += [
        DictatorScenario(menu, None, _ANONYMOUS, f"dictator(free, {menu.name})")
        for menu in free_menus(rng=rng)
    ]
    return DesirePart(tuple(scenarios))


def _names(people: int, *, named: bool) -> tuple[str, ...]:
    known = _NAMED if named else _ANONYMOUS
    return (*known, *(f"person {number}" for number in range(3, people + 1)))[:people]
