"""PSRO as a method: the choices that make it, and the step they take."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from games.extensive.evaluation import (
    best_response_to_plans,
    join_plans,
    payoff_moments,
    realization_plans,
    uniform_behaviors,
    values_and_regrets,
)
from games.extensive.sequence_form import Behavior, SequenceForm
from games.profiles import Profile, as_profile, uniform_profile
from solvers.psro.checkpoints import digest
from solvers.psro.expanders import AddNewAnswers
from solvers.psro.measures import NashConv
from solvers.psro.meta_solvers.basic import NashMetaSolver
from solvers.psro.oracles import ExactBestResponse
from solvers.psro.population import EmpiricalPayoffs, MetaPlay
from solvers.psro.protocols import Expander, JointOracle, Measure, MetaSolver, Oracle, PopulationSolver
from solvers.psro.state import PSROState, Trace

Opening: TypeAlias = Callable[[SequenceForm], list[list[Behavior]]]
"""The policies each player starts with, where the user names none."""


class Method(Protocol):
    """What ``run_psro`` iterates."""

    @property
    def measure(self) -> Measure:
        """What is sought; the run ends where it is small."""

    @property
    def name(self) -> str:
        """What results call the method."""

    def settings(self, form: SequenceForm) -> dict[str, str]:
        """Everything that distinguishes it from other methods; a checkpoint resumes only under the same."""

    def init(
        self,
        form: SequenceForm,
        *,
        rng: np.random.Generator,
        policies: Sequence[Sequence[ArrayLike]] | None = None,
        profile: Sequence[ArrayLike] | None = None,
    ) -> PSROState:
        """The state before the first iteration; arguments as in ``run_psro``."""

    def step(self, state: PSROState, *, elapsed: float = 0.0) -> PSROState:
        """One iteration; ``elapsed`` is the time at its start, for the trace. Consumes ``state``."""


def uniform_opening(form: SequenceForm) -> list[list[Behavior]]:
    """One policy each: uniform at every information set."""
    return [[b] for b in uniform_behaviors(form)]


def pure_opening(form: SequenceForm) -> list[list[Behavior]]:
    """One policy each: a pure best response to uniform play."""
    plans = join_plans(form, uniform_behaviors(form))
    return [[best_response_to_plans(form, plans, i).behavior] for i in range(form.num_players)]


def open_populations(
    form: SequenceForm, opening: Opening, policies: Sequence[Sequence[ArrayLike]] | None
) -> EmpiricalPayoffs:
    """Populations of the user's policies, or of the opening's where there are none.

    Raises:
        ValueError: a player has no policy, or a policy does not fit the game.
    """
    payoffs = EmpiricalPayoffs(form)
    starts: list[list[ArrayLike]] = [list(p) for p in (opening(form) if policies is None else policies)]
    if len(starts) != form.num_players or not all(starts):
        raise ValueError(f"policies must hold at least one policy for each of {form.num_players} players")
    # Policies are checked in profiles, so short lists are filled with their first policy.
    for k in range(max(map(len, starts))):
        plans = realization_plans(form, [p[min(k, len(p) - 1)] for p in starts])
        for i, plan in enumerate(plans):
            if k < len(starts[i]):
                payoffs.add(i, plan)
    return payoffs


def append_row(
    trace: Trace, measure: Measure, payoffs: EmpiricalPayoffs, play: MetaPlay, now: float
) -> Trace:
    """The trace with the measurements of what is played; ``now`` is the time since the start."""
    form = payoffs.form
    begin = time.perf_counter()
    values, gains = values_and_regrets(form, play.plans)
    return trace.append(
        measure(play),
        float(gains.sum()),
        values,
        np.array([payoff_moments(form, play.plans, i)[1] for i in range(form.num_players)]),
        [len(p) for p in payoffs.populations],
        payoffs.tally,
        now + time.perf_counter() - begin,
    )


@dataclass(frozen=True, slots=True)
class PSRO:
    """Policy-space response oracles: five choices, and the step they make.

    Attributes:
        oracle: who answers.
        meta_solver: how the populations are weighed.
        expander: which answers join.
        measure: what is sought; the run ends where it is small.
        opening: what the populations hold at first.
    """

    oracle: Oracle | JointOracle = field(default_factory=ExactBestResponse)
    meta_solver: MetaSolver | PopulationSolver = field(default_factory=NashMetaSolver)
    expander: Expander = field(default_factory=AddNewAnswers)
    measure: Measure = field(default_factory=NashConv)
    opening: Opening = uniform_opening

    @property
    def name(self) -> str:
        """What results call the method."""
        return f"psro({self.oracle.name}, {self.meta_solver.name}, {self.expander.name})"

    def settings(self, form: SequenceForm) -> dict[str, str]:
        """See ``Method.settings``."""
        return {
            "oracle": self.oracle.name,
            "meta_solver": self.meta_solver.name,
            "expander": self.expander.name,
            "measure": repr(self.measure),
            "opening": digest(self.opening(form)),
        }

    def init(
        self,
        form: SequenceForm,
        *,
        rng: np.random.Generator,
        policies: Sequence[Sequence[ArrayLike]] | None = None,
        profile: Sequence[ArrayLike] | None = None,
    ) -> PSROState:
        """See ``Method.init``."""
        payoffs = open_populations(form, self.opening, policies)
        sizes = [len(p) for p in payoffs.populations]
        mixtures = uniform_profile(sizes) if profile is None else as_profile(profile, sizes)
        play = self._weigh(payoffs, payoffs.play(mixtures), rng)
        return PSROState(payoffs, play, Trace.empty(form.num_players), False, rng)

    def step(self, state: PSROState, *, elapsed: float = 0.0) -> PSROState:
        """See ``Method.step``."""
        start = time.perf_counter()
        payoffs, play, rng = state.payoffs, state.play, state.rng
        if isinstance(self.oracle, JointOracle):
            answers = self.oracle.propose(payoffs, play, rng=rng)
        else:
            players = range(payoffs.form.num_players)
            answers = [[self.oracle.respond(play, i, rng=rng)] for i in players]
            payoffs.tally.responses += len(answers)
        chosen = self.expander.select(payoffs.populations, answers)
        for i, additions in enumerate(chosen):
            for plan in additions:
                payoffs.add(i, plan)
        closed = not any(chosen)
        # A meta-solver of empirical games would find the same again; others may come nearer.
        if not closed or isinstance(self.meta_solver, PopulationSolver):
            play = self._weigh(payoffs, play, rng)
            closed = closed and np.array_equal(play.plans, state.play.plans)
        now = elapsed + time.perf_counter() - start
        trace = append_row(state.trace, self.measure, payoffs, play, now)
        return PSROState(payoffs, play, trace, closed, rng)

    def _weigh(self, payoffs: EmpiricalPayoffs, last: MetaPlay, rng: np.random.Generator) -> MetaPlay:
        if isinstance(self.meta_solver, PopulationSolver):
            return self.meta_solver.weigh(payoffs, last, rng=rng)
        warm = grown(last.profile, payoffs)
        return payoffs.play(self.meta_solver.solve(payoffs.game(), warm, rng=rng).unwrap())


def grown(profile: Profile, payoffs: EmpiricalPayoffs) -> Profile:
    """The mixtures with weight zero on policies that are new."""
    return tuple(
        np.append(x, np.zeros(len(p) - x.size)) for x, p in zip(profile, payoffs.populations, strict=True)
    )
