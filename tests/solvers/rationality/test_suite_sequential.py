"""The suite of sequential games recovers known players: random, best, worst, minimax, equilibrium."""

import asyncio
import json
from collections import Counter

import numpy as np
import pytest
from open_spiel.python.algorithms import minimax

from games.adapters.open_spiel import open_spiel_game
from games.adapters.tree_env import TreeEnv
from games.errors import UnknownNameError
from games.extensive import catalogue
from games.extensive.evaluation import nash_conv
from games.text.decisions import Decision
from games.text.situations import PlaySituation
from solvers.rationality.keys import Opponent, SolvedGame
from solvers.rationality.keys.form_key import FormKey
from solvers.rationality.keys.graph_key import GraphKey
from solvers.rationality.scenarios import Answer, Play
from solvers.rationality.suites.sequential import Sequential, sequential
from solvers.rationality.suites.sequential_play import AgainstOpponent, InformationStates

TTT = SolvedGame(open_spiel_game("tic_tac_toe"))
KUHN = SolvedGame(open_spiel_game("kuhn_poker"))
GOOFSPIEL = SolvedGame(open_spiel_game("goofspiel(num_cards=4,imp_info=True,points_order=descending)"))
PIG = SolvedGame(open_spiel_game("pig(winscore=8)"))
TRUST = SolvedGame(TreeEnv(catalogue.trust(2, 3)))
SMALL = Sequential(
    (
        *(AgainstOpponent(TTT, seat, o) for seat in (0, 1) for o in (Opponent.UNIFORM, Opponent.MINIMAX)),
        *(AgainstOpponent(PIG, seat, o) for seat in (0, 1) for o in (Opponent.UNIFORM, Opponent.MINIMAX)),
        *(
            AgainstOpponent(KUHN, seat, o)
            for seat in (0, 1)
            for o in (Opponent.UNIFORM, Opponent.EQUILIBRIUM)
        ),
        *(AgainstOpponent(GOOFSPIEL, 0, o) for o in (Opponent.UNIFORM, Opponent.EQUILIBRIUM)),
        AgainstOpponent(TRUST, 1, Opponent.UNIFORM),
        InformationStates(KUHN),
    )
)


class Desk:
    """A table at which a function of the situation and a generator answers."""

    def __init__(self, choose, seed):
        self.choose, self.rng, self.seen = choose, np.random.default_rng([7, seed]), []

    async def ask(self, seat, situation, *, aspect=None, about=None, earlier=()):
        assert seat == 0
        assert isinstance(situation, PlaySituation)
        self.seen.append(situation)
        await asyncio.sleep(0)
        action = self.choose(situation, self.rng)
        return Answer(action, None, Decision(action))


def uniform(situation, rng):
    return int(rng.integers(len(situation.legal)))


def play(suite, choose, replicates, *, seed=0):
    """Plays; ``choose`` takes the scenario, the situation and a generator."""
    plays = []
    for number, scenario in enumerate(suite.scenarios):
        for replicate in range(replicates):
            desk = Desk(
                lambda s, rng, scenario=scenario: choose(scenario, s, rng), number * 10_000 + replicate
            )
            rows = asyncio.run(scenario.play(desk, np.random.default_rng([seed, number, replicate])))
            plays.append(Play("somebody", scenario.name, "plain", replicate, tuple(rows)))
    return plays


def judged(monkeypatch, pick):
    """A player that picks an option by the values of the key, which it overhears."""
    last = {}
    for kind in (GraphKey, FormKey):

        def values(self, state, original=kind.values):
            last["values"] = original(self, state)
            return last["values"]

        monkeypatch.setattr(kind, "values", values)

    def choose(scenario, situation, rng):
        return 0 if isinstance(scenario, InformationStates) else int(pick(last["values"]))

    return choose


def score(suite, plays):
    return {(m.group, m.name): m for m in suite.score(plays, rng=np.random.default_rng(0))}


