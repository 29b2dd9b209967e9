"""``counterplay influence``."""

import inspect
import json
import time
from collections.abc import Hashable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import numpy as np
import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from games.files import read_text, write_text_atomically
from games.influence.diffusion import (
    Diffusion,
    trivalency_cascade,
    uniform_cascade,
    uniform_threshold,
    weighted_cascade,
)
from games.influence.graph import read_edge_list
from games.influence.problem import CapacityProblem, capacity_problem
from games.influence.seeding import SeedProblem, seed_problem
from games.progress import ProgressCallback
from games.results import SolveResult, Status
from solvers.influence.invitations import Invitation
from solvers.influence.one_call import DiffusionOf
from solvers.influence.seeds import Seeds
from solvers.registry import INFLUENCE
from solvers.report.influence import RatioPoint
from solvers.report.progress import progress_bar

_ROWS = 24

Answer: TypeAlias = Invitation | Seeds
"""What the methods return."""


def influence(
    graph: Annotated[Path, typer.Argument(help="Edge list, `u v` or `u v weight` a line; may be gzipped.")],
    capacity: Annotated[
        int, typer.Option(help="Friends each adopter may invite; for plain methods the number of seeds.")
    ],
    adopters: Annotated[
        Path | None,
        typer.Option(help="File of node ids between commas, spaces or line ends; # begins a comment."),
    ] = None,
    adopter_set: Annotated[
        int | None, typer.Option(help="The file holds one set a line; take this one, from 1.")
    ] = None,
    method: Annotated[str, typer.Option(help="See `counterplay list influence-methods`.")] = "anytime",
    model: Annotated[str, typer.Option(help="wc, uniform:P, trivalency or lt.")] = "wc",
    undirected: Annotated[bool, typer.Option("--undirected", help="Lines are arcs both ways.")] = False,
    target_ratio: Annotated[
        float | None, typer.Option(help="anytime: stop at this certified share of the optimum; 0.85.")
    ] = None,
    eps: Annotated[
        float | None, typer.Option(help="Methods of papers: slack below their own ratio; 0.1.")
    ] = None,
    max_seconds: Annotated[float | None, typer.Option(help="Start no round after so long.")] = None,
    max_sets: Annotated[int | None, typer.Option(help="Most reverse-reachable sets in a stream.")] = None,
    threads: Annotated[int, typer.Option(help="Threads; the answer does not depend on them.")] = 1,
    seed: Annotated[int, typer.Option(help="Seed of all randomness.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Save the result here, as JSON.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the certified ratio against time here.")] = None,
) -> None:
    """Choose which friends each adopter invites, so that most nodes are reached.

    Try:

      counterplay influence wiki-Vote.txt.gz --adopters ids.txt --capacity 10

      counterplay influence friends.txt --undirected --adopters ids.txt --capacity 3 --model lt

      counterplay influence wiki-Vote.txt.gz --method opim_c --capacity 50
    """
    entry = INFLUENCE.get(method)
    function = entry.load()
    given = {"target_ratio": target_ratio, "eps": eps, "time_limit": max_seconds, "max_sets": max_sets}
    arguments: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    known = inspect.signature(function).parameters
    refused = [name for name in arguments if name not in known]
    if refused:
        options = {"time_limit": "--max-seconds"}
        words = ", ".join(options.get(name, f"--{name.replace('_', '-')}") for name in refused)
        raise ValueError(f"method {entry.name} takes no {words}")
    if max_sets is not None and "first_sets" in known:
        arguments["first_sets"] = min(max_sets, known["first_sets"].default)
    rng, chances = np.random.default_rng(seed).spawn(2)
    diffusion_of = _diffusion(model, chances)
    chosen_by_adopters = "capacity" in entry.tags
    inviters = _inviters(entry.name, chosen_by_adopters, adopters, adopter_set)
    diffusion = diffusion_of(read_edge_list(graph, directed=not undirected))
    problem = _problem(diffusion, inviters, capacity)
    trace: list[RatioPoint] = []
    with progress_bar(f"{entry.name} on {graph.name}") as bar:
        result: SolveResult[Answer] = function(
            problem, **arguments, threads=threads, rng=rng, progress=_noting(bar, trace)
        )
    console = Console()
    console.print(_answer_table(result.unwrap(), graph.name))
    console.print(_figures_table(result))
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        record = _record(result) | {
            "graph": str(graph),
            "directed": not undirected,
            "model": model,
            "capacity": capacity,
            "seed": seed,
        }
        write_text_atomically(out, json.dumps(record, indent=2) + "\n")
        typer.echo(f"saved {out}")
    if plot is not None:
        _draw(plot, trace, result, f"{graph.name}, k = {capacity}")
    # Heuristics promise nothing, so they cannot fall short of it.
    if result.status is not Status.CERTIFIED and "certified" in entry.tags:
        typer.secho(f"{result.status}: {result.status.sentence}", err=True, fg="yellow")
        raise typer.Exit(1)


def _inviters(method: str, needed: bool, adopters: Path | None, adopter_set: int | None) -> list[int] | None:
    if needed and adopters is None:
        raise ValueError(f"method {method} needs --adopters, a file of node ids")
    if not needed and adopters is not None:
        raise ValueError(f"method {method} chooses seeds freely and takes no --adopters")
    if adopters is None:
        if adopter_set is not None:
            raise ValueError("--adopter-set picks a line of the file that --adopters names")
        return None
    return read_adopters(adopters, adopter_set)


