from .callables import (
    BatchCallableJudge as BatchCallableJudge,
    CallableJudge as CallableJudge,
)
from .former_protocol import (
    FormerPairwiseJudge as FormerPairwiseJudge,
    PairwiseJudge as PairwiseJudge,
)
from .labels import (
    DecidedJudge as DecidedJudge,
    SampledJudge as SampledJudge,
    decided as decided,
    sampled as sampled,
)
from .language_models import (
    ChoiceJudge as ChoiceJudge,
    ReplyJudge as ReplyJudge,
    read_verdict as read_verdict,
)
from .matrix import MatrixJudge as MatrixJudge
from .orders import (
    BothOrders as BothOrders,
    PositionBias as PositionBias,
    position_bias as position_bias,
)
from .recorded import (
    RecordCounts as RecordCounts,
    RecordedJudge as RecordedJudge,
)
from .rewards import (
    Reward as Reward,
    RewardJudge as RewardJudge,
)
from .sequence_classifiers import (
    Classifier as Classifier,
    PairClassifierJudge as PairClassifierJudge,
    RewardModel as RewardModel,
)
from .templates import (
    CHOICE_TEMPLATE as CHOICE_TEMPLATE,
    REPLY_TEMPLATE as REPLY_TEMPLATE,
    PairTemplate as PairTemplate,
)
from .verdicts import (
    Comparison as Comparison,
    Judge as Judge,
    OnVerdict as OnVerdict,
    Prompt as Prompt,
    Verdict as Verdict,
)
