"""Small environments of both kinds, each with one trait that an adapter may stumble over."""

import pickle
from typing import ClassVar

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete, Sequence
from pettingzoo import AECEnv, ParallelEnv

from games.adapters.from_pettingzoo import NotReproducibleError, from_pettingzoo
from games.adapters.open_spiel import open_spiel_game
from games.adapters.to_pettingzoo import GameAECEnv, GameParallelEnv
from games.batch.choose import batch_of
from games.conformance import check_env_game
from games.errors import IllegalActionError, UnsupportedGameError


class Survivors(ParallelEnv):
    """Each round every living agent draws a number; whoever falls short of its bid leaves with a reward.

    Agents vanish one by one, agent "late_1" arrives in round 2, actions count from 5, and the last round is
    truncated. The counter of steps says how often the environment was really stepped.
    """

    metadata: ClassVar = {"name": "survivors_v0"}

    def __init__(self, seeded=True):
        self.possible_agents = ["early_0", "early_1", "early_2", "late_1"]
        self.agents = []
        self.seeded = seeded
        self.steps = self.resets = 0

    def observation_space(self, agent):
        return Box(-np.inf, np.inf, (2, 2), np.float64)

    def action_space(self, agent):
        return Discrete(3, start=5)

    def reset(self, seed=None, options=None):
        self.rng = np.random.default_rng(seed if self.seeded else None)
        self.agents = self.possible_agents[:3]
        self.round = 0
        self.resets += 1
        self.board = np.zeros((2, 2))  # one buffer for all observations, as fast environments have
        return self._look()

    def _look(self):
        self.board[:] = self.rng.normal(size=(2, 2))
        masks = {}
        for agent in self.agents:
            # "early_1" may not bid 7; nobody else is told of masks.
            masks[agent] = {"action_mask": np.array([1, 1, 0], np.int8)} if agent == "early_1" else {}
        return {agent: self.board for agent in self.agents}, masks

    def step(self, actions):
        assert set(actions) == set(self.agents)
        assert all(5 <= action <= 7 for action in actions.values())
        self.steps += 1
        self.round += 1
        gone = [a for a in self.agents if self.rng.random() < (actions[a] - 4) / 5]
        acted, last = list(self.agents), self.round == 6
        self.agents = [] if last else [a for a in acted if a not in gone]
        if self.round == 2 and not last:
            self.agents.append("late_1")
        observations, infos = self._look()
        rewards = {a: float(actions[a]) if a in gone else 0.25 for a in acted}
        return (
            observations,
            rewards,
            {a: a in gone for a in acted},
            {a: last and a not in gone for a in acted},
            infos,
        )


class Countdown(AECEnv):
    """Agents take 1 or 2 from a pile in turn; taking 2 costs the last agent its life early.

    Masks come in the observation, which is a Discrete number to be flattened; the agent that dies early is
    stepped out with None while others go on.
    """

    metadata: ClassVar = {"name": "countdown_v0"}

    def __init__(self):
        self.possible_agents = ["taker_0", "taker_1", "taker_2"]

    def observation_space(self, agent):
        return Dict({"observation": Discrete(8), "action_mask": Box(0, 1, (2,), np.int8)})

    def action_space(self, agent):
        return Discrete(2)

    def observe(self, agent):
        mask = (
            np.array([1, self.pile >= 2], np.int8) if agent == self.agent_selection else np.zeros(2, np.int8)
        )
        return {"observation": self.pile, "action_mask": mask}

    def reset(self, seed=None, options=None):
        self.agents = list(self.possible_agents)
        self.pile = 5 + int(np.random.default_rng(seed).integers(3))
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos = {agent: {} for agent in self.agents}
        self.agent_selection = self.agents[0]

    def step(self, action):
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        self._cumulative_rewards[agent] = 0.0
        self._clear_rewards()
        self.pile -= action + 1
        self.rewards[agent] = float(action + 1)
        after = self.agents[(self.agents.index(agent) + 1) % len(self.agents)]
        if self.pile == 0:
            self.terminations = dict.fromkeys(self.agents, True)
        elif action == 1 and len(self.agents) == 3:
            self.truncations[agent] = True
        self._accumulate_rewards()
        self.agent_selection = after
        self._deads_step_first()


class Plain(ParallelEnv):
    """Two steps of one agent; subclasses break one thing each."""

    metadata: ClassVar = {"name": "plain_v0"}
    possible_agents = ("only_0",)

    def observation_space(self, agent):
        return MultiDiscrete([2, 3])

    def action_space(self, agent):
        return Discrete(2)

    def info(self):
        return {}

    def reset(self, seed=None, options=None):
        self.agents = ["only_0"]
        self.round = 0
        return {"only_0": np.array([0, 0])}, {"only_0": self.info()}

    def step(self, actions):
        self.round += 1
        over = self.round == 2
        if over:
            self.agents = []
        seen, flag = {"only_0": np.array([1, self.round])}, {"only_0": over}
        return seen, {"only_0": 1.0}, flag, {"only_0": False}, {"only_0": self.info()}


