"""Depth-first listing of the allowed actions whose linear bound exceeds the best value.

In a downward set a bit that cannot be added to an action cannot be added to any that contains it either. So
few bits are left after some steps, and with them the greatest value that the network's linear bound can still
reach: often a few hundred of millions of actions remain. Which bits can be added does not depend on the
network, and is remembered for the next one.
"""

import numpy as np

from solvers.sequoia.bounds import LayerBounds
from solvers.sequoia.exact_stages import Incumbent
from solvers.sequoia.extensions import Extensions
from solvers.sequoia.network import ActionNetwork


def best_by_listing(
    network: ActionNetwork,
    extensions: Extensions,
    bounds: LayerBounds,
    incumbent: Incumbent,
    enough: float,
    allowed: float,
    limit: int,
) -> Incumbent:
    """Raise the best action and lower the bound until they meet or so many actions were visited.

    Args:
        network: Q of one state.
        extensions: of the set.
        bounds: of the network over the set.
        incumbent: where to start.
        enough: actions that do not exceed this value need not be told apart.
        allowed: gap at which to stop, in units of Q.
        limit: greatest number of actions visited.
    """
    action, best = incumbent.action, incumbent.value
    order = np.argsort(-bounds.output_coefficients, kind="stable")
    coef = bounds.output_coefficients[order]
    most = extensions.action_set.most
    # What is skipped cannot exceed this.
    skipped = -np.inf
    # An action as a number, its linear bound, that of all which extend it, first rank to add, number of bits.
    waiting = [(0, bounds.output_constant, np.inf, 0, 0)]
    visited = 0
    while waiting and visited < limit:
        code, value, reach, rank, used = waiting.pop()
        if reach <= max(best, enough) + allowed:
            skipped = max(skipped, reach)
            continue
        visited += 1
        if value > max(best, enough) + allowed:
            bits = extensions.bits(code)
            found = float(network.values(bits[None])[0])
            if found > best:
                action, best = bits, found
        else:
            skipped = max(skipped, value)
        if used == most:
            continue
        ranks = rank + np.flatnonzero(extensions.of(code)[order[rank:]])
        gains = coef[ranks]
        sums = np.concatenate(([0.0], np.cumsum(np.maximum(gains, 0.0))))
        last = np.minimum(np.arange(ranks.size) + most - used, ranks.size)
        reaches = value + gains + sums[last] - sums[1:]
        onward = reaches > max(best, enough) + allowed
        skipped = max(skipped, float(reaches[~onward].max(initial=-np.inf)))
        for place in np.flatnonzero(onward)[::-1].tolist():
            step = int(ranks[place])
            longer = code | 1 << int(order[step])
            waiting.append((longer, value + float(coef[step]), float(reaches[place]), step + 1, used + 1))
    left = max((reach for _, _, reach, _, _ in waiting), default=-np.inf)
    return Incumbent(action, best, max(best, min(incumbent.upper, max(left, skipped))))
