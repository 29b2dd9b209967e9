from .bradley_terry import (
    BradleyTerryOpponent as BradleyTerryOpponent,
    bradley_terry_rewards as bradley_terry_rewards,
)
from .exact import exact_nash as exact_nash
from .method import (
    Output as Output,
    PreferenceMethod as PreferenceMethod,
)
from .parts import (
    Anchor as Anchor,
    CurrentAnchor as CurrentAnchor,
    CurrentOpponent as CurrentOpponent,
    FixedReference as FixedReference,
    HalfStep as HalfStep,
    HistoryAnchor as HistoryAnchor,
    HistoryOpponent as HistoryOpponent,
    LaggedAnchor as LaggedAnchor,
    MixtureOpponent as MixtureOpponent,
    MovingAverage as MovingAverage,
    Opponent as Opponent,
    ReferenceSchedule as ReferenceSchedule,
    ResetEvery as ResetEvery,
    ResetWhenSolved as ResetWhenSolved,
)
from .presets import (
    comal as comal,
    egpo as egpo,
    inpo as inpo,
    iterative_dpo as iterative_dpo,
    mnpo as mnpo,
    mpo as mpo,
    nash_md as nash_md,
    online_ipo as online_ipo,
    onpo as onpo,
    rspo as rspo,
    sppo as sppo,
)
from .solve import (
    PreferenceSolution as PreferenceSolution,
    PreferenceTrace as PreferenceTrace,
    solve_preference as solve_preference,
)
from .steps import (
    AutomaticStep as AutomaticStep,
    ConstantStep as ConstantStep,
    InpoStep as InpoStep,
    StepSchedule as StepSchedule,
    TheoryStep as TheoryStep,
    UnstableStepWarning as UnstableStepWarning,
    stability_bound as stability_bound,
)
