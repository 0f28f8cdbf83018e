"""Twilio's signature: what holds, what does not, and that nothing raises (trap 16)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.whatsapp.signature import Signature

TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
# The example Twilio publishes with its signature (twilio.com/docs/usage/webhooks/webhooks-security).
PAIRS = (
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675309"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
)
PUBLISHED = "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def made(url: str, pairs: Sequence[tuple[str, str]], token: str = TOKEN, digest: str = "sha1") -> str:
    """The signature by its published description, without the SDK."""
    text = url + "".join(name + value for name, value in sorted(set(pairs)))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), digest).digest()).decode()


SIGNATURE = Signature(TOKEN)


def test_trap_16_the_published_example_holds() -> None:
    assert made(URL, PAIRS) == PUBLISHED
    assert SIGNATURE.holds(URL, PAIRS, PUBLISHED)


@pytest.mark.parametrize(
    "header", [None, "", " ", "=", "None", PUBLISHED[:-1], PUBLISHED + "=", f" {PUBLISHED}", "ä", "\udc80"]
)
def test_trap_16_a_missing_empty_or_broken_signature_does_not_hold(header: str | None) -> None:
    assert not SIGNATURE.holds(URL, PAIRS, header)


@pytest.mark.parametrize("secret", ["", None])
def test_trap_16_without_a_token_nothing_holds_not_even_what_is_signed_with_no_key(secret: str | None) -> None:
    for key in ("", "None"):
        assert not Signature(secret).holds(URL, PAIRS, made(URL, PAIRS, key))  # type: ignore[arg-type]


def test_trap_16_a_repeated_field_is_signed_with_all_its_values() -> None:
    pairs = (*PAIRS, ("Digits", "5678"))
    assert SIGNATURE.holds(URL, pairs, made(URL, pairs))
    assert not SIGNATURE.holds(URL, pairs, PUBLISHED)
    assert not SIGNATURE.holds(URL, PAIRS, made(URL, pairs))


def test_trap_16_an_empty_field_is_signed_by_its_name() -> None:
    pairs = (*PAIRS, ("Body", ""))
    assert SIGNATURE.holds(URL, pairs, made(URL, pairs))
    assert not SIGNATURE.holds(URL, pairs, PUBLISHED)


def test_trap_16_no_field_at_all_may_be_signed_too() -> None:
    assert SIGNATURE.holds(URL, (), made(URL, ()))


@pytest.mark.parametrize("path", ["/a%2Fb", "/a%7Eb", "/a~b", "/a%2fb", "/a?q=%20", "/a?q=+"])
def test_trap_16_percent_encoding_counts_as_it_was_sent(path: str) -> None:
    url = f"https://bot.example.com{path}"
    assert SIGNATURE.holds(url, PAIRS, made(url, PAIRS))
    other = url.replace("%2F", "/").replace("%7E", "~").replace("%20", "+")
    assert other == url or not SIGNATURE.holds(other, PAIRS, made(url, PAIRS))


def test_trap_16_the_usual_port_may_be_named_or_not_on_either_side() -> None:
    plain, named = "https://bot.example.com/x?y=1", "https://bot.example.com:443/x?y=1"
    for here, there in ((plain, named), (named, plain), (plain, plain), (named, named)):
        assert SIGNATURE.holds(here, PAIRS, made(there, PAIRS))
    assert not SIGNATURE.holds(plain, PAIRS, made("https://bot.example.com:8443/x?y=1", PAIRS))


@pytest.mark.parametrize("digest", ["sha256", "sha512", "md5"])
def test_trap_16_another_algorithm_with_our_token_does_not_hold(digest: str) -> None:
    assert not SIGNATURE.holds(URL, PAIRS, made(URL, PAIRS, digest=digest))


def test_trap_16_a_hash_of_the_body_in_the_query_replaces_no_field() -> None:
    digest = hashlib.sha256(b"").hexdigest()
    url = f"https://bot.example.com/x?bodySHA256={digest}"
    assert not SIGNATURE.holds(url, PAIRS, made(url, ()))


@pytest.mark.parametrize(
    "url", ["", "https://", "https://h:port/x", "https://[::1/x", "https://h/\udc80", "https://h/x?", "https://h/x#"]
)
def test_trap_16_an_address_that_cannot_be_read_does_not_hold_and_does_not_raise(url: str) -> None:
    assert not SIGNATURE.holds(url, PAIRS, "x" * 28)


def test_trap_16_an_address_the_sdk_would_read_as_another_does_not_hold() -> None:
    assert not SIGNATURE.holds("https://bot.example.com/x?", PAIRS, made("https://bot.example.com/x", PAIRS))


def test_trap_16_half_a_surrogate_pair_does_not_hold_and_does_not_raise() -> None:
    assert not SIGNATURE.holds(URL, (("Body", "\ud800"),), PUBLISHED)


text = st.text(max_size=12)


@given(text, st.lists(st.tuples(text, text), max_size=4), text)
def test_trap_16_nothing_made_up_holds_or_raises(url: str, pairs: list[tuple[str, str]], header: str) -> None:
    assert not SIGNATURE.holds(url, pairs, header)


@given(st.permutations(PAIRS))
def test_trap_16_the_order_of_fields_does_not_count(pairs: list[tuple[str, str]]) -> None:
    assert SIGNATURE.holds(URL, pairs, PUBLISHED)


@given(st.sampled_from(range(len(PAIRS))), text, text)
def test_trap_16_a_changed_field_does_not_hold(place: int, name: str, value: str) -> None:
    pairs = [*PAIRS[:place], (name, value), *PAIRS[place + 1 :]]
    same = made_of(pairs) == made_of(PAIRS)
    assert SIGNATURE.holds(URL, pairs, PUBLISHED) is same


def made_of(pairs: Sequence[tuple[str, str]]) -> str:
    return "".join(name + value for name, value in sorted(set(pairs)))
