r"""Learning a response to others' mixtures by playing episodes against them.

It is the learning of `solvers.sequoia.learning` with chance that is not the bandit's own: returns are
measured by the arms' true moves under what all planners did. With the additive values V of the mean-field
bandit and :math:`\delta_k = r_k + E V(s_{k+1}, k+1) - V(s_k, k)`, expectations given all bits at step k,

.. math::
    y_t = V(s_t, t) + \sum_{k=t}^{e-1} \delta_k + \max_a \hat Q(s_e, a, e) - V(s_e, e),

where e is the first step after t at which something was explored, or the end, after which nothing follows.
Q starts at the mean-field bandit's, and the best policy on validation luck that stays the same is kept, the
start included. Within an episode the others' policies stay what they were drawn to be; Q reads the arms and
the step alone, so it answers as a Markov policy does.
"""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from games.bandits.planners import PlannersGame
from games.bandits.problem import CoupledBandit
from marl.learning.networks import Adam, one_thread
from marl.learning.prioritised import Column, PrioritisedRing
from marl.oracles import Opponent
from solvers.sequoia.learning import ModelNetwork, SequoiaSettings, ValueBase
from solvers.sequoia.learning.model import Parameters
from solvers.sequoia.planners.episodes import PlannersEpisodes, play_planners
from solvers.sequoia.planners.mean_field import mean_field_bandit
from solvers.sequoia.planners.network_policy import NetworkPlanner

_LEAST_UNIT = 1e-6  # of the largest reward of an arm


