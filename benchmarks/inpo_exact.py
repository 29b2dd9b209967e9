"""Self-play on preference games with known equilibria: gaps and rounds of methods, one call for a batch.

    python benchmarks/inpo_exact.py --plots results/inpo_exact

Testbeds. A: the three responses of Liu et al. (2024). B: ten random games of ten responses, reference logits
N(0, 1), as in the simulations of Zhou et al. (2025), at their weights and numbers of rounds; all take the
steps that their gradient steps on the squared loss amount to, EGPO also its automatic one; at tau = 0.01
INPO's step lies so near its bound that other draws of the games move its median from 1e-11 to 3e-2. B', with
--simulations SHARE: networks and sampled pairs, by gradient descent itself (``inpo_simulations``), for that
share of the published rounds; all of them take six minutes. C: random games of 10 and 100 responses at tau =
0.01, 3,000 rounds. D: 1,000 contexts of 50 responses in one call, on one and on two threads, against a loop
of calls, interleaved. Figures are medians over games; gaps are computed by ``games``. In brackets: what an
independent calculation gave before this solver was written, where there is one.
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from inpo_simulations import SIMULATIONS, Method, simulate

from games.preference import PreferenceGame, comal_testbed, original_gap, random_preferences
from solvers.inpo import (
    ConstantStep,
    PreferenceMethod,
    ResetEvery,
    TheoryStep,
    UnstableStepWarning,
    comal,
    egpo,
    exact_nash,
    inpo,
    iterative_dpo,
    mnpo,
    mpo,
    nash_md,
    online_ipo,
    onpo,
    solve_preference,
    sppo,
    stability_bound,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = tuple[str, PreferenceGame, PreferenceMethod, str]
Curves = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""Rounds, and a gap at each."""


def _testbed_a() -> list[Row]:
    """Name, game, method, and the expected gaps after 10, 100, 1,000 and 10,000 rounds."""
    plain, regular, small = (comal_testbed(tau=tau) for tau in (0.0, 0.1, 0.01))
    reset_100, reset_10 = ResetEvery(100), ResetEvery(10)
    two = ConstantStep(2.0)
    return [
        ("iterative DPO beta 2", plain, iterative_dpo(two), "published: does not converge"),
        ("SPPO, iterative IPO eta 2", plain, sppo(two), ".15 .23 .31 .80 | .004"),
        ("INPO tau .1 eta .5", regular, inpo(ConstantStep(0.5)), ".0588 at the end"),
        ("INPO tau .1 eta 2", regular, inpo(two), ".0588 at the end"),
        ("INPO tau .1 automatic", regular, inpo(), ".0588 at the end"),
        ("INPO tau .01 eta .03", small, inpo(ConstantStep(0.03)), ".80, circles"),
        ("INPO tau .01 falling", small, inpo(TheoryStep()), ".79 .49 .24 .0045"),
        ("Nash-MD tau .1 eta 2", regular, nash_md(two), ""),
        ("MNPO tau .1 eta 2", regular, mnpo(two), ""),
        ("ONPO eta 2", plain, onpo(two), ".12 .18 1e-3 4e-16"),
        ("ONPO eta 8", plain, onpo(ConstantStep(8.0)), "1e-2 at the end"),
        ("ONPO automatic", plain, onpo(), ""),
        ("EGPO automatic", plain, egpo(), ""),
        ("MPO every 100", plain, mpo(), ""),
        ("COMAL eta 2 every 100", plain, comal(two, reset=reset_100), "5e-5 at 1,000, then 4e-16"),
        ("COMAL eta 2 every 10", plain, comal(two, reset=reset_10), "4e-11 at the end"),
        ("COMAL tau .01 eta 2", plain, comal(two, weight=0.01, reset=reset_100), ".8, circles"),
        ("COMAL automatic", plain, comal(), ""),
    ]


def run_a(rounds: int) -> Curves:
    """Original gaps after 10, 100, ... rounds, and that of the average."""
    marks = [10**k for k in range(1, 8) if 10**k <= rounds]
    print(f"A. original gap after {', '.join(map(str, marks))} rounds | of the average [expected]")
    curves = {}
    for name, game, method, expected in _testbed_a():
        found = solve_preference(game, method, rounds=rounds, tol=0.0).unwrap()
        trace = found.trace
        # A run that has come to rest to the last digit keeps its gap.
        gaps = [float(trace.original_gaps[trace.rounds <= mark][-1]) for mark in marks]
        average = original_gap(game, found.average)
        told = f" [{expected}]" if expected else ""
        print(f"   {name:26}", *(f"{gap:8.1e}" for gap in gaps), f"| {average:8.1e}{told}")
        curves[name] = (trace.rounds, trace.original_gaps)
    return curves


