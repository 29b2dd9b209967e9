r"""Double deep Q-learning [1]_ over combinatorial actions [2]_, each maximum taken by a certified oracle.

Each round plays episodes with the oracle's best actions, a few of them replaced by random allowed ones; turns
them into records (`solvers.sequoia.learning.backups`); draws records by priority; solves the maxima over the
next actions in their targets once, by the online network; and makes steps of the optimiser, for which the
target network evaluates those actions. The value after the last step is zero: the steps left are part of the
state.

.. [1] van Hasselt, Guez, Silver (2016), Deep reinforcement learning with double Q-learning, AAAI.
.. [2] Xu, Wilder, Khalil, Tambe (2025), Reinforcement learning with combinatorial actions for coupled
   restless bandits, ICLR.
"""

import copy
import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from games.bandits.problem import CoupledBandit
from games.bandits.simulator import Noise, draw_noise, rollout
from marl.learning.networks import Adam, one_thread
from marl.learning.prioritised import PrioritisedRing
from solvers.sequoia.evaluation import gains_over
from solvers.sequoia.learning.backups import Episodes, backup_columns, backups
from solvers.sequoia.learning.exploration import random_allowed
from solvers.sequoia.learning.families import AdditiveFamily
from solvers.sequoia.learning.improvement import improve
from solvers.sequoia.learning.model import ModelNetwork, Parameters
from solvers.sequoia.learning.policy import OraclePolicy, feasible_of, rows_of
from solvers.sequoia.learning.records import LearningCurve
from solvers.sequoia.learning.settings import SequoiaSettings
from solvers.sequoia.learning.targets import Targets, TargetSource
from solvers.sequoia.learning.validation import Look, look_at
from solvers.sequoia.oracle import ArgmaxOracle
from solvers.sequoia.result import ArgmaxResult, ArgmaxStatus, Tolerance

_UNIT_ROWS = 64
_UNIT_EPISODES = 8
_LEAST_UNIT = 1e-2  # of the reward of a step


