from . import (
    adapters as adapters,
    empirical as empirical,
    extensive as extensive,
    influence as influence,
    normal_form as normal_form,
)
