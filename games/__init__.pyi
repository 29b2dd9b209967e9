from . import (
    adapters as adapters,
    empirical as empirical,
    extensive as extensive,
    normal_form as normal_form,
)
