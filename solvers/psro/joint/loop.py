"""Joint policy-space response oracles (JPSRO) [1]_ on a compiled tree: correlated equilibria of any game.

One iteration: every player answers the joint distribution over policies, in the (coarse) correlated sense;
the answers that gain and are new join the populations; the empirical game between all policies is solved for
a new joint distribution. Answers are pure plans, of which a tree has finitely many, so a run of enough
iterations ends, and it ends where nobody gains by any deviation of the whole game: at a correlated
equilibrium (``CE``), or a coarse one (``CCE``), up to what the meta-solver leaves.

.. [1] L. Marris, P. Muller, M. Lanctot, K. Tuyls and T. Graepel, "Multi-agent training beyond zero-sum with
   correlated equilibrium meta-solvers", ICML 2021.
"""

import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.certificates import Certificate
from games.extensive.correlated import Deviation, joint_values
from games.extensive.sequence_form import SequenceForm
from games.normal_form import NormalFormGame
from games.progress import ProgressCallback, ignore_progress
from games.results import SolveResult, Status
from solvers.psro.checkpoints import digest, generator_text
from solvers.psro.driver import Limits, Run, drive
from solvers.psro.joint.concepts import CCE, CE, JointConcept, JointMetaSolver, max_gini
from solvers.psro.joint.state import JointState, JointTrace, load_joint, save_joint
from solvers.psro.method import open_populations, uniform_opening
from solvers.psro.population import EmpiricalPayoffs

_NO_WEIGHT = 1e-12  # cells below are rounding of the meta-solver; their recommendations would all be answered


@dataclass(frozen=True, slots=True, eq=False)
class JPSROSolution:
    """What a run leaves.

    Attributes:
        joint: distribution over the policies of all players, shape (K_1, ..., K_N).
        plans: realization plans of each population, shape (K_i, S_i).
        meta_game: payoffs between all policies.
        trace: measurements per iteration.
    """

    joint: NDArray[np.float64]
    plans: tuple[NDArray[np.float64], ...]
    meta_game: NormalFormGame
    trace: JointTrace


@dataclass(frozen=True, slots=True)
class JPSRO:
    """A JPSRO method.

    Attributes:
        meta_solver: how cells are weighed. Max-Gini of the concept where None, which suits most games, since
            it answers many policies at once.
        concept: which deviations are answered, and measured: ``CE`` or ``CCE``.
        answers: most answers that join per player and iteration, those of greatest gain first; None for all.
        least_gain: gains up to this share of the payoff range count as rounding and are not answered.
    """

    meta_solver: JointMetaSolver | None = None
    concept: JointConcept = CCE
    answers: int | None = None
    least_gain: float = 1e-10

    def __post_init__(self) -> None:
        if self.answers is not None and self.answers < 1:
            raise ValueError(f"answers must be at least 1 or None, got {self.answers!r}")
        if not 0.0 <= self.least_gain < math.inf:
            raise ValueError(f"least_gain must be at least 0 and finite, got {self.least_gain!r}")
        if self.concept == CE and self.weigher.concept != CE:
            raise ValueError(
                f"{self.weigher.name} finds no {CE.name} of the empirical game, so the run would not come to "
                f"one; take {max_gini(CE).name} or another meta-solver of that concept"
            )

    @property
    def weigher(self) -> JointMetaSolver:
        """The meta-solver in use."""
        return max_gini(self.concept) if self.meta_solver is None else self.meta_solver

    def init(
        self,
        form: SequenceForm,
        *,
        rng: np.random.Generator,
        policies: Sequence[Sequence[ArrayLike]] | None = None,
    ) -> JointState:
        """The state before the first iteration.

        Args:
            form: the game.
            rng: source of all randomness of the run.
            policies: behavior policies each player starts with; one uniform policy where None.
        """
        payoffs = open_populations(form, uniform_opening, policies)
        return self.weigh(payoffs, JointTrace.empty(form.num_players), rng)

    def weigh(self, payoffs: EmpiricalPayoffs, trace: JointTrace, rng: np.random.Generator) -> JointState:
        """Solve the empirical game, and find the deviations from the solution."""
        joint = self.weigher.solve(payoffs.game(), rng=rng).unwrap()
        joint = np.where(joint > _NO_WEIGHT, joint, 0.0)
        joint /= joint.sum()
        return JointState(payoffs, joint, self.deviations(payoffs, joint), trace, False, rng)

    def deviations(
        self, payoffs: EmpiricalPayoffs, joint: NDArray[np.float64]
    ) -> tuple[list[Deviation], ...]:
        """Each player's best deviations from a joint distribution."""
        plans = [p.plans for p in payoffs.populations]
        form = payoffs.form
        return tuple(self.concept.deviations(form, plans, joint, i) for i in range(form.num_players))

    def step(self, state: JointState, *, elapsed: float = 0.0) -> JointState:
        """One iteration; ``elapsed`` is the time at its start, for the trace. Consumes ``state``."""
        start = time.perf_counter()
        payoffs = state.payoffs
        form = payoffs.form
        added = 0
        for i, found in enumerate(state.deviations):
            joined = 0
            for deviation in sorted(found, key=lambda d: -d.gain):
                if deviation.gain <= self.least_gain * form.payoff_range or joined == self.answers:
                    break
                if deviation.plan not in payoffs.populations[i]:
                    payoffs.add(i, deviation.plan)
                    joined += 1
            added += joined
        after = self.weigh(payoffs, state.trace, state.rng) if added else replace(state, closed=True)
        trace = state.trace.append(
            after.gap,
            np.tensordot(payoffs.table, after.joint, axes=form.num_players),
            [len(p) for p in payoffs.populations],
            elapsed + time.perf_counter() - start,
        )
        return replace(after, trace=trace)


