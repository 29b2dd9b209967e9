"""Grid and road games in population files: by their parameters, checked before anything is built."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from numpy.typing import NDArray

from games.driving.merge import DRIVERS, Car, Drive, Lane, MergeGame, RoadState
from games.errors import UnsupportedGameError
from games.extensive.expand import Expansion, expand_env
from games.extensive.folding import fold
from games.gridworlds.trust_dilemma import HUNTERS, HuntState, Step, TrustDilemma
from games.protocols import EnvGame
from games.storage.fields import Arrays, Fields
from marl.populations.compiled import CompiledGame
from marl.populations.recall import Recalled, RecallGame

Encoded: TypeAlias = tuple[dict[str, Any], dict[str, NDArray[Any]]]

_STEPS = tuple(step.name.lower() for step in Step)
_DRIVES = tuple(drive.name.lower() for drive in Drive)
_MOST = 10_000
"""Cells, steps and speeds beyond this are refused, as states and pictures would fill the memory."""


class HuntKind:
    """See ``GameKind``."""

    def encode(self, game: TrustDilemma) -> Encoded:
        """All parameters."""
        return {
            "rows": game.rows,
            "columns": game.columns,
            "hunters": [list(cell) for cell in game.hunters],
            "stag": list(game.stag),
            "hares": [list(cell) for cell in game.hares],
            "horizon": game.horizon,
            "stag_payoff": float(game.stag_payoff),
            "hare_payoff": float(game.hare_payoff),
            "alone_payoff": float(game.alone_payoff),
            "stag_roams": game.stag_roams,
            "sight": game.sight,
        }, {}

    def decode(self, fields: Fields, arrays: Arrays) -> TrustDilemma:
        """All parameters."""
        hunters = _cells(fields, "hunters")
        if len(hunters) != len(HUNTERS):
            raise fields.error("hunters", f"{len(HUNTERS)} cells")
        rows, columns = _whole(fields, "rows"), _whole(fields, "columns")
        if rows * columns > _MOST:
            raise fields.error("rows", f"at most {_MOST} cells in all")
        return TrustDilemma(
            rows=rows,
            columns=columns,
            hunters=(hunters[0], hunters[1]),
            stag=_cell(fields, "stag", fields.values.get("stag")),
            hares=_cells(fields, "hares"),
            horizon=_whole(fields, "horizon"),
            stag_payoff=fields.number("stag_payoff"),
            hare_payoff=fields.number("hare_payoff"),
            alone_payoff=fields.number("alone_payoff"),
            stag_roams=_flag(fields, "stag_roams"),
            sight=None if fields.values.get("sight") is None else _whole(fields, "sight"),
        )

    def compile(self, game: TrustDilemma, max_histories: int) -> CompiledGame:
        """See ``expand_env``."""
        return _compile(game, _expand(game, game, (_STEPS, _STEPS), HUNTERS, max_histories))

    def information_label(self, game: TrustDilemma, state: HuntState, player: int) -> str:
        """What the hunter sees now; the tree's labels may hold the past too (`RecallGame`)."""
        return game.information_key(state, player)

    def action_label(self, game: TrustDilemma, state: HuntState, player: int, action: int) -> str:
        """The direction."""
        return _STEPS[action]

    def view(self, game: TrustDilemma, state: HuntState, player: int) -> str:
        """The grid, or what is in sight where not all is."""
        seen = game.describe(state) if game.sight is None else game.information_key(state, player)
        return f"{HUNTERS[player]} is to step\n{seen}"


class MergeKind:
    """See ``GameKind``."""

    def encode(self, game: MergeGame) -> Encoded:
        """All parameters."""
        return {
            "length": game.length,
            "ramp": game.ramp,
            "starts": [[int(car.lane), car.cell, car.speed] for car in game.starts],
            "max_speed": game.max_speed,
            "horizon": game.horizon,
            "progress": float(game.progress),
            "crash_payoff": float(game.crash_payoff),
            "late": float(game.late),
        }, {}

    def decode(self, fields: Fields, arrays: Arrays) -> MergeGame:
        """All parameters."""
        starts = fields.values.get("starts")
        if not isinstance(starts, list) or len(starts) != len(DRIVERS):
            raise fields.error("starts", "lane, cell and speed of two cars")
        cars = []
        for car in starts:
            if not isinstance(car, list) or [type(n) for n in car] != [int] * 3 or car[0] not in (0, 1):
                raise fields.error("starts", "lane, cell and speed of two cars")
            cars.append(Car(Lane(car[0]), car[1], car[2]))
        return MergeGame(
            length=_whole(fields, "length"),
            ramp=_whole(fields, "ramp"),
            starts=(cars[0], cars[1]),
            max_speed=_whole(fields, "max_speed"),
            horizon=_whole(fields, "horizon"),
            progress=fields.number("progress"),
            crash_payoff=fields.number("crash_payoff"),
            late=fields.number("late"),
        )

    def compile(self, game: MergeGame, max_histories: int) -> CompiledGame:
        """See ``expand_env``."""
        return _compile(game, _expand(game, game, (_DRIVES, _DRIVES), DRIVERS, max_histories))

    def information_label(self, game: MergeGame, state: RoadState, player: int) -> str:
        """What the driver sees now; the tree's labels may hold the past too (`RecallGame`)."""
        return game.information_key(state, player)

    def action_label(self, game: MergeGame, state: RoadState, player: int, action: int) -> str:
        """What the driver does."""
        return _DRIVES[action]

    def view(self, game: MergeGame, state: RoadState, player: int) -> str:
        """The road: drivers see everything."""
        return f"{DRIVERS[player]} is to drive\n{game.describe(state)}"


