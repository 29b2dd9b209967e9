"""Beliefs: does a player learn an opponent's pattern, say so, and use it?

The opponents and the payoffs 2, 1 and 0 are those of Fan, Chen, Jin and He (2024), second part, as far as
re-implementations tell. This project's own: beliefs are asked as distributions and compared with a
Bayesian's, prediction and play are also asked apart so that asking cannot change play unseen, one opponent
changes its pattern half way, and payoffs are measured against the best play found by dynamic programming.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.normal_form.game import NormalFormGame
from games.social.pattern_ceilings import best_play
from games.social.patterns import (
    Pattern,
    PatternFamily,
    Switch,
    cyclic_game,
    kinds_of_patterns,
    standard_family,
)
from games.text.questions import Aspect
from games.text.situations import Joint, MatrixSituation
from solvers.rationality.metrics.actions import expected_utilities, optimal_set
from solvers.rationality.scenarios import Answer, Json, Measure, Play, Row, Table
from solvers.rationality.suites.fan2024_belief_scores import Channel, score_beliefs


@dataclass(frozen=True, slots=True, eq=False)
class PatternScenario:
    """Some rounds against an opponent with a pattern, in seat 1 of a symmetric game.

    Attributes:
        name: distinct within the suite.
        kind: of the pattern, as scores group it.
        pattern: the opponent.
        game: payoffs of a round.
        rounds: how many.
        channel: what is asked.
        family: what the Bayesian to compare with thinks possible.
        ceiling: greatest expected payoff per round of one who knows the pattern.
        switch: the round from which the pattern is another, None for one that stays.
    """

    name: str
    kind: str
    pattern: Pattern
    game: NormalFormGame
    rounds: int
    channel: Channel
    family: PatternFamily
    ceiling: float
    switch: int | None = None

    @property
    def seats(self) -> int:
        """One: the opponent belongs to the scenario."""
        return 1

    async def play(self, table: Table, rng: np.random.Generator) -> list[Row]:
        """All rounds; the opponent's luck is drawn before the first."""
        luck = rng.random(self.rounds)
        drawn = rng.integers(self.pattern.num_actions, size=self.rounds)
        history: tuple[Joint, ...] = ()
        moves = np.empty(self.rounds, dtype=np.int64)
        answers: list[tuple[Answer | None, Answer | None]] = []
        for number in range(self.rounds):
            situation = MatrixSituation(self.game, 0, history, self.rounds)
            belief = action = None
            if self.channel is not Channel.PLAY:
                belief = await table.ask(0, situation, aspect=Aspect.BELIEF, about=1)
            if self.channel is not Channel.PREDICT:
                said = () if belief is None or belief.exchange is None else (belief.exchange,)
                action = await table.ask(0, situation, earlier=said)
            answers.append((belief, action))
            law = self.pattern.forecasts(moves[:number])[-1]
            other = _drawn(law, float(luck[number]))
            moves[number] = drawn[number] if action is None or action.action is None else action.action
            history = (*history, (int(moves[number]), other))
        return self._rows(answers, moves, np.array([joint[1] for joint in history]))

    def _rows(
        self,
        answers: Sequence[tuple[Answer | None, Answer | None]],
        moves: NDArray[np.int64],
        seen: NDArray[np.int64],
    ) -> list[Row]:
        payoffs = self.game.payoffs[0]
        reach = float(np.ptp(payoffs))
        laws = self.pattern.forecasts(moves[:-1])
        posteriors = self.family.predictives(moves[:-1], seen[:-1])
        truths, learnt = laws @ payoffs.T, posteriors @ payoffs.T
        rows: list[Row] = []
        for number, (belief, action) in enumerate(answers):
            facts: dict[str, Json] = {
                "kind": self.kind,
                "opponent": self.pattern.name,
                "channel": self.channel.value,
                "round": number,
                "switch": self.switch,
                "happened": int(seen[number]),
                "law": laws[number].tolist(),
                "posterior": posteriors[number].tolist(),
                "scale": reach,
            }
            if belief is not None:
                options = self.game.actions[1]
                rows.append(Row.of(len(rows), 0, belief, options, facts, Aspect.BELIEF))
            if action is not None:
                utilities = truths[number]
                facts = facts | {
                    "utilities": utilities.tolist(),
                    "learnt": learnt[number].tolist(),
                    "best": optimal_set(utilities, scale=reach),
                    "range": float(np.ptp(utilities)),
                    "payoff": float(payoffs[moves[number], seen[number]]),
                    "ceiling": self.ceiling,
                }
                if belief is not None and belief.belief is not None:
                    facts["stated"] = expected_utilities(payoffs, belief.belief).tolist()
                rows.append(Row.of(len(rows), 0, action, self.game.actions[0], facts))
        return rows


def _drawn(law: NDArray[np.float64], luck: float) -> int:
    """The move that a number in [0, 1) draws from a distribution; one of probability 0 is never drawn."""
    last = int(np.flatnonzero(law)[-1])
    return min(int(np.searchsorted(np.cumsum(law), luck, side="right")), last)


@dataclass(frozen=True, slots=True, eq=False)
class BeliefPart:
    """Scenarios with patterns, and their figures.

    Attributes:
        scenarios: what is played.
    """

    scenarios: tuple[PatternScenario, ...]

    def score(self, plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
        """See `solvers.rationality.suites.fan2024_belief_scores.score_beliefs`."""
        return score_beliefs(plays, rng=rng)


def belief_part(
    *,
    rng: np.random.Generator,
    rounds: int = 10,
    actions: Sequence[str] = ("rock", "paper", "scissors"),
    channels: Sequence[Channel] = tuple(Channel),
) -> BeliefPart:
    """One opponent of each kind, drawn among the patterns of its kind, and one that switches half way.

    Args:
        rng: draws the patterns.
        rounds: of each play, >= 2.
        actions: labels of a cyclic game.
        channels: what is asked, each in scenarios of its own.

    Raises:
        ValueError: fewer than two rounds or three actions.
    """
    if rounds < 2:
        raise ValueError(f"rounds must be >= 2, got {rounds}")
    game = cyclic_game(actions)
    n = len(actions)
    kinds = kinds_of_patterns(n)
    opponents: list[tuple[str, Pattern, int | None]] = [
        (kind, patterns[int(rng.integers(len(patterns)))], None) for kind, patterns in kinds.items()
    ]
    constants, counter = kinds["constant"], kinds["counter"][0]
    at = rounds // 2
    turned = Switch(constants[int(rng.integers(n))], counter, at)
    opponents.append(("switch", turned, at))
    steady, changing = standard_family(n), standard_family(n, hazard=1 / rounds)
    scenarios = []
    for kind, pattern, switch in opponents:
        ceiling = best_play(pattern, game.payoffs[0], rounds).value
        family = steady if switch is None else changing
        for channel in channels:
            name = f"patterns({pattern.name}, {n} actions, {rounds} rounds, {channel.value})"
            scenarios.append(
                PatternScenario(name, kind, pattern, game, rounds, channel, family, ceiling, switch)
            )
    return BeliefPart(tuple(scenarios))
