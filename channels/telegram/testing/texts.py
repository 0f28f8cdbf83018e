"""What a text, its entities and the buttons under it may be. Raises Refusal for what Telegram would not show.

Pure. Telegram counts UTF-16 units, trims white space at both ends and moves the entities along; where it would quietly
drop an entity that makes no sense, this refuses, because whoever sent it meant something else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from channels.telegram.testing.refusal import Refusal
from core.text import utf16_length

LONGEST_TEXT = 4096  # UTF-16 units
LONGEST_CAPTION = 1024
MOST_ENTITIES = 100  # what comes after is dropped without a word
LONGEST_DATA = 64  # bytes
ALONE = frozenset({"code", "pre"})
QUOTES = frozenset({"blockquote", "expandable_blockquote"})
STYLES = frozenset({"bold", "italic", "underline", "strikethrough", "spoiler"})
_OTHERS = """
text_link text_mention custom_emoji date_time mention hashtag cashtag bot_command url email phone_number
"""
KINDS = ALONE | QUOTES | STYLES | frozenset(_OTHERS.split())
NEEDS = {"text_link": "url", "text_mention": "user", "custom_emoji": "custom_emoji_id", "date_time": "unix_time"}

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Text:
    """A text as it stands in a chat."""

    text: str = ""
    entities: tuple[Raw, ...] = ()


def checked(text: str, entities: Sequence[Raw], limit: int = LONGEST_TEXT) -> Text:
    """The text as Telegram shows it. Whether it may be empty is for the method to say."""
    _check_encoding(text)
    _check_entities(text, entities)
    shown = _trimmed(text, sorted(entities, key=lambda e: (e["offset"], -e["length"])))
    if utf16_length(shown.text) > limit:
        what = "message is too long" if limit == LONGEST_TEXT else "message caption is too long"
        raise Refusal(400, f"Bad Request: {what}")
    return Text(shown.text, shown.entities[:MOST_ENTITIES])


def check_buttons(markup: Raw | None) -> None:
    """Refuse inline buttons nobody could press."""
    rows = (markup or {}).get("inline_keyboard", [])
    for button in (button for row in rows for button in row):
        uses = button.keys() - {"text", "icon_custom_emoji_id", "style"}
        if not button["text"] or len(uses) != 1:
            raise Refusal(400, "Bad Request: can't parse inline keyboard button: text buttons are unallowed")
        if "callback_data" in button and not 1 <= len(button["callback_data"].encode()) <= LONGEST_DATA:
            raise Refusal(400, "Bad Request: BUTTON_DATA_INVALID")


def _check_encoding(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refusal(400, "Bad Request: strings must be encoded in UTF-8") from None


def _check_entities(text: str, entities: Sequence[Raw]) -> None:
    units = text.encode("utf-16-le")
    open_until: list[tuple[int, Raw]] = []
    for entity in sorted(entities, key=lambda e: (e["offset"], -e["length"])):
        start, end = entity["offset"], entity["offset"] + entity["length"]
        if start < 0 or end <= start or end > len(units) // 2:
            raise _nonsense(entity, "is out of range")
        if any(_inside_a_pair(units, place) for place in (start, end)):
            raise _nonsense(entity, "divides a character")
        if entity["type"] not in KINDS:
            raise _nonsense(entity, "is of no known type")
        if entity["type"] in NEEDS and not entity.get(NEEDS[entity["type"]]):
            raise _nonsense(entity, f"has no {NEEDS[entity['type']]}")
        while open_until and open_until[-1][0] <= start:
            open_until.pop()
        for until, outer in open_until:
            if until < end:
                raise _nonsense(entity, "overlaps another one")
            if not _may_hold(outer["type"], entity["type"]):
                raise _nonsense(entity, f"must not be inside {outer['type']}")
        open_until.append((end, entity))


def _may_hold(outer: str, inner: str) -> bool:
    """Code holds nothing and stands alone but for a quote around it; no quote, link or style is inside its like."""
    if outer in ALONE or outer == inner:
        return False
    if outer in QUOTES:
        return inner not in QUOTES
    return inner not in ALONE and (outer in STYLES or inner in STYLES)


def _inside_a_pair(units: bytes, place: int) -> bool:
    """Whether a place in UTF-16 lies between the two halves of one character."""
    return 2 * place + 1 < len(units) and 0xDC <= units[2 * place + 1] <= 0xDF


def _nonsense(entity: Raw, why: str) -> Refusal:
    place = f"{entity['type']} at {entity['offset']}, length {entity['length']}"
    return Refusal(400, f"Bad Request: can't parse entities: {place} {why}")


def _trimmed(text: str, entities: Sequence[Raw]) -> Text:
    """White space goes at the end, and at the start as far as no entity begins there."""
    lead = utf16_length(text) - utf16_length(text.lstrip())
    lead = min([lead, *(entity["offset"] for entity in entities)])
    shown = text[lead:].rstrip()  # white space is one unit a character
    length = utf16_length(shown)
    kept = []
    for entity in entities:
        start = entity["offset"] - lead
        end = min(start + entity["length"], length)
        if end > start:
            kept.append({**entity, "offset": start, "length": end - start})
    return Text(shown, tuple(kept))
