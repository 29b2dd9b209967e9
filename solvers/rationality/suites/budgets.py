"""The suite of budgets: are choices such as some utility could explain, whatever it is?

The same lines are offered as gifts, as bets on a coin, and as food. No choice is right or wrong alone, but
all choices of a framing together satisfy the axioms of revealed preference, or come near to it. Those who
choose at random do not: their consistency is simulated on the same menus. The design follows Choi, Fisman,
Gale and Kariv (2007), Consistency and heterogeneity of individual behavior under uncertainty, AER 97, with
menus in place of a line on a screen; lines and labels are this project's own.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from games.social.budgets import BudgetLine, chosen_ratios, menu_ratios, random_lines
from games.text.situations import BundleSituation
from solvers.rationality.metrics.preference_repairs import largest_consistent
from solvers.rationality.metrics.revealed_preference import Purchases, cost_efficiencies
from solvers.rationality.scenarios import Json, Measure, Play, Row, Table
from solvers.rationality.statistics import mean_measure, rate_measure
from solvers.rationality.suites.agreement import actions_with, agreement
from solvers.rationality.suites.facts import cluster, numbers

_LABELS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_RANDOM, _REPAIRED = 4000, 100  # random choosers, and how many of them are repaired, which is slower


class Framing(StrEnum):
    """What the goods are; the value names it in records."""

    GIVING = "giving"
    RISK = "risk"
    FOOD = "food"


_GOODS = {
    Framing.GIVING: ("tokens for you", "tokens for another person"),
    Framing.RISK: ("tokens if a fair coin shows heads", "tokens if it shows tails"),
    Framing.FOOD: ("loaves of bread", "bottles of milk"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """Lines, and what random choosers do on them.

    Attributes:
        lines: what is offered.
        ratios: of the menus, as `games.social.budgets.menu_ratios` gives them.
    """

    lines: tuple[BudgetLine, ...]
    ratios: NDArray[np.float64]

    def purchases(self, choices: Sequence[int]) -> Purchases:
        """What choices from all lines, in their order, reveal."""
        return Purchases(chosen_ratios(self.ratios, choices), np.array([line.income for line in self.lines]))


@dataclass(frozen=True, slots=True, eq=False)
class Chance:
    """Random choosers on a design.

    Attributes:
        efficiencies: their CCEIs, ascending.
        violations: mean number of violating pairs.
        power: share of them that violate GARP, which some do with a CCEI of one.
        kept: mean share of choices in a largest set that satisfies GARP.
    """

    efficiencies: NDArray[np.float64]
    violations: float
    power: float
    kept: float

    def less_efficient(self, efficiency: float) -> float:
        """Share of them whose CCEI is below ``efficiency``."""
        return float(np.mean(self.efficiencies < efficiency - 1e-9))


@lru_cache(maxsize=16)
def chance_on(design: Design) -> Chance:
    """Simulate choosers who pick any bundle with equal odds; the same for everybody."""
    rng = np.random.default_rng(0)
    options = design.ratios.shape[2]
    choices = rng.integers(options, size=(_RANDOM, len(design.lines)))
    bought = [design.purchases(row) for row in choices.tolist()]
    violations = np.array([one.violations for one in bought])
    return Chance(
        np.sort(cost_efficiencies(chosen_ratios(design.ratios, choices))),
        float(violations.mean()),
        float(np.mean(violations > 0)),
        float(np.mean([largest_consistent(one).index for one in bought[:_REPAIRED]])),
    )


@dataclass(frozen=True, slots=True, eq=False)
class BudgetScenario:
    """All lines in one framing, each asked apart and in random order.

    Attributes:
        framing: what the goods are.
        design: the lines.
    """

    framing: Framing
    design: Design

    @property
    def name(self) -> str:
        """The framing and the size of the design."""
        lines = self.design.lines
        return f"budgets({self.framing.value}, {len(lines)} lines, {len(lines[0].bundles)} bundles)"

    @property
    def seats(self) -> int:
        """One."""
        return 1

    async def play(self, table: Table, rng: np.random.Generator) -> list[Row]:
        """Ask for all choices at once."""
        order = rng.permutation(len(self.design.lines)).tolist()
        situations = [self._situation(self.design.lines[number]) for number in order]
        answers = await asyncio.gather(*(table.ask(0, situation) for situation in situations))
        return [
            Row.of(step, 0, answer, situation.options, self._facts(number))
            for step, (number, situation, answer) in enumerate(zip(order, situations, answers, strict=True))
        ]

    def _situation(self, line: BudgetLine) -> BundleSituation:
        options = tuple(_LABELS[: len(line.bundles)])
        return BundleSituation(line.bundles, line.prices, line.income, options, _GOODS[self.framing])

    def _facts(self, number: int) -> dict[str, Json]:
        line = self.design.lines[number]
        facts: dict[str, Json] = {
            "framing": self.framing.value,
            "line": number,
            "prices": line.prices.tolist(),
            "income": line.income,
            "share_of_first": (line.bundles[:, 0] * line.prices[0] / line.income).tolist(),
        }
        if self.framing is Framing.RISK:
            # Swapping the amounts of two equally likely states changes nothing, and may leave money over.
            swapped = line.bundles[:, ::-1] @ line.prices
            facts["undominated"] = np.flatnonzero(swapped >= line.income * (1 - 1e-9)).tolist()
        return facts


@dataclass(frozen=True, slots=True, eq=False)
class Budgets:
    """Budgets and their figures.

    Attributes:
        scenarios: what is played.
        name: as the command line calls it.
        baselines: specs of scripted players for comparison.
    """

    scenarios: Sequence[BudgetScenario]
    name: str = "budgets"
    baselines: tuple[str, ...] = (
        "scripted:uniform",
        "scripted:cobb-douglas",
        "scripted:noisy:0.2:cobb-douglas",
    )

    def score(self, plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
        """Consistency by framing, beside that of random choosers, and what is bought.

        A play counts for consistency when all its choices are there.
        """
        measures = []
        for scenario in self.scenarios:
            own = [play for play in plays if play.scenario == scenario.name]
            if own:
                measures += _consistency(scenario, own, rng=rng)
                measures += _bought(scenario, own, rng=rng)
        return measures


def _consistency(
    scenario: BudgetScenario, plays: Sequence[Play], *, rng: np.random.Generator
) -> list[Measure]:
    design, group = scenario.design, scenario.framing.value
    bought, keys = [], []
    for play in plays:
        chosen = {int(numbers(row, "line")): row.action for row in play.rows if row.action is not None}
        if len(chosen) == len(design.lines):
            bought.append(design.purchases([chosen[line] for line in range(len(chosen))]))
            keys.append(cluster(play))
    chance = chance_on(design)
    shares, pairs = 1.0, float(len(design.lines) * (len(design.lines) - 1))
    means: dict[str, tuple[Callable[[Purchases], float], float, float, float]] = {
        "critical cost efficiency": (
            lambda one: one.efficiency,
            float(chance.efficiencies.mean()),
            1.0,
            shares,
        ),
        "pairs that violate GARP": (lambda one: one.violations, chance.violations, 0.0, pairs),
        "share of choices that satisfy GARP": (
            lambda one: largest_consistent(one).index,
            chance.kept,
            1.0,
            shares,
        ),
        "share of random choosers who are less consistent": (
            lambda one: chance.less_efficient(one.efficiency),
            0.5,
            chance.less_efficient(1.0),
            shares,
        ),
    }
    measures = [
        mean_measure(
            name,
            [figure(one) for one in bought],
            keys,
            rng=rng,
            chance=odds,
            ideal=ideal,
            group=group,
            within=(0.0, most),
        )
        for name, (figure, odds, ideal, most) in means.items()
    ]
    satisfied = rate_measure(
        "plays that satisfy GARP",
        [one.violations == 0 for one in bought],
        keys,
        rng=rng,
        chance=1 - chance.power,
        group=group,
    )
    return [*measures, satisfied]


def _bought(scenario: BudgetScenario, plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
    group = scenario.framing.value
    rows = [(p, r, r.action) for p, r in actions_with(plays, "share_of_first") if r.action is not None]
    measures = [
        mean_measure(
            f"share spent on {_GOODS[scenario.framing][0]}",
            [numbers(row, "share_of_first")[action] for _, row, action in rows],
            [cluster(play) for play, _, _ in rows],
            rng=rng,
            chance=0.5,
            group=group,
            within=(0.0, 1.0),
        )
    ]
    if scenario.framing is Framing.RISK:
        chosen = actions_with(plays, "undominated")
        name = "does not bet more on the dearer side"
        measures.append(agreement(name, chosen, "undominated", rng=rng, group=group))
    return measures


def budgets(*, lines: int = 25, bundles: int = 11, seed: int = 2007) -> Budgets:
    """The suite; with the defaults a play of everything is 75 questions.

    Args:
        lines: in each framing, >= 2.
        bundles: on each line, from 2 to 26.
        seed: of the lines; equal arguments give equal suites.

    Raises:
        ValueError: an argument out of range, or no such lines can be found.
    """
    if lines < 2 or not 2 <= bundles <= len(_LABELS):
        raise ValueError(
            f"lines must be >= 2 and bundles lie in [2, {len(_LABELS)}], got {lines} and {bundles}"
        )
    drawn = random_lines(lines, rng=np.random.default_rng(seed), options=bundles)
    design = Design(drawn, menu_ratios(drawn))
    return Budgets(tuple(BudgetScenario(framing, design) for framing in Framing))
