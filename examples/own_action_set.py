"""An action set of one's own, written in Pyomo, and the best actions of a torch network over it.

    python examples/own_action_set.py

Twelve sites, three crews. A crew that works at a site must be qualified for it, opening a site costs money,
two sites share a road that is closed while either is worked on, and crew 0 may stay at home only if crew 1
does. The set is compiled once; then the network is maximised over it, state by state, with a proof.
"""

import numpy as np
import pyomo.environ as pyo
import torch
from torch import nn

from games.bandits import ActionSet, certify_argmax, enumerated_argmax, from_pyomo
from solvers.sequoia import ActionFirst, ArgmaxOracle, compile_module

SITES, CREWS, FEATURES = 12, 3, 5
COST = [3, 5, 2, 4, 6, 3, 2, 5, 4, 3, 6, 2]
MONEY = 14


def sites_to_work_on() -> ActionSet:
    """The bits say which sites are worked on; who works there is the set's own business."""
    model = pyo.ConcreteModel("sites")
    model.work = pyo.Var(range(SITES), domain=pyo.Binary)
    model.crew = pyo.Var(range(CREWS), range(SITES), domain=pyo.Binary)

    def qualified(crew: int, site: int) -> bool:
        return (crew + site) % 3 != 0

    model.skill = pyo.Constraint(
        range(CREWS),
        range(SITES),
        rule=lambda m, c, s: pyo.Constraint.Skip if qualified(c, s) else m.crew[c, s] == 0,
    )
    model.staffed = pyo.Constraint(
        range(SITES), rule=lambda m, s: sum(m.crew[c, s] for c in range(CREWS)) == m.work[s]
    )
    model.two_sites_a_crew = pyo.Constraint(
        range(CREWS), rule=lambda m, c: sum(m.crew[c, s] for s in range(SITES)) <= 2
    )
    model.money = pyo.Constraint(expr=sum(COST[s] * model.work[s] for s in range(SITES)) <= MONEY)
    model.road = pyo.Constraint(expr=model.work[4] + model.work[5] <= 1)
    model.not_without = pyo.Constraint(
        range(SITES), rule=lambda m, s: m.crew[1, s] <= sum(m.crew[0, k] for k in range(SITES))
    )
    return from_pyomo(model, model.work)


def main() -> None:
    """Compile both, ask, and check the answer."""
    torch.manual_seed(7)
    module = nn.Sequential(
        nn.Linear(SITES + FEATURES, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1)
    )
    feasible = sites_to_work_on()
    network = compile_module(module, ActionFirst(SITES))
    oracle = ArgmaxOracle(network, feasible)
    state = np.random.default_rng(0).normal(size=FEATURES)

    print(f"{feasible.variables} variables, {feasible.rows.shape[0]} rows, at most {feasible.most} sites")
    for place, answer in enumerate(oracle.topk(state, 3), start=1):
        sites = np.flatnonzero(answer.action).tolist()
        print(f"{place}. sites {sites}: Q {answer.value:.6f}, none better than {answer.upper:.6f}")
        print(f"   {answer.status}; by {answer.stage}")

    best = oracle.solve(state)
    here = network.at(state)
    certificate = certify_argmax(here.weights, here.biases, here.slopes, feasible, best.action, best.upper)
    _, everything = enumerated_argmax(here.weights, here.biases, here.slopes, feasible)
    print(f"certificate: {certificate.measure} at most {certificate.bound:.0e}")
    print(f"by trying all {2**SITES} actions: {everything:.6f}, equal: {abs(everything - best.value) < 1e-9}")


if __name__ == "__main__":
    main()
