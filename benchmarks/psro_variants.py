"""Every meta-solver and every variant of PSRO on the same games, over seeds: NashConv against effort.

Effort is counted in iterations, in queries (best responses, and payoffs of profiles of policies, asked of the
full game; solving restricted games is not a query) and in seconds. All runs of a seed start from the same
random pure policies and are judged by the same measure, NashConv in the full game. A run that came to its
end keeps its last value; one that the time limit cut short has none at later iterations.

Each finished cell (game, method, seed) is a file in the output folder, so a killed run loses none and the
next one goes on from there; cells of other limits are computed anew. The numbers do not depend on
``--workers``, but for seconds, and for cells that the time limit cut short.

Prints a table per game: geometric means over seeds of NashConv, with 95% t intervals of the logarithms at the
end of the runs, and the median effort until NashConv is at most 1% of the payoff range. Writes cells.csv (all
traces), summary.json and curves.png beside the cells.
"""

import argparse
import csv
import inspect
import json
import multiprocessing
import os
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # cells share the cores, not the threads of one BLAS

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from games.adapters.open_spiel_tree import compile_open_spiel
from games.errors import SolveError, UnsupportedGameError
from games.extensive.sequence_form import Behavior, SequenceForm
from games.files import atomic_write
from games.normal_form.risk import RiskAversion
from solvers.psro import PSRO, Method, run_psro
from solvers.registry import META_SOLVERS, VARIANTS

GAMES = [
    "kuhn_poker",
    "leduc_poker",
    "liars_dice(numdice=1,dice_sides=4)",
    "goofspiel(num_cards=5,imp_info=True,points_order=descending)",
]
MARKS = (1, 2, 5, 10, 20, 40, 80, 160, 320)
TARGET = 1e-2  # of the payoff range
FLOOR = 1e-10  # of the payoff range: below it, NashConv is rounding, which logarithms must not see


class Cell(NamedTuple):
    """One run."""

    game: str
    method: str
    seed: int
    iterations: int
    time_limit: float

    def file(self, folder: Path) -> Path:
        """Where its result is kept."""
        words = f"{self.game}-{self.method}-{self.seed}-{self.iterations}-{self.time_limit:g}"
        return folder / (re.sub(r"[^A-Za-z0-9.]+", "_", words) + ".json")


def methods() -> list[str]:
    """Variants by their names, meta-solvers with exact best responses as ``psro:NAME``."""
    # With the nash meta-solver that is double_oracle again.
    return [e.name for e in VARIANTS] + [f"psro:{e.name}" for e in META_SOLVERS if e.name != "nash"]


def make_method(name: str) -> Method:
    """The method of a name from ``methods``."""
    if not name.startswith("psro:"):
        method: Method = VARIANTS.get(name).load()()
        return method
    factory = META_SOLVERS.get(name.removeprefix("psro:")).load()
    # At gamma 0 the risk-averse meta-solver seeks a Nash equilibrium of any game.
    risky = "risk" in inspect.signature(factory).parameters
    return PSRO(meta_solver=factory(RiskAversion(0.0)) if risky else factory())


@lru_cache(maxsize=4)
def compiled(game: str) -> SequenceForm:
    """The game; a worker meets the same one many times."""
    return compile_open_spiel(game)


def random_pure(form: SequenceForm, rng: np.random.Generator) -> list[list[Behavior]]:
    """One policy per player that takes one action at every information set, drawn uniformly."""
    policies = []
    for plex in form.treeplexes:
        behavior = np.zeros(plex.num_sequences)
        behavior[0] = 1.0
        behavior[rng.integers(plex.start[:-1], plex.start[1:])] = 1.0
        policies.append([behavior])
    return policies


def run_cell(cell: Cell) -> dict[str, Any]:
    """Compute a cell; what it returns is what is stored."""
    form = compiled(cell.game)
    start, search = np.random.default_rng(cell.seed).spawn(2)
    head = {**cell._asdict(), "payoff_range": form.payoff_range}
    try:
        result = run_psro(
            form,
            make_method(cell.method),
            iterations=cell.iterations,
            time_limit=cell.time_limit,
            rng=search,
            policies=random_pure(form, start),
        )
    except UnsupportedGameError as error:
        return {**head, "status": "unsupported", "reason": str(error)}
    except SolveError as error:
        return {**head, "status": "failed", "reason": str(error)}
    trace = result.unwrap().trace
    return {
        **head,
        "status": str(result.status),
        "certificate": result.certificate.bound if result.certificate else None,
        "nash_conv": trace.nash_conv.tolist(),
        "responses": trace.queries[:, 0].tolist(),
        "payoffs": trace.queries[:, 1].tolist(),
        "seconds": trace.seconds.tolist(),
    }


