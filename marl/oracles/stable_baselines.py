"""Best responses learned by stable-baselines3 [1]_ and sb3-contrib; what they learn plays without them.

.. [1] Raffin et al. (2021), Stable-Baselines3: reliable reinforcement learning implementations, JMLR 22.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from games.errors import MissingDependencyError, UnsupportedGameError
from games.protocols import EnvGame
from marl.learning.budgets import Plateau, PlateauWatch
from marl.learning.dense import Activation, DenseNetwork
from marl.learning.networks import one_thread
from marl.learning.neural_policy import ActionRule, NeuralPolicy
from marl.learning.seat_env import SeatEnv
from marl.learning.starts import FreshStart, Start
from marl.oracles.answers import Opponent, OracleAnswer
from marl.rollouts.batched import estimate_returns_batched

try:
    from sb3_contrib import MaskablePPO
    from stable_baselines3 import A2C, DQN, PPO
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, FlattenExtractor
    from stable_baselines3.dqn.policies import DQNPolicy
except ImportError as error:
    raise MissingDependencyError(
        "stable-baselines3 and sb3-contrib are needed: pip install 'counterplay[sb3]'"
    ) from error

Build: TypeAlias = Callable[[SeatEnv, int], Any]
"""Makes an algorithm of stable-baselines3 from an environment and a seed; a module's function, as it is
pickled. Its policy must be an MlpPolicy over discrete actions."""


def maskable_ppo(env: SeatEnv, seed: int) -> MaskablePPO:
    """PPO that knows the legal actions; defaults of sb3-contrib, without discount."""
    return MaskablePPO("MlpPolicy", env, gamma=1.0, seed=seed, device="cpu")


def ppo(env: SeatEnv, seed: int) -> PPO:
    """PPO with the defaults of stable-baselines3, without discount."""
    return PPO("MlpPolicy", env, gamma=1.0, seed=seed, device="cpu")


def a2c(env: SeatEnv, seed: int) -> A2C:
    """A2C with the defaults of stable-baselines3, without discount."""
    return A2C("MlpPolicy", env, gamma=1.0, seed=seed, device="cpu")


def dqn(env: SeatEnv, seed: int) -> DQN:
    """DQN with the defaults of stable-baselines3, without discount; half of the budget explores."""
    return DQN("MlpPolicy", env, gamma=1.0, exploration_fraction=0.5, seed=seed, device="cpu")


@dataclass(frozen=True, slots=True)
class StableBaselines:
    """An algorithm of stable-baselines3 as an oracle.

    Illegal actions are never played: while learning a uniformly drawn legal one takes their place (see
    `SeatEnv`), afterwards the policy is masked. Only `maskable_ppo` knows the masks while it learns.

    Attributes:
        build: makes the algorithm.
        steps: own decisions to learn from; algorithms round up to whole batches.
        start: what to start from.
        early_stop: when to stop before, judged by the returns while learning; never where None.
        evaluation: episodes played with the response to estimate its return and variance, at least 2.
    """

    build: Build = maskable_ppo
    steps: int = 100_000
    start: Start = field(default_factory=FreshStart)
    early_stop: Plateau | None = None
    evaluation: int = 1_000

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, got {self.steps}")
        if self.evaluation < 2:
            raise ValueError(f"evaluation must be at least 2 episodes, got {self.evaluation}")

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        build = f"{self.build.__module__}.{self.build.__qualname__}"
        return f"stable_baselines({build}, {self.steps}, {self.start}, {self.early_stop}, {self.evaluation})"

    def respond(
        self,
        game: EnvGame[Any],
        opponents: Sequence[Opponent],
        player: int,
        *,
        rng: np.random.Generator,
    ) -> OracleAnswer[NeuralPolicy]:
        """Learn a response of ``player``; see ``DeepOracle.respond``.

        Raises:
            UnsupportedGameError: also where the algorithm's policy is not made of dense layers alone, or
                something of its own stands between them and the observations.
        """
        env = SeatEnv(game, opponents, player)
        seed = int(rng.integers(2**31 - 1))
        with one_thread(), _global_generators_kept():
            algorithm = self.build(env, seed)
            layers = _Layers(algorithm)
            warm = self.start.pick(opponents[player])
            if warm is not None:
                layers.load(warm)
            stop = _StopAtPlateau(env, self.early_stop)
            algorithm.learn(self.steps, callback=stop)
            policy = layers.policy()
        seated = [policy if i == player else p for i, p in enumerate(opponents)]
        estimate = estimate_returns_batched(game, seated, self.evaluation, rng=rng)
        return OracleAnswer(policy, estimate, len(env.returns), stop.watch.resting)

    def pack(self, policy: NeuralPolicy) -> dict[str, NDArray[Any]]:
        """A policy of this oracle as arrays."""
        return policy.arrays()

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> NeuralPolicy:
        """The policy that gave the arrays; ValueError if they are not of one."""
        return NeuralPolicy.restore(arrays)


class _StopAtPlateau(BaseCallback):  # type: ignore[misc]  # the library is not followed
    """Ends learning when returns no longer grow."""

    def __init__(self, env: SeatEnv, rule: Plateau | None) -> None:
        super().__init__()
        self.watch = PlateauWatch(rule)
        self._env, self._seen = env, 0

    def _on_step(self) -> bool:
        self.watch.add(self._env.returns[self._seen :])
        self._seen = len(self._env.returns)
        return not self.watch.resting


class _Layers:
    """The linear layers of an algorithm's policy, to read and to overwrite."""

    def __init__(self, algorithm: Any) -> None:  # noqa: ANN401  (untyped library)
        policy = algorithm.policy
        _require_plain(algorithm)
        self._target: Any = None
        if isinstance(policy, DQNPolicy):
            stacks, self._rule = [policy.q_net.q_net], ActionRule.GREEDY
            self._target = policy.q_net_target
            self._source = policy.q_net
        elif hasattr(policy, "action_net") and hasattr(policy, "mlp_extractor"):
            extractor = policy.mlp_extractor
            stacks = [
                torch.nn.Sequential(*extractor.policy_net, policy.action_net),
                torch.nn.Sequential(*extractor.value_net, policy.value_net),
            ]
            self._rule = ActionRule.SOFTMAX
        else:
            raise UnsupportedGameError(
                f"{type(policy).__name__} is neither an actor and critic of dense layers nor a DQN"
            )
        self._linears = [_linears(stack) for stack in stacks]
        self._activation = _activation([module for stack in stacks for module in stack])

    def policy(self) -> NeuralPolicy:
        """What the layers play, as arrays of its own."""
        networks = [
            DenseNetwork(
                tuple(_array(linear.weight).T.copy() for linear in linears),
                tuple(_array(linear.bias).copy() for linear in linears),
                activation=self._activation,
            )
            for linears in self._linears
        ]
        return NeuralPolicy(networks[0], self._rule, networks[1] if len(networks) > 1 else None)

    def load(self, policy: NeuralPolicy) -> None:
        """Take over the weights; a critic only where both have one.

        Raises:
            ValueError: the networks have other sizes or another form.
        """
        for network, linears in zip((policy.network, policy.critic), self._linears, strict=False):
            if network is None:
                continue
            sizes = (linears[0].in_features, *(linear.out_features for linear in linears))
            if network.sizes != sizes or network.gains or network.activation is not self._activation:
                raise ValueError(
                    f"cannot start from a network of sizes {network.sizes} with {network.activation.name}: "
                    f"the algorithm has {sizes} with {self._activation.name}"
                )
            with torch.no_grad():
                for linear, weight, bias in zip(linears, network.weights, network.biases, strict=True):
                    linear.weight.copy_(torch.from_numpy(weight.T.copy()))
                    linear.bias.copy_(torch.from_numpy(bias.copy()))
        if self._target is not None:
            self._target.load_state_dict(self._source.state_dict())


