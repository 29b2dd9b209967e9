"""Suites as tasks of Inspect, whose command, limits, logs and viewer then serve them.

A sample is one play of a scenario, in which the model under evaluation is asked as in a run of our own: in
the same words, with the same luck, the same reading, and the same asking again. What came of it is kept with
the sample, so that a log is scored as a run is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from games.errors import FileFormatError
from games.text.questions import Aspect
from marl.language.through_inspect import InspectModel, load_inspect
from marl.players import Connection, LanguagePlayer, Player, player_from_spec
from marl.players.served import wrapped
from solvers.rationality.cells import Cell, cells_of
from solvers.rationality.handling import ANSWERED
from solvers.rationality.plays_file import Record, decode_record, encode_record
from solvers.rationality.run import PLAIN, check_request
from solvers.rationality.scenarios import Play, Suite
from solvers.rationality.scorecard import score_plays
from solvers.rationality.solved import SOLVED
from solvers.rationality.table import Guarded, PlayTable
from solvers.rationality.variants import Variant
from solvers.registry import SUITES

_MODEL = "the model under evaluation"
_PLAY = "play"  # under which the metadata of a sample hold what was played
_BEST, _LEGAL = "best answers", "legal answers"


def inspect_task(
    suite: Suite | str,
    *,
    others: Sequence[Player] | None = None,
    variants: Sequence[Variant] = PLAIN,
    replicates: int = 1,
    seed: int = 0,
    connection: Connection | None = None,
) -> Any:  # noqa: ANN401  (types of Inspect are not here)
    """A suite as a ``Task`` of Inspect, which any model that Inspect reaches may be put to.

    Its scores are, of the questions in a play, the share answered by a best action (where the suite tells
    them) and the share answered legally; its metric ``figures`` are all figures of the suite, as
    `score_plays` gives them for the log. Intervals and baselines are told by `plays_of` and `score_plays`.

    A play in which the world failed is an error of its sample, after all others were played; ``inspect
    eval-retry`` plays it again. Replicates stand in for epochs, which would put the same questions once more.

    Args:
        suite: a suite, or the name of one.
        others: whom the model meets in scenarios with several seats; the suite's baselines if None.
        variants: in which words and labels, with distinct names.
        replicates: plays of each scenario in each variant, >= 1.
        seed: of all chance, >= 0.
        connection: how the model is asked. Its sampling holds, rather than that of Inspect's command.

    Raises:
        MissingDependencyError: inspect-ai is not installed.
        UnknownNameError: no such suite; the message suggests near matches.
        ValueError: a number is out of its range, names are not distinct, or variants are alike.
    """
    inspect, datasets = load_inspect("inspect_ai"), load_inspect("inspect_ai.dataset")
    played: Suite = SUITES.get(suite).load()() if isinstance(suite, str) else suite
    met = [player_from_spec(spec, solved=SOLVED) for spec in played.baselines] if others is None else others
    names = [_MODEL, *(player.name for player in met)]
    check_request(played, names, variants, replicates, seed)
    cells = {
        ", ".join([cell.scenario, cell.variant.name, f"replicate {cell.replicate}", *cell.seating[1:]]): cell
        for cell in cells_of(
            played.name, played.scenarios, names, variants=variants, replicates=replicates, seed=seed
        )
        if cell.seating[0] == _MODEL
    }
    samples = [  # plays with the same luck are no independent observations
        datasets.Sample(id=name, input=name, metadata={"luck": f"{cell.scenario} {cell.replicate}"})
        for name, cell in cells.items()
    ]
    return inspect.Task(
        samples,
        solver=_solver(_Plays(played, cells, met, connection or Connection())),
        scorer=_scorer(played, seed),
        name=played.name,
        continue_on_fail=True,
        metadata={"suite": played.name, "replicates": replicates, "seed": seed},
    )


def plays_of(log: Any) -> list[Play]:  # noqa: ANN401
    """All plays in an ``EvalLog`` of an `inspect_task`, for `score_plays`.

    Raises:
        ValueError: the log was read or kept without its samples.
        FileFormatError: a play is spoilt.

    Example:
        >>> card = score_plays(fan2024(), plays_of(read_eval_log("logs/fan2024.eval")))  # doctest: +SKIP
    """
    if log.samples is None:
        raise ValueError("log must hold its samples, got one without")
    try:
        return [
            decode_record(sample.metadata[_PLAY]).play for sample in log.samples if _PLAY in sample.metadata
        ]
    except (ValueError, TypeError, KeyError) as error:
        raise FileFormatError(f"{log.location}: a sample holds no play: {error!r}") from None


class _Plays:
    """Plays samples; a model is one player in all of them, so that its limits and its budget hold for all."""

    def __init__(
        self, suite: Suite, cells: Mapping[str, Cell], others: Sequence[Player], settings: Connection
    ) -> None:
        self._scenarios = {scenario.name: scenario for scenario in suite.scenarios}
        self._cells = cells
        self._others: dict[str, Player] = {player.name: Guarded(player) for player in others}
        self._settings = settings
        self._subjects: dict[object, Player] = {}

    async def play(self, sample: str, model: object) -> Record:
        """What comes of a sample, without what was said: the log has that."""
        if model not in self._subjects:
            settings = self._settings
            asked = wrapped(InspectModel(model, timeout=settings.timeout), settings)
            reader = LanguagePlayer(asked, sampling=settings.sampling, reasks=settings.reasks)
            self._subjects[model] = Guarded(reader)
        cell = self._cells[sample]
        players = [self._others.get(name, self._subjects[model]) for name in cell.seating]
        cell = replace(cell, seating=tuple(player.name for player in players))
        rows = await self._scenarios[cell.scenario].play(PlayTable(cell, players), cell.generator())
        return Record.of(cell, rows, [])


def _solver(plays: _Plays) -> object:
    models = load_inspect("inspect_ai.model")

    async def solve(state: Any, _: object) -> Any:  # noqa: ANN401
        if state.epoch != 1:
            raise ValueError("epochs must be 1, as others put the same questions again: ask for replicates")
        record = await plays.play(state.sample_id, models.get_model())
        state.metadata[_PLAY] = encode_record(record)
        state.output = models.ModelOutput.from_content(str(state.model), _told(record.play))
        if not record.complete:
            raise RuntimeError(f"the world failed\n{_told(record.play)}")
        return state

    return _made(load_inspect("inspect_ai.solver").solver(name="counterplay_play"), lambda: solve)


def _scorer(suite: Suite, seed: int) -> object:
    inspect = load_inspect("inspect_ai.scorer")

    def figures(scores: Sequence[Any]) -> dict[str, float]:
        plays = [decode_record(one.score.metadata[_PLAY]).play for one in scores]
        found = [m for measures in score_plays(suite, plays, seed=seed).measures.values() for m in measures]
        return {f"{m.group}: {m.name}" if m.group else m.name: m.value for m in found if np.isfinite(m.value)}

    async def score(state: Any, _: object) -> Any:  # noqa: ANN401
        kept = state.metadata.get(_PLAY)
        if kept is None:
            return inspect.Score.unscored(explanation="nothing was played")
        play = decode_record(kept).play
        rows = [row for row in play.rows if row.seat == 0]
        known = [(row, row.facts.get("best")) for row in rows if row.aspect is Aspect.ACTION]
        hits = [row.action in best for row, best in known if isinstance(best, Sequence)]
        legal = [row.outcome == ANSWERED for row in rows]
        value = {_BEST: float(np.mean(hits)) if hits else float("nan"), _LEGAL: float(np.mean(legal))}
        return inspect.Score(value=value, explanation=_told(play), metadata={_PLAY: kept})

    means = [inspect.mean(), inspect.stderr(cluster="luck")]
    metrics = [{_BEST: means, _LEGAL: means}, _made(inspect.metric(name="figures"), lambda: figures)]
    return _made(inspect.scorer(metrics, name="counterplay"), lambda: score)


def _made(register: Callable[..., Any], factory: Callable[[], object]) -> Any:  # noqa: ANN401
    """What Inspect knows under a name. Its decorators have no types where it is not installed."""
    return register(factory)()


def _told(play: Play) -> str:
    """What was answered, a line per question."""
    lines = []
    for row in play.rows:
        if row.outcome != ANSWERED:
            said = f"no answer, {row.outcome.lower()}"
        elif row.belief is not None:
            said = ", ".join(f"{option} {p:.3g}" for option, p in zip(row.options, row.belief, strict=True))
        else:
            said = "" if row.action is None else row.options[row.action]
        lines.append(f"{row.step}{f' {play.seating[row.seat]}' if row.seat else ''}: {said}")
    return "\n".join(lines)
