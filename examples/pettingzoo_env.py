"""Any OpenSpiel game as a PettingZoo environment, and back: random play with action masks.

python examples/pettingzoo_env.py
"""

import numpy as np

from games.adapters.from_pettingzoo import from_pettingzoo
from games.adapters.open_spiel import open_spiel_game
from games.adapters.to_pettingzoo import GameAECEnv
from marl.policies import UniformPolicy
from marl.rollouts import estimate_returns


def main() -> None:
    """Play one episode by PettingZoo's rules, then measure random play on the way back."""
    env = GameAECEnv(open_spiel_game("leduc_poker"), render_mode="ansi")
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    returns = dict.fromkeys(env.possible_agents, 0.0)
    for agent in env.agent_iter():
        observation, reward, termination, truncation, _ = env.last()
        returns[agent] += reward
        if termination or truncation:
            action = None
        else:
            action = int(rng.choice(np.flatnonzero(observation["action_mask"])))
            print(f"{agent} plays {action}")
        env.step(action)
    print(f"returns {returns}")

    game = from_pettingzoo(lambda: GameAECEnv(open_spiel_game("leduc_poker")))
    estimate = estimate_returns(game, [UniformPolicy()] * 2, 2000, rng=np.random.default_rng(1))
    print(
        f"uniform play pays {estimate.mean[0]:.3f} ± {estimate.standard_error[0]:.3f} (exact: {-5 / 64:.3f})"
    )


if __name__ == "__main__":
    main()
