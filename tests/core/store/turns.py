"""Turns as a test wants them to stand in a store."""

from __future__ import annotations

import uuid

from core.conversation import Address, HandBack, Holder, Message, Reply, Turn
from core.ports import Store
from core.records import Entry, Outcome, Settlement


async def append(store: Store, address: Address, turn: Turn, holder: Holder | None = None) -> None:
    """One more turn in that chat, and who has it from here on."""
    await store.settle(
        Settlement(
            uuid.uuid4().hex,
            address,
            (),
            Entry(turn.at, address, (), Outcome.PERSON),
            (turn,) if isinstance(turn, Message) else (),
            turn if isinstance(turn, Reply) else None,
            None,
            holder,
            turn if isinstance(turn, HandBack) else None,
        )
    )
