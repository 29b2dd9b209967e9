"""``counterplay influence``."""

import inspect
import time
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer
from rich.console import Console

from games.influence.diffusion import Diffusion
from games.influence.graph import read_edge_list
from games.influence.problem import CapacityProblem, capacity_problem
from games.influence.seeding import SeedProblem, seed_problem
from games.progress import ProgressCallback
from games.registry import Entry
from games.results import SolveResult, Status
from games.storage.influence import save_influence
from games.storage.influence_graphs import GraphFile
from solvers.cli.influence_inputs import MODELS, Adopters, read_adopters, read_model, read_weights
from solvers.cli.influence_tables import Chosen, chosen_table, figures_table
from solvers.cli.output import check_targets
from solvers.cli.populations import generator
from solvers.influence.invitations import Invitation
from solvers.influence.seeds import Seeds
from solvers.registry import INFLUENCE
from solvers.report.influence import RatioPoint
from solvers.report.progress import progress_bar

Answer: TypeAlias = Invitation | Seeds
"""What the methods return."""


def influence(
    graph: Annotated[Path, typer.Argument(help="Edge list, `u v` or `u v weight` a line; may be gzipped.")],
    capacity: Annotated[
        int | None, typer.Option(help="Friends each adopter may invite who has no capacity of its own.")
    ] = None,
    adopters: Annotated[
        Path | None,
        typer.Option(help="File of node ids, or id:capacity, between commas, spaces or lines; # comments."),
    ] = None,
    adopter_set: Annotated[
        int | None, typer.Option(help="The file holds one set a line; take this one, from 1.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="In place of adopters: choose so many seeds among all nodes.")
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(help="anytime, or opim_c for --seeds; see `counterplay list influence-methods`."),
    ] = None,
    model: Annotated[str, typer.Option(help=f"{MODELS}.")] = "wc",
    steps: Annotated[int | None, typer.Option(help="Spreading ends after so many; no limit.")] = None,
    weights: Annotated[
        Path | None, typer.Option(help="File of `id weight` lines: what reaching these nodes alone is worth.")
    ] = None,
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
    out: Annotated[Path | None, typer.Option(help="Save the result here (JSON, arrays beside it).")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the certified ratio against time here.")] = None,
) -> None:
    """Choose which friends each adopter invites, or plain seeds, so that most nodes are reached.

    Try:

      counterplay influence wiki-Vote.txt.gz --adopters ids.txt --capacity 10 --out best.json

      counterplay check best.json

      counterplay influence friends.txt --undirected --adopters ids.txt --capacity 3 --model lt

      counterplay influence wiki-Vote.txt.gz --seeds 50

      counterplay influence wiki-Vote.txt.gz --seeds 50 --model uniform:0.05 --steps 3 --weights customers.txt
    """
    check_targets([out], [plot])
    entry = INFLUENCE.get(method or ("anytime" if seeds is None else "opim_c"))
    function = entry.load()
    given = {"target_ratio": target_ratio, "eps": eps, "time_limit": max_seconds, "max_sets": max_sets}
    arguments: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    known = inspect.signature(function).parameters
    refused = [name for name in arguments if name not in known]
    if refused:
        options = {"time_limit": "--max-seconds"}
        words = ", ".join(options.get(name, f"--{name.replace('_', '-')}") for name in refused)
        raise ValueError(f"method {entry.name} takes no {words}")
    rng, chances = generator(seed).spawn(2)
    diffusion_of = read_model(model, steps, chances)
    inviters = _inviters(entry, adopters, adopter_set, capacity, seeds)
    diffusion = diffusion_of(read_edge_list(graph, directed=not undirected))
    problem = _problem(diffusion, inviters, capacity, seeds, weights)
    settings = arguments | {"method": entry.name, "model": model, "seed": seed}
    if max_sets is not None and "first_sets" in known:
        arguments["first_sets"] = min(max_sets, known["first_sets"].default)
    trace: list[RatioPoint] = []
    with progress_bar(f"{entry.name} on {graph.name}") as bar:
        result: SolveResult[Answer] = function(
            problem, **arguments, threads=threads, rng=rng, progress=_noting(bar, trace)
        )
    answer = result.unwrap()
    chosen: Chosen = answer.nodes if isinstance(answer, Seeds) else answer.friends
    console = Console()
    console.print(chosen_table(chosen, graph.name))
    console.print(figures_table(result, chosen))
    if out is not None:
        source = GraphFile(graph, directed=not undirected)
        save_influence(out, problem, result, settings=settings, graph_file=source)
        typer.echo(f"saved {out}; check it with: counterplay check {out}")
    if plot is not None:
        _draw(plot, trace, result, graph.name)
    # Heuristics promise nothing, so they cannot fall short of it.
    if result.status is not Status.CERTIFIED and "certified" in entry.tags:
        typer.secho(f"{result.status}: {result.status.sentence}", err=True, fg="yellow")
        raise typer.Exit(1)


def _inviters(
    entry: Entry, adopters: Path | None, adopter_set: int | None, capacity: int | None, seeds: int | None
) -> Adopters | None:
    """Those who invite; None where seeds are chosen freely."""
    if "capacity" in entry.tags:
        if seeds is not None:
            raise ValueError(f"method {entry.name} is for adopters; --seeds is for methods that need none")
        if adopters is None:
            raise ValueError(f"method {entry.name} needs --adopters, a file of node ids (or choose --seeds)")
        return read_adopters(adopters, adopter_set)
    for option, value in {"adopters": adopters, "adopter-set": adopter_set, "capacity": capacity}.items():
        if value is not None:
            raise ValueError(f"method {entry.name} chooses seeds freely and takes no --{option}")
    if seeds is None:
        raise ValueError(f"method {entry.name} needs --seeds, how many to choose")
    return None


def _problem(
    diffusion: Diffusion,
    inviters: Adopters | None,
    capacity: int | None,
    seeds: int | None,
    weights: Path | None,
) -> CapacityProblem | SeedProblem:
    worth = None if weights is None else read_weights(weights, diffusion.graph)
    if inviters is None:
        return seed_problem(diffusion, seeds or 0, node_weight=worth)
    return capacity_problem(diffusion, inviters.nodes, inviters.room(capacity), node_weight=worth)


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
    plot_ratio({result.solver: points}, title=title).savefig(place)
    typer.echo(f"drew {place}")
