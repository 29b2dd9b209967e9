"""Policy-space response oracles [1]_ on a compiled tree.

With exact answers and the Nash meta-solver this is the double-oracle algorithm [2]_. One iteration: each
player's oracle answers the others' mixtures; the answers that are new join the populations; the empirical
game between all policies is solved for new mixtures; NashConv of the mixtures is measured in the full game.
``solvers.psro.method`` makes the steps, ``solvers.psro.driver`` owns limits and checkpoints.

.. [1] Lanctot et al. (2017), A unified game-theoretic approach to multiagent reinforcement learning.
.. [2] McMahan, Gordon, Blum (2003), Planning in the presence of cost functions controlled by an adversary.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.certificates import Certificate
from games.extensive.evaluation import (
    behaviors_of_plans,
    expected_values,
    join_plans,
    nash_conv,
    payoff_variances,
    split,
)
from games.extensive.sequence_form import Behavior, SequenceForm
from games.normal_form import NormalFormGame
from games.profiles import Profile
from games.progress import ProgressCallback, ignore_progress
from games.results import SolveResult, Status
from solvers.psro.checkpoints import digest, generator_text
from solvers.psro.driver import Limits, Run, drive
from solvers.psro.method import PSRO, Method
from solvers.psro.state import PSROState, Trace, load_state, save_state


@dataclass(frozen=True, slots=True, eq=False)
class PSROSolution:
    """What a run leaves.

    Attributes:
        behaviors: each player's mixture as one behavior policy, shape (S_i,).
        profile: mixtures over the populations.
        meta_game: payoffs between all policies.
        plans: realization plans of each population, shape (policies, S_i); what is played itself is the last
            row where it is no mixture of the others.
        trace: measurements per iteration.
    """

    behaviors: tuple[Behavior, ...]
    profile: Profile
    meta_game: NormalFormGame
    plans: tuple[NDArray[np.float64], ...]
    trace: Trace


def run_psro(
    form: SequenceForm,
    method: Method | None = None,
    *,
    iterations: int = 100,
    tol: float = 1e-9,
    time_limit: float | None = None,
    rng: np.random.Generator | None = None,
    policies: Sequence[Sequence[ArrayLike]] | None = None,
    profile: Sequence[ArrayLike] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 10,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[PSROSolution]:
    """Run PSRO until the measure is small, nothing new is found, or a limit is reached.

    Args:
        form: the game, compiled (``games.adapters.open_spiel_tree.compile_open_spiel``).
        method: a ``PSRO`` or another method; exact double oracle where None.
        iterations: most iterations, resumed ones included.
        tol: stop when the method's measure, NashConv by default, is at most ``tol`` times the payoff range.
        time_limit: seconds after which no further iteration starts; resumed time included.
        rng: source of all randomness; ``np.random.default_rng(0)`` where None.
        policies: behavior policies each player starts with.
        profile: mixtures over them that the first meta-solve starts from.
        checkpoint: file to save the run in and to resume it from if it exists.
        checkpoint_every: most iterations between saves. Also saved are the last one, and any
            before which nothing was saved for some seconds.
        progress: called after each iteration with the measure.

    Returns:
        The certificate is the method's measure at the end, computed by ``games``; by default the NashConv of
        ``solution.behaviors``, which ``info`` holds in any case. Status: CERTIFIED at the tolerance;
        STATIONARY when every oracle answer is known already but the measure is above it (the usual end
        where the meta-solver aims at something else than the measure); LIMIT otherwise.

    Example:
        >>> from games.adapters.open_spiel_tree import compile_open_spiel
        >>> result = run_psro(compile_open_spiel("kuhn_poker"))
        >>> round(result.info["value_0"], 9)
        -0.055555556
    """
    limits = Limits(iterations, tol, time_limit, checkpoint_every)
    chosen = PSRO() if method is None else method
    rng = np.random.default_rng(0) if rng is None else rng
    settings = {
        **chosen.settings(form),
        # The generator before the run stands for the seed, the start for what it begins from.
        "rng": generator_text(rng),
        "start": digest([*(() if policies is None else policies), () if profile is None else profile]),
    }
    run = Run(
        start=lambda: chosen.init(form, rng=rng, policies=policies, profile=profile),
        load=lambda path: load_state(path, form, settings),
        save=lambda path, state: save_state(path, state, settings),
        step=lambda state, elapsed: chosen.step(state, elapsed=elapsed),
        distance=_last,
        measure=chosen.measure.name,
    )
    state, seconds = drive(
        run, limits, payoff_range=form.payoff_range, checkpoint=checkpoint, progress=progress
    )
    return _result(chosen, state, tol * form.payoff_range, seconds)


def _last(state: PSROState) -> float:
    """The measure after the newest iteration; infinite before the first."""
    return float(state.trace.distance[-1]) if len(state.trace) else math.inf


def _result(method: Method, state: PSROState, threshold: float, seconds: float) -> SolveResult[PSROSolution]:
    payoffs = state.payoffs
    form = payoffs.form
    play = state.play
    for i, population in enumerate(payoffs.populations):
        for plan in play.populations[i][len(population) :]:
            payoffs.add(i, plan)
    behaviors = behaviors_of_plans(form, split(form, play.plans))
    # The claim is about the behavior policies, as a reader will find them.
    bound = method.measure(replace(play, plans=join_plans(form, behaviors)))
    short = Status.STATIONARY if state.closed else Status.LIMIT
    status = Status.CERTIFIED if bound <= threshold else short
    values = expected_values(form, behaviors)
    variances = payoff_variances(form, behaviors)
    return SolveResult(
        PSROSolution(
            behaviors,
            play.profile,
            payoffs.game(),
            tuple(p.plans.copy() for p in payoffs.populations),
            state.trace,
        ),
        status,
        Certificate(method.measure.name, bound),
        method.name,
        len(state.trace),
        seconds,
        {f"value_{i}": float(v) for i, v in enumerate(values)}
        | {f"variance_{i}": float(v) for i, v in enumerate(variances)}
        | {"nash_conv": nash_conv(form, behaviors)},
    )
