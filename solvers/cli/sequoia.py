"""``counterplay sequoia``."""

import json
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from games.bandits import CoupledBandit, Family, corrected_instance, paper_instance
from games.files import atomic_write
from games.registry import Entry
from games.results import SolveResult
from solvers.cli.output import check_targets, interruptible
from solvers.cli.populations import generator, saved
from solvers.registry import BANDIT_POLICIES
from solvers.report.progress import progress_bar

if TYPE_CHECKING:
    import numpy as np

    from solvers.sequoia import SequoiaPolicy
    from solvers.sequoia.comparison import Comparison


class FamilyName(StrEnum):
    """The families of the paper."""

    INTERVENTIONS = "interventions"
    SCHEDULE = "schedule"
    CAPACITY = "capacity"
    PATH = "path"


def sequoia(
    family: Annotated[FamilyName, typer.Argument(help="Which constraint couples the arms.")],
    arms: Annotated[int, typer.Option(help="Number of arms.")] = 20,
    budget: Annotated[int, typer.Option(help="Workers, or most pulls of a step.")] = 5,
    released: Annotated[
        bool, typer.Option("--released", help="The constraint as in the code released with the paper.")
    ] = False,
    rounds: Annotated[int | None, typer.Option(help="Rounds of learning; 60 if left out.")] = None,
    lanes: Annotated[int | None, typer.Option(help="Episodes of a round; 16 if left out.")] = None,
    pairs: Annotated[
        int | None,
        typer.Option(help="Actions compared, twice, to improve the start; 100,000 if left out; 0: none."),
    ] = None,
    time_limit: Annotated[float | None, typer.Option(help="Seconds after which no round starts.")] = None,
    tol: Annotated[
        float, typer.Option(help="Exit code 0 if checked decisions are proven within this of the best Q.")
    ] = 1e-2,
    compare: Annotated[
        bool, typer.Option("--compare", help="Play against every baseline that fits, on the same luck.")
    ] = False,
    against: Annotated[
        list[str] | None,
        typer.Option(
            help="Play against this baseline, may be repeated; see `counterplay list bandit-policies`."
        ),
    ] = None,
    episodes: Annotated[int, typer.Option(help="With --compare or --against: episodes of each.")] = 500,
    seed: Annotated[int, typer.Option(help="Seed of the instance and of all other randomness.")] = 0,
    workers: Annotated[int, typer.Option(help="Threads; they do not change the numbers.")] = 1,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Save the training here, and resume it from here.")
    ] = None,
    checkpoint_every: Annotated[int, typer.Option(help="Rounds between saves.")] = 10,
    out: Annotated[
        Path | None, typer.Option(help="Folder for policy.json, scores.json and pictures.")
    ] = None,
) -> None:
    """Learn to act on coupled restless arms, each action proven the best by the learned Q.

    Try:

      counterplay sequoia capacity --arms 8 --budget 3 --rounds 10 --against lagrange --against myopic

      counterplay sequoia schedule --checkpoint run.json --compare --out results/schedule

    The certificate is about decisions: how far below the greatest Q of any allowed action they can be. How
    good the policy itself is, the comparison says, with a bound that no policy exceeds. Exit code 1 means
    that some decision is not proven within --tol.
    """
    names = [f"{name}.png" for name in ("learning", "policies")]
    check_targets(
        [checkpoint, *([] if out is None else [out / "scores.json", out / "policy.json"])],
        [] if out is None else [out / name for name in names],
    )
    if episodes < 2:
        raise ValueError(f"--episodes must be at least 2 for intervals, got {episodes}")
    if compare and against:
        raise ValueError("--compare takes every baseline that fits: leave it out, or --against")
    chosen = [BANDIT_POLICIES.get(name) for name in against or ()]
    for_instance, for_training, for_comparison, for_claim = generator(seed).spawn(4)
    make = paper_instance if released else corrected_instance
    bandit = make(Family[family.name], rng=for_instance, arms=arms, budget=budget)
    # Torch is slow to import, and mistakes above should not wait for it.
    from solvers.sequoia import SequoiaSettings, train_sequoia
    from solvers.sequoia.comparison import admitted
    from solvers.sequoia.learning import Improvement

    settings = SequoiaSettings()
    settings = replace(settings, rounds=settings.rounds if rounds is None else rounds)
    settings = replace(settings, lanes=settings.lanes if lanes is None else lanes)
    if pairs is not None:
        settings = replace(settings, improvement=Improvement(pairs=pairs) if pairs else None)
    if compare:
        chosen = [*admitted(bandit)]
    with interruptible(checkpoint):
        with progress_bar(bandit.name) as bar:
            result = train_sequoia(
                bandit,
                settings,
                rng=for_training,
                workers=workers,
                time_limit=time_limit,
                checkpoint=checkpoint,
                checkpoint_every=checkpoint_every,
                progress=bar,
            )
        _show(result)
        comparison = _compare(bandit, result.unwrap(), chosen, episodes, for_comparison, workers)
    if out is not None:
        _save(out, bandit, result, comparison)
        _save_policy(out / "policy.json", bandit, result, for_claim)
    certificate = result.certificate
    assert certificate is not None  # every run ends with one
    if not certificate.bound <= tol:
        typer.secho(f"some decisions are not proven within {tol:g}", err=True, fg="yellow")
        raise typer.Exit(1)


