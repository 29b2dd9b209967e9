"""``counterplay psro``."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from games.loading import load_game
from games.normal_form.risk import RiskAversion
from solvers.cli.output import finish
from solvers.psro.loop import PSRO, run_psro
from solvers.psro.protocols import MetaSolver
from solvers.registry import EXPANDERS, META_SOLVERS, ORACLES
from solvers.report.progress import progress_bar


def psro(
    game: Annotated[str, typer.Argument(help="Catalogue name, OpenSpiel string, or .nfg/.efg file.")],
    meta_solver: Annotated[str, typer.Option(help="See `counterplay list meta-solvers`.")] = "nash",
    oracle: Annotated[str, typer.Option(help="See `counterplay list oracles`.")] = "exact",
    expander: Annotated[str, typer.Option(help="See `counterplay list expanders`.")] = "new",
    gamma: Annotated[float | None, typer.Option(help="risk_averse: price of variance, in 1/payoff.")] = None,
    tremble: Annotated[float | None, typer.Option(help="risk_averse: how often opponents err.")] = None,
    iterations: Annotated[int, typer.Option(help="Most iterations.")] = 100,
    tol: Annotated[float, typer.Option(help="Stop at this NashConv, in payoff ranges.")] = 1e-9,
    time_limit: Annotated[float | None, typer.Option(help="Seconds.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of all randomness.")] = 0,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Save the run here, and resume it from here.")
    ] = None,
    checkpoint_every: Annotated[int, typer.Option(help="Iterations between saves.")] = 10,
    plot: Annotated[Path | None, typer.Option(help="Draw NashConv over iterations and time here.")] = None,
    out: Annotated[Path | None, typer.Option(help="Save the result here (JSON, arrays beside it).")] = None,
) -> None:
    """Population learning: grow sets of policies by best responses until nothing better is found.

    Try:

      counterplay psro kuhn_poker

      counterplay psro leduc_poker --iterations 200 --checkpoint results/leduc.ckpt.json --plot leduc.png

      counterplay psro stag-hunt --meta-solver risk_averse --gamma 1 --tremble 0.1
    """
    form = load_game(game).sequence_form()
    method = PSRO(
        ORACLES.get(oracle).load()(),
        _meta_solver(meta_solver, gamma, tremble),
        EXPANDERS.get(expander).load()(),
    )
    try:
        with progress_bar(f"psro on {form.name}") as bar:
            result = run_psro(
                form,
                method,
                iterations=iterations,
                tol=tol,
                time_limit=time_limit,
                rng=np.random.default_rng(seed),
                checkpoint=checkpoint,
                checkpoint_every=checkpoint_every,
                progress=bar,
            )
    except KeyboardInterrupt:
        kept = (
            "nothing was kept (see --checkpoint)" if checkpoint is None else f"{checkpoint} resumes the run"
        )
        typer.secho(f"interrupted; {kept}", err=True)
        raise typer.Exit(130) from None
    solution = result.unwrap()
    if plot is not None:
        from solvers.report.plots import plot_convergence

        plot.parent.mkdir(parents=True, exist_ok=True)
        plot_convergence({form.name: solution.trace}).savefig(plot)
    finish(Console(), form, result.with_solution(solution.behaviors), None, out)


def _meta_solver(name: str, gamma: float | None, tremble: float | None) -> MetaSolver:
    factory = META_SOLVERS.get(name).load()
    made: MetaSolver
    if name == "risk_averse":
        made = factory(RiskAversion(gamma or 0.0, tremble or 0.0))
        return made
    if gamma is not None or tremble is not None:
        raise ValueError(f"meta-solver {name} takes no --gamma and --tremble")
    made = factory()
    return made
