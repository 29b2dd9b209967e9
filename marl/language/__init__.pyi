from .asking import ask_all as ask_all, choose_all as choose_all, generate_all as generate_all
from .budgeted import Budget as Budget, Budgeted as Budgeted, Price as Price
from .cached import AnswerFile as AnswerFile, Cached as Cached
from .called import CalledFunction as CalledFunction
from .endpoint import OpenAIEndpoint as OpenAIEndpoint, TokenLimit as TokenLimit
from .in_process import TransformersModel as TransformersModel
from .limited import Limited as Limited
from .model import (
    Cause as Cause,
    Choice as Choice,
    Conversation as Conversation,
    Failure as Failure,
    Finish as Finish,
    LanguageModel as LanguageModel,
    Message as Message,
    Reply as Reply,
    Request as Request,
    Role as Role,
    Sampling as Sampling,
    conversation as conversation,
)
from .replayed import Replayed as Replayed
from .retrying import Retrying as Retrying
from .scoring import Echo as Echo, FirstToken as FirstToken, Scoring as Scoring
