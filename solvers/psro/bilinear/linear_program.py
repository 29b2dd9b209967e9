r"""The sequence-form linear program [1]_ of a bilinear game, in HiGHS.

For plans x of the treeplex E x = e and the best replies to it, by duality over F y = f,

.. math::  \max_{x, v} v_0 \;\text{ s.t. }\; E x = e, \; F^\top v \le A^\top x, \; x \ge 0 ,

and the multipliers of the inequalities are an optimal y. The plans are rebuilt as behavior policies, so they
are feasible to the last digit whatever HiGHS tolerates.

.. [1] D. Koller, N. Megiddo, B. von Stengel, "Efficient computation of equilibria for extensive two-person
   games", Games and Economic Behavior 14, 1996.
"""

import highspy
import numpy as np
from highspy import HighsModelStatus
from numpy.typing import NDArray
from scipy.sparse import block_array, coo_array, csr_array

from games.errors import SolveError
from games.extensive import kernels
from games.extensive.sequence_form import FlatTreeplexes
from solvers.equilibrium.highs import SilentHighs
from solvers.psro.bilinear.game import BilinearGame

_ROWWISE, _MAXIMISE = 2, -1
_OPTIONS = {
    "threads": 1,
    "primal_feasibility_tolerance": 1e-10,
    "dual_feasibility_tolerance": 1e-10,
}


def solve_by_lp(game: BilinearGame, *, time_limit: float | None = None) -> NDArray[np.float64]:
    """Optimal plans of both players end to end, shape (S,).

    Args:
        game: the game.
        time_limit: seconds after which HiGHS stops; the plans are those it had come to, some plans at worst.

    Raises:
        SolveError: HiGHS broke down.
    """
    flat = game.flat
    own, other = (_flow(flat, player) for player in range(2))
    replies, values = other.shape[1], other.shape[0]
    unit = game.payoff_range if game.payoff_range > 0.0 else 1.0
    matrix = csr_array(block_array([[own, None], [-game.matrix.T / unit, other.T]]))
    flows, plans = own.shape
    root = np.zeros(flows)
    root[0] = 1.0
    infinite = highspy.kHighsInf
    highs = SilentHighs()
    for name, value in _OPTIONS.items():
        highs.setOptionValue(name, value)
    objective = np.zeros(plans + values)
    objective[plans] = 1.0
    highs.passModel(
        plans + values,
        flows + replies,
        matrix.nnz,
        _ROWWISE,
        _MAXIMISE,
        0.0,
        objective,
        np.concatenate([np.zeros(plans), np.full(values, -infinite)]),
        np.full(plans + values, infinite),
        np.concatenate([root, np.full(replies, -infinite)]),
        np.concatenate([root, np.zeros(replies)]),
        matrix.indptr.astype(np.int32),
        matrix.indices.astype(np.int32),
        matrix.data,
        np.zeros(plans + values, dtype=np.int32),
    )
    if time_limit is not None:
        highs.setOptionValue("time_limit", float(time_limit))
    highs.run()
    status = highs.getModelStatus()
    if status not in (HighsModelStatus.kOptimal, HighsModelStatus.kTimeLimit):
        raise SolveError(
            f"HiGHS could not solve a sequence-form program: {highs.modelStatusToString(status)}"
        )
    found = highs.getSolution()
    # Replies face rows "at most": their multipliers have one sign, and which one is a convention.
    raw = np.concatenate([found.col_value[:plans], np.abs(found.row_dual[flows:])])
    return repaired(flat, raw)


def repaired(flat: FlatTreeplexes, plans: NDArray[np.float64]) -> NDArray[np.float64]:
    """The plans, shape (S,), with flow constraints that hold to rounding."""
    behaviors, rebuilt = np.empty_like(plans), np.empty_like(plans)
    kernels.behaviors_from_plans(flat, plans, behaviors)
    kernels.plans_from_behaviors(flat, behaviors, rebuilt)
    return rebuilt


def _flow(flat: FlatTreeplexes, player: int) -> csr_array:
    """Constraint matrix of a treeplex, shape (H + 1, S): row 0 is the root, row h + 1 information set h."""
    begin, end = flat.infoset_offset[player], flat.infoset_offset[player + 1]
    shift = flat.sequence_offset[player]
    size = int(flat.sequence_offset[player + 1] - shift)
    count = int(end - begin)
    widths = flat.last[begin:end] - flat.first[begin:end]
    rows = np.concatenate(([0], 1 + np.repeat(np.arange(count), widths), 1 + np.arange(count)))
    columns = np.concatenate((np.arange(size), flat.parent[begin:end] - shift))
    values = np.concatenate((np.ones(size), np.full(count, -1.0)))
    return csr_array(coo_array((values, (rows, columns)), shape=(count + 1, size)))
