from . import (
    adapters as adapters,
    bandits as bandits,
    empirical as empirical,
    extensive as extensive,
    influence as influence,
    normal_form as normal_form,
    preference as preference,
)
