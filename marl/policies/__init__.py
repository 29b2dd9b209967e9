"""Policies: what a player does when it is to move."""

from marl.policies.uniform import Policy as Policy, UniformPolicy as UniformPolicy
