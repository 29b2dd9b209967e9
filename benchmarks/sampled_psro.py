"""Sampled PSRO on Kuhn poker: two processes against one, batches against single episodes, and certificates.

    OMP_NUM_THREADS=1 python benchmarks/sampled_psro.py

One and two processes must give equal numbers, which is asserted. CPU seconds show what sharing costs, also
where other work disturbs the clock: what the main process of two is busy with is not shared. The certificates
are both at confidence 0.95 and from the same number of fresh episodes: an interval per policy from the
moments of its episodes, as `regret_bounds` does, and bets on differences in shared episodes. Beside them
stands the exact NashConv among the policies, which they bound.
"""

import argparse
import resource
import time

import numpy as np

from games.adapters.open_spiel import OpenSpielGame, open_spiel_game
from games.adapters.open_spiel_tree import compile_open_spiel
from games.empirical import Counts, EmpiricalGame, Moments, regret_bounds
from games.extensive.evaluation import expected_values, nash_conv as tree_nash_conv
from games.normal_form import NormalFormGame, nash_conv
from games.results import SolveResult
from marl.oracles import TabularQ
from marl.policies.in_trees import behaviors_of_policies
from marl.rollouts import estimate_returns
from solvers.psro import (
    AdaptiveAllocation,
    OneByOne,
    SampledPSROSolution,
    SideBySide,
    Simulator,
    run_sampled_psro,
)

_VERIFICATION = 1_000


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--iterations", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=3, help="runs whose certificates are compared")
    parser.add_argument(
        "--learn", type=int, default=60_000, help="episodes per response, two processes against one"
    )
    args = parser.parse_args()
    _compare_workers(args.iterations, args.learn)
    _compare_simulators(args.iterations)
    print(f"{'seed':<6}{'by moments':>12}{'by bets':>10}{'exact':>10}{'NashConv of the game':>23}")
    for seed in range(args.seeds):
        _compare_certificates(args.iterations, seed)


def _run(
    iterations: int, seed: int, *, workers: int = 1, simulator: Simulator | None = None, learn: int = 4_000
) -> SolveResult[SampledPSROSolution]:
    return run_sampled_psro(
        open_spiel_game("kuhn_poker"),
        oracle=TabularQ(learn),
        allocation=AdaptiveAllocation(200, 3_000),
        simulator=simulator,
        iterations=iterations,
        verification=_VERIFICATION,
        rng=np.random.default_rng(seed),
        workers=workers,
    )


def _compare_workers(iterations: int, learn: int) -> None:
    print(f"{'processes':<12}{'seconds':>9}{'speed-up':>10}{'CPU seconds: main':>19}{'others':>8}")
    results, busy, others = {}, {}, {}
    for number in (1, 2):
        began, before = time.process_time(), _seconds_of_children()
        # Learning shares two responses between two processes; simulation and verification, many pieces.
        results[number] = _run(iterations, 0, workers=number, simulator=OneByOne(), learn=learn)
        busy[number] = time.process_time() - began
        others[number] = _seconds_of_children() - before
    one, two = results[1].unwrap(), results[2].unwrap()
    for key, array in one.empirical.arrays().items():
        np.testing.assert_array_equal(array, two.empirical.arrays()[key])
    if results[1].certificate != results[2].certificate:
        raise AssertionError("the certificates of one and two processes differ")
    for number, result in results.items():
        speed_up = results[1].seconds / result.seconds
        print(
            f"{number:<12}{result.seconds:>9.2f}{speed_up:>10.2f}{busy[number]:>19.2f}{others[number]:>8.2f}"
        )


def _seconds_of_children() -> float:
    """CPU time of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _compare_simulators(iterations: int) -> None:
    print(f"\n{'cells played':<24}{'episodes/s':>12}")
    game, solution = open_spiel_game("kuhn_poker"), _run(iterations, 0).unwrap()
    pair, episodes = [group[-1] for group in solution.policies], 20_000
    for simulator in (OneByOne(), SideBySide()):
        simulator.moments(game, pair, 100, rng=np.random.default_rng(0))  # compiled, if it is to be
        began = time.perf_counter()
        simulator.moments(game, pair, episodes, rng=np.random.default_rng(0))
        print(f"{simulator.name:<24}{episodes / (time.perf_counter() - began):>12.0f}")
    print()


def _compare_certificates(iterations: int, seed: int) -> None:
    game, result = open_spiel_game("kuhn_poker"), _run(iterations, seed)
    assert result.certificate is not None  # every run ends with one
    restricted, whole = _exact(game, result.unwrap())
    print(
        f"{seed:<6}{_by_moments(game, result.unwrap(), seed):>12.3f}{result.certificate.bound:>10.3f}"
        f"{restricted:>10.3f}{whole:>23.3f}"
    )


def _by_moments(game: OpenSpielGame, solution: SampledPSROSolution, seed: int) -> float:
    """The certificate by one interval per policy against the others' mixtures."""
    rng, players = np.random.default_rng(seed), solution.players()
    bound = 0.0
    for i, group in enumerate(solution.policies):
        meeting = EmpiricalGame(2, game.payoff_bounds)
        meeting.add_policy(1 - i)
        for k, policy in enumerate(group):
            meeting.add_policy(i)
            seated = [policy if j == i else p for j, p in enumerate(players)]
            estimate = estimate_returns(game, seated, _VERIFICATION, rng=rng)
            cell = [k if j == i else 0 for j in range(2)]
            meeting.record(cell, Moments.of_variance(estimate.episodes, estimate.mean, estimate.variance))
        profile = [solution.profile[j] if j == i else [1.0] for j in range(2)]
        bound += float(regret_bounds(meeting, profile, confidence=0.975, counts=Counts.FIXED)[i])
    return bound


def _exact(game: OpenSpielGame, solution: SampledPSROSolution) -> tuple[float, float]:
    """NashConv among the policies, and in the whole game."""
    form = compile_open_spiel(game.spiel_game)
    payoffs = np.empty((2, *map(len, solution.policies)))
    for cell in np.ndindex(payoffs.shape[1:]):
        pair = [group[k] for group, k in zip(solution.policies, cell, strict=True)]
        payoffs[(slice(None), *cell)] = expected_values(form, behaviors_of_policies(game, form, pair))
    whole = tree_nash_conv(form, behaviors_of_policies(game, form, solution.players()))
    return nash_conv(NormalFormGame(payoffs), solution.profile), whole


if __name__ == "__main__":
    main()
