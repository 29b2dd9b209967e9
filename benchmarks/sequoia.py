"""Decisions with a trained Q-network: the argmax oracle against peers on the same networks and states.

Parts:

- ``decisions``: at most 5, 10 or 20 of 20, 40 or 100 arms; ours against OMLT with Pyomo rebuilt at each
  step on HiGHS, the loose big-M formulation (1e5) on HiGHS, and the same on Gurobi's size-limited licence
  at its 2 % gap;
- ``sets``: capacity, schedule and path sets by the corrected rules; the peers get the rows that our sets
  are compiled to, so the ratio tells of the network's part alone;
- ``threads``: a batch of 32 distinct states with one worker and with two, turns alternating, equal answers;
- ``regression``: 100 arms, 64x64: how often HiGHS fails on the loose formulation, and how often we do.

All run in one process on one thread, state by state with the order of the routes rotated. Times are those of
the process, which other work on the machine hardly changes, but for ``threads``, where the clock counts. Ours
stops at a gap of 1e-6 of the width of the network's output, HiGHS at its own 1e-6, Gurobi at 2 %. Action
sets are prepared and networks read once for ours, and nothing is remembered between states; peers build anew
in each state, as they would at each step. Ratios are medians of the ratios within one state; a peer that
reaches the limit, by the clock, counts with its time until then, so its ratio is a lower bound (``>``). A
ratio of means stands beside.

Accuracy: every action is tested by the set's independent membership test and valued by the network in
float64. If a peer's allowed action exceeds our upper bound, or OMLT ends with another objective, or our
answer fails its certificate, the run says so and ends with status 1. The loose formulation is known to fail
and its failures are counted: ``wrong`` are actions not allowed, or below the best by more than 1e-4 and the
route's own gap.

Networks are trained quickly (see `sequoia_nets.py`; with ``--released`` as in the released code, see
`sequoia_released.py`) and kept under ``--nets``; states are those that play
by them reaches.

Run: ``python benchmarks/sequoia.py [PART ...] [--arms 20 40 100] [--widths 16x32 32x32 64x64] [--states
10]``
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # all three are read when numpy is first imported
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sequoia_nets import Effort, Training, played_states, trained
from sequoia_peers import Ending, Peer, PeerAnswer, gurobi_fits, peers
from sequoia_released import Released

from games.bandits import (
    ActionSet,
    CoupledBandit,
    Family,
    OneBitAnArm,
    base_arms,
    cardinality,
    certify_argmax,
    corrected_instance,
)
from solvers.sequoia import ActionNetwork, ArgmaxOracle, ArgmaxResult, ArgmaxStatus, QNetwork

BUDGETS = {20: 5, 40: 10, 100: 20}
FAMILIES = (Family.CAPACITY, Family.SCHEDULE, Family.PATH)
BATCH = 32
TURNS = 5
NEAR = 1e-4  # in units of Q; solvers keep to rows within 1e-6
SUPERVISED = Effort(rounds=0)

Widths = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Setting:
    """What the command line says."""

    arms: Sequence[int]
    widths: Sequence[Widths]
    states: int
    seed: int
    limit: float
    nets: Path
    training: Training


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One network with states to decide in; the first is for warming up."""

    name: str
    feasible: ActionSet
    network: QNetwork
    states: NDArray[np.float64]


@dataclass(slots=True)
class Record:
    """What one route did on one case."""

    seconds: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    loss: float = 0.0


@dataclass(slots=True)
class Judge:
    """Collects what must not be, and which bars are met."""

    faults: list[str] = field(default_factory=list)
    bars: list[str] = field(default_factory=list)

    def fault(self, text: str) -> None:
        """An answer that contradicts another."""
        self.faults.append(text)
        print(f"DISAGREEMENT: {text}", flush=True)

    def at_least(self, what: str, reached: float, wanted: float, *, stopped: bool = False) -> None:
        """A bar on a ratio; where the limit stopped a peer, the ratio is no more than a lower bound."""
        word = "OPEN, the limit stopped the peer"
        if not stopped or reached >= wanted:
            word = _word(reached >= wanted)
        self.bars.append(f"{what}: {'>' if stopped else ''}{reached:.2f}x, wanted {wanted:g}x: {word}")

    def at_most(self, what: str, milliseconds: float, wanted: float) -> None:
        """A bar on a time."""
        self.bars.append(
            f"{what}: {milliseconds:.1f} ms, wanted {wanted:g} ms: {_word(milliseconds <= wanted)}"
        )


