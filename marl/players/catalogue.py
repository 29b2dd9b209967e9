"""Scripted players by name, as specs and the command line call them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from games.registry import unknown_name
from games.social.patterns import standard_family
from marl.players.scripted import ScriptedPlayer, Strategy
from marl.players.strategies.allocations import CharnessRabin, DesireSeeker
from marl.players.strategies.bundles import CobbDouglas
from marl.players.strategies.cycles import PatternLearner
from marl.players.strategies.extremes import maximax, maximin
from marl.players.strategies.mixing import ByKind, Noisy, uniform
from marl.players.strategies.moves import PolicyFor, PolicyMoves
from marl.players.strategies.predictions import EvenOdds, Frequencies, LevelOf, NGram
from marl.players.strategies.profiles import LogitEquilibrium, Solve, SolvedProfile
from marl.players.strategies.rational import RationalMatrixPlay
from marl.players.strategies.reasoning import Reasoner
from marl.players.strategies.reciprocity import (
    TitForTat,
    always_kind,
    always_unkind,
    grim,
    win_stay_lose_shift,
)
from marl.players.strategies.responses import Logit


@dataclass(frozen=True, slots=True)
class Solved:
    """What others solve for scripted players, which know no solver.

    Attributes:
        profile: an equilibrium of a matrix game; without it there is no player ``equilibrium``.
        policy: how to move in a game played move by move; without it players with reason refuse such games.
    """

    profile: Solve | None = None
    policy: PolicyFor | None = None


Numbers = tuple[float, ...]
Parts = tuple[Strategy, Strategy | None]
"""How a player acts, and what it believes."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a named player is made.

    Attributes:
        make: from the numbers behind the name, and what is solved.
        numbers: what the numbers are called; ("...",) takes any number of them.
        summary: one line for listings.
    """

    make: Callable[[Numbers, Solved], Parts]
    numbers: tuple[str, ...]
    summary: str


def scripted_player(spec: str, solved: Solved | None = None) -> ScriptedPlayer:
    """A scripted player by its name and numbers, separated by colons.

    Args:
        spec: such as ``level:2`` or ``level2``, ``logit:0.5``, or ``noisy:0.1:tit-for-tat``, which slips one
            time in ten and otherwise plays as the player named behind.
        solved: what must be solved by others.

    Raises:
        UnknownNameError: there is no such name; the message suggests near ones.
        ValueError: the numbers are not those that the player takes, or it needs what is not solved.

    Example:
        >>> scripted_player("noisy:0.1:level2").name
        'scripted:noisy:0.1:level2'
    """
    strategy, beliefs = _parts(spec, Solved() if solved is None else solved)
    return ScriptedPlayer(f"scripted:{spec}", strategy, beliefs)


def _parts(spec: str, solved: Solved) -> Parts:
    name, *rest = spec.split(":")
    if name == "noisy":
        if len(rest) < 2:
            raise ValueError(f"noisy takes a probability and a player, as in noisy:0.1:level2, got {spec!r}")
        strategy, beliefs = _parts(":".join(rest[1:]), solved)
        return Noisy(strategy, _number(rest[0], spec)), beliefs
    if name.startswith("level") and name[5:].isdecimal():
        name, rest = "level", [name[5:], *rest]
    if name not in RECIPES:
        raise unknown_name("scripted player", name, [*RECIPES, "noisy"])
    recipe = RECIPES[name]
    numbers = tuple(_number(text, spec) for text in rest)
    if recipe.numbers != ("...",) and len(numbers) != len(recipe.numbers):
        wanted = ":".join([name, *recipe.numbers])
        raise ValueError(f"{name} takes {len(recipe.numbers)} numbers, as in {wanted!r}, got {spec!r}")
    return recipe.make(numbers, solved)


def _number(text: str, spec: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number, in {spec!r}") from None


def _count(number: float) -> int:
    if number != int(number):
        raise ValueError(f"a whole number is wanted, got {number:g}")
    return int(number)


def _everywhere(matrix: Strategy, beliefs: Strategy | None, solved: Solved) -> Parts:
    """A way to play matrix games, and what is reasonable in situations of other kinds."""
    moves = None if solved.policy is None else PolicyMoves(solved.policy)
    return ByKind(matrix, DesireSeeker(), CobbDouglas(), moves), beliefs


def _reasoning(reasoner: Reasoner | SolvedProfile | RationalMatrixPlay, solved: Solved) -> Parts:
    return _everywhere(reasoner.strategy, reasoner.beliefs, solved)


def _plain(matrix: Strategy) -> Callable[[Numbers, Solved], Parts]:
    return lambda numbers, solved: _everywhere(matrix, None, solved)


def _level(numbers: Numbers, solved: Solved) -> Parts:
    level = _count(numbers[0])
    return _reasoning(Reasoner(LevelOf(level - 1)), solved) if level else (uniform, uniform)


def _logit_level(numbers: Numbers, solved: Solved) -> Parts:
    respond = Logit(numbers[1])
    return _reasoning(Reasoner(LevelOf(_count(numbers[0]) - 1, respond), respond), solved)


def _pattern_learner(numbers: Numbers, solved: Solved) -> Parts:
    family = partial(standard_family, hazard=numbers[0])
    family(3)  # refuses a hazard that is none
    return _reasoning(Reasoner(PatternLearner(family)), solved)


def _equilibrium(numbers: Numbers, solved: Solved) -> Parts:
    if solved.profile is None:
        raise ValueError("the player equilibrium needs a solver: give Solved(profile=...)")
    return _reasoning(SolvedProfile(solved.profile), solved)


def _rational(numbers: Numbers, solved: Solved) -> Parts:
    if solved.profile is None:
        return _reasoning(RationalMatrixPlay(), solved)
    return _reasoning(RationalMatrixPlay(SolvedProfile(solved.profile)), solved)


RECIPES = MappingProxyType(
    {
        "uniform": Recipe(lambda numbers, solved: (uniform, uniform), (), "every option with equal odds"),
        "rational": Recipe(
            _rational, (), "best by what is told, learnt or solved, in every kind of situation"
        ),
        "equilibrium": Recipe(_equilibrium, (), "its part of an equilibrium, solved elsewhere"),
        "level": Recipe(_level, ("k",), "best response to level k - 1; level 0 is uniform"),
        "maximin": Recipe(_plain(maximin), (), "the action whose worst outcome is best"),
        "maximax": Recipe(_plain(maximax), (), "the action whose best outcome is best"),
        "logit": Recipe(
            lambda numbers, solved: _reasoning(Reasoner(EvenOdds(), Logit(numbers[0])), solved),
            ("precision",),
            "logit response to uniform play",
        ),
        "logit-level": Recipe(_logit_level, ("k", "precision"), "logit response to level k - 1 of the same"),
        "logit-equilibrium": Recipe(
            lambda numbers, solved: _reasoning(SolvedProfile(LogitEquilibrium(numbers[0])), solved),
            ("precision",),
            "its part of a logit equilibrium",
        ),
        "fictitious-play": Recipe(
            lambda numbers, solved: _reasoning(Reasoner(Frequencies()), solved),
            (),
            "best response to the others' past frequencies",
        ),
        "n-gram": Recipe(
            lambda numbers, solved: _reasoning(Reasoner(NGram(_count(numbers[0]))), solved),
            ("order",),
            "best response to what followed the last rounds before",
        ),
        "pattern-learner": Recipe(
            _pattern_learner,
            ("hazard",),
            "best response to the Bayes posterior over patterns of cyclic games; they change at this rate",
        ),
        "tit-for-tat": Recipe(_plain(TitForTat()), (), "kind, then as the other was"),
        "generous": Recipe(
            lambda numbers, solved: _everywhere(TitForTat(numbers[0]), None, solved),
            ("forgiveness",),
            "tit for tat that forgives with a probability",
        ),
        "grim": Recipe(_plain(grim), (), "kind until the other was not"),
        "win-stay-lose-shift": Recipe(_plain(win_stay_lose_shift), (), "the same again after a good payoff"),
        "always-kind": Recipe(_plain(always_kind), (), "kind whatever happens"),
        "always-unkind": Recipe(_plain(always_unkind), (), "never kind"),
        "self-interest": Recipe(
            lambda numbers, solved: (ByKind(allocation=DesireSeeker(listens=False)), None),
            (),
            "divides to its own advantage whatever it is asked to want",
        ),
        "charness-rabin": Recipe(
            lambda numbers, solved: (ByKind(allocation=CharnessRabin(*numbers)), None),
            ("rho", "sigma", "precision"),
            "divides by a mixture of own and other's payoff, with noise",
        ),
        "cobb-douglas": Recipe(
            lambda numbers, solved: (ByKind(bundle=CobbDouglas(numbers)), None),
            ("...",),
            "buys by a Cobb-Douglas utility of these weights, equal ones without",
        ),
    }
)
"""Scripted players by name; ``noisy:PROBABILITY:`` goes before any of them."""