_PUBLISHED_B = (
    # weight, rounds, learning rate, expected medians of INPO, online IPO, Nash-MD, EGPO
    (0.1, 1_000, 0.1, ("0", "2e-9", "3e-5", "0")),
    (0.01, 5_000, 0.02, ("1e-12", ".064", "8e-5", "0")),
    (0.001, 100_000, 2e-4, (".13", ".58", ".13", "2e-9")),
)


def run_b(seed: int) -> dict[str, Curves]:
    """Median regularised gaps at the published weights and numbers of rounds."""
    print("B. regularised gap, median of 10 games [expected]")
    panels: dict[str, Curves] = {}
    for tau, rounds, rate, expected in _PUBLISHED_B:
        game = _games(10, 10, tau, seed)
        # Ten responses; a step of gradient descent of this rate weighs the target by 4 rate / n.
        eta = max(tau / (4.0 * rate / 10.0), tau)
        row = {
            "INPO": inpo(ConstantStep(eta)),
            "online IPO": online_ipo(ConstantStep(tau), rate=4.0 * rate),
            "Nash-MD": nash_md(ConstantStep(eta)),
            "EGPO": egpo(ConstantStep(eta)),
            "EGPO automatic": egpo(),
        }
        stable = int(np.count_nonzero(stability_bound(game, exact_nash(game).unwrap()) < eta))
        curves, told = {}, []
        for number, (name, method) in enumerate(row.items()):
            found = solve_preference(game, method, rounds=rounds, tol=1e-20).unwrap()
            curves[name] = (found.trace.rounds, np.median(found.trace.gaps, axis=1))
            note = f" [{expected[number]}]" if number < len(expected) else ""
            told.append(f"{name} {np.median(found.last_gap):.0e}{note}")
        print(f"   tau {tau:<6} {rounds:>6} rounds, INPO stable in {stable} games: ", ", ".join(told))
        panels[f"table, exact, tau {tau:g}"] = curves
    return panels


def run_simulations(seed: int, share: float) -> dict[str, Curves]:
    """Median regularised gaps of networks and of learning from sampled pairs."""
    import torch

    torch.set_num_threads(1)  # networks of width ten
    print(f"B'. regularised gap, median of 10 games, {share:g} of the published rounds")
    panels: dict[str, Curves] = {}
    for simulation in SIMULATIONS:
        curves = {}
        for method in Method:
            rounds, gaps = simulate(simulation, method, seed=seed, scale=share)
            curves[method.value] = (rounds, np.median(gaps, axis=1))
        start = next(iter(curves.values()))[1][0]
        told = ", ".join(f"{name} {gaps[-1]:.1e}" for name, (_, gaps) in curves.items())
        print(f"   {simulation.name:16} beta {simulation.beta:g}: from {start:.1e} to {told}")
        panels[f"{simulation.name}, tau {simulation.beta:g}"] = curves
    return panels


def run_c(seed: int) -> dict[str, Curves]:
    """Median gaps of random games after 3,000 rounds, and rounds to a distance of 1e-8."""
    panels: dict[str, Curves] = {}
    for n, of_nash, expected in (
        (10, ".015", (".70", "9e-10", "", "1e-5", "1e-15", "2e-3", "", "1e-4", "")),
        (100, ".041", (".83", "6e-13", "", "4e-6", "4e-15", "9e-2", "", "6e-2", "")),
    ):
        game = _games(10, n, 0.01, seed)
        plain = game.with_tau(0.0)
        nash = exact_nash(game).unwrap()
        print(
            f"C. n = {n}, tau = .01, 3,000 rounds; "
            f"original gap of the equilibrium {_median(plain, nash):.3f} [{of_nash}]"
        )
        notes = iter([f" [{note}]" if note else "" for note in expected])
        regular = {
            "INPO eta .03": inpo(ConstantStep(0.03)),
            "INPO eta 2": inpo(ConstantStep(2.0)),
            "INPO automatic": inpo(),
            "Nash-MD eta 2": nash_md(ConstantStep(2.0)),
            "EGPO automatic": egpo(),
        }
        curves = {}
        for name, method in regular.items():
            found = solve_preference(game, method, rounds=3_000, tol=1e-18, nash=nash).unwrap()
            curves[name] = (found.trace.rounds, np.median(found.trace.gaps, axis=1))
            near = found.trace.kl_to_nash < 1e-8
            first = [int(found.trace.rounds[column.argmax()]) for column in near.T if column.any()]
            to = f"{statistics.median(first):.0f}" if len(first) == near.shape[1] else "-"
            gap = f"{np.median(found.last_gap):8.1e}{next(notes)}"
            print(f"   {name:22} regularised gap {gap}, rounds to KL 1e-8: {to}")
        panels[f"n = {n}, regularised gap"] = curves
        original = {
            "ONPO eta 2": onpo(ConstantStep(2.0)),
            "ONPO automatic": onpo(),
            "COMAL eta 2 every 100": comal(ConstantStep(2.0), reset=ResetEvery(100)),
            "COMAL automatic": comal(),
        }
        curves = {}
        for name, method in original.items():
            found = solve_preference(plain, method, rounds=3_000, tol=1e-18).unwrap()
            curves[name] = (found.trace.rounds, np.median(found.trace.gaps, axis=1))
            print(f"   {name:22} original gap    {np.median(found.last_gap):8.1e}{next(notes)}")
        panels[f"n = {n}, original gap"] = curves
    return panels


