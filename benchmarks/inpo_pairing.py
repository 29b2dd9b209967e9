"""Pairings of sampled responses: where self-play lands, and the error of win rates per judge call.

    python benchmarks/inpo_pairing.py

Bias: INPO by sampled pairs (tau = 0.1, eta = 4) on the testbed of Liu et al. (2024) and on a random game of
ten responses with reference logits N(0, 1). Every round draws groups of K = 8 responses from the policy,
collects their edges, and takes the policy whose log-ratios fit the margins best by least squares, without
limits on its form. Reported: mean regularised gap over the last third of the rounds, and for the tournament
the weight tau' whose equilibrium is nearest to where it lands. "Decided" labels are those of a judge that
always names the likelier response. Beside it the same with infinitely many groups, where expectations are
known in closed form: unbiased pairings land on the equilibrium itself, and what the tournament asks for
follows from the recursion of its bracket.

Variance: one batch of groups on the random game at its reference; mean over repeats of the weighted squared
error of the win rates less 1/2 that the margins imply, against a signal of the size printed.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.preference import (
    PreferenceGame,
    comal_testbed,
    kl_divergence,
    random_preferences,
    regularised_gap,
)
from solvers.inpo import exact_nash
from solvers.inpo.judges import Judge, MatrixJudge, decided
from solvers.inpo.pairing import (
    AllPairs,
    Group,
    Independent,
    Label,
    Pairing,
    Ring,
    Tournament,
    collect,
)

FloatArray = NDArray[np.float64]
Rates = Callable[[FloatArray], FloatArray]
"""Win rates less 1/2 that the loss asks for, given the policy."""

_PROMPT = "p"
_TAU, _ETA, _SIZE = 0.1, 4.0, 8


@dataclass(frozen=True, slots=True)
class Scheme:
    """A pairing with its labels, on groups of ``size`` responses."""

    name: str
    pairing: Pairing
    label: Label
    size: int = _SIZE


def _texts(game: PreferenceGame) -> tuple[str, ...]:
    return tuple(f"response {k}" for k in range(game.num_responses))


def sampled_rates(
    game: PreferenceGame,
    scheme: Scheme,
    judge: Judge,
    groups: int,
    policy: FloatArray,
    rng: np.random.Generator,
) -> tuple[FloatArray, int]:
    """Win rates less 1/2 fitted to the edges of ``groups`` groups, centred at the policy, and judge calls."""
    texts = _texts(game)
    drawn = rng.choice(len(texts), size=(groups, scheme.size), p=policy)
    tables = [Group(_PROMPT, tuple(texts[k] for k in row)) for row in drawn]
    found = collect(tables, scheme.pairing, judge, rng=rng, label=scheme.label)
    first = np.concatenate([row[edges.first] for row, edges in zip(drawn, found, strict=True)])
    second = np.concatenate([row[edges.second] for row, edges in zip(drawn, found, strict=True)])
    weight = np.concatenate([edges.weight for edges in found])
    margin = np.concatenate([edges.margin for edges in found])
    quadratic, linear = np.zeros((len(texts), len(texts))), np.zeros(len(texts))
    np.add.at(quadratic, (first, first), weight)
    np.add.at(quadratic, (second, second), weight)
    np.add.at(quadratic, (first, second), -weight)
    np.add.at(quadratic, (second, first), -weight)
    np.add.at(linear, first, weight * margin)
    np.add.at(linear, second, -weight * margin)
    return _fit(quadratic, linear, policy), sum(edges.counts.asked for edges in found)


def tournament_rates(wins: FloatArray, policy: FloatArray) -> FloatArray:
    """What the tournament's loss asks for in expectation; ``wins`` are the chances to go on, shape (n, n)."""
    losses = 1.0 - wins
    pairs = np.outer(policy, policy)
    law = pairs * wins + (pairs * losses).T  # of (winner, loser) after the first matches
    for _ in range(int(np.log2(_SIZE)) - 1):
        law = (
            np.einsum("wa,xb,wx,ab->wb", law, law, wins, wins, optimize=True)
            + np.einsum("wa,xb,wx,ab->wa", law, law, wins, losses, optimize=True)
            + np.einsum("wa,xb,wx,ab->xb", law, law, losses, wins, optimize=True)
            + np.einsum("wa,xb,wx,ab->xa", law, law, losses, losses, optimize=True)
        )
    kept = law * wins
    quadratic = np.diag(kept.sum(axis=0) + kept.sum(axis=1)) - kept - kept.T
    return _fit(quadratic, 0.5 * (kept.sum(axis=1) - kept.sum(axis=0)), policy)


def _fit(quadratic: FloatArray, linear: FloatArray, policy: FloatArray) -> FloatArray:
    rates = np.linalg.pinv(quadratic, hermitian=True, rcond=1e-12) @ linear
    return np.asarray(rates - policy @ rates)


