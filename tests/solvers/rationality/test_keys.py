"""Keys of sequential games against closed forms, OpenSpiel's own solvers, and each other."""

from functools import reduce
from operator import xor

import numpy as np
import pyspiel
import pytest
from open_spiel.python.algorithms import best_response, expected_game_score, exploitability, minimax
from open_spiel.python.policy import UniformRandomPolicy

from games.adapters.open_spiel import open_spiel_game
from games.adapters.open_spiel_policy import to_open_spiel_policy
from games.adapters.tree_env import TreeEnv
from games.errors import UnsupportedGameError
from games.extensive import catalogue
from solvers.rationality.keys import Opponent, SolvedGame
from solvers.rationality.keys.induction import induce, uniform_weights
from solvers.rationality.keys.state_graph import graph_of_spiel, graph_of_tree


def some_states(game, count, *, least=0, seed=0):
    """States of random play with a move to make, after at least so many moves."""
    rng, found = np.random.default_rng(seed), []
    while len(found) < count:
        state, moves = game.initial(rng), 0
        path = []
        while movers := game.to_move(state):
            if moves >= least:
                path.append(state)
            joint = {p: int(rng.choice(np.flatnonzero(game.legal_mask(state, p)))) for p in movers}
            state, moves = game.step(state, joint, rng), moves + 1
        if path:
            found.append(path[rng.integers(len(path))])
    return found


@pytest.mark.parametrize(
    ("spec", "least"),
    [
        ("tic_tac_toe", 1),
        ("connect_four(rows=4,columns=4,x_in_row=3)", 3),
        ("breakthrough(rows=4,columns=3)", 4),
        ("nim(pile_sizes=2;3;4)", 0),
    ],
)
def test_minimax_values_are_those_of_alpha_beta(spec, least):
    solved = SolvedGame(open_spiel_game(spec))
    for state in some_states(solved.game, 12, least=least):
        seat = state.current_player()
        values = solved.against(seat, Opponent.MINIMAX).values(state)
        for value, action in zip(values, state.legal_actions(), strict=True):
            after = state.child(action)
            wanted = (
                after.returns()[seat]
                if after.is_terminal()
                else minimax.alpha_beta_search(
                    solved.game.spiel_game, state=after, maximizing_player_id=seat
                )[0]
            )
            assert value == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("misere", [True, False])
def test_nim_by_bouton(misere):
    """Lost for the mover if the sizes' exclusive or is 0; misère, if no pile exceeds 1, when it is 1."""
    solved = SolvedGame(open_spiel_game(f"nim(pile_sizes=1;2;3;4,is_misere={misere})"))
    for state in some_states(solved.game, 200):
        piles = [int(x) for x in state.observation_string(0).split()[1:]]
        lost = reduce(xor, piles) == 0
        if misere and max(piles) <= 1:
            lost = not lost
        seat = state.current_player()
        assert solved.against(seat, Opponent.MINIMAX).values(state).max() == pytest.approx(-1 if lost else 1)


def test_pig_satisfies_the_bellman_equation_and_rolls_where_nothing_is_at_risk():
    solved = SolvedGame(open_spiel_game("pig(winscore=6,diceoutcomes=4)"))
    key = [solved.against(seat, Opponent.MINIMAX) for seat in range(2)]
    for state in some_states(solved.game, 100):
        seat = state.current_player()
        values = key[seat].values(state)
        for value, action in zip(values, state.legal_actions(), strict=True):
            total, ways = 0.0, [(state.child(action), 1.0)]
            while ways:
                after, p = ways.pop()
                if after.is_chance_node():
                    ways += [(after.child(a), p * q) for a, q in after.chance_outcomes()]
                elif after.is_terminal():
                    total += p * after.returns()[seat]
                else:
                    sign = 1 if after.current_player() == seat else -1
                    total += p * sign * key[after.current_player()].values(after).max()
            assert value == pytest.approx(total, abs=1e-10)
        if "Turn total: 0" in state.observation_string(0):
            assert values[0] > values[1]