def _problem(
    diffusion: Diffusion, inviters: list[int] | None, capacity: int
) -> CapacityProblem | SeedProblem:
    if inviters is None:
        return seed_problem(diffusion, capacity)
    return capacity_problem(diffusion, inviters, capacity)


def read_adopters(path: Path, line: int | None) -> list[int]:
    """Node ids of a file, of all its lines or of one (counted from 1, comments and empty lines apart).

    Raises:
        ValueError: there is no such line, or it holds no ids, or something else.
    """
    rows = [text for row in read_text(path).splitlines() if (text := row.partition("#")[0].strip())]
    if line is not None:
        if not 1 <= line <= len(rows):
            raise ValueError(f"--adopter-set must lie in 1..{len(rows)}, the sets in {path}, got {line}")
        rows = [rows[line - 1]]
    words = " ".join(rows).replace(",", " ").split()
    strange = [word for word in words if not word.isdecimal()]
    if strange or not words:
        got = ", ".join(repr(w) for w in strange[:3]) or "nothing"
        raise ValueError(f"{path}: adopters must be node ids like 3, 14, 15; got {got}")
    repeated = len(words) - len(set(words))
    if repeated:
        hint = (
            "" if line is not None or len(rows) == 1 else "; if each line is a set, name one by --adopter-set"
        )
        raise ValueError(f"{path}: {repeated} ids are named more than once{hint}")
    return [int(word) for word in words]


def _diffusion(text: str, rng: np.random.Generator) -> DiffusionOf:
    """The model that a word of the command line names."""
    name, _, number = text.partition(":")
    if name == "uniform":
        try:
            chance = float(number)
        except ValueError:
            raise ValueError(
                f"--model uniform needs a probability, as in uniform:0.1, got {text!r}"
            ) from None
        return partial(uniform_cascade, probability=chance)
    known: dict[str, DiffusionOf] = {
        "wc": weighted_cascade,
        "lt": uniform_threshold,
        "trivalency": partial(trivalency_cascade, rng=rng),
    }
    if text not in known:
        raise ValueError(f"--model must be wc, uniform:P, trivalency or lt, got {text!r}")
    return known[text]


def _noting(bar: ProgressCallback, trace: list[RatioPoint]) -> ProgressCallback:
    began = time.perf_counter()

    def report(step: int, total: int | None, **figures: float) -> None:
        if "ratio" in figures:
            trace.append(RatioPoint(time.perf_counter() - began, figures["ratio"]))
        bar(step, total, **figures)

    return report


def _draw(place: Path, trace: list[RatioPoint], result: SolveResult[Answer], title: str) -> None:
    from solvers.report.influence import plot_ratio

    # Methods without rounds only have an end.
    points = trace or [RatioPoint(result.seconds, result.unwrap().ratio)]
    place.parent.mkdir(parents=True, exist_ok=True)
    plot_ratio({result.solver: points}, title=title).savefig(place)
    typer.echo(f"drew {place}")


def _answer_table(answer: Answer, name: str) -> Table:
    """The first adopters; all are in the saved result."""
    table = Table(title=name, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    if isinstance(answer, Seeds):
        table.add_column("seeds")
        table.add_row(_words(answer.nodes))
        return table
    table.add_column("adopter", justify="right", no_wrap=True)
    table.add_column("invites")
    rows = list(answer.friends.items())
    for adopter, friends in rows[:_ROWS]:
        table.add_row(escape(str(adopter)), _words(friends))
    if len(rows) > _ROWS:
        table.add_row("", f"... and {len(rows) - _ROWS} more adopters")
    return table


def _words(nodes: tuple[Hashable, ...]) -> str:
    return escape(", ".join(str(node) for node in nodes)) or "nobody"


def _figures_table(result: SolveResult[Answer]) -> Table:
    answer, info = result.unwrap(), result.info
    low, high = answer.spread_interval
    table = Table(
        title=result.solver, title_justify="left", box=box.SIMPLE, pad_edge=False, show_header=False
    )
    rows = {
        "chosen": f"{len(answer.nodes)} seeds"
        if isinstance(answer, Seeds)
        else f"{len(answer.seeds)} friends of {len(answer.friends)} adopters",
        "spread": f"{answer.spread:.5g}, between {low:.5g} and {high:.5g}",
        "certified ratio": f"{answer.ratio:.4f} of the optimum, which is at most {answer.optimum_bound:.5g}",
        "bound by": str(info.get("bounded_by", "the method's own rule")),
        "confidence": "-" if result.certificate is None else f"{result.certificate.confidence:.6g}",
        "sets": f"{info['sets']} in each stream" if "sets" in info else "-",
        "seconds": f"{result.seconds:.3f}",
        "status": str(result.status),
    }
    for heading, text in rows.items():
        table.add_row(heading, text)
    return table


def _record(result: SolveResult[Answer]) -> dict[str, Any]:
    answer = result.unwrap()
    chosen: dict[str, Any] = (
        {"seeds": list(answer.nodes)}
        if isinstance(answer, Seeds)
        else {"friends": [[adopter, list(friends)] for adopter, friends in answer.friends.items()]}
    )
    return chosen | {
        "method": result.solver,
        "status": str(result.status),
        "spread": answer.spread,
        "spread_interval": list(answer.spread_interval),
        "optimum_bound": answer.optimum_bound,
        "ratio": answer.ratio,
        "confidence": None if result.certificate is None else result.certificate.confidence,
        "info": dict(result.info),
        "steps": result.steps,
        "seconds": result.seconds,
    }
