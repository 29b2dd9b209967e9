"""Steps per second of coupled restless bandits: the vectorised simulator against a Python loop over arms.

Both play the same actions with the same uniform numbers, and must reach the same states. Turns alternate so
that load on the machine falls on both sides; ratios are medians of the ratios within one turn. The loop is
the one that a released environment would have, given the same tables: a draw and a search for each arm.

Run: ``python benchmarks/sequoia_simulator.py [--episodes 50] [--turns 5]``
"""

import argparse
import statistics
import time

import numpy as np

from games.bandits import Family, Noise, corrected_instance, draw_noise, rollout

SIZES = ((20, 5), (40, 10), (100, 20))


def looped(bandit, actions: np.ndarray, noise: Noise) -> tuple[np.ndarray, np.ndarray]:
    """Final states and expected rewards, arm by arm."""
    passive, active, rewards = (
        table.tolist() for table in (bandit.arms.passive, bandit.arms.active, bandit.arms.rewards)
    )
    episodes, horizon, count = noise.uniforms.shape
    ends, expected = noise.starts.copy(), np.zeros((episodes, horizon))
    for episode in range(episodes):
        states = noise.starts[episode].tolist()
        draws = noise.uniforms[episode].tolist()
        for step in range(horizon):
            shares = bandit.effect.shares(actions[step, episode]).tolist()
            total = 0.0
            for arm in range(count):
                share, low, high = shares[arm], passive[arm][states[arm]], active[arm][states[arm]]
                moves = [p + share * (q - p) for p, q in zip(low, high, strict=True)]
                total += sum(p * r for p, r in zip(moves, rewards[arm], strict=True))
                reached, onward = moves[0], 0
                while draws[step][arm] >= reached and onward < len(moves) - 1:
                    onward += 1
                    reached += moves[onward]
                states[arm] = onward
            expected[episode, step] = total
        ends[episode] = states
    return ends, expected


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--episodes", type=int, default=50)
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    for family in (Family.CAPACITY, Family.INTERVENTIONS):
        for arms, budget in SIZES:
            bandit = corrected_instance(family, rng=np.random.default_rng(20), arms=arms, budget=budget)
            noise = draw_noise(bandit, options.episodes, rng=np.random.default_rng(0))
            shape = (bandit.horizon, options.episodes, bandit.bits)
            actions = np.random.default_rng(1).random(shape) < budget / bandit.bits
            rollout(bandit, lambda states, step, a=actions: a[step], noise, check=False)  # compile
            ratios, rates = [], []
            for _ in range(options.turns):
                start = time.perf_counter()
                ends, expected = looped(bandit, actions, noise)
                middle = time.perf_counter()
                played = rollout(bandit, lambda states, step, a=actions: a[step], noise, check=False)
                last = time.perf_counter()
                ratios.append((middle - start) / (last - middle))
                rates.append(options.episodes * bandit.horizon / (last - middle))
            if not (np.array_equal(played.states[:, -1], ends) and np.allclose(played.expected, expected)):
                raise SystemExit(f"{bandit.name}: the loop and the simulator disagree")
            print(
                f"{bandit.name:48s} {statistics.median(rates):>12,.0f} steps/s  "
                f"{statistics.median(ratios):7.1f} x the loop, equal states"
            )


if __name__ == "__main__":
    main()
