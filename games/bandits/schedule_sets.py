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

from games.bandits.action_set import ActionSet, Membership, whole_number
from games.bandits.membership import within
from games.bandits.recipes import ScheduleRecipe
from games.bandits.rows import Logic, RowBuilder, tightened
from games.bandits.transport import checked_reach, transport_rows
from games.bandits.visit_kernels import can_all_be_visited


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
    test = within(budget, _visit_test(workers, arms, slots, visits, meeting))
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


def _visit_test(
    workers: Sequence[frozenset[int]],
    arms: Sequence[frozenset[int]],
    slots: int,
    visits: int,
    meeting: Meeting,
) -> Membership:
    """The membership test. Who comes to a meeting of several counts as one worker, free at that slot."""
    if meeting is Meeting.TOGETHER:
        groups = [sum(slot in own for own in workers) // visits for slot in range(slots)]
        workers = [frozenset((slot,)) for slot in range(slots) for _ in range(groups[slot])]
        visits = 1
    crew, places = _table(workers, slots), _table(arms, slots)
    distinct = meeting is Meeting.DISTINCT

    def allows(actions: NDArray[np.bool_]) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = can_all_be_visited(actions, crew, places, visits, distinct)
        return found

    return allows


def _table(free: Sequence[frozenset[int]], slots: int) -> NDArray[np.bool_]:
    """Which slots are free, of shape (len(free), slots)."""
    return np.array([[slot in own for slot in range(slots)] for own in free], dtype=np.bool_).reshape(
        len(free), slots
    )
