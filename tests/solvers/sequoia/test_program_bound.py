"""What HiGHS claims of programs over small sets with general rows, against trying all actions."""

from itertools import pairwise

import numpy as np
import pytest

from games.bandits import from_arrays
from games.bandits.joint import allowed_actions
from solvers.sequoia import LinearEncoder, q_network
from solvers.sequoia.bounds import set_bounds
from solvers.sequoia.highs_solver import HighsSolver
from solvers.sequoia.prepared_set import prepare
from solvers.sequoia.program import network_program
from solvers.sequoia.program_solver import ProgramRequest

PROGRAMS = 40


def random_case(rng):
    """A set of up to nine bits with up to three rows, and a network with nearly no biases."""
    size, rows = int(rng.choice([5, 7, 9])), int(rng.integers(1, 4))
    action_set = from_arrays(
        size, rng.integers(-3, 6, (rows, size)), np.full(rows, -np.inf), rng.integers(0, 9, rows)
    )
    widths = [size, *(int(rng.integers(2, 10)) for _ in range(int(rng.integers(1, 4)))), 1]
    weights = tuple(rng.normal(size=(b, a)) * np.sqrt(2.0 / a) for a, b in pairwise(widths))
    biases = tuple(1e-9 * rng.normal(size=b) for b in widths[1:])
    slopes = (float(rng.choice([0.0, 0.01])),) * (len(widths) - 2)
    network = q_network(LinearEncoder(np.zeros((widths[1], 1))), weights, biases, slopes).at(np.zeros(1))
    return action_set, network


@pytest.mark.parametrize("seed", range(8))
def test_no_allowed_action_exceeds_the_bound_that_a_program_claims(seed):
    """Asked for integers to 1e-9, HiGHS lost the best action of one such program in a hundred."""
    rng, solver = np.random.default_rng(seed), HighsSolver()
    for _ in range(PROGRAMS):
        action_set, network = random_case(rng)
        values = network.values(allowed_actions(action_set))
        prepared = prepare(action_set)
        program = network_program(network, prepared, set_bounds(network, prepared.count))
        request = ProgramRequest(program.objective(float(np.median(values))), 0.0, np.inf, 1e-9)
        answer = solver.maximise(program, request)
        assert values.max() <= program.value(answer.upper + solver.error(program, request)) + 1e-12
