"""The sequence-form linear program as a solver of trees."""

import math
import time

import numpy as np

from games.certificates import Certificate
from games.extensive.evaluation import behaviors_of_plans, expected_values, nash_conv, split
from games.extensive.sequence_form import Behavior, SequenceForm
from games.results import SolveResult, Status
from solvers.equilibrium.matrix_solution import gap_allowance
from solvers.psro.bilinear.game import BilinearGame, require_two_player_constant_sum
from solvers.psro.bilinear.linear_program import solve_by_lp


def solve_sequence_form_lp(
    form: SequenceForm, *, tol: float = 1e-8, time_limit: float | None = None
) -> SolveResult[tuple[Behavior, ...]]:
    """Nash equilibrium of a two-player constant-sum tree by one linear program [1]_ in HiGHS.

    Exact to the tolerances of floating-point simplex. Its time grows faster than the tree: suits trees of up
    to some ten thousand entries, or accuracies that regret minimisation does not reach.

    Args:
        form: the game.
        tol: largest NashConv, in payoff ranges, that is CERTIFIED.
        time_limit: seconds after which HiGHS stops, or None for no limit; it takes note between iterations.

    Returns:
        Behavior policies with certificate ``nash_conv``, computed by ``games``. Status CERTIFIED; LIMIT where
        the time ran out, FAILED where HiGHS claims an optimum above the tolerance. ``info`` holds the
        players' expected payoffs ``value_0`` and ``value_1``.

    Raises:
        UnsupportedGameError: not two players, or payoffs that are not constant-sum.
        ValueError: an argument out of its range.
        SolveError: HiGHS broke down.

    Example:
        >>> from games.adapters.open_spiel_tree import compile_open_spiel
        >>> result = solve_sequence_form_lp(compile_open_spiel("kuhn_poker"))
        >>> round(result.info["value_0"], 9)
        -0.055555556

    .. [1] D. Koller, N. Megiddo, B. von Stengel, "Efficient computation of equilibria for extensive
       two-person games", Games and Economic Behavior 14, 1996.
    """
    began = time.perf_counter()
    if not 0.0 <= tol < math.inf:  # also refuses NaN
        raise ValueError(f"tol must be a number of at least 0, got {tol!r}")
    if time_limit is not None and not time_limit >= 0.0:
        raise ValueError(f"time_limit must be at least 0 seconds or None, got {time_limit!r}")
    require_two_player_constant_sum(form, "sequence_form_lp")
    plans = solve_by_lp(_centred(form), time_limit=time_limit)
    behaviors = behaviors_of_plans(form, split(form, plans))
    bound = nash_conv(form, behaviors)
    seconds = time.perf_counter() - began
    late = time_limit is not None and seconds >= time_limit
    short = Status.LIMIT if late else Status.FAILED
    return SolveResult(
        behaviors,
        Status.CERTIFIED if bound <= gap_allowance(tol, *form.payoff_bounds) else short,
        Certificate("nash_conv", bound),
        "sequence_form_lp",
        1,
        seconds,
        {f"value_{i}": float(v) for i, v in enumerate(expected_values(form, behaviors))},
    )


def _centred(form: SequenceForm) -> BilinearGame:
    """The same game with the first player's payoffs around zero, so that an offset costs no digits."""
    with np.errstate(divide="ignore", invalid="ignore"):
        means = form.payoff[0] / form.weight
    reached = means[form.weight > 0.0]
    middle = float(reached.min() / 2.0 + reached.max() / 2.0)
    first = form.payoff[0] - middle * form.weight
    return BilinearGame(form.flat, form.sequences, np.stack([first, -first]), form.payoff_range)