def _word(met: bool) -> str:
    return "met" if met else "MISSED"


def counting_bandit(arms: int, seed: int) -> CoupledBandit:
    """The paper's arms under a bare budget."""
    budget = BUDGETS[arms]
    base = base_arms(arms, budget, rng=np.random.default_rng(seed))
    return CoupledBandit(base, OneBitAnArm(arms), cardinality(arms, budget), name=f"budget, {arms} arms")


def make_case(
    setting: Setting, bandit: CoupledBandit, widths: Widths, count: int, training: Training | None = None
) -> Case:
    """Train or load the network, and play to get states."""
    training = training or setting.training
    shape = "x".join(map(str, widths))
    stem = f"{bandit.name} {shape} seed={setting.seed} {training.name}"
    kept = "".join(c if c.isalnum() else "-" for c in stem)
    network = trained(bandit, widths, setting.seed, setting.nets / f"{kept}.npz", training)
    rng = np.random.default_rng((setting.seed, bandit.num_arms, *widths))
    states = played_states(bandit, network, count + 1, rng)
    return Case(f"{bandit.name}, {shape}", bandit.actions_at(states[0], 0), network, states)


def fresh_oracle(case: Case, limit: float | None = None) -> ArgmaxOracle:
    """An oracle that remembers no answers."""
    return ArgmaxOracle(case.network, case.feasible, time_limit=limit, remembered=0)


def check_ours(case: Case, network: ActionNetwork, ours: ArgmaxResult, judge: Judge) -> None:
    """Allowed, of the value claimed, below its bound: found anew."""
    try:
        certify_argmax(
            network.weights, network.biases, network.slopes, case.feasible, ours.action, ours.upper
        )
    except ValueError as error:
        judge.fault(f"{case.name}: ours fails its certificate: {error}")


def judged(
    case: Case, network: ActionNetwork, peer: Peer, answer: PeerAnswer, ours: ArgmaxResult, judge: Judge
) -> tuple[str, float]:
    """How a peer's answer counts, and by how much its action is below ours."""
    if answer.action is None:
        return answer.ending.value, 0.0
    if not bool(case.feasible.contains(answer.action)):
        return "wrong", 0.0
    value = float(network.values(answer.action[None])[0])
    if value > ours.upper + 1e-9 * max(1.0, abs(value)):
        judge.fault(f"{case.name}: {peer.name} reaches {value:.9g}, above our bound {ours.upper:.9g}")
    loss = max(0.0, ours.value - value)
    if answer.ending is not Ending.SOLVED:
        return answer.ending.value, loss
    if loss <= NEAR + peer.gap * abs(ours.value):
        return "solved", loss
    if peer.exact:
        judge.fault(f"{case.name}: {peer.name} ends at {value:.9g}, ours at {ours.value:.9g}")
    return "wrong", loss


def compare(setting: Setting, case: Case, judge: Judge) -> dict[str, Record]:
    """Run all routes on all states and print the rows; returns them by name."""
    present, missing = peers()
    print(f"\n{case.name}: {case.feasible.name}, {len(case.states) - 1} states")
    for line in missing:
        print(f"  {line}")
    oracle = fresh_oracle(case, setting.limit)
    routes: list[Peer] = []
    for peer in present:
        too_large = (
            gurobi_fits(case.network.at(case.states[0]), case.feasible) if "Gurobi" in peer.name else ""
        )
        if too_large:
            print(f"  {peer.name}: skipped, {too_large}")
        else:
            routes.append(peer)
    records = {name: Record() for name in ("ours", *(peer.name for peer in routes))}
    oracle.solve(case.states[0])
    for peer in routes:  # imports and first calls; the answer is not used
        peer.solve(case.network.at(case.states[0]), case.feasible, min(1.0, setting.limit))
    for turn, state in enumerate(case.states[1:]):
        answers: dict[str, PeerAnswer] = {}
        spent: dict[str, float] = {}
        ours: ArgmaxResult | None = None
        names = [None, *routes]
        for route in names[turn % len(names) :] + names[: turn % len(names)]:
            begin = time.process_time()
            if route is None:
                ours = oracle.solve(state)
                spent["ours"] = time.process_time() - begin
            else:
                answers[route.name] = route.solve(case.network.at(state), case.feasible, setting.limit)
                spent[route.name] = time.process_time() - begin
        assert ours is not None
        network = case.network.at(state)
        check_ours(case, network, ours, judge)
        solved = ours.status is ArgmaxStatus.OPTIMAL
        records["ours"].ends[
            f"solved by {ours.stage.name.lower()}" if solved else ours.status.name.lower()
        ] += 1
        for name, seconds in spent.items():
            records[name].seconds.append(seconds)
            records[name].ratios.append(seconds / spent["ours"])
        for peer in routes:
            end, loss = judged(case, network, peer, answers[peer.name], ours, judge)
            records[peer.name].ends[end] += 1
            records[peer.name].loss = max(records[peer.name].loss, loss)
    print_records(records)
    return records