def _require_plain(algorithm: Any) -> None:  # noqa: ANN401  (untyped library)
    """Refuse what stands before the layers, or remembers, and would be lost in the export."""
    for module in algorithm.policy.modules():
        if isinstance(module, torch.nn.RNNBase):
            raise UnsupportedGameError(f"{type(module).__name__} layers remember, which no policy here does")
        if isinstance(module, BaseFeaturesExtractor) and type(module) is not FlattenExtractor:
            raise UnsupportedGameError(
                f"features must be the flattened observations, got {type(module).__name__}"
            )
    if algorithm.get_vec_normalize_env() is not None:
        raise UnsupportedGameError("observations and payoffs must come as they are, got VecNormalize")


def _linears(stack: Any) -> list[torch.nn.Linear]:  # noqa: ANN401  (untyped library)
    allowed = (torch.nn.Linear, torch.nn.Tanh, torch.nn.ReLU)
    strange = [type(module).__name__ for module in stack if not isinstance(module, allowed)]
    if strange:
        raise UnsupportedGameError(
            f"layers must be linear with tanh or relu between, got {', '.join(strange)}"
        )
    return [module for module in stack if isinstance(module, torch.nn.Linear)]


def _activation(modules: Sequence[Any]) -> Activation:
    relu = any(isinstance(module, torch.nn.ReLU) for module in modules)
    return Activation.RELU if relu else Activation.TANH


def _array(tensor: torch.Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.detach().numpy()
    return array


@contextmanager
def _global_generators_kept() -> Iterator[None]:
    """Put back the global generators, which stable-baselines3 seeds and draws from."""
    python, arrays, tensors = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(arrays)  # noqa: NPY002
        torch.set_rng_state(tensors)
