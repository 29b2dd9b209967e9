"""What the commands do with files of trained bandit policies."""

from pathlib import Path

import numpy as np
from rich.console import Console

from games.checking import CheckReport
from games.checking_bandits import CheckEffort, check_bandit_policy
from games.storage.bandit_policies import StoredBanditPolicy, load_plain_policy
from solvers.cli.output import figures


def judge_policy(file: Path, episodes: int, *, rng: np.random.Generator) -> CheckReport:
    """Let the policy of a file play, and judge what it plays apart from the solver."""
    from solvers.sequoia.storage import playing  # torch is slow to import

    stored = load_plain_policy(file)
    return check_bandit_policy(stored, playing(stored), effort=CheckEffort(episodes), rng=rng)


def show_policy(file: Path, limit: int) -> None:
    """The bandit, the policy, what is claimed of it, and what its first decision on record hangs on."""
    from solvers.report.sequoia import decision_table, others_table
    from solvers.sequoia.storage import playing

    stored = load_plain_policy(file)
    console = Console()
    console.print(figures(file.name, _figures(stored)))
    states = stored.decisions.states[0, 0]
    explanation = playing(stored).explain(states, 0, others=min(3, limit))
    said = " ".join(str(state) for state in states.tolist())
    console.print(f"the decision at step 0 in the states {said}", highlight=False)
    console.print(decision_table(explanation, rows=limit))
    if explanation.next_best:
        console.print(others_table(explanation))


def _figures(stored: StoredBanditPolicy) -> dict[str, str]:
    bandit, result, claim = stored.bandit, stored.result, stored.claim
    plain, certificate = result.unwrap(), result.certificate
    widths = ", ".join(str(width) for width in plain.q.shape.widths)
    numbers = sum(array.size for array in plain.q.weights.values())
    return {
        "bandit": f"{bandit.name}: {bandit.num_arms} arms, {bandit.horizon} steps",
        "actions": bandit.feasible.name,
        "policy": f"{plain.name}, {plain.q.shape.kind.value}" + (f" ({widths})" if widths else ""),
        "numbers": f"{numbers:,} learned, {plain.q.base.coefficients.size:,} of additive values",
        "tolerance": f"{plain.relative:g} of the spread of Q, at least {plain.absolute:g}",
        "claimed return": f"{claim.mean:.5g} ± {1.96 * claim.error:.2g} a step, {claim.episodes} episodes",
        "any policy": "no bound in the file"
        if claim.bound is None
        else f"at most {claim.bound / bandit.horizon:.5g} a step",
        "decisions": "not certified"
        if certificate is None
        else f"{certificate.measure} at most {certificate.bound:.2g}",
        "rounds": f"{result.steps}, {result.seconds:.1f} s; {len(plain.looks['round'])} looks",
        "saved": f"{stored.created:%Y-%m-%d %H:%M %Z}",
    }
