"""Crashes of drivers found by search in highway-env: RAE-PSRO against its risk-neutral kin.

    python benchmarks/highway.py --workers 2 --out results/highway

Needs ``pip install counterplay[driving]``, and some ten minutes on two free cores; it is not part of ``make
bench``. The version of highway-env is printed and stored, as its traffic differs between versions.

A second of simulation costs milliseconds, so nobody learns a network here: oracles search among eight
parameterised drivers (``marl.policies.highway_drivers.TRAINING_DRIVERS``) by sequential halving. These do not
slip, and all chance of the simulator is in its start, so an episode is a function of both drivers and the
start: every pair is simulated once on each of ``TRAINING_ROADS`` starts, and all training reads from there.

Trained: each method for ``--seeds`` seeds by ``run_sampled_psro``, on starts drawn from those. Every seed
draws ``STARTS`` different drivers per car; all methods of a seed begin with them, and have the same budgets.
What a run leaves is a pair of weights over the training drivers.

Met, on starts that no training has seen: (own) the partner of the own run; (cross) partners of the same
method from the other seeds; (held-out) five drivers with other numbers, among them a slow, a reckless and a
random one, at equal weight, that nobody trained with. The seat changes every episode, policies are drawn, and
all methods meet the same draws. Crash rates come with Wilson intervals at 95%: they speak of the drivers at
hand; the range over seeds shows how much the beginning matters.

RAE prices variance, that of chance within the cells too, and believes in trembles, in its oracle over the
training drivers and in its meta-solver over the population. "neutral, tremble" has the trembles without the
price. Aversion and tremble were chosen by ``--tune --seeds 20``, on other seeds that are not reported: the
least crash rate of the drivers among uniformly drawn training drivers, on the training starts. The held-out
drivers and the starts of the judgement took no part. Cells that are done are read from ``--out``.
"""

import argparse
import hashlib
import itertools
import json
import multiprocessing
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.driving.highway import HighwayMerge, HighwayState
from games.empirical import RiskSource
from games.files import atomic_write
from games.normal_form.risk import RiskAversion
from marl.oracles import CandidateResponse
from marl.policies import Policy, TabularPolicy
from marl.policies.highway_drivers import HELD_OUT_DRIVERS, TRAINING_DRIVERS
from marl.rollouts import draw_action, summarise_outcomes
from solvers.psro import (
    EmpiricalMetaSolver,
    EmpiricalRiskMetaSolver,
    LastPoliciesMetaSolver,
    MetaSolver,
    RiskAverseMetaSolver,
    UniformAllocation,
    UniformMetaSolver,
    run_sampled_psro,
)
from solvers.report.driving import SafetyPoint, plot_safety

HORIZON, TRAFFIC, CRASH = 11, 1, -30.0
TRAINING_ROADS = 100
STARTS, ITERATIONS, SEARCH, CELL = 2, 4, 960, 100  # episodes of a search and of a cell
LEVEL = 0.05
FIRST_SEED, FIRST_TUNING_SEED = 0, 1_000
AVERSION, TREMBLE = 0.1, 0.2  # chosen by --tune; the aversion is in units of one over payoff
POOL, HELD_OUT = tuple(TRAINING_DRIVERS.values()), tuple(HELD_OUT_DRIVERS.values())
GROUPS = ("own", "cross", "held-out")
FloatArray = NDArray[np.float64]
Pair = tuple[FloatArray, FloatArray]
"""Weights of the drivers of the main car and of the ramp car."""
Mapper = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


def road() -> HighwayMerge:
    """The road of this benchmark."""
    return HighwayMerge(horizon=HORIZON, traffic=TRAFFIC, crash_payoff=CRASH)


def stored(folder: Path, settings: str, make: Callable[[], Any]) -> Any:
    """What ``make`` gives, read where it has been made before with the same settings."""
    path = folder / f"{hashlib.sha256(settings.encode()).hexdigest()[:16]}.json"
    if path.exists():
        return json.loads(path.read_text())["found"]
    found = make()
    with atomic_write(path) as file:
        file.write(json.dumps({"settings": settings, "found": found}).encode())
    return found


def drive(
    game: HighwayMerge, state: HighwayState, drivers: Sequence[Policy[Any]], rng: np.random.Generator
) -> tuple[list[float], bool]:
    """Returns and whether there was a crash, from a start to the end."""
    while movers := game.to_move(state):
        joint = {i: draw_action(drivers[i].probabilities(game, state, i), i, rng) for i in movers}
        state = game.step(state, joint, rng)
    return game.returns(state).tolist(), game.crashed(state)


