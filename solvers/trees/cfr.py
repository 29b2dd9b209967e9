r"""Counterfactual regret minimisation on the sequence form.

Every information set h of a player runs its own regret minimiser on the counterfactual values of its actions.
In the sequence form these values are the gradient of the player's payoff in their realization plan plus, for
each sequence, what the information sets below it are worth: one sparse product, one sweep up the treeplex
for values and regrets, one sweep down for the new plan. An iteration is linear in the size of the form.

In two-player constant-sum games the averages of all variants approach the Nash equilibria. Elsewhere the
*joint* play approaches coarse correlated equilibria if all players learn against the same iterate
(``Updates.SIMULTANEOUS``), and its distance is reported as ``cce_gap``; the certificate is, there as here,
NashConv of the behavior policies that are returned, which need not become small. Use the sequence-form linear
program for exact answers on small trees; sampling would be needed for trees that do not fit into memory.
"""

import itertools
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from games.certificates import Certificate
from games.extensive.evaluation import expected_values, join_plans, nash_conv, split
from games.extensive.sequence_form import Behavior, SequenceForm
from games.progress import ProgressCallback, ignore_progress
from games.results import SolveResult, Status
from solvers.equilibrium.matrix_solution import gap_allowance
from solvers.trees.cfr_kernels import Arrays, iterate
from solvers.trees.cfr_state import CFRState, Updates, check_state
from solvers.trees.layout import Layout, lay_out
from solvers.trees.variants import PredictiveDiscounted, Variant

FloatArray = NDArray[np.float64]

_FIRST_LOOK = 16
_GROWTH = 1.15  # measurements at geometrically growing distances cost a fixed share of the work
_CHUNK_SECONDS = 0.2  # compiled code returns at least this often, or after every iteration


class Answer(StrEnum):
    """Which policies of a run are measured and certified."""

    AVERAGE = "average"
    LAST = "last"


@dataclass(frozen=True, slots=True, eq=False)
class CFRTrace:
    """Measurements of a run, one row each.

    Attributes:
        iteration: int64 (K,), iterations done.
        nash_conv: float64 (K,), NashConv of the answer at that point.
        seconds: float64 (K,), time of this call spent on iterations and measurements.
    """

    iteration: NDArray[np.int64]
    nash_conv: FloatArray
    seconds: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class CFRSolution:
    """What a run leaves.

    Attributes:
        behaviors: the answer, which the certificate is about; one policy of shape (S_i,) per player.
        average: policies of the weighted average plans.
        last: policies after the last iteration.
        state: for a later call to go on from.
        trace: what was measured on the way.
    """

    behaviors: tuple[Behavior, ...]
    average: tuple[Behavior, ...]
    last: tuple[Behavior, ...]
    state: CFRState
    trace: CFRTrace


class CFRRun:
    """Iterations on one game, taken as many at a time as the caller likes.

    Args:
        form: the game, any number of players.
        variant: member of the family.
        updates: whether players learn in turn.
        start: state to go on from; uniform play where None.

    Raises:
        ValueError: ``start`` belongs to another game, variant or kind of updates.

    Example:
        >>> from games.adapters.open_spiel_tree import compile_open_spiel
        >>> run = CFRRun(compile_open_spiel("kuhn_poker"), PredictiveDiscounted())
        >>> run.advance(100)
        >>> run.state().iteration
        100
    """

    def __init__(
        self,
        form: SequenceForm,
        variant: Variant,
        *,
        updates: Updates = Updates.ALTERNATING,
        start: CFRState | None = None,
    ) -> None:
        self._form, self._variant, self._updates = form, variant, updates
        if start is None:
            start = CFRState.fresh(form, variant.name, updates)
        else:
            if (start.variant, start.updates) != (variant.name, updates):
                raise ValueError(
                    f"start must be a state of {variant.name} with {updates} updates, got one of "
                    f"{start.variant} with {start.updates} updates"
                )
            check_state(form, start)
        self._layout: Layout = lay_out(form)
        self._done = start.iteration
        laid_out = self._layout.laid_out
        follow = updates is Updates.SIMULTANEOUS
        self._arrays = Arrays(
            laid_out(start.regrets),
            laid_out(start.behaviors),
            laid_out(join_plans(form, split(form, start.behaviors))),
            laid_out(start.sums),
            laid_out(start.gradients) if follow else np.empty(0),
            start.values.copy(),
        )

    @property
    def iteration(self) -> int:
        """Iterations done, those before ``start`` included."""
        return self._done

    def advance(self, count: int) -> None:
        """Take ``count`` more iterations."""
        layout = self._layout
        alternate = self._updates is Updates.ALTERNATING
        iterate(
            layout.blocks, layout.segments, self._variant.rule, alternate, self._arrays, self._done, count
        )
        self._done += count

    def state(self) -> CFRState:
        """A copy of where the run stands."""
        arrays, restored = self._arrays, self._layout.restored
        return CFRState(
            self._variant.name,
            self._updates,
            self._done,
            restored(arrays.regrets),
            restored(arrays.behaviors),
            restored(arrays.sums),
            restored(arrays.gradients) if arrays.gradients.size else np.zeros_like(arrays.sums),
            arrays.values.copy(),
        )


