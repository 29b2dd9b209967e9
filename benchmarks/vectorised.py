"""Environment steps per second: the usual one-at-a-time PettingZoo loop against ours and against batches.

Four contenders play the same game with the same policy to the ends of episodes:

- PettingZoo: the loop of its documentation. For OpenSpiel's games on shimmy's wrapper; our own environments
  have no other implementation, so there the loop runs on our own parallel environment.
- OpenSpiel: for its games, the loop on ``pyspiel`` states that a careful user would write.
- rollouts: our own one-at-a-time loop, `play_states`.
- batch: `play_batch` on the fastest batch the game offers, compiled or looped.

A step moves the game from one decision to the next; where players move together that is one step. The policy
is uniform, or one fixed torch network of two hidden layers of 64, which the loops ask one observation at a
time and batches for all lanes at once. Contenders run in turn in one process, several times over, and ratios
are medians of the ratios within one turn. Mean returns must agree with those of the second contender within
five standard errors; the exception is a network on shimmy, which may show another tensor than we do.

Run: ``python benchmarks/vectorised.py [--lanes 1024] [--seconds 0.5] [--turns 5]``
"""

import argparse
import itertools
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyspiel
import torch
from shimmy.openspiel_compatibility import OpenSpielCompatibilityV0

from games.adapters.open_spiel import open_spiel_game
from games.adapters.to_pettingzoo import GameParallelEnv
from games.batch.choose import batch_of
from games.driving.merge import MergeGame
from games.gridworlds.trust_dilemma import TrustDilemma
from marl.policies import UniformPolicy
from marl.rollouts import play_batch, play_states

OPEN_SPIEL = ("leduc_poker", "liars_dice", "tic_tac_toe", "connect_four")
OURS = (TrustDilemma(), TrustDilemma(stag_roams=True, sight=1), MergeGame(), MergeGame(late=0.1))
BAR = 5.0  # least ratio of a compiled batch to the PettingZoo loop


class Network:
    """A fixed network over observations, masked to the legal actions."""

    def __init__(self, inputs: int, actions: int) -> None:
        self.inputs, self.actions = inputs, actions
        generator = torch.Generator().manual_seed(0)
        sizes = (inputs, 64, 64, actions)
        self._layers = [
            (torch.randn(n, m, generator=generator) / n**0.5, torch.zeros(m))
            for n, m in itertools.pairwise(sizes)
        ]

    def distributions(self, observations, masks):
        """Many at once."""
        with torch.inference_mode():
            values = torch.from_numpy(observations.reshape(len(observations), -1))
            for number, (weights, bias) in enumerate(self._layers):
                values = torch.addmm(bias, values if number == 0 else torch.relu_(values), weights)
            values = values.masked_fill_(torch.from_numpy(~masks), -math.inf).double()
            return torch.softmax(values, dim=1).numpy()

    def probabilities(self, game, state, player):
        """One state."""
        return self.distributions(game.observe(state, player)[None], game.legal_mask(state, player)[None])[0]


@dataclass
class Play:
    """What a contender did: steps and episodes made, seconds taken, and returns of the first player."""

    steps: int
    seconds: float
    returns: list[float]


Contender = Callable[[float, np.random.Generator], Play]
"""Plays whole episodes for about so many seconds."""


def draw(policy, observation, mask, rng) -> int:
    """How the loop of a PettingZoo user chooses."""
    legal = mask.nonzero()[0]
    if isinstance(policy, UniformPolicy):
        return int(legal[int(rng.random() * legal.size)])
    chances = policy.distributions(observation[None], mask.astype(bool)[None])[0]
    return int(chances.cumsum().searchsorted(rng.random() * chances.sum(), side="right"))


def timed(episode: Callable[[], tuple[int, float]], seconds: float) -> Play:
    """Plays episodes until the time is up; ``episode`` returns its steps and the first player's return."""
    start, steps, returns = time.perf_counter(), 0, []
    while time.perf_counter() - start < seconds or len(returns) < 2:
        made, value = episode()
        steps += made
        returns.append(value)
    return Play(steps, time.perf_counter() - start, returns)


def shimmy_loop(name, policy) -> Contender:
    """PettingZoo's agent-environment cycle on shimmy's wrapper."""
    env = OpenSpielCompatibilityV0(game_name=name)
    env.reset(seed=0)
    inputs = math.prod(env.observe(env.possible_agents[0]).shape)
    if isinstance(policy, Network) and policy.inputs != inputs:
        # Shimmy shows Leduc's shorter observation tensor; a network of its size plays another strategy.
        policy = Network(inputs, policy.actions)

    def play(seconds, rng):
        def episode():
            env.reset(seed=int(rng.integers(2**31)))
            first, steps, value = env.possible_agents[0], 0, 0.0
            for agent in env.agent_iter():
                observation, reward, terminated, truncated, info = env.last()
                if agent == first:
                    value += reward
                if terminated or truncated:
                    env.step(None)
                    continue
                env.step(draw(policy, np.asarray(observation, np.float32), info["action_mask"], rng))
                steps += 1
            return steps, value

        return timed(episode, seconds)

    return play


def parallel_loop(game, policy) -> Contender:
    """PettingZoo's parallel loop."""
    env = GameParallelEnv(game)

    def play(seconds, rng):
        def episode():
            observations, _ = env.reset(seed=int(rng.integers(2**31)))
            first, steps, value = env.possible_agents[0], 0, 0.0
            while env.agents:
                actions = {
                    agent: draw(policy, seen["observation"], seen["action_mask"], rng)
                    for agent, seen in observations.items()
                    if seen["action_mask"].any()
                }
                observations, rewards, _, _, _ = env.step(actions)
                value += rewards[first]
                steps += 1
            return steps, value

        return timed(episode, seconds)

    return play


