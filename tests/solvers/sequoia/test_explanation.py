"""What a decision hangs on, against trying all actions."""

import io

import numpy as np
import pytest
from rich.console import Console

from games.bandits import (
    Family,
    StateSets,
    allowed_actions,
    capacity,
    cardinality,
    corrected_instance,
    from_arrays,
    knapsack,
    partition,
)
from solvers.report.sequoia import decision_table, others_table
from solvers.sequoia import ArgmaxOracle, Stage, Tolerance, explain, q_network
from solvers.sequoia.learning import LagrangianBase, OraclePolicy, ResidualFamily
from solvers.sequoia.learning.origin import QOrigin
from solvers.sequoia.network import LinearEncoder

SIZE = 6
SETS = {
    "cardinality": cardinality(SIZE, 3),
    "exactly": cardinality(SIZE, 2, exactly=True),
    "knapsack": knapsack([2.0, 3.0, 4.0, 9.0, 1.0, 2.0], 6.0),
    "capacity": capacity([2, 3, 4, 4, 3, 9], [4, 5]),
    "partition": partition([0, 0, 1, 1, 2, 2], [1, 1, 0]),
    "equation": from_arrays(SIZE, [[2.0, 1.0, 1.0, 0.0, 1.0, 5.0]], [2.0], [2.0]),
    "only": from_arrays(SIZE, np.eye(SIZE), [1, 0, 0, 1, 0, 0], [1, 0, 0, 1, 0, 0]),
    "by state": StateSets(SIZE, lambda states, step: cardinality(SIZE, 1)),
}


def network(seed):
    rng = np.random.default_rng(seed)
    weights = (rng.normal(size=(8, SIZE)), rng.normal(size=(5, 8)), rng.normal(size=(1, 5)))
    biases = (rng.normal(size=8), rng.normal(size=5), rng.normal(size=1))
    return q_network(LinearEncoder(rng.normal(size=(8, 2))), weights, biases, (0.0, 0.0))


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("seed", range(3))
def test_losses_are_those_of_trying_all(name, seed):
    feasible = SETS[name]
    if name == "by state":
        feasible = feasible.at(np.zeros(1, dtype=np.int64), 0)
        oracle = ArgmaxOracle(network(seed), lambda state: feasible)
    else:
        oracle = ArgmaxOracle(network(seed), feasible)
    state = np.array([0.4, -1.0])
    found = explain(oracle, state, others=4)
    actions = allowed_actions(feasible)
    values = oracle.network.at(state).values(actions)
    order = np.argsort(-values, kind="stable")
    assert found.answer.value == pytest.approx(values.max(), abs=1e-6)
    assert len(found.bits) == SIZE
    for choice in found.bits:
        assert choice.chosen == bool(found.answer.action[choice.bit])
        rest = values[actions[:, choice.bit] != choice.chosen]
        if not rest.size:
            assert choice.otherwise is None
            assert choice.loss == choice.least_loss == np.inf
            continue
        assert choice.otherwise.action[choice.bit] != choice.chosen
        assert feasible.contains(choice.otherwise.action)
        assert choice.loss == pytest.approx(values.max() - rest.max(), abs=1e-5)
        assert choice.least_loss - 1e-9 <= values.max() - rest.max() <= choice.loss + 1e-5
    wanted = values[order][1:5]
    assert [other.value for other in found.next_best] == pytest.approx(wanted.tolist(), abs=1e-5)
    assert [found.loss(other) for other in found.next_best] == sorted(map(found.loss, found.next_best))
    # Flipping the least important bit is the second best action.
    if len(wanted):
        least = min(choice.loss for choice in found.bits)
        assert least == pytest.approx(found.loss(found.next_best[0]), abs=1e-5)


def test_no_others_and_mistakes():
    oracle = ArgmaxOracle(network(0), SETS["cardinality"])
    assert explain(oracle, np.zeros(2), others=0).next_best == ()
    with pytest.raises(ValueError, match="others must be at least 0, got -1"):
        explain(oracle, np.zeros(2), others=-1)


def test_policies_explain_their_own_decisions():
    bandit = corrected_instance(Family.SCHEDULE, rng=np.random.default_rng(0), arms=5, budget=2)
    model = QOrigin(ResidualFamily((4,)), LagrangianBase()(bandit, 1.0), 1.0).build(bandit)
    policy = OraclePolicy(ArgmaxOracle(model.snapshot(), bandit.feasible), tolerance=Tolerance(1e-5))
    states = np.array([0, 1, 2, 3, 0])
    found = policy.explain(states, 7, others=1)
    np.testing.assert_array_equal(found.answer.action, policy(states[None], 7)[0])
    assert len(found.next_best) == 1


def printed(table):
    console = Console(file=io.StringIO(), width=120)
    console.print(table)
    return console.file.getvalue()


def test_tables_say_what_matters_most_first():
    feasible = partition([0, 0, 1, 1, 2, 2], [1, 1, 0])
    found = explain(ArgmaxOracle(network(1), feasible), np.zeros(2), others=2)
    names = [f"[arm {k}]" for k in range(SIZE)]
    text = printed(decision_table(found, names=names))
    lines = [line for line in text.splitlines() if "arm" in line and ("yes" in line or " no " in line)]
    assert len(lines) == SIZE
    assert "no action has it so" in lines[0]  # bits 4 and 5 are never allowed
    assert f"{found.answer.value:.6g}" in text
    assert found.answer.stage in Stage
    assert "[arm 4]" in lines[0]
    short = printed(decision_table(found, rows=2))
    assert "and 4 more" in short
    other = printed(others_table(found))
    assert all(f"{answer.value:.6g}" in other for answer in found.next_best)
    with pytest.raises(ValueError, match="names must hold 6 words"):
        decision_table(found, names=["one"])


def test_a_loss_that_is_not_proven_is_shown_as_a_range():
    oracle = ArgmaxOracle(network(2), SETS["cardinality"])
    loose = explain(oracle, np.zeros(2), tolerance=Tolerance(0.0, 100.0))
    text = printed(decision_table(loose))
    assert " .. " in text
    assert all(choice.least_loss <= choice.loss for choice in loose.bits)


def test_the_answer_is_not_among_the_next_best():
    class Wavering(ArgmaxOracle):
        """As where time runs out, so that the best action is found later."""

        def topk(self, state, k, *, tolerance=None):
            return super().topk(state, k, tolerance=tolerance)[::-1]

    found = explain(Wavering(network(0), SETS["cardinality"]), np.array([0.4, -1.0]), others=3)
    assert len(found.next_best) == 3
    for other in found.next_best:
        assert (other.action != found.answer.action).any()