def warm_up() -> None:
    """Compile every kernel once per process, so that no cell's clock counts it."""
    for name in methods():
        try:
            run_psro(compiled("kuhn_poker"), make_method(name), iterations=2)
        except (UnsupportedGameError, SolveError):
            continue


def compute(cells: Sequence[Cell], folder: Path, workers: int) -> None:
    """Compute the cells that have no file yet."""
    missing = [cell for cell in cells if not cell.file(folder).exists()]
    print(f"{len(cells) - len(missing)} of {len(cells)} cells are there", flush=True)
    if not missing:
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=warm_up) as pool:
        waiting = {pool.submit(run_cell, cell): cell for cell in missing}
        for done, future in enumerate(as_completed(waiting), 1):
            with atomic_write(waiting[future].file(folder)) as file:
                file.write(json.dumps(future.result()).encode())
            if done % 20 == 0 or done == len(missing):
                print(f"  {done} of {len(missing)} computed", flush=True)


class Row(NamedTuple):
    """A method on a game over seeds.

    ``at``: NashConv by mark, geometric mean, NaN where a run was cut short; ``interval``: at the end.
    ``to_target``: medians of iterations, best responses, payoffs and seconds until the target, None where
    most seeds do not reach it.
    """

    method: str
    status: str
    at: list[float]
    interval: tuple[float, float]
    to_target: list[float] | None
    steps: float
    seconds: float


def summarise(method: str, results: list[dict[str, Any]], marks: Sequence[int]) -> Row:
    """Statistics of one method on one game; ``results`` has one entry per seed."""
    broken = [r["status"] for r in results if "nash_conv" not in r]
    if broken:
        return Row(method, broken[0], [], (np.nan, np.nan), None, 0.0, 0.0)
    logs = np.array([[np.log(_at(r, m)) for m in marks] for r in results])
    ends = np.array([np.log(_at(r, len(r["nash_conv"]))) for r in results])
    half = np.nan
    if len(results) > 1:
        spread = ends.std(ddof=1) / np.sqrt(len(results))
        half = float(stats.t.ppf(0.975, len(results) - 1) * spread)
    interval = (float(np.exp(ends.mean() - half)), float(np.exp(ends.mean() + half)))
    efforts = np.array([_effort(r) for r in results])
    medians = np.median(efforts, axis=0)
    words = sorted({r["status"] for r in results})
    return Row(
        method,
        "/".join(words),
        np.exp(logs.mean(axis=0)).tolist(),
        interval,
        medians.tolist() if np.isfinite(medians[0]) else None,
        float(np.median([len(r["nash_conv"]) for r in results])),
        float(np.median([r["seconds"][-1] for r in results])),
    )


def _at(result: dict[str, Any], mark: int) -> float:
    gaps = result["nash_conv"]
    if mark > len(gaps) and result["status"] == "limit":
        return float("nan")
    return float(max(gaps[min(mark, len(gaps)) - 1], FLOOR * result["payoff_range"]))


def _effort(result: dict[str, Any]) -> list[float]:
    small = np.flatnonzero(np.array(result["nash_conv"]) <= TARGET * result["payoff_range"])
    if not small.size:
        return [np.inf] * 4
    k = int(small[0])
    return [k + 1.0, *(float(result[name][k]) for name in ("responses", "payoffs", "seconds"))]


def print_table(game: str, rows: Iterable[Row], marks: Sequence[int]) -> None:
    """One line per method."""
    print(f"\n{game}")
    heads = "".join(f"{f'at {m}':>9}" for m in marks)
    effort = f"{'iters':>7}{'resp.':>8}{'payoffs':>9}{'sec':>8}"
    print(f"{'':<28}{'NashConv, geometric mean':<{9 * len(marks)}}{'':>20}{'  until 1% of the range':<32}")
    print(f"{'method':<28}{heads}{'95% at the end':>20}{effort}{'steps':>7}{'sec':>8}  status")
    for row in rows:
        if not row.at:
            print(f"{row.method:<28}{row.status:>12}")
            continue
        values = "".join(f"{v:>9.1e}" if np.isfinite(v) else f"{'-':>9}" for v in row.at)
        low, high = row.interval
        between = f"{low:.1e}..{high:.1e}" if np.isfinite(low) else "one seed"
        if row.to_target is None:
            until = f"{'-':>7}{'-':>8}{'-':>9}{'-':>8}"
        else:
            iters, responses, payoffs, seconds = row.to_target
            until = f"{iters:>7.0f}{responses:>8.0f}{payoffs:>9.0f}{seconds:>8.2f}"
        print(
            f"{row.method:<28}{values}{between:>20}{until}{row.steps:>7.0f}{row.seconds:>8.2f}  {row.status}"
        )


