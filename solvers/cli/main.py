"""Entry point: commands, and what errors look like from the shell.

Exit codes: 0 done and certified, 1 done but the certificate is above the tolerance, a check disagrees or
questions went unanswered, 2 bad input, 130 interrupted.
"""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from games.errors import SolveError
from solvers.cli.check import check
from solvers.cli.cross_play import cross_play
from solvers.cli.influence import influence
from solvers.cli.influence_game import influence_game
from solvers.cli.inspect import inspect
from solvers.cli.jpsro import jpsro
from solvers.cli.listing import list_names
from solvers.cli.play import play
from solvers.cli.preference import preference
from solvers.cli.psro import psro
from solvers.cli.rationality import rationality
from solvers.cli.sampled_psro import sampled_psro
from solvers.cli.sequoia import sequoia
from solvers.cli.solve import solve

app = typer.Typer(
    name="counterplay",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("list")(list_names)
app.command("solve")(solve)
app.command("psro")(psro)
app.command("jpsro")(jpsro)
app.command("sampled-psro")(sampled_psro)
app.command("influence")(influence)
app.command("influence-game")(influence_game)
app.command("sequoia")(sequoia)
app.command("preference")(preference)
app.add_typer(rationality)
app.command("check")(check)
app.command("play")(play)
app.command("cross-play")(cross_play)
app.command("inspect")(inspect)


def _show_version(asked: bool) -> None:
    if asked:
        # `games` and `solvers` are common names: say which copies Python found.
        import games
        import marl
        import solvers

        typer.echo(f"counterplay {version('counterplay')}")
        for package in (games, marl, solvers):
            typer.echo(f"  {package.__name__}: {package.__path__[0]}")
        raise typer.Exit


@app.callback()
def _root(
    show: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Versions and locations.")
    ] = False,
) -> None:
    """Certified equilibria of games.

    Start with [bold]counterplay list[/bold], then try

      counterplay solve rock-paper-scissors
      counterplay solve stag-hunt --solver risk_averse --gamma 0.3
      counterplay psro leduc_poker --iterations 50 --out results/leduc.json
      counterplay check results/leduc.json
      counterplay psro kuhn_poker --save-population kuhn.json
      counterplay play kuhn.json --human 0
    """


def main() -> None:
    """Run a command; library errors become one line and an exit code."""
    try:
        app()
    except (ValueError, TypeError, ImportError, OSError) as error:
        typer.secho(f"error: {error}", err=True, fg="red")
        sys.exit(2)
    except SolveError as error:
        typer.secho(f"not reached: {error}", err=True, fg="red")
        sys.exit(1)