def test_random_play_is_at_chance_in_every_figure():
    measures = score(SMALL, play(SMALL, lambda scenario, *rest: uniform(*rest), 250))
    assert len(measures) == 6 + 3 * 9 + 1
    outside = [
        key
        for key, m in measures.items()
        if not m.low - 0.5 * (m.high - m.low) <= m.chance <= m.high + 0.5 * (m.high - m.low)
    ]
    assert outside == []  # twice the width of the 95 % intervals: four standard errors to each side
    wide = [key for key, m in measures.items() if not m.low <= m.chance <= m.high]
    assert len(wide) <= 5
    found = measures["kuhn_poker", "NashConv of the policy shown"]
    assert found.low <= 11 / 12 <= found.high
    assert found.chance == pytest.approx(11 / 12)


def test_the_best_moves_have_no_regret_and_are_paid_the_ideal(monkeypatch):
    measures = score(SMALL, play(SMALL, judged(monkeypatch, np.argmax), 150))
    for (_, name), m in measures.items():
        if name.startswith("best moves"):
            assert m.value == 1.0
        elif name.startswith("regret"):
            assert m.value == pytest.approx(0, abs=1e-7)
        elif name.startswith("payoff"):
            reach = m.high - m.low
            assert m.low - 0.5 * reach - 1e-9 <= m.ideal <= m.high + 0.5 * reach + 1e-9
            assert m.ideal > m.chance


def test_the_worst_moves_have_all_the_regret(monkeypatch):
    measures = score(SMALL, play(SMALL, judged(monkeypatch, np.argmin), 30))
    for opponent in ("uniform", "minimax", "equilibrium"):
        assert measures["all games", f"best moves against {opponent} play"].value == 0.0
        assert measures["all games", f"regret against {opponent} play, in ranges"].value == pytest.approx(1.0)


def test_openspiels_alpha_beta_never_errs_against_minimax():
    game = TTT.game.spiel_game

    def choose(scenario, situation, rng):
        state = game.new_initial_state()
        for action in filter(None, situation.information_state.decode().split(", ")):
            state.apply_action(int(action))
        _, best = minimax.alpha_beta_search(game, state=state, maximizing_player_id=situation.seat)
        return situation.legal.index(best)

    suite = Sequential(tuple(AgainstOpponent(TTT, seat, Opponent.MINIMAX) for seat in (0, 1)))
    measures = score(suite, play(suite, choose, 4))
    assert measures["tic_tac_toe", "best moves against minimax play"].value == 1.0
    assert measures["tic_tac_toe", "payoff against minimax play"].value == 0.0


def test_an_equilibrium_player_has_no_regret_and_is_not_exploitable():
    form = KUHN.form
    labels = [{label: h for h, label in enumerate(plex.infosets)} for plex in form.treeplexes]

    def choose(scenario, situation, rng):
        plex = form.treeplexes[situation.seat]
        h = labels[situation.seat][situation.information_state.decode()]
        chances = KUHN.equilibrium[situation.seat][plex.start[h] : plex.start[h + 1]]
        return int(rng.choice(len(chances), p=chances))

    contests = [AgainstOpponent(KUHN, seat, Opponent.EQUILIBRIUM) for seat in (0, 1)]
    suite = Sequential((*contests, InformationStates(KUHN)))
    measures = score(suite, play(suite, choose, 150))
    assert measures["kuhn_poker", "regret per move against equilibrium play"].value < 1e-9
    assert measures["kuhn_poker", "best moves against equilibrium play"].value == 1.0
    assert nash_conv(form, KUHN.equilibrium) < 1e-9
    assert measures["kuhn_poker", "NashConv of the policy shown"].value < 0.1