def print_records(records: dict[str, Record]) -> None:
    """One row a route."""
    heads = f"{'median':>10}{'mean':>10}{'most, ms':>10}{'ratio':>9}{'of means':>9}{'lost':>9}"
    print(f"  {'route':<22}{heads}  ends")
    own = statistics.fmean(records["ours"].seconds)
    for name, record in records.items():
        median, mean, most = (1e3 * f(record.seconds) for f in (statistics.median, statistics.fmean, max))
        sign = ">" if Ending.LIMIT in record.ends else ""
        ratio = f"{sign}{statistics.median(record.ratios):.1f}"
        ends = ", ".join(f"{count} {end}" for end, count in record.ends.most_common())
        print(
            f"  {name:<22}{median:>10.1f}{mean:>10.1f}{most:>10.1f}{ratio:>9}"
            f"{mean / 1e3 / own:>9.1f}{record.loss:>9.1e}  {ends}",
            flush=True,
        )


def decisions(setting: Setting, judge: Judge) -> None:
    """Budgets only."""
    for arms in setting.arms:
        bandit = counting_bandit(arms, setting.seed)
        for widths in setting.widths:
            case = make_case(setting, bandit, widths, setting.states)
            records = compare(setting, case, judge)
            bars = {"big-M 1e5, HiGHS": 5.0, "big-M 1e5, Gurobi 2 %": 5.0}
            if (arms, widths) in {(20, (32, 32)), (100, (64, 64))}:
                bars["OMLT, HiGHS"] = 10.0 if arms == 20 else 20.0
            for name, wanted in bars.items():
                if name in records:
                    ends = records[name].ends
                    failed = ends["wrong"] + ends[Ending.INFEASIBLE] + ends[Ending.ERROR]
                    note = f" (fails in {failed} states)" if failed else ""
                    own = sum(n for end, n in records["ours"].ends.items() if not end.startswith("solved"))
                    note += f" (OURS unsolved in {own} states)" if own else ""
                    ratio = statistics.median(records[name].ratios)
                    judge.at_least(
                        f"{case.name}, {name}{note}", ratio, wanted, stopped=ends[Ending.LIMIT] > 0
                    )


def set_bandits(setting: Setting) -> list[CoupledBandit]:
    """The corrected families that have one bit an arm, at up to 40 arms."""
    return [
        corrected_instance(family, rng=np.random.default_rng(setting.seed), arms=arms, budget=BUDGETS[arms])
        for arms in setting.arms
        if arms <= 40
        for family in FAMILIES
    ]


def sets(setting: Setting, judge: Judge) -> None:
    """Coupled sets."""
    for bandit in set_bandits(setting):
        case = make_case(setting, bandit, (32, 32), setting.states)
        records = compare(setting, case, judge)
        if not bandit.name.startswith("path"):
            times = [1e3 * seconds for seconds in records["ours"].seconds]
            judge.at_most(f"{case.name}, mean decision", statistics.fmean(times), 50.0)


