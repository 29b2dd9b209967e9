"""Plots show what they were given; tables compute what they print."""

import io

import numpy as np
import pytest
from rich.console import Console

from games.extensive import fold
from games.extensive.normal_form import from_normal_form
from games.normal_form import NormalFormGame
from games.normal_form.registry import load_named
from games.results import SolveResult, Status
from solvers.equilibrium import risk_frontier, solve_zero_sum
from solvers.psro import run_psro
from solvers.report import (
    plot_basins,
    plot_convergence,
    plot_mean_variance,
    plot_risk_frontier,
    progress_bar,
    results_table,
)

STAG = load_named("stag-hunt")


def printed(table):
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(table)
    return console.export_text()


def test_convergence_draws_every_iteration():
    solution = run_psro(fold(from_normal_form(load_named("rock-paper-scissors")))).unwrap()
    figure = plot_convergence({"rps": solution.trace}, floor=1e-10)
    by_iteration, by_time = figure.axes
    line = by_iteration.lines[0]
    assert line.get_label() == "rps"
    np.testing.assert_array_equal(line.get_xdata(), np.arange(1, len(solution.trace) + 1))
    assert line.get_ydata().min() == 1e-10  # solved exactly, drawn at the floor
    np.testing.assert_array_equal(by_time.lines[0].get_xdata(), solution.trace.seconds)


def test_mean_variance_marks_each_risk_aversion():
    best = [np.array([1.0, 0.0]), np.array([0.0, 1.0])]
    figure = plot_mean_variance(STAG, opponent=[0.9, 0.1], gammas=[0.0, 3.0], best=best)
    points = [collection.get_offsets()[0] for collection in figure.axes[0].collections]
    # Stag pays 4 or -1, hare 3 or 2, against stag with probability .9: variances .09 * 5^2 and .09 * 1^2.
    np.testing.assert_allclose(points, [[2.25, 3.5], [0.09, 2.9]])
    with pytest.raises(ValueError, match="two own actions"):
        plot_mean_variance(load_named("rock-paper-scissors"), opponent=[1, 0, 0], gammas=[], best=[])


def test_basins_show_the_table():
    figure = plot_basins([0.2, 0.8], [0.0], [[0.0, 1.0]], action="stag")
    assert [text.get_text() for text in figure.axes[0].texts] == ["0.00", "1.00"]
    with pytest.raises(ValueError, match=r"shape \(1, 2\)"):
        plot_basins([0.2, 0.8], [0.0], [[0.0], [1.0]], action="stag")


def test_risk_frontier_is_drawn_point_by_point():
    frontier = risk_frontier(STAG, [0.0, 0.5], start=[[0.5, 0.5]] * 2)
    figure = plot_risk_frontier(frontier, player=1)
    np.testing.assert_allclose(
        figure.axes[0].collections[0].get_offsets(),
        np.column_stack([frontier.variances[:, 1], frontier.means[:, 1]]),
    )


def test_tables_compute_value_and_variance_from_the_game():
    game = NormalFormGame.zero_sum([[1.0, -1.0], [-1.0, 1.0]])
    result = solve_zero_sum(game)
    lie = SolveResult(
        result.solution, result.status, result.certificate, "s", 3, 0.5, {"value_0": 99.0, "variance_0": 99.0}
    )
    text = printed(results_table([("pennies", game, lie)], title="t"))
    row = next(line for line in text.splitlines() if "pennies" in line).split()
    assert row[:3] == ["pennies", "0", "1"]
    assert "nash_conv" in text
    assert "99" not in text


def test_tables_take_results_without_a_solution():
    game = NormalFormGame.zero_sum([[1.0]])
    nothing = SolveResult(None, Status.FAILED, None, "s", 0, 0.0)
    assert "failed" in printed(results_table([("x", game, nothing)]))


def test_unequal_figures_are_all_shown():
    game = NormalFormGame.bimatrix([[5.0]], [[2.0]])
    result = SolveResult((np.ones(1), np.ones(1)), Status.LIMIT, None, "s", 0, 0.0)
    assert "5, 2" in printed(results_table([("x", game, result)]))


def test_progress_bars_follow_the_callback_and_end_full():
    console = Console(width=120, record=True, file=io.StringIO(), force_terminal=True)
    with progress_bar("work", console=console) as report:
        report(3, 10, gap=0.25)
    text = console.export_text()
    assert "work" in text
    assert "3/3" in text  # ended early: what was done is all there was
    assert "gap 0.25" in text
