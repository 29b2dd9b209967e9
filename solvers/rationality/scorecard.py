"""Scorecards: all figures of a run, with the baselines that give them a meaning."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

from games.progress import ProgressCallback, ignore_progress
from marl.players import Player, TextPlayer, player_from_spec
from solvers.rationality.handling import Handling, failures, handled, legality
from solvers.rationality.run import PLAIN, run_suite
from solvers.rationality.scenarios import Measure, Play, Suite
from solvers.rationality.solved import SOLVED
from solvers.rationality.stability import stability
from solvers.rationality.variants import Variant
from solvers.registry import SUITES


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Figures of several players in one suite.

    Attributes:
        suite: its name.
        measures: by player, in the order of the run; players first, then baselines.
        baselines: names of those that are there for comparison.
        failures: by player, how many questions ended in each kind of failure.
        handling: what a missing answer counts as.
    """

    suite: str
    measures: Mapping[str, tuple[Measure, ...]]
    baselines: tuple[str, ...] = ()
    failures: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    handling: Handling = Handling.SUBSTITUTED

    @property
    def groups(self) -> list[str]:
        """Headings of the figures, in order."""
        return list(dict.fromkeys(m.group for measures in self.measures.values() for m in measures))

    def names(self, group: str) -> list[str]:
        """Names of the figures under a heading, in order."""
        return list(dict.fromkeys(m.name for ms in self.measures.values() for m in ms if m.group == group))

    def find(self, name: str, player: str, group: str) -> Measure | None:
        """The figure ``name`` of a player under a heading, None where it has none."""
        return next((m for m in self.measures[player] if (m.name, m.group) == (name, group)), None)

    def measure(self, name: str, player: str | None = None) -> Measure:
        """The figure called ``name`` of ``player``, the first by default.

        Raises:
            KeyError: there is none; the message lists what there is.
        """
        measures = next(iter(self.measures.values())) if player is None else self.measures[player]
        for found in measures:
            if found.name == name:
                return found
        raise KeyError(f"no measure {name!r}; there are {[m.name for m in measures]}")

    def __str__(self) -> str:
        width = max((len(m.name) for ms in self.measures.values() for m in ms), default=0)
        lines = [f"{self.suite}"]
        for player, measures in self.measures.items():
            lines.append(f"{player}{' (baseline)' if player in self.baselines else ''}")
            lines += [
                f"  {m.name:<{width}}  {m.value:8.3f}  [{m.low:.3f}, {m.high:.3f}]"
                f"{'' if m.chance is None else f'  chance {m.chance:.3f}'}"
                f"{'' if m.p_value is None else f'  p {m.p_value:.3g}'}  n {m.count}"
                for m in measures
            ]
        return "\n".join(lines)


def score_plays(
    suite: Suite,
    plays: Sequence[Play],
    *,
    baselines: Sequence[str] = (),
    handling: Handling = Handling.SUBSTITUTED,
    seed: int = 0,
) -> Scorecard:
    """Figures of all players who sat in seat 0 of any play.

    Args:
        suite: says what the plays mean.
        plays: of any players.
        baselines: names of players that are there for comparison.
        handling: what a missing answer counts as.
        seed: of resampling; every player's figures are drawn with the same.
    """
    by_player: dict[str, list[Play]] = {}
    for play in plays:
        by_player.setdefault(play.player, []).append(play)
    measures = {
        player: (
            *suite.score(handled(own, handling), rng=np.random.default_rng([seed, 0])),
            *stability(handled(own, handling), rng=np.random.default_rng([seed, 2])),
            *legality(own, rng=np.random.default_rng([seed, 1])),
        )
        for player, own in by_player.items()
    }
    failed = {player: failures(own) for player, own in by_player.items()}
    return Scorecard(suite.name, measures, tuple(baselines), failed, handling)


def evaluate(
    player: Player | Callable[[str], str] | str,
    suite: Suite | str = "fan2024",
    *,
    variants: Sequence[Variant] = PLAIN,
    replicates: int = 1,
    seed: int = 0,
    folder: str | os.PathLike[str] | None = None,
    concurrency: int = 64,
    progress: ProgressCallback = ignore_progress,
) -> Scorecard:
    """Play a suite with one player and its baselines, and say what came of it.

    Args:
        player: a player, a function from a text to a text, or a spec such as ``"scripted:level2"``.
        suite: a suite, or the name of one (``counterplay list suites``).
        variants: in which words and labels to play.
        replicates: plays of each scenario in each variant.
        seed: of all chance.
        folder: where plays are kept, so that a second call goes on where the first was broken off. A function
            is known there by its name: what has none of its own must come as a `TextPlayer`, and one that was
            changed needs another name or another folder.
        concurrency: the most plays under way at once.
        progress: told of each play that ends.

    Raises:
        UnknownNameError: no such suite or player; the message suggests near matches.
        ValueError: as `run_suite`, or a function without a name of its own and a folder.

    Example:
        >>> card = evaluate("scripted:rational", "fan2024")
        >>> card.measure("best response, given belief").value
        1.0
    """
    subject = as_player(player)
    if folder is not None and isinstance(subject, TextPlayer) and subject is not player:
        _refuse_nameless(player)
    played: Suite = SUITES.get(suite).load()() if isinstance(suite, str) else suite
    others = [player_from_spec(spec, solved=SOLVED) for spec in played.baselines]
    others = [other for other in others if other.name != subject.name]
    plays = run_suite(
        played,
        [subject],
        baselines=others,
        variants=variants,
        replicates=replicates,
        seed=seed,
        folder=folder,
        concurrency=concurrency,
        progress=progress,
    )
    return score_plays(played, plays, baselines=[other.name for other in others], seed=seed)


def _refuse_nameless(function: object) -> None:
    """Refuse what another function would be mistaken for: lambdas and objects that can be called."""
    name = getattr(function, "__qualname__", "<lambda>")
    if name.endswith("<lambda>"):
        raise ValueError(
            f"player must have a name of its own for its plays to be kept in a folder, as "
            f"TextPlayer(name, function) gives it, got {function!r:.80}"
        )


def as_player(player: Player | Callable[[str], str] | str) -> Player:
    """A player as it is, or made from a function or a spec; a function is known by its qualified name."""
    if isinstance(player, str):
        return player_from_spec(player, solved=SOLVED)
    if isinstance(player, _Deciding):  # it may be callable besides
        return player
    return TextPlayer(_name_of(player), player)


@runtime_checkable
class _Deciding(Player, Protocol):
    """Tells a player from a function."""


def _name_of(function: Callable[[str], str]) -> str:
    return str(getattr(function, "__qualname__", type(function).__qualname__))
