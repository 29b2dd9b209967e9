"""The suite of games played move by move: cards, dice, boards and bargaining, with exact keys.

Every move is valued against what the opponent really does, with best play afterwards: by backward induction
on the states of games of perfect information, and in the sequence form where something is hidden. Players are
not told who the opponent is. Against minimax and equilibrium play a player needs nothing but reason to lose
nothing; against uniform play the figures also say how much it gains from an opponent whom it knows only from
the moves.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from games.adapters.open_spiel import open_spiel_game
from games.adapters.tree_env import TreeEnv
from games.extensive import catalogue
from games.extensive.evaluation import nash_conv, uniform_behaviors
from solvers.rationality.keys import Opponent, SolvedGame
from solvers.rationality.metrics.actions import ActionScores, score_actions
from solvers.rationality.metrics.exploitability import estimate_exploitability, tally
from solvers.rationality.scenarios import Measure, Play, Row
from solvers.rationality.statistics import mean_measure, rate_measure
from solvers.rationality.suites.facts import cluster, numbers
from solvers.rationality.suites.sequential_play import TIE, AgainstOpponent, InformationStates

SequentialScenario: TypeAlias = AgainstOpponent | InformationStates


@dataclass(frozen=True, slots=True, eq=False)
class Sequential:
    """Games played move by move.

    Attributes:
        scenarios: what is played.
        name: as the command line calls it.
        baselines: specs of scripted players for comparison.
    """

    scenarios: Sequence[SequentialScenario]
    name: str = "sequential"
    baselines: tuple[str, ...] = ("scripted:uniform", "scripted:rational")

    def score(self, plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
        """Figures of all games together by opponent, of each game, and exploitability.

        In figures about moves only those count that matter, where the options' values differ by more than
        1e-7 payoff ranges. Regret is what a move falls short of the best by: in units of the range of its
        options' values over all games, in payoffs within a game.
        """
        by_name = {scenario.name: scenario for scenario in self.scenarios}
        contests = [
            (scenario, play)
            for play in plays
            if isinstance(scenario := by_name.get(play.scenario), AgainstOpponent)
        ]
        measures: list[Measure] = []
        for opponent in Opponent:
            faced = [play for scenario, play in contests if scenario.opponent is opponent]
            if faced:
                measures += _together(faced, opponent, rng=rng)
        for game in dict.fromkeys(scenario.solved.name for scenario, _ in contests):
            for opponent in Opponent:
                own = [p for s, p in contests if (s.solved.name, s.opponent) == (game, opponent)]
                if own:
                    measures += _of_game(own, game, opponent, rng=rng)
        for scenario in self.scenarios:
            if isinstance(scenario, InformationStates):
                own = [play for play in plays if play.scenario == scenario.name]
                if own:
                    measures.append(_exploitability(own, scenario.solved, rng=rng))
        return measures


def _moves(plays: Iterable[Play]) -> list[tuple[Play, Row, int]]:
    """Moves that matter, with the option taken."""
    return [
        (play, row, row.action)
        for play in plays
        for row in play.rows
        if row.action is not None and float(numbers(row, "range")) > TIE * float(numbers(row, "scale"))
    ]


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """Moves that matter, scored."""

    scores: ActionScores
    clusters: Sequence[Hashable]

    @classmethod
    def of(cls, plays: Iterable[Play]) -> "_Judged":
        """All of ``plays``."""
        moves = _moves(plays)
        scores = score_actions(
            [numbers(row, "utilities") for _, row, _ in moves],
            [action for _, _, action in moves],
            scales=[float(numbers(row, "scale")) for _, row, _ in moves],
            tolerance=TIE,
        )
        return cls(scores, [cluster(play) for play, _, _ in moves])

    def best(self, opponent: Opponent, group: str, *, rng: np.random.Generator) -> Measure:
        """How often a best move was made."""
        return rate_measure(
            f"best moves against {opponent.value} play",
            self.scores.best,
            self.clusters,
            rng=rng,
            chance=_mean(self.scores.chance_best),
            group=group,
        )


def _mean(values: ArrayLike) -> float | None:
    rows = np.asarray(values, dtype=np.float64)
    return float(rows.mean()) if rows.size else None


def _together(plays: Sequence[Play], opponent: Opponent, *, rng: np.random.Generator) -> list[Measure]:
    judged, group = _Judged.of(plays), "all games"
    regret = mean_measure(
        f"regret against {opponent.value} play, in ranges",
        judged.scores.normalised,
        judged.clusters,
        rng=rng,
        chance=_mean(judged.scores.chance_normalised),
        ideal=0.0,
        group=group,
        within=(0.0, 1.0),
    )
    return [judged.best(opponent, group, rng=rng), regret]


def _of_game(
    plays: Sequence[Play], game: str, opponent: Opponent, *, rng: np.random.Generator
) -> list[Measure]:
    judged = _Judged.of(plays)
    regret = mean_measure(
        f"regret per move against {opponent.value} play",
        judged.scores.regrets,
        judged.clusters,
        rng=rng,
        chance=_mean(judged.scores.chance_regrets),
        ideal=0.0,
        group=game,
        within=(0.0, np.inf),
    )
    ends = [(play, play.rows[-1]) for play in plays if play.rows]
    payoff = mean_measure(
        f"payoff against {opponent.value} play",
        [float(numbers(row, "payoff")) for _, row in ends],
        [cluster(play) for play, _ in ends],
        rng=rng,
        chance=_mean([float(numbers(row, "chance_payoff")) for _, row in ends]),
        ideal=_mean([float(numbers(row, "ideal_payoff")) for _, row in ends]),
        group=game,
    )
    return [judged.best(opponent, game, rng=rng), regret, payoff]


def _exploitability(plays: Sequence[Play], solved: SolvedGame, *, rng: np.random.Generator) -> Measure:
    """NashConv of the policy that the answers at all information sets show."""
    form = solved.form
    seen: list[list[tuple[str, int]]] = [[] for _ in range(form.num_players)]
    for play in plays:
        for row in play.rows:
            if row.action is not None:
                label = bytes.fromhex(str(row.facts["information_state"])).decode()
                action = int(numbers(row, "legal")[row.action])
                seen[int(numbers(row, "player"))].append((label, action))
    counts = [tally(form, player, decisions) for player, decisions in enumerate(seen)]
    found = estimate_exploitability(form, counts, rng=rng)
    return Measure(
        "NashConv of the policy shown",
        found.value,
        found.interval.low,
        found.interval.high,
        len(plays),
        nash_conv(form, uniform_behaviors(form)),
        0.0,
        group=solved.name,
    )


_BOTH, _FIRST = (0, 1), (0,)

_SPIEL: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...] = (
    # name; seats that meet uniform play; seats that meet minimax or equilibrium play. Seats are left out that
    # another one mirrors, or whose moves are all alike because the game is lost from the beginning.
    ("kuhn_poker", _BOTH, _BOTH),
    ("leduc_poker", _BOTH, _BOTH),
    ("liars_dice(dice_sides=4)", _BOTH, _BOTH),
    ("goofspiel(num_cards=4,imp_info=True,points_order=descending)", _FIRST, _FIRST),
    ("first_sealed_auction", _FIRST, ()),
    ("tic_tac_toe", _BOTH, _BOTH),
    ("connect_four(rows=4,columns=4,x_in_row=3)", _BOTH, _FIRST),
    ("nim(pile_sizes=2;3;4)", _BOTH, _FIRST),
    ("breakthrough(rows=4,columns=3)", _BOTH, _FIRST),
    ("pig(winscore=15)", _BOTH, _BOTH),
)


def sequential(*, information_states: Sequence[str] = ("kuhn_poker",)) -> Sequential:
    """The suite: thirteen games, from 1 to some 20 moves a play.

    Keys are computed when a scenario is first played, the slowest in a few seconds.

    Args:
        information_states: OpenSpiel games, small ones that hide something, in which every information set is
            asked once, to estimate how exploitable the player is.

    Raises:
        UnknownNameError: no such game.
        UnsupportedGameError: OpenSpiel refuses its parameters.
    """
    scenarios: list[SequentialScenario] = []
    for spec, uniform, strong in _SPIEL:
        solved = SolvedGame(open_spiel_game(spec))
        best = Opponent.MINIMAX if solved.is_open else Opponent.EQUILIBRIUM
        scenarios += [AgainstOpponent(solved, seat, Opponent.UNIFORM) for seat in uniform]
        scenarios += [AgainstOpponent(solved, seat, best) for seat in strong]
    for tree, strong in (
        (catalogue.ultimatum(10), _BOTH),
        (catalogue.centipede(6), _FIRST),
        (catalogue.trust(4, 3), _FIRST),
    ):
        solved = SolvedGame(TreeEnv(tree))
        scenarios += [AgainstOpponent(solved, seat, Opponent.UNIFORM) for seat in _BOTH]
        scenarios += [AgainstOpponent(solved, seat, Opponent.MINIMAX) for seat in strong]
    scenarios += [InformationStates(SolvedGame(open_spiel_game(spec))) for spec in information_states]
    return Sequential(tuple(scenarios))
