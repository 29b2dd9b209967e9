from .builders import (
    bradley_terry as bradley_terry,
    comal_testbed as comal_testbed,
    cyclic as cyclic,
    random_preferences as random_preferences,
    rock_paper_scissors as rock_paper_scissors,
)
from .conversion import (
    from_empirical as from_empirical,
    from_matrix_game as from_matrix_game,
    to_matrix_game as to_matrix_game,
)
from .divergences import (
    CHI_SQUARED as CHI_SQUARED,
    KL as KL,
    REVERSE_KL as REVERSE_KL,
    ChiSquared as ChiSquared,
    Divergence as Divergence,
    KullbackLeibler as KullbackLeibler,
    ReverseKullbackLeibler as ReverseKullbackLeibler,
)
from .game import PreferenceGame as PreferenceGame
from .measures import (
    PreferenceReport as PreferenceReport,
    assess_preference as assess_preference,
    best_response as best_response,
    certify_preference as certify_preference,
    gaps_of_advantages as gaps_of_advantages,
    kl_divergence as kl_divergence,
    original_gap as original_gap,
    regularised_gap as regularised_gap,
    win_rates as win_rates,
)
