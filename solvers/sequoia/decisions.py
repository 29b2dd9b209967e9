"""One decision after another through all stages; what is needed of several at once is done together."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from games.errors import SolveError
from solvers.sequoia.bounds import LayerBounds
from solvers.sequoia.branch_and_bound import search
from solvers.sequoia.exact_stages import ExactStage, Incumbent, some_action
from solvers.sequoia.highs_solver import HighsSolver
from solvers.sequoia.local_search import improve
from solvers.sequoia.network import ActionNetwork
from solvers.sequoia.opening import Buffers, Opening, openings
from solvers.sequoia.prepared_set import PreparedSet
from solvers.sequoia.result import ArgmaxResult, ArgmaxStatus, Stage, Tolerance

NodeLimit: TypeAlias = Callable[[ActionNetwork, PreparedSet], int]
"""How many nodes of branch and bound to try before the exact stage; 0 for none."""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What is asked of one state.

    Attributes:
        network: Q of the state.
        prepared: the allowed actions.
        enough: actions that do not exceed this value, in units of Q, need not be told apart.
        hints: actions to begin with, allowed or not, bool of shape (hints, N); None: what the first stages
            find.
    """

    network: ActionNetwork
    prepared: PreparedSet
    enough: float
    hints: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Begun:
    """A decision after the first stages.

    Attributes:
        question: what was asked.
        opening: what is known.
        allowed: gap at which to stop, in units of Q.
        nodes: how long to branch.
        seconds: spent so far.
    """

    question: Question
    opening: Opening
    allowed: float
    nodes: int
    seconds: float

    @property
    def excess(self) -> float:
        """By how much the gap is too wide, in units of Q; 0 or less: nothing is left to do."""
        best = self.opening.best
        if best is None:
            return math.inf
        return best.upper - max(best.value, self.question.enough) - self.allowed


@dataclass(frozen=True, slots=True, eq=False)
class Stages:
    """All stages of decisions.

    Attributes:
        exact: the last one.
        nodes: how long to branch before it.
        time_limit: seconds for one state, looked at within ``exact`` alone.
        buffers: of the threads at work.
    """

    exact: ExactStage
    nodes: NodeLimit
    time_limit: float
    buffers: Buffers = field(default_factory=Buffers)

    def begin(self, questions: Sequence[Question], tolerance: Tolerance, workers: int = 1) -> list[Begun]:
        """The first stages, compiled for all questions together.

        Args:
            questions: over one set and without hints, or a single one; their networks alike by
                :func:`solvers.sequoia.opening.shared_matrices`.
            tolerance: gap at which to stop.
            workers: threads.

        Raises:
            SolveError: the set's membership test refuses an action that was told to be allowed.
        """
        since = time.perf_counter()
        prepared = questions[0].prepared
        networks = [question.network for question in questions]
        enough = np.array([question.enough for question in questions])
        local = questions[0].hints is None
        nodes = np.array([self.nodes(network, prepared) for network in networks], dtype=np.int64)
        opened = openings(
            networks,
            prepared,
            enough,
            tolerance,
            search=local,
            nodes=nodes,
            workers=workers,
            buffers=self.buffers,
        )
        found = [each.best.action for each in opened if each.best is not None]
        if found:
            _check(prepared, np.array(found))
        seconds = (time.perf_counter() - since) / len(questions)
        return [
            Begun(question, opening, tolerance.allowed(opening.width), limit, seconds)
            for question, opening, limit in zip(questions, opened, nodes.tolist(), strict=True)
        ]

    def finish(self, begun: Begun) -> tuple[ArgmaxResult, float]:
        """The other stages, as far as they are needed.

        Returns:
            The answer, and the width that its tolerance was measured by.

        Raises:
            EmptySetError: no action is allowed.
            SolveError: the set's rows contradict its membership test, or are so hard that no action was found
                within the time limit.
        """
        since = time.perf_counter()
        deadline = time.monotonic() + self.time_limit - begun.seconds
        question, allowed, stage = begun.question, begun.allowed, begun.opening.stage
        prepared, enough = question.prepared, question.enough
        best = begun.opening.best
        if begun.excess > 0.0:
            best, stage = self._close(begun, deadline)
            _check(prepared, best.action[None])
        assert best is not None
        action = best.action.copy()
        action.flags.writeable = False
        if best.upper <= best.value + allowed:
            status = ArgmaxStatus.OPTIMAL
        elif best.upper <= enough + allowed:
            status = ArgmaxStatus.ENOUGH
        else:
            status = ArgmaxStatus.LIMIT if time.monotonic() >= deadline else ArgmaxStatus.FAILED
        seconds = begun.seconds + time.perf_counter() - since
        return ArgmaxResult(action, best.value, best.upper, status, stage, seconds), begun.opening.width

    def _close(self, begun: Begun, deadline: float) -> tuple[Incumbent, Stage]:
        question, allowed, stage = begun.question, begun.allowed, begun.opening.stage
        network, prepared, enough = question.network, question.prepared, question.enough
        count, bounds = prepared.count, begun.opening.bounds
        best = begun.opening.best or _searched(question, bounds, deadline)

        def is_open() -> bool:
            return best.upper > max(best.value, enough) + allowed

        if begun.nodes > 0 and is_open():
            goal = max(allowed, enough - best.value)
            branch = search(
                network,
                prepared.action_set,
                best.action,
                best.value,
                begun.nodes,
                goal,
                bounds=bounds,
                count=count,
                begun=begun.opening.search,
                deadline=deadline,
            )
            if begun.opening.search is not None:
                self.buffers.free_search(begun.opening.search)
            if branch.upper < best.upper:
                stage = Stage.BRANCHING
            upper = max(branch.value, min(best.upper, branch.upper))
            best = Incumbent(branch.action, branch.value, upper)
        if is_open():
            closed = self.exact.close(network, prepared, bounds, best, enough, allowed, deadline)
            if closed.upper < best.upper:
                stage = self.exact.stage
            best = closed
        return best, stage


def _check(prepared: PreparedSet, actions: NDArray[np.bool_]) -> None:
    allowed = prepared.action_set.contains(actions)
    if not allowed.all():
        action = actions[int(allowed.argmin())]
        raise SolveError(
            f"an action outside {prepared.action_set.name} was found: {np.flatnonzero(action).tolist()}"
        )


def _searched(question: Question, bounds: LayerBounds, deadline: float) -> Incumbent:
    """Local search from the best action to be had, where the first stages found none."""
    prepared = question.prepared
    start = _start(question, bounds.maximiser, deadline)
    action, value = improve(
        question.network,
        start[None],
        prepared.action_set,
        bounds=bounds,
        count=prepared.count,
        profiles=prepared.profiles,
    )
    return Incumbent(action, value, max(value, bounds.output_upper))


def _start(question: Question, maximiser: NDArray[np.bool_], deadline: float) -> NDArray[np.bool_]:
    """An allowed action to begin with: the best of the hints and of what costs nothing."""
    network, prepared = question.network, question.prepared
    candidates = maximiser[None]
    if question.hints is not None:
        candidates = np.concatenate((candidates, question.hints))
    candidates = candidates[prepared.action_set.contains(candidates)]
    if len(candidates):
        best: NDArray[np.bool_] = candidates[int(network.values(candidates).argmax())]
        return best
    if prepared.has_none:
        return np.zeros(network.size, dtype=np.bool_)
    found = some_action(prepared, maximiser, HighsSolver(), deadline)
    if found is None:
        raise SolveError(f"no action of {prepared.action_set.name} was found within the time limit")
    return found
