"""The double-oracle algorithm as a solver of trees: PSRO without the population in its answer."""

from dataclasses import replace

from games.errors import UnsupportedGameError
from games.extensive.sequence_form import Behavior, SequenceForm, Utility
from games.progress import ProgressCallback, ignore_progress
from games.results import SolveResult
from solvers.psro.loop import run_psro


def solve_double_oracle(
    form: SequenceForm,
    *,
    tol: float = 1e-9,
    max_steps: int = 10_000,
    time_limit: float | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[tuple[Behavior, ...]]:
    """Nash equilibrium of a two-player constant-sum tree by growing sets of pure policies [1]_.

    Finite, because every iteration that is not the last adds a new pure policy; how many are needed
    depends on the support of some equilibrium. Suits games with equilibria of small support.

    Args:
        form: the game.
        tol: largest NashConv, in payoff ranges, still CERTIFIED.
        max_steps: most iterations.
        time_limit: seconds after which no further iteration starts.
        progress: called after each iteration.

    Raises:
        UnsupportedGameError: the game is not two-player constant-sum.

    .. [1] McMahan, Gordon, Blum (2003), Planning in the presence of cost functions controlled by an
       adversary.
    """
    if form.num_players != 2 or form.utility not in (Utility.ZERO_SUM, Utility.CONSTANT_SUM):
        raise UnsupportedGameError(
            f"double_oracle needs a two-player constant-sum game; {form.name} has {form.num_players} players "
            f"and {form.utility} payoffs. PSRO with the risk_averse meta-solver at gamma=0 takes any game"
        )
    result = run_psro(form, iterations=max_steps, tol=tol, time_limit=time_limit, progress=progress)
    return replace(result.with_solution(result.unwrap().behaviors), solver="double_oracle")
