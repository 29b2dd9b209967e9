"""Classic two-player games whose interests are not opposed.

Payoffs are in the units of their sources. In a symmetric game with own payoffs A (own action by row),
the column player has the transpose.
"""

import numpy as np
from numpy.typing import ArrayLike

from games.normal_form.game import NormalFormGame


def _symmetric(own: ArrayLike, labels: tuple[str, ...], name: str) -> NormalFormGame:
    rows = np.asarray(own, dtype=np.float64)
    return NormalFormGame.bimatrix(rows, rows.T, actions=(labels, labels), name=name)


def prisoners_dilemma() -> NormalFormGame:
    """Temptation 5, reward 3, punishment 1, sucker 0.

    Source: Axelrod (1984), The Evolution of Cooperation, chapter 1; the story is Tucker's (1950).
    """
    return _symmetric([[3, 0], [5, 1]], ("cooperate", "defect"), "prisoners-dilemma")


def deadlock() -> NormalFormGame:
    """Temptation 3, punishment 2, reward 1, sucker 0: mutual defection is best for both.

    Source: Poundstone (1992), Prisoner's Dilemma, chapter 11 (ordinal payoffs).
    """
    return _symmetric([[1, 0], [3, 2]], ("cooperate", "defect"), "deadlock")


def stag_hunt() -> NormalFormGame:
    """Own payoffs 4 and -1 from the stag, 3 and 2 from the hare: the hare is risk-dominant.

    Source: story of Rousseau (1755); risk dominance of Harsanyi and Selten (1988), A General Theory of
    Equilibrium Selection in Games. The numbers are this project's standard instance.
    """
    return _symmetric([[4, -1], [3, 2]], ("stag", "hare"), "stag-hunt")


def chicken() -> NormalFormGame:
    """Payoffs (6, 6), (2, 7), (7, 2) and (0, 0); correlated equilibria pay 7.2 to 10.5 in total.

    Source: Aumann (1974), Subjectivity and correlation in randomized strategies, Journal of
    Mathematical Economics 1.
    """
    return _symmetric([[6, 2], [7, 0]], ("swerve", "straight"), "chicken")


def catastrophic_chicken(crash: float = -100.0) -> NormalFormGame:
    """Chicken in which a crash pays both ``crash``, far below every other outcome.

    Source: own design, for solvers that weigh risk. With a crash c < 2 the mixed equilibrium goes
    straight with probability 1 / (3 - c).

    Raises:
        ValueError: ``crash`` is not below 2, the payoff of swerving alone.
    """
    if not crash < 2:
        raise ValueError(f"crash must be below 2, the payoff of swerving alone, got {crash!r}")
    own = [[6.0, 2.0], [7.0, crash]]
    return _symmetric(own, ("swerve", "straight"), "catastrophic-chicken")


def hawk_dove(value: float = 2.0, cost: float = 4.0) -> NormalFormGame:
    """Two animals contest a resource worth ``value``; a lost fight costs ``cost``.

    Hawks fight and win half the time, doves share, a dove leaves the resource to a hawk. For cost
    above value the mixed equilibrium plays hawk with probability value / cost.

    Source: Maynard Smith and Price (1973), The logic of animal conflict, Nature 246.

    Raises:
        ValueError: ``value`` or ``cost`` is not positive.
    """
    if not (value > 0 and cost > 0):
        raise ValueError(f"value and cost must be positive, got {value!r} and {cost!r}")
    return _symmetric([[(value - cost) / 2, value], [0, value / 2]], ("hawk", "dove"), "hawk-dove")


def battle_of_the_sexes() -> NormalFormGame:
    """Bach or Stravinsky: 2 at the own favourite together, 1 at the other's, 0 apart.

    Source: Luce and Raiffa (1957), Games and Decisions, section 5.3; payoffs of Osborne (2004), An
    Introduction to Game Theory, figure 19.1.
    """
    rows = [[2, 0], [0, 1]]
    columns = [[1, 0], [0, 2]]
    labels = ("bach", "stravinsky")
    return NormalFormGame.bimatrix(rows, columns, actions=(labels, labels), name="battle-of-the-sexes")


def pure_coordination(places: int = 3) -> NormalFormGame:
    """Both get 1 if they choose the same of ``places`` places, else 0.

    Mixing uniformly over any common non-empty set of places is an equilibrium, which makes
    2^places - 1 of them and no others.

    Source: Schelling (1960), The Strategy of Conflict, chapter 3.

    Raises:
        ValueError: ``places`` is below one.
    """
    if places < 1:
        raise ValueError(f"places must be at least 1, got {places!r}")
    labels = tuple(f"place {k + 1}" for k in range(places))
    return _symmetric(np.eye(places), labels, "pure-coordination")


