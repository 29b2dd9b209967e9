"""Places shared by pulled arms: each pulled arm needs so many units, from the places it can reach.

Arm j, if pulled, takes d units in all from the places S_j, and place s holds n_s units. By the max-flow
min-cut theorem the pulled arms can be served exactly if for every set T of places

    d * (pulled arms j with S_j within T) <= sum of n_s over s in T.

With few places these rows need no auxiliary variables. With many, flows y_js say which place serves which
arm; as a flow with whole capacities has a whole solution, they need not be marked integral.

With d = 1 this is a transversal matroid: arms that can be matched to seats.
"""

from collections.abc import Sequence
from itertools import compress

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from games.bandits.action_set import ActionSet
from games.bandits.membership import one_by_one
from games.bandits.recipes import TransversalRecipe
from games.bandits.rows import Logic, RowBuilder, tightened

_PLACES_BY_SUBSETS = 10  # with more, the number of their subsets outgrows the number of flows


def transversal(reach: Sequence[Sequence[int]], seats: Sequence[int]) -> ActionSet:
    """A transversal matroid: arms that can all be seated, ``seats[s]`` at place s.

    Args:
        reach: places of each arm, one list for each of N arms.
        seats: at each place.

    Raises:
        ValueError: a place does not exist, or a number of seats is negative or not whole.
    """
    places = checked_reach("reach", reach, len(seats))
    if any(n < 0 or n != int(n) for n in seats):
        raise ValueError(f"seats must be whole numbers, none negative, got {[*seats]}")
    builder = RowBuilder(len(places))
    transport_rows(builder, places, 1, seats)
    # Every seat is a column of its own here, and an augmenting-path matching decides.
    owners = np.repeat(np.arange(len(seats)), seats)
    seen = np.array([[place in own for place in owners] for own in places], dtype=np.int8)
    seen = seen.reshape(len(places), owners.size)

    def allows(arms: NDArray[np.int64]) -> bool:
        from scipy.sparse.csgraph import maximum_bipartite_matching

        if not arms.size or not owners.size:
            return not arms.size
        matched = maximum_bipartite_matching(sparse.csr_array(seen[arms]), perm_type="column")
        return bool((matched >= 0).all())

    name = f"transversal(size={len(places)}, places={len(seats)})"
    recipe = TransversalRecipe(
        tuple(tuple(sorted(own)) for own in places), tuple(int(number) for number in seats)
    )
    return tightened(builder.build(Logic(one_by_one(allows), len(places), True, name, recipe=recipe)))


def checked_reach(name: str, reach: Sequence[Sequence[int]], places: int) -> list[frozenset[int]]:
    """The places of each arm as sets.

    Raises:
        ValueError: a place is not in range(places).
    """
    for index, own in enumerate(reach):
        if any(place not in range(places) for place in own):
            raise ValueError(f"{name}[{index}] must name places in 0..{places - 1}, got {[*own]}")
    return [frozenset(own) for own in reach]


def transport_rows(
    builder: RowBuilder, reach: Sequence[frozenset[int]], demand: int, supply: Sequence[int]
) -> None:
    """Add the rows of the set; see the module."""
    if len(supply) <= _PLACES_BY_SUBSETS:
        _subset_rows(builder, reach, demand, supply)
    else:
        _flow_rows(builder, reach, demand, supply)


def _subset_rows(
    builder: RowBuilder, reach: Sequence[frozenset[int]], demand: int, supply: Sequence[int]
) -> None:
    places = range(len(supply))
    rows: dict[tuple[int, ...], int] = {}
    for mask in range(1 << len(supply)):
        chosen = frozenset(compress(places, (mask >> place & 1 for place in places)))
        arms = tuple(arm for arm, own in enumerate(reach) if own <= chosen)
        room = sum(supply[place] for place in chosen) // demand
        # Of the sets of places that confine the same arms, the smallest room binds.
        if len(arms) > room and room < rows.get(arms, room + 1):
            rows[arms] = room
    for arms, room in rows.items():
        builder.row(arms, 1.0, (-np.inf, float(room)))
        if room == 0:
            for arm in arms:
                builder.forbid(arm)


def _flow_rows(
    builder: RowBuilder, reach: Sequence[frozenset[int]], demand: int, supply: Sequence[int]
) -> None:
    arcs = [(arm, place) for arm, own in enumerate(reach) for place in sorted(own)]
    flows = builder.variables([float(min(demand, supply[place])) for _, place in arcs], integral=False)
    tails = np.array([arm for arm, _ in arcs], dtype=np.int64)
    heads = np.array([place for _, place in arcs], dtype=np.int64)
    for arm in range(len(reach)):
        own = flows[tails == arm]
        builder.row([arm, *own], [-float(demand), *[1.0] * own.size], (0.0, 0.0))
    for place, units in enumerate(supply):
        builder.row(flows[heads == place], 1.0, (-np.inf, float(units)))
