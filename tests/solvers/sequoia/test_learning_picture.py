"""The picture of learning curves shows values alone: the error on record is not theirs."""

import numpy as np

from solvers.report.sequoia import plot_learning
from solvers.sequoia.learning.records import LearningCurve, ValidationRecords


def test_values_have_no_band():
    looks = ValidationRecords(
        *(np.array(column) for column in ([0.0, 2.0], [1.0, 1.5], [0.0, 0.5], [0.0, 0.1]))
    )
    value = plot_learning({"one": LearningCurve(LearningCurve.empty().rounds, looks)}).axes[0]
    np.testing.assert_array_equal(value.lines[0].get_ydata(), looks.value)
    assert not value.collections
