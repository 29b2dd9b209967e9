"""Compiled bounds of neurons over the actions that beat a value.

A search wants nothing of actions with Q(a) <= g, so neurons need be bounded over the others only [1]_. With a
multiplier lambda >= 0 for the constraint Q(a) > g,

    x_u(a) <= max_a' {x_u(a') + lambda (Q(a') - g)}        for every a with Q(a) > g,

and going back from the output and from the neuron at once gives a linear bound of the right-hand side, as
``solvers.sequoia.dual_kernels`` does of Q alone. As a function of lambda the bound is convex, and Q at its
maximiser, less g, is a slope of it: a few tangents find the least. Tighter neurons give a tighter bound of Q,
which gives tighter neurons; where the gap is small, most of them keep one sign over all that is left.

.. [1] Kotha, Brix, Kolter, Dvijotham, Zhang (2023), Provably bounding neural network preimages, NeurIPS.
"""

from numba import njit

from solvers.sequoia.bounds_kernels import Floats, Signs, maximise
from solvers.sequoia.dual_kernels import Work, joint_form
from solvers.sequoia.kinds import Kinds
from solvers.sequoia.kinds_kernels import maximise_by_kinds
from solvers.sequoia.stack import Stack

LOOKS = 2
_STRETCH = 3.0
_SAME = 1e-3


@njit(nogil=True, cache=True, _nrt=False)
def relaxed_value(stack: Stack, work: Work) -> float:
    """Q of ``work.action`` if the lines in ``work`` held."""
    inner, outer, constant, slope, _, first, _ = stack
    line, rise, relaxed, action, bits = work.line, work.rise, work.relaxed, work.action, work.bits
    m = slope.size
    count = 0
    for i in range(action.size):
        if action[i]:
            bits[count] = i
            count += 1
    value = constant[m]
    for j in range(count):
        value += outer[m, bits[j]]
    for u in range(m):
        x = constant[u]
        for j in range(count):
            x += outer[u, bits[j]]
        for v in range(first[u]):
            x += inner[u, v] * (line[v] * relaxed[v] + rise[v])
        relaxed[u] = x
        value += inner[m, u] * (line[u] * x + rise[u])
    return float(value)


@njit(nogil=True, cache=True, _nrt=False)
def above_cutoff(
    sign: float,
    u: int,
    stack: Stack,
    fixed: Signs,
    left: int,
    exactly: bool,
    kinds: Kinds,
    split: Signs,
    lower: Floats,
    upper: Floats,
    alpha: Floats,
    beta: Floats,
    goal: float,
    gap: float,
    work: Work,
) -> float:
    """Upper bound of ``sign`` times neuron ``u`` over the actions with Q > ``goal``; -inf if there are none.

    Looks no further once the neuron's sign is known.
    """
    best = upper[u] if sign > 0.0 else -lower[u]
    weight = best / gap
    falling = rising = False
    at_falling = fall = from_falling = at_rising = rise = from_rising = 0.0
    for _ in range(LOOKS):
        bound = joint_form(weight, sign, u, stack, split, lower, upper, alpha, beta, work) - weight * goal
        if kinds.order.size > 0:
            bound += maximise_by_kinds(work.coef, fixed, kinds, work.action)
        else:
            bound += maximise(work.coef, fixed, left, exactly, work.spare, work.action)[0]
        best = min(best, bound)
        if best <= 0.0:
            break
        tangent = relaxed_value(stack, work) - goal
        if tangent < 0.0:
            falling, at_falling, fall, from_falling = True, weight, tangent, bound
        else:
            rising, at_rising, rise, from_rising = True, weight, tangent, bound
        before = weight
        if not rising:
            weight *= _STRETCH
        elif not falling:
            weight /= _STRETCH
        elif rise > fall:  # where the tangents on both sides meet
            meet = from_falling - fall * at_falling - from_rising + rise * at_rising
            weight = meet / (rise - fall)
        if abs(weight - before) <= _SAME * before:
            break
    return float(best)


@njit(nogil=True, cache=True, _nrt=False)
def narrow(
    stack: Stack,
    fixed: Signs,
    left: int,
    exactly: bool,
    kinds: Kinds,
    split: Signs,
    lower: Floats,
    upper: Floats,
    alpha: Floats,
    beta: Floats,
    goal: float,
    gap: float,
    work: Work,
) -> bool:
    """Narrow the bounds of all unstable neurons to what holds for actions with Q > ``goal``.

    Args:
        stack: the core.
        fixed: 0 or 1 where a bit is fixed, -1 where it is free.
        left: how many free bits may be set.
        exactly: whether so many must be.
        kinds: if there are any, they tell more than the number of bits.
        split: 1 or -1 where a neuron's sign was branched on, else 0.
        lower: of the neurons, narrowed.
        upper: likewise.
        alpha: slopes of lower lines.
        beta: multipliers of splits.
        goal: to beat.
        gap: positive; how far above it the bound on Q is.
        work: buffers.

    Returns:
        False if no action is left.
    """
    for u in range(lower.size):
        for sign in (1.0, -1.0):
            if not lower[u] < 0.0 < upper[u]:
                break
            bound = above_cutoff(
                sign, u, stack, fixed, left, exactly, kinds, split, lower, upper, alpha, beta, goal, gap, work
            )
            if sign > 0.0:
                upper[u] = bound
            else:
                lower[u] = -bound
        if lower[u] > upper[u]:
            return False
    return True
