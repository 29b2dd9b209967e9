"""``counterplay list``."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from games.registry import Registry


class Kind(StrEnum):
    """What can be listed."""

    GAMES = "games"
    ENVIRONMENTS = "environments"
    SOLVERS = "solvers"
    ORACLES = "oracles"
    SAMPLED_ORACLES = "sampled-oracles"
    META_SOLVERS = "meta-solvers"
    EXPANDERS = "expanders"
    VARIANTS = "variants"
    INFLUENCE_METHODS = "influence-methods"
    BANDIT_POLICIES = "bandit-policies"
    PREFERENCE_METHODS = "preference-methods"
    SUITES = "suites"
    PLAYERS = "players"
    OPEN_SPIEL = "open-spiel"


def list_names(
    kind: Annotated[Kind | None, typer.Argument(help="What to list; all but open-spiel if left out.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only entries with this tag, e.g. zero-sum.")] = None,
) -> None:
    """Games, solvers, oracles and meta-solvers by name, with their tags."""
    console = Console()
    if kind is Kind.OPEN_SPIEL:
        from games.adapters.open_spiel_load import open_spiel_names

        console.print(", ".join(open_spiel_names()))
        return
    from games.environments import ENVIRONMENTS
    from games.extensive.registry import TREES
    from games.normal_form.registry import GAMES
    from solvers.registry import (
        BANDIT_POLICIES,
        EXPANDERS,
        INFLUENCE,
        META_SOLVERS,
        ORACLES,
        PREFERENCE_METHODS,
        SAMPLED_ORACLES,
        SOLVERS,
        SUITES,
        VARIANTS,
    )

    sections: dict[Kind, tuple[Registry, ...]] = {
        Kind.GAMES: (GAMES, TREES),
        Kind.ENVIRONMENTS: (ENVIRONMENTS,),
        Kind.SOLVERS: (SOLVERS,),
        Kind.ORACLES: (ORACLES,),
        Kind.SAMPLED_ORACLES: (SAMPLED_ORACLES,),
        Kind.META_SOLVERS: (META_SOLVERS,),
        Kind.EXPANDERS: (EXPANDERS,),
        Kind.VARIANTS: (VARIANTS,),
        Kind.INFLUENCE_METHODS: (INFLUENCE,),
        Kind.BANDIT_POLICIES: (BANDIT_POLICIES,),
        Kind.PREFERENCE_METHODS: (PREFERENCE_METHODS,),
        Kind.SUITES: (SUITES,),
    }
    shown = _show_players(console) if kind in (None, Kind.PLAYERS) and tag is None else 0
    for section, registries in sections.items():
        if kind in (None, section):
            entries = [e for registry in registries for e in registry if tag is None or tag in e.tags]
            table = Table(title=section.value, title_justify="left")
            table.add_column("name", no_wrap=True)
            table.add_column("summary")
            table.add_column("tags", style="dim")
            for entry in entries:
                table.add_row(entry.name, entry.summary, ", ".join(entry.tags))
            if entries:
                console.print(table)
            shown += len(entries)
    if not shown:
        raise ValueError(f"nothing has the tag {tag!r}")
    if kind in (None, Kind.GAMES):
        console.print(
            "Any OpenSpiel game is a game too (counterplay list open-spiel), and any .nfg or .efg file.",
            style="dim",
        )


def _show_players(console: Console) -> int:
    from marl.players.catalogue import RECIPES

    table = Table(title=Kind.PLAYERS.value, title_justify="left")
    table.add_column("spec", no_wrap=True)
    table.add_column("summary")
    for name, recipe in RECIPES.items():
        table.add_row(":".join(["scripted", name, *recipe.numbers]), recipe.summary)
    table.add_row("scripted:noisy:probability:NAME", "slips now and then, otherwise as NAME")
    table.add_row("openai:MODEL", "a hosted language model")
    table.add_row("http://HOST/v1#MODEL", "one behind any server with that interface")
    table.add_row("transformers:FOLDER", "one on this disk")
    console.print(table)
    return len(RECIPES)
