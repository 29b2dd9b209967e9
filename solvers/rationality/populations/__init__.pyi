from .exploits import (
    Exploits as Exploits,
    LearntExploit as LearntExploit,
    best_responses as best_responses,
    learnt_exploits as learnt_exploits,
    player_exploitability as player_exploitability,
)
from .pool import (
    Participant as Participant,
    Pool as Pool,
    meetings as meetings,
    participant_of as participant_of,
    play_pool as play_pool,
    starting_behaviors as starting_behaviors,
    weigh_pool as weigh_pool,
)
from .rating import (
    PoolRatings as PoolRatings,
    matches_among as matches_among,
    rate_pool as rate_pool,
)
