from .episodes import PlannersEpisodes as PlannersEpisodes, play_planners as play_planners
from .exact_response import (
    ExactCells as ExactCells,
    MarkovResponse as MarkovResponse,
    best_markov_response as best_markov_response,
    exact_moments as exact_moments,
)
from .mean_field import mean_field_bandit as mean_field_bandit
from .network_policy import NetworkPlanner as NetworkPlanner
from .response_learner import ResponseLearner as ResponseLearner
from .sequoia_response import SequoiaResponse as SequoiaResponse
from .superset_base import SupersetBase as SupersetBase
from .tables import TablePolicy as TablePolicy, certify_planners as certify_planners
from .worst_case import (
    RobustPlan as RobustPlan,
    robust_plan as robust_plan,
    worst_nature as worst_nature,
)
