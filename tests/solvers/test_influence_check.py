"""Checking saved influence results: true claims agree, forged ones do not."""

import json
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest

from games.certificates import Certificate
from games.checking_influence import RATIO_SLACK, _least_bound, _relaxed, check_influence
from games.influence.assignment_kernels import admit
from games.influence.collection import ReverseSets
from games.influence.diffusion import Triggering, uniform_cascade, uniform_threshold, weighted_cascade
from games.influence.exact import exact_spread
from games.influence.graph import as_graph, graph_from_arcs
from games.influence.problem import capacity_problem
from games.influence.seeding import seed_problem
from games.results import Status
from games.storage import read_bundle, write_bundle
from games.storage.influence import SCHEMA, VERSION, load_influence, save_influence
from solvers.influence import (
    Seeds,
    solve_capacity,
    solve_degree,
    solve_hist,
    solve_imm,
    solve_imm_local,
    solve_mg_opim,
    solve_opim,
    solve_opim_c,
    solve_pagerank,
)


def club():
    return as_graph(nx.karate_club_graph(), weight="none")


def invitations(**options):
    return capacity_problem(weighted_cascade(club()), [0, 33], {0: 2, 33: 3}, **options)


@pytest.fixture
def saved(tmp_path):
    """A certified result, saved."""
    problem = invitations()
    result = solve_capacity(problem, rng=np.random.default_rng(1))
    save_influence(tmp_path / "r.json", problem, result, settings={"target_ratio": 0.85})
    return tmp_path / "r.json"


def checked(path, seed=7, **options):
    return check_influence(load_influence(path), rng=np.random.default_rng(seed), **options)


def forge(path, change):
    """Change header and arrays, and put the right digest on them, as a forger who knows the format would."""
    header, arrays = read_bundle(path, schema=SCHEMA, version=VERSION)
    change(header, arrays)
    write_bundle(path, header, arrays)


def claim(header, *, low=None, spread=None, high=None, optimum=None, ratio=None, confidence=None):
    """Put claimed numbers everywhere they stand."""
    answer, result = header["answer"], header["result"]
    interval = answer["spread_interval"]
    for key, place, value in (("spread_low", 0, low), ("spread_high", 1, high)):
        if value is not None:
            interval[place] = result["info"][key] = value
    if spread is not None:
        answer["spread"] = result["info"]["spread"] = spread
    if optimum is not None:
        answer["optimum_bound"] = optimum
    if ratio is not None:
        answer["ratio"] = result["info"]["ratio"] = ratio
        result["certificate"]["bound"] = 1.0 - ratio
    if confidence is not None:
        result["certificate"]["confidence"] = confidence


@pytest.mark.parametrize(
    "solver", [solve_capacity, solve_opim, solve_mg_opim, solve_degree, solve_pagerank, solve_imm_local]
)
def test_true_claims_about_invitations_agree(tmp_path, solver):
    problem = invitations(node_weight=np.linspace(0.0, 2.0, 34))
    result = solver(problem)
    save_influence(tmp_path / "r.json", problem, result)
    for seed in range(3):
        report = checked(tmp_path / "r.json", seed)
        assert report.agrees, report.messages
        assert report.recomputed.measure == "optimality_gap"
        assert report.recomputed.confidence == result.certificate.confidence
        assert report.recomputed.bound <= report.claimed.bound + RATIO_SLACK


@pytest.mark.parametrize("solver", [solve_opim_c, solve_imm, solve_hist])
@pytest.mark.parametrize("model", [weighted_cascade, uniform_threshold])
def test_true_claims_about_plain_seeds_agree(tmp_path, solver, model):
    problem = seed_problem(model(club(), max_steps=2), 4)
    save_influence(tmp_path / "r.json", problem, solver(problem, eps=0.2))
    report = checked(tmp_path / "r.json")
    assert report.agrees, report.messages


def test_the_recomputed_numbers_cover_the_truth(tmp_path):
    """On a tiny network whose spreads are known: over many seeds the interval and the bound hold."""
    arcs = np.array([(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 5), (5, 6), (2, 6)]).T
    graph = graph_from_arcs(*arcs)
    sets = {4: [(0.4, [1, 2]), (0.6, [])], 5: [(0.5, [3]), (0.5, [])], 6: [(0.3, [5]), (0.3, [2]), (0.4, [])]}
    for model in (uniform_cascade(graph, 0.4), Triggering(graph, sets)):
        problem = capacity_problem(model, [0], 1)
        spreads = {v: exact_spread(model, [v], removed=[0]) for v in (1, 2, 3)}
        best = max(spreads.values())
        worst = min(spreads, key=spreads.get)
        result = solve_capacity(problem, target_ratio=0.5)
        wrong = result.with_solution(replace(result.unwrap(), friends={0: (worst,)}))
        save_influence(tmp_path / "r.json", problem, wrong)
        missed = 0
        for seed in range(100):
            report = checked(tmp_path / "r.json", seed, num_sets=500)
            proven = 1.0 - report.recomputed.bound
            missed += proven > spreads[worst] / best
        assert missed <= 5  # of 100 at confidence .99, and far fewer in fact
        assert proven > 0.5 * spreads[worst] / best