def test_rows_are_plain_data_with_the_facts_of_their_kind():
    for one in play(SMALL, lambda scenario, *rest: uniform(*rest), 3):
        for step, row in enumerate(one.rows):
            assert row.step == step
            assert row.seat == 0
            assert json.loads(json.dumps(dict(row.facts))) is not None
            bytes.fromhex(row.facts["information_state"])
            if one.scenario.startswith("information-states"):
                assert len(row.facts["legal"]) == len(row.options)
                continue
            utilities = np.array(row.facts["utilities"])
            assert utilities.size == len(row.options)
            assert row.facts["range"] == pytest.approx(np.ptp(utilities))
            best = np.flatnonzero(utilities >= utilities.max() - 1e-7 * row.facts["scale"])
            assert list(row.facts["best"]) == best.tolist()
            assert ("payoff" in row.facts) == (step == len(one.rows) - 1)


def test_every_information_set_is_asked_once():
    desk = Desk(uniform, 0)
    rows = asyncio.run(InformationStates(KUHN).play(desk, np.random.default_rng(1)))
    assert len(rows) == 12
    counted = Counter((row.facts["player"], bytes.fromhex(row.facts["information_state"])) for row in rows)
    wanted = {(i, label.encode()) for i, plex in enumerate(KUHN.form.treeplexes) for label in plex.infosets}
    assert set(counted) == wanted
    assert set(counted.values()) == {1}
    with pytest.raises(TypeError, match="asked of an OpenSpielGame, got a TreeEnv"):
        asyncio.run(InformationStates(TRUST).play(desk, np.random.default_rng(1)))


def test_the_same_luck_for_everybody():
    """Cards, prizes and what an opponent does first do not depend on the answers."""
    scenario = AgainstOpponent(KUHN, 1, Opponent.UNIFORM)
    one, other = Desk(lambda s, rng: 0, 0), Desk(lambda s, rng: 1, 0)
    for seed in range(30):
        asyncio.run(scenario.play(one, np.random.default_rng(seed)))
        asyncio.run(scenario.play(other, np.random.default_rng(seed)))
    assert [s.information_state for s in one.seen] == [s.information_state for s in other.seen]
    assert len({s.information_state for s in one.seen}) == 6
    again = Desk(lambda s, rng: 0, 0)
    for seed in range(30):
        asyncio.run(scenario.play(again, np.random.default_rng(seed)))
    assert [s.known for s in again.seen] == [s.known for s in one.seen]


def test_the_suite_has_names_of_its_own_for_everything():
    suite = sequential()
    names = [scenario.name for scenario in suite.scenarios]
    assert len(set(names)) == len(names) == 43
    assert {scenario.seats for scenario in suite.scenarios} == {1}
    assert len({s.solved.name for s in suite.scenarios}) == 13
    assert "tic_tac_toe[seat 1, against minimax]" in names
    assert "information-states(kuhn_poker)" in names
    assert len(sequential(information_states=()).scenarios) == 42
    with pytest.raises(UnknownNameError, match="kuhn_poker"):
        sequential(information_states=("kuhn_pokr",))


def test_no_plays_give_no_figures_and_some_give_some():
    assert SMALL.score([], rng=np.random.default_rng(0)) == []
    plays = play(Sequential(SMALL.scenarios[-2:-1]), lambda scenario, *rest: uniform(*rest), 2)
    assert {m.group for m in SMALL.score(plays, rng=np.random.default_rng(0))} == {"all games", "trust-game"}


def test_a_table_must_answer():
    desk = Desk(lambda situation, rng: None, 0)
    with pytest.raises(ValueError, match="must answer a question about an action with one"):
        asyncio.run(AgainstOpponent(KUHN, 0, Opponent.UNIFORM).play(desk, np.random.default_rng(0)))


@pytest.mark.slow
def test_the_whole_suite_at_chance():
    suite = sequential()
    measures = score(suite, play(suite, lambda scenario, *rest: uniform(*rest), 150))
    outside = [
        key
        for key, m in measures.items()
        if not m.low - 0.5 * (m.high - m.low) <= m.chance <= m.high + 0.5 * (m.high - m.low)
    ]
    assert outside == []
