"""Learned best responses against exact ones: ours, and stable-baselines3 on the same game and decisions.

Every learner answers uniform play with the same number of own decisions, on one thread. What it gains is
computed exactly on the compiled tree, as a share of what the best response gains over uniform play; the share
is the median over seeds, with the least beside it. Decisions per second are those of the whole answer, as
ratios to the peer of the same family within one turn, so that load falls on both sides.

The peers run with their own defaults, which were not chosen for games this small.

Run: ``python benchmarks/deep_oracles.py [--steps 20000] [--seeds 3] [--games kuhn_poker leduc_poker]``
"""

import argparse
import statistics
import time
from dataclasses import dataclass

import numpy as np

from games.adapters.open_spiel import open_spiel_game
from games.adapters.open_spiel_tree import compile_open_spiel
from games.extensive.evaluation import best_response, expected_values
from marl.learning import DQN, PPO, StepBudget
from marl.oracles import DeepOracle, StableBaselines
from marl.oracles.stable_baselines import dqn, maskable_ppo
from marl.policies import UniformPolicy
from marl.policies.in_trees import behaviors_of_policies

BAR = 1.0  # least ratio of decisions per second to the peer


@dataclass(frozen=True)
class Contender:
    """An oracle, and the peer that it is measured against."""

    label: str
    oracle: DeepOracle | StableBaselines
    peer: str


def contenders(steps: int) -> list[Contender]:
    """Two families, ours and theirs."""
    return [
        Contender("our PPO", DeepOracle(PPO(budget=StepBudget(steps)), evaluation=2), "sb3 MaskablePPO"),
        Contender("sb3 MaskablePPO", StableBaselines(maskable_ppo, steps, evaluation=2), "sb3 MaskablePPO"),
        Contender("our DQN", DeepOracle(DQN(StepBudget(steps)), evaluation=2), "sb3 DQN"),
        Contender("sb3 DQN", StableBaselines(dqn, steps, evaluation=2), "sb3 DQN"),
    ]


def main() -> int:
    """Measure and print; the exit status is 1 if the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--games", nargs="+", default=["kuhn_poker", "leduc_poker"])
    options = parser.parse_args()
    missed = False
    for name in options.games:
        game, form = open_spiel_game(name), compile_open_spiel(name)
        opponents = [UniformPolicy()] * game.num_players
        behaviors = behaviors_of_policies(game, form, opponents)
        best = best_response(form, behaviors, 0).value
        uniform = expected_values(form, behaviors)[0]
        print(f"\n{name}: best response {best:.4f}, uniform {uniform:.4f}, {options.steps} decisions")
        shares: dict[str, list[float]] = {}
        rates: dict[str, list[float]] = {}
        for contender in contenders(options.steps // 10):  # warm up
            contender.oracle.respond(game, opponents, 0, rng=np.random.default_rng(0))
        for seed in range(options.seeds):
            for contender in contenders(options.steps):
                start = time.perf_counter()
                answer = contender.oracle.respond(game, opponents, 0, rng=np.random.default_rng(seed))
                rates.setdefault(contender.label, []).append(options.steps / (time.perf_counter() - start))
                seated = [answer.policy, *opponents[1:]]
                got = expected_values(form, behaviors_of_policies(game, form, seated))[0]
                shares.setdefault(contender.label, []).append((got - uniform) / (best - uniform))
        for contender in contenders(options.steps):
            label = contender.label
            ratio = statistics.median(a / b for a, b in zip(rates[label], rates[contender.peer], strict=True))
            print(
                f"  {label:16s} gain {statistics.median(shares[label]):6.1%} of the exact one "
                f"(least {min(shares[label]):6.1%})  {statistics.median(rates[label]):>8,.0f} decisions/s  "
                f"{ratio:5.1f} x {contender.peer}"
            )
            missed |= label != contender.peer and ratio < BAR
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
