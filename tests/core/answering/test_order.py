"""In which order models are tried, which are worth having, and tiers that stand the wrong way round."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.answering.order import POLICIES, Order, Standing, Weights, arranged, expected
from core.answering.pareto import Point, dominated, point, upside_down
from core.answering.request import Request
from core.answering.tokens import estimate
from core.tiers import GENERAL, Line, ModelCard, Money, Price, Prompt, Tier

REQUEST = Request(Prompt("word " * 400, (Line("user", "Where is my parcel?"),)), Tier.QUICK)
TOKENS = estimate(REQUEST.prompt).likely


def price(given: str, got: str, currency: str = "USD", cached: str | None = None) -> Price:
    kept = None if cached is None else Decimal(cached)
    return Price(Decimal(given), Decimal(got), currency, date(2026, 11, 1), "https://p.example", kept)


def card(name: str, given: str = "", got: str = "", currency: str = "USD", **more: Any) -> ModelCard:
    """A model; no price given: unknown."""
    cached = more.pop("cached", None)
    provider, _, model = name.partition("/")
    return ModelCard(provider, model, price(given, got, currency, cached) if given else None, **more)


def names(order: Order, *found: ModelCard | Standing, **more: Any) -> list[str]:
    standings = [s if isinstance(s, Standing) else Standing(s) for s in found]
    return [s.card.name for s in arranged(order, standings, REQUEST, **more)]


DEAR, CHEAP = card("a/dear", "2", "10"), card("b/cheap", "0.1", "0.5")
FREE, DARK = card("own/free", free=True), card("c/dark")

CARDS = st.builds(
    lambda n, prices, free, weights, quality: ModelCard(
        "p", f"m{n}", None if free else prices, free=free, weights=weights, quality=quality
    ),
    st.integers(0, 10**6),
    st.none()
    | st.builds(
        price,
        st.sampled_from(["0", "0.05", "1", "3"]),
        st.sampled_from(["0.1", "2", "9"]),
        st.sampled_from(["USD", "EUR", "DKK"]),
        st.sampled_from([None, "0.01"]),
    ),
    st.booleans(),
    st.sampled_from(["", "", "open-a", "open-b"]),
    st.sampled_from([{}, {GENERAL: 0.4}, {GENERAL: 0.8}]),
)
STANDINGS = st.lists(
    st.builds(
        Standing,
        CARDS,
        st.none() | st.floats(0.01, 60),
        st.none() | st.floats(0, 1),
        st.integers(0, 3),
        st.none() | st.integers(0, 2000),
        st.none() | st.floats(0, 1),
    ),
    max_size=7,
    unique_by=lambda s: s.card.name,
)
ORDERS = st.builds(
    Order,
    st.sampled_from(list(POLICIES)),
    st.builds(Weights, st.floats(0, 5), st.floats(0, 5), st.floats(0, 5)),
    st.sampled_from(["", "cheapest", "fastest"]),
)


@given(ORDERS, STANDINGS, st.booleans())
def test_an_order_loses_nobody_and_names_nobody_twice(order: Order, found: list[Standing], wary: bool) -> None:
    made = arranged(order, found, REQUEST, wary=wary)
    assert sorted(s.card.name for s in made) == sorted(s.card.name for s in found)


@given(ORDERS, STANDINGS, st.booleans())
def test_the_same_standings_give_the_same_order_and_stay_as_they_were(
    order: Order, found: list[Standing], wary: bool
) -> None:
    before = list(found)
    first = arranged(order, found, REQUEST, "p/m1", wary=wary)
    assert first == arranged(order, list(found), REQUEST, "p/m1", wary=wary)
    assert found == before


@given(ORDERS, STANDINGS)
def test_what_is_in_order_stays_in_order(order: Order, found: list[Standing]) -> None:
    once = arranged(order, found, REQUEST)
    if not order.arbitrage or order.policy == "fixed":
        currencies = [s.card.price.currency for s in once if s.card.price and not s.card.free]
        listed = [s.card.price.currency for s in found if s.card.price and not s.card.free]
        if order.policy != "weighted" or currencies[:1] == listed[:1]:
            assert arranged(order, once, REQUEST) == once


@given(STANDINGS, st.sampled_from(["", "p/m1"]))
def test_cheapest_never_puts_a_dearer_one_before_a_cheaper_one_of_its_currency(
    found: list[Standing], last: str
) -> None:
    made = arranged(order := Order("cheapest"), found, REQUEST, last)
    priced = [s for s in made if s.card.price and not s.card.free]
    for currency in {s.card.price.currency for s in priced if s.card.price}:
        costs = [expected(s, order, TOKENS, last) for s in priced if s.card.price and s.card.price.currency == currency]
        assert all(a is not None and b is not None and a <= b for a, b in pairwise(costs))
    kinds = [0 if s.card.free else 2 if s.card.price is None else 1 for s in made]
    assert kinds == sorted(kinds)


def test_fixed_is_as_listed() -> None:
    assert names(Order(), DEAR, DARK, FREE, CHEAP) == ["a/dear", "c/dark", "own/free", "b/cheap"]


def test_cheapest_is_free_then_by_price_then_unknown() -> None:
    assert names(Order("cheapest"), DARK, DEAR, CHEAP, FREE) == ["own/free", "b/cheap", "a/dear", "c/dark"]


def test_currencies_are_never_compared() -> None:
    crowns, euro = card("d/crowns", "1", "5", "DKK"), card("e/euro", "0.01", "0.05", "EUR")
    assert names(Order("cheapest"), DEAR, euro, crowns, CHEAP) == ["b/cheap", "a/dear", "e/euro", "d/crowns"]


def test_what_is_cheap_depends_on_how_much_is_read_and_written() -> None:
    reads, writes = card("a/reads", "0.1", "9"), card("b/writes", "1", "0.1")
    assert names(Order("cheapest", output=10), reads, writes) == ["a/reads", "b/writes"]
    assert names(Order("cheapest", output=2000), reads, writes) == ["b/writes", "a/reads"]


def test_a_model_that_thinks_at_length_costs_what_it_writes() -> None:
    terse, talks = card("a/terse", "1", "2"), card("b/talks", "1", "1")
    assert names(Order("cheapest"), terse, talks) == ["b/talks", "a/terse"]
    assert names(Order("cheapest"), terse, Standing(talks, output=3000)) == ["a/terse", "b/talks"]


def test_prompt_cache_thrash() -> None:
    """The one that answered before is cheaper than its price says; another has to be cheaper by more than that."""
    stays, lures = card("a/stays", "1", "2", cached="0.1"), card("b/lures", "0.9", "2", cached="0.1")
    assert names(Order("cheapest"), stays, lures) == ["b/lures", "a/stays"]
    assert names(Order("cheapest"), stays, lures, last="a/stays") == ["a/stays", "b/lures"]
    assert names(Order("cheapest"), lures, stays, last="a/stays") == ["a/stays", "b/lures"]
    bargain = card("c/bargain", "0.05", "0.1")
    assert names(Order("cheapest"), stays, bargain, last="a/stays") == ["c/bargain", "a/stays"]


def test_a_cache_that_was_measured_counts_as_measured() -> None:
    stays, lures = card("a/stays", "1", "2", cached="0.1"), card("b/lures", "0.9", "2")
    never = Standing(stays, cached=0.0)
    assert names(Order("cheapest"), never, lures, last="a/stays") == ["b/lures", "a/stays"]
    assert expected(Standing(stays, cached=1.0), Order(), 1000, "a/stays") == Decimal("0.0005")
    assert expected(Standing(stays), Order(), 1000, "a/stays") == Decimal("0.00095")
    assert expected(Standing(stays), Order(), 1000) == Decimal("0.0014")


def test_a_vendor_without_a_cached_price_charges_the_full_one() -> None:
    assert expected(Standing(DEAR), Order(), 1000, "a/dear") == expected(Standing(DEAR), Order(), 1000)


def test_an_unknown_price_is_an_unknown_cost_and_free_is_nothing() -> None:
    assert expected(Standing(DARK), Order(), 1000) is None
    assert expected(Standing(FREE), Order(), 1000) == 0


def test_fastest_goes_by_the_time_to_the_first_text() -> None:
    slow, quick = Standing(DEAR, first=2.0, success=1.0), Standing(CHEAP, first=0.2, success=1.0)
    assert names(Order("fastest"), slow, quick) == ["b/cheap", "a/dear"]


def test_what_was_never_called_is_found_out_by_one_request_at_a_time() -> None:
    known, new = Standing(DEAR, first=0.5, success=1.0), Standing(CHEAP)
    assert names(Order("fastest"), known, new) == ["b/cheap", "a/dear"]
    assert names(Order("fastest"), known, replace(new, flying=1)) == ["a/dear", "b/cheap"]


def test_what_was_called_in_vain_is_not_taken_for_new() -> None:
    known, dead = Standing(DEAR, first=9.0, success=0.9), Standing(CHEAP, success=0.0)
    assert names(Order("fastest"), dead, known) == ["a/dear", "b/cheap"]


WEAK = Standing(card("a/weak", "0.1", "0.2", quality={GENERAL: 0.5}), first=0.2, success=1.0)
STRONG = Standing(card("b/strong", "3", "9", quality={GENERAL: 0.9}), first=1.0, success=1.0)


@pytest.mark.parametrize(
    ("weights", "wins"),
    [
        (Weights(1, 0, 0), "b/strong"),
        (Weights(0, 1, 0), "a/weak"),
        (Weights(0, 0, 1), "a/weak"),
        (Weights(3, 1, 1), "b/strong"),
        (Weights(1, 1, 1), "a/weak"),
        (Weights(30, 10, 10), "b/strong"),
    ],
)
def test_weights_say_what_counts(weights: Weights, wins: str) -> None:
    assert names(Order("weighted", weights), WEAK, STRONG)[0] == wins
    assert names(Order("weighted", weights), STRONG, WEAK)[0] == wins


def test_keeping_silent_is_never_an_advantage() -> None:
    silent = Standing(card("c/silent"), first=0.2, success=1.0)
    assert names(Order("weighted"), silent, WEAK, STRONG)[0] == "a/weak"
    assert names(Order("weighted", Weights(1, 0, 0)), silent, WEAK, STRONG) == ["b/strong", "c/silent", "a/weak"]
    assert names(Order("weighted", Weights(0, 1, 0)), silent, STRONG) == ["b/strong", "c/silent"]


def test_weights_compare_no_currencies_either() -> None:
    some, most, euro = card("a/some", "1", "1"), card("b/most", "3", "3"), card("c/euro", "2", "2", "EUR")
    assert names(Order("weighted", Weights(0, 1, 0)), some, most, euro) == ["a/some", "b/most", "c/euro"]


def test_quality_is_asked_for_the_kind_of_task() -> None:
    code = Standing(card("c/code", "3", "9", quality={GENERAL: 0.1, "code": 0.9}), first=1.0, success=1.0)
    asked = replace(REQUEST, kind="code")
    made = arranged(Order("weighted", Weights(1, 0, 0)), [WEAK, code], asked)
    assert made[0] is code


def test_equal_weights_change_places_and_nobody_else_does() -> None:
    dear, cheap = card("a/70b", "0.9", "0.9", weights="70b"), card("b/70b", "0.6", "0.6", weights="70b")
    free = card("own/8b", free=True, weights="8b")
    assert names(Order(arbitrage="cheapest"), dear, DARK, cheap, free) == ["b/70b", "c/dark", "a/70b", "own/8b"]
    assert names(Order(), dear, DARK, cheap, free) == ["a/70b", "c/dark", "b/70b", "own/8b"]


def test_equal_weights_may_be_had_from_the_fastest() -> None:
    slow = Standing(card("a/70b", "0.1", "0.1", weights="70b"), first=2.0, success=1.0)
    quick = Standing(card("b/70b", "0.9", "0.9", weights="70b"), first=0.3, success=1.0)
    assert names(Order(arbitrage="fastest"), slow, quick) == ["b/70b", "a/70b"]


@given(STANDINGS, st.sampled_from(["cheapest", "fastest"]))
def test_arbitrage_leaves_every_group_in_its_places(found: list[Standing], by: str) -> None:
    made = arranged(Order(arbitrage=by), found, REQUEST)
    assert [s.card.weights for s in made] == [s.card.weights for s in found]
    assert [s for s in made if not s.card.weights] == [s for s in found if not s.card.weights]


def test_when_little_is_left_to_try_what_succeeds_goes_first() -> None:
    shaky, sound = Standing(CHEAP, first=0.1, success=0.6), Standing(DEAR, first=2.0, success=0.99)
    assert names(Order("cheapest"), shaky, sound) == ["b/cheap", "a/dear"]
    assert names(Order("cheapest"), shaky, sound, wary=True) == ["a/dear", "b/cheap"]


def test_a_difference_of_a_few_calls_does_not_overturn_the_order() -> None:
    shaky, sound = Standing(CHEAP, first=0.1, success=0.985), Standing(DEAR, first=2.0, success=0.995)
    assert names(Order("cheapest"), shaky, sound, wary=True) == ["b/cheap", "a/dear"]


def test_what_nobody_has_called_is_neither_proven_nor_disproven() -> None:
    new, bad, good = Standing(DARK), Standing(CHEAP, success=0.1), Standing(DEAR, success=0.9)
    assert names(Order(), bad, new, good, wary=True) == ["c/dark", "a/dear", "b/cheap"]


@pytest.mark.parametrize("wrong", [{"policy": "random"}, {"arbitrage": "weighted"}])
def test_an_order_nobody_knows_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="is not an"):
        Order(**wrong)  # type: ignore[arg-type]


# -- pareto ----------------------------------------------------------------------------------------------------------

POINTS = st.lists(
    st.builds(
        Point,
        st.text("abcdefgh", min_size=1, max_size=3),
        st.none() | st.sampled_from([0.3, 0.6, 0.9]),
        st.none()
        | st.builds(Money, st.sampled_from([Decimal(0), Decimal(1), Decimal(2)]), st.sampled_from(["USD", "EUR"])),
        st.booleans(),
        st.none() | st.sampled_from([0.2, 0.5, 2.0]),
    ),
    max_size=7,
    unique_by=lambda p: p.name,
)


def beats(a: Point, b: Point) -> bool:
    """By the book: one figure after the other."""
    if a.quality is None or b.quality is None or a.first is None or b.first is None:
        return False
    if (not a.free and a.cost is None) or (not b.free and b.cost is None):
        return False
    if a.cost and b.cost and not a.free and not b.free and a.cost.currency != b.cost.currency:
        return False
    ours = Decimal(0) if a.free or a.cost is None else a.cost.amount
    theirs = Decimal(0) if b.free or b.cost is None else b.cost.amount
    if a.quality < b.quality or ours > theirs or a.first > b.first:
        return False
    return a.quality > b.quality or ours < theirs or a.first < b.first


@given(POINTS)
def test_who_is_dominated_is_what_comparing_each_with_each_says(points: list[Point]) -> None:
    found = dominated(points)
    for p in points:
        assert found.get(p.name, ()) == tuple(q.name for q in points if beats(q, p))


@given(POINTS)
def test_not_everybody_is_dominated(points: list[Point]) -> None:
    assert not points or len(dominated(points)) < len(points)


def test_better_cheaper_and_faster_dominates() -> None:
    good = Point("good", 0.9, Money(Decimal(1), "USD"), first=0.3)
    worse, other = replace(good, name="worse", quality=0.8), replace(good, name="other", quality=0.95, first=0.9)
    assert dominated([worse, good, other]) == {"worse": ("good",)}


GAPS: list[dict[str, Any]] = [{"quality": None}, {"cost": None}, {"first": None}]


@pytest.mark.parametrize("gap", GAPS)
def test_what_is_unknown_neither_dominates_nor_is_dominated(gap: dict[str, Any]) -> None:
    good = Point("good", 0.9, Money(Decimal(1), "USD"), first=0.3)
    bad = Point("bad", 0.1, Money(Decimal(9), "USD"), first=9.0)
    assert dominated([good, bad]) == {"bad": ("good",)}
    assert dominated([replace(good, **gap), bad]) == {}
    assert dominated([good, replace(bad, **gap)]) == {}


def test_cheap_is_not_weak() -> None:
    """A stronger tier whose first model costs less and is not better stands the wrong way round."""
    flash = card("g/flash", "0.1", "0.4", quality={GENERAL: 0.8})
    haiku = card("a/haiku", "1", "5", quality={GENERAL: 0.7})
    assert list(upside_down({Tier.QUICK: [haiku], Tier.EXPERT: [flash]})) == []
    assert list(upside_down({Tier.QUICK: [flash], Tier.EXPERT: [haiku]})) == []
    weak = card("w/weak", "0.05", "0.1", quality={GENERAL: 0.7})
    assert list(upside_down({Tier.QUICK: [haiku], Tier.STANDARD: [flash], Tier.EXPERT: [weak]})) == [
        (Tier.EXPERT, Tier.QUICK),
        (Tier.EXPERT, Tier.STANDARD),
    ]


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (card("a/b", "1", "5", quality={GENERAL: 0.7}), card("c/d", "0.1", "0.5")),
        (card("a/b", "1", "5"), card("c/d", "0.1", "0.5", quality={GENERAL: 0.7})),
        (card("a/b", quality={GENERAL: 0.7}), card("c/d", "0.1", "0.5", quality={GENERAL: 0.7})),
        (card("a/b", "1", "5", "EUR", quality={GENERAL: 0.7}), card("c/d", "0.1", "0.5", quality={GENERAL: 0.7})),
    ],
)
def test_tiers_are_judged_only_by_what_is_known_of_both(low: ModelCard, high: ModelCard) -> None:
    assert list(upside_down({Tier.QUICK: [low], Tier.STANDARD: [high]})) == []


def test_a_tier_without_models_is_passed_over() -> None:
    assert list(upside_down({Tier.QUICK: [], Tier.STANDARD: [DEAR]})) == []


def test_a_point_is_a_typical_call_of_its_model() -> None:
    made = point(card("a/b", "1", "5", quality={GENERAL: 0.7, "code": 0.2}), 0.4)
    assert made == Point("a/b", 0.7, Money(Decimal("0.002"), "USD"), first=0.4)
    assert point(FREE).free
    assert point(DARK) == Point("c/dark")


def test_with_few_extra_calls_left_only_what_often_fails_goes_last_and_a_fallback_is_never_preferred() -> None:
    well, faq = Standing(ModelCard("a", "m"), success=0.93), Standing(ModelCard("offline", "faq"), success=1.0)
    fails, new = Standing(ModelCard("b", "m"), success=0.6), Standing(ModelCard("c", "m"))
    assert arranged(Order(), [fails, well, new, faq], REQUEST, wary=True) == [well, new, faq, fails]


@pytest.mark.parametrize("policy", ["cheapest", "fastest", "weighted"])
def test_what_only_stands_in_for_a_model_is_last_in_every_order_but_the_listed_one(policy: str) -> None:
    faq = Standing(ModelCard("offline", "faq", free=True, fallback=True), first=0.001, success=1.0)
    model = Standing(ModelCard("a", "m"), first=2.0, success=0.9)
    assert arranged(Order(policy), [faq, model], REQUEST) == [model, faq]
    assert arranged(Order(), [faq, model], REQUEST) == [faq, model]
