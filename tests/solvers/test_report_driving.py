"""The picture of safety against speed."""

import numpy as np
import pytest

from solvers.report.driving import SafetyPoint, plot_safety


def test_safety_shows_every_driver_in_every_panel():
    points = [
        SafetyPoint("neutral", 5.0, (4.0, 6.0), 0.2, (0.1, 0.3)),
        SafetyPoint("averse", 4.0, (3.5, 4.5), 0.0, (0.0, 0.0)),
    ]
    figure = plot_safety([("small", points), ("long", points[:1])], title="safety")
    first, second = figure.axes
    assert [axis.get_title() for axis in figure.axes] == ["small", "long"]
    assert len(first.containers) == 2
    assert len(second.containers) == 1
    marks = np.array([bar.lines[0].get_xydata()[0] for bar in first.containers])
    np.testing.assert_allclose(marks, [[5.0, 0.2], [4.0, 0.0]])
    assert first.get_ylim()[0] < 0  # so that zero shows on the logarithmic axis
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["neutral", "averse"]


def test_nothing_to_show_is_refused():
    with pytest.raises(ValueError, match="panels"):
        plot_safety([])
