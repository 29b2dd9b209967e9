"""The stag hunt on a grid: its rules, its PettingZoo form, and the exact equilibria of its small version."""

import dataclasses

import numpy as np
import pytest
from pettingzoo.test import parallel_api_test

from games.adapters.to_pettingzoo import GameParallelEnv
from games.conformance import check_env_game
from games.errors import IllegalActionError
from games.extensive import best_response, expected_values, fold, nash_conv
from games.gridworlds.trust_dilemma import (
    HuntState,
    Step,
    TrustDilemma,
    expand_hunt,
    small_trust_dilemma,
    trust_dilemma_small,
)

RNG = np.random.default_rng(0)
# One row: hare, hunter A, stag, hunter B, hare.
ROW = TrustDilemma(
    rows=1, columns=5, hunters=((0, 1), (0, 3)), stag=(0, 2), hares=((0, 0), (0, 4)), horizon=2
)
L, R, STAY = Step.LEFT, Step.RIGHT, Step.STAY


def towards(game, target):
    """Step straight towards what ``target(state, player)`` names, columns first; stay where it names None."""

    def policy(player, state):
        goal = target(state, player)
        row, column = divmod(state.hunters[player], game.columns)
        step = Step.STAY
        if goal is not None and goal // game.columns != row:
            step = Step.DOWN if goal // game.columns > row else Step.UP
        if goal is not None and goal % game.columns != column:
            step = Step.RIGHT if goal % game.columns > column else Step.LEFT
        return np.eye(len(Step))[step]

    return policy


def trust(state, player):
    """The stag while both may still meet it together, else nothing."""
    return state.stag if state.stag >= 0 and not any(state.done) else None


def own_hare(game):
    """A fixed hare each, the stag never: a walk along the border."""
    mine = (game.columns - 1, (game.rows - 1) * game.columns)
    return lambda state, player: mine[player] if mine[player] in state.hares else None


def pure_profiles(game):
    """The sequence form of a game, with the behaviors of both hunters who trust, and of both who do not."""
    expansion = expand_hunt(game)
    profiles = []
    for target in (trust, own_hare(game)):
        policy = towards(game, target)
        profiles.append([expansion.behavior(i, lambda s, i=i, policy=policy: policy(i, s)) for i in (0, 1)])
    return fold(expansion.tree), *profiles


@pytest.mark.parametrize(
    "game",
    [
        TrustDilemma(),
        small_trust_dilemma(),
        ROW,
        TrustDilemma(stag_roams=True),
        TrustDilemma(rows=2, columns=7, hunters=((0, 0), (0, 0)), stag=(1, 3), hares=(), sight=1),
        TrustDilemma(alone_payoff=0.5),
    ],
    ids=str,
)
def test_keeps_the_protocol(game):
    check_env_game(game, episodes=8, rng=np.random.default_rng(0))


@pytest.mark.filterwarnings("ignore:Observation is not a NumPy array")
@pytest.mark.filterwarnings("ignore:Observation space for each agent probably should be")
@pytest.mark.parametrize("roams", [False, True])
def test_pettingzoos_own_parallel_tests(roams):
    game = TrustDilemma(rows=4, columns=4, hunters=((0, 0), (3, 3)), hares=((0, 3), (3, 0)), stag_roams=roams)
    parallel_api_test(GameParallelEnv(game), num_cycles=200)


@pytest.mark.filterwarnings("ignore:Observation is not a NumPy array")
@pytest.mark.filterwarnings("ignore:Observation space for each agent probably should be")
def test_pettingzoo_environment_repeats_itself_from_a_seed():
    env = GameParallelEnv(TrustDilemma(stag_roams=True), render_mode="ansi")
    texts = []
    for _ in range(2):
        env.reset(seed=3)
        for _ in range(6):
            env.step({"player_0": 0, "player_1": 0})
        texts.append(env.render())
    assert texts[0] == texts[1]
    assert "S" in texts[0]


