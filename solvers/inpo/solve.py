"""The driver: plays rounds in all contexts at once, and certifies the answer."""

import math
import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.errors import UnsupportedGameError
from games.preference import KL, PreferenceGame, PreferenceReport, assess_preference
from games.preference.arrays import Array
from games.progress import ProgressCallback, ignore_progress
from games.results import SolveResult, Status
from solvers.inpo.blocks import LEAST_CONTEXTS, Block, play_blocks
from solvers.inpo.iterate import Iterate, Place, on_host
from solvers.inpo.method import Output, PreferenceMethod
from solvers.inpo.presets import egpo
from solvers.inpo.run import Course, Run
from solvers.inpo.steps import AutomaticStep, UnstableStepWarning, stability_bound

if TYPE_CHECKING:
    import torch

FloatArray = NDArray[np.float64]

_LEAST_COMPILED = 32  # contexts


@dataclass(frozen=True, slots=True)
class PreferenceTrace:
    """How a run went. Contexts at rest keep their figures.

    Attributes:
        rounds: the R rounds recorded: from 0, the start, to 100, then ever fewer, powers of ten, the last.
        gaps: of the iterates, in the game as it is, shape (R, ...).
        original_gaps: without divergence, shape (R, ...).
        kl_to_nash: KL(equilibrium || iterate), shape (R, ...); empty if no equilibrium was given.
    """

    rounds: NDArray[np.int64]
    gaps: FloatArray
    original_gaps: FloatArray
    kl_to_nash: FloatArray


@dataclass(frozen=True, slots=True)
class PreferenceSolution:
    """What a run found; policies have shape (..., n), the other arrays the shape of the batch.

    Attributes:
        policy: the answer: one of the three below, by the output of the method.
        last: the last iterate.
        average: the uniform mixture of all iterates, the start among them.
        best: the iterate of least gap.
        last_gap: gap of ``last`` in the game as it is, and so for the next two.
        average_gap: gap of ``average``.
        best_gap: gap of ``best``.
        rounds: rounds played in each context.
        trace: how the run went.
    """

    policy: FloatArray
    last: FloatArray
    average: FloatArray
    best: FloatArray
    last_gap: FloatArray
    average_gap: FloatArray
    best_gap: FloatArray
    rounds: NDArray[np.int64]
    trace: PreferenceTrace


