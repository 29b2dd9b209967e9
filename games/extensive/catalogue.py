"""Published game trees, each with its source and what is known of its equilibria."""

from fractions import Fraction

from games.extensive.builder import TreeBuilder
from games.extensive.tree import TreeGame


def seltens_horse() -> TreeGame:
    """Selten's horse: three players, no proper subgame.

    Player 1 may go down (L) or across (R), then player 2 likewise; player 3 answers whoever went down without
    seeing who it was. Equilibria: (R, R, L) with payoffs (1, 1, 1), which is perfect (player 3 may mix, with
    L at 3/4 or more), and (L, R, R) with payoffs (3, 2, 2), which is not: if player 2 were ever reached,
    L would pay them 4.

    Source: Selten (1975), Reexamination of the perfectness concept for equilibrium points in extensive games,
    International Journal of Game Theory 4, figure 1.
    """
    builder = TreeBuilder("seltens-horse-tree", ("1", "2", "3"))
    first = builder.decision(None, 0, "first", ("L", "R"))
    second = builder.decision(first["R"], 1, "second", ("L", "R"))
    builder.terminal(second["R"], (1, 1, 1))
    for edge, left, right in ((first["L"], (0, 0, 0), (3, 2, 2)), (second["L"], (0, 0, 1), (4, 4, 0))):
        third = builder.decision(edge, 2, "third", ("L", "R"))
        builder.terminal(third["L"], left)
        builder.terminal(third["R"], right)
    return builder.build()


def centipede(moves: int = 6) -> TreeGame:
    """Two players in turn take the larger of two piles or pass, and each pass doubles both.

    The piles start at 4 and 1. In every Nash equilibrium the first move is to take, with payoffs (4, 1),
    although after two passes both would have more whatever happens.

    Source: Rosenthal (1981), Games of perfect information, predatory pricing and the chain-store paradox,
    Journal of Economic Theory 25; payoffs of McKelvey and Palfrey (1992), An experimental study of the
    centipede game, Econometrica 60, in units of ten cents.

    Args:
        moves: number of decision nodes.

    Raises:
        ValueError: ``moves`` lies outside 1..1000 (payoffs double with each move).
    """
    if not 1 <= moves <= 1000:
        raise ValueError(f"moves must lie in 1..1000, got {moves}")
    builder = TreeBuilder("centipede", ("1", "2"))
    edge = None
    for k in range(moves):
        large, small = 4.0 * 2.0**k, 2.0**k
        node = builder.decision(edge, k % 2, f"move {k + 1}", ("take", "pass"))
        builder.terminal(node["take"], (large, small) if k % 2 == 0 else (small, large))
        edge = node["pass"]
    # After the last pass the piles double once more, and the player who would move next gets the larger.
    large, small = 4.0 * 2.0**moves, 2.0**moves
    builder.terminal(edge, (large, small) if moves % 2 == 0 else (small, large))
    return builder.build()


def ultimatum(pie: int = 4) -> TreeGame:
    """One player offers the other a part of a pie; if it is refused both get nothing.

    Every division is the outcome of some Nash equilibrium. Two pure ones are subgame-perfect: offer 0 and
    accept everything, payoffs (pie, 0), or offer 1 and accept everything but 0, payoffs (pie - 1, 1).

    Source: Güth, Schmittberger and Schwarze (1982), An experimental analysis of ultimatum bargaining,
    Journal of Economic Behavior and Organization 3.

    Args:
        pie: number of units to divide; offers are whole units.

    Raises:
        ValueError: ``pie`` is below 1.
    """
    if pie < 1:
        raise ValueError(f"pie must be at least 1, got {pie}")
    builder = TreeBuilder("ultimatum", ("proposer", "responder"))
    offers = builder.decision(None, 0, "offer", [str(k) for k in range(pie + 1)])
    for k in range(pie + 1):
        reply = builder.decision(offers[str(k)], 1, f"offered {k}", ("accept", "reject"))
        builder.terminal(reply["accept"], (pie - k, k))
        builder.terminal(reply["reject"], (0, 0))
    return builder.build()


def trust(endowment: int = 4, factor: int = 3) -> TreeGame:
    """An investor sends a part of an endowment, which grows on the way; the trustee returns what they like.

    Of s units sent, ``factor`` times s arrive, and of these r come back: the investor ends with
    endowment - s + r, the trustee with factor * s - r. A trustee who likes money returns nothing, so in every
    Nash equilibrium nothing is sent, with payoffs (endowment, 0), although all would gain by trust repaid.

    Source: Berg, Dickhaut and McCabe (1995), Trust, reciprocity, and social history, Games and Economic
    Behavior 10, where the endowment is 10 dollars, tripled; there the trustee has an endowment too.

    Args:
        endowment: units the investor has, 1..50; whole units are sent and returned.
        factor: by which what is sent grows, 2..10.

    Raises:
        ValueError: an argument lies outside its range.
    """
    if not 1 <= endowment <= 50:
        raise ValueError(f"endowment must lie in 1..50, got {endowment}")
    if not 2 <= factor <= 10:
        raise ValueError(f"factor must lie in 2..10, got {factor}")
    builder = TreeBuilder("trust-game", ("investor", "trustee"))
    sent = builder.decision(None, 0, "send", [str(s) for s in range(endowment + 1)])
    for s in range(endowment + 1):
        arrived = factor * s
        returned = builder.decision(sent[str(s)], 1, f"sent {s}", [str(r) for r in range(arrived + 1)])
        for r in range(arrived + 1):
            builder.terminal(returned[str(r)], (endowment - s + r, arrived - r))
    return builder.build()


