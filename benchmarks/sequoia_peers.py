"""Other ways to the action of greatest Q, each rebuilt in every state, for `sequoia.py`.

- *OMLT*: its big-M blocks with its interval bounds in a Pyomo model, solved by HiGHS;
- *loose big-M* [1]_: W x + b = X - S with X <= M (1 - z), S <= M z and M = 1e5 for every neuron, written by
  a loop over the weights as in the released code, solved by HiGHS or Gurobi.

All read the network with the state folded into its first bias, and the rows that our action sets are
compiled to; both help the peers. Each runs on one thread with its solver's own settings but for the gap.

.. [1] Xu, Wilder, Khalil, Tambe (2025), Reinforcement learning with combinatorial actions for coupled
   restless bandits, ICLR; the formulation is that of the code released with it.
"""

import importlib.util
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import highspy
import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray

from games.bandits import ActionSet
from solvers.equilibrium.highs import SilentHighs
from solvers.sequoia import ActionNetwork

BIG = 1e5
_SIZE_LIMIT = 2000  # columns or rows under the licence that gurobipy comes with


class Ending(StrEnum):
    """How a peer came to an end."""

    SOLVED = "solved"
    INFEASIBLE = "called infeasible"
    LIMIT = "time limit"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class PeerAnswer:
    """What a peer says.

    Attributes:
        ending: its own word.
        action: rounded bits, or None where it has none.
        note: what went wrong, in its own words.
    """

    ending: Ending
    action: NDArray[np.bool_] | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Peer:
    """One way.

    Attributes:
        name: for tables.
        gap: relative gap at which it stops.
        exact: wrong answers are a disagreement, not a weakness that is known and counted.
        solve: from the network of one state, the set and a limit in seconds.
    """

    name: str
    gap: float
    exact: bool
    solve: Callable[[ActionNetwork, ActionSet, float], PeerAnswer]


def peers() -> tuple[list[Peer], list[str]]:
    """Those that are installed, and a line for each that is not."""
    found = [Peer("big-M 1e5, HiGHS", 0.0, False, big_m_on_highs)]
    missing = []
    if importlib.util.find_spec("omlt"):
        logging.getLogger("pyomo").setLevel(logging.ERROR)
        found.insert(0, Peer("OMLT, HiGHS", 0.0, True, omlt_on_highs))
    else:
        missing.append("OMLT: skipped, omlt is not installed")
    if importlib.util.find_spec("gurobipy"):
        found.append(Peer("big-M 1e5, Gurobi 2 %", 0.02, False, BigMOnGurobi(0.02).solve))
    else:
        missing.append("Gurobi: skipped, gurobipy is not installed")
    return found, missing


def gurobi_fits(network: ActionNetwork, action_set: ActionSet) -> str:
    """Why a big-M program exceeds the size-limited licence; empty where it fits."""
    hidden = sum(bias.size for bias in network.biases[:-1])
    columns = action_set.variables + 3 * hidden
    rows = action_set.rows.shape[0] + 3 * hidden
    if max(columns, rows) <= _SIZE_LIMIT:
        return ""
    return f"{columns} columns and {rows} rows, the licence takes {_SIZE_LIMIT}"


