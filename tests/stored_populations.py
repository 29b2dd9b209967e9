"""Populations to store, of trees and of play."""

import itertools

import numpy as np

from games.loading import load_game
from marl.learning.dense import DenseNetwork
from marl.learning.neural_policy import ActionRule, NeuralPolicy
from marl.policies import TabularPolicy, UniformPolicy, observation_key
from marl.populations import playable, population_of_plans, population_of_play
from marl.rollouts import play_states


def random_plans(form, rng, count=3):
    """Realization plans of random behaviors, pure ones among them."""
    groups = []
    for plex in form.treeplexes:
        plans = []
        for k in range(count):
            plan = np.ones(plex.num_sequences)
            for h in range(plex.num_infosets):
                moves = slice(plex.start[h], plex.start[h + 1])
                size = int(plex.start[h + 1] - plex.start[h])
                row = rng.dirichlet(np.ones(size)) if k else np.eye(size)[rng.integers(size)]
                plan[moves] = plan[plex.parent[h]] * row
            plans.append(plan)
        groups.append(plans)
    return groups


def tree_population(name, seed=0):
    loaded, rng = load_game(name), np.random.default_rng(seed)
    form = loaded.sequence_form()
    plans = random_plans(form, rng)
    profile = [rng.dirichlet(np.ones(3)) for _ in plans]
    population = population_of_plans(form, plans, profile, game=playable(loaded), solver="by hand")
    return form, plans, profile, population


def table(game, player, rng, key=observation_key):
    rows = {}
    for _ in range(20):
        for state in play_states(game, [UniformPolicy()] * game.num_players, rng=rng):
            if player in game.to_move(state):
                mask = game.legal_mask(state, player)
                row = np.zeros(mask.size)
                row[mask] = rng.dirichlet(np.ones(mask.sum()))
                rows.setdefault(key(game, state, player), row)
    return TabularPolicy(rows, key)


def network(game, player, rng):
    sizes = (int(np.prod(game.observation_shape(player))), 6, game.num_actions(player))
    weights = tuple(rng.normal(size=pair).astype(np.float32) for pair in itertools.pairwise(sizes))
    biases = tuple(rng.normal(size=n).astype(np.float32) for n in sizes[1:])
    return NeuralPolicy(DenseNetwork(weights, biases), ActionRule.SOFTMAX)


def played_population(game, seed=0):
    rng = np.random.default_rng(seed)
    groups = [[UniformPolicy(), table(game, i, rng), network(game, i, rng)] for i in range(game.num_players)]
    return population_of_play(game, groups, [rng.dirichlet(np.ones(3)) for _ in groups])
