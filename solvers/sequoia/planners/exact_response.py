r"""Dynamic programming as oracle and simulator of sampled PSRO, for players on few arms.

The others' mixture draws types once an episode, so the best Markov response solves a memoryless decision
problem with a hidden type. Its value is multilinear in the decisions of the steps, and each step is improved
in turn: with the chances :math:`\mu_t(k, s)` of type and state that earlier decisions bring about and the
values :math:`Q_k` that later ones leave,

.. math:: a_t(s) \in \arg\max_a \sum_k \mu_t(k, s) Q_k(s, a, t).

No sweep loses value, and the best of several starts is kept. Against a single type this is the best response;
against several it is a local optimum, which `games.bandits.planners_response` compares with all responses.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.bandits.planners_chain import PlannersChain
from games.bandits.planners_response import OpponentTypes, against, opponent_types
from games.empirical import Moments
from games.protocols import EnvGame
from marl.oracles import Opponent, OracleAnswer
from marl.policies import MixturePolicy, Policy
from marl.rollouts import ReturnEstimate
from solvers.sequoia.planners.tables import ChainGame, TablePolicy, chain_of, mixture_of, table_of

_GAIN = 1e-12  # of the largest reward of an episode


@dataclass(frozen=True, slots=True)
class MarkovResponse:
    """Answers by dynamic programming over the joint chain; a `solvers.psro.SampledOracle`.

    Attributes:
        sweeps: most improvements of all steps from each start.
    """

    sweeps: int = 20

    def __post_init__(self) -> None:
        if self.sweeps < 1:
            raise ValueError(f"sweeps must be at least 1, got {self.sweeps}")

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        return f"markov_response({self.sweeps})"

    def respond(
        self, game: EnvGame[Any], opponents: Sequence[Opponent], player: int, *, rng: np.random.Generator
    ) -> OracleAnswer[Any]:
        """See `SampledOracle`; draws nothing from ``rng``, and the estimate is exact.

        Raises:
            TypeError: the game is neither between planners nor has a chain.
            ValueError: it is too large to be written down.
        """
        chain = chain_of(game)
        mixtures = [mixture_of(game, chain, opponent, i) for i, opponent in enumerate(opponents)]
        choices = best_markov_response(
            chain, opponent_types(chain, mixtures, player), player, sweeps=self.sweeps
        )
        policy = TablePolicy(choices, chain.processes[0].factors.shape[2])
        seated = [policy if i == player else opponent for i, opponent in enumerate(opponents)]
        mean, variance = exact_moments(game, seated)
        estimate = ReturnEstimate(mean, variance, np.zeros_like(mean), 0)
        return OracleAnswer(policy, estimate, 0, False)

    def pack(self, policy: TablePolicy) -> dict[str, NDArray[Any]]:
        """See `SampledOracle`."""
        return {"choices": policy.choices, "arm_states": np.array([policy.arm_states])}

    def unpack(self, arrays: dict[str, NDArray[Any]]) -> Policy[Any]:
        """See `SampledOracle`."""
        if arrays.keys() != {"choices", "arm_states"} or arrays["choices"].ndim != 2:
            raise ValueError(f"arrays must be choices and arm_states of a table, got {sorted(arrays)}")
        return TablePolicy(arrays["choices"], int(arrays["arm_states"][0]))


@dataclass(frozen=True, slots=True)
class ExactCells:
    """Fills the cells of a sampled PSRO by dynamic programming; a `solvers.psro.Simulator`.

    A cell is recorded as so many episodes with exactly the true mean and variance.

    Attributes:
        largest: most episodes asked for at once; a larger number costs nothing.
    """

    largest: int = 1_000_000

    def __post_init__(self) -> None:
        if self.largest < 4:
            raise ValueError(f"largest must be at least 4, got {self.largest}")

    @property
    def name(self) -> str:
        """Registered name."""
        return "exact_cells"

    def moments(
        self, game: EnvGame[Any], policies: Sequence[Opponent], episodes: int, *, rng: np.random.Generator
    ) -> Moments:
        """See `solvers.psro.Simulator`; draws nothing from ``rng``.

        Raises:
            TypeError: the game is neither between planners nor has a chain.
            ValueError: it is too large to be written down.
        """
        mean, variance = exact_moments(game, policies)
        return Moments.of_variance(episodes, mean, variance)


def exact_moments(
    game: ChainGame, players: Sequence[Opponent]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance of each return, of shape (players,) each; mixtures draw once an episode."""
    chain = chain_of(game)
    groups = [p.policies if isinstance(p, MixturePolicy) else (p,) for p in players]
    weights = [np.asarray(p.weights) if isinstance(p, MixturePolicy) else np.ones(1) for p in players]
    tables = [[table_of(game, chain, policy, i) for policy in group] for i, group in enumerate(groups)]
    mean, square = np.zeros((2, game.num_players))
    for cell in np.ndindex(*(len(group) for group in groups)):
        chance = float(np.prod([w[k] for w, k in zip(weights, cell, strict=True)]))
        if chance > 0.0:
            own_mean, own_variance = chain.moments([tables[i][k] for i, k in enumerate(cell)])
            mean += chance * own_mean
            square += chance * (own_variance + own_mean**2)
    return mean, np.maximum(square - mean**2, 0.0)


