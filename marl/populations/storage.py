"""Populations on disk: a JSON header and plain arrays, enough to play them again elsewhere.

The file says how its game is built again (an OpenSpiel string, parameters, or the whole game), or that the
caller must bring it; either way the game is compared with what it was when the file was written. Reading
executes nothing: games and policies come from closed lists of kinds, and whatever does not fit is refused.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.errors import FileFormatError
from games.extensive.sequence_form import SequenceForm
from games.profiles import Profile, as_profile
from games.protocols import EnvGame
from games.storage import read_bundle, write_bundle
from games.storage.fields import Arrays, Fields, array_of
from games.storage.problems import decode_problem, encode_problem
from marl.policies import Policy
from marl.populations.behavior import BehaviorPolicy
from marl.populations.fingerprints import play_fingerprint, stable_fingerprint
from marl.populations.game_kinds import kind_name, load_kind
from marl.populations.policy_kinds import Setting, form_labels, load_policy_kind, policy_kind_name
from marl.populations.population import Population, require_form

SCHEMA = "counterplay.population"
VERSION = 1

_MAX_PLAYERS = 64
_BROUGHT = "brought"


def save_population(path: str | os.PathLike[str], population: Population) -> None:
    """Save a population atomically; missing folders are made.

    Args:
        path: ``NAME.json``; the arrays go beside it.
        population: its policies are uniform, tabular, behaviors over its form, or networks.

    Raises:
        TypeError: a policy is of another kind.
        ValueError: a policy has a part that cannot be stored, or ``path`` is refused.
        OSError: the files cannot be written; a population that was there is as before.
    """
    header: dict[str, Any] = {
        "schema": SCHEMA,
        "version": VERSION,
        "created": datetime.now(UTC).isoformat(),
        "solver": population.solver,
        "form": None,
    }
    arrays: dict[str, NDArray[Any]] = {}
    header["game"], game_arrays = _encode_game(population)
    arrays |= game_arrays
    if population.form is not None:
        header["form"], form_arrays = encode_problem(population.form)
        arrays |= {f"form_{name}": array for name, array in form_arrays.items()}
    header["players"] = []
    for i, (group, weights) in enumerate(zip(population.policies, population.profile, strict=True)):
        arrays[f"profile_{i}"] = weights
        records = []
        for k, policy in enumerate(group):
            if isinstance(policy, BehaviorPolicy) and (
                population.form is None or policy.labels.plex is not population.form.treeplexes[i]
            ):
                raise ValueError(
                    f"policy {k} of player {i} is a behavior over another form than the population's"
                )
            name = policy_kind_name(policy)
            parameters, parts = load_policy_kind(name).encode(policy)
            records.append({"kind": name, **parameters})
            arrays |= {f"policy_{i}_{k}_{part}": array for part, array in parts.items()}
        header["players"].append(records)
    write_bundle(path, header, arrays)


def load_population(path: str | os.PathLike[str], *, game: EnvGame[Any] | None = None) -> Population:
    """Load a population; nothing in the files is executed.

    Args:
        path: the ``.json`` file.
        game: the game, where the file cannot rebuild it (or in place of what it would rebuild).

    Raises:
        FileNotFoundError: no such file.
        OSError: a file cannot be read.
        FileFormatError: the files are broken, or are not a population; the message names the place.
        ValueError: ``game`` is not the one the population is for.
    """
    header, arrays = read_bundle(path, schema=SCHEMA, version=VERSION)
    fields = Fields(header, os.fspath(path))
    form = _decode_form(fields, arrays)
    about = fields.fields("game")
    records = header.get("players")
    if not isinstance(records, list) or not 1 <= len(records) <= _MAX_PLAYERS:
        raise fields.error("players", f"a list of 1 to {_MAX_PLAYERS} players")
    if form is not None and form.num_players != len(records):
        raise fields.error("players", f"{form.num_players} players, as the compiled game has")
    if game is not None:
        _require_same(game, about, form)
    else:
        game = _rebuild(about, arrays, form)
    if game is not None and game.num_players != len(records):
        raise fields.error("players", f"{game.num_players} players, as the game has")
    labels = form_labels(form, len(records))
    groups, weights = [], []
    for i, group in enumerate(records):
        actions = None if game is None else game.num_actions(i)
        setting = Setting(i, actions, labels[i])
        groups.append(_decode_group(group, arrays, setting, f"{fields.place}.players[{i}]"))
        weights.append(array_of(arrays, f"profile_{i}", np.float64, 1, fields.place))
    return Population(
        about.text("name"),
        tuple(groups),
        _decode_profile(weights, [len(g) for g in groups], fields.place),
        game,
        form,
        fields.text("solver"),
    )


def _encode_game(population: Population) -> tuple[dict[str, Any], Mapping[str, NDArray[Any]]]:
    game, kind = population.game, None
    header: dict[str, Any] = {"kind": _BROUGHT, "name": population.game_name, "play": None}
    if game is None:
        return header, {}
    header["play"] = stable_fingerprint(game)
    name = kind_name(game)
    if name is not None:
        kind = load_kind(name).encode(game)
    if kind is None or name is None:
        return header, {}
    parameters, arrays = kind
    header |= {"kind": name, "parameters": dict(parameters)}
    return header, {f"game_{part}": array for part, array in arrays.items()}


def _rebuild(about: Fields, arrays: Arrays, form: SequenceForm | None) -> EnvGame[Any] | None:
    """The game that the file describes, if it describes one."""
    kind = about.text("kind")
    if kind == _BROUGHT:
        return None
    try:
        game = load_kind(kind).decode(about.fields("parameters"), _under(arrays, "game_"))
        _require_same(game, about, form)
    except FileFormatError:
        raise
    # Games of other libraries refuse parameters, or fail at their first state, in their own ways.
    except (ArithmeticError, LookupError, MemoryError, RuntimeError, ValueError) as error:
        raise FileFormatError(f"{about.place}: the game cannot be built: {error}") from error
    return game


def _require_same(game: EnvGame[Any], about: Fields, form: SequenceForm | None) -> None:
    """Refuse a game that is not the one the population is for."""
    if form is not None:
        require_form(game, form)
    elif about.text("kind") == _BROUGHT and about.values.get("play") is None:
        return  # it did not repeat itself, so there is nothing to compare
    elif play_fingerprint(game) != about.text("play"):
        raise ValueError(
            f"game {game.name} does not play as {about.text('name')} did when the population was saved"
        )


def _decode_form(fields: Fields, arrays: Arrays) -> SequenceForm | None:
    header = fields.optional("form")
    if header is None:
        return None
    form = decode_problem(header, _under(arrays, "form_"))
    if not isinstance(form, SequenceForm):
        raise header.error("kind", "'sequence_form'")
    return form


def _decode_group(records: object, arrays: Arrays, setting: Setting, place: str) -> tuple[Policy[Any], ...]:
    if not isinstance(records, list) or not records or not all(isinstance(r, dict) for r in records):
        raise FileFormatError(f"{place}: wanted a list of one or more policies")
    # One pass over the arrays, since populations may hold thousands.
    own: list[dict[str, NDArray[Any]]] = [{} for _ in records]
    prefix = f"policy_{setting.player}_"
    for name, array in arrays.items():
        number, _, part = name.removeprefix(prefix).partition("_")
        if name.startswith(prefix) and number.isdecimal() and int(number) < len(own):
            own[int(number)][part] = array
    policies = []
    for k, record in enumerate(records):
        fields = Fields(record, f"{place}[{k}]")
        try:
            policies.append(load_policy_kind(fields.text("kind")).decode(fields, own[k], setting))
        except FileFormatError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise FileFormatError(f"{fields.place}: {error}") from error
    return tuple(policies)


def _decode_profile(weights: list[NDArray[Any]], sizes: list[int], place: str) -> Profile:
    try:
        return as_profile(weights, sizes)
    except ValueError as error:
        raise FileFormatError(f"{place}: {error}") from error


def _under(arrays: Arrays, prefix: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