def spiel_loop(name, policy) -> Contender:
    """The loop on OpenSpiel's states, with tensors where the policy reads them."""
    game = pyspiel.load_game(name)
    information, size = game.get_type().provides_information_state_tensor, game.num_distinct_actions()

    def choose(state, rng):
        if isinstance(policy, UniformPolicy):
            legal = state.legal_actions()
            return legal[int(rng.random() * len(legal))]
        seen = state.information_state_tensor() if information else state.observation_tensor()
        mask = np.array(state.legal_actions_mask(), dtype=bool)
        assert mask.size == size
        return draw(policy, np.array(seen, dtype=np.float32), mask, rng)

    def play(seconds, rng):
        def episode():
            state, steps = game.new_initial_state(), 0
            while not state.is_terminal():
                if state.is_chance_node():
                    outcomes = state.chance_outcomes()
                    # Outcomes are equally likely in the games of this benchmark.
                    state.apply_action(outcomes[int(rng.random() * len(outcomes))][0])
                    continue
                state.apply_action(choose(state, rng))
                steps += 1
            return steps, state.returns()[0]

        return timed(episode, seconds)

    return play


def rollouts(game, policy) -> Contender:
    """Our one-at-a-time rollouts."""

    def play(seconds, rng):
        def episode():
            states = play_states(game, [policy] * game.num_players, rng=rng)
            return len(states) - 1, float(game.returns(states[-1])[0])

        return timed(episode, seconds)

    return play


def batched(batch, policy) -> Contender:
    """A batch, ten episodes to a lane, so that few lanes wait at the end."""
    lanes = batch.num_lanes
    counter = _count_batch_steps(batch)

    def play(seconds, rng):
        start, before, returns = time.perf_counter(), counter[0], []
        while time.perf_counter() - start < seconds or not returns:
            table = play_batch(batch, [policy] * batch.num_players, 10 * lanes, rng=rng)
            returns += table[:, 0].tolist()
        return Play(counter[0] - before, time.perf_counter() - start, returns)

    return play


def _count_batch_steps(batch):
    """Count steps of all lanes from now on, in a list of one number."""
    counter, plain = [0], batch.step

    def step(actions, rng):
        counter[0] += batch.num_lanes - int(np.count_nonzero(batch.finished()))
        plain(actions, rng)

    batch.step = step
    return counter


def main() -> int:
    """Measure and print; the exit status is 1 if the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lanes", type=int, default=1024)
    parser.add_argument("--seconds", type=float, default=0.5, help="per contender and turn")
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    missed = False
    for name in OPEN_SPIEL:
        game = open_spiel_game(name)
        for policy in policies_of(game):
            one_at_a_time = {"shimmy": shimmy_loop(name, policy), "pyspiel": spiel_loop(name, policy)}
            missed |= compare(game, policy, one_at_a_time, options)
    for game in OURS:
        for policy in policies_of(game):
            missed |= compare(game, policy, {"PettingZoo (ours)": parallel_loop(game, policy)}, options)
    return int(missed)


def policies_of(game):
    """The uniform policy and a network that fits."""
    inputs = math.prod(game.observation_shape(0))
    return UniformPolicy(), Network(inputs, game.num_actions(0))


def compare(game, policy, one_at_a_time, options) -> bool:
    """Time all contenders on one game; whether a compiled batch missed the bar against the first of them."""
    start = time.perf_counter()
    batch = batch_of(game, options.lanes, rng=np.random.default_rng(0))
    built = time.perf_counter() - start
    contenders = {
        **one_at_a_time,
        "rollouts": rollouts(game, policy),
        "batch": batched(batch, policy),
    }
    plays: dict[str, list[Play]] = {label: [] for label in contenders}
    for play in contenders.values():
        play(0.05, np.random.default_rng(0))  # warm up
    for turn in range(options.turns):
        for number, (label, play) in enumerate(contenders.items()):
            plays[label].append(play(options.seconds, np.random.default_rng((turn, number))))
    reference, witness = list(contenders)[:2]
    kind = type(batch).__name__
    print(f"\n{game.name}, {type(policy).__name__}: {options.lanes} lanes of {kind}, made in {built:.1f} s")
    ratio = 0.0
    for label, made in plays.items():
        rates = [play.steps / play.seconds for play in made]
        ratio = statistics.median(
            rate / (other.steps / other.seconds) for rate, other in zip(rates, plays[reference], strict=True)
        )
        mean, error = moments(made)
        print(
            f"  {label:18s} {statistics.median(rates):>12,.0f} steps/s {ratio:8.2f} x   "
            f"mean return {mean:8.4f} +- {error:.4f}"
        )
        if label != "shimmy" or isinstance(policy, UniformPolicy):
            _check_same_returns(game.name, label, moments(plays[witness]), (mean, error))
    return kind != "LoopedBatch" and ratio < BAR


def moments(plays: list[Play]) -> tuple[float, float]:
    """Mean return over all turns, and its standard error."""
    returns = np.array([value for play in plays for value in play.returns])
    return float(returns.mean()), float(returns.std(ddof=1) / math.sqrt(returns.size))


def _check_same_returns(name, label, wanted, found) -> None:
    if abs(wanted[0] - found[0]) > 5 * math.hypot(wanted[1], found[1]) + 1e-12:
        raise SystemExit(f"{name}: {label} has mean return {found[0]}, wanted {wanted[0]}")


if __name__ == "__main__":
    raise SystemExit(main())
