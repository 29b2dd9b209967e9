"""What the commands about influence show."""

from collections.abc import Hashable, Mapping
from typing import TypeAlias, TypeVar

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from games.results import SolveResult
from games.storage.influence import Claimed, StoredInfluence
from solvers.cli.output import figures

Claim = TypeVar("Claim", bound=Claimed)

ROWS = 24
"""Most rows of a table; all is in the saved result."""

Chosen: TypeAlias = Mapping[Hashable, tuple[Hashable, ...]] | tuple[Hashable, ...]
"""Labels: of the friends per adopter, or of the seeds."""


def chosen_table(chosen: Chosen, name: str, *, rows: int = ROWS) -> Table:
    """The seeds, or the first adopters and whom they invite."""
    table = Table(title=escape(name), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    if isinstance(chosen, tuple):
        table.add_column("seeds")
        table.add_row(words(chosen))
        return table
    table.add_column("adopter", justify="right", no_wrap=True)
    table.add_column("invites")
    for adopter, friends in list(chosen.items())[:rows]:
        table.add_row(escape(str(adopter)), words(friends))
    if len(chosen) > rows:
        table.add_row("", f"... and {len(chosen) - rows} more adopters")
    return table


def words(nodes: tuple[Hashable, ...]) -> str:
    """Labels between commas."""
    return escape(", ".join(str(node) for node in nodes)) or "nobody"


def figures_table(result: SolveResult[Claim], chosen: Chosen) -> Table:
    """What is known of the seeds."""
    answer, info = result.unwrap(), result.info
    low, high = answer.spread_interval
    if isinstance(chosen, tuple):
        number = f"{len(chosen)} seeds"
    else:
        several = {friend for friends in chosen.values() for friend in friends}
        number = f"{len(several)} friends of {len(chosen)} adopters"
    return figures(
        result.solver,
        {
            "chosen": number,
            "spread": f"{answer.spread:.5g}, between {low:.5g} and {high:.5g}",
            "certified ratio": f"{answer.ratio:.4f} of the optimum, at most {answer.optimum_bound:.5g}",
            "bound by": str(info.get("bounded_by", "the method's own rule")),
            "confidence": "-" if result.certificate is None else f"{result.certificate.confidence:.6g}",
            "sets": f"{info['sets']} in each stream" if "sets" in info else "-",
            "seconds": f"{result.seconds:.3f}",
            "status": str(result.status),
        },
    )


def show_stored(stored: StoredInfluence, name: str, limit: int) -> None:
    """A saved result: the problem, whom it chose, what it claims, and what it was asked for."""
    graph, diffusion = stored.problem.diffusion.graph, stored.problem.diffusion
    steps = "" if diffusion.max_steps is None else f", {diffusion.max_steps} steps"
    console = Console()
    console.print(f"graph    {graph.num_nodes} nodes, {graph.num_arcs} arcs")
    console.print(f"model    {type(diffusion).__name__}{steps}", highlight=False)
    console.print(f"saved    {stored.created:%Y-%m-%d %H:%M %Z}", highlight=False)
    if stored.settings:
        told = ", ".join(f"{key} {value}" for key, value in stored.settings.items())
        console.print(f"settings {escape(told)}", highlight=False)
    console.print(chosen_table(stored.chosen, name, rows=limit))
    console.print(figures_table(stored.result, stored.chosen))