_INNER: Mapping[str, tuple[type[TrustDilemma | MergeGame], type[HuntKind | MergeKind]]] = {
    "trust_dilemma": (TrustDilemma, HuntKind),
    "merge": (MergeGame, MergeKind),
}


class RecallKind:
    """See ``GameKind``."""

    def encode(self, game: RecallGame[Any]) -> Encoded | None:
        """The game within, by its parameters."""
        for name, (type_, kind) in _INNER.items():
            if isinstance(game.inner, type_):
                parameters, arrays = kind().encode(game.inner)  # type: ignore[arg-type]
                return {"inner": name, "chained": list(game.chained), "parameters": parameters}, arrays
        return None

    def decode(self, fields: Fields, arrays: Arrays) -> RecallGame[Any]:
        """The game within; whether labels hold the past is compared with the tree when that is compiled."""
        name, chained = fields.text("inner"), fields.values.get("chained")
        if name not in _INNER:
            raise fields.error("inner", " or ".join(map(repr, _INNER)))
        if not isinstance(chained, list) or [type(c) for c in chained] != [bool, bool]:
            raise fields.error("chained", "two Booleans")
        inner = _INNER[name][1]().decode(fields.fields("parameters"), arrays)
        return RecallGame(inner, _labels(inner), tuple(chained))

    def compile(self, game: RecallGame[Any], max_histories: int) -> CompiledGame:
        """See ``expand_env``; the labels that the game remembers must be those of the tree."""
        players = HUNTERS if isinstance(game.inner, TrustDilemma) else DRIVERS
        compiled = _compile(game, _expand(game, _Within(game), game.actions, players, max_histories))
        for i, plex in enumerate(compiled.form.treeplexes):
            for label, state in zip(plex.infosets, compiled.states[i], strict=True):
                if game.information_label(state, i) != label:
                    raise UnsupportedGameError(f"chained={game.chained} does not fit the label {label!r}")
        return compiled

    def information_label(self, game: RecallGame[Any], state: Recalled, player: int) -> str:
        """As in the tree."""
        return game.information_label(state, player)

    def action_label(self, game: RecallGame[Any], state: Recalled, player: int, action: int) -> str:
        """As in the game within."""
        return game.actions[player][action]

    def view(self, game: RecallGame[Any], state: Recalled, player: int) -> str:
        """As in the game within."""
        kind = HuntKind() if isinstance(game.inner, TrustDilemma) else MergeKind()
        return kind.view(game.inner, state.state, player)  # type: ignore[arg-type]


def with_recall(game: TrustDilemma | MergeGame, *, max_histories: int = 1_000_000) -> RecallGame[Any]:
    """The game with states that remember, so that behaviors over its tree can be played.

    Raises:
        UnsupportedGameError: the tree has more than ``max_histories`` histories.
    """
    labels = _labels(game)
    tree = _expand(game, game, labels, (), max_histories).tree
    # Keys of these games hold no such mark, so labels with it hold the past.
    chained = tuple(
        any(
            " > " in label
            for label, who in zip(tree.infoset_labels, tree.infoset_player, strict=True)
            if who == i
        )
        for i in range(game.num_players)
    )
    return RecallGame(game, labels, chained)


class _Within:
    """Keys of the game within, from states that remember."""

    def __init__(self, game: RecallGame[Any]) -> None:
        self._inner = game.inner

    def information_key(self, state: Recalled, player: int) -> str:
        return self._inner.information_key(state.state, player)


def _expand(
    game: EnvGame[Any],
    seen: Any,  # noqa: ANN401  (whatever has information_key)
    actions: tuple[tuple[str, ...], ...],
    players: tuple[str, ...],
    max_histories: int,
) -> Expansion[Any]:
    return expand_env(
        game,
        information=seen.information_key,
        actions=actions,
        players=players,
        max_histories=max_histories,
    )


def _compile(game: EnvGame[Any], expansion: Expansion[Any]) -> CompiledGame:
    tree = expansion.tree
    form = fold(tree)
    states = tuple(
        tuple(s for s, owner in zip(expansion.states, tree.infoset_player, strict=True) if owner == i)
        for i in range(tree.num_players)
    )
    return CompiledGame(game, form, states, tuple(plex.action_ids for plex in form.treeplexes))


def _labels(game: TrustDilemma | MergeGame) -> tuple[tuple[str, ...], ...]:
    return ((_STEPS,) if isinstance(game, TrustDilemma) else (_DRIVES,)) * game.num_players


def _whole(fields: Fields, key: str) -> int:
    value = fields.integer(key)
    if not 0 <= value <= _MOST:
        raise fields.error(key, f"an integer in 0..{_MOST}")
    return value


def _flag(fields: Fields, key: str) -> bool:
    value = fields.values.get(key)
    if not isinstance(value, bool):
        raise fields.error(key, "true or false")
    return value


def _cell(fields: Fields, key: str, value: object) -> tuple[int, int]:
    if not isinstance(value, list) or [type(n) for n in value] != [int, int]:
        raise fields.error(key, "row and column of a cell")
    return value[0], value[1]


def _cells(fields: Fields, key: str) -> tuple[tuple[int, int], ...]:
    value = fields.values.get(key)
    if not isinstance(value, list) or len(value) > _MOST:
        raise fields.error(key, "a list of cells")
    return tuple(_cell(fields, key, cell) for cell in value)
