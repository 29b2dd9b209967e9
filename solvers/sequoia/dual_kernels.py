"""Compiled bound of a node: a Lagrangian dual of its relaxation, improved by a few subgradient steps.

Going back from the output as in ``solvers.sequoia.bounds_kernels``, the slope alpha of every lower line is
free in [slope, 1] [1]_, and a neuron whose sign was branched on adds a multiple beta >= 0 of its constraint
[2]_:

    Q(a) <= max_a' v(alpha, beta) a' + c(alpha, beta)    for all alpha and beta.

The least of these is the bound of the linear relaxation of the usual mixed-integer model, with the same
bounds of the neurons and over the hull of {a : sum a <= k}. It is approached by subgradient steps of
Polyak's length, since the value to beat is known. Each linear bound met on the way also fixes the bits
whose change it rules out.

.. [1] Xu, Zhang, Wang, Wang, Jana, Lin, Hsieh (2021), Fast and complete: enabling complete neural network
   verification with rapid and massively parallel incomplete verifiers, ICLR.
.. [2] Wang, Zhang, Xu, Lin, Jana, Hsieh, Kolter (2021), Beta-CROWN: efficient bound propagation with
   per-neuron split constraints for neural network robustness verification, NeurIPS.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solvers.sequoia.bounds_kernels import Floats, Signs, copy, maximise
from solvers.sequoia.kinds import Kinds
from solvers.sequoia.kinds_kernels import fix_by_kinds, maximise_by_kinds
from solvers.sequoia.stack import Stack

_SHORTER = 0.7
_MEMORY = 6.0


class Work(NamedTuple):
    """Buffers of a search.

    Attributes:
        factor: of shape (m,), what a unit of a neuron after activation adds to the linear bound.
        line: of shape (m,), slope of the line that stands for the neuron.
        rise: of shape (m,), its height at 0.
        relaxed: of shape (m,), neurons before activation, if the lines held, at the maximiser.
        exact: of shape (m,), as they are there.
        before: of shape (m,), running mean of ``relaxed``.
        after: of shape (m,), running mean of the lines at ``relaxed``.
        coef: of shape (N,), coefficients of the linear bound.
        spare: of shape (N,).
        bits: int64 (N,).
        action: bool (N,), the maximiser of the linear bound.
        point: bool (N,), the best action met in a node.
        best: bool (N,), the best action met at all.
        whole: of at least as many entries as the whole network, for `value_of`, has neurons.
    """

    factor: Floats
    line: Floats
    rise: Floats
    relaxed: Floats
    exact: Floats
    before: Floats
    after: Floats
    coef: Floats
    spare: Floats
    bits: NDArray[np.int64]
    action: NDArray[np.bool_]
    point: NDArray[np.bool_]
    best: NDArray[np.bool_]
    whole: Floats


def work_room(m: int, n: int) -> Work:
    """Buffers for networks of up to m neurons and n bits."""
    return Work(
        factor=np.zeros(m),
        line=np.zeros(m),
        rise=np.zeros(m),
        relaxed=np.zeros(m),
        exact=np.zeros(m),
        before=np.zeros(m),
        after=np.zeros(m),
        coef=np.zeros(n),
        spare=np.zeros(n),
        bits=np.zeros(n, dtype=np.int64),
        action=np.zeros(n, dtype=np.bool_),
        point=np.zeros(n, dtype=np.bool_),
        best=np.zeros(n, dtype=np.bool_),
        whole=np.zeros(m),
    )


@njit(nogil=True, cache=True, _nrt=False)
def joint_form(
    weight: float,
    sign: float,
    u: int,
    stack: Stack,
    split: Signs,
    lower: Floats,
    upper: Floats,
    alpha: Floats,
    beta: Floats,
    work: Work,
) -> float:
    """The linear function above ``sign`` times neuron ``u`` plus ``weight`` times Q, into ``work``.

    With weight 1 and sign 0 it is that above Q for given multipliers, and ``u`` does not matter.

    Returns:
        Its constant, rounding included.
    """
    inner, outer, constant, slope, _, first, margin = stack
    factor, line, rise, coef = work.factor, work.line, work.rise, work.coef
    m = slope.size
    for i in range(coef.size):
        coef[i] = weight * outer[m, i]
    for v in range(m):
        factor[v] = weight * inner[m, v]
    total = weight * (constant[m] + margin[m])
    if sign != 0.0:
        total += margin[u]
    for v in range(m - 1, -1, -1):
        t = factor[v]
        lo, hi = lower[v], upper[v]
        rise[v] = 0.0
        if lo >= 0.0:
            line[v] = 1.0
        elif hi <= 0.0:
            line[v] = slope[v]
        elif t > 0.0:
            line[v] = (hi - slope[v] * lo) / (hi - lo)
            rise[v] = (1.0 - line[v]) * hi
            total += t * rise[v]
        else:
            line[v] = alpha[v]
        t *= line[v]
        if v == u:
            t += sign
        if split[v] != 0:
            t += weight * split[v] * beta[v]
            total += weight * beta[v] * margin[v]
        if t == 0.0:
            continue
        total += t * constant[v]
        for w in range(first[v]):
            factor[w] += t * inner[v, w]
        for i in range(coef.size):
            coef[i] += t * outer[v, i]
    return float(total)


@njit(nogil=True, cache=True, _nrt=False)
def forward(stack: Stack, work: Work) -> float:
    """Q of ``work.action``; its neurons, as they are and as the lines have them, into ``work``."""
    inner, outer, constant, slope, _, first, _ = stack
    line, rise, relaxed, exact = work.line, work.rise, work.relaxed, work.exact
    action, bits = work.action, work.bits
    m = slope.size
    count = 0
    for i in range(action.size):
        if action[i]:
            bits[count] = i
            count += 1
    for u in range(m):
        x = constant[u]
        for j in range(count):
            x += outer[u, bits[j]]
        y = x
        for v in range(first[u]):
            t = inner[u, v]
            x += t * max(exact[v], slope[v] * exact[v])
            y += t * (line[v] * relaxed[v] + rise[v])
        exact[u] = x
        relaxed[u] = y
    value = constant[m]
    for j in range(count):
        value += outer[m, bits[j]]
    for v in range(m):
        value += inner[m, v] * max(exact[v], slope[v] * exact[v])
    return float(value)


@njit(nogil=True, cache=True, _nrt=False)
def value_of(stack: Stack, work: Work) -> float:
    """Q of ``work.action``."""
    inner, outer, constant, slope, _, first, _ = stack
    after, action, bits = work.whole, work.action, work.bits
    m = slope.size
    count = 0
    for i in range(action.size):
        if action[i]:
            bits[count] = i
            count += 1
    value = 0.0
    for u in range(m + 1):
        x = constant[u]
        for j in range(count):
            x += outer[u, bits[j]]
        for v in range(first[u]):
            x += inner[u, v] * after[v]
        if u < m:
            after[u] = max(x, slope[u] * x)
        value = x
    return float(value)


@njit(nogil=True, cache=True, _nrt=False)
def fix_bits(
    fixed: Signs, bound: float, cut: float, following: float, goal: float, work: Work
) -> tuple[int, float]:
    """Fix the bits whose change brings the linear bound down to the goal.

    Returns:
        How many of them are set, and a bound on Q of the actions this leaves out.
    """
    coef, action = work.coef, work.action
    newly_set, excluded = 0, -np.inf
    for i in range(fixed.size):
        if fixed[i] >= 0:
            continue
        changed = bound - coef[i] + following if action[i] else bound - cut + coef[i]
        if changed <= goal:
            excluded = max(excluded, changed)
            fixed[i] = 1 if action[i] else 0
            newly_set += fixed[i]
    return newly_set, excluded


@njit(nogil=True, cache=True, _nrt=False)
def descend(
    stack: Stack,
    split: Signs,
    lower: Floats,
    upper: Floats,
    alpha: Floats,
    beta: Floats,
    excess: float,
    work: Work,
) -> bool:
    """One subgradient step, as long as it takes to lower the bound by ``excess``; False if there is none."""
    slope = stack.slope
    factor, relaxed = work.factor, work.relaxed
    norm = 0.0
    for v in range(slope.size):
        if split[v] != 0:
            g = split[v] * relaxed[v]
            if beta[v] > 0.0 or g < 0.0:
                norm += g * g
        elif lower[v] < 0.0 < upper[v] and factor[v] < 0.0:
            g = factor[v] * relaxed[v]
            if not ((alpha[v] >= 1.0 and g < 0.0) or (alpha[v] <= slope[v] and g > 0.0)):
                norm += g * g
    if norm <= 0.0:
        return False
    length = excess / norm
    for v in range(slope.size):
        if split[v] != 0:
            beta[v] = max(0.0, beta[v] - length * split[v] * relaxed[v])
        elif lower[v] < 0.0 < upper[v] and factor[v] < 0.0:
            alpha[v] = min(1.0, max(slope[v], alpha[v] - length * factor[v] * relaxed[v]))
    return True


@njit(nogil=True, cache=True, _nrt=False)
def minimise_bound(
    stack: Stack,
    whole: Stack,
    fixed: Signs,
    left: int,
    exactly: bool,
    kinds: Kinds,
    split: Signs,
    lower: Floats,
    upper: Floats,
    alpha: Floats,
    beta: Floats,
    bound: float,
    value: float,
    tol: float,
    attained: bool,
    steps: int,
    work: Work,
) -> tuple[float, float, float]:
    """Lower the bound of a node until it falls below the value to beat.

    Args:
        stack: the core; it need equal the network only on actions that beat the value.
        whole: the network itself.
        fixed: 0 or 1 where a bit is fixed, -1 where it is free; more are fixed.
        left: how many free bits may be set.
        exactly: whether so many must be.
        kinds: if there are any, they tell more than the number of bits.
        split: 1 or -1 where a neuron's sign was branched on, else 0.
        lower: of the neurons.
        upper: likewise.
        alpha: slopes of lower lines, changed.
        beta: multipliers of splits, changed.
        bound: known already.
        value: to beat.
        tol: by which it has to be beaten.
        attained: every action of the relaxation is allowed, so values met on the way count at once.
        steps: greatest number of linear bounds.
        work: buffers; afterwards those of the last linear bound, and ``point``.

    Returns:
        The least bound, Q of the best action met, and a bound on Q of the actions that fixing bits left out.
    """
    met = excluded = -np.inf
    scale, last = 1.0, np.inf
    for step in range(steps):
        total = joint_form(1.0, 0.0, 0, stack, split, lower, upper, alpha, beta, work)
        constant = total
        cut = following = 0.0
        if kinds.order.size > 0:
            top = maximise_by_kinds(work.coef, fixed, kinds, work.action)
        else:
            top, cut, following = maximise(work.coef, fixed, left, exactly, work.spare, work.action)
        total += top
        bound = min(bound, total)
        if bound == -np.inf:  # no action is left
            break
        q = forward(stack, work)
        if attained and q > max(met, value):
            q = value_of(whole, work)
        if q > met:
            met = q
            copy(work.action, work.point)
            if attained:
                value = max(value, q)
        if bound <= value + tol:
            break
        if kinds.order.size > 0:
            for i in range(fixed.size):
                if fixed[i] == 1:
                    constant += work.coef[i]
            newly_set, beyond = fix_by_kinds(work.coef, fixed, kinds, work.action, constant, value + tol)
        else:
            newly_set, beyond = fix_bits(fixed, total, cut, following, value + tol, work)
        left -= newly_set
        excluded = max(excluded, beyond)
        weight = 1.0 / min(step + 1.0, _MEMORY)
        for v in range(lower.size):
            x = work.relaxed[v]
            work.before[v] = (1.0 - weight) * work.before[v] + weight * x
            work.after[v] = (1.0 - weight) * work.after[v] + weight * (work.line[v] * x + work.rise[v])
        if total >= last:
            scale *= _SHORTER
        last = total
        if step + 1 < steps and not descend(
            stack, split, lower, upper, alpha, beta, scale * (total - value), work
        ):
            break
    return bound, met, excluded