def play(game: PreferenceGame, rates: Rates, rounds: int) -> tuple[float, FloatArray]:
    """Rounds of the update from the reference: mean gap and geometric mean policy of the last third."""
    log_reference = np.log(game.reference)
    logs = log_reference.copy()
    gaps, tail = [], []
    for number in range(rounds):
        policy = np.exp(logs - np.logaddexp.reduce(logs))
        pull = game.tau / _ETA
        logs = (1.0 - pull) * np.log(policy) + pull * log_reference + rates(policy) / _ETA
        if number >= rounds - rounds // 3:
            gaps.append(float(regularised_gap(game, policy)))
            tail.append(np.log(policy))
    mean = np.exp(np.mean(tail, axis=0))
    return float(np.mean(gaps)), mean / mean.sum()


def run_bias(seed: int, groups: int, rounds: int) -> None:
    """Where pairings land."""
    random = random_preferences(10, rng=np.random.default_rng(seed), reference_scale=1.0, tau=_TAU)
    for name, game in (("three responses", comal_testbed(tau=_TAU)), ("random ten", random)):
        judge = MatrixJudge(game, [_PROMPT], [_texts(game)])
        sure = np.where(game.margins == 0.0, 0.5, game.margins > 0.0)
        print(f"bias, {name}: gap from {groups} groups a round | from infinitely many")
        rows = [
            ("pairs, drawn", Independent(), Label.DRAWN, judge, lambda p, g=game: g.margins @ p),
            ("pairs, soft", Independent(), Label.SOFT, judge, lambda p, g=game: g.margins @ p),
            ("ring, soft", Ring(), Label.SOFT, judge, lambda p, g=game: g.margins @ p),
            ("pairs, decided", Independent(), Label.SOFT, decided(judge), lambda p, s=sure: (s - 0.5) @ p),
            (
                "tournament, drawn",
                Tournament(),
                Label.DRAWN,
                judge,
                lambda p, g=game: tournament_rates(0.5 + g.margins, p),
            ),
            (
                "tournament, decided",
                Tournament(),
                Label.SOFT,
                decided(judge),
                lambda p, s=sure: tournament_rates(s, p),
            ),
        ]
        for title, pairing, label, asked, expected in rows:
            rng = np.random.default_rng(seed)
            scheme = Scheme(title, pairing, label)

            def rates(policy: FloatArray, game=game, scheme=scheme, asked=asked, rng=rng) -> FloatArray:
                return sampled_rates(game, scheme, asked, groups, policy, rng)[0]

            gap, _ = play(game, rates, rounds)
            limit, landed = play(game, expected, rounds)
            line = f"   {title:20} {gap:.4f} | {limit:.4f}, KL to reference"
            line += f" {float(kl_divergence(landed, game.reference)):.2f}"
            if isinstance(pairing, Tournament):
                line += _nearest(game, landed)
            print(line)


def _nearest(game: PreferenceGame, policy: FloatArray) -> str:
    """The weight whose equilibrium is nearest."""
    weights = _TAU * np.geomspace(0.05, 2.0, 75)
    distances = [
        float(kl_divergence(exact_nash(game.with_tau(weight)).unwrap(), policy)) for weight in weights
    ]
    best = int(np.argmin(distances))
    own = float(kl_divergence(exact_nash(game).unwrap(), policy))
    return (
        f"; KL {own:.3f} to its own equilibrium, {distances[best]:.1e} to that of tau' = {weights[best]:.3f}"
    )


def run_variance(seed: int, groups: int, repeats: int) -> None:
    """Error of win rates against judge calls."""
    game = random_preferences(10, rng=np.random.default_rng(seed), reference_scale=1.0, tau=_TAU)
    policy = game.reference
    truth = game.margins @ policy
    judge = MatrixJudge(game, [_PROMPT], [_texts(game)])
    print(f"variance: {groups} groups, signal {policy @ truth**2:.1e}")
    print(f"   {'':20} calls a group   drawn    soft   of which bias^2")
    for name, pairing, size in (
        ("one pair", Independent(), 2),
        ("four pairs of 8", Independent(), _SIZE),
        ("ring of 8", Ring(), _SIZE),
        ("all pairs of 8", AllPairs(), _SIZE),
        ("tournament of 8", Tournament(), _SIZE),
    ):
        errors, biases = [], []
        for label in (Label.DRAWN, Label.SOFT):
            rng = np.random.default_rng(seed)
            scheme = Scheme(name, pairing, label, size)
            found = [sampled_rates(game, scheme, judge, groups, policy, rng) for _ in range(repeats)]
            differences = np.array([rates for rates, _ in found]) - truth
            errors.append(float((differences**2 @ policy).mean()))
            # The squared mean error overestimates the squared bias by the variance of the mean.
            spread = differences.var(axis=0, ddof=1) / repeats
            biases.append(max(float((differences.mean(axis=0) ** 2 - spread) @ policy), 0.0))
        calls = np.mean([asked for _, asked in found]) / groups
        line = f"   {name:20} {calls:8.1f}        " + " ".join(f"{error:.1e}" for error in errors)
        print(line + "  " + " ".join(f"{bias:.1e}" for bias in biases))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--groups", type=int, default=400, help="a round, in the table of biases")
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--batch", type=int, default=2_000, help="groups in the table of variances")
    parser.add_argument("--repeats", type=int, default=20)
    arguments = parser.parse_args()
    run_variance(arguments.seed, arguments.batch, arguments.repeats)
    run_bias(arguments.seed, arguments.groups, arguments.rounds)


if __name__ == "__main__":
    main()
