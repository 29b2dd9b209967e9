"""The competition as a game played forward: firms name friends one by one, all at the same time."""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from games.adapters.moves import require_movers
from games.errors import IllegalActionError
from games.influence.assignment_kernels import admit
from games.influence.competition import Competition, DepthSets
from games.influence.competition_payoffs import profile_moments


class PickState(NamedTuple):
    """A moment of the picking.

    Attributes:
        picks: candidates named by each firm, in the order named.
        done: firms that name nobody any more.
        paid: payoff of each firm; zeros until all are done.
    """

    picks: tuple[tuple[int, ...], ...]
    done: tuple[bool, ...]
    paid: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CompetitionEnv:
    """An ``EnvGame``: in each step every firm that is not done names a candidate, or passes for good.

    Action c names candidate c, who must be somebody the firm's adopters can still invite beside the others
    named; the last action passes. Inviters may change until the end, so every order of a strategy's friends
    is legal. Firms may name the same node. Once all are done, payoffs are those of the fixed sample.

    A firm sees who it has named, and which candidates the others have named in earlier steps where picks are
    open; with hidden picks this is the one-shot game of whole strategies, drawn out.

    Attributes:
        game: the competition.
        sets: the sample that pays.
        open_picks: whether the others' earlier picks are seen.
    """

    game: Competition
    sets: DepthSets
    open_picks: bool = True

    @property
    def name(self) -> str:
        """How reports call the game."""
        return "influence-competition"

    @property
    def num_players(self) -> int:
        """Number of firms."""
        return self.game.num_firms

    @property
    def payoff_bounds(self) -> tuple[float, float]:
        """See ``Competition.payoff_bounds``."""
        return self.game.payoff_bounds

    @property
    def pass_action(self) -> int:
        """The action that names nobody any more."""
        return self.game.problems[0].num_candidates

    def num_actions(self, player: int) -> int:
        """Every candidate, and to pass."""
        return self.pass_action + 1

    def observation_shape(self, player: int) -> tuple[int, ...]:
        """(2, candidates)."""
        return 2, self.pass_action

    def initial(self, rng: np.random.Generator) -> PickState:
        """Nobody is named; every firm can name somebody."""
        n = self.num_players
        return PickState(((),) * n, (False,) * n, (0.0,) * n)

    def to_move(self, state: PickState) -> Sequence[int]:
        """The firms that are not done."""
        return tuple(firm for firm, done in enumerate(state.done) if not done)

    def legal_mask(self, state: PickState, player: int) -> NDArray[np.bool_]:
        """Candidates whom the firm can still invite, and to pass."""
        if state.done[player]:
            return np.zeros(self.num_actions(player), dtype=np.bool_)
        return np.append(self._open(player, state.picks[player]), True)

    def observe(self, state: PickState, player: int) -> NDArray[np.float32]:
        """1 where the firm has named the candidate, and how many others have."""
        seen = np.zeros(self.observation_shape(player), dtype=np.float32)
        for firm, picks in enumerate(state.picks):
            if firm == player or self.open_picks:
                seen[int(firm != player), list(picks)] += 1.0
        return seen

    def step(self, state: PickState, joint: Mapping[int, int], rng: np.random.Generator) -> PickState:
        """Name or pass; draws nothing from ``rng``.

        Raises:
            IllegalActionError: all are done, a firm is missing, or a candidate cannot be invited.
        """
        movers = self.to_move(state)
        require_movers(movers, joint)
        picks, done = list(state.picks), list(state.done)
        for firm in movers:
            action = operator.index(joint[firm])
            if action == self.pass_action:
                done[firm] = True
                continue
            if not 0 <= action < self.pass_action or not self._open(firm, picks[firm])[action]:
                raise IllegalActionError(f"{self.game.names[firm]} cannot name candidate {action}")
            picks[firm] = (*picks[firm], action)
            done[firm] = not self._open(firm, picks[firm]).any()
        paid = state.paid
        if all(done):
            profile = [np.array(sorted(named), dtype=np.int64) for named in picks]
            paid = tuple(profile_moments(self.game, self.sets, profile).mean.tolist())
        return PickState(tuple(picks), tuple(done), paid)

    def returns(self, state: PickState) -> NDArray[np.float64]:
        """Payoffs once all are done; zeros before."""
        return np.array(state.paid)

    def describe(self, state: PickState) -> str:
        """Who has named whom."""
        named = "; ".join(
            f"{name}: {self.game.text(np.array(picks, dtype=np.int64))}"
            for name, picks in zip(self.game.names, state.picks, strict=True)
        )
        return f"{named}; payoffs {self.returns(state).tolist()}" if all(state.done) else named

    def _open(self, firm: int, picks: tuple[int, ...]) -> NDArray[np.bool_]:
        """Candidates whom the firm can invite beside ``picks``."""
        problem = self.game.problems[firm]
        places = problem.places()
        for c in picks:
            admit(places, c)
        room = np.diff(places.first)
        free = places.used < room
        while True:
            # A full inviter is as good as free if one of those it holds can move to a free one.
            lucky = np.bitwise_or.reduceat(free[places.inviter], places.start[:-1])
            movable = np.flatnonzero(lucky & (places.owner >= 0))
            reached = free.copy()
            reached[places.owner[movable]] = True
            if (reached == free).all():
                break
            free = reached
        lucky[list(picks)] = False
        return lucky
