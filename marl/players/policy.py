"""Any player as a policy of a game played forward: asked once at each information state, then remembered."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from games.adapters.normal_form_env import NormalFormEnv
from games.protocols import EnvGame
from games.text.narrators import narrator_of, situation
from games.text.questions import Question, Wording
from games.text.situations import MatrixSituation, PlaySituation
from marl.language.asking import ask_all
from marl.players.elicitation import Answers, Elicitation, Shown, Source, Weighing, check_tolerated
from marl.players.protocol import Player

Seen: TypeAlias = MatrixSituation | PlaySituation
"""What a policy is asked about."""


class PlayerPolicy:
    """Plays a game as a player would who is asked at each information state.

    What it does is a function of the player, the seed and what is known in the state, so it does not depend
    on the order in which states come. Each is asked about apart: the player does not see what it said before.
    Play waits for the answer; `marl.players.tabulate` asks everything at once where the game is small. The
    policy of a language model stays in the process that made it.

    Args:
        player: who is asked.
        game: what is played: a `NormalFormEnv`, or a game that `games.text.narrators` tells.
        elicitation: how the player's mixture is found.
        seed: of all that is drawn in asking, >= 0.
        wording: how questions are put.
        tolerated: the greatest share, in [0, 1], of the information states asked so far at which uniform play
            may stand in for missing answers; above 0 the first one is let pass.

    Raises:
        ValueError: a number is out of its range.
        UnsupportedGameError: the game is of another kind.
    """

    def __init__(
        self,
        player: Player,
        game: EnvGame[Any],
        *,
        elicitation: Elicitation | None = None,
        seed: int = 0,
        wording: Wording | None = None,
        tolerated: float = 0.0,
    ) -> None:
        check_tolerated(tolerated)
        check_tellable(game)
        self.player = player
        self.game = game
        self._interview = Interview(player, elicitation, seed, wording)
        self._tolerated = tolerated
        self._shown: dict[tuple[int, bytes], Shown] = {}

    def __repr__(self) -> str:
        return f"PlayerPolicy({self.player.name!r}, {self.game.name!r})"

    @property
    def shown(self) -> Mapping[tuple[int, bytes], Shown]:
        """What the player showed so far, by seat and information state."""
        return dict(self._shown)

    @property
    def answers(self) -> Answers:
        """How that came about."""
        return Answers.of([(f"player {seat}: {key!r}", shown) for (seat, key), shown in self._shown.items()])

    def probabilities(self, game: EnvGame[Any], state: Any, player: int) -> NDArray[np.float64]:  # noqa: ANN401
        """See ``marl.policies.Policy.probabilities``.

        Raises:
            ValueError: it is another game.
            UnansweredError: too many information states have no answer.
        """
        if game is not self.game and game.name != self.game.name:
            raise ValueError(f"game must be {self.game.name}, which the policy was made for, got {game.name}")
        seen = situation_at(game, state, player)
        key = player, known_in(seen)
        if key not in self._shown:
            shown = ask_all(lambda _: self._interview.ask(seen), 1, None, 1)[0]
            self._shown[key] = shown
            if shown.source is Source.SUBSTITUTED:
                self._judge()
        return spread(game, seen, self._shown[key].probabilities)

    def _judge(self) -> None:
        answers = self.answers
        # One of one is above any share, so the first is let pass where any are.
        if len(answers.substituted) > 1 or not self._tolerated:
            answers.refuse(self.player.name, self._tolerated)


class Interview:
    """Asks one player about situations; each has a seed of its own.

    Args:
        player: who is asked.
        elicitation: how; `Weighing` where None.
        seed: of all that is drawn, >= 0.
        wording: how questions are put; the plain one where None.

    Raises:
        ValueError: the seed is negative.
    """

    def __init__(
        self, player: Player, elicitation: Elicitation | None, seed: int, wording: Wording | None
    ) -> None:
        if seed < 0:
            raise ValueError(f"seed must be >= 0, got {seed}")
        self._player = player
        self._elicitation: Elicitation = Weighing() if elicitation is None else elicitation
        self._seed = seed
        self._wording = Wording() if wording is None else wording

    async def ask(self, seen: Seen) -> Shown:
        """How the player mixes there; where there is one option only it is not asked."""
        if len(seen.options) == 1:
            return Shown((1.0,), Source.FORCED, (0,))
        digest = hashlib.sha256(f"policy {self._seed} {seen.seat} ".encode() + known_in(seen)).digest()
        question = Question(seen, int.from_bytes(digest[:8]) >> 1, wording=self._wording)
        return await self._elicitation.show(self._player, question)


def check_tellable(game: EnvGame[Any]) -> None:
    """Refuse a game that players cannot be asked about.

    Raises:
        UnsupportedGameError: the game is no `NormalFormEnv`, and no narrator tells it.
    """
    if not isinstance(game, NormalFormEnv):
        narrator_of(game)


def situation_at(game: EnvGame[Any], state: Any, seat: int) -> Seen:  # noqa: ANN401  (states belong to the game)
    """What a player who is to move knows.

    Raises:
        UnsupportedGameError: the game is no `NormalFormEnv`, and no narrator tells it.
        ValueError: the seat is not to move.
    """
    if isinstance(game, NormalFormEnv):
        if seat not in game.to_move(state):
            raise ValueError(f"seat must be one of the players to move, {game.to_move(state)}, got {seat}")
        return MatrixSituation(game.game, seat)
    return situation(game, state, seat)


def known_in(seen: Seen) -> bytes:
    """Names what the player knows there; a matrix game that is played once has nothing to tell apart."""
    return seen.information_state if isinstance(seen, PlaySituation) else b""


def spread(game: EnvGame[Any], seen: Seen, values: Sequence[float]) -> NDArray[np.float64]:
    """Values of the options as values of all actions of the player, shape (num_actions,), zero elsewhere."""
    row = np.zeros(game.num_actions(seen.seat))
    legal = seen.legal if isinstance(seen, PlaySituation) else range(len(seen.options))
    row[list(legal)] = values
    return row
