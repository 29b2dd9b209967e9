"""``counterplay solve``."""

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from games.extensive.labels import labelled_policies
from games.extensive.sequence_form import SequenceForm, Utility
from games.loading import LoadedGame, load_game
from games.normal_form import NormalFormGame
from games.normal_form.risk import RiskAversion
from games.results import SolveResult
from solvers.cli.output import check_targets, leave, parse_start, report
from solvers.registry import SOLVERS
from solvers.report.progress import progress_bar

_ROWS = 24
_SHOWN = 1e-12


def solve(
    game: Annotated[str, typer.Argument(help="Catalogue name, OpenSpiel string, or .nfg/.efg file.")],
    solver: Annotated[
        str | None, typer.Option(help="See `counterplay list solvers`; chosen by the game if left out.")
    ] = None,
    tol: Annotated[float | None, typer.Option(help="Largest certified distance, in payoff ranges.")] = None,
    gamma: Annotated[float | None, typer.Option(help="risk_averse: price of variance, in 1/payoff.")] = None,
    tremble: Annotated[float | None, typer.Option(help="risk_averse: how often opponents err.")] = None,
    start: Annotated[str | None, typer.Option(help="risk_averse: start mixtures, as 0.8,0.2/0.5,0.5")] = None,
    time_limit: Annotated[float | None, typer.Option(help="Seconds.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all randomness.")] = None,
    out: Annotated[Path | None, typer.Option(help="Save the result here (JSON, arrays beside it).")] = None,
) -> None:
    """Solve a game and certify the answer.

    Try:

      counterplay solve oneill

      counterplay solve stag-hunt --solver risk_averse --gamma 1 --start 0.8,0.2/0.8,0.2

      counterplay solve mygame.nfg --solver risk_averse --out results/mygame.json
    """
    check_targets([out])
    loaded = load_game(game)
    entry = SOLVERS.get(solver or _default_solver(loaded))
    problem = loaded.normal_form() if "matrix" in entry.tags else loaded.sequence_form()
    function = entry.load()
    known = inspect.signature(function).parameters
    given: dict[str, Any] = {"tol": tol, "time_limit": time_limit}
    given["start"] = None if start is None else parse_start(start)
    given["rng"] = None if seed is None else np.random.default_rng(seed)
    arguments = {name: value for name, value in given.items() if value is not None}
    if gamma is not None or tremble is not None or "risk" in known:
        arguments["risk"] = RiskAversion(gamma or 0.0, tremble or 0.0)
    if seed is not None and "rng" not in known:
        del arguments["rng"]  # a seed for a method without randomness changes nothing
    refused = [name for name in arguments if name not in known]
    if refused:
        options = {"risk": "--gamma and --tremble", "time_limit": "--time-limit"}
        words = ", ".join(options.get(name, f"--{name}") for name in refused)
        raise ValueError(f"solver {entry.name} takes no {words}")
    with progress_bar(f"{entry.name} on {problem.name}") as bar:
        if "progress" in known:
            arguments["progress"] = bar
        result: SolveResult[Any] = function(problem, **arguments)
    if result.solution is not None:
        Console().print(_strategies(problem, result.solution))
    report(problem, result, risk=arguments.get("risk"), out=out)
    leave(result)


def _default_solver(loaded: LoadedGame) -> str:
    if loaded.is_matrix:
        game = loaded.normal_form()
        return "zero_sum" if game.num_players == 2 and game.constant_sum() is not None else "risk_averse"
    form: SequenceForm = loaded.sequence_form()
    if form.num_players == 2 and form.utility in (Utility.ZERO_SUM, Utility.CONSTANT_SUM):
        return "double_oracle"
    return "risk_averse"


def _strategies(
    problem: NormalFormGame | SequenceForm, solution: Sequence[NDArray[np.float64]] | NDArray[np.float64]
) -> Table:
    """The first rows of what the players do; the whole of it is in the saved result."""
    table = Table(title=problem.name, title_justify="left")
    headings: tuple[str, ...]
    rows: list[tuple[str, ...]]
    if isinstance(problem, NormalFormGame) and isinstance(solution, np.ndarray):
        headings = (*map(escape, problem.players), "probability")
        rows = [
            (*(escape(labels[k]) for labels, k in zip(problem.actions, cell, strict=True)), f"{p:.6f}")
            for cell, p in np.ndenumerate(solution)
            if p > _SHOWN
        ]
    elif isinstance(problem, NormalFormGame):
        headings = ("player", "action", "probability")
        rows = [
            (escape(problem.players[i]), escape(label), f"{p:.6f}")
            for i, strategy in enumerate(solution)
            for label, p in zip(problem.actions[i], strategy, strict=True)
            if p > _SHOWN
        ]
    else:
        headings = ("player", "information set", "plays")
        rows = [
            (str(i), escape(label), escape(", ".join(f"{a} {p:.4f}" for a, p in mix.items() if p > _SHOWN)))
            for i, policy in enumerate(labelled_policies(problem, list(solution)))
            for label, mix in policy.items()
        ]
    for heading in headings:
        table.add_column(heading)
    for row in rows[:_ROWS]:
        table.add_row(*row)
    if len(rows) > _ROWS:
        table.add_row("", f"... and {len(rows) - _ROWS} more", *[""] * (len(headings) - 2))
    return table
