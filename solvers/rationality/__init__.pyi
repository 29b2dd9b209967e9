from .estimate import Estimate as Estimate, estimate as estimate
from .handling import Handling as Handling
from .inspect_task import inspect_task as inspect_task, plays_of as plays_of
from .run import run_suite as run_suite
from .scorecard import Scorecard as Scorecard, evaluate as evaluate, score_plays as score_plays
from .variants import Variant as Variant, one_at_a_time as one_at_a_time
