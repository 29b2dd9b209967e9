"""Why an action was chosen: what each of its bits is worth, by what is lost when it has to be the other way.

The loss of a bit is Q of the chosen action less the greatest Q of an allowed action in which that bit is
flipped; all other bits may change to make up for it. It is exact where the decision is, as the oracle answers
the restricted set with a proof as well.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from games.bandits.action_set import ActionSet
from games.bandits.fixing import fixing
from solvers.sequoia.oracle import ArgmaxOracle
from solvers.sequoia.prepared_set import EmptySetError, Preparation
from solvers.sequoia.result import ArgmaxResult, Tolerance


@dataclass(frozen=True, slots=True, eq=False)
class BitChoice:
    """One bit of a decision.

    Attributes:
        bit: its number.
        chosen: its value in the action.
        otherwise: the best allowed action in which it has the other value; None where no action has.
        loss: Q of the action less Q of that one, in units of Q; inf where there is none. It is negative by
            rounding, or where the decision was not proven.
        least_loss: what the loss is at least, by the upper bound of the restricted set.
    """

    bit: int
    chosen: bool
    otherwise: ArgmaxResult | None
    loss: float
    least_loss: float


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """One decision.

    Attributes:
        answer: the action with what is proven of it.
        bits: one entry for each bit, in their order.
        next_best: the best other actions, best first.
    """

    answer: ArgmaxResult
    bits: tuple[BitChoice, ...]
    next_best: tuple[ArgmaxResult, ...]

    def loss(self, other: ArgmaxResult) -> float:
        """How much Q is lost by another action."""
        return self.answer.value - other.value


def explain(
    oracle: ArgmaxOracle, state: ArrayLike, *, others: int = 3, tolerance: Tolerance | None = None
) -> Explanation:
    """What the decision in one state hangs on.

    This takes one maximum for each bit and for each other action.

    Args:
        oracle: over any network and set.
        state: as the network's encoder reads it.
        others: how many next best actions to list, 0 or more.
        tolerance: of all maxima; None: the oracle's own.

    Raises:
        ValueError: ``others`` is negative.
        SolveError: as `ArgmaxOracle.solve`.
    """
    if others < 0:
        raise ValueError(f"others must be at least 0, got {others}")
    given = np.asarray(state, dtype=np.float64)
    answer = oracle.solve(given, tolerance=tolerance)
    feasible = oracle.feasible
    action_set = feasible if isinstance(feasible, ActionSet) else feasible(given)
    bits = []
    for bit, chosen in enumerate(answer.action.tolist()):
        flipped = ArgmaxOracle(
            oracle.network, fixing(action_set, bit, value=not chosen), effort=Preparation(tests=0)
        )
        try:
            other = flipped.solve(given, tolerance=tolerance or oracle.tolerance)
        except EmptySetError:
            bits.append(BitChoice(bit, chosen, None, np.inf, np.inf))
            continue
        value = answer.value
        bits.append(BitChoice(bit, chosen, other, value - other.value, value - other.upper))
    ranked = oracle.topk(given, others + 1, tolerance=tolerance) if others else ()
    # Where time ran out, the first of these need not be the answer.
    next_best = [other for other in ranked if not np.array_equal(other.action, answer.action)]
    return Explanation(answer, tuple(bits), tuple(next_best[:others]))
