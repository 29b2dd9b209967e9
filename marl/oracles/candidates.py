r"""The best of finitely many given policies, found by playing: policy search where learning is out of reach.

Where a step of the game is slow, or good behaviour is known up to a few numbers (a speed, a threshold, a
script), a few hundred episodes choose well among a dozen policies and teach a network nothing. It serves any
game: candidates may be scripts, trained networks, or policies of an earlier run.

The objective is mean minus priced variance of the return, :math:`\operatorname{E} R - \gamma
\operatorname{Var} R`, and the search is sequential halving [1]_: of K candidates, every round plays the ones
that are left equally often and keeps the better half, so that episodes go to the ones that are hard to tell
apart. With a budget of T episodes and :math:`L = \lceil \log_2 K \rceil` rounds, each of the :math:`n_r` left
in round r plays :math:`\lfloor T / (n_r L) \rfloor` episodes more. Unlike in [1]_ the episodes of earlier
rounds still count, as a variance needs many.

All candidates of a round play with equal generators: they meet the same opponents, and the same chance as
long as it comes before their ways part, as at the start. Differences between them are then sampled with less
noise than their returns.

.. [1] Karnin, Koren, Somekh (2013), Almost optimal exploration in multi-armed bandits, ICML.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.protocols import EnvGame
from marl.oracles.answers import Opponent, OracleAnswer
from marl.policies import MixturePolicy, Policy
from marl.policies.seating import check_learner
from marl.rollouts import estimate_returns, play_episode


@dataclass(frozen=True, slots=True, eq=False)
class ChosenPolicy:
    """A candidate and its place among the candidates.

    Attributes:
        index: its place.
        policy: the candidate.
    """

    index: int
    policy: Policy[Any]

    def probabilities(self, game: EnvGame[Any], state: Any, player: int) -> NDArray[np.float64]:  # noqa: ANN401
        """Those of the candidate."""
        return self.policy.probabilities(game, state, player)


@dataclass(frozen=True, slots=True, eq=False)
class CandidateResponse:
    """The candidate of greatest sampled mean minus priced variance; see the module.

    Attributes:
        candidates: what may be answered, the same for all players; at least one. They are not part of the
            name: whoever resumes a run must bring the same ones.
        gamma: price of variance, in units of one over payoff, at least 0.
        episodes: budget of the search, at least two per candidate and round.
        tremble: probability with which, in each episode, an opponent is believed to play a candidate drawn
            uniformly instead of what it plays, in [0, 1]; above 0 the candidates must suit the opponents'
            seats.
        evaluation: episodes played with the answer to estimate its return and variance, against opponents
            that do not tremble, at least 2.

    Raises:
        ValueError: a number is out of range, or there are no candidates.
    """

    candidates: tuple[Policy[Any], ...]
    gamma: float = 0.0
    episodes: int = 2_000
    tremble: float = 0.0
    evaluation: int = 200

    def __post_init__(self) -> None:
        if not self.candidates:
            raise ValueError("candidates must hold at least one policy")
        if not (math.isfinite(self.gamma) and self.gamma >= 0):
            raise ValueError(f"gamma must be finite and at least 0, got {self.gamma!r}")
        if not 0 <= self.tremble <= 1:
            raise ValueError(f"tremble must lie in [0, 1], got {self.tremble!r}")
        least = 2 * len(self.candidates) * self.rounds
        if self.episodes < least:
            raise ValueError(f"episodes must be at least {least} for these candidates, got {self.episodes}")
        if self.evaluation < 2:
            raise ValueError(f"evaluation must be at least 2 episodes, got {self.evaluation}")

    @property
    def rounds(self) -> int:
        """Halvings until one candidate is left."""
        return (len(self.candidates) - 1).bit_length()

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        return (
            f"candidates({len(self.candidates)}, gamma={self.gamma:g}, {self.episodes}, "
            f"tremble={self.tremble:g}, {self.evaluation})"
        )

    def respond(
        self, game: EnvGame[Any], opponents: Sequence[Opponent], player: int, *, rng: np.random.Generator
    ) -> OracleAnswer[ChosenPolicy]:
        """Search a response of ``player``; of equally good candidates the first.

        Args:
            game: the game.
            opponents: one per player; the entry of ``player`` is not played.
            player: who responds.
            rng: source of all randomness of the answer.

        Raises:
            ValueError: the number of opponents is wrong, there is no such player, or a policy gives no
                distribution.
        """
        check_learner(game, opponents, player)
        met = [self._trembling(opponent) for opponent in opponents]
        returns: list[list[float]] = [[] for _ in self.candidates]
        left, played = list(range(len(self.candidates))), 0
        for _ in range(self.rounds):
            each = self.episodes // (len(left) * self.rounds)
            seeds = rng.integers(2**63, size=each).tolist()
            for k in left:
                seats = _seated(met, player, self.candidates[k])
                for seed in seeds:
                    episode = play_episode(game, seats, rng=np.random.default_rng(seed))
                    returns[k].append(float(episode.returns[player]))
            played += each * len(left)
            # The sort is stable, so of equal ones the first stays.
            left = sorted(left, key=lambda k: -self._worth(returns[k]))[: -(-len(left) // 2)]
        best = ChosenPolicy(left[0], self.candidates[left[0]])
        estimate = estimate_returns(game, _seated(opponents, player, best), self.evaluation, rng=rng)
        return OracleAnswer(best, estimate, played, False)

    def pack(self, policy: ChosenPolicy) -> dict[str, NDArray[Any]]:
        """The place of the policy among the candidates."""
        return {"index": np.array([policy.index], dtype=np.int64)}

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> ChosenPolicy:
        """The policy that gave the arrays; ValueError if they are not of a candidate."""
        index = arrays.get("index")
        if (
            index is None
            or index.shape != (1,)
            or index.dtype != np.int64
            or not 0 <= index[0] < len(self.candidates)
        ):
            raise ValueError(f"index must be that of one of {len(self.candidates)} candidates, got {index}")
        return ChosenPolicy(int(index[0]), self.candidates[int(index[0])])

    def _worth(self, returns: list[float]) -> float:
        return float(np.mean(returns) - self.gamma * np.var(returns, ddof=1))

    def _trembling(self, opponent: Opponent) -> Opponent:
        if self.tremble == 0.0:
            return opponent
        kept, weights = (
            (opponent.policies, np.asarray(opponent.weights))
            if isinstance(opponent, MixturePolicy)
            else ((opponent,), np.ones(1))
        )
        even = np.full(len(self.candidates), 1.0 / len(self.candidates))
        mixed = np.concatenate([(1.0 - self.tremble) * weights, self.tremble * even])
        return MixturePolicy((*kept, *self.candidates), mixed)


def _seated(opponents: Sequence[Opponent], player: int, own: Policy[Any]) -> list[Opponent]:
    return [own if i == player else p for i, p in enumerate(opponents)]
