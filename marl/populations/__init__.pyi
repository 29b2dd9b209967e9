from .behavior import BehaviorPolicy as BehaviorPolicy, policies_of_plans as policies_of_plans
from .compiled import CompiledGame as CompiledGame
from .game_kinds import (
    action_label as action_label,
    compile_game as compile_game,
    playable as playable,
    view_of as view_of,
)
from .grid_kinds import with_recall as with_recall
from .population import (
    Population as Population,
    population_of_plans as population_of_plans,
    population_of_play as population_of_play,
)
from .recall import Recalled as Recalled, RecallGame as RecallGame, event_of as event_of
from .storage import load_population as load_population, save_population as save_population
