"""``counterplay cross-play``."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from games.files import write_text_atomically
from marl.populations.fingerprints import common_game
from marl.populations.recall import event_of
from marl.rollouts.cross_play import cross_play as meet
from solvers.cli.output import check_targets
from solvers.cli.populations import compile_if_small, generator, read_population, saved
from solvers.report.cross_play import cross_play_record, cross_play_table, plot_cross_play


def cross_play(
    files: Annotated[list[Path], typer.Argument(help="Saved populations (.json) for one game.")],
    episodes: Annotated[int, typer.Option(help="Of each meeting, where something is sampled.")] = 1_000,
    seed: Annotated[int, typer.Option(help="Seed of all randomness.")] = 0,
    sample: Annotated[
        bool, typer.Option("--sample", help="Sample means even where the game can be compiled.")
    ] = False,
    workers: Annotated[int, typer.Option(help="Processes; they do not change the numbers.")] = 1,
    game: Annotated[
        str | None, typer.Option(help="The game, where the files cannot rebuild it (name or file).")
    ] = None,
    out: Annotated[
        list[Path] | None, typer.Option(help="Write here: .json for numbers, else a picture. Repeatable.")
    ] = None,
) -> None:
    """Every population in every seat against every other in the remaining seats.

    Means and variances are exact where the game can be compiled, else sampled. Try:

      counterplay cross-play nash.json averse.json --out table.json --out table.png
    """
    written = out or []
    tables = [path for path in written if path.suffix == ".json"]
    check_targets(tables, [path for path in written if path not in tables])
    populations = [read_population(file, game) for file in files]
    shared = common_game(populations)
    host = next((p for p in populations if p.playable() is shared), populations[0])
    names = [file.stem for file in files]
    if len(set(names)) < len(names):
        names = [str(file) for file in files]
    result = meet(
        shared,
        [(name, p.players()) for name, p in zip(names, populations, strict=True)],
        compiled=None if sample else compile_if_small(host),
        episodes=episodes,
        event=event_of(shared),
        rng=generator(seed),
        workers=workers,
    )
    Console().print(cross_play_table(result))
    for path in written:
        if path in tables:
            write_text_atomically(path, json.dumps(cross_play_record(result), indent=1) + "\n")
        else:
            plot_cross_play(result).savefig(path)
        saved(path, "written")
