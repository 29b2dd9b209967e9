"""The budget holds, whatever happens to the questions."""

import pytest
from hypothesis import given, strategies as st

from marl.language import (
    Budget,
    Budgeted,
    Cause,
    Echo,
    Finish,
    OpenAIEndpoint,
    Price,
    Reply,
    choose_all,
    generate_all,
)
from tests.marl.language.loopback import Loopback
from tests.marl.language.scripted import Scripted, failed, request_of

PRICE = Price(prompt=2e6, completion=3e6)  # 2 per token read, 3 per token written


def test_what_was_used_is_paid():
    budget = Budget(1e6)
    model = Budgeted(Scripted(), price=PRICE, budget=budget)
    generate_all(model, [request_of("x"), request_of("y")])
    choose_all(model, [request_of("x")], [("a", "b")])
    assert budget.spent == 2 * (3 * 2 + 5 * 3) + (3 * 2 + 1 * 3)
    assert budget.reserved == 0


@pytest.mark.parametrize("cause", Cause)
def test_a_question_without_a_bill_costs_the_worst_case_unless_refused_unread(cause):
    budget = Budget(1e6)
    model = Budgeted(Scripted(lambda r, b: failed(cause)), price=PRICE, budget=budget)
    generate_all(model, [request_of("aä", max_tokens=7)])
    refused = {Cause.RATE_LIMITED, Cause.UNAUTHORISED, Cause.BAD_REQUEST, Cause.BUDGET, Cause.NOT_KEPT}
    assert budget.spent == (0 if cause in refused else (3 + 64) * 2 + 7 * 3)
    assert budget.reserved == 0


def test_what_cannot_be_paid_is_not_asked():
    inner = Scripted()
    worst = (1 + 64) * 2 + 10 * 3
    for limit, asked in [(worst - 1, 0), (worst, 1)]:
        model = Budgeted(inner, price=PRICE, budget=Budget(limit))
        reply = generate_all(model, [request_of("x", max_tokens=10)])[0]
        assert inner.calls.total() == asked
        assert (reply.failure is None) == bool(asked)
    choice = choose_all(model, [request_of("x")], [("a", "b")])[0]
    assert choice.failure.cause is Cause.BUDGET


def test_reservations_are_waited_for_and_not_refused():
    """The budget pays all of them, though never two worst cases at once."""
    inner = Scripted(seconds=0.002)
    budget = Budget((1 + 64) * 2 + 10 * 3 + 19 * (3 * 2 + 5 * 3))
    model = Budgeted(inner, price=PRICE, budget=budget)
    replies = generate_all(model, [request_of("x", k, max_tokens=10) for k in range(20)])
    assert all(reply.failure is None for reply in replies)
    assert budget.spent == 20 * 21


@given(
    limit=st.integers(0, 3000),
    used=st.lists(st.tuples(st.integers(0, 66), st.integers(0, 8)) | st.none(), min_size=1, max_size=64),
)
def test_the_budget_is_never_passed_with_64_workers(limit, used):
    def answer(request, before):
        tokens = used[request.replicate]
        return failed(Cause.TIMEOUT) if tokens is None else Reply("x", Finish.STOP, *tokens)

    budget = Budget(limit)
    inner = Scripted(answer)
    model = Budgeted(inner, price=PRICE, budget=budget)
    requests = [request_of("xy", k, max_tokens=8) for k in range(len(used))]
    replies = generate_all(model, requests, concurrency=64)
    worst = (2 + 64) * 2 + 8 * 3
    asked = {request.replicate for request, _ in inner.calls}
    bills = [used[k] for k in asked]
    assert budget.spent == sum(worst if b is None else b[0] * 2 + b[1] * 3 for b in bills) <= limit
    assert budget.reserved == 0
    refused = [r for r in replies if r.failure is not None and r.failure.cause is Cause.BUDGET]
    assert len(refused) == len(used) - len(asked)
    if refused:  # only what could not be paid in the end is refused
        assert budget.spent + worst > limit


def test_a_model_that_breaks_gives_its_reservation_back_as_paid():
    def broken(request, before):
        raise RuntimeError("bug")

    budget = Budget(1e6)
    with pytest.raises(RuntimeError, match="bug"):
        generate_all(Budgeted(Scripted(broken), price=PRICE, budget=budget), [request_of("x")])
    assert budget.reserved == 0
    assert budget.spent > 0


def test_bad_numbers_are_refused():
    for bad in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="finite"):
            Price(bad, 1.0)
        with pytest.raises(ValueError, match="finite"):
            Budget(bad)


@pytest.mark.parametrize(("model", "paid"), [("second-refused", 21 + 1), ("second-broken", None)])
def test_an_echo_of_which_one_call_failed_is_not_free(model, paid):
    """The first call read 20 characters, the option and the token at the start."""
    budget = Budget(1e6)
    with Loopback() as server:
        endpoint = OpenAIEndpoint(server.url, model, scoring=Echo(lambda talk: "x" * 19 + ":", "x"))
        priced = Budgeted(endpoint, price=Price(prompt=1e6, completion=0.0), budget=budget)
        choice = choose_all(priced, [request_of("y")], [("a", "b")])[0]
    assert choice.failure is not None
    worst = 2 * (1 + 64 + 1)
    assert budget.spent == (worst if paid is None else paid)
