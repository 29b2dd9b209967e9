r"""Firms that compete for a network: every firm's adopters invite friends, and the nearer firm wins a node.

Firm i has adopters of its own, who may invite within their capacities. All firms' invitations spread at once
through the nodes that are nobody's adopter, along the same live arcs and one arc per step, so a node is
reached first by the firms whose invited friends are nearest to it [1]_. Who of several nearest firms gets it
is up to a tie rule. A node that several firms reach at once passes all of them on.

On reverse-reachable sets that keep the distance of each member to the root, firm i gets the share of roots to
which it is nearest. For fixed opponents what a set pays firm i is a falling function of its own distance, so
the firm's payoff is a sum of maxima over its seeds, a facility-location function: monotone and submodular.

With *rivalry* :math:`\rho`, a firm subtracts :math:`\rho` times what the others get on average; two firms at
rivalry 1 play a zero-sum game.

.. [1] Bharathi, Kempe, Salek (2007), Competitive influence maximization in social networks, WINE; nearest
   firms: Carnes, Nagarajan, Wild, van Zuylen (2007), Maximizing influence in a competitive social network,
       ICEC.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.influence.assignment_kernels import Places, admit
from games.influence.depth_sets import DepthReverseSets
from games.influence.diffusion import Diffusion
from games.influence.nodes import whole_numbers
from games.influence.problem import CapacityProblem, capacity_problem

Strategy: TypeAlias = NDArray[np.int64]
"""Distinct numbers of the candidates a firm's adopters invite, rising."""

FAR = np.iinfo(np.int32).max
"""Distance where no seed reaches the root."""


class TieRule(Protocol):
    """Shares a root among the firms nearest to it.

    A firm's share must not fall, and no other's may rise, when it alone comes nearer: best responses rest on
    that.
    """

    def shares(self, tied: NDArray[np.bool_], order: NDArray[np.float64]) -> NDArray[np.float64]:
        """What each firm gets of each root, float64 (sets, N), in [0, 1], zero for firms that are not tied.

        Args:
            tied: which firms are nearest, shape (sets, N); a row without any is a root nobody reaches.
            order: independent uniform draws that belong to the sets, shape (sets, N).
        """


@dataclass(frozen=True, slots=True)
class NobodyWins:
    """A root that several firms reach at once is lost to all."""

    def shares(self, tied: NDArray[np.bool_], order: NDArray[np.float64]) -> NDArray[np.float64]:
        """See ``TieRule.shares``."""
        alone: NDArray[np.bool_] = tied & (tied.sum(axis=1, keepdims=True) == 1)
        return alone.astype(np.float64)


@dataclass(frozen=True, slots=True)
class EqualShares:
    """A root is divided equally."""

    def shares(self, tied: NDArray[np.bool_], order: NDArray[np.float64]) -> NDArray[np.float64]:
        """See ``TieRule.shares``."""
        shared: NDArray[np.float64] = tied / np.maximum(tied.sum(axis=1, keepdims=True), 1)
        return shared


@dataclass(frozen=True, slots=True)
class UniformDraw:
    """A root goes whole to one of them: every set draws an order of the firms, in which the first wins.

    Equal to ``EqualShares`` in the mean, with the variance of the draw.
    """

    def shares(self, tied: NDArray[np.bool_], order: NDArray[np.float64]) -> NDArray[np.float64]:
        """See ``TieRule.shares``."""
        rank = np.where(tied, order, np.inf)
        won = np.zeros(tied.shape)
        won[np.arange(len(tied)), rank.argmin(axis=1)] = 1.0
        return won * tied


@dataclass(frozen=True, slots=True, eq=False)
class Firm:
    """A firm.

    Attributes:
        name: how reports call it.
        adopters: labels of its adopters.
        capacity: how many friends each may invite; one number for all or one per label.
    """

    name: str
    adopters: Sequence[Hashable]
    capacity: int | Mapping[Hashable, int]


