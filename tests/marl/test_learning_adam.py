"""An optimiser that is stored and put back goes on as if nothing had happened."""

import numpy as np
import pytest
import torch

from marl.learning.networks import Adam


class Leaves:
    """Two parameters of a quadratic."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.parameters = [
            torch.from_numpy(rng.normal(size=shape)).requires_grad_() for shape in ((3, 2), ())
        ]

    def loss(self):
        return sum((tensor - 1.0).square().sum() for tensor in self.parameters)


def test_a_stored_optimiser_goes_on_identically():
    first, second = Leaves(), Leaves()
    one = Adam(first, 5.0)
    for _ in range(4):
        one.step(first.loss(), 0.1)
    other = Adam(second, 5.0)
    other.restore(one.arrays())
    with torch.no_grad():
        for mine, its in zip(second.parameters, first.parameters, strict=True):
            mine.copy_(its)
    for _ in range(3):
        one.step(first.loss(), 0.1)
        other.step(second.loss(), 0.1)
    for mine, its in zip(second.parameters, first.parameters, strict=True):
        assert torch.equal(mine, its)
    assert float(first.loss().detach()) < float(Leaves().loss().detach())


def test_arrays_of_other_parameters_are_refused():
    leaves = Leaves()
    arrays = Adam(leaves, 1.0).arrays()
    with pytest.raises(ValueError, match="lack mean_1"):
        Adam(leaves, 1.0).restore({name: array for name, array in arrays.items() if name != "mean_1"})
    with pytest.raises(ValueError, match="square_0"):
        Adam(leaves, 1.0).restore(arrays | {"square_0": np.zeros(4)})
