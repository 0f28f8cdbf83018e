"""What a refusal means."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from core.errors import BadPrompt, Busy, Denied, Interrupted, ProviderError, Unavailable
from core.providers._failures import LONGEST_WAIT, from_event, from_response, seconds_to_wait

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((s, Denied) for s in (401, 402, 403)),
        *((s, Busy) for s in (429, 529)),
        *((s, BadPrompt) for s in (400, 404, 413, 422)),
        *((s, Unavailable) for s in (307, 408, 500, 502, 503, 504)),
    ],
)
def test_every_status_has_its_error(status: int, kind: type[ProviderError]) -> None:
    assert type(from_response(status, b"")) is kind


@pytest.mark.parametrize("field", ["code", "type"])
def test_an_exhausted_quota_is_denied_though_its_status_says_busy(field: str) -> None:
    body = json.dumps({"error": {"message": "You exceeded your current quota", field: "insufficient_quota"}})
    assert type(from_response(429, body.encode())) is Denied


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": "text"}', b'{"error": {"code": 7}}', b"[" * 9000])
def test_a_body_of_any_shape_leaves_the_status_to_speak(body: bytes) -> None:
    assert type(from_response(503, body)) is Unavailable


def test_the_vendors_words_are_never_repeated() -> None:
    body = json.dumps({"error": {"message": "Incorrect API key provided: sk-123. See acme.example", "code": "x"}})
    assert str(from_response(401, body.encode())) == "the key, the quota or a permission was refused (HTTP 401)"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("2", 2.0),
        ("0.25", 0.25),
        ("-5", 0.0),
        ("999999", LONGEST_WAIT),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("soon", None),
        ("Fri, 20 Nov 2026 12:00:30 GMT", 30.0),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0.0),
        ("Fri, 20 Nov 2026 12:00:30 -0000", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_is_bounded(header: str, seconds: float | None) -> None:
    assert seconds_to_wait(header, lambda: NOW) == seconds


def test_busy_carries_how_long_to_wait() -> None:
    failure = from_response(429, b"", "7")
    assert isinstance(failure, Busy)
    assert failure.retry_after == 7.0


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "overloaded_error", "message": "Overloaded"}, Busy),
        ({"type": "api_error"}, Unavailable),
        ({"code": "insufficient_quota"}, Denied),
        ({"code": 500, "message": "?"}, Interrupted),
        ("broken", Interrupted),
    ],
)
def test_an_error_inside_a_stream_is_told_apart(error: object, kind: type[ProviderError]) -> None:
    assert type(from_event(error)) is kind
