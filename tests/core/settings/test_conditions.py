from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.conversation import Address, Conversation, Customer, Message, Reply
from core.hours import Hours
from core.rules import Reading
from core.settings.conditions import AtWork, ListedCustomer, SaysWords

AT = datetime(2026, 11, 20, 11, tzinfo=UTC)
HERE = Address("telegram", "9:1")


def said(*texts: str, customer: str = "42", at: datetime = AT) -> Conversation:
    talk = Conversation(HERE)
    return talk.heard(*(Message(str(n), HERE, text, at, Customer(customer)) for n, text in enumerate(texts)))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("REFUND!", "refund"),
        ("a re\u00adfund", "refund"),
        ("my charger", ""),
        ("money   BACK", "money back"),
        ("money, not back", ""),
        ("Größe?", "grösse"),
        ("", ""),
    ],
)
def test_words_are_whole_folded_and_quoted(text: str, found: str) -> None:
    reading = SaysWords.of(["Refund", "charge", "money back", "GRÖSSE"])(said(text))
    assert reading == Reading(bool(found), found)


def test_words_of_the_whole_burst_count_and_older_ones_do_not() -> None:
    condition = SaysWords.of(["refund"])
    assert condition(said("refund", "now")).value is True
    assert condition(said("refund").answered(Reply("ok", AT)).heard(said("thanks").last)).value is False


@pytest.mark.parametrize(("later", "value"), [(0, "open"), (6, "open"), (7, "closed")])
def test_hours_go_by_the_newest_message(later: int, value: str) -> None:
    hours = Hours(ZoneInfo("Europe/Copenhagen"), (((540, 1140),),) * 7)
    reading = AtWork(hours)(said("hi", at=AT + timedelta(hours=later)))
    assert (reading.value, reading.note) == (value, f"Fri {12 + later}:00")


@pytest.mark.parametrize("entry", ["42", "telegram:42", "telegram:9:1"])
def test_a_customer_is_listed_by_id_by_channel_and_id_or_by_chat(entry: str) -> None:
    assert ListedCustomer("vip", frozenset({entry, "x"}))(said("hi")) == Reading(True, "on the list vip")


def test_a_stranger_is_on_no_list() -> None:
    vips = ListedCustomer("vip", frozenset({"43", "whatsapp:42", "", "telegram:"}))
    assert vips(said("hi")) == Reading(False)
    assert vips(said("hi", customer="")) == Reading(False)
