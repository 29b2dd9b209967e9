"""Rollouts: playing games forward with policies."""

from marl.rollouts.rollout import (
    Episode as Episode,
    ReturnEstimate as ReturnEstimate,
    estimate_returns as estimate_returns,
    play_episode as play_episode,
)
