r"""A shared bandit as one planner sees it when the others' play is chance.

In state s of arm j let the others play as they do on average over the play at hand. The arm then moves by

.. math::
    P'_j(\cdot | s, m) = (1 - m) E[P_j(\cdot | s, \mathrm{share}_j(0, o))]
        + m E[P_j(\cdot | s, \mathrm{share}_j(1, o))],

with o the others' bits, and 0 and 1 none or all of the own: a coupled bandit of the planner's own, of the
same bits and the same set. It forgets how the others' play hangs together across arms and over time, so it is
where learning starts from, and no more.
"""

import numpy as np
from numpy.typing import NDArray

from games.bandits.arms import RestlessArms
from games.bandits.planners import PlannersGame
from games.bandits.problem import CoupledBandit
from solvers.sequoia.planners.episodes import PlannersEpisodes

_PRIOR = 4.0  # visits that the arm's average over all states counts for in each state


def mean_field_bandit(game: PlannersGame, played: PlannersEpisodes, player: int) -> CoupledBandit:
    """The bandit of one planner, estimated from episodes.

    Args:
        game: the game.
        played: episodes of all planners.
        player: whose bandit.
    """
    bandit = game.bandit
    arms = bandit.arms
    states = played.states[:, :-1].reshape(-1, arms.count)
    bits = played.bits.reshape(len(states), game.num_players, -1).copy()
    shares = []
    for own in (False, True):
        bits[:, player] = own
        combined = np.array([bandit.combine(row) for row in bits])
        shares.append(_by_state(bandit.effect.shares(combined), states, arms.states))
    change = arms.active - arms.passive
    passive, active = (arms.passive + share[:, :, None] * change for share in shares)
    return CoupledBandit(
        RestlessArms(passive, active, bandit.rewards[player]),
        bandit.effect,
        bandit.sets[player],
        horizon=bandit.horizon,
        discount=1.0,
        name=f"planner {player} of {bandit.name}",
    )


def _by_state(shares: NDArray[np.float64], states: NDArray[np.int64], arm_states: int) -> NDArray[np.float64]:
    """Mean share of each arm in each of its states, of shape (J, S)."""
    found = np.empty((shares.shape[1], arm_states))
    overall = shares.mean(axis=0)
    for state in range(arm_states):
        here = states == state
        found[:, state] = ((shares * here).sum(axis=0) + _PRIOR * overall) / (here.sum(axis=0) + _PRIOR)
    return found
