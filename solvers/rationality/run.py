"""A run: every cell played once, side by side, kept as it ends, and taken up where it was broken off."""

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from games.errors import FileFormatError
from games.files import read_text, write_text_atomically
from games.progress import ProgressCallback, ignore_progress
from marl.language.asking import ask_all
from marl.players.protocol import Player
from solvers.rationality.cells import Cell, cells_of
from solvers.rationality.plays_file import PlaysFile, Record, read_plays
from solvers.rationality.scenarios import Play, Scenario, Suite
from solvers.rationality.table import Guarded, PlayTable
from solvers.rationality.variants import Variant

PLAYS, MANIFEST = "plays.jsonl", "run.json"
PLAIN = (Variant(),)


def run_suite(
    suite: Suite,
    players: Sequence[Player],
    *,
    baselines: Sequence[Player] = (),
    variants: Sequence[Variant] = PLAIN,
    replicates: int = 1,
    seed: int = 0,
    folder: str | os.PathLike[str] | None = None,
    concurrency: int = 64,
    progress: ProgressCallback = ignore_progress,
) -> list[Play]:
    """Play all scenarios of a suite.

    The outcome does not depend on ``concurrency``, nor on whether the run was broken off and resumed, as long
    as the players answer equal questions alike (for models: as `marl.language.Cached` makes them).

    Args:
        suite: what is played.
        players: who plays, with distinct names. In scenarios with several seats they meet each other.
        baselines: more players, whom a report shows for comparison; they play as the others do.
        variants: in which words and labels, with distinct names.
        replicates: plays of each scenario in each variant, >= 1.
        seed: of all chance, >= 0.
        folder: where finished plays are kept (`plays.jsonl`) beside what was asked for (`run.json`); it is
            made when it is missing. Plays found there are not played again, but for those in which the
            connection, the server or the budget failed. None keeps nothing.
        concurrency: the most plays under way at once, >= 1.
        progress: told of each play that ends.

    Returns:
        The plays of all cells, in a fixed order.

    Raises:
        ValueError: a number is out of its range, names are not distinct, or variants are alike. Also a player
            that gives no answer to what it is asked, and a scenario with facts that no file keeps.
        BlockingIOError: another run is writing to the folder.
        FileFormatError: the file of plays is spoilt.
    """
    everybody = [*players, *baselines]
    names = [player.name for player in everybody]
    check_request(suite, names, variants, replicates, seed)
    if concurrency < 1:
        raise ValueError(f"concurrency must be >= 1, got {concurrency}")
    cells = cells_of(suite.name, suite.scenarios, names, variants=variants, replicates=replicates, seed=seed)
    by_name: dict[str, Player] = {player.name: Guarded(player) for player in everybody}
    scenarios = {scenario.name: scenario for scenario in suite.scenarios}
    if folder is None:
        return [record.play for record in _play(cells, scenarios, by_name, {}, None, concurrency, progress)]
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    with PlaysFile(place / PLAYS) as file:
        counts = len(players), replicates, seed
        manifest = _manifest(suite, names, variants, counts)
        write_text_atomically(place / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
        records = _play(cells, scenarios, by_name, file.records, file, concurrency, progress)
    return [record.play for record in records]


def _play(
    cells: list[Cell],
    scenarios: dict[str, Scenario],
    players: dict[str, Player],
    found: dict[str, Record],
    file: PlaysFile | None,
    concurrency: int,
    progress: ProgressCallback,
) -> list[Record]:
    keys = [cell.key for cell in cells]
    records = {
        key: found[key].under(cell)
        for cell, key in zip(cells, keys, strict=True)
        if key in found and found[key].complete
    }
    missing = [(cell, key) for cell, key in zip(cells, keys, strict=True) if key not in records]
    # What failed before comes last: questions that are refused for what they are must not be in the way.
    missing.sort(key=lambda pair: pair[1] in found and found[pair[1]].tried)
    done = len(records)
    progress(done, len(cells))

    async def play(position: int) -> list[Record]:
        cell, _ = missing[position]
        table = PlayTable(cell, [players[name] for name in cell.seating])
        rows = await scenarios[cell.scenario].play(table, cell.generator())
        return [Record.of(cell, rows, table.transcript)]

    def keep(_: int, played: list[Record]) -> None:
        nonlocal done
        record = played.pop()  # so that nobody holds the transcripts of a long run in memory
        if file is not None:
            file.append(record)
        records[record.key] = replace(record, transcript=())
        done += 1
        progress(done, len(cells))

    ask_all(play, len(missing), keep, concurrency)
    return [records[key] for key in keys]


def check_request(
    suite: Suite, players: Sequence[str], variants: Sequence[Variant], replicates: int, seed: int
) -> None:
    """Refuse what cannot be played, or not be told apart afterwards.

    Args:
        suite: what is to be played.
        players: names of all who are to play.
        variants: in which words and labels.
        replicates: plays of each scenario in each variant.
        seed: of all chance.

    Raises:
        ValueError: a number is out of its range, names are not distinct, or variants are alike.
    """
    if not players:
        raise ValueError("players must hold at least one player, got none")
    _distinct("players", players)
    _distinct("suite.scenarios", [scenario.name for scenario in suite.scenarios])
    if not variants:
        raise ValueError("variants must hold at least one Variant, got none")
    _distinct("variants", [variant.name for variant in variants])
    alike: dict[str, str] = {}
    for variant in variants:
        other = alike.setdefault(json.dumps(variant.traits(), sort_keys=True), variant.name)
        if other != variant.name:
            raise ValueError(
                f"variants must differ in more than their names, got {other!r} and {variant.name!r}"
            )
    for name, value, least in (("replicates", replicates, 1), ("seed", seed, 0)):
        if value < least:
            raise ValueError(f"{name} must be >= {least}, got {value}")


def _distinct(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what} must have distinct names, got {name!r} twice")
        seen.add(name)


def _manifest(
    suite: Suite, names: list[str], variants: Sequence[Variant], counts: tuple[int, int, int]
) -> dict[str, Any]:
    """What was asked for, and by which versions; a report is made from it and the plays alone."""
    players, replicates, seed = counts
    return {
        "format": "counterplay rationality run",
        "version": 1,
        "suite": suite.name,
        "players": names[:players],
        "baselines": names[players:],
        "variants": [{"name": variant.name, **variant.traits()} for variant in variants],
        "replicates": replicates,
        "seed": seed,
        "counterplay": version("counterplay"),
        "python": platform.python_version(),
    }


def read_manifest(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """What a run in ``folder`` was asked for.

    Raises:
        OSError: there is none.
        FileFormatError: the file is spoilt.
    """
    path = Path(folder) / MANIFEST
    try:
        manifest = json.loads(read_text(path))
        known = manifest["format"] == "counterplay rationality run" and manifest["version"] == 1
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise FileFormatError(f"{path}: is no description of a run: {error!r}") from None
    if not known:
        raise FileFormatError(f"{path}: is no description of a run, or of another version")
    return dict(manifest)


def kept_cells(folder: str | os.PathLike[str], suite: Suite) -> list[Cell]:
    """The cells of the run that ``folder`` was last asked for, whether they were played or not.

    Args:
        folder: of the run.
        suite: which was played, as it is named in the folder.

    Raises:
        OSError: there is no run.
        FileFormatError: the description of the run is spoilt.
    """
    manifest = read_manifest(folder)
    try:
        variants = [Variant.of(str(traits["name"]), traits) for traits in manifest["variants"]]
        return cells_of(
            str(manifest["suite"]),
            suite.scenarios,
            [*manifest["players"], *manifest["baselines"]],
            variants=variants,
            replicates=manifest["replicates"],
            seed=manifest["seed"],
        )
    except (ValueError, TypeError, KeyError) as error:
        raise FileFormatError(f"{Path(folder) / MANIFEST}: is no description of a run: {error!r}") from None


def kept_records(folder: str | os.PathLike[str], suite: Suite) -> list[Record]:
    """What was kept of the run that ``folder`` was last asked for; it need not have ended.

    Plays of other seeds, replicates, variants, players and suites in the same folder are left out.

    Args:
        folder: of the run.
        suite: which was played, as it is named in the folder.

    Raises:
        OSError: there is no run.
        FileFormatError: a file is spoilt.
    """
    cells = kept_cells(folder, suite)
    found = read_plays(Path(folder) / PLAYS)
    return [found[key].under(cell) for cell in cells if (key := cell.key) in found]
