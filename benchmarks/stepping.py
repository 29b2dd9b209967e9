"""Agent steps per second of random legal play: ours, shimmy's OpenSpiel wrapper, and OpenSpiel itself.

All contenders run in one process, in turn, several times over; the ratios are medians of the ratios
within one turn, so that load on the machine falls on both sides. Every contender plays the same games with
the same stream of numbers: where chance does not move, all must play the same number of legal moves, and
where it does the means per episode must agree.

Run: ``python benchmarks/stepping.py [--episodes 300] [--turns 7]``
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import pyspiel
from shimmy.openspiel_compatibility import OpenSpielCompatibilityV0

from games.adapters.open_spiel import open_spiel_game
from games.adapters.to_pettingzoo import GameAECEnv
from marl.policies import UniformPolicy
from marl.rollouts import play_episode

GAMES = ("connect_four", "tic_tac_toe", "leduc_poker")
BAR = 5.0  # least ratio of our AEC environment to shimmy's

Player = Callable[[int], int]
"""Plays that many episodes and returns the number of legal moves made."""


def aec_player(env, masks_in_info: bool) -> Player:
    """Random legal play by way of PettingZoo's own loop."""

    def play(episodes: int) -> int:
        draws = np.random.default_rng(0)
        moves = 0
        for episode in range(episodes):
            env.reset(seed=episode)
            for _ in env.agent_iter():
                observation, _, terminated, truncated, info = env.last()
                if terminated or truncated:
                    env.step(None)
                    continue
                mask = info["action_mask"] if masks_in_info else observation["action_mask"]
                legal = mask.nonzero()[0]
                env.step(int(legal[int(draws.random() * legal.size)]))
                moves += 1
        return moves

    return play


def state_player(game: "pyspiel.Game", *, observe: bool) -> Player:
    """The loop a careful user of OpenSpiel would write."""
    information = game.get_type().provides_information_state_tensor

    def play(episodes: int) -> int:
        draws, chance = np.random.default_rng(0), np.random.default_rng(1)
        moves = 0
        for _ in range(episodes):
            state = game.new_initial_state()
            while not state.is_terminal():
                if state.is_chance_node():
                    outcomes = state.chance_outcomes()
                    # Outcomes are equally likely in the games of this benchmark.
                    state.apply_action(outcomes[int(chance.random() * len(outcomes))][0])
                    continue
                if observe:
                    _ = state.information_state_tensor() if information else state.observation_tensor()
                legal = state.legal_actions()
                state.apply_action(legal[int(draws.random() * len(legal))])
                moves += 1
        return moves

    return play


def rollout_player(name: str) -> Player:
    """Our rollouts: immutable states, policies asked for probabilities."""
    game = open_spiel_game(name)
    policies = [UniformPolicy()] * game.num_players

    def play(episodes: int) -> int:
        rng = np.random.default_rng(0)
        return sum(play_episode(game, policies, rng=rng).moves for _ in range(episodes))

    return play


def main() -> int:
    """Measure and print; the exit status is 1 if the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--episodes", type=int, default=300)
    parser.add_argument("--turns", type=int, default=7)
    options = parser.parse_args()
    missed = False
    for name in GAMES:
        spiel = pyspiel.load_game(name)
        contenders = {
            "shimmy AEC": aec_player(OpenSpielCompatibilityV0(game_name=name), masks_in_info=True),
            "our AEC": aec_player(GameAECEnv(open_spiel_game(name)), masks_in_info=False),
            "our rollouts": rollout_player(name),
            "pyspiel states + tensors": state_player(spiel, observe=True),
            "pyspiel states": state_player(spiel, observe=False),
        }
        rates: dict[str, list[float]] = {label: [] for label in contenders}
        moves = {label: play(20) for label, play in contenders.items()}  # warm up
        for _ in range(options.turns):
            for label, play in contenders.items():
                start = time.perf_counter()
                moves[label] = play(options.episodes)
                rates[label].append(moves[label] / (time.perf_counter() - start))
        print(f"\n{name}: {options.episodes} episodes, {options.turns} turns")
        for label, values in rates.items():
            ratio = statistics.median(a / b for a, b in zip(values, rates["shimmy AEC"], strict=True))
            print(
                f"  {label:26s} {statistics.median(values):>10,.0f} steps/s  {ratio:6.1f} x shimmy  "
                f"{moves[label]:>6d} legal moves"
            )
            missed |= label == "our AEC" and ratio < BAR
        _check_same_play(name, moves, options.episodes)
    return int(missed)


def _check_same_play(name: str, moves: dict[str, int], episodes: int) -> None:
    """Equal streams play equal games where chance is silent; else lengths agree to sampling error."""
    ours, shimmy = moves["our AEC"], moves["shimmy AEC"]
    if pyspiel.load_game(name).max_chance_outcomes() == 0:
        if ours != shimmy:
            raise SystemExit(f"{name}: {ours} legal moves against shimmy's {shimmy}")
    # Episode lengths of Leduc spread by less than 2 moves; 6 standard errors of the difference.
    elif abs(ours - shimmy) > 6 * 2 * (2 * episodes) ** 0.5:
        raise SystemExit(f"{name}: {ours} legal moves against shimmy's {shimmy}, beyond sampling error")


if __name__ == "__main__":
    raise SystemExit(main())
