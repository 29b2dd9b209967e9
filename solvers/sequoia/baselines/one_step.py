"""The action of greatest expected reward in the next step, exactly.

The reward is a sum over arms, and an arm feels only the bits that reach it. So the expected reward is a
separable score over the factors of the bandit: linear with one bit an arm, and exact for the sigmoid link
too, whose groups of bits are tabulated.
"""

from games.bandits.factors import factors_of
from games.bandits.problem import CoupledBandit
from solvers.sequoia.baselines.policy import NamedPolicy, score_policy


def myopic(bandit: CoupledBandit, *, workers: int = 1) -> NamedPolicy:
    """Maximise the expected reward of the next step.

    Args:
        bandit: the problem.
        workers: threads.

    Raises:
        ValueError: as for `games.bandits.factors.factors_of`.
    """
    factors = factors_of(bandit)
    return score_policy("myopic", bandit, factors, [f.rewards[None] for f in factors], workers=workers)
