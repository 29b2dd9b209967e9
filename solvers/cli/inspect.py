"""``counterplay inspect``."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from games.storage import bandit_policies, influence, preferences, read_schema
from marl.policies import MixturePolicy, Policy
from marl.populations.compiled import CompiledGame
from marl.populations.inspection import Decision, compiled_decisions, sampled_decisions, summarise
from marl.populations.population import Population
from solvers.cli.influence_tables import show_stored
from solvers.cli.populations import compile_if_small, generator, read_population
from solvers.cli.preference import show_stored as show_preference
from solvers.cli.sequoia_files import show_policy

_LIKELY = 3  # actions shown of each decision


def inspect(
    file: Annotated[
        Path, typer.Argument(help="A saved population, influence result, bandit policy or preference game.")
    ],
    player: Annotated[int | None, typer.Option(help="Show what this player does.")] = None,
    policy: Annotated[
        int | None, typer.Option(help="Number of one of the player's policies; their mixture if left out.")
    ] = None,
    infoset: Annotated[str | None, typer.Option(help="Only decisions whose name holds this text.")] = None,
    limit: Annotated[int, typer.Option(help="Most rows of each table.")] = 24,
    episodes: Annotated[
        int, typer.Option(help="To sample values and decisions from, where the game cannot be compiled.")
    ] = 200,
    seed: Annotated[int, typer.Option(help="Seed of the samples.")] = 0,
    game: Annotated[
        str | None, typer.Option(help="The game, where the file cannot rebuild it (name or file).")
    ] = None,
    graph: Annotated[
        Path | None, typer.Option(help="Influence: the edge list of a large graph, if not beside the file.")
    ] = None,
) -> None:
    """What a saved population holds, and what its policies do; or whom an influence result chose.

    Of a bandit's policy: what is claimed of it, and what its first decision on record hangs on.

    Try:

      counterplay inspect kuhn.json

      counterplay inspect kuhn.json --player 0 --infoset 2

      counterplay inspect kuhn.json --player 1 --policy 3

      counterplay inspect invitations.json

      counterplay inspect results/schedule/policy.json

      counterplay inspect nash.json
    """
    if limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    schema = read_schema(file)
    alone = {
        influence.SCHEMA: "an influence result",
        bandit_policies.SCHEMA: "a bandit's policy",
        preferences.SCHEMA: "a preference game",
    }
    if schema in alone and any(given is not None for given in (player, policy, infoset, game)):
        raise ValueError(f"{alone[schema]} has no players: leave out --player, --policy, --infoset, --game")
    if schema == bandit_policies.SCHEMA:
        show_policy(file, limit)
        return
    if schema == influence.SCHEMA:
        show_stored(influence.load_influence(file, graph_file=graph), file.name, limit)
        return
    if schema == preferences.SCHEMA:
        show_preference(preferences.load_preference(file))
        return
    population = read_population(file, game)
    compiled = compile_if_small(population)
    rng = generator(seed)
    if player is None:
        if policy is not None or infoset is not None:
            raise ValueError("--policy and --infoset need --player")
        _print_population(population, compiled, episodes, limit, rng)
        return
    if not 0 <= player < population.num_players:
        raise ValueError(f"player must lie in 0..{population.num_players - 1}, got {player}")
    chosen: Policy[Any] | MixturePolicy[Any] = population.players()[player]
    if policy is not None:
        if not 0 <= policy < len(population.policies[player]):
            raise ValueError(f"policy must lie in 0..{len(population.policies[player]) - 1}, got {policy}")
        chosen = population.policies[player][policy]
    if compiled is not None:
        decisions = compiled_decisions(compiled, player, chosen)
    else:
        lineup: list[Policy[Any] | MixturePolicy[Any]] = [*population.players()]
        lineup[player] = chosen
        decisions = sampled_decisions(population.playable(), lineup, player, episodes, rng=rng)
    what = "mixture" if policy is None else f"policy {policy}"
    title = f"{escape(population.game_name)}: {what} of player {player}"
    _print_decisions([d for d in decisions if infoset is None or infoset in d.label], title, limit)


def _print_population(
    population: Population,
    compiled: CompiledGame | None,
    episodes: int,
    limit: int,
    rng: np.random.Generator,
) -> None:
    console = Console()
    how = "exact" if compiled is not None else f"{episodes} episodes each"
    console.print(f"game    {escape(population.game_name)}")
    console.print(f"solver  {escape(population.solver or 'unknown')}")
    for i, (group, weights) in enumerate(zip(population.policies, population.profile, strict=True)):
        played = int((weights > 0).sum())
        console.print(f"player {i}: {len(group)} policies, {played} with weight")
    table = _table(f"values against the others' mixtures: {how}")
    for heading in ("player", "policy", "weight"):
        table.add_column(heading, justify="right")
    table.add_column("kind")
    table.add_column("size")
    table.add_column("value", justify="right")
    rows = summarise(
        population,
        compiled=compiled,
        episodes=0 if population.game is None else episodes,
        rng=rng,
    )
    for i in range(population.num_players):
        mine = sorted((r for r in rows if r.player == i), key=lambda r: (-r.weight, r.number))
        for row in mine[:limit]:
            value = "-" if row.value is None else f"{row.value:+.5f}"
            if row.error:
                value += f" ± {row.error:.5f}"
            table.add_row(str(i), str(row.number), f"{row.weight:.4f}", row.kind, row.size, value)
        if len(mine) > limit:
            table.add_row("", "", "", f"... and {len(mine) - limit} more", "", "")
    console.print(table)


def _print_decisions(decisions: list[Decision], title: str, limit: int) -> None:
    table = _table(title)
    table.add_column("where")
    table.add_column("reached", justify="right")
    table.add_column("plays")
    for decision in decisions[:limit]:
        plays = ", ".join(f"{label} {chance:.4f}" for label, chance in decision.actions[:_LIKELY])
        if len(decision.actions) > _LIKELY:
            plays += ", ..."
        reach = "-" if decision.reach is None else f"{decision.reach:.4f}"
        table.add_row(escape(decision.label), reach, escape(plays))
    if len(decisions) > limit:
        table.add_row(f"... and {len(decisions) - limit} more", "", "")
    Console().print(table)


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
