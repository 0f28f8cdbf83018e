"""Twilio's JSON: a message, a file, a page of a list, the account, a sender. Pure; each is one table.

Fields: Twilio's OpenAPI description of the Messages resource, and for senders the Senders API (Messaging v2, public
beta, described in www.twilio.com/docs/whatsapp/api/senders).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from math import ceil
from typing import Any
from urllib.parse import urlencode

from channels.whatsapp.testing.world import ACCOUNT, NUMBER, SENDER, Media, Message, Raw, World
from core.text import utf16_length

VERSION = "2010-04-01"
ROOT = f"/{VERSION}/Accounts/{ACCOUNT}"
SEGMENT = 153  # characters of one segment of a longer text


def message(one: Message) -> Raw:
    """A message as the API shows it; `price` is unknown as long as we looked."""
    uri = f"{ROOT}/Messages/{one.sid}"
    return {
        "account_sid": ACCOUNT,
        "api_version": VERSION,
        "body": one.body,
        "date_created": date(one.created),
        "date_sent": date(one.sent_at),
        "date_updated": date(one.sent_at or one.created),
        "direction": "inbound" if one.inbound else "outbound-api",
        "error_code": one.code or None,
        "error_message": None,
        "from": one.from_,
        "messaging_service_sid": None,
        "num_media": str(len(one.media)),
        "num_segments": segments(one.body),
        "price": None,
        "price_unit": None,
        "sid": one.sid,
        "status": one.status,
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": one.to,
        "uri": f"{uri}.json",
    }


def media(one: Media) -> Raw:
    """What the API tells of a file; the file itself is at the same address without `.json`."""
    now = date(datetime.now(UTC))
    return {
        "account_sid": ACCOUNT,
        "content_type": one.mime,
        "date_created": now,
        "date_updated": now,
        "parent_sid": one.message,
        "sid": one.sid,
        "uri": f"{media_path(one)}.json",
    }


def media_path(one: Media) -> str:
    """Where a file is fetched."""
    return f"{ROOT}/Messages/{one.message}/Media/{one.sid}"


def page(path: str, key: str, items: Sequence[Any], asked: Mapping[str, str]) -> Raw:
    """One page of a list of the 2010 API; `items` are already in JSON's shape. `asked` is the request's query."""
    size, number = int(asked.get("PageSize", "50")), int(asked.get("Page", "0"))
    start, last = size * number, max(ceil(len(items) / size), 1) - 1
    here = items[start : start + size]

    def uri(wanted: int) -> str:
        token = {"PageToken": f"PT{wanted}"} if wanted else {}
        return f"{path}?{urlencode({**asked, 'PageSize': size, 'Page': wanted, **token})}"

    return {
        key: here,
        "first_page_uri": uri(0),
        "next_page_uri": uri(number + 1) if number < last else None,
        "previous_page_uri": uri(number - 1) if number else None,
        "uri": uri(number),
        "page": number,
        "page_size": size,
        "start": start,
        "end": start + max(len(here) - 1, 0),
    }


def account() -> Raw:
    """The account itself."""
    then = date(datetime(2026, 1, 1, tzinfo=UTC))
    return {
        "sid": ACCOUNT,
        "owner_account_sid": ACCOUNT,
        "friendly_name": "Firstline test",
        "status": "active",
        "type": "Full",
        "date_created": then,
        "date_updated": then,
        "subresource_uris": {"messages": f"{ROOT}/Messages.json"},
        "uri": f"{ROOT}.json",
    }


def sender(world: World, url: str) -> Raw:
    """The sender with what the operator entered for it."""
    return {
        "sid": SENDER,
        "status": "ONLINE",
        "sender_id": NUMBER,
        "configuration": {"waba_id": "12345678912345"},
        "webhook": dict(world.webhook),
        "profile": {"name": "Firstline test"},
        "properties": {"quality_rating": "HIGH", "messaging_limit": "1K Customers/24hr"},
        "offline_reasons": None,
        "compliance": None,
        "url": f"{url}/v2/Channels/Senders/{SENDER}",
    }


def senders(world: World, url: str) -> Raw:
    """The account's WhatsApp senders; the sandbox's number is none of them."""
    here = f"{url}/v2/Channels/Senders?Channel=whatsapp&PageSize=50&Page=0"
    pages = {"first_page_url": here, "previous_page_url": None, "next_page_url": None, "url": here}
    found = [] if world.sandbox else [sender(world, url)]
    return {"senders": found, "meta": {"page": 0, "page_size": 50, "key": "senders", **pages}}


def segments(body: str) -> str:
    """How many segments a text counts as; at least one."""
    return str(max(1, ceil(utf16_length(body) / SEGMENT)))


def date(at: datetime | None) -> str | None:
    """A time as the 2010 API writes it (RFC 2822, GMT)."""
    return None if at is None else format_datetime(at)
