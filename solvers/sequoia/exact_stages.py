"""The last stage of an oracle: what closes the gap that the cheap stages left."""

import math
import time
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from games.bandits.joint import allowed_actions
from games.errors import SolveError
from solvers.sequoia.bounds import LayerBounds
from solvers.sequoia.highs_solver import HighsSolver
from solvers.sequoia.network import ActionNetwork
from solvers.sequoia.prepared_set import EmptySetError, PreparedSet
from solvers.sequoia.program import linear_program, network_program, output_width
from solvers.sequoia.program_solver import ProgramRequest, ProgramSolver
from solvers.sequoia.result import Stage

_FEASIBILITY = (1e-9, 1e-10)
"""Tolerances on rows and integrality: the second is used where the first let a point through that is none."""
_MISMATCH = 1e-6
"""Greatest distance of a program's objective from the network's own value, in units of the output's width."""
_WORTHWHILE = 1e-4
"""A gap below this, in units of the objective's greatest coefficient, saves no time: then it is closed."""
_CHUNK = 1 << 14  # actions at once, so that memory stays small


@dataclass(frozen=True, slots=True, eq=False)
class Incumbent:
    """An allowed action and what is known.

    Attributes:
        action: bool of shape (N,).
        value: its Q.
        upper: no allowed action has a greater Q.
    """

    action: NDArray[np.bool_]
    value: float
    upper: float


class ExactStage(Protocol):
    """Closes the gap, or tells how far it came."""

    @property
    def stage(self) -> Stage:
        """As results name it."""

    def close(
        self,
        network: ActionNetwork,
        prepared: PreparedSet,
        bounds: LayerBounds,
        incumbent: Incumbent,
        enough: float,
        allowed: float,
        deadline: float,
    ) -> Incumbent:
        """Improve both sides of the gap.

        Args:
            network: Q of one state.
            prepared: the action set.
            bounds: of the neurons over the set.
            incumbent: where to start.
            enough: actions that do not exceed this value need not be told apart.
            allowed: gap at which to stop, in units of Q.
            deadline: on the clock of ``time.monotonic``.

        Returns:
            Never worse than ``incumbent`` on either side.
        """


@dataclass(frozen=True, slots=True)
class MixedIntegerProgram:
    """The stage that solves a mixed-integer program.

    Each point found is rounded, checked by the set's independent test, and sent through the network: a value
    that differs from the program's objective reveals that a tolerance was used to cheat, and the program is
    solved again with a tighter one. The upper bound is the solver's own plus all that its tolerances can
    hide, so it holds as far as the solver keeps to them.

    Attributes:
        solver: HiGHS unless told otherwise.
    """

    solver: ProgramSolver = field(default_factory=HighsSolver)

    @property
    def stage(self) -> Stage:
        """A mixed-integer program."""
        return Stage.PROGRAM

    def close(
        self,
        network: ActionNetwork,
        prepared: PreparedSet,
        bounds: LayerBounds,
        incumbent: Incumbent,
        enough: float,
        allowed: float,
        deadline: float,
    ) -> Incumbent:
        """As the protocol says.

        Raises:
            SolveError: the rows of the set allow what its membership test refuses.
        """
        program = network_program(network, prepared, bounds)
        slip = _MISMATCH * output_width(network, bounds)
        action, value, upper = incumbent.action, incumbent.value, incumbent.upper
        for feasibility in _FEASIBILITY:
            floor = max(value, enough)
            seconds = math.inf if math.isinf(deadline) else max(0.0, deadline - time.monotonic())
            request = ProgramRequest(program.objective(floor), 0.0, seconds, feasibility)
            error = self.solver.error(program, request)
            spare = allowed / program.scale - error
            if spare > _WORTHWHILE:
                request = replace(request, gap=0.9 * spare)  # the rest is for rounding
            answer = self.solver.maximise(program, request)
            if answer.point is None:
                return Incumbent(action, value, max(value, min(upper, program.value(answer.upper + error))))
            reach = float(program.costs @ answer.point)
            claimed = program.value(max(answer.upper, reach + request.gap) + error)
            found = answer.point[: network.size] > 0.5
            honest = bool(prepared.action_set.contains(found))
            if honest:
                reached = float(network.values(found[None])[0])
                if reached > value:
                    action, value = found, reached
                if abs(program.value(reach) - reached) <= slip:
                    return Incumbent(action, value, max(value, min(upper, claimed)))
        if not honest:
            raise _contradiction(prepared, found)
        return Incumbent(action, value, upper)


@dataclass(frozen=True, slots=True)
class Enumeration:
    """The stage that tries all allowed actions, for up to 20 bits."""

    @property
    def stage(self) -> Stage:
        """Enumeration."""
        return Stage.ENUMERATION

    def close(
        self,
        network: ActionNetwork,
        prepared: PreparedSet,
        bounds: LayerBounds,
        incumbent: Incumbent,
        enough: float,
        allowed: float,
        deadline: float,
    ) -> Incumbent:
        """As the protocol says.

        Raises:
            ValueError: the set has more than 20 bits.
        """
        actions = allowed_actions(prepared.action_set)
        action, value = incumbent.action, incumbent.value
        for begin in range(0, len(actions), _CHUNK):
            if time.monotonic() > deadline:
                return Incumbent(action, value, max(value, incumbent.upper))
            values = network.values(actions[begin : begin + _CHUNK])
            place = int(values.argmax())
            if values[place] > value:
                action, value = actions[begin + place], float(values[place])
        # Products of matrices round differently in batches.
        alone = float(network.values(action[None])[0])
        return Incumbent(action, alone, max(alone, value))


def some_action(
    prepared: PreparedSet, wanted: NDArray[np.bool_], solver: ProgramSolver, deadline: float
) -> NDArray[np.bool_] | None:
    """An allowed action, the nearest to a wanted one by the number of different bits.

    Returns:
        None when time ran out before any was found.

    Raises:
        EmptySetError: the set is empty.
        SolveError: its rows allow what its membership test refuses.
    """
    program = linear_program(prepared, np.where(wanted, 1.0, -1.0))
    seconds = math.inf if math.isinf(deadline) else max(0.0, deadline - time.monotonic())
    answer = solver.maximise(program, ProgramRequest(-math.inf, 0.0, seconds, _FEASIBILITY[-1]))
    if answer.point is None:
        if answer.finished:
            raise EmptySetError(f"{prepared.action_set.name} allows no action at all")
        return None
    found: NDArray[np.bool_] = answer.point[: prepared.action_set.size] > 0.5
    if not bool(prepared.action_set.contains(found)):
        raise _contradiction(prepared, found)
    return found


def _contradiction(prepared: PreparedSet, found: NDArray[np.bool_]) -> SolveError:
    return SolveError(
        f"the rows of {prepared.action_set.name} allow action {np.flatnonzero(found).tolist()}, "
        "which its membership test refuses"
    )
