"""Rollouts: playing games forward with policies."""

from marl.rollouts.batched import (
    estimate_returns_batched as estimate_returns_batched,
    play_batch as play_batch,
    return_estimate as return_estimate,
)
from marl.rollouts.outcomes import (
    OutcomeStatistics as OutcomeStatistics,
    Rate as Rate,
    conditional_value_at_risk as conditional_value_at_risk,
    summarise_outcomes as summarise_outcomes,
    wilson_rate as wilson_rate,
)
from marl.rollouts.rollout import (
    Episode as Episode,
    ReturnEstimate as ReturnEstimate,
    draw_action as draw_action,
    estimate_returns as estimate_returns,
    play_episode as play_episode,
)
from marl.rollouts.trajectory import play_states as play_states
