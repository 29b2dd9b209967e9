from .episodes import (
    plot_hunt as plot_hunt,
    plot_merge as plot_merge,
    save_episode_gif as save_episode_gif,
)
from .plots import (
    plot_basins as plot_basins,
    plot_convergence as plot_convergence,
    plot_mean_variance as plot_mean_variance,
    plot_risk_frontier as plot_risk_frontier,
)
from .progress import progress_bar as progress_bar
from .tables import results_table as results_table