def omlt_on_highs(network: ActionNetwork, action_set: ActionSet, limit: float) -> PeerAnswer:
    """OMLT's network in a Pyomo model, through Pyomo's interface to HiGHS."""
    from omlt import OmltBlock
    from omlt.neuralnet import NetworkDefinition, ReluBigMFormulation
    from omlt.neuralnet.layer import DenseLayer, InputLayer
    from pyomo.contrib.appsi.base import TerminationCondition
    from pyomo.contrib.appsi.solvers import Highs

    definition = NetworkDefinition(scaled_input_bounds={k: (0.0, 1.0) for k in range(network.size)})
    before = InputLayer([network.size])
    definition.add_layer(before)
    last = len(network.weights) - 1
    for place, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        layer = DenseLayer(
            [weight.shape[1]],
            [weight.shape[0]],
            weights=np.ascontiguousarray(weight.T),
            biases=bias,
            activation="linear" if place == last else "relu",
        )
        definition.add_layer(layer)
        definition.add_edge(before, layer)
        before = layer
    model = pyo.ConcreteModel()
    model.net = OmltBlock()
    model.net.build_formulation(ReluBigMFormulation(definition))
    size = action_set.size
    model.column = pyo.Var(range(action_set.variables))
    for j in range(action_set.variables):
        whole = bool(action_set.integral[j])
        model.column[j].domain = pyo.Integers if whole else pyo.Reals
        model.column[j].setlb(_side(action_set.lower[j]))
        model.column[j].setub(_side(action_set.upper[j]))
    model.reads = pyo.Constraint(range(size), rule=lambda m, j: m.net.inputs[j] == m.column[j])
    model.rows = pyo.ConstraintList()
    for columns, values, low, high in _rows(action_set):
        total = pyo.quicksum(v * model.column[j] for j, v in zip(columns, values, strict=True))
        model.rows.add((_side(low), total, _side(high)))
    model.value = pyo.Objective(expr=model.net.outputs[0], sense=pyo.maximize)
    solver = Highs()
    solver.config.time_limit = limit
    solver.config.mip_gap = 0.0
    solver.config.load_solution = False
    solver.highs_options = {"threads": 1}
    results = solver.solve(model)
    action = None
    if results.best_feasible_objective is not None:
        results.solution_loader.load_vars()
        action = np.array([model.column[j].value > 0.5 for j in range(size)])
    condition = results.termination_condition
    if condition == TerminationCondition.optimal:
        return PeerAnswer(Ending.SOLVED, action)
    if condition == TerminationCondition.maxTimeLimit:
        return PeerAnswer(Ending.LIMIT, action)
    infeasible = condition in (TerminationCondition.infeasible, TerminationCondition.infeasibleOrUnbounded)
    return PeerAnswer(Ending.INFEASIBLE if infeasible else Ending.ERROR, action, str(condition))


def big_m_on_highs(network: ActionNetwork, action_set: ActionSet, limit: float) -> PeerAnswer:
    """The loose formulation, column by column and row by row."""
    highs = SilentHighs()
    for name, value in (("threads", 1), ("mip_rel_gap", 0.0), ("time_limit", limit)):
        highs.setOptionValue(name, value)
    for j in range(action_set.variables):
        highs.addVar(action_set.lower[j], action_set.upper[j])
        if action_set.integral[j]:
            highs.changeColIntegrality(j, highspy.HighsVarType.kInteger)
    for columns, values, low, high in _rows(action_set):
        highs.addRow(low, high, columns.size, columns, values)
    carriers = list(range(network.size))
    count = action_set.variables
    for weight, bias in zip(network.weights[:-1], network.biases[:-1], strict=True):
        handed = []
        for i in range(bias.size):
            on, off, switch = count, count + 1, count + 2
            count += 3
            highs.addVar(0.0, highspy.kHighsInf)
            highs.addVar(0.0, highspy.kHighsInf)
            highs.addVar(0.0, 1.0)
            highs.changeColIntegrality(switch, highspy.HighsVarType.kInteger)
            columns, values = [], []
            for j, carrier in enumerate(carriers):
                columns.append(carrier)
                values.append(float(weight[i, j]))
            highs.addRow(
                -bias[i],
                -bias[i],
                len(columns) + 2,
                np.array([*columns, on, off]),
                np.array([*values, -1.0, 1.0]),
            )
            highs.addRow(-highspy.kHighsInf, BIG, 2, np.array([on, switch]), np.array([1.0, BIG]))
            highs.addRow(-highspy.kHighsInf, 0.0, 2, np.array([off, switch]), np.array([1.0, -BIG]))
            handed.append(on)
        carriers = handed
    for j, carrier in enumerate(carriers):
        highs.changeColCost(carrier, -float(network.weights[-1][0, j]))
    highs.run()
    status = highs.getModelStatus()
    found = np.asarray(highs.getSolution().col_value)
    objective = highs.getInfo().objective_function_value
    action = found[: network.size] > 0.5 if found.size == count and np.isfinite(objective) else None
    if status == highspy.HighsModelStatus.kOptimal:
        return PeerAnswer(Ending.SOLVED, action)
    if status == highspy.HighsModelStatus.kTimeLimit:
        return PeerAnswer(Ending.LIMIT, action)
    infeasible = status == highspy.HighsModelStatus.kInfeasible
    return PeerAnswer(
        Ending.INFEASIBLE if infeasible else Ending.ERROR, action, highs.modelStatusToString(status)
    )