def _show(result: "SolveResult[SequoiaPolicy]") -> None:
    certificate, info = result.certificate, result.info
    assert certificate is not None
    console = Console()
    kept = f"after {info['best_round']} rounds" if info["best_round"] else "before learning"
    console.print(
        f"validation: {info['value']:.5g} a step by the policy kept ({kept}), {info['gain']:+.3g} "
        f"± {1.96 * float(info['gain_error']):.2g} over the start"
    )
    console.print(
        f"every checked decision is within {certificate.bound:.2g} of the greatest Q; "
        f"{info['solves']:,} maxima in {result.steps} rounds, {result.seconds:.1f} s"
    )


def _compare(
    bandit: CoupledBandit,
    policy: "SequoiaPolicy",
    chosen: Sequence[Entry],
    episodes: int,
    rng: "np.random.Generator",
    workers: int,
) -> "Comparison | None":
    if not chosen:
        return None
    from solvers.report.bandit_policies import policies_table
    from solvers.sequoia.comparison import compare

    with progress_bar("baselines") as bar:
        comparison = compare(
            bandit, policy, chosen, episodes=episodes, rng=rng, workers=workers, progress=bar
        )
    Console().print(policies_table(comparison.evaluation, title=f"{bandit.name}, {episodes} episodes"))
    return comparison


def _save_policy(
    target: Path, bandit: CoupledBandit, result: "SolveResult[SequoiaPolicy]", rng: "np.random.Generator"
) -> None:
    from solvers.sequoia.storage import save_policy

    save_policy(target, bandit, result, rng=rng)
    typer.echo(f"saved {target}; check it with: counterplay check {target}")


def _save(
    out: Path,
    bandit: CoupledBandit,
    result: "SolveResult[SequoiaPolicy]",
    comparison: "Comparison | None",
) -> None:
    from solvers.report.bandit_policies import plot_policies
    from solvers.report.sequoia import plot_learning

    certificate = result.certificate
    assert certificate is not None
    scores: dict[str, Any] = {
        "problem": bandit.name,
        "argmax_gap": certificate.bound,
        "seconds": result.seconds,
        "rounds": result.steps,
        "training": dict(result.info),
    }
    bound = None
    if comparison is not None:
        evaluation = comparison.evaluation
        bound = None if evaluation.bound is None else evaluation.bound.per_step
        scores["bound_per_step"] = bound
        scores["policies"] = [
            {
                "name": score.name,
                "reward": [score.reward.mean, score.reward.low, score.reward.high],
                "less_sequoia": [score.difference.mean, score.difference.low, score.difference.high],
                "seconds_per_decision": score.seconds_per_decision,
            }
            for score in evaluation.scores
        ]
    target = out / "scores.json"
    with atomic_write(target) as file:
        file.write(json.dumps(scores, indent=2).encode() + b"\n")
    saved(target, "scores")
    figure = plot_learning({"SEQUOIA": result.unwrap().curve}, bound=bound, title=bandit.name)
    figure.savefig(out / "learning.png")
    saved(out / "learning.png", "learning curve")
    if comparison is not None:
        plot_policies(comparison.evaluation, title=bandit.name).savefig(out / "policies.png")
        saved(out / "policies.png", "comparison")