class SequoiaTrainer:
    """A run in progress; `round` makes one step of it, so callers own the loop.

    Args:
        bandit: the problem.
        settings: how to learn.
        rng: all randomness.
        workers: threads for the maxima; the result does not depend on them.

    Attributes:
        model: Q under training.
        target: the network that evaluates.
        best: the best snapshot so far on the validation's chance; the start at first.
        unit: scale of what is learned; losses and the network's output count in it.
        curve: what was measured.
        rounds: done.
        stale: looks since the best.
        kept_look: number of the look at which ``best`` was found.
    """

    def __init__(
        self,
        bandit: CoupledBandit,
        settings: SequoiaSettings | None = None,
        *,
        rng: np.random.Generator,
        workers: int = 1,
    ) -> None:
        self.bandit = bandit
        self.settings = settings or SequoiaSettings()
        self.rng, for_model, for_validation = rng.spawn(3)
        self._workers = workers
        self._begin, self._spent = time.perf_counter(), 0.0
        self.base = self.settings.base(bandit, self.settings.discount)
        self.noise: Noise = draw_noise(bandit, self.settings.validation.episodes, rng=for_validation)
        step_unit = _step_unit(bandit, rng=for_model)
        self.unit = step_unit
        if self.settings.family.starts_at_base:
            # What is left to learn is what the base promises and its policy does not keep.
            start = AdditiveFamily().build(bandit, self.base, step_unit, rng=for_model).snapshot()
            few = Noise(self.noise.starts[:_UNIT_EPISODES], self.noise.uniforms[:_UNIT_EPISODES])
            missed = gains_over(self.base, rollout(bandit, self.policy(start), few), self.base.discount)
            self.unit = max(float(np.abs(missed).mean()), _LEAST_UNIT * step_unit)
        self.model = self.settings.family.build(bandit, self.base, self.unit, rng=for_model)
        self.target = copy.deepcopy(self.model)
        self._adam = Adam(Parameters(self.model), self.settings.max_gradient)
        self.ring = PrioritisedRing(self.settings.capacity, backup_columns(bandit), alpha=self.settings.alpha)
        self.rounds = 0
        self.updates = 0
        self.solves = 0
        self.stale = 0
        self.kept_look = 0
        self.curve = LearningCurve.empty()
        self._oracle = ArgmaxOracle(self.model.snapshot(), feasible_of(bandit))
        self.best: ModelNetwork = self.model.snapshot()
        self._best_look: Look | None = None
        self._first_look: Look | None = None

    @property
    def seconds(self) -> float:
        """Since the start, without the time between a checkpoint and its resumption."""
        return self._spent + time.perf_counter() - self._begin

    @property
    def progress(self) -> float:
        """Share of the rounds done."""
        return self.rounds / self.settings.rounds

    @property
    def resting(self) -> bool:
        """Whether the validation's patience is at an end."""
        patience = self.settings.validation.patience
        return patience is not None and self.stale >= patience

    @property
    def running(self) -> bool:
        """Whether rounds are left and learning has not come to rest."""
        return self.rounds < self.settings.rounds and not self.resting

    def start(self) -> None:
        """Supervision, where the family needs it, and policy iteration; before the first round."""
        with one_thread():
            if not self.settings.family.starts_at_base:
                self._supervise()
            self._look()
            if self.settings.improvement is not None:
                improve(
                    self.model,
                    self.bandit,
                    self.base,
                    self.settings.improvement,
                    self.noise,
                    self.settings.start,
                    rng=self.rng.spawn(1)[0],
                    workers=self._workers,
                    look=self._look,
                )
            self.target = copy.deepcopy(self.model)

    def round(self) -> None:
        """Play, learn, and look at the policy where that is due."""
        with one_thread():
            self._oracle.update(self.model.snapshot())
            results = self._play()
            loss, error, solved = self._learn()
            gaps = np.array([result.gap for result in results])
            everything = [*results, *solved]
            self.solves += len(everything)
            self.rounds += 1
            proven = [r.status in (ArgmaxStatus.OPTIMAL, ArgmaxStatus.ENOUGH) for r in everything]
            self.curve = self.curve.with_round(
                {
                    "loss": loss,
                    "error": error,
                    "gap": float(gaps.mean()),
                    "worst_gap": float(gaps.max()),
                    "proven": float(np.mean(proven)),
                    "solves": float(self.solves),
                    "seconds": self.seconds,
                }
            )
            if self.rounds % self.settings.validation.every == 0 or self.rounds == self.settings.rounds:
                self._look()

    def maxima(
        self, rows: NDArray[np.int64], tolerance: Tolerance, enough: NDArray[np.float64] | None
    ) -> tuple[ArgmaxResult, ...]:
        """The best actions in rows, by the network of the round."""
        return self._oracle.solve_batch(rows, workers=self._workers, tolerance=tolerance, enough=enough)

    def target_source(self) -> TargetSource:
        """What this round's targets are made from."""
        tolerance = self.settings.tolerance.at(self.rounds)
        return TargetSource(
            self.bandit,
            self.base,
            self.model,
            self.target,
            lambda rows, enough: self.maxima(rows, tolerance, enough),
            self.settings.next_samples,
            self.settings.dual_filter,
        )

    def policy(self, network: ModelNetwork) -> OraclePolicy:
        """The greedy policy of a snapshot."""
        oracle = ArgmaxOracle(network, feasible_of(self.bandit))
        return OraclePolicy(oracle, workers=self._workers, tolerance=self.settings.acting)

    def arrays(self) -> dict[str, dict[str, NDArray[Any]]]:
        """Everything but the generator and the counts, by part, for storage between two rounds."""
        looks = {}
        if self._first_look is not None and self._best_look is not None:
            looks = {"first": self._first_look.scores, "best": self._best_look.scores}
        return {
            "model": dict(self.model.arrays()),
            "target": dict(self.target.arrays()),
            "kept": dict(self.best.arrays()),
            "adam": self._adam.arrays(),
            "ring": self.ring.arrays(),
            "curve": self.curve.arrays(),
            "looks": dict(looks),
        }

    def restore(
        self,
        arrays: dict[str, dict[str, NDArray[Any]]],
        curve: LearningCurve,
        counts: dict[str, int],
        seconds: float,
    ) -> None:
        """Go on from where `arrays` was taken; the generator is up to the caller.

        Raises:
            ValueError: something is missing or of another shape.
        """
        self.model.restore(arrays["kept"])
        self.best = self.model.snapshot()
        self.model.restore(arrays["model"])
        self.target.restore(arrays["target"])
        self._adam.restore(arrays["adam"])
        self.ring.restore(arrays["ring"])
        if arrays["looks"].keys() != {"first", "best"}:
            raise ValueError("the first or the best look is missing")
        self._first_look, self._best_look = (Look(arrays["looks"][name]) for name in ("first", "best"))
        self.curve = curve
        self.rounds, self.updates = counts["rounds"], counts["updates"]
        self.solves, self.stale = counts["solves"], counts["stale"]
        self.kept_look = counts["kept_look"]
        self._spent, self._begin = seconds, time.perf_counter()

    def _supervise(self) -> None:
        warm, bandit, rng = self.settings.warm_start, self.bandit, self.rng
        rows: list[NDArray[np.int64]] = []
        actions: list[list[NDArray[np.bool_]]] = []
        while len(rows) < warm.rows:
            states = self.settings.start.draw(bandit.num_arms, 1, rng)[0]
            for step in range(bandit.horizon):
                action_set = bandit.actions_at(states, step)
                drawn = [random_allowed(action_set, rng=rng) for _ in range(warm.actions)]
                rows.append(rows_of(states[None], step)[0])
                actions.append(drawn)
                states = bandit.sample_next(states, drawn[0], rng=rng)
        flat_rows = np.repeat(np.array(rows), warm.actions, axis=0)
        flat_actions = np.array(actions).reshape(len(flat_rows), bandit.bits)
        wanted = self.base.action_value(flat_rows[:, :-1], flat_rows[:, -1], flat_actions)
        for update in range(warm.updates):
            own = rng.integers(len(flat_rows), size=warm.batch)
            self._step(
                flat_rows[own],
                flat_actions[own],
                torch.from_numpy(wanted[own]),
                torch.ones(warm.batch, dtype=torch.float64),
                self.settings.learning_rate(update / warm.updates),
            )

    def _play(self) -> list[ArgmaxResult]:
        settings, bandit, rng = self.settings, self.bandit, self.rng
        lanes, horizon = settings.lanes, bandit.horizon
        states = np.empty((lanes, horizon + 1, bandit.num_arms), dtype=np.int64)
        actions = np.empty((lanes, horizon, bandit.bits), dtype=np.bool_)
        explored = rng.random((lanes, horizon)) < settings.epsilon(self.progress)
        states[:, 0] = settings.start.draw(bandit.num_arms, lanes, rng)
        answers: list[ArgmaxResult] = []
        policy = OraclePolicy(self._oracle, workers=self._workers, tolerance=settings.acting)
        for step in range(horizon):
            actions[:, step] = policy(states[:, step], step)
            answers.extend(policy.last)
            for lane in np.flatnonzero(explored[:, step]):
                action_set = bandit.actions_at(states[lane, step], step)
                best = actions[lane, step]
                actions[lane, step] = settings.exploration.draw(action_set, best, rng=rng)
            states[:, step + 1] = bandit.sample_next(states[:, step], actions[:, step], rng=rng)
        self.ring.add(backups(Episodes(states, actions, explored), self.base, settings.n_steps))
        return answers

    def _learn(self) -> tuple[float, float, list[ArgmaxResult]]:
        """Mean loss, mean error and the maxima solved."""
        settings = self.settings
        drawn = self.ring.draw(settings.pool, beta=settings.beta(self.progress), rng=self.rng)
        targets = Targets(self.target_source(), drawn, rng=self.rng)
        rate = settings.learning_rate(self.progress)
        losses = np.empty(settings.updates)
        rows, actions = drawn.records["row"], drawn.records["action"]
        weights = drawn.weights * targets.counted
        for update in range(settings.updates):
            own = self.rng.integers(settings.pool, size=settings.batch)
            wanted = torch.from_numpy(targets.of(own))
            losses[update] = self._step(rows[own], actions[own], wanted, torch.from_numpy(weights[own]), rate)
            self.updates += 1
            settings.target.follow(self.target, self.model, self.updates)
        errors = targets.of(np.arange(settings.pool)) - self.model.values(rows, actions)
        self.ring.reprioritise(drawn.indices, errors / self.unit)
        return float(losses.mean()), float(np.abs(errors).mean()), targets.results

    def _step(
        self,
        rows: NDArray[np.int64],
        actions: NDArray[np.bool_],
        wanted: Tensor,
        weights: Tensor,
        rate: float,
    ) -> float:
        predicted = self.model(rows, actions)
        losses = nn.functional.smooth_l1_loss(predicted / self.unit, wanted / self.unit, reduction="none")
        loss = (weights * losses).mean()
        if self.model.body is not None:
            hidden = self.model.body(rows[:, :-1], rows[:, -1]).hidden
            for penalty in self.settings.penalties:
                loss = loss + penalty(hidden)
        self._adam.step(loss, rate)
        return float(loss.detach())

    def _look(self) -> None:
        snapshot = self.model.snapshot()
        look = look_at(self.bandit, self.policy(snapshot), self.noise, self.base)
        if self._first_look is None or self._best_look is None:
            self._first_look = self._best_look = look
            self.best = snapshot
        gain, error = look.gain(self._best_look)
        if gain > self.settings.validation.errors * error:
            self._best_look, self.best, self.stale = look, snapshot, 0
            self.kept_look = len(self.curve.looks)
        elif self.rounds:
            self.stale += 1
        over_first, its_error = look.gain(self._first_look)
        self.curve = self.curve.with_look(
            {"round": float(self.rounds), "value": look.value, "gain": over_first, "error": its_error}
        )


def _step_unit(bandit: CoupledBandit, *, rng: np.random.Generator) -> float:
    """Size of the expected reward of a step where something is done at random; 1 where there is none."""
    states = rng.integers(bandit.arms.states, size=(_UNIT_ROWS, bandit.num_arms))
    actions = np.array([random_allowed(bandit.actions_at(row, 0), rng=rng) for row in states])
    size = float(np.abs(bandit.expected_reward(states, actions)).mean())
    return size or 1.0
