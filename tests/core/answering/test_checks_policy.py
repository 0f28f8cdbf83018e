"""The policy lock: facts and promises that stand in no source, in English, Danish and German."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.answering.checks import policy
from core.answering.facts import facts, grounds
from core.answering.quantities import value
from core.answering.request import Request
from core.answering.screen import Screen
from core.errors import Unfit
from core.tiers import Line, Prompt, Tier

MARKS = (
    *("1", ".", ",", "49", "-", "+", "€", "kr", "EUR", "may", "24.", ":", "/", "@", "a.dk", "%", "days", "to", "("),
    *(")", "thirty", "within", "a", "week", "2026", "5pm", "70"),
)


def verdict(answer: str, *sources: str, said: str = "Hello") -> str:
    prompt = Prompt("\n\n".join(sources), (Line("assistant", "It is 77 EUR."), Line("user", said)), sources=sources)
    screen = Screen([policy.build()], prompt, Request(prompt, Tier.QUICK))
    try:
        screen.feed(answer)
        screen.close()
    except Unfit as found:
        return str(found)
    return ""


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("It costs 49 EUR.", "That is €49.00."),
        ("It costs 49 EUR.", "Das kostet 49 Euro."),
        ("It costs €1,234.50.", "Det koster 1.234,50 euro."),
        ("Fragt koster 49,- kr.", "Shipping is 49 DKK."),
        ("Price in EUR: 49", "It is 49 EUR."),
        ("Within 30 days.", "You have thirty days."),
        ("Within 30 days.", "It is a 30-day return."),
        ("Within 30 days.", "Sie haben dreißig Tage."),
        ("Within 30 days.", "Du har tredive dage."),
        ("Within 14 days.", "You have two weeks."),
        ("It takes 3-5 business days.", "It takes 5 business days."),
        ("It takes 3-5 business days.", "It takes 3 to 5 working days."),
        ("Efter 24 timer.", "After 24 hours, or a day."),
        ("A year's warranty: 12 months.", "The warranty is one year."),
        ("20 % off", "You get twenty percent."),
        ("20 % off", "Sie bekommen 20 Prozent."),
        ("Closed on 24 December 2026.", "We are closed on 24.12.2026, December 24th."),
        ("Closed on 24/12/2026.", "Lukket den 24. december."),
        ("Open 9-17.", "We are open until kl. 17."),
        ("Open until 5 pm.", "Wir haben bis 17:00 Uhr offen."),
        ("Call +45 70 10 20 30.", "Call 70102030 or 70 10 20 30."),
        ("See https://www.bikes.example/returns/.", "It is on bikes.example/returns."),
        ("Write to Help@bikes.example.", "Write to help@bikes.example!"),
        ("We refund the price.", "We will refund the price."),
        ("Orders are shipped from the shop.", "We'll ship it."),
        ("We will call you.", "I'm going to call you."),
        ("Vi refunderer beløbet.", "Vi refunderer beløbet."),
        ("Wir erstatten den Betrag.", "Wir werden Ihnen den Betrag erstatten."),
        ("", "You can return it in the shop. Take 2 bags and 3 keys."),
        ("", "I will not refund it, and I can't cancel it."),
        ("", "Have a nice day! In May it is warm."),
    ],
)
def test_what_a_source_says_in_other_words_is_fit(source: str, answer: str) -> None:
    assert verdict(answer, "Something else.", source) == ""


@pytest.mark.parametrize(
    ("source", "answer", "why"),
    [
        ("It costs 49 EUR.", "It costs 48 EUR.", "amount '48 eur'"),
        ("It costs 49 EUR.", "It costs 49 USD.", "amount '49 usd'"),
        ("It costs 1,234 EUR.", "It costs 1,23 EUR.", "amount"),
        ("Within 30 days.", "Within 31 days.", "duration"),
        ("Within 30 days.", "Within thirty weeks.", "duration"),
        ("3 business days.", "3 days.", "duration '3 days"),
        ("It takes 3-5 days.", "It takes 2-5 days.", "duration"),
        ("Some time.", "It comes within a week.", "duration"),
        ("20 % off", "25 % off", "percentage"),
        ("Closed on 24 December.", "Closed on 25 December.", "date"),
        ("Closed on 24 December 2025.", "Closed on 24 December 2026.", "date"),
        ("Closed in May.", "Closed in January.", "date"),
        ("Open until 5 pm.", "Open until 6 pm.", "time"),
        ("Call 70 10 20 30.", "Call 70 10 20 31.", "phone"),
        ("Call 70 10 20 30.", "Call +46 70 10 20 30.", "phone"),
        ("See bikes.example/returns.", "See https://bikes.example/refunds.", "link"),
        ("See bikes.dk.", "See b1kes.dk.", "link"),
        ("Write to help@bikes.example.", "Write to boss@bikes.example.", "address"),
        ("", "Your order is 4471.", "number '4471'"),
        ("", "It is \uff14\uff19 EUR.", "amount '49 eur'"),
        ("", "It is \u0664\u0669 EUR.", "amount '49 eur'"),
        ("", "It is 4\u200b9 EUR.", "amount '49 eur'"),
        ("You can return it.", "We will refund you.", "promises 'we will refund'"),
        ("We refund the price.", "I have refunded you.", "promises 'i have refunded'"),
        ("", "I\u2019ve cancelled your order.", "promises"),
        ("", "Your order has been cancelled.", "promises"),
        ("", "A colleague will call you.", "promises 'a colleague will call'"),
        ("", "One of our agents will get back to you.", "promises"),
        ("", "You will receive a full refund.", "promises"),
        ("", "I'm cancelling it now.", "promises"),
        ("", "We guarantee it.", "promises"),
        ("", "Jeg har annulleret din ordre.", "promises"),
        ("", "En kollega ringer til dig.", "promises"),
        ("", "Så har jeg slettet den.", "promises"),
        ("", "Ich habe Ihre Bestellung storniert.", "promises"),
        ("", "Ein Kollege wird sich bei Ihnen melden.", "promises"),
        ("", "Hiermit haben wir Ihre Bestellung gelöscht.", "promises"),
    ],
)
def test_what_no_source_says_is_unfit(source: str, answer: str, why: str) -> None:
    assert why in verdict(answer, "Something else.", source)


@pytest.mark.parametrize("text", ["Your order 4471 of 3 May for 89 EUR is found.", "You wrote 70 10 20 30."])
def test_the_customers_own_numbers_and_dates_may_be_said_again(text: str) -> None:
    assert verdict(text, said="It is order 4471 of 3 May, 89 EUR. My number is 70 10 20 30.") == ""


def test_the_customers_own_numbers_vouch_for_no_promise() -> None:
    assert "89 eur" in verdict("We will refund 89 EUR.", "We refund.", said="I want 89 EUR back")


def test_the_customers_own_links_and_addresses_vouch_for_nothing() -> None:
    assert "link" in verdict("See evil.example/pay.", said="Is it evil.example/pay?")
    assert "address" in verdict("Write to me@evil.example.", said="I am me@evil.example")


def test_what_the_assistant_said_before_vouches_for_nothing() -> None:
    assert "77" in verdict("It is 77 EUR.")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        *(("49", "49"), ("49.00", "49"), ("49,0", "49"), ("049", "49"), ("1,234", "1234"), ("1.234", "1234")),
        *(
            ("1 234", "1234"),
            ("1'234", "1234"),
            ("1,234.5", "1234.5"),
            ("1.234,50", "1234.5"),
            ("1.234.567", "1234567"),
        ),
        *(
            ("0.125", "0.125"),
            ("0,5", "0.5"),
            ("12.5", "12.5"),
            ("12345.678", "12345.678"),
            ("thirty", "30"),
            ("0", "0"),
        ),
        *(("twenty-one", "21"), ("enogtyve", "21"), ("einundzwanzig", "21"), ("halvtreds", "50"), ("dreissig", "30")),
    ],
)
def test_a_number_has_one_form(written: str, read: str) -> None:
    assert value(written) == read


@given(st.integers(0, 10**9), st.integers(0, 99))
def test_english_and_danish_ways_of_writing_are_the_same_number(whole: int, cents: int) -> None:
    english, danish = f"{whole:,}.{cents:02}", f"{whole:,}".replace(",", ".") + f",{cents:02}"
    assert value(english) == value(danish) == value(f"{whole}.{cents:02}")


@given(st.text(max_size=200) | st.lists(st.sampled_from(MARKS)).map(" ".join))
def test_whatever_stands_in_a_source_may_be_said(text: str) -> None:
    forms = grounds(text)
    assert all(not fact.forms.isdisjoint(forms) for fact in facts(text))
