"""``counterplay sampled-psro``."""

import inspect
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from games.empirical import RiskSource
from games.loading import load_game
from games.normal_form.risk import RiskAversion
from games.protocols import EnvGame
from games.results import SolveResult
from marl.populations.game_kinds import playable
from marl.populations.population import population_of_play
from marl.populations.storage import save_population as save
from solvers.cli.output import check_targets, interruptible
from solvers.cli.populations import generator
from solvers.psro.protocols import MetaSolver
from solvers.psro.sampled.allocation import AdaptiveAllocation
from solvers.psro.sampled.loop import SampledPSROSolution, run_sampled_psro
from solvers.psro.sampled.risk_meta_solver import EmpiricalMetaSolver, EmpiricalRiskMetaSolver
from solvers.psro.sampled.rules import EpisodeBudget, NoGain
from solvers.psro.sampled.tasks import SampledOracle
from solvers.registry import META_SOLVERS, SAMPLED_ORACLES
from solvers.report.progress import progress_bar


class Risk(StrEnum):
    """What counts as risk."""

    BETWEEN = "between"
    WITHIN = "within"
    BOTH = "both"


def sampled_psro(
    game: Annotated[
        str, typer.Argument(help="Catalogue or environment name, OpenSpiel string, or .nfg/.efg file.")
    ],
    oracle: Annotated[str, typer.Option(help="See `counterplay list sampled-oracles`.")] = "tabular_q",
    learn: Annotated[int | None, typer.Option(help="Episodes from which a response is learned.")] = None,
    meta_solver: Annotated[
        str | None, typer.Option(help="nash if left out; see `counterplay list meta-solvers`.")
    ] = None,
    risk: Annotated[
        Risk | None, typer.Option(help="Mix averse to this variance of the sampled table; needs --gamma.")
    ] = None,
    gamma: Annotated[float | None, typer.Option(help="Price of variance, in 1/payoff.")] = None,
    tremble: Annotated[
        float | None, typer.Option(help="With --risk or risk_averse: how often opponents err.")
    ] = None,
    iterations: Annotated[int, typer.Option(help="Most iterations.")] = 10,
    initial: Annotated[int, typer.Option(help="Episodes of a new pair of policies.")] = 200,
    extra: Annotated[int, typer.Option(help="Further ones per iteration, where they matter most.")] = 4_000,
    verification: Annotated[int, typer.Option(help="Episodes per policy for the certificate.")] = 1_000,
    confidence: Annotated[float, typer.Option(help="Of the certificate.")] = 0.95,
    episodes: Annotated[
        int | None,
        typer.Option(help="No iteration starts that may exceed this many in all, going by the one before."),
    ] = None,
    time_limit: Annotated[float | None, typer.Option(help="Seconds after which no iteration starts.")] = None,
    patience: Annotated[
        int | None, typer.Option(help="Stop after so many iterations without a gain beyond sampling error.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of all randomness.")] = 0,
    workers: Annotated[int, typer.Option(help="Processes; they do not change the numbers.")] = 1,
    checkpoint: Annotated[Path | None, typer.Option(help="Save each iteration here, and resume.")] = None,
    save_population: Annotated[
        Path | None, typer.Option(help="Save the population here, for `counterplay play`.")
    ] = None,
) -> None:
    """PSRO by simulation: learned responses, sampled payoffs, a certificate with its confidence.

    For games that can be played but not written down. Try:

      counterplay sampled-psro kuhn_poker --iterations 6 --learn 4000

      counterplay sampled-psro leduc_poker --episodes 500000 --workers 2 --checkpoint results/leduc.json

      counterplay sampled-psro stag-hunt --oracle mean_variance --risk both --gamma 0.5

      counterplay sampled-psro merge --oracle mean_variance_ppo --risk both --gamma 0.1 --iterations 3

    The exit code is 0: by sampling alone nothing shows that a run has arrived, and the certificate says how
    far among the policies found the outcome may be from it.
    """
    check_targets([checkpoint, save_population])
    mixed = risk is not None or meta_solver == "risk_averse"
    priced = mixed or "risk" in SAMPLED_ORACLES.get(oracle).tags
    if priced != (gamma is not None):
        raise ValueError(
            "--gamma is for --risk, the risk_averse meta-solver and oracles averse to risk, and they need it "
            "(0 is no aversion)"
        )
    if tremble is not None and not mixed:
        raise ValueError("--tremble is for --risk and the risk_averse meta-solver")
    environment = _load(game)
    with interruptible(checkpoint), progress_bar(f"sampled psro on {environment.name}") as bar:
        result = run_sampled_psro(
            environment,
            oracle=_make_oracle(oracle, gamma, learn),
            meta_solver=_make_meta_solver(meta_solver, risk, gamma, tremble),
            allocation=AdaptiveAllocation(initial, extra),
            iterations=iterations,
            confidence=confidence,
            verification=verification,
            time_limit=time_limit,
            budget=None if episodes is None else EpisodeBudget(episodes),
            stop=None if patience is None else NoGain(patience),
            rng=generator(seed),
            workers=workers,
            checkpoint=checkpoint,
            progress=bar,
        )
    _show(environment, result)
    if save_population is not None:
        solution = result.unwrap()
        save(
            save_population,
            population_of_play(environment, solution.policies, solution.profile, solver=result.solver),
        )
        typer.echo(f"saved {save_population}; play it with: counterplay play {save_population}")