@pytest.mark.parametrize(
    ("moves", "earned", "stag", "steps"),
    [
        ([(R, L)], (4, 4), -1, 1),
        ([(L, R)], (2, 2), 2, 1),
        ([(R, R)], (-1, 2), -1, 1),
        ([(L, L)], (2, -1), -1, 1),
        ([(STAY, STAY), (R, L)], (4, 4), -1, 2),
        ([(R, STAY), (None, R)], (-1, 2), -1, 2),
        ([(R, STAY), (None, L)], (-1, 0), -1, 2),  # the stag is gone, the cell is empty
        ([(STAY, STAY), (STAY, STAY)], (0, 0), 2, 2),
    ],
)
def test_who_gets_what(moves, earned, stag, steps):
    state = ROW.initial(RNG)
    for joint in moves:
        state = ROW.step(state, {i: a for i, a in enumerate(joint) if a is not None}, RNG)
    assert ROW.to_move(state) == ()
    assert ROW.returns(state).tolist() == list(earned)
    assert (state.stag, state.time) == (stag, steps)


def test_a_hare_is_shared_by_two_who_meet_it():
    game = dataclasses.replace(ROW, hunters=((0, 1), (0, 1)))
    state = game.step(game.initial(RNG), {0: L, 1: L}, RNG)
    assert game.returns(state).tolist() == [1, 1]
    assert state.hares == (4,)


def test_illegal_steps_are_refused():
    state = ROW.initial(RNG)
    with pytest.raises(IllegalActionError, match=r"action 1 of player 0 is not legal, legal are \[0, 3, 4\]"):
        ROW.step(state, {0: Step.UP, 1: STAY}, RNG)
    with pytest.raises(IllegalActionError, match="to move"):
        ROW.step(state, {0: STAY}, RNG)


def test_a_roaming_stag_spreads_evenly_over_free_cells():
    game = TrustDilemma(
        rows=3, columns=3, hunters=((0, 0), (2, 2)), stag=(0, 1), hares=((0, 2),), stag_roams=True
    )
    outcomes = game.step_outcomes(game.initial(RNG), {0: STAY, 1: STAY})
    # Left is hunter A, right is a hare: staying and down are left.
    assert sorted((p, state.stag) for p, state in outcomes) == [(0.5, 1), (0.5, 4)]


def test_what_is_out_of_sight_is_not_shown():
    seeing, blind = (TrustDilemma(sight=s) for s in (4, 3))
    start = blind.initial(RNG)
    near = start._replace(hunters=(0, 24), stag=12)
    assert seeing.observe(near, 0)[1].sum() == 1
    assert blind.observe(near, 0)[1].sum() == 0
    moved = near._replace(hunters=(0, 23))
    assert blind.information_key(near, 0) == blind.information_key(moved, 0)
    assert seeing.information_key(near, 0) != seeing.information_key(moved, 0)
    np.testing.assert_array_equal(blind.observe(near, 0), blind.observe(moved, 0))


def test_the_grid_as_text():
    assert TrustDilemma().describe(TrustDilemma().initial(RNG)).splitlines() == [
        "A . . . h",
        ". . . . .",
        ". . S . .",
        ". . . . .",
        "h . . . B",
        "step 0 of 12; A has 0, B has 0",
    ]
    together = HuntState(1, (1, 1), 2, (), (False, False), (0.0, 0.0))
    assert ROW.describe(together).splitlines()[0] == ". X S . ."


def test_one_row_and_one_step_is_the_matrix_stag_hunt():
    game = dataclasses.replace(ROW, horizon=1)
    expansion = expand_hunt(game)
    form = fold(expansion.tree)
    pay = {}
    for one in (L, STAY, R):
        for two in (L, STAY, R):
            rows = [np.eye(5)[one], np.eye(5)[two]]
            behaviors = [expansion.behavior(i, lambda s, i=i, rows=rows: rows[i]) for i in (0, 1)]
            pay[one, two] = expected_values(form, behaviors).tolist()
    assert pay == {
        (R, L): [4, 4], (R, R): [-1, 2], (R, STAY): [-1, 0],
        (L, L): [2, -1], (L, R): [2, 2], (L, STAY): [2, 0],
        (STAY, L): [0, -1], (STAY, R): [0, 2], (STAY, STAY): [0, 0],
    }  # fmt: skip


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
@pytest.mark.parametrize("sight", [None, 0])
@pytest.mark.parametrize("horizon", [2, 3, 4])
def test_trust_and_distrust_are_equilibria_and_the_hare_is_risk_dominant(scale, sight, horizon):
    game = dataclasses.replace(
        small_trust_dilemma(),
        horizon=horizon,
        sight=sight,
        stag_payoff=4 * scale,
        hare_payoff=2 * scale,
        alone_payoff=-scale,
    )
    form, stag, hare = pure_profiles(game)
    assert nash_conv(form, stag) == 0
    assert nash_conv(form, hare) == 0
    assert nash_conv(form, [stag[0], hare[1]]) > 0
    # The two-by-two game between the policies, and the products of what unilateral deviations lose.
    pay = np.array([[expected_values(form, [a, b]) for b in (stag[1], hare[1])] for a in (stag[0], hare[0])])
    np.testing.assert_allclose(pay[..., 0], scale * np.array([[4, -1], [2, 2]]), rtol=1e-12)
    np.testing.assert_array_equal(pay[..., 1], pay[..., 0].T)
    from_stag = (pay[0, 0] - [pay[1, 0, 0], pay[0, 1, 1]]).prod()
    from_hare = (pay[1, 1] - [pay[0, 1, 0], pay[1, 0, 1]]).prod()
    assert from_hare > from_stag
    assert from_hare == pytest.approx(9 * scale**2)