def threads(setting: Setting, judge: Judge) -> None:
    """Two workers against one."""
    bandits: list[tuple[CoupledBandit, Widths]] = [
        (counting_bandit(arms, setting.seed), widths) for arms in setting.arms for widths in setting.widths
    ]
    bandits += [(bandit, (32, 32)) for bandit in set_bandits(setting) if bandit.num_arms == 20]
    print(f"\nbatches of {BATCH}\n  {'case':<44}{'one, ms':>10}{'two, ms':>10}{'ratio':>8}")
    for bandit, widths in bandits:
        case = make_case(setting, bandit, widths, BATCH)
        oracle = fresh_oracle(case)
        states = case.states[1:]
        oracle.solve(case.states[0])
        seconds: dict[int, list[float]] = {1: [], 2: []}
        answers: dict[int, tuple[ArgmaxResult, ...]] = {}
        for turn in range(TURNS):
            for workers in (1, 2) if turn % 2 == 0 else (2, 1):
                begin = time.perf_counter()
                answers[workers] = oracle.solve_batch(states, workers=workers)
                seconds[workers].append(time.perf_counter() - begin)
            same = all(
                np.array_equal(a.action, b.action) and a.value == b.value
                for a, b in zip(answers[1], answers[2], strict=True)
            )
            if not same:
                judge.fault(f"{case.name}: two workers answer otherwise than one")
            if sum(seconds[1]) > setting.limit:
                break
        one, two = (1e3 * statistics.median(seconds[workers]) for workers in (1, 2))
        ratio = statistics.median(a / b for a, b in zip(seconds[1], seconds[2], strict=True))
        print(f"  {case.name:<44}{one:>10.1f}{two:>10.1f}{ratio:>8.2f}", flush=True)
        judge.at_least(f"two threads, {case.name}", ratio, 1.8)


def regression(setting: Setting, judge: Judge) -> None:
    """Where the loose formulation breaks."""
    loose = next(peer for peer in peers()[0] if peer.name == "big-M 1e5, HiGHS")
    bandit = counting_bandit(100, setting.seed)
    for title, training in (("warm start only", SUPERVISED), ("trained", setting.training)):
        case = make_case(setting, bandit, (64, 64), setting.states, training)
        oracle = fresh_oracle(case, setting.limit)
        ends: Counter[str] = Counter()
        own: Counter[str] = Counter()
        for state in case.states[1:]:
            network = case.network.at(state)
            ours = oracle.solve(state)
            check_ours(case, network, ours, judge)
            own["solved" if ours.status is ArgmaxStatus.OPTIMAL else ours.status.name.lower()] += 1
            answer = loose.solve(network, case.feasible, setting.limit)
            ends[judged(case, network, loose, answer, ours, judge)[0]] += 1
        print(f"\n{case.name}, {title}, {setting.states} states")
        for name, counts in (("ours", own), (loose.name, ends)):
            print(
                f"  {name:<22}{', '.join(f'{count} {end}' for end, count in counts.most_common())}",
                flush=True,
            )


PARTS: dict[str, Callable[[Setting, Judge], None]] = {
    "decisions": decisions,
    "sets": sets,
    "threads": threads,
    "regression": regression,
}


def _widths(text: str) -> Widths:
    first, second = map(int, text.split("x"))
    return first, second


def main() -> None:
    """Run the parts that are named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--arms", type=int, nargs="+", default=[20, 40, 100], choices=sorted(BUDGETS))
    parser.add_argument("--widths", type=_widths, nargs="+", default=[(16, 32), (32, 32), (64, 64)])
    parser.add_argument("--states", type=int, default=10)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--limit", type=float, default=20.0, help="seconds for one decision")
    parser.add_argument("--nets", type=Path, default=Path("results/sequoia/nets"))
    parser.add_argument("--released", action="store_true", help="networks trained as in the released code")
    given = parser.parse_args()
    training = Released() if given.released else Effort()
    setting = Setting(given.arms, given.widths, given.states, given.seed, given.limit, given.nets, training)
    judge = Judge()
    for name in given.parts or list(PARTS):
        PARTS[name](setting, judge)
    print("\n  ".join(["\nbars", *judge.bars]))
    if judge.faults:
        sys.exit("\n".join(["objectives DISAGREE:", *judge.faults]))
    print("\nall objectives agree")


if __name__ == "__main__":
    main()
