"""Telling start policies apart, since a checkpoint does not hold them."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from games.protocols import EnvGame
from marl.policies import Policy, UniformPolicy
from marl.populations.policy_kinds import load_policy_kind, policy_kind_name
from marl.rollouts.rollout import draw_action

_EPISODES = 16
_STEPS = 256  # in all, as a simulator may take its time


def policy_fingerprints(
    game: EnvGame[Any], groups: Sequence[Sequence[Policy[Any]]]
) -> list[list[str | None]]:
    """SHA-256 of what each policy of each player holds, or of how it plays where its kind has no file form.

    Play is a few episodes against uniform opponents. Policies that differ only elsewhere then have the same
    fingerprint: it is evidence, not proof, of the same policy. None where play does not repeat itself from
    the same generator, so that nothing can be told.
    """
    return [[_fingerprint(game, i, policy) for policy in group] for i, group in enumerate(groups)]


def _fingerprint(game: EnvGame[Any], player: int, policy: Policy[Any]) -> str | None:
    try:
        name = policy_kind_name(policy)
        parameters, arrays = load_policy_kind(name).encode(policy)
    except (TypeError, ValueError):
        first, again = _conduct(game, player, policy), _conduct(game, player, policy)
        return first if first == again else None
    digest = hashlib.sha256(repr((name, sorted(parameters.items()))).encode())
    for part, array in sorted(arrays.items()):
        digest.update(repr((part, array.dtype.str, array.shape)).encode() + array.tobytes())
    return digest.hexdigest()


def _conduct(game: EnvGame[Any], player: int, policy: Policy[Any]) -> str:
    digest = hashlib.sha256()
    rng = np.random.default_rng(0)
    seated: list[Policy[Any]] = [UniformPolicy()] * game.num_players
    seated[player] = policy
    left = _STEPS
    for _ in range(_EPISODES):
        state = game.initial(rng)
        while left and (movers := game.to_move(state)):
            left -= 1
            rows = {i: seated[i].probabilities(game, state, i) for i in movers}
            if player in rows:
                # Other machines may round the last digits in other ways.
                digest.update("".join(f"{p:.6e} " for p in rows[player] + 0.0).encode())
            state = game.step(state, {i: draw_action(row, i, rng) for i, row in rows.items()}, rng)
    return digest.hexdigest()