def test_less_to_lose_makes_the_stag_risk_dominant():
    form, stag, hare = pure_profiles(dataclasses.replace(small_trust_dilemma(), alone_payoff=1.0))
    even = [0.5 * (a + b) for a, b in zip(stag, hare, strict=True)]
    # Against a partner who is as likely to trust as not, trust pays (4 + 1) / 2 and the hare 2.
    trusting = expected_values(form, [stag[0], even[1]])[0]
    assert (trusting, expected_values(form, [hare[0], even[1]])[0]) == (2.5, 2.0)


@pytest.mark.parametrize("horizon", [2, 3])
@pytest.mark.parametrize("trusting", [0.0, 0.5, 0.6, 0.7, 1.0])
def test_the_first_step_reveals_nothing(horizon, trusting):
    """So against a partner who trusts now and then a best response is worth what it is in the matrix game."""
    form, stag, hare = pure_profiles(dataclasses.replace(small_trust_dilemma(), horizon=horizon))
    mixed = [trusting * a + (1 - trusting) * b for a, b in zip(stag, hare, strict=True)]
    for player in (0, 1):
        assert best_response(form, mixed, player).value == pytest.approx(max(5 * trusting - 1, 2), abs=1e-12)


def test_a_partner_who_is_seen_to_leave_can_be_answered():
    """In one row B waits once, then meets the stag; a partner who watches still gets 4, or 2 for the hare."""
    expansion = expand_hunt(ROW)
    form = fold(expansion.tree)
    wait_then = np.eye(len(Step))[[STAY, L]]
    behaviors = [
        expansion.behavior(0, lambda s: np.eye(len(Step))[STAY]),
        expansion.behavior(1, lambda s: wait_then[min(s.time, 1)] if s.hunters[1] == 3 else wait_then[0]),
    ]
    assert expected_values(form, behaviors).tolist() == [0, -1]
    assert best_response(form, behaviors, 0).value == 4
    assert best_response(form, behaviors, 1).value == 2


def test_the_registered_tree_is_small():
    tree = trust_dilemma_small()
    assert tree.num_nodes == 1167
    assert {actions for actions in tree.infoset_actions if len(actions) == 3} >= {("stay", "down", "right")}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": 0}, "rows must be at least 1"),
        ({"horizon": 0}, "horizon must be at least 1"),
        ({"sight": -1}, "sight must be at least 0"),
        ({"stag": (0, 5)}, "off the grid"),
        ({"hunters": ((0, 0),)}, "hunters must hold 2"),
        ({"hares": ((2, 2),)}, "must stand apart"),
        ({"hares": ((1, 1), (1, 1))}, "must stand apart"),
        ({"hares": ((0, 0),)}, "must stand apart"),
        ({"stag_payoff": 2.0}, "alone < hare < stag"),
        ({"stag_payoff": np.inf}, "alone < hare < stag"),
        ({"hare_payoff": np.nan}, "alone < hare < stag"),
        ({"hare_payoff": 0.0}, "alone < hare < stag"),
        ({"alone_payoff": -np.inf}, "finite"),
    ],
)
def test_bad_parameters(change, message):
    with pytest.raises(ValueError, match=message):
        TrustDilemma(**change)
