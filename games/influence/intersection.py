r"""What all of several families allow, and bounds that use all of them at once.

Let :math:`P_1, \ldots, P_p` be the polytopes of the parts. Split the weight of every candidate among the
parts, :math:`w_v = \sum_i \lambda_{iv} w_v` with :math:`\lambda \ge 0` and :math:`\sum_i \lambda_{iv} = 1`.
A member y of all parts then weighs

.. math:: w \cdot y = \sum_i (\lambda_i w) \cdot y \le \sum_i \max_{y_i \in P_i} (\lambda_i w) \cdot y_i .

All weight on one part is that part's own bound. The least over all splits is the greatest weight over the
intersection of the polytopes, by duality; for two matroids that is the heaviest common member [1]_.

.. [1] Frank (1981), A weighted matroid intersection algorithm, J. Algorithms 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from games.influence.families import Choice, Family

_SLACK = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Intersection:
    """What all of several families allow; of p matroids greedy finds 1 / (p + 1) of the best coverage [1]_.

    Attributes:
        parts: the families, at least one, over the same candidates; those of an intersection stand for it.

    Raises:
        ValueError: there is none, or they differ in their candidates.

    .. [1] Fisher, Nemhauser, Wolsey (1978), An analysis of approximations for maximizing submodular set
       functions II.
    """

    parts: Sequence[Family]

    def __post_init__(self) -> None:
        if len({part.num_candidates for part in self.parts}) != 1:
            raise ValueError("parts must hold at least one family, all over the same candidates")
        object.__setattr__(self, "parts", tuple(chain.from_iterable(map(parts_of, self.parts))))

    @property
    def num_candidates(self) -> int:
        """See ``Family``."""
        return self.parts[0].num_candidates

    @property
    def price(self) -> NDArray[np.float64]:
        """See ``Family``; budgets count alike."""
        price = np.zeros(self.num_candidates)
        for part in self.parts:
            price += part.price
        return price

    def empty(self) -> "_CommonChoice":
        """See ``Family``."""
        return _CommonChoice([part.empty() for part in self.parts])

    def relaxed_best(self, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """See ``Family``; the point of the part that allows least."""
        return min(
            (part.relaxed_best(weight) for part in self.parts), key=lambda point: float(weight @ point)
        )


def parts_of(family: Family) -> Sequence[Family]:
    """The families that hold at once: those of an intersection, or just the family."""
    return family.parts if isinstance(family, Intersection) else (family,)


@dataclass(frozen=True, slots=True, eq=False)
class SplitWeights:
    """A relaxation of what several families allow at once: each answers for a share of every weight.

    Attributes:
        parts: the families.
        share: of each candidate's weight that every part answers for, shape (parts, c), non-negative,
            summing to one per candidate.

    Raises:
        ValueError: ``share`` is no such split.
    """

    parts: Sequence[Family]
    share: NDArray[np.float64]

    def __post_init__(self) -> None:
        share = np.array(self.share, dtype=np.float64)
        shape = (len(self.parts), self.parts[0].num_candidates)
        if share.shape != shape or not ((share >= 0).all() and (abs(share.sum(axis=0) - 1) <= _SLACK).all()):
            raise ValueError(
                f"share must hold numbers of at least 0, shape {shape}, that sum to 1 per candidate, "
                f"got shape {share.shape}"
            )
        object.__setattr__(self, "share", share / share.sum(axis=0))

    @property
    def num_candidates(self) -> int:
        """See ``Relaxation``."""
        return self.parts[0].num_candidates

    def points(self, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """Best relaxed point of every part for its share of the weight, shape (parts, c)."""
        shares = zip(self.parts, self.share, strict=True)
        return np.stack([part.relaxed_best(share * weight) for part, share in shares])

    def relaxed_best(self, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """See ``Relaxation``: the parts' points, mixed by their shares."""
        mixed: NDArray[np.float64] = np.sum(self.share * self.points(weight), axis=0)
        return mixed


class _CommonChoice:
    def __init__(self, parts: list[Choice]) -> None:
        self._parts = parts

    def admit(self, candidate: int) -> bool:
        for k, part in enumerate(self._parts):
            if not part.admit(candidate):
                for earlier in self._parts[:k]:
                    earlier.undo()
                return False
        return True

    def undo(self) -> None:
        for part in self._parts:
            part.undo()