def inspection_game(
    output: float = 8.0, wage: float = 4.0, effort: float = 2.0, inspection: float = 1.0
) -> NormalFormGame:
    """A worker shirks or works; an employer inspects or trusts, and pays no wage to a caught shirker.

    The unique equilibrium shirks with probability inspection / wage and inspects with probability
    effort / wage.

    Source: Fudenberg and Tirole (1991), Game Theory, section 1.2.

    Raises:
        ValueError: unless output > wage > max(effort, inspection) and both costs are positive.
    """
    if not output > wage > max(effort, inspection) or min(effort, inspection) <= 0:
        raise ValueError(
            "need output > wage > effort, inspection > 0, "
            f"got output={output!r}, wage={wage!r}, effort={effort!r}, inspection={inspection!r}"
        )
    worker = [[0.0, wage], [wage - effort, wage - effort]]
    employer = [[-inspection, -wage], [output - wage - inspection, output - wage]]
    return NormalFormGame.bimatrix(
        worker, employer, actions=(("shirk", "work"), ("inspect", "trust")), name="inspection-game"
    )


def ochs_matching_pennies(prize: float = 4.0) -> NormalFormGame:
    """Matching pennies in which the row player's first match pays ``prize`` instead of 1.

    In equilibrium the row player still mixes evenly and the column player plays the first action with
    probability 1 / (1 + prize); people respond to their own prize instead.

    Source: Ochs (1995), Games with unique, mixed strategy equilibria: an experimental study, Games and
    Economic Behavior 10; payoffs as in McKelvey and Palfrey (1995), Games and Economic Behavior 10.

    Raises:
        ValueError: ``prize`` is not positive.
    """
    if not prize > 0:
        raise ValueError(f"prize must be positive, got {prize!r}")
    labels = (("A1", "A2"), ("B1", "B2"))
    return NormalFormGame.bimatrix(
        [[prize, 0.0], [0.0, 1.0]], [[0, 1], [1, 0]], actions=labels, name="ochs-matching-pennies"
    )


def shapley() -> NormalFormGame:
    """3x3 game on which fictitious play cycles; the unique equilibrium is uniform and pays 1/3.

    Source: Shapley (1964), Some topics in two-person games, Advances in Game Theory.
    """
    rows = np.eye(3)
    labels = (("top", "middle", "bottom"), ("left", "centre", "right"))
    return NormalFormGame.bimatrix(rows, np.roll(rows, 1, axis=1), actions=labels, name="shapley")


def shapley_1974() -> NormalFormGame:
    """3x3 symmetric game; two of its three equilibria lie on no Lemke-Howson path from the origin.

    Source: Shapley (1974), A note on the Lemke-Howson algorithm, Mathematical Programming Study 1,
    figure 3.
    """
    return _symmetric([[0, 3, 0], [2, 2, 0], [3, 0, 1]], ("1", "2", "3"), "shapley-1974")


def bernheim() -> NormalFormGame:
    """4x4 game: the first three actions of both are rationalizable, the second pair is the equilibrium.

    Source: Bernheim (1984), Rationalizable strategic behavior, Econometrica 52; payoffs as in Osborne
    and Rubinstein (1994), A Course in Game Theory, figure 57.1.
    """
    rows = [[0, 2, 7, 0], [5, 3, 5, 0], [7, 2, 0, 0], [0, 0, 0, 10]]
    columns = [[7, 5, 0, 1], [2, 3, 2, 1], [0, 5, 7, 1], [0, -2, 0, -1]]
    labels = (("a1", "a2", "a3", "a4"), ("b1", "b2", "b3", "b4"))
    return NormalFormGame.bimatrix(rows, columns, actions=labels, name="bernheim")


def travelers_dilemma(low: int = 2, high: int = 10, bonus: int = 2) -> NormalFormGame:
    """Both are paid the lower claim; the lower claimant gains ``bonus``, the higher one loses it.

    For a bonus above 1, undercutting unravels to (low, low). With claims 2 to 10 the only correlated
    equilibrium pays 4 in total, while coarse correlated equilibria pay up to 56/3.

    Source: Basu (1994), The traveler's dilemma, American Economic Review 84 (there 2 to 100).

    Raises:
        ValueError: ``high`` is below ``low``, or ``bonus`` is not positive.
    """
    if high < low or bonus <= 0:
        raise ValueError(
            f"need high >= low and a positive bonus, got low={low!r}, high={high!r}, bonus={bonus!r}"
        )
    claims = np.arange(low, high + 1)
    own, other = claims[:, None], claims[None, :]
    return _symmetric(
        np.minimum(own, other) + bonus * np.sign(other - own), tuple(map(str, claims)), "travelers-dilemma"
    )


def beauty_contest(highest: int = 5) -> NormalFormGame:
    """Two persons guess two thirds of their mean, in whole numbers 0 to ``highest``; nearest wins 1.

    The lower guess always wins and a tie shares the prize, so undercutting unravels to (0, 0).

    Source: Nagel (1995), Unraveling in guessing games, American Economic Review 85; with two persons
    Grosskopf and Nagel (2008), Games and Economic Behavior 62.

    Raises:
        ValueError: ``highest`` is below one.
    """
    if highest < 1:
        raise ValueError(f"highest must be at least 1, got {highest!r}")
    guesses = np.arange(highest + 1)
    own, other = guesses[:, None], guesses[None, :]
    # Distances to two thirds of the mean, times three: whole numbers compare exactly.
    mine, yours = np.abs(3 * own - (own + other)), np.abs(3 * other - (own + other))
    share = np.where(mine < yours, 1.0, np.where(mine == yours, 0.5, 0.0))
    return _symmetric(share, tuple(map(str, guesses)), "beauty-contest")
