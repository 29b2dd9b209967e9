"""Zero-sum matrix games: our methods against scipy, OpenSpiel, cvxpy and quantecon, and growing games.

Run ``python benchmarks/zero_sum.py`` (``--large`` adds n = 1000, ``--double-oracle`` and ``--formulations``
print the other tables). Every peer solves the same games in turn with every other, so a busy machine slows
all of them alike; the times are medians and the ratios medians of the ratios within one round. NashConv is
the largest met, in units of the payoff range, computed by ``games`` for everybody.

Peers that are not installed are left out. Set OMP_NUM_THREADS=1 for a comparison of single threads.
"""

import argparse
import functools
import statistics
import time
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from games.normal_form import NormalFormGame, nash_conv
from solvers.equilibrium import (
    MatrixLP,
    MatrixSimplex,
    solve_zero_sum,
    solve_zero_sum_lp,
    solve_zero_sum_pivoting,
    solve_zero_sum_prm,
)

Matrix = NDArray[np.float64]
Pair = tuple[Matrix, Matrix]
Solve = Callable[[NormalFormGame], Pair]

SLOW_FROM = {"OpenSpiel": 500, "scipy": 2000, "cvxpy+CLARABEL": 2000, "lp": 2000, "quantecon": 500}


def _ours(solver: Callable, **options: float | bool) -> Solve:
    return lambda game: solver(game, **options).unwrap()


def _scipy(game: NormalFormGame) -> Pair:
    from scipy.optimize import linprog

    a = game.payoffs[0]
    m, n = a.shape
    found = linprog(
        np.append(np.zeros(m), -1.0),
        A_ub=np.column_stack([-a.T, np.ones(n)]),
        b_ub=np.zeros(n),
        A_eq=np.append(np.ones(m), 0.0)[None],
        b_eq=[1.0],
        bounds=[(0, None)] * m + [(None, None)],
        method="highs",
    )
    return _mixture(found.x[:m]), _mixture(-found.ineqlin.marginals)


def _open_spiel(game: NormalFormGame) -> Pair:
    import pyspiel
    from open_spiel.python.algorithms import lp_solver

    a = game.payoffs[0]
    found = lp_solver.solve_zero_sum_matrix_game(pyspiel.create_matrix_game(a.tolist(), (-a).tolist()))
    return _mixture(np.ravel(found[0])), _mixture(np.ravel(found[1]))


def _clarabel(game: NormalFormGame) -> Pair:
    import cvxpy

    a = game.payoffs[0]
    x, v = cvxpy.Variable(a.shape[0], nonneg=True), cvxpy.Variable()
    secure = a.T @ x >= v
    cvxpy.Problem(cvxpy.Maximize(v), [secure, cvxpy.sum(x) == 1]).solve(solver=cvxpy.CLARABEL)
    return _mixture(x.value), _mixture(np.abs(secure.dual_value))


def _quantecon(game: NormalFormGame) -> Pair:
    from quantecon.optimize import minmax

    _, x, y = minmax(game.payoffs[0])
    return _mixture(x), _mixture(y)


def _mixture(weights: Matrix) -> Matrix:
    clipped = np.maximum(weights, 0.0)
    return np.asarray(clipped / clipped.sum())


METHODS: dict[str, Solve] = {
    "dispatch": _ours(solve_zero_sum),
    "pivoting": _ours(solve_zero_sum_pivoting),
    "lp": _ours(solve_zero_sum_lp),
    "prm 1e-3": _ours(solve_zero_sum_prm, tol=1e-3, polish=False),
    "prm 1e-4": _ours(solve_zero_sum_prm, tol=1e-4, polish=False),
    "prm 1e-6": _ours(solve_zero_sum_prm, tol=1e-6, polish=False),
    "prm+polish": _ours(solve_zero_sum_prm),
    "scipy": _scipy,
    "OpenSpiel": _open_spiel,
    "cvxpy+CLARABEL": _clarabel,
    "quantecon": _quantecon,
}


def available() -> dict[str, Solve]:
    """The methods whose packages are there; this also compiles kernels and warms caches."""
    game = NormalFormGame.zero_sum(np.random.default_rng(0).uniform(-1, 1, (210, 210)))
    small = NormalFormGame.zero_sum([[2, -1], [-1, 1]])
    found = {}
    for name, solve in METHODS.items():
        try:
            solve(small)
        except ImportError:
            continue
        found[name] = solve
    METHODS["dispatch"](game)
    return found


def compare(sizes: Iterable[int]) -> None:
    """Print the table of cold solves."""
    methods = available()
    for n in sizes:
        rounds = {3: 41, 10: 41, 30: 21, 100: 7, 300: 3}.get(n, 2)
        taking_part = {k: s for k, s in methods.items() if n < SLOW_FROM.get(k, 10**9)}
        seconds: dict[str, list[float]] = {name: [] for name in taking_part}
        gaps = dict.fromkeys(taking_part, 0.0)
        for seed in range(rounds):
            game = NormalFormGame.zero_sum(np.random.default_rng(seed).uniform(-1, 1, (n, n)))
            for name, solve in taking_part.items():
                start = time.perf_counter()
                pair = solve(game)
                seconds[name].append(time.perf_counter() - start)
                gaps[name] = max(gaps[name], nash_conv(game, pair) / np.ptp(game.payoffs[0]))
        print(f"\nn = {n}, uniform(-1, 1), {rounds} rounds")
        print(f"{'method':<16}{'ms':>12}{'x dispatch':>12}{'NashConv / range':>20}")
        for name, times in seconds.items():
            ratios = [t / base for t, base in zip(times, seconds["dispatch"], strict=True)]
            print(
                f"{name:<16}{1e3 * statistics.median(times):>12.3f}{statistics.median(ratios):>12.2f}"
                f"{gaps[name]:>20.1e}"
            )


