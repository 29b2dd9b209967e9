from .evaluation import (
    BestResponse as BestResponse,
    behaviors_of_plans as behaviors_of_plans,
    best_response as best_response,
    expected_values as expected_values,
    exploitability as exploitability,
    nash_conv as nash_conv,
    payoff_variances as payoff_variances,
    realization_plans as realization_plans,
    regrets as regrets,
    uniform_behaviors as uniform_behaviors,
)
from .fold import fold as fold
from .sequence_form import (
    Behavior as Behavior,
    Plan as Plan,
    SequenceForm as SequenceForm,
    Treeplex as Treeplex,
    Utility as Utility,
)
from .tree import TreeGame as TreeGame
