"""The main job, whole: PSRO on two poker games, and a stag hunt with and without aversion to risk.

    python examples/demo.py --out results/demo

Prints a table, saves every result (each is then checked by recomputing its certificate from the file), and
draws three pictures.
"""

import argparse
from pathlib import Path

import numpy as np
from rich.console import Console

from games.checking import check_result
from games.loading import load_game
from games.normal_form.risk import RiskAversion, risk_best_response, risk_moments
from games.profiles import uniform_profile
from games.storage import load_result, save_result
from solvers.equilibrium import solve_risk_averse
from solvers.psro import PSRO, RiskAverseMetaSolver, run_psro
from solvers.report import (
    plot_basins,
    plot_convergence,
    plot_mean_variance,
    progress_bar,
    results_table,
)

POKER = {"kuhn_poker": 10, "leduc_poker": 200}
GAMMAS = [0.0, 0.1, 0.3, 1.0, 3.0]
STARTS = [0.2, 0.5, 0.8, 0.95]
HESITATION = 0.9  # the opponent of the mean-variance picture comes to the stag this often


def compile_kernels(iterations: int) -> None:
    """Rehearse, so that the times below are the methods': compiling takes seconds, once per machine."""
    with progress_bar("compiling, the first time") as bar:
        run_psro(load_game("leduc_poker").sequence_form(), iterations=iterations)
        bar(1, 2)
        solve_risk_averse(load_game("stag-hunt").normal_form(), RiskAversion(1.0))
        bar(2, 2)


def main() -> None:
    """Run all parts; exit with an error if a saved certificate does not hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results/demo"))
    parser.add_argument("--leduc-iterations", type=int, default=POKER["leduc_poker"])
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    console = Console()

    rows, traces = [], {}
    compile_kernels(args.leduc_iterations)
    for name, iterations in (POKER | {"leduc_poker": args.leduc_iterations}).items():
        form = load_game(name).sequence_form()
        with progress_bar(f"psro on {name}") as bar:
            result = run_psro(form, iterations=iterations, progress=bar)
        solution = result.unwrap()
        traces[name] = solution.trace
        rows.append((name, form, result.with_solution(solution.behaviors)))
        save_result(args.out / f"{name}.json", form, rows[-1][2])

    game = load_game("stag-hunt").normal_form()
    form = load_game("stag-hunt").sequence_form()
    reached = np.empty((len(GAMMAS), len(STARTS)))
    always = [[np.append(1.0, row) for row in np.eye(n)] for n in game.num_actions]
    with progress_bar("stag hunt, psro") as bar:
        for k, (row, column) in enumerate(np.ndindex(reached.shape)):
            risk, start = RiskAversion(GAMMAS[row]), STARTS[column]
            result = run_psro(
                form,
                PSRO(meta_solver=RiskAverseMetaSolver(risk)),
                policies=always,
                profile=[[start, 1 - start]] * 2,
            )
            behaviors = result.unwrap().behaviors
            reached[row, column] = behaviors[0][1]
            label = "Nash" if risk.gamma == 0 else f"γ={risk.gamma:g}"  # p: P(stag) at the start
            rows.append((f"stag {label} p={start:g}", form, result.with_solution(behaviors)))
            save_result(args.out / f"stag_hunt_gamma{risk.gamma:g}_start{start:g}.json", form, rows[-1][2])
            bar(k + 1, reached.size)

    console.print(results_table(rows, title="counterplay demo"))

    opponent = (uniform_profile([2])[0], np.array([HESITATION, 1 - HESITATION]))
    mean, covariance = risk_moments(game, opponent, RiskAversion(0.0))[0]
    best = [risk_best_response(mean, covariance, gamma)[0] for gamma in GAMMAS]
    pictures = {
        "nash_conv.png": plot_convergence(traces),
        "stag_hunt_mean_variance.png": plot_mean_variance(
            game, opponent=opponent[1], gammas=GAMMAS, best=best
        ),
        "stag_hunt_basins.png": plot_basins(
            STARTS,
            GAMMAS,
            reached,
            action="stag",
            title="stag hunt: risk aversion shrinks the basin of the stag",
        ),
    }
    for name, figure in pictures.items():
        figure.savefig(args.out / name)

    saved = sorted(args.out.glob("*.json"))
    reports = [check_result(load_result(file)) for file in saved]
    agreeing = sum(report.agrees for report in reports)
    console.print(f"{agreeing} of {len(saved)} saved certificates recomputed and confirmed")
    print(f"results: {args.out}")
    for name in pictures:
        print(f"plot:    {args.out / name}")
    if agreeing < len(saved):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