def best_markov_response(
    chain: PlannersChain, types: OpponentTypes, player: int, *, sweeps: int = 20
) -> NDArray[np.int64]:
    """Choices of shape (horizon, n) that no change at a single step improves; see the module.

    Starts are the best responses to each type, and to the type being drawn anew at each step.

    Args:
        chain: the game.
        types: what the others may play.
        player: who responds.
        sweeps: most improvements of all steps from each start.
    """
    mean = np.einsum("k,ktno->tno", types.weights, types.plays)
    least = _GAIN * chain.horizon * float(np.abs(chain.processes[player].rewards).max())
    best, greatest = None, -np.inf
    for play in (*types.plays, mean) if len(types.plays) > 1 else types.plays:
        choices, value = _improve(chain, types, player, _greedy(chain, play, player), (sweeps, least))
        if best is None or value > greatest + least:
            best, greatest = choices, value
    assert best is not None  # there is a type
    return best


def _greedy(chain: PlannersChain, play: NDArray[np.float64], player: int) -> NDArray[np.int64]:
    choices = np.zeros((chain.horizon, len(chain.start)), dtype=np.int64)
    values = np.zeros(len(chain.start))
    for step in range(chain.horizon - 1, -1, -1):
        worth = against(chain, play, player, step, values)
        choices[step], values = worth.argmax(axis=1), worth.max(axis=1)
    return choices


def _improve(
    chain: PlannersChain,
    types: OpponentTypes,
    player: int,
    choices: NDArray[np.int64],
    limits: tuple[int, float],
) -> tuple[NDArray[np.int64], float]:
    """Choices after as many sweeps as gain at least so much, and their value."""
    sweeps, least = limits
    value = -np.inf
    rows = np.arange(len(chain.start))
    for _ in range(sweeps):
        reached = np.array([_occupancy(chain, play, player, choices) for play in types.plays])
        after = np.zeros((len(types.plays), len(chain.start)))
        for step in range(chain.horizon - 1, -1, -1):
            worth = np.array(
                [
                    against(chain, play, player, step, own)
                    for play, own in zip(types.plays, after, strict=True)
                ]
            )
            score = np.einsum("k,kn,kna->na", types.weights, reached[:, step], worth)
            better = score.max(axis=1) > score[rows, choices[step]] + least
            choices[step] = np.where(better, score.argmax(axis=1), choices[step])
            after = worth[:, rows, choices[step]]
        now = float(types.weights @ after @ chain.start)
        if now <= value + least:
            break
        value = now
    return choices, value


def _occupancy(
    chain: PlannersChain, play: NDArray[np.float64], player: int, choices: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Chances of the joint states at each step against a type, of shape (horizon, n)."""
    process = chain.processes[player]
    law = np.zeros((chain.horizon, len(chain.start)))
    law[0] = chain.start
    shape = (process.factors.shape[2],) * process.states.shape[1]
    order = np.moveaxis(np.arange(len(process.actions)).reshape(chain.sizes), player, 0)
    order = order.reshape(chain.sizes[player], -1)
    for step in range(chain.horizon - 1):
        for own in np.unique(choices[step]).tolist():
            here = np.where(choices[step] == own, law[step], 0.0)
            for other, joint in enumerate(order[own].tolist()):
                flow = (here * play[step, :, other]).reshape(shape)
                if flow.any():
                    for arm, matrix in enumerate(process.factors[joint]):
                        flow = np.moveaxis(np.tensordot(matrix, flow, axes=(0, arm)), 0, arm)
                    law[step + 1] += flow.reshape(-1)
    return law
