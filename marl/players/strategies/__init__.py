"""Rules by which scripted players decide, from coin flips to learning and reasoning about others.

A strategy is a function of a question that gives a distribution over its options; `ByKind` puts strategies
for different kinds of situations together. Those for matrix games read payoffs and never positions, so what
they do does not depend on how actions are labelled or ordered.
"""

from marl.players.strategies.allocations import (
    CharnessRabin as CharnessRabin,
    DesireSeeker as DesireSeeker,
)
from marl.players.strategies.bundles import CobbDouglas as CobbDouglas
from marl.players.strategies.cycles import PatternLearner as PatternLearner
from marl.players.strategies.extremes import maximax as maximax, maximin as maximin
from marl.players.strategies.mixing import ByKind as ByKind, Noisy as Noisy, uniform as uniform
from marl.players.strategies.moves import PolicyMoves as PolicyMoves
from marl.players.strategies.predictions import (
    EvenOdds as EvenOdds,
    Frequencies as Frequencies,
    LevelOf as LevelOf,
    NGram as NGram,
    Prediction as Prediction,
)
from marl.players.strategies.profiles import (
    LogitEquilibrium as LogitEquilibrium,
    SolvedProfile as SolvedProfile,
)
from marl.players.strategies.reasoning import Reasoner as Reasoner
from marl.players.strategies.reciprocity import (
    TitForTat as TitForTat,
    always_kind as always_kind,
    always_unkind as always_unkind,
    grim as grim,
    win_stay_lose_shift as win_stay_lose_shift,
)
from marl.players.strategies.responses import Logit as Logit, Response as Response, best as best
