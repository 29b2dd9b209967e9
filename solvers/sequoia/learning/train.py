"""The one call: learn, and return the best policy with what is proven of its decisions."""

import os
import time
from pathlib import Path

import numpy as np

from games.bandits.argmax_certificate import certify_argmax
from games.bandits.problem import CoupledBandit
from games.bandits.simulator import Noise, rollout
from games.certificates import Certificate
from games.progress import ProgressCallback, ignore_progress
from games.results import SolveResult, Status
from games.storage.bundle import header_path
from solvers.sequoia.learning.checkpoint import resume_training, save_training
from solvers.sequoia.learning.origin import QOrigin
from solvers.sequoia.learning.policy import OraclePolicy, rows_of
from solvers.sequoia.learning.records import LearningCurve
from solvers.sequoia.learning.settings import SequoiaSettings
from solvers.sequoia.learning.trainer import SequoiaTrainer


class SequoiaPolicy(OraclePolicy):
    """A learned policy, usable by `games.bandits.simulator.rollout`, with how it was learned.

    Attributes:
        curve: what was measured while learning.
        origin: what its Q-function was made from.
    """

    def __init__(self, policy: OraclePolicy, curve: LearningCurve, origin: QOrigin, *, workers: int) -> None:
        super().__init__(policy.oracle, workers=workers, tolerance=policy.tolerance)
        self.curve = curve
        self.origin = origin


def train_sequoia(
    bandit: CoupledBandit,
    settings: SequoiaSettings | None = None,
    *,
    rng: np.random.Generator,
    workers: int = 1,
    time_limit: float | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 10,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[SequoiaPolicy]:
    """Learn to act in a coupled bandit.

    The policy that comes back is the best one found on the validation's chance, the start included.

    Args:
        bandit: the problem.
        settings: how to learn.
        rng: all randomness; equal seeds give equal results whatever the number of workers, unless the time
            limit strikes.
        workers: threads for the maxima.
        time_limit: seconds after which no further round begins, or None.
        checkpoint: a ``.json`` file, written before the first round, every so many rounds and at the end.
            Where it exists, the run goes on from it; it must have had the same bandit, settings and seed.
        checkpoint_every: rounds between checkpoints.
        progress: told of each round.

    Returns:
        The policy. Its certificate is the greatest distance from the best action in the decisions of some
        validation episodes, recomputed from their networks; it says nothing on how good the Q-function is,
        for which see ``info`` and `games.bandits.return_bound`. STATIONARY where learning came to rest, else
        LIMIT.

    Raises:
        ValueError: an argument is out of range, or a checkpoint belongs to another run.
        FileFormatError: a checkpoint is broken.
    """
    if time_limit is not None and not time_limit > 0:
        raise ValueError(f"time_limit must be positive, got {time_limit}")
    if checkpoint_every < 1:
        raise ValueError(f"checkpoint_every must be at least 1, got {checkpoint_every}")
    place = None if checkpoint is None else header_path(checkpoint)
    begin = time.perf_counter()
    trainer = SequoiaTrainer(bandit, settings, rng=rng, workers=workers)
    if place is not None and Path(place).exists():
        resume_training(place, trainer)
    else:
        trainer.start()
        if place is not None:
            save_training(place, trainer)
    while trainer.running and (time_limit is None or time.perf_counter() - begin < time_limit):
        trainer.round()
        rounds, looks = trainer.curve.rounds, trainer.curve.looks
        progress(
            trainer.rounds,
            trainer.settings.rounds,
            loss=float(rounds.loss[-1]),
            gap=float(rounds.gap[-1]),
            value=float(looks.value[-1]),
            gain=float(looks.gain[-1]),
        )
        if place is not None and trainer.rounds % checkpoint_every == 0:
            save_training(place, trainer)
    if place is not None:
        save_training(place, trainer)
    origin = QOrigin(trainer.settings.family, trainer.base, trainer.unit)
    policy = SequoiaPolicy(trainer.policy(trainer.best), trainer.curve, origin, workers=workers)
    looks = trainer.curve.looks
    kept = trainer.kept_look
    return SolveResult(
        policy,
        Status.STATIONARY if trainer.resting else Status.LIMIT,
        _certificate(bandit, policy, trainer.noise, trainer.settings.certified),
        "sequoia",
        trainer.rounds,
        time.perf_counter() - begin,
        {
            "start_value": float(looks.value[0]),
            "value": float(looks.value[kept]),
            "gain": float(looks.gain[kept]),
            "gain_error": float(looks.error[kept]),
            "best_round": int(looks.round[kept]),
            "updates": trainer.updates,
            "solves": trainer.solves,
        },
    )


def _certificate(bandit: CoupledBandit, policy: OraclePolicy, noise: Noise, episodes: int) -> Certificate:
    """The greatest argmax gap in the decisions of a few episodes, from the arrays of their networks."""
    few = Noise(noise.starts[:episodes], noise.uniforms[:episodes])
    worst = 0.0
    played = rollout(bandit, policy, few)
    for step in range(bandit.horizon):
        states = played.states[:, step]
        policy(states, step)  # remembered answers, with their upper bounds
        networks = policy.oracle.network.batch(rows_of(states, step))
        for state, network, answer in zip(states, networks, policy.last, strict=True):
            found = certify_argmax(
                network.weights,
                network.biases,
                network.slopes,
                bandit.actions_at(state, step),
                answer.action,
                answer.upper,
            )
            worst = max(worst, found.bound)
    return Certificate("argmax_gap", worst)
