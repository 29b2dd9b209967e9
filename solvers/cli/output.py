"""What commands share: start mixtures from text, and the end of a run."""

from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from games.extensive.sequence_form import SequenceForm
from games.normal_form import NormalFormGame
from games.normal_form.risk import RiskAversion
from games.profiles import Profile, as_distribution
from games.results import SolveResult, Status
from games.storage import save_result
from solvers.report.tables import results_table


def parse_start(text: str) -> Profile:
    """Mixtures written as ``0.8,0.2/0.5,0.5``, one per player."""
    try:
        return tuple(
            as_distribution([float(p) for p in part.split(",")], name=f"start of player {i}")
            for i, part in enumerate(text.split("/"))
        )
    except ValueError as error:
        raise ValueError(
            f"start must look like 0.8,0.2/0.5,0.5 (one distribution per player): {error}"
        ) from error


def finish(
    problem: NormalFormGame | SequenceForm,
    result: SolveResult[Any],
    *,
    claim: SolveResult[Any] | None = None,
    risk: RiskAversion | None = None,
    out: Path | None = None,
) -> None:
    """Show the result, save it if asked to, and leave with its exit code.

    Args:
        problem: what was solved.
        result: shown, and decides the exit code.
        claim: saved in its place, where a file cannot hold all that the result's certificate is about.
        risk: how the players weigh risk, where the saved certificate is about that.
        out: where to save.
    """
    Console().print(results_table([(problem.name, problem, result)], title=result.solver))
    if out is not None:
        save_result(out, problem, claim or result, risk=risk)
        typer.echo(f"saved {out}; check it with: counterplay check {out}")
    if result.status is not Status.CERTIFIED:
        typer.secho(f"{result.status}: {result.status.sentence}", err=True, fg="yellow")
        raise typer.Exit(1)
