"""Two-player games with a catastrophic cell: small chances of it decide what a player who dislikes risk does.

All are of this project's own design. The numbers are payoffs; ``examples/catastrophic_cells.py`` draws what
aversion to risk makes of each game. ``games.normal_form.catalogue_bimatrix`` holds chicken with a
catastrophic crash.
"""

import numpy as np
from numpy.typing import ArrayLike

from games.normal_form.game import NormalFormGame


def _symmetric(own: ArrayLike, labels: tuple[str, ...], name: str) -> NormalFormGame:
    rows = np.asarray(own, dtype=np.float64)
    return NormalFormGame.bimatrix(rows, rows.T, actions=(labels, labels), name=name)


def lonely_stag_hunt(alone: float = -20.0) -> NormalFormGame:
    """Stag hunt in which a lone stag hunter loses ``alone``; a common stag pays 4, a hare always 2.

    The mixed equilibrium hunts stags with probability (2 - alone) / (4 - alone): the worse loneliness, the
    surer one must be of the other. Hares are risk-dominant for alone < 0.

    Source: own design, after Rousseau's (1755) stag hunt.

    Raises:
        ValueError: ``alone`` is not below 2, the payoff of a hare.
    """
    if not alone < 2:
        raise ValueError(f"alone must be below 2, the payoff of a hare, got {alone!r}")
    return _symmetric([[4.0, alone], [2.0, 2.0]], ("stag", "hare"), "lonely-stag-hunt")


def risky_column(disaster: float = -30.0) -> NormalFormGame:
    """The row "bold" pays 5 instead of the careful 4, but ends in ``disaster`` under a dominated column.

    The column "common" pays 1 and dominates "rare", which pays 0.9, so (bold, common) is the only
    equilibrium, and at every aversion to risk, unless the row player believes in trembles.

    Source: own design.

    Raises:
        ValueError: ``disaster`` is not below 4, the payoff of care.
    """
    if not disaster < 4:
        raise ValueError(f"disaster must be below 4, the payoff of care, got {disaster!r}")
    rows = [[5.0, disaster], [4.0, 4.0]]
    columns = [[1.0, 0.9], [1.0, 0.9]]
    labels = (("bold", "careful"), ("common", "rare"))
    return NormalFormGame.bimatrix(rows, columns, actions=labels, name="risky-column")


def guarded_pass(ambush: float = -50.0) -> NormalFormGame:
    """Matching pennies on a mountain: the short pass saves 3 unless it is guarded, where it costs ``ambush``.

    The traveller gets 3 from the open short pass, 0 from the open long one, ``ambush`` from the guarded short
    pass and -1 from the guarded long one; the guard gets 1 where the traveller is, else 0. In equilibrium the
    traveller takes either pass evenly and the short one is guarded with probability 4 / (4 - ambush).

    Source: own design; asymmetric matching pennies as in Ochs (1995).

    Raises:
        ValueError: ``ambush`` is not below 0, the payoff of the long pass.
    """
    if not ambush < 0:
        raise ValueError(f"ambush must be below 0, the payoff of the long pass, got {ambush!r}")
    rows = [[ambush, 3.0], [0.0, -1.0]]
    columns = [[1.0, 0.0], [0.0, 1.0]]
    labels = (("short", "long"), ("guard short", "guard long"))
    return NormalFormGame.bimatrix(rows, columns, actions=labels, name="guarded-pass")


def three_lanes(crash: float = -60.0) -> NormalFormGame:
    """Two drivers choose fast, middle or shoulder; both fast crash and pay ``crash`` each.

    Own payoffs, own lane by row: fast (crash, 6, 7), middle (3, 2, 4), shoulder (1, 1, 1). The fast lane is
    best unless the other takes it, and the shoulder costs little and never surprises. Equilibria are (fast,
    middle), its mirror image, and fast with probability 4 / (7 - crash), else middle.

    Source: own design, a 3x3 chicken.

    Raises:
        ValueError: ``crash`` is not below 1, the payoff of the shoulder.
    """
    if not crash < 1:
        raise ValueError(f"crash must be below 1, the payoff of the shoulder, got {crash!r}")
    own = [[crash, 6.0, 7.0], [3.0, 2.0, 4.0], [1.0, 1.0, 1.0]]
    return _symmetric(own, ("fast", "middle", "shoulder"), "three-lanes")