class ResponseLearner:
    """A response in the making.

    Args:
        game: the game.
        opponents: one for each planner; the own entry plays only in the episodes from which the mean-field
            bandit is estimated.
        player: who responds.
        settings: of them count ``family``, ``base``, ``rounds``, ``lanes``, ``epsilon``, ``exploration``,
            ``capacity``, ``alpha``, ``beta``, ``pool``, ``batch``, ``updates``, ``target``,
            ``learning_rate``, ``max_gradient``, ``tolerance``, ``acting`` and ``validation``.
        rng: all randomness.

    Attributes:
        own: the mean-field bandit.
        best: the best policy so far, the start at first.
        gains: over the start, of the best policy at each look, in payoff units.
        episodes: played so far.

    Raises:
        ValueError: the family does not start at its base.
    """

    def __init__(
        self,
        game: PlannersGame,
        opponents: Sequence[Opponent],
        player: int,
        settings: SequoiaSettings,
        *,
        rng: np.random.Generator,
    ) -> None:
        if not settings.family.starts_at_base:
            raise ValueError(f"family must start at its base, got {settings.family}")
        self._game, self._opponents, self._player, self._settings = game, opponents, player, settings
        for_field, for_model, for_looks, self._rng = rng.spawn(4)
        looked = settings.validation.episodes
        field = play_planners(game, opponents, looked, rng=for_field)
        self.own: CoupledBandit = mean_field_bandit(game, field, player)
        self.base: ValueBase = settings.base(self.own, 1.0)
        self._seed = int(for_looks.integers(2**63))
        self.episodes = looked
        start = settings.family.build(self.own, self.base, 1.0, rng=copy.deepcopy(for_model))
        self.unit = 1.0
        first = self._planner(start.snapshot())
        self._best_scores, missed = self._look(first)
        # Where every reward is zero there is nothing to learn, in whatever unit.
        self.unit = max(missed, _LEAST_UNIT * float(np.abs(game.bandit.rewards[player]).max())) or 1.0
        self.model = settings.family.build(self.own, self.base, self.unit, rng=for_model)
        self._target = copy.deepcopy(self.model)
        self._adam = Adam(Parameters(self.model), settings.max_gradient)
        row, action = Column((self.own.num_arms + 1,), np.int64), Column((self.own.bits,), np.bool_)
        columns = {"row": row, "action": action, "known": Column((), np.float64)}
        columns |= {"next_row": row, "ended": Column((), np.bool_)}
        self._ring = PrioritisedRing(settings.capacity, columns, alpha=settings.alpha)
        self.best = self._planner(self.model.snapshot())
        self._first_scores = self._best_scores
        self.gains: list[float] = [0.0]
        self._updates = 0

    def run(self) -> NetworkPlanner:
        """All rounds; the best policy found."""
        validation = self._settings.validation
        with one_thread():
            for done in range(self._settings.rounds):
                planner = self._planner(self.model.snapshot())
                self._play(planner, done)
                self._learn(planner, done)
                if (done + 1) % validation.every == 0 or done + 1 == self._settings.rounds:
                    self._compare(self._planner(self.model.snapshot()))
        return self.best

    def _planner(self, network: ModelNetwork) -> NetworkPlanner:
        return NetworkPlanner(
            network,
            self.own,
            self._player,
            base=self.base,
            unit=self.unit,
            tolerance=self._settings.acting,
        )

    def _play(self, planner: NetworkPlanner, done: int) -> None:
        settings, game = self._settings, self._game
        epsilon = settings.epsilon(done / settings.rounds)
        explored = self._rng.random((settings.lanes, game.bandit.horizon)) < epsilon
        action_set = game.bandit.sets[self._player]

        def own(states: NDArray[np.int64], step: int) -> NDArray[np.bool_]:
            chosen = planner.bits(states, step)
            for lane in np.flatnonzero(explored[:, step]):
                chosen[lane] = settings.exploration.draw(action_set, chosen[lane], rng=self._rng)
            return chosen

        (child,) = self._rng.spawn(1)
        played = play_planners(game, self._opponents, settings.lanes, rng=child, player=self._player, own=own)
        self.episodes += settings.lanes
        self._ring.add(self._records(played, explored))

    def _records(
        self, played: PlannersEpisodes, explored: NDArray[np.bool_]
    ) -> dict[str, NDArray[np.generic]]:
        lanes, horizon = explored.shape
        gains, values = self._gains(played)
        known = values[:, :-1] + gains
        ends = np.full((lanes, horizon), horizon)
        for step in range(horizon - 2, -1, -1):
            on = ~explored[:, step + 1]
            ends[:, step] = np.where(on, ends[:, step + 1], step + 1)
            known[:, step] += np.where(on, known[:, step + 1] - values[:, step + 1], 0.0)
        steps = np.broadcast_to(np.arange(horizon + 1), (lanes, horizon + 1))
        rows = np.concatenate([played.states, steps[:, :, None]], axis=2)
        lane = np.arange(lanes)[:, None]
        return {
            "row": rows[:, :-1].reshape(lanes * horizon, -1),
            "action": played.bits[:, :, self._player].reshape(lanes * horizon, -1),
            "known": known.reshape(-1),
            "next_row": rows[lane, ends].reshape(lanes * horizon, -1),
            "ended": (ends == horizon).reshape(-1),
        }

    def _gains(self, played: PlannersEpisodes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Delta of each step, of shape (lanes, horizon), and V of each state, (lanes, horizon + 1)."""
        bandit, base = self._game.bandit, self.base
        lanes, length, count = played.states.shape
        moves = bandit.arms.moves(played.states[:, :-1], played.shares)
        gains = np.einsum("lhjs,js->lh", moves, bandit.rewards[self._player])
        for factor, table in zip(base.layout.factors, base.values, strict=True):
            law = np.ones((lanes, length - 1, 1))
            for arm in factor.arms:
                law = (law[..., None] * moves[:, :, arm, None, :]).reshape(lanes, length - 1, -1)
            gains += np.einsum("lhn,hn->lh", law, table[1:])
        gains += base.constants[1:]
        times = np.broadcast_to(np.arange(length), (lanes, length)).reshape(-1)
        values = base.value(played.states.reshape(-1, count), times).reshape(lanes, length)
        return gains - values[:, :-1], values

    def _learn(self, planner: NetworkPlanner, done: int) -> None:
        settings = self._settings
        progress = done / settings.rounds
        drawn = self._ring.draw(settings.pool, beta=settings.beta(progress), rng=self._rng)
        records = drawn.records
        going = np.flatnonzero(~records["ended"])
        onward = records["next_row"][going]
        actions = np.zeros((len(onward), self.own.bits), dtype=np.bool_)
        for step in np.unique(onward[:, -1]).tolist():
            here = onward[:, -1] == step
            actions[here] = planner.bits(onward[here, :-1], step)
        after = self.base.value(onward[:, :-1], onward[:, -1])

        def wanted() -> NDArray[np.float64]:
            found = records["known"].copy()
            if going.size:
                found[going] += self._target.values(onward, actions) - after
            return np.asarray(found)

        for _ in range(settings.updates):
            own = self._rng.integers(settings.pool, size=settings.batch)
            loss = self._loss(records["row"][own], records["action"][own], wanted()[own], drawn.weights[own])
            self._adam.step(loss, settings.learning_rate(progress))
            self._updates += 1
            settings.target.follow(self._target, self.model, self._updates)
        errors = wanted() - self.model.values(records["row"], records["action"])
        self._ring.reprioritise(drawn.indices, errors / self.unit)

    def _loss(
        self,
        rows: NDArray[np.int64],
        actions: NDArray[np.bool_],
        wanted: NDArray[np.float64],
        weights: NDArray[np.float64],
    ) -> Tensor:
        predicted = self.model(rows, actions) / self.unit
        losses = nn.functional.smooth_l1_loss(
            predicted, torch.from_numpy(wanted / self.unit), reduction="none"
        )
        return (torch.from_numpy(weights) * losses).mean()

    def _look(self, planner: NetworkPlanner) -> tuple[NDArray[np.float64], float]:
        """Scores of validation episodes, and the mean size of what V does not explain of them."""
        played = play_planners(
            self._game,
            self._opponents,
            self._settings.validation.episodes,
            rng=np.random.default_rng(self._seed),
            player=self._player,
            own=planner.bits,
        )
        self.episodes += self._settings.validation.episodes
        gains, values = self._gains(played)
        total = gains.sum(axis=1)
        return values[:, 0] + total, float(np.abs(total).mean())

    def _compare(self, planner: NetworkPlanner) -> None:
        scores, _ = self._look(planner)
        difference = scores - self._best_scores
        error = float(difference.std(ddof=1) / np.sqrt(difference.size)) if difference.size > 1 else 0.0
        if float(difference.mean()) > self._settings.validation.errors * error:
            self.best, self._best_scores = planner, scores
        self.gains.append(float((self._best_scores - self._first_scores).mean()))
