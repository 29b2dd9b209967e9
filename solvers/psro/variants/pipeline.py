"""Pipeline PSRO [1]_: responses that are still being learned, one upon the other, all at once.

With exact answers PSRO has nothing to run side by side. Where an answer takes many steps, a pipeline keeps
``active`` levels of unfinished policies above the finished ones. In each iteration every active policy takes
a few steps (``solvers.psro.variants.approximate_response``) against the meta-strategy of all levels below it,
finished or not. When the lowest active level has come close enough to a best response it is finished,
and a new level opens on top. Higher levels thus start to respond before what they respond to is done, and
lose little, since the policies below change less and less.

All levels move from the same snapshot and none reads another's new policy: the result is the same whatever
the number of workers, and nothing is drawn at random.

.. [1] S. McAleer, J. Lanier, R. Fox, P. Baldi, "Pipeline PSRO: a scalable approach for finding approximate
   Nash equilibria in large games", NeurIPS 2020. Published: deep RL learners and simulated payoffs; here
   steps of conservative policy iteration and exact payoffs.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.extensive.evaluation import realization_plans, uniform_behaviors, values_and_regrets
from games.extensive.sequence_form import Plan, SequenceForm
from games.normal_form import NormalFormGame
from games.profiles import Profile, uniform_profile
from solvers.psro.checkpoints import digest
from solvers.psro.measures import NashConv
from solvers.psro.meta_solvers.basic import NashMetaSolver
from solvers.psro.method import Opening, append_row, open_populations, uniform_opening
from solvers.psro.population import EmpiricalPayoffs
from solvers.psro.protocols import Measure, MetaSolver
from solvers.psro.state import PSROState, Trace
from solvers.psro.variants.approximate_response import improved_response

_FLOOR = 1e-11  # gap to a best response, in payoff ranges, at which a policy is finished in any case


@dataclass(frozen=True, slots=True)
class PipelinePSRO:
    """A pipeline of levels; the last ``active`` policies of each population are unfinished.

    Attributes:
        active: levels that learn at the same time, at least 1.
        steps: steps of each in an iteration.
        rate: share of the best action that a step mixes in, in (0, 1].
        plateau: the lowest active level is finished when a best response is better by at most this share of
            what it gains over the play of the levels below.
        meta_solver: how levels are weighed.
        measure: what is sought.
        workers: threads that share the levels; of no account to the result.
        opening: the finished policies at first.
    """

    active: int = 4
    steps: int = 5
    rate: float = 0.2
    plateau: float = 0.1
    meta_solver: MetaSolver = field(default_factory=NashMetaSolver)
    measure: Measure = field(default_factory=NashConv)
    workers: int = 1
    opening: Opening = uniform_opening

    def __post_init__(self) -> None:
        for name in ("active", "steps", "workers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)!r}")
        if not 0.0 < self.rate <= 1.0:
            raise ValueError(f"rate must lie in (0, 1], got {self.rate!r}")
        if not 0.0 <= self.plateau < 1.0:
            raise ValueError(f"plateau must lie in [0, 1), got {self.plateau!r}")

    @property
    def name(self) -> str:
        """What results call the method."""
        return (
            f"pipeline(active={self.active},steps={self.steps},rate={self.rate:g},"
            f"plateau={self.plateau:g},{self.meta_solver.name})"
        )

    def settings(self, form: SequenceForm) -> dict[str, str]:
        """See ``Method.settings``."""
        return {
            "method": self.name,
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
        """See ``Method.init``; the profile does not matter, since new levels are weighed at once."""
        payoffs = open_populations(form, self.opening, policies)
        fresh = realization_plans(form, uniform_behaviors(form))
        for _ in range(self.active):
            for player, plan in enumerate(fresh):
                payoffs.add(player, plan)
        mixtures = self._below(payoffs, [len(p) for p in payoffs.populations], rng)
        return PSROState(payoffs, payoffs.play(mixtures), Trace.empty(form.num_players), False, rng)

    def step(self, state: PSROState, *, elapsed: float = 0.0) -> PSROState:
        """See ``Method.step``."""
        start = time.perf_counter()
        payoffs, rng = state.payoffs, state.rng
        form = payoffs.form
        players = range(form.num_players)
        bottoms = [len(p) - self.active for p in payoffs.populations]
        # Targets of all levels come first, from the policies as they are.
        targets = [self._target(payoffs, [b + k for b in bottoms], rng) for k in range(self.active)]
        jobs = [(k, player) for k in range(self.active) for player in players]

        def learn(job: tuple[int, int]) -> tuple[Plan, float]:
            k, player = job
            plans = targets[k].copy()
            offset = form.flat.sequence_offset
            plans[offset[player] : offset[player + 1]] = payoffs.populations[player].plans[
                bottoms[player] + k
            ]
            return improved_response(form, plans, player, rate=self.rate, steps=self.steps)

        if self.workers == 1:
            learned = [learn(job) for job in jobs]
        else:
            with ThreadPoolExecutor(self.workers) as pool:
                learned = list(pool.map(learn, jobs))
        payoffs.tally.responses += len(jobs)
        for (k, player), (plan, _) in zip(jobs, learned, strict=True):
            payoffs.replace(player, bottoms[player] + k, plan)
        if self._finished(form, targets[0], learned[: form.num_players]):
            for player, plan in enumerate(realization_plans(form, uniform_behaviors(form))):
                payoffs.add(player, plan)
        play = payoffs.play(self._below(payoffs, [len(p) for p in payoffs.populations], rng))
        now = elapsed + time.perf_counter() - start
        trace = append_row(state.trace, self.measure, payoffs, play, now)
        return PSROState(payoffs, play, trace, False, rng)

    def _below(self, payoffs: EmpiricalPayoffs, sizes: Sequence[int], rng: np.random.Generator) -> Profile:
        """Meta-strategy of the first ``sizes`` policies of each player."""
        table = payoffs.table[(slice(None), *(slice(n) for n in sizes))]
        game = NormalFormGame(table, name=f"empirical game of {payoffs.form.name}")
        return self.meta_solver.solve(game, uniform_profile(sizes), rng=rng).unwrap()

    def _target(
        self, payoffs: EmpiricalPayoffs, sizes: Sequence[int], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        mixtures = self._below(payoffs, sizes, rng)
        return np.concatenate(
            [x @ p.plans[:n] for x, p, n in zip(mixtures, payoffs.populations, sizes, strict=True)]
        )

    def _finished(
        self, form: SequenceForm, target: NDArray[np.float64], lowest: Sequence[tuple[Plan, float]]
    ) -> bool:
        """Whether the lowest level is near enough to best responses for every player."""
        gains = values_and_regrets(form, target)[1]
        return all(
            gap <= max(self.plateau * gain, _FLOOR * form.payoff_range)
            for gain, (_, gap) in zip(gains, lowest, strict=True)
        )
