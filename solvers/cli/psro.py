"""``counterplay psro``."""

import inspect
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from games.certificates import Certificate
from games.extensive.evaluation import nash_conv
from games.extensive.symmetry import symmetry_of
from games.loading import load_game
from games.normal_form.risk import RiskAversion, RiskVariance
from games.registry import Entry
from solvers.cli.output import check_targets, interruptible, leave, report
from solvers.cli.populations import generator, write_population
from solvers.psro.loop import run_psro
from solvers.psro.measures import NashConv, RiskNashConv
from solvers.psro.method import PSRO, Method
from solvers.psro.variants.symmetric import SymmetricPSRO
from solvers.registry import EXPANDERS, META_SOLVERS, ORACLES, VARIANTS
from solvers.report.progress import progress_bar


class Variance(StrEnum):
    """Whose randomness is priced."""

    OPPONENTS = "opponents"
    TOTAL = "total"


def psro(
    game: Annotated[str, typer.Argument(help="Catalogue name, OpenSpiel string, or .nfg/.efg file.")],
    variant: Annotated[
        str | None, typer.Option(help="A ready-made method; see `counterplay list variants`.")
    ] = None,
    meta_solver: Annotated[
        str | None, typer.Option(help="nash if left out; see `counterplay list meta-solvers`.")
    ] = None,
    oracle: Annotated[
        str | None, typer.Option(help="exact if left out; see `counterplay list oracles`.")
    ] = None,
    expander: Annotated[
        str | None, typer.Option(help="new if left out; see `counterplay list expanders`.")
    ] = None,
    symmetric: Annotated[
        bool, typer.Option("--symmetric", help="One population for all seats; only for symmetric games.")
    ] = False,
    gamma: Annotated[float | None, typer.Option(help="risk_averse: price of variance, in 1/payoff.")] = None,
    tremble: Annotated[float | None, typer.Option(help="risk_averse: how often opponents err.")] = None,
    variance: Annotated[
        Variance | None, typer.Option(help="risk_averse: whose randomness counts; opponents if left out.")
    ] = None,
    iterations: Annotated[int, typer.Option(help="Most iterations.")] = 100,
    tol: Annotated[float, typer.Option(help="Stop at this NashConv, in payoff ranges.")] = 1e-9,
    time_limit: Annotated[float | None, typer.Option(help="Seconds.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of all randomness.")] = 0,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Save the run here, and resume it from here.")
    ] = None,
    checkpoint_every: Annotated[int, typer.Option(help="Most iterations between saves.")] = 10,
    plot: Annotated[Path | None, typer.Option(help="Draw NashConv over iterations and time here.")] = None,
    out: Annotated[Path | None, typer.Option(help="Save the result here (JSON, arrays beside it).")] = None,
    save_population: Annotated[
        Path | None, typer.Option(help="Save the population here, for `counterplay play`.")
    ] = None,
) -> None:
    """Population learning: grow sets of policies by best responses until nothing better is found.

    Try:

      counterplay psro kuhn_poker

      counterplay psro leduc_poker --iterations 200 --checkpoint results/leduc.ckpt.json --plot leduc.png

      counterplay psro leduc_poker --variant xdo

      counterplay psro "goofspiel(num_cards=4,imp_info=True,points_order=descending)" --symmetric

      counterplay psro stag-hunt --meta-solver risk_averse --gamma 1 --tremble 0.1

      counterplay psro kuhn_poker --oracle risk_averse --meta-solver risk_averse --gamma 0.5

    With the risk_averse oracle a run ends at a risk-averse equilibrium of the whole game; the saved file
    then claims the NashConv of its policies, which alone can be checked without the populations.
    """
    check_targets([checkpoint, out, save_population], [plot])
    loaded = load_game(game)
    form = loaded.sequence_form()
    parts = {"--meta-solver": meta_solver, "--oracle": oracle, "--expander": expander}
    risk = _risk(gamma, tremble, variance, needed="risk_averse" in (meta_solver, oracle))
    method: Method
    if variant is not None:
        given = [option for option, name in parts.items() if name is not None]
        if given or symmetric:
            given += ["--symmetric"] * symmetric
            raise ValueError(f"--variant is a whole method and leaves no room for {', '.join(given)}")
        method = VARIANTS.get(variant).load()()
    else:
        chosen = (
            _make(ORACLES.get(oracle or "exact"), risk),
            _make(META_SOLVERS.get(meta_solver or "nash"), risk),
            _make(EXPANDERS.get(expander or "new"), None),
            NashConv() if oracle != "risk_averse" or risk is None else RiskNashConv(risk),
        )
        method = SymmetricPSRO(symmetry_of(form), *chosen) if symmetric else PSRO(*chosen)
    with interruptible(checkpoint), progress_bar(f"psro on {form.name}") as bar:
        result = run_psro(
            form,
            method,
            iterations=iterations,
            tol=tol,
            time_limit=time_limit,
            rng=generator(seed),
            checkpoint=checkpoint,
            checkpoint_every=checkpoint_every,
            progress=bar,
        )
    solution = result.unwrap()
    shown = result.with_solution(solution.behaviors)
    claim = replace(shown, certificate=Certificate("nash_conv", nash_conv(form, solution.behaviors)))
    report(form, shown, claim=claim, out=out)
    if save_population is not None:
        write_population(save_population, loaded, form, solution, result.solver)
    if plot is not None:
        from solvers.report.plots import plot_convergence

        plot_convergence({form.name: solution.trace}).savefig(plot)
    leave(result)


def _risk(
    gamma: float | None, tremble: float | None, variance: Variance | None, *, needed: bool
) -> RiskAversion | None:
    if needed:
        if gamma is None:
            raise ValueError("the risk_averse oracle and meta-solver need --gamma; 0 is no aversion")
        kind = RiskVariance((variance or Variance.OPPONENTS).value)
        return RiskAversion(gamma, tremble or 0.0, kind)
    if (gamma, tremble, variance) != (None, None, None):
        raise ValueError("--gamma, --tremble and --variance are for the risk_averse oracle and meta-solver")
    return None


def _make(entry: Entry, risk: RiskAversion | None) -> Any:  # noqa: ANN401 - an oracle, a meta-solver, ...
    """Build what the entry names, with the risk aversion if it is about risk."""
    factory = entry.load()
    return factory(risk) if "risk" in inspect.signature(factory).parameters else factory()