@dataclass(frozen=True, slots=True, eq=False)
class Competition:
    """Firms on a network; N firms, who share the numbering of the candidates.

    Attributes:
        names: of the firms.
        problems: per firm the capacities of its own adopters; those of all others have none.
        ties: who wins a root with several nearest firms.
        rivalry: how much a firm minds what the others get, at least 0.
    """

    names: tuple[str, ...]
    problems: tuple[CapacityProblem, ...]
    ties: TieRule
    rivalry: float

    @property
    def num_firms(self) -> int:
        """Number of firms N."""
        return len(self.names)

    @property
    def payoff_bounds(self) -> tuple[float, float]:
        """Least and greatest payoff a firm can have, in units of node weight."""
        total = self.problems[0].model.total
        # All others together win each root at most once.
        return (-self.rivalry * total / (self.num_firms - 1) if self.num_firms > 1 else 0.0), total

    def strategy(self, firm: int, friends: Sequence[Hashable]) -> Strategy:
        """The strategy of inviting nodes given by their labels.

        Raises:
            ValueError: the firm's adopters cannot invite all of them within their capacities, or one is named
                twice.
        """
        problem = self.problems[firm]
        numbers = np.array([problem.diffusion.graph.number(node) for node in friends], dtype=np.int64)
        places = np.minimum(np.searchsorted(problem.candidates, numbers), problem.num_candidates - 1)
        strange = [f for f, c, v in zip(friends, places, numbers, strict=True) if problem.candidates[c] != v]
        if strange:
            raise ValueError(f"friends must be neighbours of adopters outside them, got {strange[:5]!r}")
        return self.checked(firm, places)

    def checked(self, firm: int, candidates: ArrayLike) -> Strategy:
        """A strategy from candidates' numbers, sorted.

        Raises:
            ValueError: they are not whole, out of range or repeat, or the firm's adopters cannot invite all.
        """
        problem = self.problems[firm]
        chosen = np.sort(whole_numbers(candidates, "candidates"))
        inside = chosen.size == 0 or (chosen[0] >= 0 and chosen[-1] < problem.num_candidates)
        if not inside or (np.diff(chosen) == 0).any():
            raise ValueError(
                f"candidates must be distinct numbers in range({problem.num_candidates}), got {chosen}"
            )
        places: Places = problem.places()
        lost = [int(c) for c in chosen if not admit(places, c)]
        if lost:
            raise ValueError(
                f"the adopters of {self.names[firm]} cannot invite all of {self.labels(chosen)} "
                "within their capacities"
            )
        return chosen

    def labels(self, strategy: Strategy) -> tuple[Hashable, ...]:
        """Labels of the invited."""
        problem = self.problems[0]
        return tuple(problem.diffusion.graph.label(int(v)) for v in problem.candidates[strategy])

    def text(self, strategy: Strategy) -> str:
        """The labels as words, in rising order of the nodes' numbers."""
        return " ".join(str(label) for label in self.labels(strategy)) or "nobody"


def competition_game(
    diffusion: Diffusion,
    firms: Sequence[Firm],
    *,
    ties: TieRule = EqualShares(),
    rivalry: float = 0.0,
    node_weight: ArrayLike | None = None,
) -> Competition:
    """Set up a competition.

    Args:
        diffusion: how influence spreads, the same for all firms.
        firms: at least two, with distinct names and no adopter in common.
        ties: who wins a root with several nearest firms.
        rivalry: how much of the others' mean a firm subtracts from its own, finite and at least 0.
        node_weight: what winning each node is worth, one each where None.

    Raises:
        ValueError: an argument is out of range, or a firm can invite nobody.
    """
    names = tuple(firm.name for firm in firms)
    if len(names) < 2 or len(set(names)) != len(names):
        raise ValueError(f"firms must be at least two, with distinct names, got {names}")
    if not 0 <= rivalry < np.inf:
        raise ValueError(f"rivalry must be finite and at least 0, got {rivalry!r}")
    everyone = [a for firm in firms for a in firm.adopters]
    room: dict[Hashable, int] = {}
    for firm in firms:
        for a in firm.adopters:
            if isinstance(firm.capacity, Mapping) and a not in firm.capacity:
                raise ValueError(f"capacity of {firm.name} lacks {a!r}")
            room[a] = firm.capacity[a] if isinstance(firm.capacity, Mapping) else firm.capacity
    whole = capacity_problem(diffusion, everyone, room, node_weight=node_weight)
    problems, end = [], 0
    for firm in firms:
        begin, end = end, end + len(firm.adopters)
        own = np.zeros_like(whole.capacity)
        own[begin:end] = whole.capacity[begin:end]
        if not np.minimum(own, np.diff(whole.first)).any():
            raise ValueError(f"no adopter of {firm.name} has room and a friend outside all adopters")
        problems.append(replace(whole, capacity=own))
    return Competition(names, tuple(problems), ties, float(rivalry))


@dataclass(frozen=True, slots=True, eq=False)
class DepthSets:
    """Reverse-reachable sets cut down to candidates, with distances: a sample on which payoffs are exact.

    Attributes:
        start: int64 (sets + 1,), range of each set in ``member``.
        member: int32, numbers of candidates.
        depth: int32, live distance of each member to the root.
        order: float64 (sets, N), uniform draws for tie rules.
    """

    start: NDArray[np.int64]
    member: NDArray[np.int32]
    depth: NDArray[np.int32]
    order: NDArray[np.float64]

    @property
    def num_sets(self) -> int:
        """Number of sets, empty ones included."""
        return self.start.size - 1


def draw_depth_sets(
    game: Competition, number: int, *, rng: np.random.Generator, threads: int = 1
) -> DepthSets:
    """Draw a fixed sample.

    Args:
        game: the competition.
        number: how many sets, at least 1.
        rng: source of all randomness.
        threads: that share the work; they do not change the sample.

    Raises:
        ValueError: ``number`` or ``threads`` is below 1.
    """
    if number < 1:
        raise ValueError(f"number must be at least 1, got {number}")
    problem = game.problems[0]
    seed = int(rng.integers(2**63, dtype=np.uint64))
    sampler = DepthReverseSets(problem.model, problem.model.place[problem.candidates], threads=threads)
    return DepthSets(*sampler.make_with_depths(seed, 0, number), rng.random((number, game.num_firms)))
