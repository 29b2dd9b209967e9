"""Learning of SEQUOIA against every baseline, over families and fresh instances of the corrected rules.

For each family and instance seed: train with the default settings (each in a process of its own), then
play fresh episodes against all baselines that fit, on the same luck, beside the Lagrangian bound on any
policy (on its expectation: the mean of a sample may lie above it). Where the Lagrangian policy is among the
baselines, as it is unless others are named, its values take luck out of the scores.
Printed for each instance, and pooled over the instances of a family and over all:

- the mean reward a step of each policy, and the bound;
- SEQUOIA less the best baseline, with its paired 95 % interval. The best baseline of an instance is the
  one of greatest mean on the same episodes, so the comparison leans against SEQUOIA. Pooled there are two
  intervals: for these instances, from the chance of the episodes alone, and for others drawn like them, by
  Student's t on one mean for each instance;
- SEQUOIA over the mean of the paper's baselines (null, random, sampling, myopic, iterative myopic), in %;
- seconds of training.

Finished cells are kept in a JSON lines file, one line each, so a run that was killed goes on. Cells with
other settings are run anew; changes of the program are not noticed, so start those with another file.

Run: ``python benchmarks/sequoia_learning.py --workers 2 --out results/sequoia_learning.jsonl``; 20 cells of
some minutes each, so it is not a part of ``make bench``. Seconds of training need a machine with nothing else
on it.
"""

import argparse
import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FAMILIES = ("interventions", "schedule", "capacity", "path")
SEEDS = (100, 101, 102, 103, 104)
PAPER = ("null", "random", "sampling", "myopic", "iterative_myopic")


@dataclass(frozen=True, slots=True)
class Cell:
    """One training and its comparison.

    Attributes:
        family: its name in lower case.
        seed: of the instance; training and luck have children of it.
        arms: J.
        budget: B.
        rounds: of learning, or None for the default.
        episodes: of the comparison.
        baselines: names in the registry, or None for all that fit.
    """

    family: str
    seed: int
    arms: int
    budget: int
    rounds: int | None
    episodes: int
    baselines: tuple[str, ...] | None

    @property
    def key(self) -> str:
        """Equal for equal cells."""
        return json.dumps(asdict(self), sort_keys=True)


def run_cell(cell: Cell) -> dict[str, Any]:
    """Train, compare, and say everything in JSON values."""
    import numpy as np
    import torch

    from games.bandits import Family, corrected_instance
    from solvers.registry import BANDIT_POLICIES
    from solvers.sequoia import SequoiaSettings, train_sequoia
    from solvers.sequoia.comparison import admitted, compare

    torch.set_num_threads(1)
    for_instance, for_training, for_luck = np.random.default_rng(cell.seed).spawn(3)
    bandit = corrected_instance(
        Family[cell.family.upper()], rng=for_instance, arms=cell.arms, budget=cell.budget
    )
    settings = SequoiaSettings() if cell.rounds is None else SequoiaSettings(rounds=cell.rounds)
    result = train_sequoia(bandit, settings, rng=for_training)
    assert result.certificate is not None
    if cell.baselines is None:
        entries = admitted(bandit)
    else:
        entries = tuple(BANDIT_POLICIES.get(name) for name in cell.baselines)
    comparison = compare(bandit, result.unwrap(), entries, episodes=cell.episodes, rng=for_luck)
    evaluation = comparison.evaluation
    own = evaluation.scores[0]
    by_name = {"sequoia": own} | {name: evaluation[shown] for name, shown in comparison.names.items()}
    return {
        "key": cell.key,
        "family": cell.family,
        "seed": cell.seed,
        "rewards": {name: score.reward.mean for name, score in by_name.items()},
        # Differences are from SEQUOIA, the reference: turned round here.
        "gains": {
            name: [0.0 - end for end in (score.difference.mean, score.difference.high, score.difference.low)]
            for name, score in by_name.items()
            if name != "sequoia"
        },
        "bound": None if evaluation.bound is None else evaluation.bound.per_step,
        "training_seconds": result.seconds,
        "baseline_seconds": comparison.seconds,
        "milliseconds_a_decision": 1e3 * own.seconds_per_decision,
        "argmax_gap": result.certificate.bound,
        "validation_gain": result.info["gain"],
        "best_round": result.info["best_round"],
        "status": result.status.value,
    }


def finished(file: Path) -> dict[str, dict[str, Any]]:
    """Cells in the file by their keys; a last line that was cut off by a kill is left out."""
    done: dict[str, dict[str, Any]] = {}
    if file.exists():
        for line in file.read_text().splitlines():
            try:
                record = json.loads(line)
            except json.JSONDecodeError:
                continue
            done[record["key"]] = record
    return done


def run_all(cells: list[Cell], file: Path, workers: int) -> list[dict[str, Any]]:
    """Records of all cells in order, without failed ones; those in the file are not run again."""
    file.parent.mkdir(parents=True, exist_ok=True)
    done = finished(file)
    missing = [cell for cell in cells if cell.key not in done]
    print(f"{len(cells) - len(missing)} of {len(cells)} cells are in {file}", flush=True)
    spawn = multiprocessing.get_context("spawn")
    # Threads of numerical libraries are read when a process starts.
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    with (
        ProcessPoolExecutor(workers, mp_context=spawn, max_tasks_per_child=1) as pool,
        file.open("a") as lines,
    ):
        if missing and lines.tell():
            lines.write("\n")  # ends a line that a kill cut off; empty lines are skipped
        for future in as_completed([pool.submit(run_cell, cell) for cell in missing]):
            try:
                record = future.result()
            except Exception as error:  # the other cells go on, and the end says how many failed
                print(f"failed: {error!r}", flush=True)
                continue
            lines.write(json.dumps(record) + "\n")
            lines.flush()
            done[record["key"]] = record
            print(line_of(record), flush=True)
    return [done[cell.key] for cell in cells if cell.key in done]


