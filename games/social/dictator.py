"""Menus of divisions for a dictator: known ones, random ones, and a design that tells motives apart.

A menu is an array of shape (k, n): what each of n people gets under each of k options. The first person
chooses, and nobody else has a say, so that what is best follows from what the chooser wants
(`games.social.desires.Desire`) alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.social.desires import Desire

_BATCH = 512
_BATCHES = 200


@dataclass(frozen=True, slots=True, eq=False)
class Menu:
    """Divisions to choose from.

    Attributes:
        payoffs: float64 (k, n), what each of n people gets under each of k options; read-only. The first
            person chooses.
        name: tells menus of one set apart.

    Raises:
        ValueError: fewer than two options or people, or amounts that are not finite.
    """

    payoffs: NDArray[np.float64]
    name: str = "menu"

    def __post_init__(self) -> None:
        payoffs = np.array(self.payoffs, dtype=np.float64)
        if payoffs.ndim != 2 or min(payoffs.shape) < 2 or not np.isfinite(payoffs).all():
            raise ValueError(
                f"payoffs must be finite, of shape (options, people) with two of each, got {payoffs.shape}"
            )
        payoffs.setflags(write=False)
        object.__setattr__(self, "payoffs", payoffs)

    @property
    def num_options(self) -> int:
        """Number of options k."""
        return int(self.payoffs.shape[0])

    def best(self, desire: Desire) -> tuple[int, ...]:
        """Positions of the options that are worth most, in ascending order."""
        utilities = desire.utilities(self.payoffs)
        slack = 1e-9 * max(float(np.abs(self.payoffs).max()), 1e-300)
        return tuple(int(k) for k in np.flatnonzero(utilities >= utilities.max() - slack))

    def margin(self, desire: Desire) -> float:
        """By how much the best option beats the next, in units of payoff; 0 when two are best."""
        utilities = np.sort(desire.utilities(self.payoffs))
        return float(utilities[-1] - utilities[-2])

    def arranged(self, order: Sequence[int]) -> "Menu":
        """The same options in another order: option ``order[j]`` comes to stand at position j."""
        if sorted(order) != list(range(self.num_options)):
            raise ValueError(f"order must permute range({self.num_options}), got {tuple(order)}")
        return Menu(self.payoffs[list(order)], self.name)

    def placed(self, desire: Desire, position: int) -> "Menu":
        """The same options, of which the one best for ``desire`` is swapped to ``position``."""
        if not 0 <= position < self.num_options:
            raise ValueError(f"position must lie in range({self.num_options}), got {position}")
        order = list(range(self.num_options))
        best = self.best(desire)[0]
        order[position], order[best] = best, position
        return self.arranged(order)


def reimplemented_menus() -> dict[Desire, Menu]:
    """A pair of options per desire, the right one first.

    They come from a public re-implementation of Fan, Chen, Jin and He (2024), Can large language models
    serve as rational players in game theory?, AAAI 38; the paper's own pairs could not be checked. Only the
    menu's own desire is certain to have one best option: others may be indifferent.
    """
    pairs = {
        Desire.EQUALITY: ((300, 300), (500, 100)),
        Desire.ALTRUISM: ((100, 500), (300, 300)),
        Desire.COMMON_INTEREST: ((300, 400), (300, 300)),
        Desire.SELF_INTEREST: ((500, 100), (300, 300)),
    }
    return {
        desire: Menu(np.array(pair, dtype=np.float64), "re-implementation") for desire, pair in pairs.items()
    }


def random_menu(
    num_options: int,
    *,
    rng: np.random.Generator,
    people: int = 2,
    pot: int = 1000,
    step: int = 10,
    margin: float = 50,
    apart: tuple[Desire, Desire] | None = None,
    name: str = "menu",
) -> Menu:
    """A random menu on which the four desires disagree.

    Each option divides at most ``pot``; the rest is lost. Every desire has one best option, which beats the
    next by at least ``margin``, and as many different options are best for some desire as can be: all of
    them up to four, so that with four options or more no two desires want the same.

    Args:
        num_options: number of options k >= 2.
        rng: source of randomness.
        people: number of people n >= 2.
        pot: what there is to divide.
        step: amounts are multiples of it.
        margin: least difference in worth between best and next option, in units of payoff.
        apart: two desires that must want different options; with four options all do.
        name: of the menu.

    Raises:
        ValueError: arguments out of range, or no such menu among about a hundred thousand random ones.
    """
    if num_options < 2 or people < 2:
        raise ValueError(f"a menu needs two options and two people, got {num_options} and {people}")
    if step < 1 or pot < step:
        raise ValueError(f"pot must be at least step, and step at least 1, got {pot} and {step}")
    distinct = min(num_options, len(Desire))
    for _ in range(_BATCHES):
        cuts = np.sort(rng.integers(0, pot // step, (_BATCH, num_options, people), endpoint=True), axis=-1)
        amounts = step * np.diff(cuts, axis=-1, prepend=0).astype(np.float64)
        utilities = np.stack([desire.utilities(amounts) for desire in Desire])  # (4, batch, k)
        ranked = np.sort(utilities, axis=-1)
        best = utilities.argmax(axis=-1)
        fits = (ranked[..., -1] - ranked[..., -2] >= margin).all(axis=0)
        fits &= (np.diff(np.sort(best, axis=0), axis=0) > 0).sum(axis=0) + 1 == distinct
        if apart is not None:
            first, second = (list(Desire).index(desire) for desire in apart)
            fits &= best[first] != best[second]
        if fits.any():
            return Menu(amounts[int(fits.argmax())], name)
    raise ValueError(
        f"found no menu of {num_options} options with a margin of {margin} in {_BATCH * _BATCHES} tries: "
        "ask for a smaller margin or fewer options"
    )


def balanced_menus(
    desire: Desire,
    count: int,
    num_options: int,
    *,
    rng: np.random.Generator,
    people: int = 2,
    pot: int = 1000,
    step: int = 10,
    margin: float = 50,
) -> tuple[Menu, ...]:
    """Random menus whose option best for ``desire`` stands at every position equally often, give or take one.

    With two options, the other three desires take turns as the one that wants the other option.

    Args:
        desire: whose best option is balanced.
        count: number of menus.
        num_options: options of each.
        rng: source of randomness.
        people: number of people.
        pot: what there is to divide.
        step: amounts are multiples of it.
        margin: as in `random_menu`.

    Raises:
        ValueError: as `random_menu`, or a negative count.
    """
    if count < 0:
        raise ValueError(f"count must be >= 0, got {count}")
    others = [other for other in Desire if other is not desire]
    positions = rng.permutation(np.arange(count) % num_options)
    return tuple(
        random_menu(
            num_options,
            rng=rng,
            people=people,
            pot=pot,
            step=step,
            margin=margin,
            apart=(desire, others[number % len(others)]),
            name=f"{num_options} options, {number}",
        ).placed(desire, int(position))
        for number, position in enumerate(positions)
    )


def switching_menu(
    switch: float, *, ahead: bool, cost: float, gap: float = 300, least: float = 300, name: str = "menu"
) -> Menu:
    """Two divisions between which a chooser is indifferent at one known weight of the other person.

    Charness and Rabin's chooser values an own amount x and another's y at

        x + rho (y - x)  when ahead (x > y),      x + sigma (y - x)  when behind (x < y);

    Fehr and Schmidt's beta is rho, their alpha -sigma. The second option costs the chooser ``cost`` and moves
    y - x by cost / switch, so with rho (sigma when behind) as weight w it is worth cost (w / switch - 1)
    more.

    Args:
        switch: the weight of indifference, not zero, with abs(cost / switch) < gap so that the chooser
            stays ahead, or behind, under both options.
        ahead: whether the chooser has more than the other.
        cost: what the second option costs the chooser, > 0.
        gap: difference between the two amounts under the first option, > 0.
        least: the smaller amount under the first option.
        name: of the menu.

    Raises:
        ValueError: as above, or an amount below zero.

    Source: Charness and Rabin (2002), Understanding social preferences with simple tests, QJE 117; Fehr and
    Schmidt (1999), A theory of fairness, competition, and cooperation, QJE 114 (cited from memory).
    """
    if not cost > 0 or not gap > 0 or switch == 0 or not abs(cost / switch) < gap:
        raise ValueError(
            "cost and gap must be > 0, switch not zero, and abs(cost / switch) below gap, got "
            f"cost={cost!r}, gap={gap!r}, switch={switch!r}"
        )
    first = (least + gap, least) if ahead else (least, least + gap)
    own = first[0] - cost
    second = (own, own + first[1] - first[0] + cost / switch)
    if min(*first, *second) < 0:
        raise ValueError(f"amounts must not be negative, got {first} and {second}: raise least")
    return Menu(np.array([first, second], dtype=np.float64), name)


def free_menus(
    *,
    rng: np.random.Generator,
    switches: Sequence[float] = (-1.0, -0.5, -0.25, 0.25, 0.5, 0.75, 1.0),
    costs: Sequence[float] = (30.0, 60.0),
) -> tuple[Menu, ...]:
    """Menus for a chooser who is told no desire, from whose choices one can be fitted.

    One `switching_menu` per weight when ahead and one when behind, so that the choices bracket rho and sigma
    apart from each other; costs take turns, which separates both from the noise. Order and level are random.

    Args:
        rng: source of randomness.
        switches: weights at which a chooser is indifferent.
        costs: of the second option, in turns.

    Raises:
        ValueError: as `switching_menu`, or no weights or costs.
    """
    if not switches or not costs:
        raise ValueError("switches and costs must not be empty")
    menus = []
    for ahead in (True, False):
        for number, switch in enumerate(switches):
            menu = switching_menu(
                switch,
                ahead=ahead,
                cost=costs[number % len(costs)],
                least=10.0 * int(rng.integers(30, 40)),
                name=f"{'ahead' if ahead else 'behind'}, {switch:g}",
            )
            menus.append(menu.arranged(rng.permutation(2).tolist()))
    return tuple(menus)
