r"""Rewards by which direct preference optimisation explains preferences, in place of win rates.

DPO fits :math:`P(y \succ y') = \sigma(r_y - r_{y'})` to labels of pairs that a policy :math:`\mu` drew, and
moves to :math:`\pi \propto \pi_{ref} \exp(r / \beta)` [1]_. With all pairs and labels there are, r solves

.. math::
    \sum_{y'} \mu(y') \big( P(y \succ y') - \sigma(r_y - r_{y'}) \big) = 0 \quad \text{for every } y.

Where preferences run in circles no rewards explain them, and their sum over rounds need not settle.

.. [1] Rafailov et al., "Direct preference optimization", arXiv 2305.18290.
"""

from dataclasses import dataclass

from games.preference.arrays import Array, array_module, greatest
from solvers.inpo.iterate import Iterate

_MOST_STEPS = 60
_LONGEST = 2.0  # change of a reward in one Newton step: logistic curves are nearly linear that far
_SMALL = 1e-13


def bradley_terry_rewards(preferences: Array, policy: Array) -> Array:
    """The rewards of the equation above, of mean 0 under ``policy``.

    Args:
        preferences: P in (0, 1), shape (B, n, n).
        policy: who draws both responses of a pair, shape (B, n).

    Returns:
        Shape (B, n). A response that the policy all but never draws is judged against the others.
    """
    xp = array_module(policy)
    rewards = 0.0 * policy
    places = list(range(policy.shape[-1]))
    for _ in range(_MOST_STEPS):
        predicted = 1.0 / (1.0 + xp.exp(rewards[..., None, :] - rewards[..., :, None]))
        residual = ((preferences - predicted) * policy[..., None, :]).sum(axis=-1)
        slopes = predicted * (1.0 - predicted) * policy[..., None, :]
        # The last term makes rewards of one mean of those that differ by a constant.
        matrix = policy[..., None, :] - slopes
        matrix[..., places, places] += slopes.sum(axis=-1)
        step = xp.linalg.solve(matrix, residual[..., None])[..., 0]
        longest = greatest(xp.abs(step), keepdims=True)
        rewards = rewards + step * (_LONGEST / xp.where(longest > _LONGEST, longest, _LONGEST))
        if not bool((longest > _SMALL).any()):
            break
    return rewards - (policy * rewards).sum(axis=-1, keepdims=True)


@dataclass(frozen=True, slots=True)
class BradleyTerryOpponent:
    """Rewards fitted to pairs of the current policy's own take the place of win rates.

    Attributes:
        noise: share of labels taken to be wrong, in (0, 1/2): sure preferences have no finite rewards.
    """

    noise: float = 1e-3
    memory: int = 0

    def __post_init__(self) -> None:
        if not 0.0 < self.noise < 0.5:
            raise ValueError(f"noise must lie in (0, 1/2), got {self.noise!r}")

    def rates(self, state: Iterate, step: Array) -> Array:
        """The rewards."""
        return bradley_terry_rewards(0.5 + (1.0 - 2.0 * self.noise) * state.margins, state.policy)