def _grow(whole: Matrix, steps: int, engine: type[MatrixLP] | type[MatrixSimplex], warm: bool) -> list[float]:
    """Double oracle on ``whole``: seconds spent in the restricted games, after every step."""
    s, t = [0], [0]
    game = engine(whole[np.ix_(s, t)])
    spent, after = 0.0, []
    for _ in range(steps):
        start = time.perf_counter()
        if not warm:
            game = engine(whole[np.ix_(s, t)])
        solution = game.solve()
        spent += time.perf_counter() - start
        after.append(spent)
        earned, conceded = whole[:, t] @ solution.columns, solution.rows @ whole[s]
        # Once no action beats the mixture any other will do: the game has to keep growing.
        earned[s], conceded[t] = -np.inf, np.inf
        i, j = int(earned.argmax()), int(conceded.argmin())
        start = time.perf_counter()
        if warm:
            game.add_row(whole[i, t])
            game.add_column(whole[[*s, i], j])
        spent += time.perf_counter() - start
        s.append(i)
        t.append(j)
    return after


def double_oracle() -> None:
    """Print what a best row and a best column a step cost, warm and cold."""
    available()
    rng = np.random.default_rng(1)
    hidden = {
        "uniform 2000 x 2000": (rng.uniform(-1, 1, (2000, 2000)), 200),
        "rank 40, 2000 x 2000": (rng.normal(size=(2000, 40)) @ rng.normal(size=(40, 2000)), 400),
    }
    print(f"\n{'double oracle':<24}{'engine':<22}{'steps':>7}{'ms':>12}{'x warm pivoting':>17}")
    for name, (whole, steps) in hidden.items():
        base: list[float] = []
        for engine in (MatrixSimplex, MatrixLP):
            for warm in (True, False):
                after = min((_grow(whole, steps, engine, warm) for _ in range(2)), key=lambda a: a[-1])
                base = base or after
                label = f"{engine.__name__} {'warm' if warm else 'cold'}"
                for k in (30, 100, 200, 400):
                    if k <= steps:
                        ratio = after[k - 1] / base[k - 1]
                        print(f"{name:<24}{label:<22}{k:>7}{1e3 * after[k - 1]:>12.1f}{ratio:>17.1f}")


def _program(a: Matrix, *, free_value: bool, strategy: int, shift: float = 1.0) -> float:
    """Seconds HiGHS needs for one formulation: shifted positive payoffs, or a free value variable."""
    import highspy

    scaled = (a - a.min()) / np.ptp(a) + shift
    m, n = scaled.shape
    inf = highspy.kHighsInf
    start = time.perf_counter()
    highs = highspy.Highs()
    for name, value in {
        "output_flag": False,
        "threads": 1,
        "presolve": "off",
        "solver": "simplex",
        "simplex_strategy": strategy,
    }.items():
        highs.setOptionValue(name, value)
    if free_value:  # min v subject to B y - v <= 0, sum(y) = 1
        body = np.ones((m + 1, n + 1))
        body[:m, :n], body[:m, n], body[m, n] = scaled, -1.0, 0.0
        cost, low = np.append(np.zeros(n), -1.0), np.append(np.zeros(n), -inf)
        least, most = np.append(np.full(m, -inf), 1.0), np.append(np.zeros(m), 1.0)
    else:
        body, cost, low = scaled, np.ones(n), np.zeros(n)
        least, most = np.full(m, -inf), np.ones(m)
    height, width = body.shape
    highs.passModel(
        width, height, body.size, 2, -1, 0.0, cost, low, np.full(width, inf), least, most,
        np.arange(0, body.size + 1, width, dtype=np.int32),
        np.tile(np.arange(width, dtype=np.int32), height), body.ravel(), np.zeros(width, dtype=np.int32),
    )  # fmt: skip
    highs.run()
    highs.getSolution()
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise RuntimeError(f"HiGHS ended with {highs.getModelStatus()}")
    return time.perf_counter() - start


def formulations() -> None:
    """Print the time of both formulations with the dual and the primal simplex method of HiGHS."""
    variants = {
        f"{'free value' if free else 'shifted'}, {'dual' if strategy == 1 else 'primal'}": functools.partial(
            _program, free_value=free, strategy=strategy
        )
        for free in (False, True)
        for strategy in (1, 4)
    }
    print(f"\n{'HiGHS, n =':<20}" + "".join(f"{n:>10}" for n in (3, 10, 30, 100, 300)) + "   (ms)")
    table: dict[str, list[float]] = {name: [] for name in variants}
    for n, rounds in ((3, 61), (10, 61), (30, 41), (100, 15), (300, 5)):
        seconds: dict[str, list[float]] = {name: [] for name in variants}
        for seed in range(rounds):
            a = np.random.default_rng(seed).uniform(-1, 1, (n, n))
            for name, variant in variants.items():
                seconds[name].append(variant(a))
        for name, times in seconds.items():
            table[name].append(1e3 * statistics.median(times))
    for name, row in table.items():
        print(f"{name:<20}" + "".join(f"{ms:>10.3f}" for ms in row))


def main() -> None:
    """Print the tables asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--large", action="store_true", help="add n = 1000 (minutes)")
    parser.add_argument("--double-oracle", action="store_true", help="growing games instead")
    parser.add_argument("--formulations", action="store_true", help="linear programs in HiGHS instead")
    arguments = parser.parse_args()
    if arguments.double_oracle:
        double_oracle()
    elif arguments.formulations:
        formulations()
    else:
        compare([3, 10, 30, 100, 300] + ([1000] if arguments.large else []))


if __name__ == "__main__":
    main()
