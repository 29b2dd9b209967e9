"""A player as a table: asked once at every information set of a small game, it is an ordinary policy.

Tables can be certified exactly, mixed, saved (`marl.populations.save_population`), cross-played and
exploited by any oracle, and nobody is asked again. What is certified is the table; how far the player itself
may be from it is a matter of the answers it was made from.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.adapters.open_spiel import OpenSpielGame
from games.extensive.sequence_form import Behavior
from games.progress import ProgressCallback, ignore_progress
from games.protocols import EnvGame
from games.text.questions import Wording
from marl.language.asking import ask_all
from marl.players.elicitation import Answers, Elicitation, Shown, Source, check_tolerated
from marl.players.policy import Interview, check_tellable, situation_at, spread
from marl.players.protocol import Player
from marl.policies.tabular import TabularPolicy, information_state_key, observation_key
from marl.populations.compiled import CompiledGame
from marl.populations.game_kinds import DEFAULT_MAX_HISTORIES, compile_game


@dataclass(frozen=True, slots=True, eq=False)
class Tabulated:
    """What a player does at every information set of a game, in every seat.

    Attributes:
        name: of the player.
        compiled: the game.
        policies: a table for each seat.
        counts: for each seat, the answers sampled by sequence, shape (S_i,); zeros where none was.
        weighed: for each seat, whether the probability of a sequence's last move was not sampled: the player
            said it, or there was no other move; shape (S_i,), entry 0 is True.
        answers: how the tables came about.
    """

    name: str
    compiled: CompiledGame
    policies: tuple[TabularPolicy, ...]
    counts: tuple[NDArray[np.float64], ...]
    weighed: tuple[NDArray[np.bool_], ...]
    answers: Answers

    @property
    def behaviors(self) -> tuple[Behavior, ...]:
        """The tables as behaviors over the compiled game, one of shape (S_i,) per seat."""
        return tuple(self.compiled.behavior(i, policy) for i, policy in enumerate(self.policies))


def tabulate(
    player: Player,
    game: EnvGame[Any] | CompiledGame,
    *,
    elicitation: Elicitation | None = None,
    seed: int = 0,
    wording: Wording | None = None,
    tolerated: float = 0.0,
    max_histories: int = DEFAULT_MAX_HISTORIES,
    concurrency: int = 64,
    progress: ProgressCallback = ignore_progress,
) -> Tabulated:
    """Ask a player at every information set of every seat.

    The tables do not depend on ``concurrency``. They say what `PlayerPolicy` with the same arguments does.

    Args:
        player: who is asked.
        game: a `NormalFormEnv`, an `OpenSpielGame` or a `TreeEnv`, small enough to compile; or compiled.
        elicitation: how the player's mixtures are found; `Weighing` where None.
        seed: of all that is drawn in asking, >= 0.
        wording: how questions are put.
        tolerated: the greatest share of the information sets with a choice, in [0, 1], at which uniform play
            may stand in for missing answers; they are named in ``answers``.
        max_histories: refuse larger games.
        concurrency: the most information sets asked about at once, >= 1.
        progress: told of each information set that is done.

    Raises:
        UnansweredError: more information sets than tolerated have no answer.
        UnsupportedGameError: the game is of another kind, or too large.
        ValueError: a number is out of its range.

    Example:
        >>> from games.adapters.open_spiel import open_spiel_game
        >>> from games.extensive.evaluation import nash_conv
        >>> from marl.players import player_from_spec
        >>> table = tabulate(player_from_spec("scripted:uniform"), open_spiel_game("kuhn_poker"))
        >>> round(nash_conv(table.compiled.form, table.behaviors), 4)
        0.9167
    """
    check_tolerated(tolerated)
    interview = Interview(player, elicitation, seed, wording)
    played = game.game if isinstance(game, CompiledGame) else game
    check_tellable(played)
    compiled = game if isinstance(game, CompiledGame) else compile_game(game, max_histories=max_histories)
    places = [(i, h) for i, states in enumerate(compiled.states) for h in range(len(states))]
    seen = [situation_at(played, compiled.states[i][h], i) for i, h in places]
    done = 0

    def count(_: int, __: Shown) -> None:
        nonlocal done
        done += 1
        progress(done, len(places))

    shown = ask_all(lambda k: interview.ask(seen[k]), len(places), count, concurrency)
    plexes = compiled.form.treeplexes
    names = [f"player {i}: {plexes[i].infosets[h]}" for i, h in places]
    answers = Answers.of(list(zip(names, shown, strict=True)))
    answers.refuse(player.name, tolerated)
    key = information_state_key if isinstance(played, OpenSpielGame) else observation_key
    tables: list[dict[bytes, NDArray[np.float64]]] = [{} for _ in plexes]
    counts = [np.zeros(plex.num_sequences) for plex in plexes]
    weighed = [np.ones(plex.num_sequences, dtype=np.bool_) for plex in plexes]
    for (i, h), situation, one in zip(places, seen, shown, strict=True):
        tables[i][key(played, compiled.states[i][h], i)] = spread(played, situation, one.probabilities)
        moves = slice(plexes[i].start[h], plexes[i].start[h + 1])
        counts[i][moves] = spread(played, situation, one.counts)[compiled.actions[i][moves]]
        weighed[i][moves] = one.source in (Source.WEIGHED, Source.FORCED)
    policies = tuple(TabularPolicy(table, key) for table in tables)
    return Tabulated(player.name, compiled, policies, tuple(counts), tuple(weighed), answers)