def over_paper(record: dict[str, Any]) -> float | None:
    """By which share SEQUOIA exceeds the mean of the paper's baselines; None where one is missing."""
    rewards = record["rewards"]
    if not rewards.keys() >= set(PAPER):
        return None
    mean = sum(rewards[name] for name in PAPER) / len(PAPER)
    return float(rewards["sequoia"] / mean - 1.0)


def best_gain(record: dict[str, Any]) -> tuple[str, list[float]]:
    """The best baseline, and what SEQUOIA earns more: mean and interval."""
    gains = record["gains"]
    name = min(gains, key=lambda n: gains[n][0])
    return name, gains[name]


def line_of(record: dict[str, Any]) -> str:
    """One instance in one line."""
    rewards, bound = record["rewards"], record["bound"]
    name, (mean, low, high) = best_gain(record)
    share = over_paper(record)
    return (
        f"{record['family']:<14}{record['seed']:>4}  SEQUOIA {rewards['sequoia']:8.4f}  "
        + (f"bound {bound:8.4f} ({1.0 - rewards['sequoia'] / bound:6.2%} below)  " if bound else "")
        + f"less {name} {mean:+.4f} [{low:+.4f}, {high:+.4f}]  "
        + ("" if share is None else f"over the paper's {share:+.1%}  ")
        + f"trained {record['training_seconds']:.0f} s, kept round {record['best_round']}"
    )


def show(records: list[dict[str, Any]]) -> None:
    """Tables of means, then what is pooled."""
    for family in dict.fromkeys(record["family"] for record in records):
        own = [record for record in records if record["family"] == family]
        names = list(dict.fromkeys(name for record in own for name in record["rewards"]))
        print(f"\n{family}: mean reward a step, by instance seed")
        print(f"{'':<20}" + "".join(f"{record['seed']:>10}" for record in own) + f"{'mean':>10}")
        for name in names:
            values = [record["rewards"][name] for record in own]
            print(f"{name:<20}" + "".join(f"{v:10.4f}" for v in [*values, sum(values) / len(values)]))
        bounds = [record["bound"] for record in own]
        if None not in bounds:
            print(f"{'at most':<20}" + "".join(f"{v:10.4f}" for v in [*bounds, sum(bounds) / len(bounds)]))
        for record in own:
            print(line_of(record))
        pooled(family, own)
    pooled("all", records)


def pooled(label: str, records: list[dict[str, Any]]) -> None:
    """Gains over instances, each weighing the same."""
    shares = [share for share in map(over_paper, records) if share is not None]
    seconds = [record["training_seconds"] for record in records]
    print(f"{label}, {len(records)} instances:")
    print(f"  SEQUOIA less the best baseline of each: {pooled_gain([best_gain(r)[1] for r in records])}")
    common = set.intersection(*(set(record["gains"]) for record in records))
    if common:
        own = {name: [record["gains"][name] for record in records] for name in common}
        name = min(common, key=lambda n: (sum(gain for gain, _, _ in own[n]), n))
        print(f"  SEQUOIA less {name}, the best over all of them: {pooled_gain(own[name])}")
    if shares:
        print(f"  over the mean of the paper's baselines {sum(shares) / len(shares):+.1%}")
    print(f"  training {sum(seconds) / len(seconds):.0f} s on average, at most {max(seconds):.0f} s")


def pooled_gain(gains: list[list[float]]) -> str:
    """The mean of gains, with an interval for these instances and one for instances like them."""
    import numpy as np

    from solvers.sequoia.evaluation import mean_interval

    means, low, high = np.array(gains).T
    here = float(np.sqrt(((0.5 * (high - low)) ** 2).sum())) / len(gains)  # episodes are independent
    drawn = mean_interval(means, 0.95)
    return (
        f"{drawn.mean:+.4f}, [{drawn.mean - here:+.4f}, {drawn.mean + here:+.4f}] on these, "
        f"[{drawn.low:+.4f}, {drawn.high:+.4f}] on others like them; "
        f"interval of its own above zero in {int((low > 0).sum())}, below in {int((high < 0).sum())}"
    )


def main() -> None:
    """Run what is missing, and print everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=FAMILIES)
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS, help="of the instances")
    parser.add_argument("--arms", type=int, default=20)
    parser.add_argument("--budget", type=int, default=5)
    parser.add_argument("--rounds", type=int, help="of learning, if not the default")
    parser.add_argument("--episodes", type=int, default=2_000)
    parser.add_argument("--baselines", nargs="+", help="if not all that fit")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--out", type=Path, default=Path("results/sequoia_learning.jsonl"))
    given = parser.parse_args()
    baselines = None if given.baselines is None else tuple(given.baselines)
    cells = [
        Cell(family, seed, given.arms, given.budget, given.rounds, given.episodes, baselines)
        for family in given.families
        for seed in given.seeds
    ]
    records = run_all(cells, given.out, given.workers)
    if records:
        show(records)
    if len(records) < len(cells):
        parser.exit(1, f"{len(cells) - len(records)} of {len(cells)} cells failed\n")


if __name__ == "__main__":
    main()
