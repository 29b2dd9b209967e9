"""Normal-form games: payoff tensors, generators, a catalogue of classics, and distances to equilibrium."""

from games.normal_form.game import NormalFormGame as NormalFormGame
from games.normal_form.regret import (
    cce_gap as cce_gap,
)
from games.normal_form.regret import (
    ce_gap as ce_gap,
)
from games.normal_form.regret import (
    deviation_payoffs as deviation_payoffs,
)
from games.normal_form.regret import (
    expected_payoffs as expected_payoffs,
)
from games.normal_form.regret import (
    exploitability as exploitability,
)
from games.normal_form.regret import (
    nash_conv as nash_conv,
)
from games.normal_form.regret import (
    payoff_variances as payoff_variances,
)
from games.normal_form.regret import (
    regrets as regrets,
)
