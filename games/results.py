"""What every solver returns: a solution, why it stopped, and an independent certificate."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, Self, TypeVar

from games.certificates import Certificate
from games.errors import SolveError

S = TypeVar("S")
T = TypeVar("T")


class Status(StrEnum):
    """Why a solve stopped."""

    CERTIFIED = "certified"
    LIMIT = "limit"
    STATIONARY = "stationary"
    INFEASIBLE = "infeasible"
    FAILED = "failed"

    @property
    def sentence(self) -> str:
        """The reason in words."""
        return _SENTENCES[self]


_SENTENCES = {
    Status.CERTIFIED: "the certificate is at or below the requested tolerance",
    Status.LIMIT: "a step or time limit was reached first; the solution is the best found",
    Status.STATIONARY: "the method came to rest above the tolerance; further steps would change nothing",
    Status.INFEASIBLE: "the constraints admit no solution",
    Status.FAILED: "the method broke down before the tolerance was reached; the solution is the best found",
}


@dataclass(frozen=True, slots=True)
class SolveResult(Generic[S]):
    """A solution with its certificate.

    Attributes:
        solution: the answer, or None only when none was found.
        status: why the solve stopped.
        certificate: recomputed from the problem by ``games``, never taken from the solver.
        solver: registered name of the solver.
        steps: iterations, pivots or rounds, as the solver counts them.
        seconds: wall-clock time.
        info: further numbers and words, such as the value of a game.
    """

    solution: S | None
    status: Status
    certificate: Certificate | None
    solver: str
    steps: int
    seconds: float
    info: Mapping[str, float | int | str | bool] = field(default_factory=dict)

    def unwrap(self) -> S:
        """Return the solution, or raise SolveError when there is none."""
        if self.solution is None:
            raise SolveError(f"{self.solver} found no solution: {self.status.sentence}")
        return self.solution

    def with_solution(self, solution: T) -> "SolveResult[T]":
        """The same result about another view of its solution, to which the certificate applies as well."""
        return SolveResult(
            solution, self.status, self.certificate, self.solver, self.steps, self.seconds, self.info
        )

    def require(self, tol: float) -> Self:
        """Return self if the certified bound is at most ``tol``, else raise SolveError."""
        bound = math.inf if self.certificate is None else self.certificate.bound
        if not bound <= tol:  # `not <=` also refuses a NaN tolerance
            raise SolveError(
                f"{self.solver} reached a bound of {bound:g}, required was {tol:g}: {self.status.sentence}"
            )
        return self