def test_piglet_has_its_closed_form():
    """To 1 point with a coin whoever moves rolls: W = 1/2 + 1/2 (1 - W), so W = 2/3, worth 1/3."""
    solved = SolvedGame(open_spiel_game("pig(winscore=1,diceoutcomes=2,piglet=True)"))
    state = solved.game.initial(np.random.default_rng(0))
    assert solved.against(0, Opponent.MINIMAX).values(state)[0] == pytest.approx(1 / 3, abs=1e-12)


def action_values_by_histories(game, policy, seat):
    """By information set: values of actions when best responses follow, from OpenSpiel's own search."""
    answer = best_response.BestResponsePolicy(game, seat, policy)
    sums, mass = {}, {}
    stack = [(game.new_initial_state(), 1.0)]
    while stack:
        state, reach = stack.pop()
        if state.is_terminal():
            continue
        if state.is_chance_node():
            stack += [(state.child(a), reach * p) for a, p in state.chance_outcomes()]
        elif state.current_player() == seat:
            label = state.information_state_string(seat)
            q = np.array([answer.q_value(state, a) for a in state.legal_actions()])
            sums[label] = sums.get(label, 0.0) + reach * q
            mass[label] = mass.get(label, 0.0) + reach
            stack += [(state.child(a), reach) for a in state.legal_actions()]
        else:
            chosen = policy.action_probabilities(state)
            stack += [(state.child(a), reach * chosen[a]) for a in state.legal_actions()]
    return {label: (sums[label] / mass[label] if mass[label] > 0 else None) for label in sums}


@pytest.mark.parametrize(
    ("spec", "opponent"),
    [
        ("kuhn_poker", Opponent.UNIFORM),
        ("kuhn_poker", Opponent.EQUILIBRIUM),
        ("liars_dice(dice_sides=3)", Opponent.UNIFORM),
        ("liars_dice(dice_sides=3)", Opponent.EQUILIBRIUM),
        ("first_sealed_auction(max_value=3)", Opponent.UNIFORM),
    ],
)
@pytest.mark.parametrize("seat", [0, 1])
def test_values_at_information_sets_are_those_of_openspiels_best_response(spec, seat, opponent):
    solved = SolvedGame(open_spiel_game(spec))
    game = solved.game.spiel_game
    policy = UniformRandomPolicy(game)
    if opponent is Opponent.EQUILIBRIUM:
        policy = to_open_spiel_policy(solved.form, solved.equilibrium)
    key = solved.against(seat, opponent)
    wanted = action_values_by_histories(game, policy, seat)
    stack, met, unmet = [game.new_initial_state()], set(), set()
    while stack:
        state = stack.pop()
        if state.is_terminal():
            continue
        stack += [state.child(a) for a in state.legal_actions()]
        if state.is_chance_node():
            continue
        label = state.information_state_string(state.current_player())
        if state.current_player() != seat:
            np.testing.assert_allclose(
                key.opponent(state, 1 - seat), list(policy.action_probabilities(state).values()), atol=1e-12
            )
        elif wanted[label] is None:
            unmet.add(label)
            with pytest.raises(ValueError, match=f"seat {seat} never gets to"):
                key.values(state)
        else:
            met.add(label)
            np.testing.assert_allclose(key.values(state), wanted[label], atol=1e-9)
    assert met | unmet == set(wanted)
    assert not unmet or opponent is Opponent.EQUILIBRIUM


def first_questions(game, seat, policy):
    """Probability of being asked first at each information set of the seat, and a state of it."""
    found = {}
    stack = [(game.new_initial_state(), 1.0)]
    while stack:
        state, reach = stack.pop()
        if state.is_terminal():
            continue
        if not state.is_chance_node() and state.current_player() == seat:
            label = state.information_state_string(seat)
            found[label] = found.get(label, (0.0,))[0] + reach, state
            continue
        ways = (
            state.chance_outcomes() if state.is_chance_node() else policy.action_probabilities(state).items()
        )
        stack += [(state.child(a), reach * p) for a, p in ways]
    return found.values()