def run_d(seed: int, contexts: int, repeats: int) -> Mapping[str, Sequence[float]]:
    """One call for a batch against a loop of calls, in turn, to a gap of 1e-8; ratios of times."""
    ratios: dict[str, Sequence[float]] = {}
    solve_preference(_games(max(contexts, 100), 3, 0.1, seed), rounds=1)  # compiled code is loaded
    for tau in (0.1, 0.02):
        game = _games(contexts, 50, tau, seed)
        singles = [game.context(k) for k in range(contexts)]
        found: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(repeats):
            taken = {}
            for workers in found:
                start = time.perf_counter()
                batch = solve_preference(game, tol=1e-8, workers=workers)
                taken[workers] = time.perf_counter() - start
            middle = time.perf_counter()
            worst = max(solve_preference(single, tol=1e-8).require(1e-8).steps for single in singles)
            loop = time.perf_counter() - middle
            for workers, seconds in taken.items():
                found[workers].append(loop / seconds)
        gap = float(batch.require(1e-8).unwrap().last_gap.max())
        one, two = (statistics.median(found[workers]) for workers in (1, 2))
        print(
            f"D. tau {tau}: {contexts} contexts of 50, gap {gap:.1e}, {batch.steps} rounds (loop: {worst}); "
            f"the loop takes {one:.1f} times as long as one call on one thread, {two:.1f} times on two"
        )
        for workers in found:
            ratios[f"tau {tau:g}\n{workers} thread{'s' * (workers > 1)}"] = found[workers]
    return ratios


def _games(count: int, n: int, tau: float, seed: int) -> PreferenceGame:
    rng = np.random.default_rng(seed)
    return random_preferences(n, rng=rng, batch_shape=(count,), reference_scale=1.0, tau=tau)


def _median(game: PreferenceGame, policies: np.ndarray) -> float:
    return float(np.median(original_gap(game, policies)))


def draw_curves(path: Path, panels: Mapping[str, Curves], *, label: str) -> None:
    """Gaps against rounds, a panel for each game."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    size = (6.5 * columns if columns > 1 else 9.0, 4.6 * rows)
    figure, grid = plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, (title, curves) in zip(grid.flat, panels.items(), strict=False):
        for number, (name, (rounds, gaps)) in enumerate(curves.items()):
            style = ("-", "--")[number // 10]
            axes.loglog(rounds[1:], np.maximum(gaps[1:], 1e-17), style, label=name)
        axes.set(xlabel="rounds", ylabel=label, title=title)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7, loc="lower left")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def draw_ratios(path: Path, ratios: Mapping[str, Sequence[float]]) -> None:
    """How many times as long the loop takes, by run."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6.5, 4.0), layout="constrained")
    _bars(axes, ratios)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _bars(axes: "Axes", ratios: Mapping[str, Sequence[float]]) -> None:
    medians = [statistics.median(values) for values in ratios.values()]
    axes.bar(range(len(ratios)), medians, color="tab:blue", alpha=0.6)
    for place, values in enumerate(ratios.values()):
        axes.plot([place] * len(values), values, "k.", markersize=4)
    axes.axhline(20.0, color="tab:red", linewidth=1.0)
    axes.set_xticks(range(len(ratios)), list(ratios))
    axes.set(ylabel="time of the loop / time of one call", title="1,000 games of 50 responses to gap 1e-8")


def main() -> None:
    """Print the tables, and draw if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--plots", type=Path)
    parser.add_argument("--seed", type=int, default=2018011309)
    parser.add_argument("--rounds", type=int, default=10_000, help="of testbed A")
    parser.add_argument("--contexts", type=int, default=1_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--simulations", type=float, default=0.0, help="share of the published rounds of B'")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", UnstableStepWarning)  # unstable steps are part of the comparison
    a = run_a(arguments.rounds)
    b = run_b(arguments.seed)
    if arguments.simulations > 0.0:
        b |= run_simulations(arguments.seed, arguments.simulations)
    c = run_c(arguments.seed)
    d = run_d(arguments.seed, arguments.contexts, arguments.repeats)
    if arguments.plots:
        arguments.plots.mkdir(parents=True, exist_ok=True)
        testbed = {"three responses in a cycle, last iterates": a}
        draw_curves(arguments.plots / "testbed_a.png", testbed, label="original duality gap")
        draw_curves(arguments.plots / "testbed_b.png", b, label="regularised duality gap, median")
        draw_curves(arguments.plots / "testbed_c.png", c, label="duality gap, median")
        draw_ratios(arguments.plots / "testbed_d.png", d)


if __name__ == "__main__":
    main()
