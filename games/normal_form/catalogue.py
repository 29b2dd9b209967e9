"""Named classic games, each a function that returns a NormalFormGame with labelled actions.

Called without arguments, every function gives the published instance; `games.normal_form.known` lists
the equilibria of those instances, `games.normal_form.registry` their names.
"""

from games.normal_form.catalogue_bimatrix import (
    battle_of_the_sexes as battle_of_the_sexes,
    beauty_contest as beauty_contest,
    bernheim as bernheim,
    catastrophic_chicken as catastrophic_chicken,
    chicken as chicken,
    deadlock as deadlock,
    hawk_dove as hawk_dove,
    inspection_game as inspection_game,
    ochs_matching_pennies as ochs_matching_pennies,
    prisoners_dilemma as prisoners_dilemma,
    pure_coordination as pure_coordination,
    shapley as shapley,
    shapley_1974 as shapley_1974,
    stag_hunt as stag_hunt,
    travelers_dilemma as travelers_dilemma,
)
from games.normal_form.catalogue_catastrophic import (
    guarded_pass as guarded_pass,
    lonely_stag_hunt as lonely_stag_hunt,
    risky_column as risky_column,
    three_lanes as three_lanes,
)
from games.normal_form.catalogue_experiments import (
    goeree_holt_palfrey_4 as goeree_holt_palfrey_4,
    selten_chmura_1 as selten_chmura_1,
    selten_chmura_2 as selten_chmura_2,
    selten_chmura_3 as selten_chmura_3,
    selten_chmura_4 as selten_chmura_4,
    selten_chmura_5 as selten_chmura_5,
    selten_chmura_6 as selten_chmura_6,
    selten_chmura_7 as selten_chmura_7,
    selten_chmura_8 as selten_chmura_8,
    selten_chmura_9 as selten_chmura_9,
    selten_chmura_10 as selten_chmura_10,
    selten_chmura_11 as selten_chmura_11,
    selten_chmura_12 as selten_chmura_12,
)
from games.normal_form.catalogue_multiplayer import (
    minority_game as minority_game,
    nau_irrational as nau_irrational,
    public_goods as public_goods,
    seltens_horse as seltens_horse,
    three_player_matching_pennies as three_player_matching_pennies,
    volunteers_dilemma as volunteers_dilemma,
)
from games.normal_form.catalogue_zero_sum import (
    colonel_blotto as colonel_blotto,
    lieberman as lieberman,
    matching_pennies as matching_pennies,
    odd_or_even as odd_or_even,
    oneill as oneill,
    penalty_kick as penalty_kick,
    rapoport_boebel as rapoport_boebel,
    rock_paper_scissors as rock_paper_scissors,
    rock_paper_scissors_lizard_spock as rock_paper_scissors_lizard_spock,
    two_finger_morra as two_finger_morra,
    weighted_rock_paper_scissors as weighted_rock_paper_scissors,
)