def pairs_on(folder: Path, start: int) -> list[tuple[list[float], bool]]:
    """What every pair of training drivers comes to on one training start, in the order of the pairs."""
    game = road()

    def make() -> list[tuple[list[float], bool]]:
        rng = np.random.default_rng([1, start])
        state = game.initial(rng)
        return [drive(game, state, pair, rng) for pair in itertools.product(POOL, POOL)]

    found: list[tuple[list[float], bool]] = stored(folder, f"{game.name}; {POOL!r}; start {start}", make)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The game of choosing drivers: a start is drawn, both cars choose, and the drivers drive.

    Attributes:
        name: of the road.
        table: returns by start, driver of the main car, of the ramp car, and car.
        crashed: by start and drivers.
        payoff_bounds: of the road.
    """

    name: str
    table: FloatArray
    crashed: NDArray[np.bool_]
    payoff_bounds: tuple[float, float]
    num_players: int = 2

    def num_actions(self, player: int) -> int:
        """The training drivers."""
        return len(POOL)

    def observation_shape(self, player: int) -> tuple[int, ...]:
        """Whether the choice has been made."""
        return (1,)

    def initial(self, rng: np.random.Generator) -> tuple[int, ...]:
        """The start."""
        return (int(rng.integers(len(self.table))),)

    def to_move(self, state: tuple[int, ...]) -> Sequence[int]:
        """Both, once."""
        return (0, 1) if len(state) == 1 else ()

    def legal_mask(self, state: tuple[int, ...], player: int) -> NDArray[np.bool_]:
        """All drivers."""
        return np.full(len(POOL), len(state) == 1)

    def observe(self, state: tuple[int, ...], player: int) -> NDArray[np.float32]:
        """Nothing of the start."""
        return np.array([len(state) > 1], dtype=np.float32)

    def step(
        self, state: tuple[int, ...], joint: Mapping[int, int], rng: np.random.Generator
    ) -> tuple[int, ...]:
        """Drive."""
        return (*state, joint[0], joint[1])

    def returns(self, state: tuple[int, ...]) -> FloatArray:
        """What the cars have earned."""
        return self.table[state].copy() if len(state) == 3 else np.zeros(2)

    def describe(self, state: tuple[int, ...]) -> str:
        """The start and who drives."""
        names = [list(TRAINING_DRIVERS)[k] for k in state[1:]]
        return f"start {state[0]}: {' meets '.join(names) or 'drivers not chosen yet'}"


def choice(folder: Path, mapper: Mapper) -> Choice:
    """The game on the training starts."""
    game, size = road(), len(POOL)
    ends = [end for found in mapper(partial(pairs_on, folder), range(TRAINING_ROADS)) for end in found]
    table = np.array([returns for returns, _ in ends]).reshape(TRAINING_ROADS, size, size, 2)
    crashed = np.array([crash for _, crash in ends]).reshape(TRAINING_ROADS, size, size)
    return Choice(game.name, table, crashed, game.payoff_bounds)


@dataclass(frozen=True, slots=True)
class Method:
    """A meta-solver, and the price of variance and the tremble of its oracle."""

    meta_solver: MetaSolver | EmpiricalMetaSolver
    aversion: float = 0.0
    tremble: float = 0.0


def averse(aversion: float, tremble: float) -> Method:
    """Aversion and tremble in the oracle and in the meta-solver."""
    risk = RiskAversion(aversion, tremble=tremble)
    return Method(EmpiricalRiskMetaSolver(risk, RiskSource.BOTH), aversion, tremble)


RAE = "RAE-PSRO"
METHODS = {
    RAE: averse(AVERSION, TREMBLE),
    "PSRO-Nash": Method(RiskAverseMetaSolver(RiskAversion(0.0))),
    "PSRO-uniform": Method(UniformMetaSolver()),
    "self-play": Method(LastPoliciesMetaSolver(1)),
    f"neutral, tremble {TREMBLE:g}": averse(0.0, TREMBLE),
}


def train(game: Choice, method: Method, seed: int) -> Pair:
    """The drivers of one method and seed."""
    key = game.observe((0,), 0).tobytes()
    pool = tuple(TabularPolicy({key: row}) for row in np.eye(len(POOL)))
    oracle = CandidateResponse(pool, method.aversion, SEARCH, method.tremble, evaluation=2)
    rng = np.random.default_rng(seed)
    starts = [rng.choice(len(POOL), STARTS, replace=False) for _ in (0, 1)]
    solution = run_sampled_psro(
        game,
        oracle=oracle,
        meta_solver=method.meta_solver,
        allocation=UniformAllocation(CELL),
        iterations=ITERATIONS,
        verification=2,
        policies=[[oracle.unpack({"index": np.array([k])}) for k in drawn] for drawn in starts],
        rng=rng,
    ).unwrap()
    weights = np.zeros((2, len(POOL)))
    for car, (group, mixture) in enumerate(zip(solution.policies, solution.profile, strict=True)):
        np.add.at(weights[car], [int(oracle.pack(p)["index"][0]) for p in group], mixture)
    return weights[0], weights[1]


@dataclass(frozen=True, slots=True)
class Meeting:
    """Episodes of one seed in one group, of all methods side by side.

    Attributes:
        mine: per method the weights of training drivers, by car.
        met: per method who is met, by car; of held-out drivers in that group.
        group: the group.
        seed: of the training.
        episodes: how many.
    """

    mine: list[list[list[float]]]
    met: list[list[list[float]]]
    group: str
    seed: int
    episodes: int


def meet(folder: Path, meeting: Meeting) -> list[list[tuple[float, bool]]]:
    """Return of the own driver and whether there was a crash, by method and episode."""
    game = road()
    pool = HELD_OUT if meeting.group == "held-out" else POOL
    settings = f"{game.name}; {POOL!r}; {HELD_OUT!r}; {meeting!r}"

    def make() -> list[list[tuple[float, bool]]]:
        found: list[list[tuple[float, bool]]] = [[] for _ in meeting.mine]
        for k in range(meeting.episodes):
            draws = np.random.default_rng([2, meeting.seed, GROUPS.index(meeting.group), k])
            state, points, own = game.initial(draws), draws.random(2), k % 2
            slips = int(draws.integers(2**63))
            ends: dict[tuple[int, int], tuple[list[float], bool]] = {}  # the same for the same drivers
            for mine, met, episodes in zip(meeting.mine, meeting.met, found, strict=True):
                pair = _at(mine[own], points[0]), _at(met[1 - own], points[1])
                if pair not in ends:
                    drivers = POOL[pair[0]], pool[pair[1]]
                    rng = np.random.default_rng(slips)
                    ends[pair] = drive(game, state, drivers if own == 0 else drivers[::-1], rng)
                returns, crashed = ends[pair]
                episodes.append((returns[own], crashed))
        return found

    cells: list[list[tuple[float, bool]]] = stored(folder, settings, make)
    return cells


def _at(weights: Sequence[float], point: float) -> int:
    """The entry at a share of the cumulative weights."""
    cumulative = np.cumsum(weights)
    return int(cumulative.searchsorted(point * cumulative[-1], side="right"))


def meetings(runs: Sequence[Sequence[Pair]], episodes: int) -> list[Meeting]:
    """By group and seed; ``runs`` by seed and method.

    Partners drawn from several runs are a draw from the mean of their weights.
    """
    weights = np.array(runs)  # seeds, methods, cars, drivers
    others = (weights.sum(axis=0) - weights) / (len(weights) - 1)
    strangers = np.full((*weights.shape[:-1], len(HELD_OUT)), 1.0 / len(HELD_OUT))
    by_group = dict(zip(GROUPS, (weights, others, strangers), strict=True))
    return [
        Meeting(weights[k].tolist(), by_group[group][k].tolist(), group, FIRST_SEED + k, episodes)
        for group in GROUPS
        for k in range(len(weights))
    ]


def tune(game: Choice, seeds: int) -> None:
    """Print how aversion and tremble do on the tuning seeds, among training drivers."""
    print(f"{game.name}: {seeds} tuning seeds\naversion tremble   mean  crash rate")
    even = np.full(len(POOL), 1.0 / len(POOL))
    crashed, payoffs = game.crashed.mean(axis=0), game.table.mean(axis=0)
    for aversion, tremble in itertools.product((0.0, 0.01, 0.03, 0.1, 0.3), (0.0, 0.2, 0.5)):
        runs = [train(game, averse(aversion, tremble), FIRST_TUNING_SEED + k) for k in range(seeds)]
        main, ramp = np.mean(runs, axis=0)
        crash = (main @ crashed @ even + even @ crashed @ ramp) / 2
        mean = (main @ payoffs[..., 0] @ even + even @ payoffs[..., 1] @ ramp) / 2
        print(f"{aversion:>8g}{tremble:>8g}{mean:>7.2f}{crash:>12.4f}")


def report(game: Choice, folder: Path, out: Path, mapper: Mapper, seeds: int, episodes: int) -> None:
    """Train, play, print, draw."""
    version = road().version
    runs = [[train(game, method, FIRST_SEED + k) for method in METHODS.values()] for k in range(seeds)]
    played = list(mapper(partial(meet, folder), meetings(runs, episodes)))
    rows: dict[str, dict[str, Any]] = {label: {} for label in METHODS}
    print(f"highway-env {version}: {game.name}, {seeds} seeds, {episodes} episodes per seed and row")
    print(
        f"{'method':<21}{'met':<10}{'mean':>7}{'variance':>10}{'CVaR 5%':>9}{'crash rate, Wilson 95%':>27}"
        f"{'over seeds':>15}"
    )
    for column, label in enumerate(METHODS):
        for k, group in enumerate(GROUPS):
            row = summary([cells[column] for cells in played[k * seeds : (k + 1) * seeds]])
            rows[label][group] = row
            print(_line(label, group, row))
    print("mean weights of the training drivers: " + "; ".join(TRAINING_DRIVERS))
    for label, pair in zip(METHODS, np.mean(runs, axis=0), strict=True):
        shares = [" ".join(f"{w:.2f}" for w in car) for car in pair]
        print(f"{label:<21}main {shares[0]}   ramp {shares[1]}")
    found = {
        "highway_env": version,
        "game": game.name,
        "settings": {
            "training starts": TRAINING_ROADS,
            "starting drivers": STARTS,
            "iterations": ITERATIONS,
            "episodes of a search": SEARCH,
            "episodes of a cell": CELL,
            "aversion": AVERSION,
            "tremble": TREMBLE,
        },
        "weights, by seed, method and car": np.array(runs).tolist(),
        "rows": rows,
    }
    with atomic_write(out / "highway.json") as file:
        file.write(json.dumps(found, indent=1).encode())
    panels = [(group, [_point(label, rows[label][group]) for label in METHODS]) for group in GROUPS]
    title = (
        f"two cars merging in highway-env {version}, by who is met; "
        "lines: range of the mean over seeds, Wilson 95% of the crash rate"
    )
    plot_safety(panels, title=title, floor=1e-2).savefig(out / "safety.png")
    print(f"\n{out / 'highway.json'}, {out / 'safety.png'}")


def summary(cells: Sequence[Sequence[tuple[float, bool]]]) -> dict[str, Any]:
    """Figures of all seeds together and of each."""
    returns = np.array([[value for value, _ in cell] for cell in cells])
    crashed = np.array([[crash for _, crash in cell] for cell in cells])
    return asdict(summarise_outcomes(returns.ravel(), crashed.ravel(), level=LEVEL)) | {
        "mean_by_seed": returns.mean(axis=1).tolist(),
        "crash_by_seed": crashed.mean(axis=1).tolist(),
    }


def _line(label: str, group: str, row: dict[str, Any]) -> str:
    seeds, rate = row["crash_by_seed"], row["crashes"]
    return (
        f"{label:<21}{group:<10}{row['mean']:>7.2f}{row['variance']:>10.1f}{row['cvar']:>9.2f}"
        f"{rate['events'] / rate['episodes']:>11.3f} [{rate['low']:.3f}, {rate['high']:.3f}]"
        f"{f'{min(seeds):.2f}..{max(seeds):.2f}':>15}"
    )


def _point(label: str, row: dict[str, Any]) -> SafetyPoint:
    means, rate = row["mean_by_seed"], row["crashes"]
    share = rate["events"] / rate["episodes"]
    return SafetyPoint(label, row["mean"], (min(means), max(means)), share, (rate["low"], rate["high"]))


def main() -> None:
    """Report, or tune."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10, help="at least 2, as cross-play needs others")
    parser.add_argument("--episodes", type=int, default=100, help="played forward per seed and row")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--out", type=Path, default=Path("results/highway"))
    parser.add_argument("--tune", action="store_true", help="only try risk aversions, on the tuning seeds")
    args = parser.parse_args()
    folder = args.out / "cells"
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(args.workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        game = choice(folder, pool.map)
        if args.tune:
            tune(game, args.seeds)
        else:
            report(game, folder, args.out, pool.map, args.seeds, args.episodes)


if __name__ == "__main__":
    main()
