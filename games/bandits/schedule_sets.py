"""Schedule sets: each pulled arm is visited by workers, at times when both are free.

Worker i is free at the slots W_i, arm j at the slots A_j, and a worker makes one visit a slot. A pulled arm
needs ``visits`` of them. What the visits of one arm must have in common is a `Meeting`:

- ``ANYHOW``: nothing; one worker may come twice, at two slots. This is the released rule.
- ``DISTINCT``: different workers, at equal or different slots.
- ``TOGETHER``: different workers, all at one slot.

Only the number of free workers counts for ``ANYHOW`` and ``TOGETHER``, so they are transports from slots
(`games.bandits.transport`). For ``DISTINCT``, workers with equal slots are one class: flows z_jks from class
k at slot s to arm j satisfy

    sum_ks z_jks = visits * a_j,   sum_j z_jks <= workers of k,   sum_s z_jks <= a_j * workers of k,

and by König's edge-colouring theorem whole flows of a class can be divided among its workers so that none
meets an arm twice or has two visits in a slot. The flows form a network, so only the bits need be integral.

The membership test is a maximum flow that knows every single worker.
"""

from collections.abc import Sequence
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from games.bandits.action_set import ActionSet, whole_number
from games.bandits.membership import one_by_one, within
from games.bandits.recipes import ScheduleRecipe
from games.bandits.rows import Logic, RowBuilder, tightened
from games.bandits.transport import checked_reach, transport_rows


class Meeting(Enum):
    """What the visits to one arm have in common."""

    ANYHOW = "one worker may make several visits, at different slots (the released rule)"
    DISTINCT = "the visits are made by different workers, at equal or different slots"
    TOGETHER = "different workers come at the same slot"


def schedule(
    worker_slots: Sequence[Sequence[int]],
    arm_slots: Sequence[Sequence[int]],
    *,
    slots: int,
    visits: int = 2,
    most: int | None = None,
    meeting: Meeting = Meeting.DISTINCT,
) -> ActionSet:
    """Arms that can all be visited.

    Args:
        worker_slots: W_i, the slots of each worker.
        arm_slots: A_j, of each of N arms.
        slots: their number; slots are numbered from 0.
        visits: that a pulled arm needs.
        most: arms pulled at most; None for no such limit.
        meeting: the rule of `Meeting`.

    Raises:
        ValueError: there is no arm, a slot does not exist, ``slots`` or ``visits`` is below 1, ``most`` is
            negative, or one of these is not whole.
    """
    slots, visits = whole_number("slots", slots, 1), whole_number("visits", visits, 1)
    workers = checked_reach("worker_slots", worker_slots, slots)
    arms = checked_reach("arm_slots", arm_slots, slots)
    if not arms:
        raise ValueError("arm_slots must hold the slots of at least one arm, got none")
    budget = len(arms) if most is None else min(whole_number("most", most, 0), len(arms))
    builder = RowBuilder(len(arms))
    builder.row(np.arange(len(arms)), 1.0, (-np.inf, float(budget)))
    free = [sum(slot in own for own in workers) for slot in range(slots)]
    if meeting is Meeting.ANYHOW:
        transport_rows(builder, arms, visits, free)
    elif meeting is Meeting.TOGETHER:
        transport_rows(builder, arms, 1, [n // visits for n in free])
    else:
        _class_rows(builder, workers, arms, visits)
    test = within(budget, one_by_one(_VisitTest(workers, arms, visits, meeting)))
    name = f"schedule(size={len(arms)}, workers={len(workers)}, {meeting.name.lower()})"
    # Arms with equal slots are of one kind.
    numbers: dict[frozenset[int], int] = {}
    kinds = np.array([numbers.setdefault(own, len(numbers)) for own in arms], dtype=np.int64)
    listed = [tuple(tuple(sorted(own)) for own in free) for free in (workers, arms)]
    recipe = ScheduleRecipe(listed[0], listed[1], slots, visits, most, meeting)
    return tightened(builder.build(Logic(test, budget, True, name, kinds, recipe)))


def _class_rows(
    builder: RowBuilder, workers: Sequence[frozenset[int]], arms: Sequence[frozenset[int]], visits: int
) -> None:
    """The rows of distinct workers, by classes of workers with equal slots."""
    classes = sorted(set(workers), key=sorted)
    sizes = [workers.count(own) for own in classes]
    arcs = [
        (arm, kind, slot)
        for arm, own in enumerate(arms)
        for kind, free in enumerate(classes)
        for slot in sorted(own & free)
    ]
    flows = builder.variables([float(min(visits, sizes[kind])) for _, kind, _ in arcs], integral=False)
    at = np.array(arcs, dtype=np.int64).reshape(-1, 3)
    for arm in range(len(arms)):
        own = flows[at[:, 0] == arm]
        builder.row([arm, *own], [-float(visits), *[1.0] * own.size], (0.0, 0.0))
    for kind, size in enumerate(sizes):
        for slot in sorted(classes[kind]):
            builder.row(flows[(at[:, 1] == kind) & (at[:, 2] == slot)], 1.0, (-np.inf, float(size)))
        if size >= visits:
            continue
        for arm in range(len(arms)):
            own = flows[(at[:, 0] == arm) & (at[:, 1] == kind)]
            if own.size > 1:
                builder.row([arm, *own], [-float(size), *[1.0] * own.size], (-np.inf, 0.0))


class _VisitTest:
    """A maximum flow: source, pulled arms, who may come, worker at slot, sink."""

    def __init__(
        self, workers: Sequence[frozenset[int]], arms: Sequence[frozenset[int]], visits: int, meeting: Meeting
    ) -> None:
        self._workers = workers
        self._arms = arms
        self._visits = visits
        self._meeting = meeting

    def __call__(self, pulled: NDArray[np.int64]) -> bool:
        if not pulled.size:
            return True
        numbers: dict[object, int] = {"source": 0, "sink": 1}
        arcs: dict[tuple[int, int], int] = {}

        def arc(tail: object, head: object, units: int) -> None:
            ends = [numbers.setdefault(end, len(numbers)) for end in (tail, head)]
            arcs[ends[0], ends[1]] = units

        need = 1 if self._meeting is Meeting.TOGETHER else self._visits
        for arm in pulled.tolist():
            arc("source", ("arm", arm), need)
            if self._meeting is Meeting.TOGETHER:
                for slot in self._arms[arm]:
                    free = sum(slot in own for own in self._workers)
                    arc(("arm", arm), ("slot", slot), 1)
                    arc(("slot", slot), "sink", free // self._visits)
                continue
            for worker, own in enumerate(self._workers):
                gate: object = ("arm", arm)
                if self._meeting is Meeting.DISTINCT:
                    gate = ("meets", arm, worker)
                    arc(("arm", arm), gate, 1)
                for slot in own & self._arms[arm]:
                    arc(gate, ("visit", worker, slot), 1)
                    arc(("visit", worker, slot), "sink", 1)
        return _flow(arcs, len(numbers)) == need * pulled.size


def _flow(arcs: dict[tuple[int, int], int], nodes: int) -> int:
    """The maximum flow from node 0 to node 1."""
    from scipy.sparse.csgraph import maximum_flow

    ends = np.array([*arcs], dtype=np.int32).T
    units = np.array([*arcs.values()], dtype=np.int32)
    return int(
        maximum_flow(sparse.csr_array((units, (ends[0], ends[1])), shape=(nodes, nodes)), 0, 1).flow_value
    )
