"""``counterplay check``."""

from pathlib import Path
from typing import Annotated

import typer

from games.checking import check_result
from games.storage import load_result


def check(
    files: Annotated[list[Path], typer.Argument(help="Saved results (.json).")],
) -> None:
    """Recompute the certificates of saved results from the problems in them, without any solver."""
    disagree = False
    for file in files:
        report = check_result(load_result(file))
        disagree |= not report.agrees
        mark = "agrees" if report.agrees else "DISAGREES"
        typer.secho(
            f"{file}: {report.recomputed.measure} claimed {report.claimed.bound:.3e}, "
            f"recomputed {report.recomputed.bound:.3e}: {mark}",
            fg="green" if report.agrees else "red",
        )
        for message in report.messages:
            typer.echo(f"  {message}")
    if disagree:
        raise typer.Exit(1)