def solve_preference(
    game: PreferenceGame,
    method: PreferenceMethod | None = None,
    *,
    rounds: int = 10_000,
    tol: float = 1e-8,
    time_limit: float | None = None,
    nash: ArrayLike | None = None,
    workers: int = 1,
    device: "torch.device | None" = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[PreferenceSolution]:
    """Play a preference game against itself from its reference until the gap is small in every context.

    Args:
        game: one game or a batch; what counts is its gap: regularised for tau > 0, original for tau = 0.
        method: how to play; None takes ``egpo()``.
        rounds: most rounds in any context.
        tol: largest gap that counts as solved, in win probability.
        time_limit: seconds, or None for no limit; looked at after every round, or sixteen of them where many
            contexts are played by compiled code.
        nash: an equilibrium, shape (..., n), the distance to which the trace shall hold.
        workers: threads for the contexts of a batch, if these are many; they do not change the numbers.
        device: of torch, to hold the batch and play there, in doubles; None plays in numpy, which is faster
            for single games and small batches. What is found is judged in numpy in any case.
        progress: called after every round, or sixteen of them, with ``gap``, the largest, and ``contexts``,
            those still at work; with several workers from any of their threads, one at a time.

    Returns:
        Policies, their gaps and a trace. Status CERTIFIED when the certificate, the largest gap of the answer
        recomputed by ``games``, is at most ``tol``; LIMIT when rounds or time ran out. ``steps`` is the
        greatest number of rounds in a context. ``info``: ``method``, ``contexts``, and ``solved``, those with
        a gap of at most ``tol``.

    Raises:
        ValueError: limits or ``tol`` are negative, ``workers`` is below 1 or goes with a ``device``,
            ``nash`` is no policy, or steps are too large for the divergence (eta < tau).
        UnsupportedGameError: the method has a weight of its own, and tau is positive.

    Warns:
        UnstableStepWarning: plain self-play with a constant eta below the stability bound, by estimate at
            the reference.

    Example:
        >>> from games.preference import comal_testbed
        >>> result = solve_preference(comal_testbed(tau=0.1), tol=1e-10)
        >>> result.unwrap().policy.round(4)
        array([0.2749, 0.2797, 0.4454])
    """
    start = time.perf_counter()
    method = egpo() if method is None else method
    if rounds < 0:
        raise ValueError(f"rounds must be at least 0, got {rounds}")
    if not tol >= 0.0:  # `not >=` also refuses NaN
        raise ValueError(f"tol must be at least 0, got {tol!r}")
    if time_limit is not None and not time_limit >= 0.0:
        raise ValueError(f"time_limit must be at least 0 seconds or None, got {time_limit!r}")
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    if workers > 1 and device is not None:
        raise ValueError(f"workers must be 1 on a device, which works in parallel anyway, got {workers}")
    weight = _weight(game, method)
    n = game.num_responses
    target = None if nash is None else game.as_policy(nash, name="nash").reshape(-1, n)
    place = on_host if device is None else _placing(device)
    state = Iterate.start(game, weight, method.memory, place)
    blocks = max(1, min(workers, len(state.policy) // LEAST_CONTEXTS))
    parts = np.array_split(np.arange(len(state.policy)), blocks)
    runs = [
        _block(
            state if blocks == 1 else state.part(slice(int(part[0]), int(part[-1]) + 1)),
            method,
            game.tau,
            tol,
            None if target is None else target[part],
            place,
        )
        for part in parts
    ]
    deadline = math.inf if time_limit is None else start + time_limit
    course = play_blocks(runs, rounds, deadline, progress)
    return _result(game, method, course, tol, start)


def _block(
    state: Iterate,
    method: PreferenceMethod,
    tau: float,
    tol: float,
    nash: FloatArray | None,
    place: Place,
) -> Block:
    if place is on_host and nash is None and len(state.policy) >= _LEAST_COMPILED:
        # For few games, loading compiled code takes longer than they do.
        from solvers.inpo.compiled_run import CompiledRun

        if isinstance(method.step, AutomaticStep) and CompiledRun.plays(method, state):
            return CompiledRun(state, method.step, tau, tol)
    return Run(state, method, tau, tol, nash, place)


def _placing(device: "torch.device") -> Place:
    import torch

    def place(array: NDArray[np.generic]) -> Array:
        return torch.tensor(array, device=device)  # copies: arrays of a game are read-only

    return place


def _weight(game: PreferenceGame, method: PreferenceMethod) -> float:
    """Weight of the divergence in the update, after checking that game, method and steps fit together."""
    if method.weight is not None and game.tau > 0.0:
        raise UnsupportedGameError(
            f"{method.name} finds the equilibrium without divergence, but tau of {game.name!r} is "
            f"{game.tau:g}; give it game.with_tau(0), or take egpo()"
        )
    weight = game.tau if method.weight is None else method.weight
    largest = method.step.largest(weight)
    if largest is not None and weight > 0.0 and method.is_plain_self_play and game.divergence == KL:
        bound = float(stability_bound(game.with_tau(weight)).max())
        if 1.0 / largest < bound:
            warnings.warn(
                f"eta = {1.0 / largest:g} is below {bound:.3g}, the least for {method.name} to be stable "
                "at the reference: expect cycles; InpoStep() chooses a stable one, egpo() has larger steps",
                UnstableStepWarning,
                stacklevel=3,
            )
    return weight


def _result(
    game: PreferenceGame, method: PreferenceMethod, course: Course, tol: float, start: float
) -> SolveResult[PreferenceSolution]:
    """The answer, certified."""
    batch = game.batch_shape
    last, average, best = (
        found.reshape(game.reference.shape) for found in (course.last, course.average, course.best)
    )
    reports: dict[Output, tuple[FloatArray, PreferenceReport]] = {
        Output.LAST: (last, assess_preference(game, last)),
        Output.AVERAGE: (average, assess_preference(game, average)),
    }
    # As a rule the last iterate is also the best.
    same = np.array_equal(best, last)
    reports[Output.BEST] = reports[Output.LAST] if same else (best, assess_preference(game, best))
    policy, report = reports[method.output]
    certificate = report.certificate
    return SolveResult(
        solution=PreferenceSolution(
            policy=policy,
            last=last,
            average=average,
            best=best,
            last_gap=reports[Output.LAST][1].gaps,
            average_gap=reports[Output.AVERAGE][1].gaps,
            best_gap=reports[Output.BEST][1].gaps,
            rounds=course.rounds.reshape(batch),
            trace=PreferenceTrace(
                rounds=course.recorded,
                gaps=course.gaps.reshape(-1, *batch),
                original_gaps=course.original_gaps.reshape(-1, *batch),
                kl_to_nash=course.kl_to_nash.reshape(-1, *batch) if course.kl_to_nash.size else np.empty(0),
            ),
        ),
        status=Status.CERTIFIED if certificate.bound <= tol else Status.LIMIT,
        certificate=certificate,
        solver=method.name,
        steps=int(course.rounds.max()),
        seconds=time.perf_counter() - start,
        info={
            "method": method.name,
            "contexts": len(course.rounds),
            "solved": int(np.count_nonzero(report.gaps <= tol)),
        },
    )