def _load(name: str) -> EnvGame[Any]:
    """The game, to be played; games of OpenSpiel are not compiled, as they may be too large for that."""
    from games.adapters.open_spiel import open_spiel_game
    from games.environments import ENVIRONMENTS
    from games.extensive.registry import TREES
    from games.normal_form.registry import GAMES

    if name in GAMES or name in TREES or Path(name).suffix.lower() in (".nfg", ".efg"):
        return playable(load_game(name))
    if name in ENVIRONMENTS:
        environment: EnvGame[Any] = ENVIRONMENTS.get(name).load()()
        return environment
    return open_spiel_game(name.removeprefix("open_spiel:"))


def _make_oracle(name: str, gamma: float | None, episodes: int | None) -> SampledOracle:
    factory = SAMPLED_ORACLES.get(name).load()
    wanted = inspect.signature(factory).parameters
    given: dict[str, float | int] = {}
    if "gamma" in wanted:
        given["gamma"] = gamma or 0.0
    if episodes is not None:
        if "episodes" not in wanted:
            raise ValueError(f"--learn is not for the oracle {name}")
        given["episodes"] = episodes
    oracle: SampledOracle = factory(**given)
    return oracle


def _make_meta_solver(
    name: str | None, risk: Risk | None, gamma: float | None, tremble: float | None
) -> MetaSolver | EmpiricalMetaSolver:
    if risk is not None:
        if name is not None or gamma is None:
            raise ValueError("--risk is a meta-solver of its own: leave out --meta-solver and give --gamma")
        return EmpiricalRiskMetaSolver(RiskAversion(gamma, tremble or 0.0), RiskSource(risk.value))
    factory = META_SOLVERS.get(name or "nash").load()
    averse = "risk" in inspect.signature(factory).parameters
    meta_solver: MetaSolver = factory(RiskAversion(gamma or 0.0, tremble or 0.0)) if averse else factory()
    return meta_solver


def _show(game: EnvGame[Any], result: SolveResult[SampledPSROSolution]) -> None:
    console = Console()
    solution, certificate = result.unwrap(), result.certificate
    assert certificate is not None  # every run ends with one
    trace = solution.trace
    table = Table("iteration", "gain of the answers", "values", "episodes", title=game.name)
    for t in range(len(trace)):
        table.add_row(
            str(t + 1),
            f"{trace.gains[t].sum():.3f} ± {float(np.hypot.reduce(trace.gain_errors[t])):.3f}",
            " ".join(f"{value:+.4f}" for value in trace.values[t]),
            f"{trace.episodes[t] + trace.learning[t]:,}",
        )
    console.print(table)
    console.print(
        f"{certificate.measure} <= {certificate.bound:.4g} with confidence {certificate.confidence:g}, "
        "deviating to policies found"
    )
    console.print(f"ended: {result.info['stop']}")
