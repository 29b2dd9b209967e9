"""Deep oracles by the number of episodes they learn from, for the command line and specs."""

from marl.learning.budgets import EpisodeBudget
from marl.learning.dqn import DQN
from marl.learning.mean_variance import ReturnVariance
from marl.learning.ppo import PPO
from marl.oracles.deep import DeepOracle


def deep_q(episodes: int = 20_000) -> DeepOracle:
    """Double DQN with its default settings."""
    return DeepOracle(DQN(budget=EpisodeBudget(episodes)))


def ppo(episodes: int = 20_000) -> DeepOracle:
    """PPO with its default settings."""
    return DeepOracle(PPO(budget=EpisodeBudget(episodes)))


def mean_variance_ppo(gamma: float, episodes: int = 20_000) -> DeepOracle:
    """PPO for the mean return less ``gamma`` times its variance, by the auxiliary target."""
    return DeepOracle(PPO(objective=ReturnVariance(gamma), budget=EpisodeBudget(episodes)))
