"""Looking into a population: what its policies are worth, and what they do where."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.protocols import EnvGame
from marl.policies import MixturePolicy, Policy, seat
from marl.populations.compiled import CompiledGame
from marl.populations.game_kinds import action_label, kind_of, view_of
from marl.populations.policy_kinds import load_policy_kind, policy_kind_name
from marl.populations.population import Population
from marl.rollouts.samples import sample_returns
from marl.rollouts.trajectory import play_states


@dataclass(frozen=True, slots=True)
class PolicySummary:
    """One policy of a population.

    Attributes:
        player: whose.
        number: its place in the player's population.
        weight: in the player's mixture.
        kind: registered name.
        size: in words.
        value: mean payoff against the others' mixtures; None where neither computed nor sampled.
        error: standard error of the value; 0 where it is exact, None where there is no value.
    """

    player: int
    number: int
    weight: float
    kind: str
    size: str
    value: float | None
    error: float | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done at one information set or state.

    Attributes:
        label: name of the information set, or the state as the player sees it.
        actions: legal actions by label, with their probabilities, the likeliest first.
        reach: how likely the player's own play is to come here, given that chance and the others lead here;
            None where not compiled.
    """

    label: str
    actions: tuple[tuple[str, float], ...]
    reach: float | None


def summarise(
    population: Population,
    *,
    compiled: CompiledGame | None,
    episodes: int,
    rng: np.random.Generator,
) -> list[PolicySummary]:
    """Every policy with its value against the other players' mixtures.

    Args:
        population: what to look into.
        compiled: the game with its sequence form, for exact values.
        episodes: to sample each value from where not compiled, at least 2; 0 leaves values out.
        rng: chance of the samples.
    """
    players = population.players()
    seats = [(i, k) for i, group in enumerate(population.policies) for k in range(len(group))]
    values: list[tuple[float | None, float | None]] = [(None, None)] * len(seats)
    if compiled is not None:
        mixed = [compiled.behavior(i, player) for i, player in enumerate(players)]
        exact = []
        for i, k in seats:
            behaviors = [*mixed]
            behaviors[i] = compiled.behavior(i, population.policies[i][k])
            exact.append((float(compiled.moments_of(behaviors)[0][i]), 0.0))
        values = [*exact]
    elif episodes:
        if episodes < 2:
            raise ValueError(f"episodes must be 0 or at least 2, got {episodes}")
        lineups = [
            [population.policies[i][k] if j == i else player for j, player in enumerate(players)]
            for i, k in seats
        ]
        played = sample_returns(population.playable(), lineups, episodes, rng=rng)
        values = [_estimate(s.returns[:, i]) for (i, _), s in zip(seats, played, strict=True)]
    summaries = []
    for (i, k), (value, error) in zip(seats, values, strict=True):
        policy = population.policies[i][k]
        name = policy_kind_name(policy)
        size = load_policy_kind(name).describe(policy)
        summaries.append(PolicySummary(i, k, float(population.profile[i][k]), name, size, value, error))
    return summaries


def compiled_decisions(
    compiled: CompiledGame, player: int, policy: Policy[Any] | MixturePolicy[Any]
) -> list[Decision]:
    """What the policy does at every information set, in the order of the tree."""
    plex = compiled.form.treeplexes[player]
    behavior = compiled.behavior(player, policy)
    plan = np.ones(plex.num_sequences)
    decisions = []
    for h, label in enumerate(plex.infosets):
        moves = slice(plex.start[h], plex.start[h + 1])
        reach = float(plan[plex.parent[h]])
        plan[moves] = reach * behavior[moves]  # parents come first
        decisions.append(Decision(label, _likeliest(plex.actions[h], behavior[moves]), reach))
    return decisions


def sampled_decisions(
    game: EnvGame[Any],
    lineup: Sequence[Policy[Any] | MixturePolicy[Any]],
    player: int,
    episodes: int,
    *,
    rng: np.random.Generator,
) -> list[Decision]:
    """What ``lineup[player]`` does at the states that come up in play, each looking different once.

    Of a mixture it is the policy that was drawn for the episode.
    """
    kind = kind_of(game)
    found: dict[str, Decision] = {}
    for _ in range(episodes):
        seated = seat(lineup, rng)
        for state in play_states(game, seated, rng=rng):
            if player in game.to_move(state):
                label = (
                    view_of(game, state, player)
                    if kind is None
                    else kind.information_label(game, state, player)
                )
                row = seated[player].probabilities(game, state, player)
                legal = np.flatnonzero(game.legal_mask(state, player))
                names = [action_label(game, state, player, a) for a in legal.tolist()]
                found.setdefault(label, Decision(label, _likeliest(names, row[legal]), None))
    return list(found.values())


def _likeliest(names: Sequence[str], chances: NDArray[np.float64]) -> tuple[tuple[str, float], ...]:
    order = np.argsort(-chances, kind="stable")
    return tuple((names[k], float(chances[k])) for k in order.tolist())


def _estimate(returns: NDArray[np.float64]) -> tuple[float, float]:
    return float(returns.mean()), float(np.sqrt(returns.var(ddof=1) / returns.size))
