"""``counterplay influence-game``."""

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from games.certificates import Certificate
from games.influence.competition import (
    Competition,
    EqualShares,
    Firm,
    NobodyWins,
    TieRule,
    UniformDraw,
    competition_game,
)
from games.influence.graph import read_edge_list
from games.normal_form import nash_conv
from games.normal_form.risk import RiskAversion, risk_figures, risk_nash_conv
from games.results import SolveResult
from games.storage import save_result
from solvers.cli.influence_inputs import MODELS, read_adopters, read_model, read_weights
from solvers.cli.influence_tables import words
from solvers.cli.output import check_targets, figures, leave
from solvers.cli.populations import generator
from solvers.influence.competition import CompetitionSolution, solve_competition
from solvers.psro.meta_solvers.basic import RiskAverseMetaSolver
from solvers.report.progress import progress_bar

_RISK_TOL = 1e-6  # of the payoff range, in the matrix game


class Ties(StrEnum):
    """Who gets a node that several firms reach at once."""

    EQUAL = "equal"
    DRAW = "draw"
    NOBODY = "nobody"


_TIES: dict[Ties, TieRule] = {
    Ties.EQUAL: EqualShares(),
    Ties.DRAW: UniformDraw(),
    Ties.NOBODY: NobodyWins(),
}


