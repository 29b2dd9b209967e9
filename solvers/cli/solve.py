"""``counterplay solve``."""

import inspect
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from games.extensive.sequence_form import SequenceForm, Utility
from games.loading import LoadedGame, load_game
from games.normal_form import NormalFormGame
from games.normal_form.risk import RiskAversion
from games.results import SolveResult
from solvers.cli.output import finish, parse_start
from solvers.registry import SOLVERS
from solvers.report.progress import progress_bar


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
    console = Console()
    if isinstance(problem, NormalFormGame) and result.solution is not None:
        console.print(_strategies(problem, result))
    finish(console, problem, result, arguments.get("risk"), out)


def _default_solver(loaded: LoadedGame) -> str:
    if loaded.is_matrix:
        game = loaded.normal_form()
        return "zero_sum" if game.num_players == 2 and game.constant_sum() is not None else "risk_averse"
    form: SequenceForm = loaded.sequence_form()
    if form.num_players == 2 and form.utility in (Utility.ZERO_SUM, Utility.CONSTANT_SUM):
        return "double_oracle"
    return "risk_averse"


def _strategies(game: NormalFormGame, result: SolveResult[Any]) -> Table:
    table = Table(title=f"{game.name}", title_justify="left")
    for heading in ("player", "action", "probability"):
        table.add_column(heading, justify="right" if heading == "probability" else "left")
    for i, strategy in enumerate(result.unwrap()):
        shown = [(label, p) for label, p in zip(game.actions[i], strategy, strict=True) if p > 1e-12]
        for k, (label, p) in enumerate(shown[:20]):
            table.add_row(game.players[i] if k == 0 else "", label, f"{p:.6f}")
        if len(shown) > 20:
            table.add_row("", f"... {len(shown) - 20} more", "")
    return table