def entry_deterrence() -> TreeGame:
    """One town of the chain-store game: an entrant comes in or stays out, the incumbent shares or fights.

    Subgame-perfect: (in, share), payoffs (2, 2). The other equilibrium outcome, (out, fight) with payoffs
    (1, 5), rests on a threat that would hurt the incumbent.

    Source: Selten (1978), The chain store paradox, Theory and Decision 9.
    """
    builder = TreeBuilder("entry-deterrence", ("entrant", "incumbent"))
    entrant = builder.decision(None, 0, "entry", ("in", "out"))
    incumbent = builder.decision(entrant["in"], 1, "reply", ("share", "fight"))
    builder.terminal(incumbent["share"], (2, 2))
    builder.terminal(incumbent["fight"], (0, 0))
    builder.terminal(entrant["out"], (1, 5))
    return builder.build()


def myerson_card_game() -> TreeGame:
    """One-card poker: player 1 sees a red or a black card and raises or folds, then player 2 meets or passes.

    Red wins and black loses when player 2 meets; folding with red still wins the ante. Unique equilibrium:
    raise with red, raise with black at 1/3, meet at 2/3; the value to player 1 is 1/3.

    Source: Myerson (1991), Game Theory: Analysis of Conflict, section 2.1.
    """
    builder = TreeBuilder("myerson-card-game", ("1", "2"))
    card = builder.chance(None, {"red": Fraction(1, 2), "black": Fraction(1, 2)})
    for colour, sign in (("red", 1), ("black", -1)):
        player = builder.decision(card[colour], 0, colour, ("raise", "fold"))
        other = builder.decision(player["raise"], 1, "raised", ("meet", "pass"))
        builder.terminal(other["meet"], (2 * sign, -2 * sign))
        builder.terminal(other["pass"], (1, -1))
        builder.terminal(player["fold"], (sign, -sign))
    return builder.build()


def beer_quiche() -> TreeGame:
    """A stranger, strong with probability 9/10, orders beer or quiche; a bully then decides whether to fight.

    The stranger gets 1 for the breakfast they like (beer if strong) and 2 for peace; the bully gets 1 for
    fighting the weak or sparing the strong. In both pooling equilibria the bully spares what all order and
    fights the other with probability 1/2 or more. Pooling on beer pays (2.9, 0.9), on quiche (2.1, 0.9); the
    intuitive criterion keeps beer.

    Source: Cho and Kreps (1987), Signaling games and stable equilibria, Quarterly Journal of Economics 102.
    """
    builder = TreeBuilder("beer-quiche", ("stranger", "bully"))
    kind = builder.chance(None, {"strong": Fraction(9, 10), "weak": Fraction(1, 10)})
    for strength, liked in (("strong", "beer"), ("weak", "quiche")):
        order = builder.decision(kind[strength], 0, strength, ("beer", "quiche"))
        for breakfast in order.labels:
            pleasure = int(breakfast == liked)
            reply = builder.decision(order[breakfast], 1, breakfast, ("fight", "spare"))
            builder.terminal(reply["fight"], (pleasure, int(strength == "weak")))
            builder.terminal(reply["spare"], (pleasure + 2, int(strength == "strong")))
    return builder.build()


def absent_minded_driver() -> TreeGame:
    """A driver must take the second of two exits that look the same, and forgets having passed the first.

    Both exits are one information set on one path, so recall is imperfect and no sequence form exists.
    Leaving at the first pays 0, at the second 4, at none 1. Going on with probability p pays
    4 p (1 - p) + p^2, at best 4/3 at p = 2/3; pure strategies, and mixtures of them, pay at most 1.

    Source: Piccione and Rubinstein (1997), On the interpretation of decision problems with imperfect recall,
    Games and Economic Behavior 20.
    """
    builder = TreeBuilder("absent-minded-driver", ("driver",))
    first = builder.decision(None, 0, "crossing", ("exit", "go on"))
    builder.terminal(first["exit"], (0,))
    second = builder.decision(first["go on"], 0, "crossing", ("exit", "go on"))
    builder.terminal(second["exit"], (4,))
    builder.terminal(second["go on"], (1,))
    return builder.build()


def wichardt() -> TreeGame:
    """Player 1 moves twice and forgets the first move; it is zero-sum and has no behavior equilibrium.

    Player 1 loses 5 unless both own moves agree; then player 2, who sees nothing, tries to guess them: a
    wrong guess pays player 1 1, a right one costs 1. In mixed strategies player 1 plays R r and L l evenly
    and the value is 0. A behavior strategy cannot correlate the two moves: against B and T played evenly
    only the pure R r and L l attain 0, and both are guessed.

    Source: Wichardt (2008), Existence of Nash equilibria in finite extensive form games with imperfect
    recall: a counterexample, Games and Economic Behavior 63.
    """
    builder = TreeBuilder("wichardt", ("1", "2"))
    first = builder.decision(None, 0, "first", ("R", "L"))
    for one in first.labels:
        second = builder.decision(first[one], 0, "second", ("r", "l"))
        for two in second.labels:
            guess = builder.decision(second[two], 1, "guess", ("B", "T"))
            for third in guess.labels:
                agree = one.lower() == two
                payoff = -5 if not agree else 1 if (one == "R") == (third == "B") else -1
                builder.terminal(guess[third], (payoff, -payoff))
    return builder.build()
