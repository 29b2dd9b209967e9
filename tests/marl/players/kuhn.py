"""Players of Kuhn poker whose policies are known."""

import numpy as np

from games.adapters.open_spiel import open_spiel_game
from games.text import Decision, Outcome
from marl.players import ScriptedPlayer, Weights
from marl.populations import compile_game

KUHN = compile_game(open_spiel_game("kuhn_poker"))
A = 0.2
"""Any number in [0, 1/3] makes an equilibrium."""

# Probability of adding a chip, by card and moves.
EQUILIBRIUM = {
    "0": A, "1": 0.0, "2": 3 * A, "0pb": 0.0, "1pb": A + 1 / 3, "2pb": 1.0,
    "0p": 1 / 3, "1p": 0.0, "2p": 1.0, "0b": 0.0, "1b": 1 / 3, "2b": 1.0,
}  # fmt: skip


def adding(chances):
    """The strategy that adds a chip so often."""

    def strategy(question):
        adds = chances[question.situation.information_state.decode()]
        return np.array([1 - adds, adds])

    return strategy


def scripted(chances, name="scripted"):
    return ScriptedPlayer(name, adding(chances))


class Unsure:
    """Answers as told, but neither weighs nor answers where it has nothing to say.

    ``outcome`` is what becomes of a question about a state in ``silent``.
    """

    def __init__(self, chances, silent=(), outcome=Outcome.REFUSAL, name="unsure"):
        self.inner = scripted(chances, name)
        self.name = name
        self.silent = silent
        self.outcome = outcome
        self.asked = []

    async def decide(self, question):
        state = question.situation.information_state.decode()
        self.asked.append((question.situation.seat, state, question.seed))
        if state in self.silent:
            return Decision(outcome=self.outcome)
        return await self.inner.decide(question)


class HalfWeighing(Unsure):
    """Says its probabilities, but not in the states of ``unsaid``."""

    def __init__(self, chances, unsaid, **fields):
        super().__init__(chances, **fields)
        self.unsaid = unsaid

    async def weigh(self, question):
        if question.situation.information_state.decode() in self.unsaid:
            return Weights(None, 0.0, Outcome.UNREADABLE)
        return await self.inner.weigh(question)
