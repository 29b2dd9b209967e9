"""Checking a solved preference game: its largest duality gap, computed again from what is in the file."""

import numpy as np

from games.certificates import Certificate
from games.checking import CheckReport
from games.preference import assess_preference
from games.storage.preferences import StoredPreference

_SLACK = 1e-12
"""Gaps are in units of win probability; other machines add in other orders."""


def check_preference(stored: StoredPreference) -> CheckReport:
    """Recompute the certificate of a stored preference game.

    A claimed gap that is larger than the recomputed one holds; a smaller one does not.

    Raises:
        ValueError: there is no certificate of a gap of this game to check.
    """
    game, result = stored.game, stored.result
    report = assess_preference(game, result.unwrap())
    claimed, recomputed = result.certificate, report.certificate
    if claimed is None or claimed.measure != recomputed.measure:
        raise ValueError(
            f"the result of {result.solver} holds no certificate {recomputed.measure!r}, "
            "so there is nothing to check"
        )
    agrees = recomputed.bound <= claimed.bound + _SLACK and claimed.confidence == 1.0
    messages = []
    if not agrees:
        worst = int(np.argmax(report.gaps))
        messages.append(
            f"context {worst} is {recomputed.bound:.6g} from equilibrium, "
            f"more than the {claimed.bound:.6g} claimed"
        )
    if game.tau > 0.0:
        largest = float(report.original_gaps.max())
        messages.append(f"without the {game.divergence.name} divergence the largest gap is {largest:.6g}")
    shown = Certificate(recomputed.measure, recomputed.bound)
    return CheckReport(claimed, shown, agrees, tuple(messages))
