"""What scripted players need solved: they live below the solvers and know none."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from games.adapters.open_spiel import OpenSpielGame
from games.adapters.tree_env import TreeEnv
from games.errors import UnsupportedGameError
from games.extensive.evaluation import best_response, uniform_behaviors
from games.normal_form.game import NormalFormGame
from games.normal_form.risk import RiskAversion
from games.profiles import Profile
from games.protocols import EnvGame
from marl.players.catalogue import Solved
from marl.policies.in_trees import policy_of_behavior
from marl.policies.tabular import TabularPolicy, information_state_key
from solvers.equilibrium import solve_risk_averse, solve_zero_sum
from solvers.rationality.keys import Opponent, SolvedGame

_TOLERANCE = 1e-6
_TIE = 1e-7  # of the payoff range: values that differ by less are equally good


def nash_profile(game: NormalFormGame) -> Profile:
    """A Nash equilibrium: by minimax where two players' payoffs sum to a constant, else by path following.

    Raises:
        SolveError: none was found to 1e-6 of the payoff range.
    """
    if game.num_players == 2 and game.constant_sum() is not None:
        minimax: Profile = solve_zero_sum(game).require(_TOLERANCE * game.payoff_range).unwrap()
        return minimax
    result = solve_risk_averse(game, RiskAversion(0.0), tol=_TOLERANCE)
    return result.require(_TOLERANCE * game.payoff_range).unwrap()


def solved_policy(game: EnvGame[Any], seat: int) -> TabularPolicy:
    """How a rational player moves: by backward induction where nothing is hidden.

    Where something is, it plays its part of an equilibrium if two players' payoffs sum to a constant, and
    else the best response to uniform play.

    Raises:
        UnsupportedGameError: the game is neither an OpenSpiel game nor a tree, or too large.
    """
    if not isinstance(game, OpenSpielGame | TreeEnv):
        raise UnsupportedGameError(f"{game.name} is neither a game of OpenSpiel nor a tree")
    policies = _POLICIES.setdefault(game, {})
    if seat not in policies:
        policies[seat] = _policy(SolvedGame(game), seat)
    return policies[seat]


_POLICIES: WeakKeyDictionary[OpenSpielGame | TreeEnv, dict[int, TabularPolicy]] = WeakKeyDictionary()


def _policy(solved: SolvedGame, seat: int) -> TabularPolicy:
    if solved.is_open:
        return TabularPolicy(_BestMoves(solved, seat), information_state_key)
    try:
        behavior = solved.equilibrium[seat]
    except UnsupportedGameError:
        behavior = best_response(solved.form, uniform_behaviors(solved.form), seat).behavior
    return policy_of_behavior(solved.form, seat, behavior, solved.game.num_actions(seat))


class _BestMoves(Mapping[bytes, NDArray[np.float64]]):
    """Best moves of a game without secrets, looked up by what `games.text.narrators` calls knowledge."""

    def __init__(self, solved: SolvedGame, seat: int) -> None:
        self._solved = solved
        self._seat = seat
        self._found: dict[bytes, NDArray[np.float64]] = {}

    @cached_property
    def _nodes(self) -> dict[bytes, int]:
        """Decision nodes of a tree by the label of their information set."""
        tree = self._solved.game.tree  # type: ignore[union-attr]  # only asked for trees
        return {
            tree.infoset_labels[tree.infoset[node]].encode(): node
            for node in np.flatnonzero(tree.infoset >= 0).tolist()
        }

    def __getitem__(self, knowledge: bytes) -> NDArray[np.float64]:
        row = self._found.get(knowledge)
        if row is None:
            row = self._found[knowledge] = self._row(knowledge)
        return row

    def _row(self, knowledge: bytes) -> NDArray[np.float64]:
        game = self._solved.game
        state: Any
        if isinstance(game, TreeEnv):
            state = self._nodes[knowledge]
        else:
            state = game.spiel_game.new_initial_state()
            for action in knowledge.decode().split(", ") if knowledge else ():
                state.apply_action(int(action))
        values = self._solved.against(self._seat, Opponent.MINIMAX).values(state)
        best = values >= values.max() - _TIE * self._solved.payoff_range
        row = np.zeros(game.num_actions(self._seat))
        row[np.flatnonzero(game.legal_mask(state, self._seat))] = best / best.sum()
        return row

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


SOLVED = Solved(profile=nash_profile, policy=solved_policy)
