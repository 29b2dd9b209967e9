from .budgets import (
    Budget as Budget,
    EpisodeBudget as EpisodeBudget,
    Plateau as Plateau,
    StepBudget as StepBudget,
)
from .dense import Activation as Activation, DenseNetwork as DenseNetwork, Torso as Torso
from .dqn import DQN as DQN
from .lanes import LearnerLanes as LearnerLanes
from .learners import Learned as Learned, Learner as Learner
from .mean_variance import (
    ExpectedReturn as ExpectedReturn,
    Objective as Objective,
    ReturnVariance as ReturnVariance,
    StepVariance as StepVariance,
)
from .neural_policy import ActionRule as ActionRule, NeuralPolicy as NeuralPolicy
from .ppo import PPO as PPO
from .prioritised import (
    Column as Column,
    PrioritisedDraw as PrioritisedDraw,
    PrioritisedRing as PrioritisedRing,
    SumTree as SumTree,
)
from .seat_env import SeatEnv as SeatEnv
from .starts import (
    FreshStart as FreshStart,
    HeaviestStart as HeaviestStart,
    LatestStart as LatestStart,
    Start as Start,
)
