"""Pictures of influence."""

import io

import numpy as np
import pytest

from games.influence.cascade import draw_cascade
from games.influence.diffusion import Triggering, uniform_cascade, uniform_threshold, weighted_cascade
from games.influence.exact import exact_spread
from games.influence.graph import graph_from_arcs
from solvers.report.influence import RatioPoint, SpreadPoint, plot_cascade, plot_ratio, plot_spread

GRAPH = graph_from_arcs([0, 0, 1, 2, 3, 4], [1, 2, 3, 3, 4, 1])
PLACES = np.random.default_rng(0).normal(size=(5, 2))


def png(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer)
    return buffer.getvalue()


def models():
    third = Triggering(GRAPH, {3: [(0.5, [1, 2]), (0.5, [])], 4: [(0.9, [3]), (0.1, [])]})
    return [uniform_cascade(GRAPH, 0.6), weighted_cascade(GRAPH), uniform_threshold(GRAPH), third]


@pytest.mark.parametrize("diffusion", models(), ids=["uniform", "weighted", "threshold", "triggering"])
def test_cascades_reach_what_they_should_on_average(diffusion):
    rng = np.random.default_rng(1)
    sizes = [
        np.count_nonzero(draw_cascade(diffusion, [1, 2], rng=rng, removed=[0]).step >= 0) for _ in range(3000)
    ]
    error = np.std(sizes) / np.sqrt(len(sizes))
    assert abs(np.mean(sizes) - exact_spread(diffusion, [1, 2], removed=[0])) <= 4.5 * error + 1e-9


def test_a_cascade_goes_step_by_step_along_arcs():
    certain = uniform_cascade(GRAPH, 1.0)
    cascade = draw_cascade(certain, [2], rng=np.random.default_rng(0), removed=[0])
    assert cascade.step.tolist() == [-1, 3, 0, 1, 2]
    for v, arc in enumerate(cascade.via.tolist()):
        if arc >= 0:
            assert GRAPH.target[arc] == v
            assert cascade.step[GRAPH.source[arc]] == cascade.step[v] - 1
    hurried = draw_cascade(uniform_cascade(GRAPH, 1.0, max_steps=1), [2], rng=np.random.default_rng(0))
    assert hurried.step.tolist() == [-1, -1, 0, 1, -1]
    assert (draw_cascade(certain, [0], rng=np.random.default_rng(0), removed=[0]).step == -1).all()


def test_the_picture_of_a_cascade_shows_who_is_who():
    cascade = draw_cascade(uniform_cascade(GRAPH, 1.0), [2], rng=np.random.default_rng(0), removed=[0])
    figure = plot_cascade(GRAPH, PLACES, cascade, adopters=[0], invitations=[(0, 2)], title="one")
    words = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert words == [
        "adopter",
        "invited (step 0)",
        *(f"reached in step {k}" for k in (1, 2, 3)),
        "not reached",
    ]
    assert png(figure).startswith(b"\x89PNG")
    nobody = draw_cascade(uniform_cascade(GRAPH, 1.0), [], rng=np.random.default_rng(0))
    assert png(plot_cascade(GRAPH, PLACES, nobody, adopters=[], invitations=[]))
    with pytest.raises(ValueError, match="positions"):
        plot_cascade(GRAPH, PLACES[:3], cascade, adopters=[0], invitations=[])


def test_curves_hold_the_numbers():
    spread = plot_spread(
        {
            "a": [SpreadPoint(1, 10.0, (9.0, 11.0)), SpreadPoint(4, 20.0, (18.0, 21.0))],
            "b": [SpreadPoint(2, 5.0, (4.0, 6.0))],
        },
        title="spread",
    )
    axis = spread.axes[0]
    assert axis.lines[0].get_ydata().tolist() == [10.0, 20.0]
    assert axis.get_xticks().tolist() == [1, 2, 4]
    band = axis.collections[0].get_paths()[0].vertices[:, 1]
    assert {9.0, 11.0, 18.0, 21.0} <= set(band.tolist())
    ratio = plot_ratio({"run": [RatioPoint(0.01, 0.5), RatioPoint(0.1, 0.9)]})
    assert ratio.axes[0].lines[0].get_xdata().tolist() == [0.01, 0.1]
    assert ratio.axes[0].get_xscale() == "log"
    assert png(spread)
    assert png(ratio)