def write_csv(path: Path, results: Iterable[dict[str, Any]]) -> None:
    """All traces, one line per iteration."""
    columns = ("nash_conv", "responses", "payoffs", "seconds")
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["game", "method", "seed", "status", "iteration", *columns])
        for r in results:
            for k, values in enumerate(zip(*(r.get(c, []) for c in columns), strict=True), 1):
                writer.writerow([r["game"], r["method"], r["seed"], r["status"], k, *values])


def draw(path: Path, results: list[dict[str, Any]], games: Sequence[str], chosen: Sequence[str]) -> None:
    """NashConv against iterations, best responses and seconds; medians over seeds, a row per game."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 3.6 * len(games)), layout="constrained", dpi=130)
    axes = figure.subplots(len(games), 3, sharey="row", squeeze=False)
    for row, game in zip(axes, games, strict=True):
        for k, method in enumerate(chosen):
            runs = [r for r in results if (r["game"], r["method"]) == (game, method) and "nash_conv" in r]
            if not runs:
                continue
            # As far as every run goes; one that came to its end goes on with its last value.
            cut = [len(r["nash_conv"]) for r in runs if r["status"] == "limit"]
            steps = min(cut) if cut else max(len(r["nash_conv"]) for r in runs)
            gaps = np.maximum(_median(runs, "nash_conv", steps), FLOOR * runs[0]["payoff_range"])
            style = "--" if method.startswith("psro:") else "-"
            xs = (
                np.arange(1, steps + 1),
                _median(runs, "responses", steps),
                _median(runs, "seconds", steps),
            )
            for axis, x in zip(row, xs, strict=True):
                axis.plot(x, gaps, style, color=f"C{k % 10}", lw=1.3, label=method)
        for axis, label in zip(row, ("iteration", "best responses", "seconds"), strict=True):
            axis.set(xscale="log", yscale="log", xlabel=label)
            axis.grid(alpha=0.3, which="both", lw=0.4)
        row[0].set_ylabel(f"{game.split('(')[0]}\nNashConv")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=6, frameon=False, fontsize=8)
    figure.savefig(path)


def _median(runs: list[dict[str, Any]], name: str, steps: int) -> NDArray[np.float64]:
    """Median over runs by iteration; a run that has ended keeps its last value."""
    padded = [(r[name] + [r[name][-1]] * steps)[:steps] for r in runs]
    return np.asarray(np.median(np.array(padded, dtype=np.float64), axis=0))


def main() -> None:
    """Compute what is missing, then print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--games", nargs="+", default=GAMES, help="OpenSpiel strings")
    parser.add_argument("--methods", nargs="+", default=methods(), help=f"of: {', '.join(methods())}")
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--iterations", type=int, default=160)
    parser.add_argument("--time-limit", type=float, default=5.0, help="seconds a cell may take")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--out", type=Path, default=Path("results/psro_variants"), help="folder")
    args = parser.parse_args()
    unknown = sorted(set(args.methods) - set(methods()))
    if unknown:
        parser.error(f"unknown methods {', '.join(unknown)}; known: {', '.join(methods())}")
    if min(args.seeds, args.iterations, args.workers) < 1:
        parser.error("seeds, iterations and workers must be at least 1")
    args.out.mkdir(parents=True, exist_ok=True)
    # Seeds outermost: a run that is cut short has compared all methods on some seeds.
    cells = [
        Cell(game, method, seed, args.iterations, args.time_limit)
        for seed in range(args.seeds)
        for game in args.games
        for method in args.methods
    ]
    compute(cells, args.out, args.workers)
    results = [json.loads(cell.file(args.out).read_text()) for cell in cells]
    marks = [m for m in MARKS if m <= args.iterations]
    summary = {}
    for game in args.games:
        rows = [
            summarise(m, [r for r in results if (r["game"], r["method"]) == (game, m)], marks)
            for m in args.methods
        ]
        print_table(game, rows, marks)
        summary[game] = [row._asdict() for row in rows]
    # Intervals of one seed are NaN, which JSON has no word for.
    text = json.dumps({"marks": marks, "target": TARGET, "games": summary}, indent=1).replace("NaN", "null")
    (args.out / "summary.json").write_text(text)
    write_csv(args.out / "cells.csv", results)
    draw(args.out / "curves.png", results, args.games, args.methods)
    print(f"\nwritten to {args.out}: cells.csv, summary.json, curves.png")


if __name__ == "__main__":
    main()
