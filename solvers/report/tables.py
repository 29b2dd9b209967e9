"""Tables of results for the terminal."""

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.table import Table

from games.extensive import evaluation
from games.extensive.sequence_form import SequenceForm
from games.normal_form import NormalFormGame, expected_payoffs, payoff_variances
from games.results import SolveResult

Row: TypeAlias = tuple[str, NormalFormGame | SequenceForm, SolveResult[Any]]
"""A label, the game, and the result (mixed strategies, behavior policies, or a joint distribution)."""


def results_table(rows: Iterable[Row], *, title: str = "") -> Table:
    """One row per result: value and reward variance of each player, certified bound, status, time.

    One number stands for all players where their figures are equal, or opposite.

    Value and variance of the realised payoff are computed from the game, not read from the solver.
    """
    rows = list(rows)
    measures = {r.certificate.measure for _, _, r in rows if r.certificate is not None}
    heading = measures.pop() if len(measures) == 1 else "certificate"
    table = Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True
    )
    table.add_column("run", no_wrap=True)
    for name in ("value", "variance", heading, "steps", "sec"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for label, game, result in rows:
        values, variances = _figures(game, result)
        bound = "-"
        if result.certificate is not None:
            bound = f"{result.certificate.bound:.1e}"
            if heading == "certificate":
                bound = f"{result.certificate.measure} {bound}"
        table.add_row(
            label, values, variances, bound, str(result.steps), f"{result.seconds:.3f}", str(result.status)
        )
    return table


def _figures(game: NormalFormGame | SequenceForm, result: SolveResult[Any]) -> tuple[str, str]:
    if result.solution is None:
        return "-", "-"
    figures: tuple[NDArray[np.float64], NDArray[np.float64]]
    if isinstance(game, NormalFormGame) and isinstance(result.solution, np.ndarray):
        # A joint distribution over action profiles.
        means = (game.payoffs * result.solution).reshape(game.num_players, -1).sum(axis=1)
        centred = game.payoffs - means.reshape(-1, *[1] * game.num_players)
        squares = (centred**2 * result.solution).reshape(game.num_players, -1)
        figures = means, squares.sum(axis=1)
    elif isinstance(game, NormalFormGame):
        figures = (
            expected_payoffs(game, result.solution),
            payoff_variances(game, result.solution),
        )
    else:
        figures = (
            evaluation.expected_values(game, result.solution),
            evaluation.payoff_variances(game, result.solution),
        )
    # One number where it speaks for all: payoffs that are equal, or opposite as in a zero-sum game.
    words = []
    for figure in figures:
        rounded = np.round(figure, 12) + 0.0
        alike = np.ptp(rounded) == 0.0 or (rounded.size == 2 and rounded.sum() == 0.0)
        words.append(", ".join(f"{v:.4g}" for v in (rounded[:1] if alike else rounded)))
    return words[0], words[1]
