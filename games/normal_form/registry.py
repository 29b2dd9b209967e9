"""Names of the catalogued games, for the command line and specs."""

from games.normal_form.game import NormalFormGame
from games.registry import Registry

GAMES = Registry("game")
"""Every catalogued normal-form game; an entry loads a function that needs no arguments."""


def load_named(name: str) -> NormalFormGame:
    """Build the catalogued game ``name`` with its published parameters.

    Raises:
        UnknownNameError: no such game; the message suggests near matches.

    Example:
        >>> load_named("chicken").actions[0]
        ('swerve', 'straight')
    """
    game: NormalFormGame = GAMES.get(name).load()()
    return game


# One game per line: name, summary, tags. The function in the catalogue has the same name in snake case.
# fmt: off
_TABLE = (
    ("prisoners-dilemma", "Defection dominates, cooperation pays both more", "2-player symmetric dilemma"),
    ("deadlock", "Defection dominates and pays both more", "2-player symmetric"),
    ("stag-hunt", "Payoff-dominant stag against risk-dominant hare", "2-player symmetric coordination"),
    ("chicken", "Each wants the other to swerve; correlation helps", "2-player symmetric anti-coordination"),
    ("catastrophic-chicken", "Chicken whose crash costs a hundred", "2-player symmetric catastrophic"),
    ("lonely-stag-hunt", "Stag hunt whose lone hunter loses twenty", "2-player symmetric catastrophic"),
    ("risky-column", "A bold row is ruined by a dominated column", "2-player catastrophic"),
    ("guarded-pass", "A short pass pays unless it is guarded", "2-player catastrophic"),
    ("three-lanes", "3x3 chicken with a costly safe shoulder", "2-player symmetric catastrophic"),
    ("hawk-dove", "Animals fight over or share a resource", "2-player symmetric anti-coordination"),
    ("battle-of-the-sexes", "Coordination with opposed tastes", "2-player coordination"),
    ("pure-coordination", "Meet at one of three places; 7 equilibria", "2-player symmetric coordination"),
    ("inspection-game", "A worker may shirk, an employer may inspect", "2-player"),
    ("ochs-matching-pennies", "Matching pennies with one prize of four", "2-player human-data"),
    ("selten-chmura-1", "First of twelve experimental 2x2 games", "2-player constant-sum human-data"),
    ("selten-chmura-2", "Game 2 of the twelve: constant sum", "2-player constant-sum human-data"),
    ("selten-chmura-3", "Game 3 of the twelve: constant sum", "2-player constant-sum human-data"),
    ("selten-chmura-4", "Game 4 of the twelve: constant sum", "2-player constant-sum human-data"),
    ("selten-chmura-5", "Game 5 of the twelve: constant sum", "2-player constant-sum human-data"),
    ("selten-chmura-6", "Game 6 of the twelve: constant sum", "2-player constant-sum human-data"),
    ("selten-chmura-7", "Game 7 of the twelve: best replies of game 1", "2-player human-data"),
    ("selten-chmura-8", "Game 8 of the twelve: best replies of game 2", "2-player human-data"),
    ("selten-chmura-9", "Game 9 of the twelve: best replies of game 3", "2-player human-data"),
    ("selten-chmura-10", "Game 10 of the twelve: best replies of game 4", "2-player human-data"),
    ("selten-chmura-11", "Game 11 of the twelve: best replies of game 5", "2-player human-data"),
    ("selten-chmura-12", "Game 12 of the twelve: best replies of game 6", "2-player human-data"),
    ("goeree-holt-palfrey-4", "Asymmetric matching pennies with a safe row", "2-player human-data"),
    ("shapley", "Fictitious play cycles; unique uniform equilibrium", "2-player learning"),
    ("shapley-1974", "Two equilibria that Lemke-Howson paths cannot reach", "2-player symmetric pivoting"),
    ("bernheim", "Three rationalizable actions, one equilibrium", "2-player"),
    ("travelers-dilemma", "Claims of 2 to 10: tells CE from CCE", "2-player symmetric dilemma"),
    ("beauty-contest", "Two persons guess two thirds of the mean", "2-player symmetric constant-sum"),
    ("matching-pennies", "Match or mismatch two coins", "2-player zero-sum"),
    ("odd-or-even", "Call one or two, the sum is won", "2-player zero-sum"),
    ("rock-paper-scissors", "Each action beats one and loses to one", "2-player zero-sum symmetric"),
    ("weighted-rock-paper-scissors", "Wins are worth 1, 3 and 2", "2-player zero-sum symmetric"),
    ("rock-paper-scissors-lizard-spock", "Each of five actions beats two", "2-player zero-sum symmetric"),
    ("oneill", "Card game with a joker, value -1/5", "2-player zero-sum human-data"),
    ("rapoport-boebel", "5x5 win-or-lose game, value 0", "2-player zero-sum human-data"),
    ("lieberman", "3x3 game with a saddle point", "2-player zero-sum human-data"),
    ("penalty-kick", "Scoring rates of professional penalties", "2-player zero-sum human-data"),
    ("two-finger-morra", "Show fingers and guess the other's", "2-player zero-sum symmetric"),
    ("colonel-blotto", "Four regiments against three over two posts", "2-player zero-sum"),
    ("three-player-matching-pennies", "A cycle of three matching wishes", "n-player learning"),
    ("minority-game", "The lone chooser wins", "n-player symmetric"),
    ("public-goods", "Contributions are doubled and shared by four", "n-player symmetric dilemma"),
    ("volunteers-dilemma", "One volunteer is enough for all", "n-player symmetric anti-coordination"),
    ("seltens-horse", "Normal form of the horse: an imperfect equilibrium", "n-player refinement"),
    ("nau-irrational", "Unique equilibrium in irrational numbers", "n-player"),
)
# fmt: on
for _name, _summary, _tags in _TABLE:
    GAMES.add(_name, f"games.normal_form.catalogue:{_name.replace('-', '_')}", _summary, *_tags.split())
