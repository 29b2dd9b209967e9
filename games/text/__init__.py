"""Games in words: a situation as text for a player who reads, and an answer read back."""

from games.text.decisions import (
    Attempt as Attempt,
    Decision as Decision,
    Layer as Layer,
    Outcome as Outcome,
    Reading as Reading,
)
from games.text.questions import (
    Aspect as Aspect,
    Exchange as Exchange,
    Framing as Framing,
    Language as Language,
    Prompt as Prompt,
    Question as Question,
    Reasoning as Reasoning,
    Wording as Wording,
)
from games.text.situations import (
    AllocationSituation as AllocationSituation,
    BundleSituation as BundleSituation,
    Joint as Joint,
    MatrixSituation as MatrixSituation,
    PlaySituation as PlaySituation,
    Remark as Remark,
    Situation as Situation,
)
