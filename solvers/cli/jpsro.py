"""``counterplay jpsro``."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from games.loading import load_game
from solvers.cli.output import check_targets, interruptible, leave
from solvers.cli.populations import generator
from solvers.psro.joint.concepts import (
    CCE,
    CE,
    JointConcept,
    JointMetaSolver,
    RandomWelfare,
    max_gini,
    max_welfare,
    min_epsilon,
)
from solvers.psro.joint.loop import JPSRO, run_jpsro
from solvers.report.progress import progress_bar


class ConceptName(StrEnum):
    """Which deviations are answered."""

    CE = "ce"
    CCE = "cce"


class Preference(StrEnum):
    """Which equilibrium of the empirical game is taken."""

    MAX_GINI = "max_gini"
    MAX_WELFARE = "max_welfare"
    MIN_EPSILON = "min_epsilon"
    RANDOM_WELFARE = "random_welfare"


_CONCEPTS = {ConceptName.CE: CE, ConceptName.CCE: CCE}
_PREFERENCES: dict[Preference, Callable[[JointConcept], JointMetaSolver]] = {
    Preference.MAX_GINI: max_gini,
    Preference.MAX_WELFARE: max_welfare,
    Preference.MIN_EPSILON: min_epsilon,
    Preference.RANDOM_WELFARE: RandomWelfare,
}


def jpsro(
    game: Annotated[str, typer.Argument(help="Catalogue name, OpenSpiel string, or .nfg/.efg file.")],
    concept: Annotated[
        ConceptName, typer.Option(help="Deviations after a recommendation, or before it.")
    ] = ConceptName.CCE,
    prefer: Annotated[
        Preference, typer.Option(help="What picks the equilibrium of each empirical game.")
    ] = Preference.MAX_GINI,
    answers: Annotated[int | None, typer.Option(help="Most answers per player and iteration.")] = None,
    iterations: Annotated[int, typer.Option(help="Most iterations.")] = 100,
    tol: Annotated[float, typer.Option(help="Stop at this gap, in payoff ranges.")] = 1e-9,
    time_limit: Annotated[float | None, typer.Option(help="Seconds.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of all randomness.")] = 0,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Save the run here, and resume it from here.")
    ] = None,
    checkpoint_every: Annotated[int, typer.Option(help="Most iterations between saves.")] = 10,
) -> None:
    """Correlated equilibria by population learning: players answer a joint distribution over policies.

    Try:

      counterplay jpsro kuhn_poker

      counterplay jpsro "kuhn_poker(players=3)" --concept ce --prefer min_epsilon

      counterplay jpsro chicken --concept ce --prefer max_welfare
    """
    check_targets([checkpoint])
    form = load_game(game).sequence_form()
    kind = _CONCEPTS[concept]
    with interruptible(checkpoint), progress_bar(f"jpsro on {form.name}") as bar:
        result = run_jpsro(
            form,
            JPSRO(_PREFERENCES[prefer](kind), kind, answers),
            iterations=iterations,
            tol=tol,
            time_limit=time_limit,
            rng=generator(seed),
            checkpoint=checkpoint,
            checkpoint_every=checkpoint_every,
            progress=bar,
        )
    solution = result.unwrap()
    table = Table(title=f"{result.solver} on {form.name}", title_justify="left", box=None, show_header=False)
    for name, figure in (
        (kind.measure, "-" if result.certificate is None else f"{result.certificate.bound:.1e}"),
        ("values", " / ".join(f"{result.info[f'value_{i}']:.6g}" for i in range(form.num_players))),
        ("policies", " x ".join(str(len(p)) for p in solution.plans)),
        ("cells in play", str(int(np.count_nonzero(solution.joint)))),
        ("iterations", str(result.steps)),
        ("seconds", f"{result.seconds:.3f}"),
        ("status", str(result.status)),
    ):
        table.add_row(name, figure)
    Console().print(table)
    leave(result)
