"""What is known of the catalogued games: their equilibria, values and sources.

Solvers are tested against these records, so each one is itself verified by the tests.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from games.normal_form.game import NormalFormGame
from games.normal_form.registry import GAMES
from games.profiles import Profile
from games.registry import unknown_name


@dataclass(frozen=True, slots=True, eq=False)
class KnownGame:
    """A published game with its known equilibria.

    Attributes:
        name: its name in the registry ``GAMES``.
        factory: builds the game with its published parameters.
        source: where it was published.
        equilibria: Nash equilibria, exact to rounding; the arrays are read-only.
        complete: whether ``equilibria`` holds every Nash equilibrium of the game.
        value: payoff of the row player in every equilibrium of a two-player zero-sum game, else None.
        tags: as in the registry.
    """

    name: str
    factory: Callable[[], NormalFormGame]
    source: str
    equilibria: tuple[Profile, ...]
    complete: bool
    value: float | None
    tags: tuple[str, ...]


def known_games() -> tuple[KnownGame, ...]:
    """Every catalogued game, in the order of the registry."""
    records = _records()
    return tuple(records[entry.name] for entry in GAMES)


def known_game(name: str) -> KnownGame:
    """What is known of the game ``name``.

    Raises:
        UnknownNameError: no such game; the message suggests near matches.

    Example:
        >>> known_game("oneill").value
        -0.2
    """
    records = _records()
    if name not in records:
        raise unknown_name("game", name, records)
    return records[name]


def _known(
    name: str,
    source: str,
    *equilibria: Sequence[ArrayLike],
    complete: bool = True,
    value: float | None = None,
) -> KnownGame:
    profiles = tuple(tuple(np.array(x, dtype=np.float64) for x in profile) for profile in equilibria)
    for x in (x for profile in profiles for x in profile):
        x.setflags(write=False)
    entry = GAMES.get(name)
    return KnownGame(name, entry.load(), source, profiles, complete, value, entry.tags)


def _pure(actions: Sequence[int], sizes: Sequence[int]) -> tuple[ArrayLike, ...]:
    return tuple(np.eye(n)[a] for a, n in zip(actions, sizes, strict=True))


def _both(*strategy: float) -> tuple[ArrayLike, ArrayLike]:
    """The symmetric two-player profile in which both play ``strategy``."""
    return strategy, strategy


@cache
def _records() -> dict[str, KnownGame]:
    records = (*_dilemmas(), *_coordination(), *_other_bimatrix(), *_zero_sum(), *_multiplayer())
    return {record.name: record for record in records}


def _dilemmas() -> tuple[KnownGame, ...]:
    return (
        _known("prisoners-dilemma", "Axelrod (1984)", _both(0, 1)),
        _known("deadlock", "Poundstone (1992)", _both(0, 1)),
        _known("travelers-dilemma", "Basu (1994)", _pure((0, 0), (9, 9))),
        _known("beauty-contest", "Nagel (1995); Grosskopf and Nagel (2008)", _pure((0, 0), (6, 6))),
    )


def _coordination() -> tuple[KnownGame, ...]:
    apart = (((1, 0), (0, 1)), ((0, 1), (1, 0)))
    # One equilibrium per non-empty subset of the three places.
    meeting = [np.array(chosen) / sum(chosen) for chosen in product((0, 1), repeat=3) if any(chosen)]
    return (
        _known("stag-hunt", "Harsanyi and Selten (1988)", _both(1, 0), _both(0, 1), _both(3 / 4, 1 / 4)),
        _known("chicken", "Aumann (1974)", *apart, _both(2 / 3, 1 / 3)),
        _known("catastrophic-chicken", "own design", *apart, _both(102 / 103, 1 / 103)),
        _known("lonely-stag-hunt", "own design", _both(1, 0), _both(0, 1), _both(11 / 12, 1 / 12)),
        _known("risky-column", "own design", _both(1, 0)),
        _known("guarded-pass", "own design", ((1 / 2, 1 / 2), (2 / 27, 25 / 27))),
        _known(
            "three-lanes",
            "own design",
            ((1, 0, 0), (0, 1, 0)),
            ((0, 1, 0), (1, 0, 0)),
            _both(4 / 67, 63 / 67, 0),
        ),
        _known("hawk-dove", "Maynard Smith and Price (1973)", *apart, _both(1 / 2, 1 / 2)),
        _known(
            "battle-of-the-sexes",
            "Luce and Raiffa (1957); Osborne (2004)",
            _both(1, 0),
            _both(0, 1),
            ((2 / 3, 1 / 3), (1 / 3, 2 / 3)),
        ),
        _known("pure-coordination", "Schelling (1960)", *((x, x) for x in meeting)),
    )


_SELTEN_CHMURA = (
    (1 / 11, 10 / 11),
    (2 / 11, 8 / 11),
    (3 / 11, 10 / 11),
    (4 / 11, 9 / 11),
    (4 / 11, 8 / 11),
    (5 / 11, 7 / 11),
)
"""Probabilities of up and left."""


def _other_bimatrix() -> tuple[KnownGame, ...]:
    return (
        _known("inspection-game", "Fudenberg and Tirole (1991)", ((1 / 4, 3 / 4), (1 / 2, 1 / 2))),
        _known("ochs-matching-pennies", "Ochs (1995)", ((1 / 2, 1 / 2), (1 / 5, 4 / 5))),
        *(
            # Games 7 to 12 have the best replies of games 1 to 6.
            _known(f"selten-chmura-{k + shift}", "Selten and Chmura (2008)", ((up, 1 - up), (left, 1 - left)))
            for shift in (0, 6)
            for k, (up, left) in enumerate(_SELTEN_CHMURA, start=1)
        ),
        _known(
            "goeree-holt-palfrey-4",
            "Goeree, Holt and Palfrey (2003)",
            ((17 / 32, 15 / 32), (15 / 32, 17 / 32)),
        ),
        _known("shapley", "Shapley (1964)", _both(1 / 3, 1 / 3, 1 / 3)),
        _known(
            "shapley-1974",
            "Shapley (1974)",
            _both(0, 0, 1),
            _both(1 / 3, 2 / 3, 0),
            _both(1 / 6, 1 / 3, 1 / 2),
        ),
        _known("bernheim", "Bernheim (1984)", _both(0, 1, 0, 0)),
    )


def _zero_sum() -> tuple[KnownGame, ...]:
    low, high = (0, 4 / 7, 3 / 7, 0), (0, 3 / 5, 2 / 5, 0)
    blotto = (4 / 9, 0, 1 / 9, 0, 4 / 9)
    # Solved for indifference: the kicker scores equally at both sides, and so does the goalkeeper concede.
    rates = 0.9497 + 0.9291 - 0.5830 - 0.6992
    kick, dive = (0.9291 - 0.6992) / rates, (0.9497 - 0.6992) / rates
    return (
        _known("matching-pennies", "von Neumann and Morgenstern (1944)", _both(1 / 2, 1 / 2), value=0.0),
        _known("odd-or-even", "Ferguson, Game Theory", _both(7 / 12, 5 / 12), value=1 / 12),
        _known(
            "rock-paper-scissors",
            "von Neumann and Morgenstern (1944)",
            _both(1 / 3, 1 / 3, 1 / 3),
            value=0.0,
        ),
        _known("weighted-rock-paper-scissors", "Kaplansky (1945)", _both(1 / 2, 1 / 3, 1 / 6), value=0.0),
        _known("rock-paper-scissors-lizard-spock", "Kass and Bryla (1998)", _both(*[1 / 5] * 5), value=0.0),
        _known("oneill", "O'Neill (1987)", _both(2 / 5, 1 / 5, 1 / 5, 1 / 5), value=-1 / 5),
        _known(
            "rapoport-boebel",
            "Rapoport and Boebel (1992)",
            _both(3 / 8, 1 / 4, 1 / 8, 1 / 8, 1 / 8),
            value=0.0,
        ),
        _known("lieberman", "Lieberman (1960)", _both(0, 0, 1), value=0.0),
        _known(
            "penalty-kick",
            "Palacios-Huerta (2003)",
            ((kick, 1 - kick), (dive, 1 - dive)),
            value=(0.9497 * 0.9291 - 0.5830 * 0.6992) / rates,
        ),
        _known(
            "two-finger-morra",
            "Dresher (1961); Dantzig (1963)",
            *product((low, high), repeat=2),
            complete=False,
            value=0.0,
        ),
        _known(
            "colonel-blotto",
            "McDonald and Tukey (1949); Dresher (1961)",
            (blotto, (1 / 30, 8 / 15, 16 / 45, 7 / 90)),
            (blotto, (7 / 90, 16 / 45, 8 / 15, 1 / 30)),
            complete=False,
            value=14 / 9,
        ),
    )


def _multiplayer() -> tuple[KnownGame, ...]:
    even = (1 / 2, 1 / 2)
    split = [_pure(sides, (2,) * 3) for sides in product((0, 1), repeat=3) if sum(sides) in (1, 2)]
    lone = [_pure([int(i != j) for j in range(3)], (2,) * 3) for i in range(3)]
    # One player waits for sure, and the two others wait with probability cost / benefit = 1/4.
    pairs = [tuple((0, 1) if i == j else (3 / 4, 1 / 4) for j in range(3)) for i in range(3)]
    z = (math.sqrt(601) - 23) / 4
    x, y = (3 - 2 * z) / (4 - z), (2 - z) / (3 + z)
    return (
        _known("three-player-matching-pennies", "Jordan (1993)", (even, even, even)),
        _known("minority-game", "Challet and Zhang (1997)", *split, (even, even, even), complete=False),
        _known("public-goods", "Isaac and Walker (1988)", _pure((0,) * 4, (2,) * 4)),
        _known("volunteers-dilemma", "Diekmann (1985)", *lone, *pairs, (even, even, even)),
        _known(
            "seltens-horse",
            "Selten (1975)",
            _pure((1, 1, 0), (2,) * 3),
            _pure((0, 1, 1), (2,) * 3),
            complete=False,
        ),
        _known(
            "nau-irrational",
            "Nau, Gomez Canovas and Hansen (2004), section 4",
            ((x, 1 - x), (y, 1 - y), (z, 1 - z)),
        ),
    )
