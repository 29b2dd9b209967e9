"""Methods as passes: whose responses, which anchor, and where named policies are kept."""

import pytest

from solvers.inpo.training.passes import (
    HALF,
    LAGGED,
    METHODS,
    POLICY,
    REFERENCE,
    LossKind,
    Method,
    Pass,
    Source,
    after_pass,
    after_round,
    comal,
    egpo,
    inpo,
    look_up,
    mnpo,
    online_ipo,
    onpo,
    sppo,
)


def play(method, rounds):
    """Names after each round, where the weights of pass p of round r are called "r.p"."""
    names = {POLICY: "start", LAGGED: "start", REFERENCE: "start"}
    history = []
    for number in range(rounds):
        before = names
        for index, one in enumerate(method.passes):
            names = after_pass(names, one, f"{number}.{index}")
        names = after_round(method, before, names, number + 1)
        history.append(names)
    return history


def test_anchors_of_the_methods():
    share = inpo().share(0.4, 0.1)
    assert inpo().passes[0].anchor(share) == pytest.approx({POLICY: 0.75, REFERENCE: 0.25})
    assert sppo().passes[0].anchor(sppo().share(0.4, 0.1)) == {POLICY: 1.0}
    assert online_ipo().passes[0].anchor(online_ipo().share(0.1, 0.1)) == {REFERENCE: 1.0}
    assert [one.anchor(0.25) for one in onpo().passes] == [{LAGGED: 0.75, REFERENCE: 0.25}] * 2
    weights = mnpo().passes[0].anchor(0.25)
    assert weights == pytest.approx({POLICY: 0.375, "history-1": 0.225, "history-2": 0.15, REFERENCE: 0.25})


def test_inpo_keeps_its_reference():
    assert play(inpo(), 2)[-1] == {POLICY: "1.0", LAGGED: "start", REFERENCE: "start"}


def test_the_reference_follows_every_few_rounds():
    assert [names[REFERENCE] for names in play(comal(2), 5)] == ["start", "1.0", "1.0", "3.0", "3.0"]


def test_optimism_keeps_the_lagged_policy_beside_the_policy():
    names = play(onpo(), 2)[-1]
    assert (names[LAGGED], names[POLICY]) == ("1.0", "1.1")


def test_the_half_step_is_gone_after_its_round():
    assert HALF not in play(egpo(), 1)[-1]
    assert egpo().passes[1].anchor(0.0) == {POLICY: 1.0}


def test_history_shifts_and_its_oldest_stands_for_those_missing():
    first, second, third = play(mnpo(), 3)
    assert first["history-1"] == "start"
    assert look_up(first, "history-2") == "start"
    assert (second["history-1"], second["history-2"]) == ("0.0", "start")
    assert (third[POLICY], third["history-1"], third["history-2"]) == ("2.0", "1.0", "0.0")
    assert look_up({POLICY: "p"}, "history-3") == "p"


def test_presets_have_their_names():
    assert all(make().name == name for name, make in METHODS.items())
    assert METHODS["iterative_dpo"]().loss is LossKind.SIGMOID


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Pass(proximal=((POLICY, 0.5),)), "proximal weights must be non-negative and sum to one"),
        (lambda: Pass(result=REFERENCE), "result must not be 'reference'"),
        (lambda: Method("m", ()), "passes must end with one that results in 'policy'"),
        (lambda: Method("m", (Pass(source=Source.KEPT),)), "first pass has no pass before it"),
        (lambda: Method("m", reference_every=-1), "reference_every must be at least 0, got -1"),
        (lambda: look_up({POLICY: "p"}, "half"), "no policy is called 'half'; there are policy"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