def test_parallel_environments_keep_the_protocol():
    check_env_game(from_pettingzoo(Survivors), episodes=6, rng=np.random.default_rng(0))


def test_aec_environments_keep_the_protocol():
    check_env_game(from_pettingzoo(Countdown), episodes=6, rng=np.random.default_rng(0))


@pytest.mark.parametrize("make", [GameAECEnv, GameParallelEnv])
@pytest.mark.parametrize("name", ["leduc_poker", "goofspiel(num_cards=3)", "python_kuhn_poker"])
def test_there_and_back_again(make, name):
    """OpenSpiel -> PettingZoo -> EnvGame keeps the protocol, the masks and the sum of payoffs."""
    game = open_spiel_game(name)
    back = from_pettingzoo(lambda: make(game))
    check_env_game(back, episodes=2, rng=np.random.default_rng(1))
    rng = np.random.default_rng(2)
    state = back.initial(rng)
    spiel = game.initial(np.random.default_rng(state.seed))
    chance = np.random.default_rng(state.seed)
    spiel = game.initial(chance)
    while movers := game.to_move(spiel):
        joint = {p: int(rng.choice(np.flatnonzero(game.legal_mask(spiel, p)))) for p in movers}
        for player in movers:
            if player in back.to_move(state):
                np.testing.assert_array_equal(back.legal_mask(state, player), game.legal_mask(spiel, player))
                np.testing.assert_array_equal(back.observe(state, player), game.observe(spiel, player))
        spiel = game.step(spiel, joint, chance)
        if make is GameParallelEnv:
            state = back.step(state, joint, rng)
        else:  # one agent at a time
            for player in movers:
                state = back.step(state, {player: joint[player]}, rng)
    assert back.to_move(state) == ()
    np.testing.assert_array_equal(back.returns(state), game.returns(spiel))


def test_newest_states_cost_one_step_and_older_ones_a_replay():
    made = []
    game = from_pettingzoo(lambda: made.append(Survivors()) or made[-1])
    (env,) = made
    rng = np.random.default_rng(4)
    states = [game.initial(rng)]
    for _ in range(3):
        joint = dict.fromkeys(game.to_move(states[-1]), 0)
        states.append(game.step(states[-1], joint, rng))
    assert (env.resets, env.steps) == (1, 3)
    again = game.step(states[1], dict.fromkeys(game.to_move(states[1]), 0), rng)
    assert (env.resets, env.steps) == (2, 5)  # reset, one step back to states[1], one step on
    np.testing.assert_array_equal(again.view.returns, states[2].view.returns)
    assert game.step(again, dict.fromkeys(game.to_move(again), 1), rng) is not None
    assert (env.resets, env.steps) == (2, 6)


def test_absent_agents_neither_move_nor_see():
    game, rng = from_pettingzoo(Survivors), np.random.default_rng(0)
    assert game.num_players == 4
    state = game.initial(rng)
    assert set(game.to_move(state)) == {0, 1, 2}
    assert not game.observe(state, 3).any()
    assert not game.legal_mask(state, 3).any()
    assert game.legal_mask(state, 1).tolist() == [True, True, False]
    assert game.observation_shape(0) == (2, 2)
    for _ in range(2):
        state = game.step(state, dict.fromkeys(game.to_move(state), 0), rng)
    assert 3 in game.to_move(state)
    assert game.observe(state, 3).any()


def test_truncated_players_are_told_apart():
    game = from_pettingzoo(Survivors)
    for seed in range(8):
        rng = np.random.default_rng(seed)
        state = game.initial(rng)
        while movers := game.to_move(state):
            state = game.step(state, dict.fromkeys(movers, 0), rng)
        rounds = len(state.path()) - 1
        # The last agents either left by themselves or were cut short in round 6.
        assert bool(game.truncated(state)) <= (rounds == 6)
        if game.truncated(state):
            return
    pytest.fail("no episode was truncated")


def test_dead_agents_are_stepped_out():
    game, rng = from_pettingzoo(Countdown), np.random.default_rng(0)
    state = game.initial(rng)
    assert game.observation_shape(0) == (8,)  # one-hot
    pile = int(game.observe(state, 0).argmax())
    state = game.step(state, {0: 1}, rng)
    assert game.truncated(state) == (0,)
    assert game.to_move(state) == (1,)
    assert int(game.observe(state, 1).argmax()) == pile - 2
    taken = 2
    while movers := game.to_move(state):
        assert movers != (0,)
        assert game.legal_mask(state, movers[0]).tolist() == [True, pile - taken >= 2]
        state = game.step(state, {movers[0]: 0}, rng)
        taken += 1
    assert taken == pile
    assert game.returns(state).sum() == pile


