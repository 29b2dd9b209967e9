from .betting import MeanCeiling as MeanCeiling, SharedRegret as SharedRegret
from .confidence import (
    Counts as Counts,
    nash_conv_certificate as nash_conv_certificate,
    payoff_intervals as payoff_intervals,
    regret_bounds as regret_bounds,
    variance_intervals as variance_intervals,
)
from .empirical_game import EmpiricalGame as EmpiricalGame
from .moments import Moments as Moments
from .risk import (
    EmpiricalRisk as EmpiricalRisk,
    RiskSource as RiskSource,
    empirical_risk as empirical_risk,
    positive_part as positive_part,
)
from .risk_confidence import empirical_risk_certificate as empirical_risk_certificate
from .risk_regret import (
    empirical_risk_nash_conv as empirical_risk_nash_conv,
    empirical_risk_payoffs as empirical_risk_payoffs,
    empirical_risk_regrets as empirical_risk_regrets,
)