class BigMOnGurobi:
    """The loose formulation on Gurobi with its size-limited licence; the environment is made once."""

    def __init__(self, gap: float) -> None:
        import gurobipy

        self._gurobi = gurobipy
        self._gap = gap
        self._env = gurobipy.Env(params={"OutputFlag": 0})

    def solve(self, network: ActionNetwork, action_set: ActionSet, limit: float) -> PeerAnswer:
        """A fresh model."""
        gurobi = self._gurobi
        grb = gurobi.GRB
        try:
            with gurobi.Model(env=self._env) as model:
                for name, value in (("Threads", 1), ("MIPGap", self._gap), ("TimeLimit", limit)):
                    model.setParam(name, value)
                columns = [
                    model.addVar(low, high, vtype=grb.INTEGER if whole else grb.CONTINUOUS)
                    for low, high, whole in zip(
                        action_set.lower, action_set.upper, action_set.integral, strict=True
                    )
                ]
                for places, values, low, high in _rows(action_set):
                    total = gurobi.quicksum(v * columns[j] for j, v in zip(places, values, strict=True))
                    if low == high:
                        model.addConstr(total == low)
                        continue
                    if np.isfinite(low):
                        model.addConstr(total >= low)
                    if np.isfinite(high):
                        model.addConstr(total <= high)
                carriers = columns[: network.size]
                for weight, bias in zip(network.weights[:-1], network.biases[:-1], strict=True):
                    handed = []
                    for i in range(bias.size):
                        on, off, switch = model.addVar(), model.addVar(), model.addVar(vtype=grb.BINARY)
                        total = gurobi.LinExpr(float(bias[i]))
                        for j, carrier in enumerate(carriers):
                            total.add(carrier, float(weight[i, j]))
                        model.addConstr(total == on - off)
                        model.addConstr(on <= BIG * (1 - switch))
                        model.addConstr(off <= BIG * switch)
                        handed.append(on)
                    carriers = handed
                last = network.weights[-1][0]
                model.setObjective(
                    gurobi.quicksum(-float(last[j]) * carrier for j, carrier in enumerate(carriers))
                    - float(network.biases[-1][0])
                )
                model.optimize()
                action = None
                if model.SolCount:
                    action = np.array([bit.X > 0.5 for bit in columns[: network.size]])
                if model.Status == grb.OPTIMAL:
                    return PeerAnswer(Ending.SOLVED, action)
                if model.Status == grb.TIME_LIMIT:
                    return PeerAnswer(Ending.LIMIT, action)
                infeasible = model.Status in (grb.INFEASIBLE, grb.INF_OR_UNBD)
                ending = Ending.INFEASIBLE if infeasible else Ending.ERROR
                return PeerAnswer(ending, action, f"status {model.Status}")
        except gurobi.GurobiError as error:
            return PeerAnswer(Ending.ERROR, None, str(error))


def _rows(
    action_set: ActionSet,
) -> Iterator[tuple[NDArray[np.int32], NDArray[np.float64], float, float]]:
    """Columns, values and sides of each row."""
    table = action_set.rows.tocsr()
    for row in range(table.shape[0]):
        begin, end = table.indptr[row], table.indptr[row + 1]
        yield (
            table.indices[begin:end].astype(np.int32),
            table.data[begin:end].astype(np.float64),
            float(action_set.row_lower[row]),
            float(action_set.row_upper[row]),
        )


def _side(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
