r"""Pipage rounding: from a fractional invitation to a whole one that loses nothing in expectation.

Let x be a feasible point of the linear relaxation, :math:`y_v = \sum_u x_{uv}`, and

.. math:: F(y) = \sum_r \Bigl(1 - \prod_{v \in r} (1 - y_v)\Bigr)
   \ge \bigl(1 - (1 - 1/s)^s\bigr) \sum_r \min\Bigl(1, \sum_{v \in r} y_v\Bigr)

the sets met in expectation if candidates came independently, s the greatest size of a set. Arcs with
fractional x form a bipartite graph. Along a cycle, or a path between two nodes that have one such arc each,
adding and taking away :math:`\epsilon` in turn changes y at the ends of the path alone, by opposite amounts
if both are candidates; in that direction F is convex, so one of the two extreme :math:`\epsilon` does not
lower it, and makes an arc whole [1]_. At the end all arcs are whole, and at least :math:`1 - 1/e` of the
value of the linear program is covered.

.. [1] Ageev, Sviridenko (2004), Pipage rounding: a new method of constructing algorithms with proven
   performance guarantee, J. Comb. Optim. 8.
"""

import numpy as np
from numpy.typing import NDArray

from games.influence.problem import CapacityProblem
from solvers.influence import weighted_kernels as wk
from solvers.influence.selection import CoverageIndex

_WHOLE = 1e-6  # what a linear program leaves of a whole number


def pipage(problem: CapacityProblem, index: CoverageIndex, share: NDArray[np.float64]) -> NDArray[np.int32]:
    """Round a fractional invitation.

    Args:
        problem: adopters, candidates, capacities.
        index: sets by which directions are chosen.
        share: of each arc, in the order of ``problem.friend``; in [0, 1], at most one into each candidate
            and at most its capacity out of each adopter, all up to what linear programs leave.

    Returns:
        Inviter of each candidate, -1 where not invited; it meets at least F(y) sets.

    Raises:
        ValueError: ``share`` has another shape or breaks a limit.
    """
    arcs = problem.friend.size
    who = np.repeat(np.arange(problem.adopters.size), np.diff(problem.first))
    flow = np.array(share, dtype=np.float64)
    if flow.shape != (arcs,) or not ((flow >= -_WHOLE) & (flow <= 1 + _WHOLE)).all():
        raise ValueError(f"share must hold one number in [0, 1] per arc, shape ({arcs},), got {flow.shape}")
    flow[flow < _WHOLE] = 0.0
    flow[flow > 1 - _WHOLE] = 1.0
    liking = np.bincount(problem.friend, weights=flow, minlength=problem.num_candidates)
    given = np.bincount(who, weights=flow, minlength=problem.adopters.size)
    allowance = _WHOLE * (1 + arcs)
    if (liking > 1 + allowance).any() or (given > problem.capacity + allowance).any():
        raise ValueError(
            "share asks more of an adopter than its capacity, or invites a candidate more than once"
        )
    liking = np.minimum(liking, 1.0)
    graph = _Fractional(problem, who, flow)
    near = (index.sets.start, index.sets.member, index.begin, index.holder)
    while graph.live:
        path = graph.path()
        signs = np.where(np.arange(len(path)) % 2 == 0, 1.0, -1.0)
        x = flow[path]
        up = float(np.where(signs > 0, 1.0 - x, x).min())
        down = float(np.where(signs > 0, x, 1.0 - x).min())
        ends = graph.candidate_ends(path)
        if not ends:
            step = up
        else:
            (a, sign_a), (b, sign_b) = ends if len(ends) == 2 else (ends[0], (-1, 0.0))
            before = liking.copy()
            values = []
            for move in (up, -down):
                liking = before.copy()
                for end, sign in ((a, sign_a), (b, sign_b)):
                    if end >= 0:
                        liking[end] = min(1.0, max(0.0, before[end] + sign * move))
                values.append((wk.expected_near(a, b, liking, *near), move, liking))
            _, step, liking = max(values, key=lambda value: value[0])
        flow[path] = x + step * signs
        graph.settle(path)
    owner = np.full(problem.num_candidates, -1, dtype=np.int32)
    room = problem.capacity.copy()
    for arc in np.flatnonzero(flow > 0.5).tolist():
        # Room runs out early only where what a linear program leaves over has added up.
        if room[who[arc]] > 0 and owner[problem.friend[arc]] < 0:
            room[who[arc]] -= 1
            owner[problem.friend[arc]] = who[arc]
    return owner


class _Fractional:
    """The arcs that are not whole, as a graph; adopters are numbered from 0, candidates after them."""

    def __init__(self, problem: CapacityProblem, who: NDArray[np.int64], flow: NDArray[np.float64]) -> None:
        self._flow = flow
        self._adopters = problem.adopters.size
        self._ends = [
            (int(u), self._adopters + int(c))
            for u, c in zip(who.tolist(), problem.friend.tolist(), strict=True)
        ]
        self.live: dict[int, dict[int, None]] = {}
        for arc in np.flatnonzero((flow > 0) & (flow < 1)).tolist():
            for node in self._ends[arc]:
                self.live.setdefault(node, {})[arc] = None

    def path(self) -> list[int]:
        """Arcs of a cycle, or of a path that cannot be made longer at either end."""
        first = next((v for v, arcs in self.live.items() if len(arcs) == 1), next(iter(self.live)))
        nodes, arcs = [first], list[int]()
        seen = {first: 0}
        while True:
            last = nodes[-1]
            onward = next((a for a in self.live[last] if not arcs or a != arcs[-1]), None)
            if onward is None:
                return arcs
            u, c = self._ends[onward]
            following = c if last == u else u
            arcs.append(onward)
            if following in seen:
                return arcs[seen[following] :]
            seen[following] = len(nodes)
            nodes.append(following)

    def candidate_ends(self, path: list[int]) -> list[tuple[int, float]]:
        """Candidates whose liking the path changes, with the sign of the change."""
        change: dict[int, float] = {}
        for k, arc in enumerate(path):
            c = self._ends[arc][1] - self._adopters
            change[c] = change.get(c, 0.0) + (1.0 if k % 2 == 0 else -1.0)
        return [(c, sign) for c, sign in change.items() if sign != 0.0]

    def settle(self, path: list[int]) -> None:
        """Drop the arcs of the path that have become whole."""
        for arc in path:
            x = self._flow[arc]
            if not _WHOLE <= x <= 1 - _WHOLE:
                self._flow[arc] = round(float(x))
                for node in self._ends[arc]:
                    del self.live[node][arc]
                    if not self.live[node]:
                        del self.live[node]
