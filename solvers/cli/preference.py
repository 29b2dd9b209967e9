"""``counterplay preference``."""

import inspect
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from games.preference import PreferenceGame, PreferenceReport, assess_preference
from games.registry import unknown_name
from games.results import SolveResult
from games.storage.preferences import DIVERGENCES, StoredPreference, save_preference
from solvers.cli.output import check_targets, figures, leave
from solvers.inpo import ConstantStep, PreferenceMethod, exact_nash, solve_preference
from solvers.inpo.solve import PreferenceSolution
from solvers.registry import PREFERENCE_METHODS
from solvers.report.progress import progress_bar

_EXACT = "exact"
_ROWS, _RESPONSES = 12, 8


def preference(
    matrix: Annotated[
        Path,
        typer.Argument(
            help="CSV of P(row beats column), or .npy/.npz of shape (..., n, n), with `reference` if any."
        ),
    ],
    tau: Annotated[float, typer.Option(help="Weight of the divergence from the reference.")] = 0.0,
    divergence: Annotated[str, typer.Option(help=f"One of {', '.join(DIVERGENCES)}.")] = "kl",
    method: Annotated[
        str, typer.Option(help="exact, or a self-play method: see `counterplay list preference-methods`.")
    ] = _EXACT,
    eta: Annotated[
        float | None, typer.Option(help="Inverse step, the same in every round; automatic where known.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="online_ipo: learning rate of its gradient steps.")
    ] = None,
    rounds: Annotated[int, typer.Option(help="Most rounds of self-play.")] = 10_000,
    tol: Annotated[
        float | None, typer.Option(help="Largest gap that counts as solved; 1e-14 for exact, else 1e-8.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Threads for the contexts of a batch.")] = 1,
    time_limit: Annotated[float | None, typer.Option(help="Seconds.")] = None,
    out: Annotated[Path | None, typer.Option(help="Save the result here (JSON, arrays beside it).")] = None,
    plot: Annotated[Path | None, typer.Option(help="Picture of the gap over rounds of self-play.")] = None,
) -> None:
    """Equilibrium of a preference game, or of a batch of them, with its duality gap.

    Try:

      counterplay preference judge.csv

      counterplay preference judge.csv --tau 0.1 --method inpo --plot gap.png

      counterplay preference prompts.npz --tau 0.05 --method egpo --workers 2 --out nash.json
    """
    check_targets([out], [plot])
    if divergence not in DIVERGENCES:
        raise unknown_name("divergence", divergence, DIVERGENCES)
    if plot is not None and method == _EXACT:
        raise ValueError("--plot shows rounds of self-play; give a --method that plays any")
    preferences, reference = _read(matrix)
    game = PreferenceGame(preferences, reference, tau, matrix.name, divergence=DIVERGENCES[divergence])
    chosen = None if method == _EXACT else _method(method, eta, rate)
    if chosen is None and (eta is not None or rate is not None):
        raise ValueError("--eta and --rate are for methods that play rounds")
    with progress_bar(f"{method} on {matrix.name}") as bar:
        result: SolveResult[NDArray[np.float64]]
        if chosen is None:
            result = exact_nash(game, tol=1e-14 if tol is None else tol, time_limit=time_limit, progress=bar)
        else:
            played = solve_preference(
                game,
                chosen,
                rounds=rounds,
                time_limit=time_limit,
                workers=workers,
                tol=1e-8 if tol is None else tol,
                progress=bar,
            )
            result = played.with_solution(played.unwrap().policy)
    policy = result.unwrap()
    report = assess_preference(game, policy)
    show(game, result, report)
    if plot is not None:
        _draw(plot, played.unwrap(), f"{method} on {matrix.name}")
    if out is not None:
        settings: dict[str, float | int | str | bool] = {"method": method}
        settings |= {k: v for k, v in (("eta", eta), ("rate", rate)) if v is not None}
        save_preference(out, game, result, settings=settings)
        typer.echo(f"saved {out}; check it with: counterplay check {out}")
    leave(result)


def show(game: PreferenceGame, result: SolveResult[NDArray[np.float64]], report: PreferenceReport) -> None:
    """The likeliest responses of the first contexts, and what is known of all."""
    console = Console()
    table = Table(title=escape(game.name), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("context", justify="right")
    table.add_column("responses, likeliest first")
    table.add_column("gap", justify="right")
    policies = result.unwrap().reshape(-1, game.num_responses)
    gaps = np.ravel(report.gaps)
    for context, mixture in enumerate(policies[:_ROWS]):
        best = np.argsort(-mixture, kind="stable")[:_RESPONSES]
        words = ", ".join(f"{i} {mixture[i]:.4f}" for i in best if mixture[i] > 0.0)
        table.add_row(str(context), words, f"{gaps[context]:.2e}")
    if len(policies) > _ROWS:
        table.add_row("", f"... and {len(policies) - _ROWS} more contexts", "")
    console.print(table)
    weight = f"tau {game.tau:g}, {game.divergence.name}" if game.tau > 0.0 else "none"
    rows = {
        "contexts": f"{len(policies)} of {game.num_responses} responses",
        "divergence": weight,
        "largest gap": f"{report.certificate.bound:.3e}",
        "largest gap without divergence": f"{report.original_gaps.max():.3e}",
        "KL to the reference": f"{report.kl_to_reference.mean():.4g} nats on average",
        "steps": str(result.steps),
        "seconds": f"{result.seconds:.3f}",
        "status": str(result.status),
    }
    console.print(figures(result.solver, rows))


def show_stored(stored: StoredPreference) -> None:
    """A saved result: when, how, and what it claims."""
    console = Console()
    console.print(f"saved    {stored.created:%Y-%m-%d %H:%M %Z}", highlight=False)
    told = ", ".join(f"{key} {value}" for key, value in stored.settings.items())
    console.print(f"settings {escape(told)}", highlight=False)
    show(stored.game, stored.result, assess_preference(stored.game, stored.result.unwrap()))


def _read(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Preferences, and the reference or an empty array."""
    none = np.empty(0)
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            if "preferences" not in arrays:
                raise ValueError(
                    f"{path} must hold an array 'preferences', got {', '.join(arrays) or 'none'}"
                )
            reference = arrays.get("reference", none)
            return _doubles(arrays["preferences"], path), _doubles(reference, path)
    if path.suffix == ".npy":
        return _doubles(np.load(path, allow_pickle=False), path), none
    try:
        return np.loadtxt(path, delimiter=",", ndmin=2), none
    except ValueError as error:
        raise ValueError(f"{path} must hold numbers between commas, one row a line: {error}") from error


def _doubles(array: NDArray[Any], path: Path) -> NDArray[np.float64]:
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{path} must hold numbers, got {array.dtype}")
    return array.astype(np.float64)


def _method(name: str, eta: float | None, rate: float | None) -> PreferenceMethod:
    preset = PREFERENCE_METHODS.get(name).load()
    parameters = inspect.signature(preset).parameters
    arguments: dict[str, Any] = {}
    if eta is not None:
        arguments["step"] = ConstantStep(eta)
    elif parameters["step"].default is inspect.Parameter.empty:
        raise ValueError(f"{name} needs --eta: it has no automatic step")
    if "rate" in parameters:
        if rate is None:
            raise ValueError(f"{name} needs --rate")
        arguments["rate"] = rate
    elif rate is not None:
        raise ValueError(f"{name} takes no --rate")
    method: PreferenceMethod = preset(**arguments)
    return method


def _draw(path: Path, solution: PreferenceSolution, title: str) -> None:
    from solvers.report.preference import plot_gaps

    plot_gaps(solution.trace, title=title).savefig(path, dpi=150)
    typer.echo(f"drew {path}")
