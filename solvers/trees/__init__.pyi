from .cfr import (
    Answer as Answer,
    CFRRun as CFRRun,
    CFRSolution as CFRSolution,
    CFRSolver as CFRSolver,
    CFRTrace as CFRTrace,
    solve_cfr as solve_cfr,
)
from .cfr_state import (
    CFRState as CFRState,
    Updates as Updates,
    load_cfr_state as load_cfr_state,
    save_cfr_state as save_cfr_state,
)
from .sequence_form_lp import solve_sequence_form_lp as solve_sequence_form_lp
from .variants import (
    CFR as CFR,
    CFRPlus as CFRPlus,
    Discounted as Discounted,
    Linear as Linear,
    PredictiveDiscounted as PredictiveDiscounted,
    PredictivePlus as PredictivePlus,
    Variant as Variant,
)
