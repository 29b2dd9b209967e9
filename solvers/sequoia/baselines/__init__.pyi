from .dynamic_programming import (
    ExactPolicy as ExactPolicy,
    exact as exact,
    exact_value as exact_value,
)
from .greedy import greedy_action as greedy_action, iterative_myopic as iterative_myopic
from .lagrange_policy import (
    LagrangePolicy as LagrangePolicy,
    lagrange as lagrange,
    pattern_values as pattern_values,
)
from .multipliers import (
    Effort as Effort,
    Multipliers as Multipliers,
    best_multipliers as best_multipliers,
)
from .network_policies import (
    StateReader as StateReader,
    arm_states as arm_states,
    iterative_network as iterative_network,
    local_search_network as local_search_network,
)
from .one_step import myopic as myopic
from .policy import (
    NamedPolicy as NamedPolicy,
    RememberedPolicy as RememberedPolicy,
    each_state as each_state,
    score_policy as score_policy,
)
from .ppo import ProjectedPPO as ProjectedPPO, projected_ppo as projected_ppo
from .separable import SeparableMaximiser as SeparableMaximiser
from .simple import (
    RandomPolicy as RandomPolicy,
    SamplingPolicy as SamplingPolicy,
    idle as idle,
    random_actions as random_actions,
)
from .whittle_indices import (
    WhittleIndices as WhittleIndices,
    discounted_indices as discounted_indices,
    discounted_whittle as discounted_whittle,
    finite_horizon_indices as finite_horizon_indices,
    whittle as whittle,
)
