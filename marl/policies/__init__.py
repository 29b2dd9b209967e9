"""Policies: what a player does when it is to move."""

from marl.policies.batched import (
    LaneSeat as LaneSeat,
    ObservationPolicy as ObservationPolicy,
    lane_distributions as lane_distributions,
    reads_observations as reads_observations,
)
from marl.policies.mixture import MixturePolicy as MixturePolicy, seat as seat
from marl.policies.tabular import (
    TabularPolicy as TabularPolicy,
    information_state_key as information_state_key,
    observation_key as observation_key,
)
from marl.policies.uniform import Policy as Policy, UniformPolicy as UniformPolicy
