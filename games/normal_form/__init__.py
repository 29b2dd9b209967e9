"""Normal-form games: payoff tensors, generators, a catalogue of classics, and distances to equilibrium."""

from games.normal_form.game import NormalFormGame as NormalFormGame
from games.normal_form.known import (
    KnownGame as KnownGame,
    known_game as known_game,
    known_games as known_games,
)
from games.normal_form.nfg import (
    format_nfg as format_nfg,
    parse_nfg as parse_nfg,
    read_nfg as read_nfg,
    write_nfg as write_nfg,
)
from games.normal_form.quantal import (
    logit_residual as logit_residual,
    logit_responses as logit_responses,
)
from games.normal_form.registry import GAMES as GAMES, load_named as load_named
from games.normal_form.regret import (
    cce_gap as cce_gap,
    ce_gap as ce_gap,
    deviation_payoffs as deviation_payoffs,
    expected_payoffs as expected_payoffs,
    exploitability as exploitability,
    nash_conv as nash_conv,
    payoff_variances as payoff_variances,
    regrets as regrets,
)
from games.normal_form.selection import (
    FiniteSelection as FiniteSelection,
    InfiniteSelection as InfiniteSelection,
    Selection as Selection,
    selection_residual as selection_residual,
    single_selection_residual as single_selection_residual,
)
from games.normal_form.structure import exact_potential as exact_potential
