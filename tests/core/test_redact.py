"""What a log may hold."""

from __future__ import annotations

import pytest

from core.redact import MASK, redact, redact_value


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("GET https://x/bot123456789:AAEhBOweik6ad9rQXMENQjcrGbqCr4K12/getMe", "GET https://x/bot***/getMe"),
        ("postgresql://user:hunter22@host/db", "postgresql://user:***@host/db"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: *** ***"),
        ("key gsk_abcdefghijklmnop1234 refused", "key *** refused"),
        ("{'api_key': 'secret99'}", "{'api_key': '***'}"),
        ("password=hunter22&x=1", "password=***&x=1"),
        ("GET /v1?key=abcdef&x=1", "GET /v1?key=***&x=1"),
        ("call +45 12 34 56 78 or 12-34-56-78 now", "call *** or *** now"),
        ("write to a.person+tag@example.co.uk", "write to ***"),
        ("card 4111 1111 1111 1111", "card ***"),
        ("card 4111111111111111", "card ***"),
        ("DE89 3704 0044 0532 0130 00", "***"),
    ],
)
def test_secrets_and_personal_data_are_masked(text: str, left: str) -> None:
    assert redact(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20 08:00:01 order 12345678 of telegram:-1001234567890",
        "2026-11-20T08:00:01.123456+00:00",
        "took 0.001234567 s",
        "max_tokens=800",
        "listening on 127.0.0.1:8080",
    ],
)
def test_dates_decimals_and_identifiers_stay_readable(text: str) -> None:
    assert redact(text) == text


def test_a_known_secret_is_masked_wherever_it_stands() -> None:
    assert redact("failed for plain-looking!", ["plain-looking"]) == f"failed for {MASK}!"


def test_a_field_named_like_a_secret_is_masked_whatever_it_holds() -> None:
    event = {"operator_key": 12, "max_tokens": 800, "headers": [{"X-Twilio-Signature": "abc"}], "n": None}
    wanted = {"operator_key": MASK, "max_tokens": 800, "headers": [{"X-Twilio-Signature": MASK}], "n": None}
    assert redact_value(event) == wanted


def test_hostile_texts_of_100_000_characters_are_masked_before_the_test_times_out() -> None:
    for text in ("1 " * 50_000, "a@" * 50_000, "AA11 " * 50_000, "(" * 100_000, "eyJ." * 25_000):
        assert isinstance(redact(text), str)
