"""First stages of several decisions at once, and work spread over threads."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.bandits.action_set import cardinality
from games.bandits.capacity_sets import capacity
from games.bandits.joint import allowed_actions
from solvers.sequoia import ActionNetwork, ArgmaxOracle, Preparation, Tolerance
from solvers.sequoia.bounds import set_bounds
from solvers.sequoia.opening import openings, shared_matrices
from solvers.sequoia.prepared_set import prepare
from solvers.sequoia.program import output_width
from solvers.sequoia.spread import spread
from tests.solvers.sequoia.nets import random_network, random_q

SETS = {
    "table": (capacity([2, 3, 2, 3, 4, 2, 3, 5], [5, 6]), Preparation()),
    "kinds": (capacity([2, 3, 2, 3, 4, 2, 3, 5], [5, 6]), Preparation(actions=0)),
    "at most": (cardinality(8, 3), Preparation()),
    "exactly": (cardinality(8, 3, exactly=True), Preparation()),
    "tested": (capacity([2, 3, 2, 3, 4, 2, 3, 5], [5, 6]), Preparation(tests=0)),
}


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(list(SETS)),
    st.sampled_from([(), (5,), (7, 6), (4, 5, 3)]),
    st.sampled_from([0, 1, 5, 1000]),
    st.integers(1, 3),
)
@settings(max_examples=80, deadline=None)
def test_an_opening_does_not_depend_on_what_is_opened_with_it(seed, name, hidden, nodes, workers):
    action_set, effort = SETS[name]
    rng = np.random.default_rng(seed)
    prepared = prepare(action_set, effort)
    networks = random_q(rng, 8, hidden, slope=0.1).batch(rng.normal(size=(5, 3)))
    values = [network.values(allowed_actions(action_set)) for network in networks]
    enough = np.array([-np.inf, *(max(each) - 0.1 for each in values[1:])])
    together = openings(
        networks, prepared, enough, Tolerance(), search=True, nodes=np.full(5, nodes), workers=workers
    )
    for network, one, least, each in zip(networks, together, enough, values, strict=True):
        (alone,) = openings(
            [network], prepared, np.array([least]), Tolerance(), search=True, nodes=np.array([nodes])
        )
        bounds = set_bounds(network, prepared.count)
        for got in (one, alone):
            assert got.width == pytest.approx(output_width(network, bounds), rel=1e-12)
            assert got.bounds.output_upper == pytest.approx(bounds.output_upper, rel=1e-12)
            np.testing.assert_array_equal(np.concatenate(got.bounds.lower), np.concatenate(bounds.lower))
            np.testing.assert_array_equal(got.bounds.maximiser, bounds.maximiser)
        if name == "tested":
            assert one.best is None is alone.best
            continue
        assert (one.best.value, one.best.upper, one.stage) == (
            alone.best.value,
            alone.best.upper,
            alone.stage,
        )
        np.testing.assert_array_equal(one.best.action, alone.best.action)
        assert action_set.contains(one.best.action)
        assert one.best.value == network.values(one.best.action[None])[0]
        assert max(each) <= one.best.upper + 1e-12 * (1 + abs(max(each)))


def test_more_ties_than_there_is_room_for():
    action_set, effort = SETS["table"]
    prepared = prepare(action_set, effort)
    flat = random_q(np.random.default_rng(0), 8, (6, 6))
    weights = (*flat.weights[:-1], np.zeros((1, 6)))
    networks = [
        ActionNetwork(weights, network.biases, network.slopes)
        for network in flat.batch(np.random.default_rng(1).normal(size=(4, 3)))
    ]
    found = openings(
        networks, prepared, np.full(4, -np.inf), Tolerance(0.0), search=True, nodes=np.zeros(4, np.int64)
    )
    for network, opening in zip(networks, found, strict=True):
        assert opening.best.value == opening.best.upper == network.biases[-1][0]
        assert action_set.contains(opening.best.action)


def test_numbers_too_great_are_refused_wherever_they_are():
    rng = np.random.default_rng(2)
    first, *rest = random_q(rng, 8, (5, 5)).batch(rng.normal(size=(3, 3)))
    rest[1].biases[0][2] = 1e305
    prepared = prepare(cardinality(8, 3))
    with pytest.raises(ValueError, match=r"weights\[0\] and biases\[0\] do not"):
        openings(
            [first, *rest],
            prepared,
            np.full(3, -np.inf),
            Tolerance(),
            search=True,
            nodes=np.ones(3, np.int64),
        )


def test_networks_of_different_matrices_are_told_apart():
    class Alternating:
        """Q of one network or another."""

        size, version = 8, "alternating"

        def __init__(self, *networks):
            self.networks = networks

        def batch(self, states):
            return tuple(self.networks[int(state[0])] for state in np.asarray(states))

    rng = np.random.default_rng(3)
    networks = [random_network(rng, 8, (6, 6)), random_network(rng, 8, (7,)), random_network(rng, 8, ())]
    assert len({shared_matrices(network) for network in networks}) == 3
    states = np.array([[k % 3, k] for k in range(9)], dtype=float)
    actions = allowed_actions(cardinality(8, 3))
    for workers in (1, 2):
        oracle = ArgmaxOracle(Alternating(*networks), cardinality(8, 3), remembered=0)
        answers = oracle.solve_batch(states, workers=workers)
        wanted = [networks[k % 3].values(actions).max() for k in range(9)]
        np.testing.assert_allclose([answer.value for answer in answers], wanted, atol=1e-5)


@pytest.mark.parametrize("workers", [1, 2, 3, 20])
def test_work_is_spread_in_order(workers):
    used = set()

    def square(piece):
        used.add(threading.get_ident())
        return piece * piece

    before = threading.active_count()
    assert spread(square, range(10), workers) == [k * k for k in range(10)]
    assert spread(square, [], workers) == []
    assert len(used) <= workers
    assert threading.active_count() == before


def test_two_workers_work_side_by_side():
    meeting = threading.Barrier(2, timeout=10)
    assert spread(lambda _: meeting.wait() >= 0, range(2), 2) == [True, True]


@pytest.mark.parametrize("workers", [1, 2])
def test_the_first_error_comes_back_and_stops_the_rest(workers):
    begun = []

    def work(piece):
        begun.append(piece)
        if piece >= 3:
            raise ValueError(f"piece {piece}")

    with pytest.raises(ValueError, match="piece 3"):
        spread(work, range(100), workers)
    assert len(begun) <= 3 + workers
