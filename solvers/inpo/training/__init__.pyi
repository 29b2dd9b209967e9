from .config import INPOConfig as INPOConfig
from .diagnostics import (
    PassReport as PassReport,
    RoundReport as RoundReport,
    win_matrix as win_matrix,
)
from .generation import (
    EndpointGenerator as EndpointGenerator,
    Generator as Generator,
    ServedPolicy as ServedPolicy,
    TransformersGenerator as TransformersGenerator,
)
from .groups import (
    Response as Response,
    Sample as Sample,
    TokenisedPrompt as TokenisedPrompt,
)
from .passes import (
    LossKind as LossKind,
    Method as Method,
    Pass as Pass,
    Pull as Pull,
    Source as Source,
)
from .testbed import (
    Testbed as Testbed,
    make_testbed as make_testbed,
)
from .trainer import INPOTrainer as INPOTrainer