@pytest.mark.parametrize("spec", ["kuhn_poker", "leduc_poker"])
@pytest.mark.parametrize("seat", [0, 1])
@pytest.mark.parametrize("opponent", [Opponent.UNIFORM, Opponent.EQUILIBRIUM])
def test_best_and_random_play_are_worth_what_openspiel_says(spec, seat, opponent):
    solved = SolvedGame(open_spiel_game(spec))
    game, key = solved.game.spiel_game, solved.against(seat, opponent)
    uniform = UniformRandomPolicy(game)
    policy = uniform
    if opponent is Opponent.EQUILIBRIUM:
        policy = to_open_spiel_policy(solved.form, solved.equilibrium)
    asked = [(reach, state) for reach, state in first_questions(game, seat, policy) if reach > 1e-12]
    assert sum(reach for reach, _ in asked) == pytest.approx(1)
    best = sum(reach * key.values(state).max() for reach, state in asked)
    random = sum(reach * key.random(state) for reach, state in asked)
    root = game.new_initial_state()
    assert best == pytest.approx(best_response.BestResponsePolicy(game, seat, policy).value(root), abs=1e-9)
    both = [policy, policy]
    both[seat] = uniform
    assert random == pytest.approx(expected_game_score.policy_value(root, both)[seat], abs=1e-9)


def test_kuhn_is_worth_a_minus_eighteenth():
    solved = SolvedGame(open_spiel_game("kuhn_poker"))
    key = solved.against(0, Opponent.EQUILIBRIUM)
    deals = [
        solved.game.spiel_game.new_initial_state().child(card).child((card + 1) % 3) for card in range(3)
    ]
    assert np.mean([key.values(state).max() for state in deals]) == pytest.approx(-1 / 18)
    assert solved.certificate.bound < 1e-9


@pytest.mark.parametrize(
    "spec",
    [
        "kuhn_poker",
        "leduc_poker",
        "liars_dice(dice_sides=4)",
        "goofspiel(num_cards=4,imp_info=True,points_order=descending)",
    ],
)
def test_equilibria_are_certified_and_openspiel_agrees(spec):
    solved = SolvedGame(open_spiel_game(spec))
    assert solved.certificate.bound <= 1e-9 * solved.payoff_range
    if not spec.startswith("goofspiel"):  # OpenSpiel's exploitability takes turn-based games
        policy = to_open_spiel_policy(solved.form, solved.equilibrium)
        assert exploitability.nash_conv(solved.game.spiel_game, policy) < 1e-8


@pytest.mark.parametrize("spec", ["tic_tac_toe", "nim(pile_sizes=2;3)", "breakthrough(rows=4,columns=3)"])
def test_random_play_loses_the_sum_of_its_regrets(spec):
    """What random play expects is what best play expects less the regret of every move on the way."""
    solved = SolvedGame(open_spiel_game(spec))
    graph = solved.graph
    weights = uniform_weights(graph)
    for opponent in (Opponent.UNIFORM, Opponent.MINIMAX):
        key = solved.against(0, opponent)
        others = weights if opponent is Opponent.UNIFORM else induce(graph, weights, (0, 1)).weights
        owner = np.repeat(graph.actor, np.diff(graph.start))
        mixed = np.where(owner == 0, weights, others)
        state_of = every_state(solved)
        lost, layer = 0.0, {0: 1.0}
        while layer:  # acyclic: layer by layer
            below = {}
            for node, chance in layer.items():
                if graph.actor[node] == 0:
                    values = key.values(state_of[node])
                    lost += chance * (values.max() - values.mean())
                for edge in range(graph.start[node], graph.start[node + 1]):
                    if mixed[edge] > 0:
                        child = int(graph.child[edge])
                        below[child] = below.get(child, 0.0) + chance * mixed[edge]
            layer = below
        root = state_of[0]
        assert key.values(root).max() - lost == pytest.approx(key.random(root), abs=1e-9)


def every_state(solved):
    found, stack = {}, [solved.game.spiel_game.new_initial_state()]
    while stack:
        state = stack.pop()
        node = solved.graph.node_of(state)
        if node not in found:
            found[node] = state
            stack += [] if state.is_terminal() else [state.child(a) for a in state.legal_actions()]
    assert len(found) == solved.graph.actor.size
    return found


