from .catalogue import Solved as Solved, scripted_player as scripted_player
from .elicitation import (
    Answers as Answers,
    Elicitation as Elicitation,
    Sampling as Sampling,
    Shown as Shown,
    Source as Source,
    UnansweredError as UnansweredError,
    Weighing as Weighing,
)
from .language import LanguagePlayer as LanguagePlayer
from .policy import PlayerPolicy as PlayerPolicy
from .protocol import Player as Player, WeighingPlayer as WeighingPlayer, Weights as Weights
from .scripted import ScriptedPlayer as ScriptedPlayer, Strategy as Strategy
from .specs import Connection as Connection, player_from_spec as player_from_spec
from .tabulation import Tabulated as Tabulated, tabulate as tabulate
from .texts import TextPlayer as TextPlayer
from .weighed import WeighedPlayer as WeighedPlayer
