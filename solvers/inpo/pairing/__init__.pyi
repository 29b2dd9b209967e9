from .collection import collect as collect
from .groups import (
    ComparisonCounts as ComparisonCounts,
    Edge as Edge,
    Group as Group,
    GroupEdges as GroupEdges,
    Label as Label,
    Match as Match,
    Pairing as Pairing,
    Play as Play,
)
from .schemes import (
    AgainstOpponents as AgainstOpponents,
    AllPairs as AllPairs,
    Independent as Independent,
    Ring as Ring,
    Tournament as Tournament,
)
