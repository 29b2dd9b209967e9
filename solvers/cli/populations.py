"""What the commands about saved populations share."""

from pathlib import Path

import numpy as np
import typer

from games.errors import UnsupportedGameError
from games.extensive.sequence_form import SequenceForm
from games.loading import LoadedGame, load_game
from marl.populations.compiled import CompiledGame
from marl.populations.game_kinds import compile_game, playable
from marl.populations.population import Population, population_of_plans
from marl.populations.storage import load_population, save_population
from solvers.psro.loop import PSROSolution

MAX_HISTORIES = 60_000
"""Larger games are sampled, unless a file holds them compiled: to expand them would take longer."""


def read_population(file: Path, game: str | None) -> Population:
    """Load a population; ``game`` names its game where the file cannot rebuild it."""
    return load_population(file, game=None if game is None else playable(load_game(game)))


def compile_if_small(population: Population) -> CompiledGame | None:
    """The population's game with its sequence form, None where it is too large or has none."""
    if population.game is None:
        return None
    try:
        if population.form is not None:
            return population.compiled()
        return compile_game(population.game, max_histories=MAX_HISTORIES)
    except UnsupportedGameError:
        return None


def write_population(
    path: Path, loaded: LoadedGame, form: SequenceForm, solution: PSROSolution, solver: str
) -> None:
    """Save what a PSRO on a compiled game found, to be played."""
    population = population_of_plans(
        form, solution.plans, solution.profile, game=playable(loaded), solver=solver
    )
    save_population(path, population)
    typer.echo(f"saved {path}; play it with: counterplay play {path}")


def generator(seed: int) -> np.random.Generator:
    """The generator of a seed given on the command line."""
    if seed < 0:
        raise ValueError(f"seed must be at least 0, got {seed}")
    return np.random.default_rng(seed)


def saved(path: Path, what: str) -> None:
    """Say where something was written."""
    typer.echo(f"{what}: {path}")
