"""Policy-space response oracles [1]_ by simulation: for games that can be played but not written down.

One iteration: each player's oracle learns a response to the others' mixtures; the responses join the
populations; the new cells of the empirical game are simulated, and further episodes go where the allocation
sends them; the empirical game is solved for new mixtures, by its means or, under aversion to risk, by its
variances too.

All randomness of an iteration is spawned from numbers drawn from the run's generator: one child per player,
and one per cell and round. So the result does not depend on who does the work, nor on interruptions.

.. [1] Lanctot et al. (2017), A unified game-theoretic approach to multiagent reinforcement learning.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.certificates import Certificate
from games.empirical import EmpiricalGame, nash_conv_certificate
from games.normal_form import expected_payoffs
from games.profiles import Profile, uniform_profile
from games.progress import ProgressCallback, ignore_progress
from games.protocols import EnvGame
from games.results import SolveResult, Status
from games.storage import header_path
from marl.oracles import TabularQ
from marl.policies import MixturePolicy, Policy, UniformPolicy
from marl.populations.fingerprints import stable_fingerprint
from solvers.psro.checkpoints import generator_text
from solvers.psro.meta_solvers.basic import NashMetaSolver
from solvers.psro.protocols import MetaSolver
from solvers.psro.sampled.allocation import AdaptiveAllocation, Allocation
from solvers.psro.sampled.fingerprints import policy_fingerprints
from solvers.psro.sampled.risk_meta_solver import EmpiricalMetaSolver
from solvers.psro.sampled.rules import EpisodeBudget, NoGain
from solvers.psro.sampled.simulators import Simulator, simulator_for
from solvers.psro.sampled.state import SampledState, SampledTrace, load_sampled, save_sampled
from solvers.psro.sampled.tasks import (
    CellTask,
    SampledOracle,
    Setting,
    Workers,
    pieces,
    respond,
    simulate,
    start_workers,
)
from solvers.psro.sampled.verification import verify_mixtures


@dataclass(frozen=True, slots=True, eq=False)
class SampledPSROSolution:
    """What a run leaves.

    Attributes:
        policies: the populations.
        profile: mixtures over them.
        empirical: sampled payoffs between all policies.
        trace: measurements per iteration.
    """

    policies: tuple[tuple[Policy[Any], ...], ...]
    profile: Profile
    empirical: EmpiricalGame
    trace: SampledTrace

    def players(self) -> tuple[MixturePolicy[Any], ...]:
        """The mixtures, ready to play."""
        return _mixtures(self.policies, self.profile)


def run_sampled_psro(
    game: EnvGame[Any],
    *,
    oracle: SampledOracle | None = None,
    meta_solver: MetaSolver | EmpiricalMetaSolver | None = None,
    allocation: Allocation | None = None,
    simulator: Simulator | None = None,
    iterations: int = 10,
    confidence: float = 0.95,
    verification: int = 1_000,
    time_limit: float | None = None,
    budget: EpisodeBudget | None = None,
    stop: NoGain | None = None,
    rng: np.random.Generator | None = None,
    policies: Sequence[Sequence[Policy[Any]]] | None = None,
    workers: int = 1,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[SampledPSROSolution]:
    """Run PSRO with learned responses and sampled payoffs.

    Args:
        game: the game; its payoff bounds make the certificate.
        oracle: who learns the responses; `TabularQ` where None.
        meta_solver: weighs the populations, by the means of the table or by the whole of it; Nash
            (two-player constant-sum) where None.
        allocation: how many episodes each cell gets; `AdaptiveAllocation` where None.
        simulator: how the episodes of a cell are played; `simulator_for` chooses where None.
        iterations: how many, resumed ones included; each adds one policy per player.
        confidence: of the certificate and of the bounds in the trace, in (0, 1).
        verification: fresh episodes per policy, on average, by which the final mixtures are certified; at
            least 2.
        time_limit: seconds after which no further iteration starts; resumed time included.
        budget: episodes after which no further iteration starts; unlimited where None.
        stop: ends the run when going on looks pointless; for meta-solvers that go by the means.
        rng: source of all randomness; ``np.random.default_rng(0)`` where None.
        policies: policies each player starts with; one uniform policy where None.
        workers: processes that learn and simulate; 1 means this one. They receive game, oracle and policies
            by pickling.
        checkpoint: file to save each iteration in and to resume from if it exists. Bring the same
            ``policies``: they are not in the file, only told apart by what they are or how they play.
        progress: called after each iteration with ``bound`` and ``gain``.

    Returns:
        The certificate ``restricted_nash_conv`` bounds, with ``confidence``, the NashConv of the mixtures
        among the policies found; it does not speak of policies outside the populations. A meta-solver that
        goes by the whole table brings a certificate of its own, such as ``restricted_risk_nash_conv``, from
        the episodes of the table, and ``info`` holds the distance in the table as it stands.
        ``info["last_gain"]`` is what the last answers gained in all, an estimate
        from below of the NashConv of the previous mixtures in the full game; ``info["stop"]`` says why the
        run ended. The status is LIMIT: by sampling alone nothing shows that a run has arrived.

    Raises:
        ValueError: an argument is out of range, or the checkpoint belongs to another run.
        UnsupportedGameError: the meta-solver cannot treat the empirical game.
    """
    if iterations < 0:
        raise ValueError(f"iterations must be at least 0, got {iterations}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence!r}")
    if verification < 2:
        raise ValueError(f"verification must be at least 2 episodes, got {verification}")
    if time_limit is not None and not time_limit >= 0:  # `not >=` also refuses NaN
        raise ValueError(f"time_limit must be at least 0 or None, got {time_limit}")
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    if stop is not None and isinstance(meta_solver, EmpiricalMetaSolver):
        raise ValueError(f"stop knows errors of mean gains only, and {meta_solver.name} seeks other ones")
    n = game.num_players
    starts: list[list[Policy[Any]]] = (
        [[UniformPolicy()] for _ in range(n)] if policies is None else [list(p) for p in policies]
    )
    if len(starts) != n or not all(starts):
        raise ValueError(f"policies must hold at least one policy for each of {n} players")
    run = _Run(
        game,
        TabularQ() if oracle is None else oracle,
        NashMetaSolver() if meta_solver is None else meta_solver,
        AdaptiveAllocation() if allocation is None else allocation,
        simulator_for(game) if simulator is None else simulator,
        confidence,
    )
    rng = np.random.default_rng(0) if rng is None else rng
    place = None if checkpoint is None else header_path(checkpoint)
    settings = {} if place is None else run.settings(starts, rng)
    began = time.perf_counter()
    why = f"all {iterations} iterations are done"
    with start_workers(workers, Setting(game, run.oracle, run.simulator)) as crew:
        if place is not None and place.exists():
            state = load_sampled(place, game, starts, run.oracle, rng, settings)
        else:
            state = run.init(starts, rng, crew)
        if len(state.trace):
            began -= float(state.trace.seconds[-1])
        while len(state.trace) < iterations:
            if stop is not None and stop.met(state.trace):
                break
            if time_limit is not None and time.perf_counter() - began >= time_limit:
                why = f"the time limit of {time_limit:g} seconds was reached"
                break
            if budget is not None and not budget.allows(*run.spending(state)):
                why = f"the budget of {budget.episodes} episodes does not hold another iteration"
                break
            state = run.step(state, crew, began)
            if place is not None:
                save_sampled(place, state, run.oracle, settings)
            gain = float(state.trace.gains[-1].sum())
            progress(len(state.trace), iterations, bound=float(state.trace.bounds[-1]), gain=gain)
        if stop is not None and stop.met(state.trace):
            why = stop.sentence
        spent, _, size = run.spending(state)
        episodes = verification if budget is None else budget.verification(verification, spent, size)
        certificate, verifying = run.verify(state, episodes, crew)
    info = run.info(state) | {"stop": why, "verification_episodes": verifying}
    return SolveResult(
        SampledPSROSolution(tuple(map(tuple, state.policies)), state.profile, state.empirical, state.trace),
        Status.LIMIT,
        certificate,
        f"sampled_psro({run.oracle.name}, {run.meta_solver.name}, {run.allocation.name})",
        len(state.trace),
        time.perf_counter() - began,
        info,
    )


@dataclass(frozen=True, slots=True)
class _Run:
    """The choices of a run, and its step."""

    game: EnvGame[Any]
    oracle: SampledOracle
    meta_solver: MetaSolver | EmpiricalMetaSolver
    allocation: Allocation
    simulator: Simulator
    confidence: float

    def init(
        self, starts: Sequence[list[Policy[Any]]], rng: np.random.Generator, crew: Workers
    ) -> SampledState:
        game = self.game
        empirical = EmpiricalGame(game.num_players, game.payoff_bounds, name=f"empirical game of {game.name}")
        for i, start in enumerate(starts):
            for _ in start:
                empirical.add_policy(i)
        trace = SampledTrace.empty(game.num_players)
        state = SampledState(tuple(starts), empirical, uniform_profile(empirical.sizes), trace, rng)
        return replace(state, profile=self._weigh(state, state.profile, _seeds(rng), crew))

    def settings(self, starts: Sequence[Sequence[Policy[Any]]], rng: np.random.Generator) -> dict[str, Any]:
        """What a checkpoint must have been made with to be resumed; ``rng`` stands for the seed."""
        return {
            "game": self.game.name,
            "play": stable_fingerprint(self.game),
            "oracle": self.oracle.name,
            "meta_solver": self.meta_solver.name,
            "allocation": self.allocation.name,
            "simulator": self.simulator.name,
            "confidence": self.confidence,
            "starts": policy_fingerprints(self.game, starts),
            "rng": generator_text(rng),
        }

    def step(self, state: SampledState, crew: Workers, began: float) -> SampledState:
        """One iteration; consumes ``state``."""
        n = self.game.num_players
        seeds = _seeds(state.rng)
        children = [np.random.default_rng(seed) for seed in seeds.spawn(n)]
        empirical, old = state.empirical, state.profile
        before, noise = expected_payoffs(empirical.normal_form(), old), self._value_errors(state)
        mixtures = _mixtures(state.policies, old)
        answers = crew(respond, [(mixtures, i, child) for i, child in enumerate(children)])
        for i, answer in enumerate(answers):
            state.policies[i].append(answer.policy)
            empirical.add_policy(i)
        warm = tuple(np.append(x, 0.0) for x in old)
        profile = self._weigh(state, warm, seeds, crew)
        if isinstance(self.meta_solver, EmpiricalMetaSolver):
            # Answers to risk gain in another currency than the mean, and the table knows it.
            gains = [
                self.meta_solver.payoffs(empirical, (*warm[:i], np.eye(warm[i].size)[-1], *warm[i + 1 :]))[i]
                for i in range(n)
            ] - self.meta_solver.payoffs(empirical, warm)
            bound = self.meta_solver.certify(empirical, profile, confidence=self.confidence).bound
        else:
            gains = np.array([answer.estimate.mean[i] - before[i] for i, answer in enumerate(answers)])
            bound = nash_conv_certificate(empirical, profile, confidence=self.confidence).bound
        errors = [answer.estimate.standard_error[i] for i, answer in enumerate(answers)]
        learned = sum(answer.episodes + answer.estimate.episodes for answer in answers)
        row = SampledTrace(
            np.array([bound]),
            gains[None],
            np.hypot(errors, noise)[None],
            expected_payoffs(empirical.normal_form(), profile)[None],
            np.array([int(empirical.counts.sum())]),
            np.array([learned + (int(state.trace.learning[-1]) if len(state.trace) else 0)]),
            np.array([time.perf_counter() - began]),
        )
        return replace(state, profile=profile, trace=state.trace.append(row))

    def _value_errors(self, state: SampledState) -> NDArray[np.float64]:
        """Standard errors of the mixtures' mean returns in the table, shape (N,)."""
        variance = np.nan_to_num(state.empirical.mean_variance)
        for x in reversed(state.profile):
            variance = variance @ x**2
        return np.sqrt(variance)

    def spending(self, state: SampledState) -> tuple[int, int, int]:
        """Episodes so far, those of the last iteration or of the start, and the number of policies."""
        totals = [0, *(state.trace.episodes + state.trace.learning).tolist()]
        spent = int(totals[-1]) or int(state.empirical.counts.sum())
        return spent, spent - int(totals[-2] if len(totals) > 1 else 0), sum(state.empirical.sizes)

    def _weigh(
        self, state: SampledState, profile: Profile, seeds: np.random.SeedSequence, crew: Workers
    ) -> Profile:
        """Simulate what is new, then solve and spend in turn."""
        empirical = state.empirical
        new = np.where(empirical.counts == 0, self.allocation.initial, 0)
        self._simulate(state, new, seeds, crew)
        for _ in range(self.allocation.rounds):
            profile = self._solve(empirical, profile, seeds)
            self._simulate(state, self.allocation.extra(empirical, profile), seeds, crew)
        return self._solve(empirical, profile, seeds)

    def _solve(self, empirical: EmpiricalGame, start: Profile, seeds: np.random.SeedSequence) -> Profile:
        rng = np.random.default_rng(seeds.spawn(1)[0])
        if isinstance(self.meta_solver, EmpiricalMetaSolver):
            return self.meta_solver.solve_empirical(empirical, start, rng=rng).unwrap()
        return self.meta_solver.solve(empirical.normal_form(), start, rng=rng).unwrap()

    def _simulate(
        self, state: SampledState, episodes: NDArray[np.int64], seeds: np.random.SeedSequence, crew: Workers
    ) -> None:
        cells = [
            (tuple(int(k) for k in cell), size)
            for cell in np.argwhere(episodes > 0)
            for size in pieces(int(episodes[tuple(cell)]), self.simulator.largest)
        ]
        tasks: list[CellTask] = [
            (
                tuple(population[k] for population, k in zip(state.policies, cell, strict=True)),
                size,
                np.random.default_rng(seed),
            )
            for (cell, size), seed in zip(cells, seeds.spawn(len(cells)), strict=True)
        ]
        for (cell, _), moments in zip(cells, crew(simulate, tasks), strict=True):
            state.empirical.record(cell, moments)

    def verify(self, state: SampledState, episodes: int, crew: Workers) -> tuple[Certificate, int]:
        """The certificate of the mixtures, and the fresh episodes that it took."""
        if isinstance(self.meta_solver, EmpiricalMetaSolver):
            certificate = self.meta_solver.certify(state.empirical, state.profile, confidence=self.confidence)
            return certificate, 0
        return verify_mixtures(
            state.policies,
            _mixtures(state.policies, state.profile),
            state.profile,
            self.game.payoff_bounds,
            episodes=episodes,
            confidence=self.confidence,
            seeds=_seeds(state.rng),
            crew=crew,
        )

    def info(self, state: SampledState) -> dict[str, float | int | str | bool]:
        """Numbers about the outcome."""
        empirical, trace = state.empirical, state.trace
        values = expected_payoffs(empirical.normal_form(), state.profile)
        info: dict[str, float | int | str | bool] = {f"value_{i}": float(v) for i, v in enumerate(values)}
        if isinstance(self.meta_solver, EmpiricalMetaSolver):
            adjusted = self.meta_solver.payoffs(empirical, state.profile)
            info |= {f"adjusted_value_{i}": float(v) for i, v in enumerate(adjusted)}
            distance = self.meta_solver.measure(empirical, state.profile)
            info[distance.measure] = distance.bound
        info["episodes"] = int(empirical.counts.sum())
        if len(trace):
            info["last_gain"] = float(trace.gains[-1].sum())
            info["learning_episodes"] = int(trace.learning[-1])
        return info


def _mixtures(policies: Sequence[Sequence[Policy[Any]]], profile: Profile) -> tuple[MixturePolicy[Any], ...]:
    """Each player's mixture; policies of no weight are left out, as they would only travel with it."""
    return tuple(
        MixturePolicy(tuple(p for p, w in zip(group, x, strict=True) if w > 0), x[x > 0])
        for group, x in zip(policies, profile, strict=True)
    )


def _seeds(rng: np.random.Generator) -> np.random.SeedSequence:
    """A root for the children of one iteration.

    Drawn rather than spawned: how many children a generator has spawned is not part of its state, so a
    resumed run could not go on from there.
    """
    return np.random.SeedSequence(rng.integers(2**32, size=4).tolist())
