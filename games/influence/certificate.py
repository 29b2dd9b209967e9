r"""What is proven of an invitation: its spread, and how far from the best one it can be.

Two independent collections of reverse-reachable sets are used [1]_. On fresh sets, the share that meets the
chosen seeds bounds their spread from below. On the sets they were chosen from, the best invitation
:math:`S^*` meets at most U sets, for whatever upper bound U of the greatest coverage; as :math:`S^*` was
fixed before the sets were drawn, U bounds its spread from above. Both counts are binomial, so the bounds are
those of Clopper and Pearson [2]_, which hold for every number of sets, and are tighter than the usual
martingale bounds.

For U, give every set r any number :math:`\alpha_r \in [0, 1]`: a set that is met counts 1, and 1 is at most
:math:`(1 - \alpha_r) + \alpha_r \cdot` (how many seeds meet it), so

.. math:: U = \sum_r (1 - \alpha_r) + \max_S \sum_{v \in S} \sum_{r \ni v} \alpha_r ,

where the maximum over what the inviters can cover is found exactly by matroid greedy. With :math:`\alpha` 0
on the sets that some S meets and 1 elsewhere this is the bound of the paper's Lemma 5.3 without its double
counting of nodes with several inviters; with the multipliers of the linear relaxation it is the value of that
program.

.. [1] Tang, Tang, Xiao, Yuan (2018), Online processing algorithms for influence maximization, SIGMOD.
.. [2] Clopper, Pearson (1934), The use of confidence or fiducial limits, Biometrika 26.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import betaincinv

from games.influence.assignment_kernels import heaviest
from games.influence.collection import SetCollection
from games.influence.problem import CapacityProblem

_ROUNDING = 1e-9  # a bound summed over millions of sets may sit that much below a whole count


def coverage_bound(problem: CapacityProblem, sets: SetCollection, alpha: NDArray[np.float64]) -> float:
    """Upper bound on how many of ``sets`` an invitation can meet.

    Args:
        problem: adopters, candidates, capacities.
        sets: cut down to the problem's candidates.
        alpha: one number in [0, 1] per set, shape (sets,); any gives a valid bound.

    Raises:
        ValueError: ``alpha`` has another shape or leaves [0, 1].
    """
    if alpha.shape != (sets.num_sets,) or not ((alpha >= 0) & (alpha <= 1)).all():
        raise ValueError(
            f"alpha must hold one number in [0, 1] per set, shape ({sets.num_sets},), got {alpha.shape}"
        )
    weight = np.empty(sets.num_candidates)
    slack = weigh(sets.start, sets.member, alpha, weight)
    return float(slack + heaviest(problem.places(), np.argsort(-weight, kind="stable"), weight))


@njit(nogil=True, cache=True)
def weigh(
    start: NDArray[np.int64],
    member: NDArray[np.int32],
    alpha: NDArray[np.float64],
    weight: NDArray[np.float64],
) -> float:
    r"""Put :math:`\sum_{r \ni v} \alpha_r` into ``weight`` (c,); returns :math:`\sum_r (1 - \alpha_r)`.

    Sets without candidates are left out of the sum: nobody meets them.
    """
    weight[:] = 0.0
    slack = 0.0
    for r in range(alpha.size):
        if start[r + 1] > start[r]:
            slack += 1.0 - alpha[r]
            for k in range(start[r], start[r + 1]):
                weight[member[k]] += alpha[r]
    return slack


def coverage(sets: SetCollection, chosen: NDArray[np.int32] | NDArray[np.int64]) -> int:
    """How many of the sets hold a chosen candidate."""
    mark = np.zeros(sets.num_candidates, dtype=np.bool_)
    mark[chosen] = True
    met = np.concatenate([[0], np.cumsum(mark[sets.member])])
    return int(np.count_nonzero(met[sets.start[1:]] > met[sets.start[:-1]]))


def share_at_least(hits: int, trials: int, failure: float) -> float:
    """Clopper-Pearson: a share that the true one is below with probability at most ``failure``."""
    return 0.0 if hits == 0 else float(betaincinv(hits, trials - hits + 1, failure))


def share_at_most(hits: float, trials: int, failure: float) -> float:
    """Clopper-Pearson: a share that the true one is above with probability at most ``failure``.

    Counts are whole, so a bound on a count may be rounded down first.
    """
    whole = int(np.floor(hits * (1 + _ROUNDING)))
    return 1.0 if whole >= trials else float(betaincinv(whole + 1, trials - whole, 1.0 - failure))
