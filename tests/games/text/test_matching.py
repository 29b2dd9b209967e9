"""Labels: every option means itself, tolerances never join options, nothing else is found."""

import json

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.adapters.open_spiel_load import load_open_spiel
from games.normal_form.registry import GAMES, load_named
from games.text.matching import matcher

LABELS = st.lists(st.text(min_size=1, max_size=12).filter(str.strip), min_size=2, max_size=6, unique=True)
NEAR = st.lists(
    st.text(alphabet="aAxX1.0 _-*+#<>()$ß²②", min_size=1, max_size=5).filter(str.strip),
    min_size=2,
    max_size=8,
    unique=True,
)


@given(LABELS | NEAR)
def test_every_option_means_itself(options):
    found = matcher(tuple(options))
    assert [found.find(option) for option in options] == list(range(len(options)))


@given(LABELS | NEAR, st.randoms(use_true_random=False))
def test_order_of_options_does_not_matter(options, random):
    turned = random.sample(options, len(options))
    first, second = matcher(tuple(options)), matcher(tuple(turned))
    for text in [
        *options,
        *(option.upper() for option in options),
        *(f"**{option}**." for option in options),
    ]:
        one, other = first.find(text), second.find(text)
        assert (one is None) == (other is None)
        assert one is None or options[one] == turned[other]


@given(NEAR, st.text(alphabet="aAxX1.0 _-*+#<>()$ß²②", max_size=6))
def test_an_option_more_may_only_refuse(options, text):
    """A tolerance that needs the other options to stay apart is refused sooner, never used later."""
    whole = matcher(tuple(options)).find(text)
    assert whole is None or whole < len(options)
    if text in options:
        assert whole == options.index(text)


@pytest.mark.parametrize(
    ("options", "label", "want"),
    [
        (("rock", "paper"), "  'Paper'. ", "paper"),
        (("rock", "paper"), "paperr", None),
        (("rock", "paper"), "", None),
        (("rock", "paper"), "rock paper", None),
        (("a", "A"), "**A**", "A"),
        (("8/4*", "6/2"), "8/4", "8/4*"),
        (("8/4*", "8/4"), "8/4", "8/4"),
        (("7", "8"), "$7.00", "7"),
        (("7", "-7"), "- 7", "-7"),
        (("1", "1000"), "1.000", None),
        (("<5", ">=5"), "5", None),
        (("*", "+"), "*", "*"),
        (("Option A", "Option B"), "b", "Option B"),
        (("stag", "hare"), "ｓｔａｇ", "stag"),
    ],
)
def test_by_hand(options, label, want):
    position = matcher(options).find(label)
    assert (None if position is None else options[position]) == want


def test_long_labels_mean_nothing_and_cost_nothing():
    assert matcher(("rock", "paper")).find("rock" * 1_000_000) is None


def test_equal_options_are_refused():
    with pytest.raises(ValueError, match="distinct"):
        matcher(("rock", "rock"))


@pytest.mark.parametrize("name", [entry.name for entry in GAMES])
def test_labels_of_the_catalogue_stay_apart(name):
    for labels in load_named(name).actions:
        _check_disguises(labels)


@pytest.mark.parametrize(
    "name",
    [
        "tic_tac_toe",
        "connect_four",
        "breakthrough",
        "nim",
        "leduc_poker",
        "liars_dice",
        "goofspiel",
        "chess",
        "backgammon",
        "go",
        "checkers",
        "negotiation",
        "first_sealed_auction",
        "pig",
        "hex",
        "bridge",
    ],
)
def test_legal_strings_of_open_spiel_stay_apart(name):
    rng = np.random.default_rng(7)
    state = load_open_spiel(name).new_initial_state()
    for _ in range(40):
        if state.is_terminal():
            break
        if state.is_chance_node():
            state.apply_action(int(rng.choice([action for action, _ in state.chance_outcomes()])))
            continue
        if state.is_simultaneous_node():
            legal = [state.legal_actions(p) for p in range(state.num_players())]
            for player, actions in enumerate(legal):
                _check_disguises(tuple(state.action_to_string(player, a) for a in actions))
            state.apply_actions([int(rng.choice(actions)) for actions in legal])
            continue
        actions = state.legal_actions()
        _check_disguises(tuple(state.action_to_string(a) for a in actions))
        state.apply_action(int(rng.choice(actions)))


@settings(max_examples=30)
@given(st.lists(st.integers(-50, 200), min_size=2, max_size=20, unique=True))
def test_numbers_in_any_spelling(numbers):
    options = tuple(map(str, numbers))
    found = matcher(options)
    for position, number in enumerate(numbers):
        for text in (
            f"{number}.0",
            f" {number} ",
            f"**{number}**",
            f"{number} points",
            json.dumps(float(number)),
        ):
            assert found.find(text) == position


def _check_disguises(options):
    found = matcher(options)
    for position, option in enumerate(options):
        assert found.find(option) == position
        assert found.find(f"  {option}\n") == position
        for disguised in (option.upper(), f"**{option}**", f'"{option}".', option.replace(" ", "\u00a0")):
            assert found.find(disguised) in (position, None)