def influence_game(
    graph: Annotated[Path, typer.Argument(help="Edge list, `u v` or `u v weight` a line; may be gzipped.")],
    adopters: Annotated[
        list[Path], typer.Option(help="File of a firm's node ids, or id:capacity; once per firm.")
    ],
    capacity: Annotated[
        list[int] | None,
        typer.Option(help="Friends each adopter may invite; once for all, or once per firm in their order."),
    ] = None,
    ties: Annotated[
        Ties, typer.Option(help="Who gets a node that several firms reach at once.")
    ] = Ties.EQUAL,
    rivalry: Annotated[
        float, typer.Option(help="How much firms mind what the others get; two at 1 play a zero-sum game.")
    ] = 0.0,
    model: Annotated[str, typer.Option(help=f"{MODELS}.")] = "wc",
    steps: Annotated[int | None, typer.Option(help="Spreading ends after so many; no limit.")] = None,
    weights: Annotated[
        Path | None, typer.Option(help="File of `id weight` lines: what winning these nodes alone is worth.")
    ] = None,
    undirected: Annotated[bool, typer.Option("--undirected", help="Lines are arcs both ways.")] = False,
    gamma: Annotated[
        float | None, typer.Option(help="Risk-averse equilibrium: price of variance, in 1/payoff.")
    ] = None,
    tremble: Annotated[float | None, typer.Option(help="With --gamma: how often opponents err.")] = None,
    sets: Annotated[
        int, typer.Option(help="Sets to respond on, and as many fresh ones for the certificate.")
    ] = 50_000,
    tol: Annotated[float, typer.Option(help="Largest certified NashConv, in payoff ranges.")] = 0.05,
    confidence: Annotated[float, typer.Option(help="Of the certificate.")] = 0.99,
    iterations: Annotated[int, typer.Option(help="Most iterations.")] = 100,
    max_seconds: Annotated[float | None, typer.Option(help="Start no iteration after so long.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of all randomness.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="Save the matrix game between the strategies found, with its mixtures."),
    ] = None,
) -> None:
    """Firms that compete for a network: an equilibrium by double oracle, with its certificate.

    Every firm has adopters of its own, who invite friends; the nearer firm wins a node. Try:

      counterplay influence-game wiki-Vote.txt.gz --adopters ours.txt --adopters theirs.txt --capacity 2

      counterplay influence-game friends.txt --undirected --adopters a.txt --adopters b.txt --capacity 2
      --rivalry 1 --ties nobody

    The certificate is about all strategies and the true spread: no firm gains more, all together, except
    with the rest of the confidence. With --gamma the mixtures are a risk-averse equilibrium of the matrix
    game between the strategies found; the NashConv then is what risk aversion costs, and the exit code goes
    by the risk-averse certificate.
    """
    check_targets([out])
    if tremble is not None and gamma is None:
        raise ValueError("--tremble needs --gamma, the price of variance (0 is no aversion)")
    risk = None if gamma is None else RiskAversion(gamma, tremble or 0.0)
    rng, chances = generator(seed).spawn(2)
    diffusion_of = read_model(model, steps, chances)
    firms = _firms(adopters, capacity or [])
    network = read_edge_list(graph, directed=not undirected)
    worth = None if weights is None else read_weights(weights, network)
    game = competition_game(
        diffusion_of(network), firms, ties=_TIES[ties], rivalry=rivalry, node_weight=worth
    )
    with progress_bar(f"competition on {graph.name}") as bar:
        result = solve_competition(
            game,
            num_sets=sets,
            tol=tol,
            confidence=confidence,
            max_steps=iterations,
            time_limit=max_seconds,
            meta_solver=None if risk is None else RiskAverseMetaSolver(risk),
            rng=rng,
            progress=bar,
        )
    solution = result.unwrap()
    console = Console()
    console.print(_played(game, solution, graph.name))
    console.print(figures(result.solver, _figures(game, result, risk)))
    claim = _claim(solution, risk)
    if out is not None:
        shown = result.with_solution(solution.profile)
        save_result(out, solution.game, replace(shown, certificate=claim), risk=risk)
        typer.echo(f"saved {out}; check it with: counterplay check {out}")
    if risk is None:
        leave(result)
    elif claim.bound > _RISK_TOL * solution.game.payoff_range:
        typer.secho("no risk-averse equilibrium of the matrix game was found", err=True, fg="yellow")
        raise typer.Exit(1)


def _firms(files: list[Path], capacities: list[int]) -> list[Firm]:
    """One firm per file, named after it."""
    if len(files) < 2:
        raise ValueError(f"--adopters must be given at least twice, once per firm, got {len(files)}")
    if len(capacities) not in (0, 1, len(files)):
        raise ValueError(
            f"--capacity must be given once, or once per firm, {len(files)} times, got {len(capacities)}"
        )
    rooms: list[int | None] = list(capacities) if len(capacities) == len(files) else []
    rooms = rooms or [capacities[0] if capacities else None] * len(files)
    stems = [path.stem for path in files]
    names = stems if len(set(stems)) == len(stems) else [f"firm {k}" for k in range(1, len(files) + 1)]
    parties = [read_adopters(path, None) for path in files]
    return [
        Firm(name, party.nodes, party.room(room))
        for name, party, room in zip(names, parties, rooms, strict=True)
    ]


def _played(game: Competition, solution: CompetitionSolution, name: str) -> Table:
    table = Table(title=escape(name), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("firm")
    table.add_column("plays", justify="right")
    table.add_column("invites")
    table.add_column("wins", justify="right")
    for firm, played, payoff in zip(game.names, solution.invited, solution.payoffs, strict=True):
        for k, (chance, nodes) in enumerate(sorted(played, key=lambda one: -one[0])):
            table.add_row(
                "" if k else escape(firm), f"{chance:.4f}", words(nodes), "" if k else f"{payoff:.5g}"
            )
    return table


def _figures(
    game: Competition, result: SolveResult[CompetitionSolution], risk: RiskAversion | None
) -> dict[str, str]:
    solution, certificate = result.unwrap(), result.certificate
    assert certificate is not None  # every run ends with one
    low, high = game.payoff_bounds
    rows = {
        "NashConv": f"at most {certificate.bound:.5g} of a payoff range of {high - low:.5g}",
        "confidence": f"{certificate.confidence:g}, against all strategies, in the true spread",
        "gain found": f"{result.info['found_gain']:.5g} by the best responses on fresh sets",
        "populations": " and ".join(f"{len(found)}" for found in solution.populations) + " strategies",
        "sets": str(result.info["sets"]),
        "steps": str(result.steps),
        "seconds": f"{result.seconds:.3f}",
        "status": str(result.status),
    }
    if risk is not None:
        claim = _claim(solution, risk)
        _, variances = risk_figures(solution.game, solution.profile, risk)
        rows["risk-averse"] = f"NashConv of {claim.bound:.3g} in the matrix game, counting risk"
        rows["variance"] = ", ".join(f"{n} {v:.5g}" for n, v in zip(game.names, variances, strict=True))
    return rows


def _claim(solution: CompetitionSolution, risk: RiskAversion | None) -> Certificate:
    """What can be checked from the matrix game alone."""
    if risk is None:
        return Certificate("nash_conv", nash_conv(solution.game, solution.profile))
    return Certificate("risk_nash_conv", risk_nash_conv(solution.game, solution.profile, risk))