def test_unseeded_environments_are_found_out():
    game, rng = from_pettingzoo(lambda: Survivors(seeded=False)), np.random.default_rng(0)
    state = game.initial(rng)
    joint = dict.fromkeys(game.to_move(state), 0)
    game.step(state, joint, rng)
    with pytest.raises(NotReproducibleError, match=r"survivors_v0 is not reproducible.*after 0 steps"):
        game.step(state, joint, rng)
    fresh = game.initial(rng)  # the game recovers
    assert game.step(fresh, dict.fromkeys(game.to_move(fresh), 0), rng).previous is fresh


@pytest.mark.parametrize("seeded", [True, False])
def test_lanes_do_not_replay_each_other(seeded):
    """As many steps of the environments as of the games, though eight plays go on side by side."""
    made, rng = [], np.random.default_rng(0)
    game = from_pettingzoo(lambda: made.append(Survivors(seeded)) or made[-1])
    batch = batch_of(game, 8, rng=rng)
    resets, steps = 8, 0
    for _ in range(20):
        steps += int(np.sum(~batch.finished()))
        batch.step(np.zeros((4, 8), dtype=np.int64), rng)
        resets += int(np.sum(batch.finished()))
        batch.reset(batch.finished(), rng)
    assert sum(env.steps for env in made) == steps > 100
    assert sum(env.resets for env in made) == resets > 20


def test_illegal_actions_are_refused_without_a_step():
    made = []
    game, rng = from_pettingzoo(lambda: made.append(Survivors()) or made[-1]), np.random.default_rng(0)
    state = game.initial(rng)
    for joint in ({0: 0, 1: 2, 2: 0}, {0: 0, 1: 0}, {0: 5, 1: 0, 2: 0}):
        with pytest.raises(IllegalActionError):
            game.step(state, joint, rng)
    assert made[0].steps == 0


class BoxActions(Plain):
    def action_space(self, agent):
        return Box(0, 1, (1,))


class GrowingSight(Plain):
    def observation_space(self, agent):
        return Sequence(Discrete(2))


class Nameless(Plain):
    possible_agents = ()


class ShortMask(Plain):
    def info(self):
        return {"action_mask": np.ones(1, np.int8)}


class NoMove(Plain):
    def info(self):
        return {"action_mask": np.zeros(2, np.int8)}


class Stranger(Plain):
    def reset(self, seed=None, options=None):
        super().reset()
        self.agents = ["other_0"]
        return {"other_0": np.array([0, 0])}, {"other_0": {}}


class Undead(Countdown):
    def step(self, action):
        if action is not None:
            super().step(action)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (BoxActions, "only Discrete"),
        (GrowingSight, "no fixed size"),
        (Nameless, "possible_agents"),
        (ShortMask, r"shape \(2,\)"),
        (NoMove, "no legal action"),
        (Stranger, "other_0"),
    ],
)
def test_environments_of_another_kind_are_refused_with_the_reason(make, reason):
    with pytest.raises(UnsupportedGameError, match=reason):
        from_pettingzoo(make).initial(np.random.default_rng(0))


def test_environments_that_keep_their_dead_are_refused():
    game, rng = from_pettingzoo(Undead), np.random.default_rng(0)
    state = game.initial(rng)
    with pytest.raises(UnsupportedGameError, match="does not remove"):
        game.step(state, {0: 1}, rng)


def test_only_pettingzoo_environments_are_taken():
    with pytest.raises(TypeError, match="AECEnv or ParallelEnv, got object"):
        from_pettingzoo(object)


def test_multidiscrete_observations_are_flattened():
    game, rng = from_pettingzoo(Plain), np.random.default_rng(0)
    state = game.step(game.initial(rng), {0: 0}, rng)
    assert game.observe(state, 0).tolist() == [0, 1, 0, 1, 0]
    assert "after [{0: 0}]; returns [1.0]" in game.describe(state)


def test_text_renderings_describe_states():
    game = from_pettingzoo(lambda: GameAECEnv(open_spiel_game("tic_tac_toe"), render_mode="ansi"))
    rng = np.random.default_rng(0)
    state = game.step(game.initial(rng), {0: 4}, rng)
    assert game.describe(state) == "...\n.x.\n..."


def test_games_travel_by_their_maker():
    copy = pickle.loads(pickle.dumps(from_pettingzoo(make_survivors, payoff_bounds=(-1.0, 9.0))))
    assert copy.name == "survivors_v0"
    assert copy.payoff_bounds == copy.replica().payoff_bounds == (-1.0, 9.0)


def test_payoff_bounds_are_the_callers_word():
    assert from_pettingzoo(Plain).payoff_bounds == (-np.inf, np.inf)
    for bounds in ((1.0, 0.0), (np.nan, 1.0)):
        with pytest.raises(ValueError, match="payoff_bounds"):
            from_pettingzoo(Plain, payoff_bounds=bounds)


def test_long_histories_are_released_without_recursion():
    game, rng = from_pettingzoo(Endless), np.random.default_rng(0)
    state = game.initial(rng)
    for _ in range(20_000):
        state = game.step(state, {0: 0}, rng)
    assert len(state.path()) == 20_001
    del state


class Endless(Plain):
    def step(self, actions):
        self.round = 0
        return super().step(actions)


def make_survivors():
    return Survivors()
