"""Progress bars on the terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from games.progress import ProgressCallback


@contextmanager
def progress_bar(description: str, *, console: Console | None = None) -> Iterator[ProgressCallback]:
    """A bar that a solver's ``progress`` callback moves; named figures are shown beside it."""
    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[figures]}"),
    )
    with Progress(*columns, console=console or Console(stderr=True)) as bar:
        task = bar.add_task(description, total=None, figures="")

        def report(step: int, total: int | None, **figures: float) -> None:
            shown = "  ".join(f"{name} {value:.3g}" for name, value in figures.items())
            bar.update(task, completed=step, total=total, figures=shown)

        yield report
        # A solver may stop before its limit: what was done is then all there was.
        completed = bar.tasks[task].completed
        bar.update(task, total=max(completed, 1), completed=max(completed, 1))