def solve_cfr(
    form: SequenceForm,
    variant: Variant | None = None,
    *,
    iterations: int = 1000,
    tol: float = 0.0,
    time_limit: float | None = None,
    updates: Updates | None = None,
    answer: Answer = Answer.AVERAGE,
    measure_at: Sequence[int] | None = None,
    start: CFRState | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[CFRSolution]:
    """Run a member of the family until its answer is close enough to equilibrium or a limit is reached.

    Args:
        form: the game; two-player constant-sum for convergence to Nash equilibria.
        variant: which member; predictive discounted CFR+ where None.
        iterations: most iterations, those before ``start`` included.
        tol: largest NashConv, in payoff ranges, that is CERTIFIED and ends the run.
        time_limit: seconds, or None for no limit. No iteration begins later.
        updates: whether players learn in turn; where None, they do in two-player games, and all at once in
            others, whose joint play has a distance from coarse correlated equilibria only then.
        answer: which policies are measured and certified.
        measure_at: iterations after which NashConv is measured, rising; where None, at geometrically
            growing distances. The end is measured in any case.
        start: state to go on from (``CFRSolution.state``).
        progress: called after each measurement and several times a second, with the figure ``nash_conv``
            last measured.

    Returns:
        The certificate is the NashConv of ``solution.behaviors``, computed by ``games``. Status CERTIFIED or
        LIMIT. ``info`` holds the players' expected payoffs ``value_0`` ... and, where all learn at once,
        ``cce_gap``: the external regrets of the joint play as the run recorded them (see
        ``CFRState.joint_regret``).

    Raises:
        ValueError: an argument out of its range, or a ``start`` that does not fit.

    Example:
        >>> from games.adapters.open_spiel_tree import compile_open_spiel
        >>> result = solve_cfr(compile_open_spiel("kuhn_poker"), tol=1e-4)
        >>> round(result.info["value_0"], 3)
        -0.056
    """
    began = time.perf_counter()
    if iterations < 0:
        raise ValueError(f"iterations must be at least 0, got {iterations!r}")
    if not 0.0 <= tol < math.inf:  # also refuses NaN
        raise ValueError(f"tol must be a number of at least 0, got {tol!r}")
    if time_limit is not None and not time_limit >= 0.0:
        raise ValueError(f"time_limit must be at least 0 seconds or None, got {time_limit!r}")
    looks = None if measure_at is None else list(measure_at)
    if looks is not None and any(b <= a for a, b in itertools.pairwise([0, *looks])):
        raise ValueError(f"measure_at must be rising iterations from 1 on, got {looks}")
    deadline = math.inf if time_limit is None else began + time_limit
    if updates is None:
        updates = Updates.ALTERNATING if form.num_players == 2 else Updates.SIMULTANEOUS
    run = CFRRun(form, variant or PredictiveDiscounted(), updates=updates, start=start)
    allowance = gap_allowance(tol, *form.payoff_bounds)
    rows: list[tuple[int, float, float]] = []

    def measure() -> tuple[CFRState, tuple[Behavior, ...], float]:
        state = run.state()
        behaviors = state.average(form) if answer is Answer.AVERAGE else state.last(form)
        bound = nash_conv(form, behaviors)
        rows.append((run.iteration, bound, time.perf_counter() - began))
        progress(run.iteration, iterations, nash_conv=bound)
        return state, behaviors, bound

    state, behaviors, bound = measure()
    pace = 0.0  # seconds per iteration
    while bound > allowance and run.iteration < iterations and time.perf_counter() < deadline:
        target = min(_next_look(run.iteration, looks), iterations)
        while run.iteration < target:
            now = time.perf_counter()
            if now >= deadline:
                break
            # Half of what seems to be left: a guess of the pace that is too quick costs no more than that.
            fitting = min(_CHUNK_SECONDS, (deadline - now) / 2.0) / pace if pace > 0.0 else 1.0
            count = max(1, int(min(fitting, target - run.iteration)))
            run.advance(count)
            pace = (time.perf_counter() - now) / count
            progress(run.iteration, iterations, nash_conv=bound)
        state, behaviors, bound = measure()
    status = Status.CERTIFIED if bound <= allowance else Status.LIMIT
    columns = list(zip(*rows, strict=True))
    trace = CFRTrace(np.array(columns[0], np.int64), np.array(columns[1]), np.array(columns[2]))
    info = {f"value_{i}": float(v) for i, v in enumerate(expected_values(form, behaviors))}
    if state.updates is Updates.SIMULTANEOUS and run.iteration:
        info["cce_gap"] = state.joint_regret(form)
    return SolveResult(
        CFRSolution(behaviors, state.average(form), state.last(form), state, trace),
        status,
        Certificate("nash_conv", bound),
        state.variant,
        run.iteration,
        time.perf_counter() - began,
        info,
    )


def _next_look(done: int, looks: list[int] | None) -> float:
    """The iteration after which to measure next."""
    if looks is None:
        return max(done + _FIRST_LOOK, math.ceil(_GROWTH * done))
    return next((k for k in looks if k > done), math.inf)


@dataclass(frozen=True, slots=True)
class CFRSolver:
    """A member of the family as a solver of trees that answers with policies alone.

    Attributes:
        variant: which member.
    """

    variant: Variant

    def __call__(
        self,
        form: SequenceForm,
        *,
        tol: float = 1e-4,
        max_steps: int = 1_000_000,
        time_limit: float | None = None,
        progress: ProgressCallback = ignore_progress,
    ) -> SolveResult[tuple[Behavior, ...]]:
        """Average policies.

        Args:
            form: the game.
            tol: largest NashConv, in payoff ranges, that is CERTIFIED and ends the run.
            max_steps: most iterations.
            time_limit: seconds, or None for no limit.
            progress: called several times a second.

        Returns:
            As ``solve_cfr``, but for the solution.

        Raises:
            ValueError: an argument out of its range.
        """
        if max_steps < 0:
            raise ValueError(f"max_steps must be at least 0, got {max_steps!r}")
        result = solve_cfr(
            form, self.variant, iterations=max_steps, tol=tol, time_limit=time_limit, progress=progress
        )
        return result.with_solution(result.unwrap().behaviors)
