"""The core's values <-> what a column holds. Values are JSON; instants and texts are in `plain`.

The JSON is pydantic's over the very dataclasses, so a field added with a default reads old rows.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

from core.conversation import Closed, HandBack, Message, Reply, Turn
from core.records import Settlement
from core.rules import Decision
from core.store.plain import kept, micros
from core.tiers import Fee

MESSAGE: TypeAdapter[Message] = TypeAdapter(Message)
SETTLEMENT: TypeAdapter[Settlement] = TypeAdapter(Settlement)
DECISION: TypeAdapter[Decision] = TypeAdapter(Decision)
NAMES: TypeAdapter[tuple[str, ...]] = TypeAdapter(tuple[str, ...])
FEES: TypeAdapter[tuple[Fee, ...]] = TypeAdapter(tuple[Fee, ...])

KINDS: dict[str, TypeAdapter[Any]] = {
    "message": MESSAGE,
    "reply": TypeAdapter(Reply),
    "hand_back": TypeAdapter(HandBack),
    "closed": TypeAdapter(Closed),
}
KIND_OF: dict[type, str] = {Message: "message", Reply: "reply", HandBack: "hand_back", Closed: "closed"}


def text(adapter: TypeAdapter[Any], value: Any) -> str:
    """The value as JSON text; halves of surrogate pairs, which are in no encoding, as question marks."""
    try:
        return adapter.dump_json(value).decode()
    except PydanticSerializationError:
        plain = json.dumps(adapter.dump_python(value, mode="json"), ensure_ascii=False)
        return plain.encode("utf-8", "replace").decode()


def turn_columns(turn: Turn) -> dict[str, Any]:
    """The columns `kind`, `at` and `body` of a turn."""
    kind = KIND_OF[type(turn)]
    return {"kind": kind, "at": micros(turn.at), "body": kept(text(KINDS[kind], turn))}


def read_turn(kind: str, body: str) -> Turn:
    """The turn those columns hold."""
    turn: Turn = KINDS[kind].validate_json(body)
    return turn
