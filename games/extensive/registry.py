"""Names of the catalogued trees, for the command line and specs."""

from games.registry import Registry

TREES = Registry("tree game")
"""Every catalogued game tree; an entry loads a function whose arguments all have defaults."""

# One game per line: name, function in the catalogue, summary, tags.
# fmt: off
_TABLE = (
    ("seltens-horse-tree", "seltens_horse", "One equilibrium that trembles exclude", "n-player refinement"),
    ("centipede", "centipede", "Take the larger pile or let both piles double", "2-player human-data"),
    ("ultimatum", "ultimatum", "Propose a division, accept it or lose it", "2-player human-data"),
    ("trust-game", "trust", "Send money that grows, and hope for some of it back", "2-player human-data"),
    ("entry-deterrence", "entry_deterrence", "A threat to fight that is not credible", "2-player refinement"),
    ("myerson-card-game", "myerson_card_game", "One-card poker, value 1/3", "2-player zero-sum"),
    ("beer-quiche", "beer_quiche", "Signal strength by breakfast", "2-player signalling refinement"),
    ("absent-minded-driver", "absent_minded_driver", "Two exits look the same", "1-player imperfect-recall"),
    ("wichardt", "wichardt", "No equilibrium in behavior strategies", "2-player zero-sum imperfect-recall"),
)
# fmt: on
for _name, _function, _summary, _tags in _TABLE:
    TREES.add(_name, f"games.extensive.catalogue:{_function}", _summary, *_tags.split())

# Small exact versions of environments; the functions live with the games.
TREES.add(
    "trust-dilemma-small",
    "games.gridworlds.trust_dilemma:trust_dilemma_small",
    "Stag hunt on a 3 x 3 grid: trust pays, the hare is safe",
    "2-player",
)
TREES.add(
    "merge-small",
    "games.driving.merge:merge_small",
    "Two cars side by side where a ramp ends: who goes first?",
    "2-player",
)
