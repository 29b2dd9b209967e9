"""Statistics of measured players: intervals that cover, tests for pairs, and how much to play."""

from solvers.rationality.statistics.bootstrap import cluster_bootstrap as cluster_bootstrap
from solvers.rationality.statistics.intervals import Interval as Interval, distinguishable as distinguishable
from solvers.rationality.statistics.means import mean_interval as mean_interval
from solvers.rationality.statistics.measures import (
    mean_measure as mean_measure,
    rate_measure as rate_measure,
)
from solvers.rationality.statistics.planning import (
    sample_size as sample_size,
    sample_size_of_difference as sample_size_of_difference,
)
from solvers.rationality.statistics.rates import (
    clopper_pearson as clopper_pearson,
    rate_interval as rate_interval,
    wilson as wilson,
)
from solvers.rationality.statistics.testing import holm as holm, paired_permutation as paired_permutation
