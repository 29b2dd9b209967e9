"""Whom the adopters invite, in the user's own labels."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.influence.problem import CapacityProblem


@dataclass(frozen=True, slots=True, eq=False)
class Invitation:
    """Whom the adopters invite, and what is known of it.

    Attributes:
        friends: per adopter the labels of those they invite.
        spread: estimate of what the invited reach, themselves included, in units of node weight.
        spread_interval: what it lies between, with the confidence of the result's certificate.
        optimum_bound: what no invitation exceeds, with the same confidence.
        ratio: certified: the lower end of the interval over ``optimum_bound``.
    """

    friends: dict[Hashable, tuple[Hashable, ...]]
    spread: float
    spread_interval: tuple[float, float]
    optimum_bound: float
    ratio: float

    @property
    def seeds(self) -> tuple[Hashable, ...]:
        """All who are invited, each once."""
        return tuple(dict.fromkeys(friend for invited in self.friends.values() for friend in invited))


def friends_of(problem: CapacityProblem, owner: NDArray[np.int32]) -> dict[Hashable, tuple[Hashable, ...]]:
    """Labels of the invited per adopter, from the inviter of each candidate (-1 where not invited)."""
    return named_friends(problem, friends_by_adopter(problem, owner))


def friends_by_adopter(problem: CapacityProblem, owner: NDArray[np.int32]) -> list[NDArray[np.int64]]:
    """Candidates invited by each adopter, rising, from the inviter of each (-1 where not invited)."""
    invited = np.flatnonzero(owner >= 0)
    order = invited[np.argsort(owner[invited], kind="stable")]
    ends = np.cumsum(np.bincount(owner[invited], minlength=problem.adopters.size))
    return np.split(order, ends[:-1])


def named_friends(
    problem: CapacityProblem, friends: Sequence[NDArray[np.int64]]
) -> dict[Hashable, tuple[Hashable, ...]]:
    """Labels of the invited per adopter, from numbers in ``problem.candidates``; some may come twice."""
    label = problem.diffusion.graph.label
    return {
        label(adopter): tuple(label(c) for c in problem.candidates[invited].tolist())
        for adopter, invited in zip(problem.adopters.tolist(), friends, strict=True)
    }
