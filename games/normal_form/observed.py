"""How often people chose each action in laboratory games of the catalogue.

Frequencies pool all subjects and periods, as published, to the digits printed there; they are reported here
as in the code to Mazumdar, Panaganti and Shi (2025), "Tractable equilibrium computation in Markov games
through risk aversion", which compares them with risk-averse quantal response.
"""

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class ObservedPlay:
    """Play of a 2x2 game in a laboratory.

    Attributes:
        name: the game's name in the registry ``GAMES``.
        row: how often row players chose the first action.
        column: how often column players chose the first action.
        source: the experiment.
    """

    name: str
    row: float
    column: float
    source: str


_SELTEN_CHMURA = (
    (0.079, 0.690),
    (0.217, 0.527),
    (0.163, 0.793),
    (0.286, 0.736),
    (0.327, 0.664),
    (0.445, 0.596),
    (0.141, 0.564),
    (0.250, 0.586),
    (0.254, 0.827),
    (0.366, 0.699),
    (0.331, 0.652),
    (0.439, 0.604),
)
_RECORDS = (
    *(
        ObservedPlay(f"selten-chmura-{k}", row, column, "Selten and Chmura (2008)")
        for k, (row, column) in enumerate(_SELTEN_CHMURA, start=1)
    ),
    ObservedPlay("goeree-holt-palfrey-4", 0.47, 0.65, "Goeree, Holt and Palfrey (2003)"),
)
OBSERVED = MappingProxyType({record.name: record for record in _RECORDS})
"""Observed play by the name of the game."""