def run_jpsro(
    form: SequenceForm,
    method: JPSRO | None = None,
    *,
    iterations: int = 100,
    tol: float = 1e-9,
    time_limit: float | None = None,
    rng: np.random.Generator | None = None,
    policies: Sequence[Sequence[ArrayLike]] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 10,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[JPSROSolution]:
    """Run JPSRO until nobody gains by deviating, no answer is new, or a limit is reached.

    Args:
        form: the game, compiled (``games.adapters.open_spiel_tree.compile_open_spiel``); any number of
            players, any payoffs.
        method: meta-solver and concept; max-Gini coarse correlated equilibria where None.
        iterations: most iterations, resumed ones included.
        tol: stop when the gap is at most ``tol`` times the payoff range.
        time_limit: seconds after which no further iteration starts; resumed time included.
        rng: source of all randomness; ``np.random.default_rng(0)`` where None.
        policies: behavior policies each player starts with.
        checkpoint: file to save the run in and to resume it from if it exists.
        checkpoint_every: most iterations between saves. Also saved are the last one, and any
            before which nothing was saved for some seconds.
        progress: called after each iteration with the gap.

    Returns:
        The certificate is the gap of the joint distribution in the whole game, ``ce_gap`` or ``cce_gap``,
        recomputed by ``games`` from the policies and the distribution. Status: CERTIFIED at the tolerance;
        STATIONARY when nothing new is found but the gap is above it; LIMIT otherwise. ``info``: ``value_i``,
        the expected payoff of player i, and ``welfare``, their sum.

    Example:
        >>> from games.adapters.open_spiel_tree import compile_open_spiel
        >>> result = run_jpsro(compile_open_spiel("kuhn_poker"))
        >>> result.certificate.measure, result.certificate.bound < 1e-8
        ('cce_gap', True)
    """
    limits = Limits(iterations, tol, time_limit, checkpoint_every)
    chosen = JPSRO() if method is None else method
    rng = np.random.default_rng(0) if rng is None else rng
    settings = {
        "meta_solver": chosen.weigher.name,
        "concept": chosen.concept.name,
        "answers": chosen.answers,
        "least_gain": chosen.least_gain,
        # The generator before the run stands for the seed, the start for what it begins from.
        "rng": generator_text(rng),
        "start": digest(() if policies is None else policies),
    }
    run = Run(
        start=lambda: chosen.init(form, rng=rng, policies=policies),
        load=lambda path: _resume(chosen, path, form, settings),
        save=lambda path, state: save_joint(path, state, settings),
        step=lambda state, elapsed: chosen.step(state, elapsed=elapsed),
        distance=lambda state: state.gap,
        measure=chosen.concept.measure,
    )
    state, seconds = drive(
        run, limits, payoff_range=form.payoff_range, checkpoint=checkpoint, progress=progress
    )
    return _result(chosen, state, tol * form.payoff_range, seconds)


def _resume(
    method: JPSRO, checkpoint: str | os.PathLike[str], form: SequenceForm, settings: dict[str, Any]
) -> JointState:
    stored = load_joint(checkpoint, form, settings)
    found = method.deviations(stored.payoffs, stored.joint)
    return JointState(stored.payoffs, stored.joint, found, stored.trace, stored.closed, stored.rng)


def _result(method: JPSRO, state: JointState, threshold: float, seconds: float) -> SolveResult[JPSROSolution]:
    payoffs = state.payoffs
    form = payoffs.form
    plans = tuple(p.plans.copy() for p in payoffs.populations)
    bound = method.concept.gap(form, plans, state.joint)
    short = Status.STATIONARY if state.closed else Status.LIMIT
    values = joint_values(form, plans, state.joint)
    return SolveResult(
        JPSROSolution(state.joint, plans, payoffs.game(), state.trace),
        Status.CERTIFIED if bound <= threshold else short,
        Certificate(method.concept.measure, bound),
        f"jpsro({method.weigher.name}, {method.concept.name})",
        len(state.trace),
        seconds,
        {f"value_{i}": float(v) for i, v in enumerate(values)} | {"welfare": float(values.sum())},
    )
