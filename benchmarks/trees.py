"""Regret minimisation on trees: seconds to a given exploitability, against OpenSpiel's C++ and LiteEFG.

Run ``python benchmarks/trees.py`` (``--limit`` sets the seconds each solver may iterate, ``--games`` picks
some of the games). All solvers of a game take short turns in one process, so a busy machine slows all of them
alike. The clock runs while they iterate; building and measuring do not count, building is shown beside.
Exploitability is NashConv / 2 as a share of the payoff range, of the averages of each method. Ours and
OpenSpiel's are measured by ``games``, LiteEFG's by itself, which agrees with ``games`` on uniform play.

A peer that did not come to a target within the limit counts with its limit: its ratio is marked ">" and what
it had reached stands beside. LiteEFG is left out where it is not installed. Set OMP_NUM_THREADS=1.
"""

import argparse
import contextlib
import io
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import pyspiel

from games.adapters.open_spiel_policy import from_open_spiel_policy
from games.adapters.open_spiel_tree import compile_open_spiel
from games.extensive import SequenceForm, exploitability, uniform_behaviors
from solvers.trees import CFR, CFRPlus, CFRRun, Discounted, PredictiveDiscounted, PredictivePlus, Variant
from solvers.trees.layout import lay_out

GAMES = {
    "kuhn": "kuhn_poker",
    "leduc": "leduc_poker",
    "dice5": "liars_dice(numdice=1,dice_sides=5)",
    "dice6": "liars_dice(numdice=1,dice_sides=6)",
    "goofspiel5": "goofspiel(num_cards=5,imp_info=True,points_order=descending)",
    "leduc6": "universal_poker(betting=limit,numPlayers=2,numRounds=2,blind=1 1,raiseSize=2 4,"
    "firstPlayer=1 1,maxRaises=2 2,numSuits=2,numRanks=6,numHoleCards=1,numBoardCards=0 1)",
}
TARGETS = (1e-2, 1e-3, 1e-4)
TURN = 0.25  # seconds
GROWTH = 1.05  # distance of measurements

# Ours, and the peers that iterate by the same rule.
RIVALS = {
    "cfr": ("OpenSpiel CFR", "OpenSpiel CFR, cached", "LiteEFG CFR"),
    "cfr_plus": ("OpenSpiel CFR+", "OpenSpiel CFR+, cached", "LiteEFG CFR+"),
    "dcfr": ("LiteEFG DCFR",),
    "pcfr_plus": ("LiteEFG PCFR+",),
}


class Method(Protocol):
    """Something that iterates and can be measured."""

    def advance(self, count: int) -> None:
        """Take so many iterations."""

    def measure(self) -> float:
        """Exploitability of the averages, in payoff units."""


class Ours:
    """A variant of ours."""

    def __init__(self, form: SequenceForm, variant: Variant) -> None:
        self._form, self._run = form, CFRRun(form, variant)

    def advance(self, count: int) -> None:
        """See ``Method``."""
        self._run.advance(count)

    def measure(self) -> float:
        """See ``Method``."""
        return exploitability(self._form, self._run.state().average(self._form))


class OpenSpiel:
    """A C++ solver of OpenSpiel."""

    def __init__(self, form: SequenceForm, solver: pyspiel.CFRSolver | pyspiel.CFRPlusSolver) -> None:
        self._form, self._solver = form, solver

    def advance(self, count: int) -> None:
        """See ``Method``."""
        for _ in range(count):
            self._solver.evaluate_and_update_policy()

    def measure(self) -> float:
        """See ``Method``."""
        return exploitability(
            self._form, from_open_spiel_policy(self._form, self._solver.tabular_average_policy())
        )


class LiteEFG:
    """A baseline of LiteEFG, driven as its own training script does."""

    def __init__(self, game: pyspiel.Game, module: str, kind: str) -> None:
        import importlib

        import LiteEFG

        with contextlib.redirect_stdout(io.StringIO()):
            self._graph = importlib.import_module(f"LiteEFG.baselines.{module}").graph()
            self._env = LiteEFG.OpenSpielEnv(game, traverse_type="Enumerate", regenerate=False)
        self._env.set_graph(self._graph)
        # DCFR averages by itself.
        self._kind = "last-iterate" if module == "DCFR" else kind
        self._shown = ("average-iterate",) if module == "DCFR" else ()

    def agree(self, form: SequenceForm) -> None:
        """Refuse to go on where LiteEFG measures something else than ``games``; spoils the averages."""
        self._env.update_strategy(self._graph.current_strategy())
        theirs = sum(self._env.exploitability(self._graph.current_strategy(), "last-iterate")) / 2
        if not math.isclose(theirs, exploitability(form, uniform_behaviors(form)), rel_tol=1e-6):
            raise RuntimeError(
                f"LiteEFG finds an exploitability of {theirs} for uniform play, games another one"
            )

    def advance(self, count: int) -> None:
        """See ``Method``."""
        for _ in range(count):
            self._graph.update_graph(self._env)
            self._env.update_strategy(self._graph.current_strategy(*self._shown))

    def measure(self) -> float:
        """See ``Method``."""
        return sum(self._env.exploitability(self._graph.current_strategy(*self._shown), self._kind)) / 2


