"""``counterplay check``."""

import secrets
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from games.checking import CheckReport, check_result
from games.checking_influence import check_influence
from games.checking_preferences import check_preference
from games.storage import bandit_policies, influence, load_result, preferences, read_schema
from solvers.cli.populations import generator
from solvers.cli.sequoia_files import judge_policy


def check(
    files: Annotated[list[Path], typer.Argument(help="Saved results (.json).")],
    graph: Annotated[
        Path | None, typer.Option(help="Influence: the edge list of a large graph, if not beside the file.")
    ] = None,
    sets: Annotated[
        int | None,
        typer.Option(help="Influence: fresh sets to judge by; four times the run's, within limits."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Influence and bandits: of fresh sets or episodes; drawn anew, so that no file can be made "
            "for them."
        ),
    ] = None,
    episodes: Annotated[int, typer.Option(help="Bandits: fresh episodes that the policy plays.")] = 200,
) -> None:
    """Recompute the certificates of saved results from the problems in them, without any solver.

    Influence results are judged on fresh reverse-reachable sets: the confidence of the claim is also that of
    the check. Policies of bandits play fresh episodes; what they play is judged from the arrays in the file.
    """
    disagree = False
    for file in files:
        rng = generator(secrets.randbits(63) if seed is None else seed)
        report = _report(file, graph, sets, episodes, rng)
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


def _report(
    file: Path, graph: Path | None, sets: int | None, episodes: int, rng: np.random.Generator
) -> CheckReport:
    schema = read_schema(file)
    if schema == bandit_policies.SCHEMA:
        return judge_policy(file, episodes, rng=rng)
    if schema == influence.SCHEMA:
        stored = influence.load_influence(file, graph_file=graph)
        return check_influence(stored, num_sets=sets, rng=rng)
    if schema == preferences.SCHEMA:
        return check_preference(preferences.load_preference(file))
    return check_result(load_result(file))
