"""Policies that belong to a scenario and that a subject plays against."""

from enum import Enum


class Opponent(Enum):
    """How everybody but the subject plays; the value names it in names of scenarios."""

    UNIFORM = "uniform"
    """Every legal move alike."""

    MINIMAX = "minimax"
    """Games of perfect information: moves by backward induction, among equally good ones each alike."""

    EQUILIBRIUM = "equilibrium"
    """Games that hide something, of two players and constant sum: a Nash equilibrium of the sequence form,
    uniform where it never comes."""
