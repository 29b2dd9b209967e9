"""What commands share: start mixtures from text, where results go, their figures, and the end of a run."""

import os
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from games.extensive.sequence_form import SequenceForm
from games.normal_form import NormalFormGame
from games.normal_form.risk import RiskAversion
from games.profiles import Profile, as_distribution
from games.results import SolveResult, Status
from games.storage import header_path, save_result
from solvers.report.tables import results_table

_INSIST_SECONDS: Final = 3.0


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


def check_targets(files: Iterable[Path | None], pictures: Iterable[Path | None] = ()) -> None:
    """Refuse places that could not be written at the end of a run, before it begins; makes missing folders.

    Args:
        files: of results, populations and checkpoints; None for those not asked for.
        pictures: of plots.

    Raises:
        ValueError: a name does not end as the format asks.
        OSError: a file cannot be written there.
    """
    given = [header_path(path) for path in files if path is not None]
    for path in pictures:
        if path is None:
            continue
        from matplotlib.figure import Figure

        formats = Figure().canvas.get_supported_filetypes()
        if path.suffix[1:].lower() not in formats:
            raise ValueError(f"pictures must end in one of {', '.join(sorted(formats))}, got {str(path)!r}")
        given.append(path)
    for path in given:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir() or not os.access(path.parent, os.W_OK):
            raise OSError(f"{path} cannot be written")


@contextmanager
def interruptible(checkpoint: Path | None, option: str = "--checkpoint") -> Iterator[None]:
    """Leave with exit code 130 when the user interrupts, saying what was kept.

    Python drops an interrupt that falls within a finaliser or within a callback from compiled code, and the
    run would go on: so one that has not arrived after ``_INSIST_SECONDS`` is raised again.

    Args:
        checkpoint: what the run goes on from, or None where nothing is kept.
        option: what would have kept it, as the command calls it.
    """
    insist = threading.current_thread() is threading.main_thread()
    if insist:
        before = [(number, signal.signal(number, _interrupt)) for number in (signal.SIGINT, signal.SIGALRM)]
    try:
        yield
    except KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        if checkpoint is None:
            kept = f"nothing was kept (see {option})"
        elif checkpoint.exists():
            kept = f"{checkpoint} resumes the run"
        else:
            kept = f"nothing was kept, as {checkpoint} was not written yet"
        typer.secho(f"interrupted; {kept}", err=True)
        raise typer.Exit(130) from None
    finally:
        if insist:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            for number, handler in before:
                signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    signal.setitimer(signal.ITIMER_REAL, _INSIST_SECONDS)
    raise KeyboardInterrupt


def report(
    problem: NormalFormGame | SequenceForm,
    result: SolveResult[Any],
    *,
    claim: SolveResult[Any] | None = None,
    risk: RiskAversion | None = None,
    out: Path | None = None,
) -> None:
    """Show the result, and save it if asked to.

    Args:
        problem: what was solved.
        result: shown.
        claim: saved in its place, where a file cannot hold all that the result's certificate is about.
        risk: how the players weigh risk, where the saved certificate is about that.
        out: where to save.
    """
    Console().print(results_table([(problem.name, problem, result)], title=result.solver))
    if out is not None:
        save_result(out, problem, claim or result, risk=risk)
        typer.echo(f"saved {out}; check it with: counterplay check {out}")


def leave(result: SolveResult[Any]) -> None:
    """Exit with code 1 and the reason where a result is not certified."""
    if result.status is not Status.CERTIFIED:
        typer.secho(f"{result.status}: {result.status.sentence}", err=True, fg="yellow")
        raise typer.Exit(1)


def figures(title: str, rows: Mapping[str, str]) -> Table:
    """Words beside headings."""
    table = Table(
        title=escape(title), title_justify="left", box=box.SIMPLE, pad_edge=False, show_header=False
    )
    for heading, text in rows.items():
        table.add_row(heading, escape(text))
    return table
