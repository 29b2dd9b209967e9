from .builder import Branch as Branch, TreeBuilder as TreeBuilder
from .checks import validate_tree as validate_tree
from .correlated import (
    Deviation as Deviation,
    coarse_deviation as coarse_deviation,
    joint_cce_gap as joint_cce_gap,
    joint_ce_gap as joint_ce_gap,
    joint_values as joint_values,
    recommended_deviations as recommended_deviations,
)
from .efg import (
    format_efg as format_efg,
    parse_efg as parse_efg,
    read_efg as read_efg,
    write_efg as write_efg,
)
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
from .expand import Expansion as Expansion, expand_env as expand_env, tree_from_env as tree_from_env
from .folding import fold as fold
from .labels import (
    LabelledPolicy as LabelledPolicy,
    behaviors_of_labels as behaviors_of_labels,
    labelled_policies as labelled_policies,
)
from .normal_form import from_normal_form as from_normal_form, to_normal_form as to_normal_form
from .registry import TREES as TREES
from .sequence_form import (
    Behavior as Behavior,
    Plan as Plan,
    SequenceForm as SequenceForm,
    Treeplex as Treeplex,
    Utility as Utility,
)
from .symmetry import Symmetry as Symmetry, symmetry_of as symmetry_of
from .tree import TreeGame as TreeGame