def test_the_bound_is_above_all_choices_and_near_the_best():
    problem = invitations()
    sets = ReverseSets(problem.model, problem.model.place[problem.candidates]).make(3, 0, 4000)
    rng = np.random.default_rng(0)
    held = np.split(sets.member, sets.start[1:-1])

    def covered(chosen):
        return sum(bool(set(r.tolist()) & chosen) for r in held)

    best = 0
    for _ in range(300):
        places = problem.places()
        order = rng.permutation(problem.num_candidates)
        best = max(best, covered({int(c) for c in order if admit(places, c)}))
    bound = _least_bound(sets, np.array([], dtype=np.int64), _relaxed(problem))
    assert best <= bound + 1e-6
    greedy = solve_capacity(problem).unwrap()
    chosen = np.searchsorted(problem.candidates, greedy.seeds)
    reached = covered(set(chosen.tolist()))
    assert reached <= bound + 1e-6
    assert bound <= 1.03 * reached


def test_a_tampered_seed_is_caught(saved):
    """Another friend in place of the best: the claimed spread is out of reach."""

    def worst_friend(_, arrays):
        # Node 11 has a single neighbour.
        arrays["invited"] = np.where(arrays["inviter"] == 0, [11, 17, 14, 15, 18], arrays["invited"])

    forge(saved, worst_friend)
    report = checked(saved)
    assert not report.agrees
    assert "outside the claimed" in " ".join(report.messages)


@pytest.mark.parametrize(
    ("invited", "inviter", "words"),
    [
        ([30], [0], "no friend of adopter 0"),  # a friend of the other adopter only
        ([0], [1], "0 is chosen"),  # an adopter
        ([1, 2, 3], [0, 0, 0], "its capacity is 2"),
        ([1, 1], [0, 0], "same friend twice"),
    ],
)
def test_assignments_that_are_not_allowed_are_caught(saved, invited, inviter, words):
    forge(saved, lambda _, arrays: arrays.update(invited=np.array(invited), inviter=np.array(inviter)))
    report = checked(saved)
    assert not report.agrees
    assert words in " ".join(report.messages)
    assert report.recomputed.bound == 1.0


def test_a_friend_invited_twice_is_allowed(tmp_path):
    """Local methods may have two adopters invite the same friend, who counts once."""
    problem = capacity_problem(weighted_cascade(club()), [0, 33], 8)
    result = solve_degree(problem)
    assert len(result.unwrap().seeds) < sum(map(len, result.unwrap().friends.values()))
    save_influence(tmp_path / "r.json", problem, result)
    assert checked(tmp_path / "r.json").agrees


def test_too_many_plain_seeds_are_caught(tmp_path):
    problem = seed_problem(weighted_cascade(club()), 2)
    result = solve_opim_c(problem)
    for nodes in ((0, 33, 2), (0, 0)):
        told = Seeds(
            nodes, *(getattr(result.unwrap(), n) for n in Seeds.__dataclass_fields__ if n != "nodes")
        )
        save_influence(tmp_path / "r.json", problem, result.with_solution(told))
        report = checked(tmp_path / "r.json")
        assert not report.agrees
        assert "at most 2 distinct" in " ".join(report.messages)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda h: h["answer"].update(ratio=0.99), "not one minus the ratio"),
        (lambda h: h["result"]["certificate"].update(bound=0.01), "not one minus the ratio"),
        (lambda h: claim(h, ratio=0.999), "fresh sets prove a ratio of"),
        (lambda h: claim(h, ratio=1.5) or h["result"]["certificate"].update(bound=0.0), "no share"),
        (lambda h: claim(h, low=20.0, spread=21.0, high=22.0), "outside the claimed"),
        (lambda h: claim(h, low=1.0, spread=1.5, high=2.0), "outside the claimed"),
        (lambda h: claim(h, spread=99.0), "not within its interval"),
        (lambda h: claim(h, high=99.0), "not within its interval"),
        (lambda h: claim(h, optimum=10.0, ratio=0.9), "the file's own seeds reach"),
        (lambda h: claim(h, confidence=1.0), "fresh sets prove a ratio of 0"),
        (lambda h: h["result"]["info"].update(spread=30.0), "info says spread"),
        (lambda h: h["result"]["info"].update(ratio="best"), "info says ratio"),
        (lambda h: claim(h, ratio=0.5), "below the target"),
    ],
)
def test_tampered_numbers_are_caught(saved, change, words):
    """Edited in the header with a text editor, whose digest is of the arrays only."""
    header = json.loads(saved.read_text())
    change(header)
    saved.write_text(json.dumps(header))
    report = checked(saved)
    assert not report.agrees
    assert words in " ".join(report.messages)


@pytest.mark.parametrize(
    "change",
    [
        lambda h, a: h["problem"]["diffusion"].update(arcs="alike", probability=0.01),
        lambda h, a: a.update(node_weight=np.linspace(1.0, 0.0, 34)),
        lambda h, a: a.update(capacity=np.array([9, 9])),
    ],
)
def test_another_problem_is_caught(saved, change):
    forge(saved, change)
    assert not checked(saved).agrees


def test_a_modest_claim_holds_and_the_check_repeats_itself(saved):
    header = json.loads(saved.read_text())
    claim(header, optimum=17.5, ratio=0.8)
    header["settings"] = {}
    saved.write_text(json.dumps(header))
    one, two, other = checked(saved, 1), checked(saved, 1), checked(saved, 2)
    assert one.agrees
    assert one == two
    assert one.recomputed != other.recomputed


def test_what_cannot_be_checked_is_refused(tmp_path, saved):
    problem = invitations()
    result = solve_capacity(problem)
    for certificate in (None, Certificate("nash_conv", 0.1)):
        save_influence(tmp_path / "no.json", problem, replace(result, certificate=certificate))
        with pytest.raises(ValueError, match="nothing to check"):
            checked(tmp_path / "no.json")
    with pytest.raises(ValueError, match="num_sets"):
        checked(saved, num_sets=0)
    assert result.status is Status.CERTIFIED