def test_trees_are_solved_backwards():
    ultimatum = SolvedGame(TreeEnv(catalogue.ultimatum(4)))
    # Who is offered nothing accepts every second time, and always else.
    np.testing.assert_allclose(ultimatum.against(0, Opponent.MINIMAX).values(0), [2, 3, 2, 1, 0])
    np.testing.assert_allclose(ultimatum.against(0, Opponent.UNIFORM).values(0), [2, 1.5, 1, 0.5, 0])
    centipede = SolvedGame(TreeEnv(catalogue.centipede(4)))
    np.testing.assert_allclose(centipede.against(0, Opponent.MINIMAX).values(0), [4, 2])
    # Against coin flips: 2 with probability 1/2, else at move 3 the better of 16 and (8 + 64) / 2.
    np.testing.assert_allclose(centipede.against(0, Opponent.UNIFORM).values(0), [4, 19])
    trust = SolvedGame(TreeEnv(catalogue.trust(2, 3)))
    np.testing.assert_allclose(trust.against(0, Opponent.MINIMAX).values(0), [2, 1, 0])
    np.testing.assert_allclose(trust.against(0, Opponent.UNIFORM).values(0), [2, 1 + 1.5, 3])
    assert trust.against(0, Opponent.UNIFORM).random(0) == pytest.approx(2.5)


def test_trees_that_hide_something_are_solved_in_the_sequence_form():
    solved = SolvedGame(TreeEnv(catalogue.myerson_card_game()))
    key = solved.against(0, Opponent.EQUILIBRIUM)
    tree = solved.game.tree
    red, black = (
        int(np.flatnonzero(tree.infoset == tree.infoset_labels.index(c))[0]) for c in ("red", "black")
    )
    np.testing.assert_allclose(key.values(red), [1 + 2 / 3, 1], atol=1e-9)
    np.testing.assert_allclose(key.values(black), [-1, -1], atol=1e-9)  # indifferent, as it must be


def test_merged_states_are_fewer_than_histories():
    graph = graph_of_spiel(open_spiel_game("tic_tac_toe"))
    assert graph.actor.size == 5478  # positions, of 549,946 histories
    assert graph.num_players == 2
    assert graph.payoff_range == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: graph_of_spiel(open_spiel_game("kuhn_poker")), "must be sequential, of perfect information"),
        (lambda: graph_of_spiel(open_spiel_game("goofspiel")), "must be sequential, of perfect information"),
        (lambda: graph_of_spiel(open_spiel_game("tic_tac_toe"), max_states=100), "more than max_states=100"),
        (lambda: graph_of_spiel(open_spiel_game("cliff_walking")), "shows different states alike"),
        (lambda: graph_of_tree(catalogue.beer_quiche()), "hides something: 6 nodes, 4 sets"),
    ],
)
def test_graphs_of_other_games_are_refused(make, message):
    with pytest.raises(UnsupportedGameError, match=message):
        make()


def test_opponents_play_games_of_their_kind():
    hidden, seen = SolvedGame(open_spiel_game("kuhn_poker")), SolvedGame(open_spiel_game("tic_tac_toe"))
    with pytest.raises(UnsupportedGameError, match=r"hides something; Opponent\.EQUILIBRIUM may play it"):
        hidden.against(0, Opponent.MINIMAX)
    with pytest.raises(UnsupportedGameError, match=r"hides nothing; Opponent\.MINIMAX plays it"):
        seen.against(0, Opponent.EQUILIBRIUM)
    auction = SolvedGame(open_spiel_game("first_sealed_auction(max_value=3)"))
    with pytest.raises(UnsupportedGameError, match="two-player constant-sum"):
        auction.against(0, Opponent.EQUILIBRIUM)
    with pytest.raises(ValueError, match=r"seat must lie in range\(2\), got 2"):
        hidden.against(2, Opponent.UNIFORM)
    state = pyspiel.load_game("tic_tac_toe").new_initial_state()
    with pytest.raises(ValueError, match="player 1 must be to move, it is 0"):
        seen.against(1, Opponent.UNIFORM).values(state)
