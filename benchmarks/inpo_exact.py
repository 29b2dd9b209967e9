"""Self-play on preference games with known equilibria: gaps and rounds of methods, one call for a batch.

    python benchmarks/inpo_exact.py --plots results/inpo_exact

Testbeds. A: the three responses of Liu et al. (2024). B: ten random games of ten responses, reference logits
N(0, 1), as in the simulations of Zhou et al. (2025), at their weights and numbers of rounds; all take the
steps that their gradient steps on the squared loss amount to, EGPO also its automatic one. C: random games of
10 and 100 responses at tau = 0.01, 3,000 rounds. D: 1,000 contexts of 50 responses in one call against a loop
of calls, interleaved. Figures are medians over games; gaps are computed by ``games``.
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

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
    mnpo,
    mpo,
    nash_md,
    online_ipo,
    onpo,
    solve_preference,
    sppo,
)

Row = tuple[str, PreferenceGame, PreferenceMethod]


def _testbed_a() -> list[Row]:
    plain, regular, small = (comal_testbed(tau=tau) for tau in (0.0, 0.1, 0.01))
    return [
        ("SPPO eta 2", plain, sppo(ConstantStep(2.0))),
        ("INPO tau .1 eta 2", regular, inpo(ConstantStep(2.0))),
        ("INPO tau .1 automatic", regular, inpo()),
        ("INPO tau .01 eta .03", small, inpo(ConstantStep(0.03))),
        ("INPO tau .01 falling", small, inpo(TheoryStep())),
        ("Nash-MD tau .1 eta 2", regular, nash_md(ConstantStep(2.0))),
        ("MNPO tau .1 eta 2", regular, mnpo(ConstantStep(2.0))),
        ("ONPO eta 2", plain, onpo(ConstantStep(2.0))),
        ("ONPO automatic", plain, onpo()),
        ("EGPO automatic", plain, egpo()),
        ("MPO every 100", plain, mpo()),
        ("COMAL eta 2 every 100", plain, comal(ConstantStep(2.0), reset=ResetEvery(100))),
        ("COMAL automatic", plain, comal()),
    ]


def run_a(rounds: int) -> None:
    """Original gaps after 10, 100, ... rounds, and that of the average."""
    marks = [10**k for k in range(1, 8) if 10**k <= rounds]
    print(f"A. original gap after {', '.join(map(str, marks))} rounds | of the average")
    for name, game, method in _testbed_a():
        found = solve_preference(game, method, rounds=rounds, tol=0.0).unwrap()
        trace = found.trace
        gaps = [float(trace.original_gaps[trace.rounds == mark][0]) for mark in marks]
        average = original_gap(game, found.average)
        print(f"   {name:24}", *(f"{gap:8.1e}" for gap in gaps), f"| {average:8.1e}")


def run_b(seed: int) -> None:
    """Median regularised gaps at the published weights and numbers of rounds."""
    print("B. regularised gap, median of 10 games")
    for tau, rounds, rate in ((0.1, 1_000, 0.1), (0.01, 5_000, 0.02), (0.001, 100_000, 2e-4)):
        game = _games(10, 10, tau, seed)
        # Ten responses; a step of gradient descent of this rate weighs the target by 4 rate / n.
        eta = tau / (4.0 * rate / 10.0)
        row = {
            "INPO": inpo(ConstantStep(max(eta, tau))),
            "online IPO": online_ipo(ConstantStep(tau), rate=4.0 * rate),
            "Nash-MD": nash_md(ConstantStep(max(eta, tau))),
            "EGPO": egpo(ConstantStep(max(eta, tau))),
            "EGPO automatic": egpo(),
        }
        gaps = {
            name: float(np.median(solve_preference(game, method, rounds=rounds, tol=1e-20).unwrap().last_gap))
            for name, method in row.items()
        }
        print(f"   tau {tau:<6} {rounds:>6} rounds ", ", ".join(f"{k} {v:.0e}" for k, v in gaps.items()))


def run_c(seed: int) -> None:
    """Median gaps of random games after 3,000 rounds, and rounds to a distance of 1e-8."""
    for n in (10, 100):
        game = _games(10, n, 0.01, seed)
        plain = game.with_tau(0.0)
        nash = exact_nash(game).unwrap()
        print(
            f"C. n = {n}, tau = .01, 3,000 rounds; original gap of the equilibrium {_median(plain, nash):.3f}"
        )
        regular = {
            "INPO eta .03": inpo(ConstantStep(0.03)),
            "INPO eta 2": inpo(ConstantStep(2.0)),
            "INPO automatic": inpo(),
            "Nash-MD eta 2": nash_md(ConstantStep(2.0)),
            "EGPO automatic": egpo(),
        }
        for name, method in regular.items():
            found = solve_preference(game, method, rounds=3_000, tol=1e-18, nash=nash).unwrap()
            near = found.trace.kl_to_nash < 1e-8
            first = [int(found.trace.rounds[column.argmax()]) for column in near.T if column.any()]
            to = f"{statistics.median(first):.0f}" if len(first) == near.shape[1] else "-"
            print(f"   {name:20} regularised gap {np.median(found.last_gap):8.1e}, rounds to KL 1e-8: {to}")
        for name, method in {"ONPO eta 2": onpo(ConstantStep(2.0)), "ONPO": onpo(), "COMAL": comal()}.items():
            found = solve_preference(plain, method, rounds=3_000, tol=1e-18).unwrap()
            print(f"   {name:20} original gap    {np.median(found.last_gap):8.1e}")


def run_d(seed: int, contexts: int, repeats: int) -> None:
    """One call for a batch against a loop of calls, in turn, to a gap of 1e-8."""
    for tau in (0.1, 0.02):
        game = _games(contexts, 50, tau, seed)
        singles = [game.context(k) for k in range(contexts)]
        together, looped = [], []
        for _ in range(repeats):
            start = time.perf_counter()
            batch = solve_preference(game, tol=1e-8)
            middle = time.perf_counter()
            worst = max(solve_preference(single, tol=1e-8).require(1e-8).steps for single in singles)
            together.append(middle - start)
            looped.append(time.perf_counter() - middle)
        ratio = statistics.median(b / a for a, b in zip(together, looped, strict=True))
        gap = float(batch.require(1e-8).unwrap().last_gap.max())
        print(
            f"D. tau {tau}: {contexts} contexts of 50, gap {gap:.1e}, {batch.steps} rounds (loop: {worst}); "
            f"the loop takes {ratio:.1f} times as long as one call"
        )


def _games(count: int, n: int, tau: float, seed: int) -> PreferenceGame:
    rng = np.random.default_rng(seed)
    return random_preferences(n, rng=rng, batch_shape=(count,), reference_scale=1.0, tau=tau)


def _median(game: PreferenceGame, policies: np.ndarray) -> float:
    return float(np.median(original_gap(game, policies)))


def draw(folder: Path, rows: Sequence[Row], rounds: int) -> None:
    """Original gap against rounds on testbed A."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8.0, 5.0), layout="constrained")
    for number, (name, game, method) in enumerate(rows):
        trace = solve_preference(game, method, rounds=rounds, tol=0.0).unwrap().trace
        style = ("-", "--")[number // 10]
        axes.loglog(trace.rounds[1:], np.maximum(trace.original_gaps[1:], 1e-16), style, label=name)
    axes.set(xlabel="rounds", ylabel="original duality gap", title="Testbed A: last iterates")
    axes.legend(fontsize=8, loc="lower left")
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "testbed_a.png", dpi=150)
    plt.close(figure)


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
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", UnstableStepWarning)  # unstable steps are part of the comparison
    run_a(arguments.rounds)
    run_b(arguments.seed)
    run_c(arguments.seed)
    run_d(arguments.seed, arguments.contexts, arguments.repeats)
    if arguments.plots:
        draw(arguments.plots, _testbed_a(), arguments.rounds)


if __name__ == "__main__":
    main()