@dataclass(slots=True)
class Race:
    """A method on its way: iterations and seconds so far, and when it came to each target."""

    method: Method
    build: float
    unit: float
    limit: float
    done: int = 0
    seconds: float = 0.0
    reached: float = math.inf
    arrived: dict[float, float] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        """Whether all targets are met or the time is up."""
        return len(self.arrived) == len(TARGETS) or self.seconds >= self.limit

    def turn(self) -> None:
        """Iterate for a turn; measure at growing distances, and at the end."""
        begun = self.seconds
        while not self.over and self.seconds - begun < TURN:
            count = max(1, math.ceil(self.done * (GROWTH - 1.0)))
            start = time.perf_counter()
            self.method.advance(count)
            self.seconds += time.perf_counter() - start
            self.done += count
            self.reached = self.method.measure() / self.unit
            for target in TARGETS:
                if self.reached <= target:
                    self.arrived.setdefault(target, self.seconds)


def starters(form: SequenceForm, game: pyspiel.Game) -> dict[str, Callable[[], Method]]:
    """Every method, not yet built."""
    ours = [CFR(), CFRPlus(), Discounted(), PredictivePlus(), PredictiveDiscounted()]
    found: dict[str, Callable[[], Method]] = {v.name: lambda v=v: Ours(form, v) for v in ours}
    for rule, solver in (("CFR", pyspiel.CFRSolver), ("CFR+", pyspiel.CFRPlusSolver)):
        found[f"OpenSpiel {rule}"] = lambda solver=solver: OpenSpiel(form, solver(game))
        found[f"OpenSpiel {rule}, cached"] = lambda solver=solver: OpenSpiel(
            form, solver(pyspiel.convert_to_cached_tree(game))
        )
    try:
        import LiteEFG as peer  # noqa: F401
    except ImportError:
        return found
    LiteEFG(game, "CFR", "").agree(form)
    for rule, module, kind in (
        ("CFR", "CFR", "avg-iterate"),
        ("CFR+", "CFRplus", "linear-avg-iterate"),
        ("DCFR", "DCFR", ""),
        ("PCFR+", "PCFR", "linear-avg-iterate"),
    ):
        found[f"LiteEFG {rule}"] = lambda module=module, kind=kind: LiteEFG(game, module, kind)
    return found


def run(name: str, limit: float) -> None:
    """Race on one game and print its tables."""
    game = pyspiel.load_game_as_turn_based(GAMES[name])
    start = time.perf_counter()
    form = compile_open_spiel(game)
    flatten = time.perf_counter() - start
    start = time.perf_counter()
    lay_out(form)
    arrange = time.perf_counter() - start
    infosets = sum(t.num_infosets for t in form.treeplexes)
    print(f"\n{name}: {infosets} information sets, {form.weight.size} entries")
    print(f"flattened in {flatten:.3f} s, laid out in {arrange:.3f} s")
    races = {}
    for label, build in starters(form, game).items():
        start = time.perf_counter()
        method = build()
        races[label] = Race(method, time.perf_counter() - start, form.payoff_range, limit)
    while not all(race.over for race in races.values()):
        for race in races.values():
            race.turn()
    heads = "".join(f"{f's to {t:.0e}':>12}" for t in TARGETS)
    print(f"{'solver':<24}{'build s':>9}{'it/s':>12}{heads}{'reached':>10}{'in s':>8}")
    for label, race in races.items():
        times = "".join(f"{race.arrived[t]:>12.4f}" if t in race.arrived else f"{'-':>12}" for t in TARGETS)
        print(
            f"{label:<24}{race.build:>9.3f}{race.done / race.seconds:>12.0f}{times}"
            f"{race.reached:>10.1e}{race.seconds:>8.2f}"
        )
    ratios = [(own, rival) for own, rivals in RIVALS.items() for rival in rivals if rival in races]
    best = min(
        RIVALS.keys() | {"pdcfr_plus"},
        key=lambda own: [races[own].arrived.get(t, math.inf) for t in TARGETS[::-1]],
    )
    ratios += [(best, rival) for rival in races if rival[0].isupper() and (best, rival) not in ratios]
    print(f"{'ratio of seconds':<46}{'per it.':>9}" + "".join(f"{f'to {t:.0e}':>24}" for t in TARGETS))
    for own, rival in ratios:
        pace = races[own].done / races[own].seconds * races[rival].seconds / races[rival].done
        words = "".join(f"{ratio(races[own], races[rival], t):>24}" for t in TARGETS)
        print(f"{own + ' / ' + rival:<46}{pace:>8.0f}x{words}")


def ratio(own: Race, rival: Race, target: float) -> str:
    """How much sooner ours was at a target."""
    if target not in own.arrived:
        return f"ours at {own.reached:.1e}"
    if target in rival.arrived:
        return f"{rival.arrived[target] / own.arrived[target]:.0f}x"
    return f">{rival.seconds / own.arrived[target]:.0f}x (at {rival.reached:.1e})"


def main() -> None:
    """Print one pair of tables per game."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--limit", type=float, default=20.0, help="seconds each solver may iterate on a game")
    parser.add_argument("--games", nargs="+", choices=list(GAMES), default=list(GAMES))
    arguments = parser.parse_args()
    CFRRun(compile_open_spiel("kuhn_poker"), CFR()).advance(1)  # compiles
    for name in arguments.games:
        run(name, arguments.limit)


if __name__ == "__main__":
    main()
