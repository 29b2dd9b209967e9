"""Scenarios of games played move by move: against an opponent, or at every information set once."""

import asyncio
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.adapters.open_spiel import OpenSpielGame
from games.text.narrators import situation
from marl.policies.in_trees import states_of_infosets
from solvers.rationality.keys import Opponent, SolvedGame
from solvers.rationality.metrics.actions import optimal_set
from solvers.rationality.scenarios import Answer, Json, Row, Table

TIE = 1e-7
"""In units of the game's payoff range: equilibria are solved for, and their ties hold to this only."""


@dataclass(frozen=True, slots=True, eq=False)
class AgainstOpponent:
    """One play of a game in one seat; the others follow the opponent's policy, which is not told.

    A row holds the exact ``utilities`` of the options against that policy, when all later moves are best; the
    last row of a play holds its ``payoff`` too, and what could be expected at the first question of random
    (``chance_payoff``) and of best play (``ideal_payoff``). A play that ends before the seat moves has no
    rows, and does not make the others look worse. Moves without an alternative are asked like others.

    Attributes:
        solved: the game.
        seat: the subject's.
        opponent: how everybody else plays.
    """

    solved: SolvedGame
    seat: int
    opponent: Opponent

    @property
    def name(self) -> str:
        """The game, the seat and the opponent."""
        return f"{self.solved.name}[seat {self.seat}, against {self.opponent.value}]"

    @property
    def seats(self) -> int:
        """One."""
        return 1

    async def play(self, table: Table, rng: np.random.Generator) -> list[Row]:
        """Play once; chance and the opponents draw from streams of their own."""
        game, key = self.solved.game, self.solved.against(self.seat, self.opponent)
        luck, moves = rng.spawn(2)
        expected: dict[str, Json] = {}
        asked: list[tuple[Answer, tuple[str, ...], dict[str, Json]]] = []
        state = game.initial(luck)
        while movers := game.to_move(state):
            joint = {}
            for player in movers:
                if player != self.seat:
                    legal = np.flatnonzero(game.legal_mask(state, player))
                    joint[player] = int(legal[_drawn(key.opponent(state, player), moves)])
            if self.seat in movers:
                shown = situation(game, state, self.seat)
                values = key.values(state)
                if not asked:
                    expected = {"chance_payoff": key.random(state), "ideal_payoff": float(values.max())}
                facts: dict[str, Json] = {
                    "game": self.solved.name,
                    "opponent": self.opponent.value,
                    "information_state": shown.information_state.hex(),
                    "utilities": values.tolist(),
                    "best": optimal_set(values, scale=self.solved.payoff_range, tolerance=TIE),
                    "range": float(np.ptp(values)),
                    "scale": self.solved.payoff_range,
                }
                answer = await table.ask(0, shown)
                asked.append((answer, shown.options, facts))
                joint[self.seat] = shown.legal[_chosen(answer)]
            state = game.step(state, joint, luck)
        if asked:
            asked[-1][2].update(payoff=float(game.returns(state)[self.seat]), **expected)
        return [
            Row.of(step, 0, answer, options, facts) for step, (answer, options, facts) in enumerate(asked)
        ]


@dataclass(frozen=True, slots=True, eq=False)
class InformationStates:
    """Every information set of every player once, apart and in random order, so that a policy can be seen.

    Rows hold the ``player`` who moves, the ``information_state`` (hexadecimal; its bytes name the set in the
    compiled game) and the ``legal`` actions as the game numbers them, in the order of the options.

    Attributes:
        solved: an OpenSpiel game small enough to walk.
    """

    solved: SolvedGame

    @property
    def name(self) -> str:
        """The game."""
        return f"information-states({self.solved.name})"

    @property
    def seats(self) -> int:
        """One: the same player is asked for everybody."""
        return 1

    async def play(self, table: Table, rng: np.random.Generator) -> list[Row]:
        """Ask at all information sets at once.

        Raises:
            TypeError: the game is not OpenSpiel's.
        """
        game = self.solved.game
        if not isinstance(game, OpenSpielGame):
            raise TypeError(f"information states are asked of an OpenSpielGame, got a {type(game).__name__}")
        places = list(states_of_infosets(game).items())
        order = rng.permutation(len(places)).tolist()
        shown = [situation(game, places[k][1], places[k][0][0]) for k in order]
        answers = await asyncio.gather(*(table.ask(0, one) for one in shown))
        return [
            Row.of(
                step,
                0,
                answer,
                one.options,
                {
                    "game": self.solved.name,
                    "player": one.seat,
                    "information_state": one.information_state.hex(),
                    "legal": one.legal,
                },
            )
            for step, (one, answer) in enumerate(zip(shown, answers, strict=True))
        ]


def _drawn(probabilities: NDArray[np.float64], rng: np.random.Generator) -> int:
    """A position by inversion; the last one takes what rounding leaves."""
    below = np.cumsum(probabilities)
    return min(int(np.searchsorted(below, rng.random() * below[-1], side="right")), below.size - 1)


def _chosen(answer: Answer) -> int:
    if answer.action is None:
        raise ValueError("a table must answer a question about an action with one, got None")
    return answer.action
