"""What a status callback means, which of two counts, and which part ids are ours."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.whatsapp import codes, statuses
from channels.whatsapp.forms import Form
from channels.whatsapp.statuses import Names, Status
from core.conversation import Address
from core.errors import NotSent, Rejected, Throttled, Unconfirmed, Unreachable, WindowClosed
from core.records import PartState

CHAT = Address("whatsapp", "+4512345678")
SID = "SM" + "0" * 32


def told(**fields: str) -> Status | None:
    return statuses.read(Form(tuple(({"MessageSid": SID} | fields).items())))


@pytest.mark.parametrize("order", list(permutations(["queued", "sending", "sent", "delivered", "read"])))
def test_in_whatever_order_callbacks_come_the_furthest_counts(order: tuple[str, ...]) -> None:
    known: Status | None = None
    for word in order:
        known = Status(SID, word).after(known)
    assert known == Status(SID, "read")


@pytest.mark.parametrize("failure", ["failed", "undelivered"])
def test_a_failure_beats_sent_but_not_delivered(failure: str) -> None:
    failed, sent, delivered = Status(SID, failure), Status(SID, "sent"), Status(SID, "delivered")
    assert failed.after(sent) is sent.after(failed) is failed
    assert Status(SID, "undelivered").after(failed) is failed
    assert failed.after(delivered) is delivered.after(failed) is delivered


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("queued", PartState.SENT),
        ("sending", PartState.SENT),
        ("sent", PartState.SENT),
        ("delivered", PartState.DELIVERED),
        ("read", PartState.READ),
        ("failed", PartState.REJECTED),
        ("undelivered", PartState.REJECTED),
    ],
)
def test_each_status_means_a_state_of_the_part(word: str, state: PartState) -> None:
    status = told(MessageStatus=word)
    assert status is not None
    assert status.state is state


def test_a_read_receipt_may_come_as_an_event() -> None:
    status = told(MessageStatus="delivered", EventType="READ")
    assert status is not None
    assert status.state is PartState.READ


@pytest.mark.parametrize("fields", [{}, {"MessageStatus": "flying"}, {"MessageStatus": "sent", "MessageSid": ""}])
def test_what_says_nothing_that_is_known_is_nothing(fields: dict[str, str]) -> None:
    assert told(**fields) is None


@pytest.mark.parametrize("code", ["", "none", "-1", "\u0663"])
def test_a_failure_without_a_code_is_a_failure(code: str) -> None:
    status = told(MessageStatus="failed", ErrorCode=code)
    assert status is not None
    assert (status.failed, status.code) == (True, 0)


@given(reply=st.text(), index=st.integers(0, 99_999), chat=st.text(min_size=1))
def test_a_signed_part_id_names_its_part_and_no_other(reply: str, index: int, chat: str) -> None:
    names, here = Names("secret"), Address("whatsapp", chat)
    part = names.of(here, reply, index)
    name = names.read(part)
    assert name is not None
    assert (name.reply, name.index) == (reply, index)
    assert names.holds(part, here, name)
    assert not names.holds(part, Address("whatsapp", f"{chat}1"), name)
    assert not Names("another").holds(part, here, name)
    other = names.read(f"{reply}.{index + 1}.{part.rpartition('.')[2]}")
    assert other is None or not names.holds(part, here, other)


@given(st.text())
def test_no_text_is_taken_for_a_part_id_that_was_not_signed(text: str) -> None:
    names = Names("secret")
    name = names.read(text)
    assert name is None or not names.holds(text, CHAT, name)


def test_a_part_id_outlives_a_restart() -> None:
    assert Names("secret").of(CHAT, "SM1", 0) == Names("secret").of(CHAT, "SM1", 0)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (429, 0, Throttled), (429, 20429, Throttled), (400, 63018, Throttled),
        (500, 0, Unconfirmed), (503, 20500, Unconfirmed),
        (401, 20003, codes.SetUp), (401, 0, codes.SetUp), (400, 63007, codes.SetUp), (400, 63008, NotSent),
        (400, 21211, Unreachable), (400, 21614, Unreachable), (400, 63003, Unreachable), (400, 63024, Unreachable),
        (400, 21610, Unreachable), (400, 63014, Unreachable),
        (400, 21617, Rejected), (400, 63016, Rejected), (400, 99999, Rejected), (404, 20404, Rejected),
        (302, 0, Rejected),
    ],
)  # fmt: skip
def test_each_refusal_is_one_of_our_errors(status: int, code: int, error: type[Exception]) -> None:
    assert isinstance(codes.refusal(status, code), error)


def test_every_code_of_the_table_has_words_and_something_to_do() -> None:
    table = {63016, 63018, 20429, 63003, 63024, 21211, 21614, 63014, 21610, 63032, 63049, 21617, 63005, 63021}
    table |= {63007, 63008, 20003, 63012, 63023, 63001, 63013, 63020}
    assert set(codes.CODES) == table
    assert all(str(code) in codes.words(code) for code in table)
    assert isinstance(codes.final(codes.Refused("x", codes.Act.TEMPLATE)), WindowClosed)


def test_a_withheld_marketing_template_is_not_an_opt_out() -> None:
    assert codes.meaning(63032).act is codes.Act.WITHHELD
    assert not isinstance(codes.error(63032), Unreachable)
