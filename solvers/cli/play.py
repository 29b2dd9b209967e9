"""``counterplay play``."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from games.protocols import EnvGame
from marl.policies import MixturePolicy, Policy, UniformPolicy, seat
from marl.populations.fingerprints import common_game
from marl.populations.population import Population
from marl.populations.recall import event_of
from marl.rollouts import summarise_outcomes
from marl.rollouts.samples import Samples, sample_returns
from marl.rollouts.trajectory import play_states
from solvers.cli.output import check_targets
from solvers.cli.person import Person, PersonLeft
from solvers.cli.populations import generator, read_population, saved

_UNIFORM = "uniform"


def play(
    file: Annotated[Path, typer.Argument(help="A saved population (.json).")],
    against: Annotated[
        str | None, typer.Option(help="Another saved population in the other seats, or the word uniform.")
    ] = None,
    seat_: Annotated[
        int | None,
        typer.Option("--seat", help="Seat of FILE's population, where --against is given; 0 if left out."),
    ] = None,
    human: Annotated[int | None, typer.Option(help="Seat that you play at the keyboard.")] = None,
    episodes: Annotated[int | None, typer.Option(help="How many; 1000 if left out, 1 with --human.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of all randomness.")] = 0,
    level: Annotated[
        float | None, typer.Option(help="Share of worst episodes that the CVaR averages; 0.1 if left out.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes, 1 if left out; they do not change the numbers.")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Print one episode, state by state.")] = False,
    gif: Annotated[Path | None, typer.Option(help="Draw that episode as an animation.")] = None,
    png: Annotated[Path | None, typer.Option(help="Draw that episode as one picture.")] = None,
    game: Annotated[
        str | None, typer.Option(help="The game, where the file cannot rebuild it (name or file).")
    ] = None,
) -> None:
    """Play a saved population: with itself, against another one, against uniform play, or against you.

    Each player's mixture draws a policy per episode. Try:

      counterplay psro kuhn_poker --save-population kuhn.json

      counterplay play kuhn.json --episodes 10000 --against uniform

      counterplay play kuhn.json --human 0
    """
    if human is not None:
        others = {"against": against, "level": level, "workers": workers, "gif": gif, "png": png}
        given = [f"--{name}" for name, value in others.items() if value is not None] + ["--show"] * show
        if given:
            raise ValueError(f"--human plays with FILE's population; leave out {', '.join(given)}")
    if seat_ is not None and against is None:
        raise ValueError("--seat is for --against; for a seat of your own give --human")
    check_targets([], [png])
    population = read_population(file, game)
    players: list[Policy[Any] | MixturePolicy[Any]] = [*population.players()]
    names = [file.stem] * len(players)
    environment = population.playable()
    if against is not None:
        mine = _seat_number(seat_ or 0, len(players))
        environment = _seat_rivals(against, population, mine, players, names, game)
    rng = generator(seed)
    if human is not None:
        names[_seat_number(human, len(players))] = "you"
        _with_person(environment, players, names, human, 1 if episodes is None else episodes, rng)
        return
    event = event_of(environment)
    samples = sample_returns(
        environment,
        [players],
        1_000 if episodes is None else episodes,
        rng=rng,
        event=event,
        workers=1 if workers is None else workers,
    )[0]
    _print_outcomes(environment, names, samples, 0.1 if level is None else level, counts=event is not None)
    if show or gif is not None or png is not None:
        child = rng.spawn(1)[0]
        states = play_states(environment, seat(players, child), rng=child)
        _present(environment, states, show=show, gif=gif, png=png)


def _seat_rivals(
    against: str,
    population: Population,
    mine: int,
    players: list[Policy[Any] | MixturePolicy[Any]],
    names: list[str],
    game: str | None,
) -> EnvGame[Any]:
    """Put the rival in all seats but ``mine``; returns the game in which both can play."""
    if against == _UNIFORM:
        for i in range(len(players)):
            if i != mine:
                players[i], names[i] = UniformPolicy(), _UNIFORM
        return population.playable()
    rival = read_population(Path(against), game)
    environment = common_game([population, rival])
    for i, player in enumerate(rival.players()):
        if i != mine:
            players[i], names[i] = player, Path(against).stem
    return environment


def _seat_number(number: int, seats: int) -> int:
    if not 0 <= number < seats:
        raise ValueError(f"seats are numbered 0 to {seats - 1}, got {number}")
    return number


def _with_person(
    game: EnvGame[Any],
    players: list[Policy[Any] | MixturePolicy[Any]],
    names: list[str],
    human: int,
    episodes: int,
    rng: np.random.Generator,
) -> None:
    players[human] = Person()
    total = np.zeros(game.num_players)
    played = 0
    try:
        for _ in range(episodes):
            end = play_states(game, seat(players, rng), rng=rng)[-1]
            returns = game.returns(end)
            total += returns
            played += 1
            typer.echo(f"\n{game.describe(end)}\nreturns: {_by_seat(names, returns)}")
    except PersonLeft:
        typer.echo("\nyou left the game")
    typer.echo(f"{played} finished; in all: {_by_seat(names, total)}")


def _by_seat(names: list[str], returns: np.ndarray[Any, Any]) -> str:
    return ", ".join(f"{name} {value:+g}" for name, value in zip(names, returns, strict=True))


def _print_outcomes(
    game: EnvGame[Any], names: list[str], samples: Samples, level: float, *, counts: bool
) -> None:
    table = Table(
        title=f"{escape(game.name)}: {len(samples.returns):,} episodes",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("seat", justify="right")
    table.add_column("player")
    for heading in ("mean", "std. error", "variance", f"CVaR {level:g}"):
        table.add_column(heading, justify="right", no_wrap=True)
    rate = None
    for i, name in enumerate(names):
        found = summarise_outcomes(samples.returns[:, i], samples.events, level=level)
        figures = (found.mean, found.standard_error, found.variance, found.cvar)
        table.add_row(str(i), escape(name), *("-" if np.isnan(f) else f"{f:.5g}" for f in figures))
        rate = found.crashes
    console = Console()
    console.print(table)
    if counts and rate is not None:
        console.print(
            f"crashes: {rate.events} of {rate.episodes} episodes, {rate.value:.2%} "
            f"({rate.low:.2%} to {rate.high:.2%} with confidence {rate.confidence:g})"
        )


def _present(
    game: EnvGame[Any], states: tuple[Any, ...], *, show: bool, gif: Path | None, png: Path | None
) -> None:
    if show:
        for k, state in enumerate(states):
            typer.echo(f"\nstate {k} of {len(states) - 1}\n{game.describe(state)}")
        typer.echo("returns: " + ", ".join(f"{r:+g}" for r in game.returns(states[-1])))
    from solvers.report.episodes import plot_episode, save_episode_gif

    if gif is not None:
        gif.parent.mkdir(parents=True, exist_ok=True)
        save_episode_gif(game, states, gif)
        saved(gif, "animation")
    if png is not None:
        plot_episode(game, states).savefig(png)
        saved(png, "picture")
