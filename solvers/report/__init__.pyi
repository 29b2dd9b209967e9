from .bandit_policies import plot_policies as plot_policies, policies_table as policies_table
from .cross_play import (
    cross_play_record as cross_play_record,
    cross_play_table as cross_play_table,
    plot_cross_play as plot_cross_play,
)
from .episodes import (
    plot_episode as plot_episode,
    plot_hunt as plot_hunt,
    plot_merge as plot_merge,
    plot_texts as plot_texts,
    save_episode_gif as save_episode_gif,
)
from .plots import (
    plot_basins as plot_basins,
    plot_convergence as plot_convergence,
    plot_mean_variance as plot_mean_variance,
    plot_risk_frontier as plot_risk_frontier,
)
from .preference import plot_gaps as plot_gaps
from .progress import progress_bar as progress_bar
from .sequoia import (
    decision_table as decision_table,
    others_table as others_table,
    plot_learning as plot_learning,
)
from .tables import results_table as results_table
from .weights import plot_weights as plot_weights, weights_table as weights_table
