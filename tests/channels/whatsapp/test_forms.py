"""What is read of a form: every field that counts, opaque addresses, and no form that raises."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.whatsapp.forms import Ear, Form, Heard, kind_of, read
from channels.whatsapp.words import words
from core.conversation import Address, Arrival, Attachment, Customer, Message, MessageKind

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
ACCOUNT = "AC" + "0" * 32
SID = "SM" + "1a" * 16
EAR = Ear(ACCOUNT, words(("en", "da", "de")), NOW)
PLAIN = {
    "MessageSid": SID,
    "AccountSid": ACCOUNT,
    "From": "whatsapp:+4512345678",
    "To": "whatsapp:+14155238886",
    "Body": "Where is my parcel?",
    "NumMedia": "0",
    "SmsStatus": "received",
    "ProfileName": "A customer",
    "WaId": "4512345678",
    "MessageType": "text",
}
MEDIA = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages/{SID}/Media/ME" + "2" * 32


def form(**fields: str) -> Form:
    return Form(tuple((PLAIN | fields).items()))


def heard(**fields: str) -> Heard:
    return read(form(**fields), EAR)


def message(**fields: str) -> Message:
    found = heard(**fields).message
    assert found is not None
    return found


def test_a_plain_message_is_read_whole() -> None:
    found = heard()
    assert found.names == ("+4512345678",)
    assert found.arrival() == Arrival(
        key=f"tw:{ACCOUNT}:{SID}",
        raw=form().raw,
        message=Message(
            id=SID,
            address=Address("whatsapp", "+4512345678"),
            text="Where is my parcel?",
            at=NOW,
            customer=Customer("+4512345678", "A customer"),
        ),
    )


def test_the_arrival_is_addressed_to_the_conversation_found_for_it() -> None:
    other = Address("whatsapp", "US.ABC123")
    arrival = heard().arrival(other)
    assert arrival.message is not None
    assert (arrival.message.address, arrival.message.customer.id) == (other, "+4512345678")


def test_a_user_without_a_phone_number_is_a_customer_like_any_other() -> None:
    found = heard(From="whatsapp:US.ABC123", WaId="")
    assert found.names == ("US.ABC123",)
    assert found.message is not None
    assert found.message.address == Address("whatsapp", "US.ABC123")


@pytest.mark.parametrize("sender", ["+1", "US.ABC123", "ID.4566:x y", "0045 12", "名前", "a" * 256])
def test_an_address_is_opaque(sender: str) -> None:
    assert heard(From=f"whatsapp:{sender}").names == (sender,)


def test_both_names_of_a_customer_are_told_the_one_written_from_first() -> None:
    assert heard(ExternalUserId="whatsapp:ID.4566").names == ("+4512345678", "ID.4566")


@pytest.mark.parametrize("other", ["whatsapp:+4512345678", "", "whatsapp:", "ID.4566", "whatsapp: x"])
def test_a_second_name_that_is_none_or_the_same_is_left_out(other: str) -> None:
    assert heard(ExternalUserId=other).names == ("+4512345678",)


@pytest.mark.parametrize(
    "fields",
    [
        {"MessageSid": ""}, {"MessageSid": "SM1"}, {"MessageSid": SID + "0"}, {"MessageSid": SID + "NumMedia0"},
        {"From": ""}, {"From": "+4512345678"}, {"From": "whatsapp:"}, {"From": "whatsapp:a\nb"},
        {"From": "whatsapp:a\0"}, {"From": "sms:+45"}, {"From": "whatsapp:" + "9" * 257},
        {"NumMedia": "one"}, {"NumMedia": "-1"}, {"NumMedia": "101"}, {"NumMedia": "1e3"}, {"NumMedia": "9" * 5000},
        {"SmsStatus": "sent"}, {"MessageStatus": "delivered"},
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_parked_with_a_problem(fields: dict[str, str]) -> None:
    found = heard(**fields)
    arrival = found.arrival(Address("whatsapp", "somewhere"))
    assert (found.names, found.message, arrival.message) == ((), None, None)
    assert arrival.problem.startswith("this form could not be read: ")
    assert arrival.key.startswith(f"tw:{ACCOUNT}:unread:")
    assert json.loads(arrival.raw) == [list(pair) for pair in form(**fields).pairs]
    assert arrival == heard(**fields).arrival()


def test_a_problem_names_no_address() -> None:
    for fields in ({"From": "+4512345678"}, {"From": "whatsapp:+45\n12345678"}):
        assert "12345678" not in heard(**fields).problem


def test_two_forms_that_cannot_be_read_are_two_arrivals() -> None:
    assert heard(From="", Body="one").key != heard(From="", Body="two").key


def test_no_form_at_all_is_parked() -> None:
    assert read(Form(()), EAR).problem


def test_a_message_sid_that_was_cut_longer_is_no_second_message() -> None:
    # Signed text is names and values run together: this form has the same signature as the true one.
    pairs = dict(form().pairs)
    longer = pairs["MessageSid"] + "MessageType" + pairs.pop("MessageType")
    again = read(Form(tuple((pairs | {"MessageSid": longer}).items())), EAR)
    assert again.message is None


@pytest.mark.parametrize("prefix", ["SM", "MM"])
def test_text_and_media_messages_have_ids_of_their_own(prefix: str) -> None:
    assert message(MessageSid=prefix + "0" * 32).id == prefix + "0" * 32


@pytest.mark.parametrize("name", ["ButtonText", "ListTitle"])
def test_the_choice_made_is_the_text_when_there_is_no_other(name: str) -> None:
    chosen = {name: "Track my order", "ButtonPayload": "track", "ListId": "track"}
    assert message(Body="", **chosen).text == "Track my order"
    assert message(Body="Something else", **chosen).text == "Something else"


@pytest.mark.parametrize(
    ("mime", "kind"),
    [
        ("image/jpeg", "photo"), ("image/webp", "sticker"), ("audio/ogg", "voice"), ("audio/ogg; codecs=opus", "voice"),
        ("video/mp4", "video"), ("application/pdf", "document"), ("text/plain", "document"),
        ("TEXT/X-VCARD", "contact"),
        ("text/vcard; charset=utf-8", "contact"), ("", "other"), ("chemical/x-pdb", "other"),
    ],
)  # fmt: skip
def test_an_attachment_is_of_the_kind_its_type_says(mime: str, kind: str) -> None:
    assert kind_of(mime) == kind
    found = message(Body="", NumMedia="1", MediaUrl0=MEDIA, MediaContentType0=mime).attachments
    assert found == (Attachment(kind, mime=mime.partition(";")[0].lower(), handle=MEDIA),)


def test_several_files_come_in_their_order_with_the_caption() -> None:
    found = message(
        Body="both", NumMedia="2", MediaUrl0="a", MediaUrl1="b", MediaContentType0="image/png", MediaContentType1="x/y"
    )
    assert found.text == "both"
    assert [(a.kind, a.handle) for a in found.attachments] == [("photo", "a"), ("other", "b")]


def test_a_file_without_address_or_type_is_still_named() -> None:
    assert message(NumMedia="1").attachments == (Attachment("other"),)


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({"Latitude": "55.67", "Longitude": "12.56"}, "55.67, 12.56"),
        ({"Latitude": "55.67", "Longitude": "12.56", "Label": "Shop"}, "Shop (55.67, 12.56)"),
        ({"Latitude": "1", "Longitude": "2", "Label": "Shop", "Address": "A street 1"}, "Shop, A street 1 (1, 2)"),
    ],
)
def test_a_place_is_told_in_words(fields: dict[str, str], note: str) -> None:
    assert message(Body="", **fields).attachments == (Attachment("location", note=note),)


def test_what_we_do_not_know_is_named_so_that_it_can_be_answered_honestly() -> None:
    assert message(Body="", MessageType="order").attachments == (Attachment("other", note="order"),)


def test_the_message_it_answers_is_kept() -> None:
    assert message(OriginalRepliedMessageSid="SM9", OriginalRepliedMessageSender="whatsapp:+1").reply_to == "SM9"


def test_what_brought_the_customer_here_is_kept() -> None:
    fields = {"ReferralHeadline": "Shoes", "ReferralBody": "20 % off", "ReferralSourceUrl": "https://example.com/ad"}
    assert message(**fields).referral == "Shoes | 20 % off | https://example.com/ad"
    assert message(ReferralHeadline="Shoes", ReferralBody=" ").referral == "Shoes"


@pytest.mark.parametrize(
    ("body", "kind"), [("Stop", "opt out"), ("afmeld!", "opt out"), ("START", "opt in"), ("no", "text")]
)
def test_a_whole_message_that_is_the_word_opts_out_or_in(body: str, kind: str) -> None:
    found = message(Body=body)
    assert (found.kind, found.told, found.text) == (MessageKind(kind), False, body)


def test_a_caption_is_not_the_whole_message() -> None:
    assert message(Body="stop", NumMedia="1", MediaUrl0=MEDIA).kind is MessageKind.TEXT


@pytest.mark.parametrize(
    ("told", "kind"), [("STOP", "opt out"), ("START", "opt in"), ("HELP", "text"), ("stop", "opt out"), ("NEW", "text")]
)
def test_what_twilio_answered_itself_is_marked_so(told: str, kind: str) -> None:
    found = message(Body="basta", OptOutType=told)
    assert (found.kind, found.told) == (MessageKind(kind), True)


def test_text_is_fit_for_any_store() -> None:
    found = message(Body="a\0b\ud83dc", ProfileName="\0x", ReferralHeadline="\udc00")
    assert (found.text, found.customer.name, found.referral) == ("ab\ufffdc", "x", "\ufffd")


def test_raw_keeps_every_pair_in_its_order_repeated_empty_and_unknown_ones_too() -> None:
    pairs = (*PLAIN.items(), ("New", ""), ("Body", "again"), ("New", "é\0\ud83d"))
    raw = read(Form(pairs), EAR).raw
    assert json.loads(raw) == [list(pair) for pair in pairs]
    assert raw.encode()
    assert "\0" not in raw


def test_of_a_repeated_field_the_first_counts() -> None:
    assert Form((("A", "1"), ("A", "2"))).get("A") == "1"
    assert Form(()).get("A", "x") == "x"


def test_neither_form_nor_heard_shows_what_was_written() -> None:
    assert "12345678" not in repr(form()) + repr(heard())


text = st.text(st.characters(codec=None), max_size=20)
NAMES = st.sampled_from(
    [*PLAIN, "OptOutType", "Latitude", "MediaUrl0", "ExternalUserId", "ButtonText", "MessageStatus"]
)


@given(st.lists(st.tuples(NAMES | text, text | st.sampled_from([SID, "whatsapp:+45", "3"])), max_size=12))
def test_no_form_raises_and_each_is_a_message_or_a_problem(pairs: list[tuple[str, str]]) -> None:
    for one in (Form(tuple(pairs)), Form((*pairs, *PLAIN.items()))):
        found = read(one, EAR)
        assert (found.message is None) == bool(found.problem)
        assert found.raw.encode()
        told = [found.problem, found.key, *found.names]
        if found.message:
            notes = (attachment.note for attachment in found.message.attachments)
            told += [found.message.text, found.message.referral, found.message.reply_to, *notes]
        assert "\0" not in "".join(told)
        assert "".join(told).encode() is not None


def test_every_language_of_the_installation_counts() -> None:
    spanish = replace(EAR, words=words(("es",), {"es": ["alto"]}, {"es": ["hola"]}))
    found = read(form(Body="ALTO"), spanish).message
    assert found is not None
    assert found.kind is MessageKind.OPT_OUT
