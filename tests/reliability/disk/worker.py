"""A program that keeps promises in a real store and says on stdout which ones: what the disk's faults are tried on.

    python -m tests.reliability.disk.worker FILE SEED CHATS ROUNDS

Does per chat what the desk does: admit a burst, plan, mark, settle, now and then a card. Every line on stdout is one
JSON list, written without a buffer only after the store's promise was awaited; the first item says what it is. A store
that cannot is asked again; that it could not is said too (`refused`). Nothing is checked here: that is `check`'s.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

from core.conversation import Address, Arrival, Customer, Message, Reply
from core.errors import StoreError
from core.ports import Store
from core.records import Admission, Call, Claim, Entry, Outcome, Part, PartState, Progress, Settlement
from core.store.sql import open_store
from core.tiers import Money, Usage

T = TypeVar("T")

DESK = Address("memory", "desk")
TRIES = 400
"""So often the store is asked for one thing before the program gives up: a fault of the tests, not of the store."""

PAUSE = 0.005
"""Seconds before it is asked again."""


Say = Callable[..., None]


def say(*what: object) -> None:
    """One line, in one write of the operating system."""
    os.write(1, json.dumps(what).encode() + b"\n")


class Chat:
    """One chat's promises, one after the other."""

    def __init__(self, store: Store, say: Say, name: str, chance: random.Random) -> None:
        self._store = store
        self._say = say
        self._chance = chance
        self._address = Address("memory", name)
        self._claim: Claim | None = None

    async def round(self, number: int) -> None:
        """A burst from its arrival to its settlement."""
        name = f"{self._address.chat}-{number}"
        messages = [self._message(f"{name}.{n}") for n in range(self._chance.randint(1, 3))]
        admitted = await asyncio.gather(*map(self._admit, messages))
        claims = [a.claim for a in admitted if a is not None and a.claim is not None]
        self._claim = claims[0] if claims else None
        heard = tuple(m for m, a in zip(messages, admitted, strict=True) if a is not None)
        if not heard:
            return
        settlement = self.settlement(name, heard)
        texts = [settlement.text[:40], settlement.text[40:]]
        for part in await self._kept("planned", lambda: self._store.plan(settlement, texts, self._claim), name, 2):
            await self._send(part)
        settled = ("settled", lambda: self._store.settle(settlement, self._claim), name, [m.id for m in heard])
        await self._kept(*settled)
        if self._chance.random() < 0.3:
            await self._kept("card", lambda: self._store.remember_card(self._address, DESK, name), str(DESK), name)

    async def _admit(self, message: Message) -> Admission | None:
        """None when it was refused and the platform never delivered it again: then it must not be there."""
        arrival = Arrival(f"key-{message.id}", "{}", message)
        if self._chance.random() < 0.2:
            try:
                admission = await self._store.admit(arrival)
            except StoreError as error:
                self._say("refused", "admitted", str(error))
                self._say("dropped", str(self._address), arrival.key)
                return None
            self._say("admitted", str(self._address), arrival.key, message.id)
        else:
            admission = await self._kept("admitted", lambda: self._store.admit(arrival), arrival.key, message.id)
        if self._chance.random() < 0.2:
            await self._kept("admitted", lambda: self._store.admit(arrival), arrival.key, message.id)
        return admission

    async def _send(self, part: Part) -> None:
        sent_as = f"{part.reply}/{part.index}"
        for state in (PartState.SENDING, PartState.SENT):
            await self._mark(replace(part, state=state, sent_as=sent_as if state is PartState.SENT else ""))
        if self._chance.random() < 0.3:
            told = Progress(self._address, part.reply, part.index, PartState.DELIVERED, sent_as)
            what = (part.reply, part.index, told.state, sent_as)
            await self._kept("marked", lambda: self._store.advance(told), *what)

    async def _mark(self, part: Part) -> None:
        what = (part.reply, part.index, part.state, part.sent_as)
        await self._kept("marked", lambda: self._store.mark(self._address, part, self._claim), *what)

    async def _kept(self, promise: str, ask: Callable[[], Awaitable[T]], *what: object) -> T:
        """What the store gave once it could; only then it is said."""
        for _ in range(TRIES):
            try:
                result = await ask()
            except StoreError as error:
                self._say("refused", promise, str(error))
                await asyncio.sleep(PAUSE)
            else:
                self._say(promise, str(self._address), *what)
                return result
        raise SystemExit(f"the store could not: {promise}")

    def _message(self, name: str) -> Message:
        words = "where is my parcel " * self._chance.randint(1, 40)
        return Message(name, self._address, words, datetime.now(UTC), Customer(self._address.chat))

    def settlement(self, key: str, messages: tuple[Message, ...]) -> Settlement:
        now = datetime.now(UTC)
        calls = (
            Call(
                "p",
                "m",
                "answered",
                0.5,
                Usage(100, 20),
                Money(Decimal(self._chance.randint(1, 999)) / 1_000_000, "USD"),
            ),
        )
        entry = Entry(now, self._address, tuple(m.id for m in messages), Outcome.ANSWERED, "quick", calls=calls)
        reply = Reply("It left our warehouse this morning; by Friday noon it is with you. " * 8, now, tier="quick")
        return Settlement(key, self._address, messages, entry, messages, reply)


async def work(store: Store, seed: int, chats: int, rounds: int, *, names: str = "c", say: Say = say) -> None:
    """So many rounds of so many chats at once; the same seed does the same."""

    async def live(name: str) -> None:
        chat = Chat(store, say, name, random.Random(f"{seed} {name}"))
        for number in range(rounds):
            await chat.round(number)

    await asyncio.gather(*(live(f"{names}{n}") for n in range(chats)))


async def catch_up(store: Store) -> None:
    """Settle what an earlier life has promised: what was planned as planned, the rest as one burst a chat."""
    for promise in await store.unsettled():
        chat = Chat(store, say, promise.address.chat, random.Random(0))
        await store.settle(promise.plan or chat.settlement(f"late-{promise.messages[0].id}", tuple(promise.messages)))


async def main(file: str, seed: int, chats: int, rounds: int) -> None:
    """Open the store for as long as it does not open, work, close it."""
    for _ in range(TRIES):
        try:
            async with open_store(f"sqlite:///{file}") as store:
                say("ready")
                await work(store, seed, chats, rounds)
        except StoreError as error:
            say("refused", "open", str(error))
            await asyncio.sleep(PAUSE)
        else:
            say("end")
            return


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:5])))
