"""``counterplay rationality``."""

import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from games.progress import ProgressCallback
from games.text.questions import Framing, Language, Reasoning, Wording
from marl.language.budgeted import Budget, Price
from marl.language.cached import AnswerFile
from marl.language.model import Sampling
from marl.players import Connection, LanguagePlayer, Player, player_from_spec
from solvers.cli.output import interruptible
from solvers.rationality.estimate import estimate
from solvers.rationality.handling import Handling
from solvers.rationality.plays_file import WORLD, Record
from solvers.rationality.run import PLAYS, kept_cells, kept_records, read_manifest, run_suite
from solvers.rationality.scenarios import Play, Suite
from solvers.rationality.scorecard import Scorecard, score_plays
from solvers.rationality.solved import SOLVED
from solvers.rationality.standing import standings
from solvers.rationality.variants import one_at_a_time
from solvers.registry import SUITES
from solvers.report.progress import progress_bar

ANSWERS, PAGE = "answers.sqlite", "report.html"
_WIDTH = 140

rationality = typer.Typer(
    name="rationality", no_args_is_help=True, help="How rational a player is: scripted, or a language model."
)


@rationality.command()
def run(
    suite: Annotated[str, typer.Argument(help="See `counterplay list suites`.")],
    player: Annotated[
        list[str],
        typer.Option(
            help="scripted:NAME, openai:MODEL, http://HOST/v1#MODEL, transformers:FOLDER; once per player."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder of plays, answers and report; the same again resumes.")
    ] = None,
    replicates: Annotated[int, typer.Option(help="Plays of each scenario in each variant.")] = 1,
    seed: Annotated[int, typer.Option(help="Of all chance; shared by all players.")] = 0,
    phrasings: Annotated[int, typer.Option(help="Also in so many other phrasings.")] = 0,
    language: Annotated[list[Language] | None, typer.Option(help="Also in this language.")] = None,
    framing: Annotated[list[Framing] | None, typer.Option(help="Also framed so.")] = None,
    persona: Annotated[list[str] | None, typer.Option(help='Also as somebody: "a cautious banker".')] = None,
    orders: Annotated[int, typer.Option(help="Also with the options in so many other orders.")] = 0,
    names: Annotated[int, typer.Option(help="Also with so many sets of invented names.")] = 0,
    reasoning: Annotated[Reasoning, typer.Option(help="Whether to think aloud first.")] = Reasoning.FREE,
    handling: Annotated[
        Handling, typer.Option(help="What a missing answer counts as.")
    ] = Handling.SUBSTITUTED,
    baselines: Annotated[bool, typer.Option(help="Play the suite's baselines too.")] = True,
    temperature: Annotated[float, typer.Option(help="Of language models.")] = 1.0,
    max_tokens: Annotated[int, typer.Option(help="The most tokens of a reply.")] = 1024,
    reasks: Annotated[int, typer.Option(help="Times a question is put again after an unreadable reply.")] = 2,
    concurrency: Annotated[int, typer.Option(help="The most questions under way at once.")] = 16,
    per_minute: Annotated[float | None, typer.Option(help="The most questions in a minute.")] = None,
    key_variable: Annotated[
        str | None, typer.Option(help="Environment variable with the key for http(s) players.")
    ] = None,
    price: Annotated[str | None, typer.Option(help="Per million tokens read and written: 0.5,1.5.")] = None,
    budget: Annotated[
        float | None, typer.Option(help="The most that this command may spend; with --price.")
    ] = None,
    estimate_only: Annotated[
        bool, typer.Option("--estimate", help="Say what it would ask and stop.")
    ] = False,
) -> None:
    """Play a suite, and report what came of it; exit code 1 where the world left questions unanswered.

    Try:

      counterplay rationality run fan2024 --player scripted:level2 --out results/level2

      counterplay rationality run fan2024 --player openai:MODEL --price 0.5,1.5 --budget 2 --out results/model

      counterplay rationality run fan2024 --player http://127.0.0.1:8000/v1#MODEL --orders 2 --estimate
    """
    console = _console()
    chosen: Suite = SUITES.get(suite).load()()
    variants = tuple(
        replace(v, wording=replace(v.wording, reasoning=reasoning))
        for v in one_at_a_time(
            Wording(),
            phrasings=range(1, phrasings + 1),
            languages=language or (),
            framings=framing or (),
            personas=persona or (),
            orders=orders,
            names=names,
        )
    )
    rates = None if price is None else _price(price)
    if budget is not None and rates is None:
        raise ValueError("--budget needs --price: what tokens cost must be known to keep it")
    connection = Connection(
        sampling=Sampling(temperature=temperature, max_tokens=max_tokens),
        reasks=reasks,
        concurrency=concurrency,
        per_minute=per_minute,
        key_variable=key_variable,
        price=None if budget is None else rates,
        budget=None if budget is None else Budget(budget),
    )
    with ExitStack() as stack:
        if out is not None and not estimate_only:
            out.mkdir(parents=True, exist_ok=True)
            if any(_reads(spec) for spec in player):
                connection = replace(connection, answers=stack.enter_context(AnswerFile(out / ANSWERS)))
        players: list[Player] = [player_from_spec(p, connection=connection, solved=SOLVED) for p in player]
        others = [] if not baselines else [player_from_spec(spec, solved=SOLVED) for spec in chosen.baselines]
        taken = {p.name for p in players}
        others = [other for other in others if other.name not in taken]
        readers = sum(isinstance(p, LanguagePlayer) for p in players)
        if readers or estimate_only:
            met = len(players) - 1 + len(others)
            expected = estimate(chosen, variants=variants, replicates=replicates, seed=seed, others=met)
            said = f"{expected.questions:,} questions per player, {expected.prompt_bytes // 4:,} tokens or so"
            console.print(f"{said} to read", style="dim")
            if rates is not None:
                likely = expected.likely_cost(rates, completion_tokens=max_tokens // 4) * readers
                worst = expected.worst_cost(rates, max_tokens=max_tokens, reasks=reasks) * readers
                cost = f"may cost {likely:.3g}, at the worst {worst:.3g}"
                console.print(f"{readers} language model(s) {cost}", style="dim")
        if estimate_only:
            return
        with (
            interruptible(None if out is None else out / PLAYS, "--out"),
            progress_bar(f"{suite}") as bar,
        ):
            plays = run_suite(
                chosen,
                players,
                baselines=others,
                variants=variants,
                replicates=replicates,
                seed=seed,
                folder=out,
                concurrency=max(concurrency, 1),
                progress=_with_spending(bar, connection.budget),
            )
    card = score_plays(chosen, plays, baselines=[o.name for o in others], handling=handling, seed=seed)
    _show(console, card)
    if connection.budget is not None:
        console.print(f"spent {connection.budget.spent:.4g} of {budget:g}", style="dim")
    if out is not None:
        _write_report(console, card, out, kept_records(out, chosen))
    _leave(plays, kept=out is not None)


@rationality.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Where a run was kept.")],
    handling: Annotated[
        Handling, typer.Option(help="What a missing answer counts as.")
    ] = Handling.SUBSTITUTED,
) -> None:
    """Tables, pictures and a page of a run that was kept; it need not have ended.

    Try:

      counterplay rationality report results/model --handling forfeited
    """
    manifest = read_manifest(folder)
    suite: Suite = SUITES.get(str(manifest["suite"])).load()()
    records = kept_records(folder, suite)
    if not records:
        raise ValueError(f"{folder} holds no play that has ended yet")
    card = score_plays(
        suite,
        [r.play for r in records],
        baselines=manifest["baselines"],
        handling=handling,
        seed=int(manifest["seed"]),
    )
    console = _console()
    _show(console, card)
    if missing := len(kept_cells(folder, suite)) - len(records):
        console.print(f"{missing:,} plays have not ended yet: the figures rest on the others", style="yellow")
    _write_report(console, card, folder, records)


@rationality.command()
def status(
    folder: Annotated[Path, typer.Argument(help="Where a run was kept; it may be under way.")],
    price: Annotated[str | None, typer.Option(help="Per million tokens read and written: 0.5,1.5.")] = None,
) -> None:
    """How far a run has come, what failed in it, and the tokens it took.

    Try:

      counterplay rationality status results/model --price 0.5,1.5
    """
    from solvers.report.rationality_tables import standings_table

    rates = None if price is None else _price(price)
    suite: Suite = SUITES.get(str(read_manifest(folder)["suite"])).load()()
    found = standings(kept_cells(folder, suite), kept_records(folder, suite))
    _console().print(standings_table(found, price=rates))


def _console() -> Console:
    """As wide as the terminal; wide enough for the tables where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH)


def _price(text: str) -> Price:
    try:
        read, written = (float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"--price must be two numbers such as 0.5,1.5, got {text!r}") from None
    return Price(read, written)


def _reads(spec: str) -> bool:
    """Whether a spec names a player whose answers are worth keeping."""
    return not spec.removeprefix("weighed:").startswith("scripted:")


def _with_spending(bar: ProgressCallback, budget: Budget | None) -> ProgressCallback:
    """The bar with what was spent beside it."""
    if budget is None:
        return bar
    return lambda step, total, **figures: bar(step, total, **figures, spent=budget.spent)


def _show(console: Console, card: Scorecard) -> None:
    from solvers.report.rationality_tables import failure_lines, scorecard_tables

    for table in scorecard_tables(card, width=console.width):
        console.print(table)
    for line in failure_lines(card):
        console.print(line, markup=False)


def _write_report(console: Console, card: Scorecard, folder: Path, records: Sequence[Record]) -> None:
    from games.files import atomic_write, write_text_atomically
    from solvers.report.rationality import rationality_page, scorecard_pictures

    pictures = scorecard_pictures(card)
    page = rationality_page(card, records, manifest=read_manifest(folder), pictures=pictures)
    write_text_atomically(folder / PAGE, page)
    for group, content in pictures.items():
        stem = re.sub(r"[^\w=.]+", "-", group).strip("-") or card.suite
        with atomic_write(folder / f"{stem}.png") as file:
            file.write(content)
    console.print(f"report: {folder / PAGE}", style="dim", soft_wrap=True)


def _leave(plays: Sequence[Play], *, kept: bool) -> None:
    """Exit with code 1 and the reason where the world stood in the way of some plays."""
    failed = sum(any(row.outcome in WORLD for row in play.rows) for play in plays)
    if failed:
        said = (
            f"in {failed:,} of {len(plays):,} plays the connection, the server, the budget or the player's "
            "own code failed; the figures count that as any missing answer"
        )
        again = "; the same command plays them again" if kept else ""
        typer.secho(f"{said}{again}", err=True, fg="yellow")
        raise typer.Exit(1)
