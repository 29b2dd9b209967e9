r"""Policy iteration before learning, from the best known policy to one that beats it.

A policy pi that a table of scores decides can be played in great numbers. What other actions earn more when
pi goes on from them (`solvers.sequoia.learning.rollout_pairs`) is what Q^pi tells apart, so tables are fitted
to these gains g_i,

.. math::  \min \sum_i (Q(s_i, a_i, t_i) - Q(s_i, \pi(s_i), t_i) - g_i)^2 + \lambda \| \Delta \|^2,

with Delta the change from the mixture of known scores that fits best. The policy that is greedy in
:math:`Q^\pi` is nowhere worse than pi [1]_. A fitted one may be, so it becomes the next pi only if it is
better on the validation's chance. In the end the whole Q-network is fitted to the gains over the last pi.

The first pi is the greedy policy of the base or, where arms have a bit each, that of Whittle's indices.

.. [1] Bertsekas, Tsitsiklis, Wu (1997), Rollout algorithms for combinatorial optimization, J. Heuristics 3.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from games.bandits.factors import Factor
from games.bandits.problem import CoupledBandit, StartRule
from games.bandits.simulator import Noise
from marl.learning.networks import Adam
from solvers.sequoia.learning.families import AdditiveFamily
from solvers.sequoia.learning.model import ActionValueModel, Parameters
from solvers.sequoia.learning.rollout_pairs import Pairs, PairSource
from solvers.sequoia.learning.schedules import CosineRate
from solvers.sequoia.learning.score_policy import ScorePolicy, start_scores, total_scores
from solvers.sequoia.learning.terms import Scores
from solvers.sequoia.learning.validation import look_at
from solvers.sequoia.learning.value_base import ValueBase


@dataclass(frozen=True, slots=True)
class Improvement:
    """How much is spent on it.

    Attributes:
        iterations: policies of tables, the first one included, that pairs are drawn from.
        pairs: comparisons of two actions for each.
        spread: of the actions tried, in units of the scores' standard deviation.
        epochs: times that the pairs are gone through.
        batch: pairs in each step of the optimiser.
        rate: of Adam.
        shrinkage: lambda, where Q counts in the scale of what is learned.
    """

    iterations: int = 2
    pairs: int = 100_000
    spread: float = 0.25
    epochs: int = 6
    batch: int = 512
    rate: CosineRate = field(default_factory=lambda: CosineRate(3e-3, 1e-5))
    shrinkage: float = 1e-4

    def __post_init__(self) -> None:
        for name in ("iterations", "pairs", "epochs", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0.0 < self.spread < math.inf or not 0.0 <= self.shrinkage < math.inf:
            raise ValueError(f"need spread > 0 and shrinkage >= 0, got {self.spread} and {self.shrinkage}")


def improve(
    model: ActionValueModel,
    bandit: CoupledBandit,
    base: ValueBase,
    improvement: Improvement,
    noise: Noise,
    start: StartRule,
    *,
    rng: np.random.Generator,
    workers: int,
    look: Callable[[], None],
) -> None:
    """Move the model; see the module. Where deciding by scores needs programs the model stays as it is.

    Args:
        model: Q; one without a table that is trained is fitted to the last gains, and no more.
        bandit: the problem.
        base: additive values.
        improvement: what is spent.
        noise: the validation's chance.
        start: how episodes begin.
        rng: all randomness.
        workers: threads.
        look: called where the model is at the best policy of tables, and at the end.
    """
    factors = base.layout.factors

    def value_of(scores: Scores) -> float:
        return look_at(bandit, ScorePolicy(bandit, factors, scores), noise, base).value

    known = [*start_scores(bandit, base)]
    if not ScorePolicy(bandit, factors, known[0]).quick:
        return
    values = [value_of(scores) for scores in known]
    best = int(np.argmax(values))
    pairs = None
    for iteration in range(improvement.iterations):
        for_pairs, for_fit = rng.spawn(2)
        policy = ScorePolicy(bandit, factors, known[best])
        source = PairSource(bandit, base, policy, start, improvement.spread)
        pairs = source.draw(improvement.pairs, rng=for_pairs, workers=workers)
        if pairs is None:
            break
        if iteration + 1 < improvement.iterations:
            table = AdditiveFamily().build(bandit, base, model.unit, rng=for_fit)
            table.begin_at(mixed(factors, known, pairs))
            fit(table, pairs, improvement, rng=for_fit)
            known.append(table.scores)
            values.append(value_of(known[-1]))
            best = int(np.argmax(values))
    if best and model.delta is not None:
        model.begin_at(known[best])
        look()
    if pairs is not None:
        if model.delta is not None:
            model.begin_at(mixed(factors, known, pairs))
        fit(model, pairs, improvement, rng=rng)
        look()


def mixed(factors: Sequence[Factor], known: Sequence[Scores], pairs: Pairs) -> Scores:
    """The sum of multiples of the scores that predicts the gains best."""
    predicted = [
        total_scores(factors, scores, pairs.rows, pairs.other)
        - total_scores(factors, scores, pairs.rows, pairs.played)
        for scores in known
    ]
    weights = np.linalg.lstsq(np.stack(predicted, axis=1), pairs.gains)[0]
    return tuple(np.tensordot(weights, np.stack(own), 1) for own in zip(*known, strict=True))


def fit(model: ActionValueModel, pairs: Pairs, settings: Improvement, *, rng: np.random.Generator) -> float:
    """Move the model to the gains; see the module.

    Returns:
        Mean squared error of the last epoch, in units of the model.
    """
    adam = Adam(Parameters(model), math.inf)
    start = None if model.delta is None else model.delta.detach().clone()
    gains = torch.from_numpy(pairs.gains / model.unit)
    batches = max(1, len(pairs) // settings.batch)
    losses = np.empty((settings.epochs, batches))
    for epoch in range(settings.epochs):
        order = rng.permutation(len(pairs))
        for number in range(batches):
            own = order[number * settings.batch : (number + 1) * settings.batch]
            rows = np.concatenate([pairs.rows[own], pairs.rows[own]])
            values = model(rows, np.concatenate([pairs.other[own], pairs.played[own]])) / model.unit
            loss = ((values[: own.size] - values[own.size :] - gains[own]) ** 2).mean()
            losses[epoch, number] = float(loss.detach())
            if model.delta is not None and start is not None:
                loss = loss + settings.shrinkage * ((model.delta - start) ** 2).sum()
            adam.step(loss, settings.rate((epoch * batches + number) / losses.size))
    return float(losses[-1].mean())
