"""The store as a checker reads it: once, in plain SQL, when all is quiet. What it has to say is judged elsewhere."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.reliability.simulation.world import World


class Kept:
    """The store, read once."""

    def __init__(self, world: World) -> None:
        query = world.server.query
        self.inbox = {
            row[0]: row[1:] for row in query("select source_key, conv, state, seq, message_id, at from inbox")
        }
        self.times = Counter(key for (key,) in query("select source_key from inbox"))
        self.chats = query("select conv, head, tail, owner, holder from conversation where conv <> ''")
        self.ledger: dict[tuple[str, str], tuple[str, list[str]]] = {}
        self.covered: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for conv, reply, outcome, messages in query("select conv, reply, outcome, messages from ledger"):
            self.ledger[conv, reply] = outcome, json.loads(messages)
            for message in json.loads(messages):
                self.covered[conv, message].append(outcome)
        self.parts: defaultdict[str, list[tuple[str, int, str, str]]] = defaultdict(list)
        for conv, *rest in query("select conv, reply, number, text, state from reply_part"):
            self.parts[conv].append(tuple(rest))
        self.turns: defaultdict[str, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
        for conv, kind, body in query("select conv, kind, body from turn order by conv, number"):
            self.turns[conv].append((kind, json.loads(body)))
        self.unfinished = query("select conv, key from reply where state = 'planned'")
