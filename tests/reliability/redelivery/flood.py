"""Updates that come two to five times, shuffled, to any process; then once more when all is settled; then the checker.

A seed decides how often each comes, when and to whom.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from channels.memory import MemoryChannel
from channels.whatsapp.testing import FakeTwilio
from core.store.schema import metadata
from tests.reliability.kill.checker import Chat, Findings, Promise, check, query, unfinished
from tests.reliability.kill.codes import Code, question
from tests.reliability.redelivery.processes import Process, process

PER_CHAT = 25
TELEGRAM = 0.8  # the share of updates that are Telegram's; the others are Twilio's, over HTTP
TIMES = (2, 5)
AT_ONCE = 32  # requests of the platforms under way at a time
BATCH = 20  # updates a request of Telegram's brings at most
QUIET = 120.0
FENCES = frozenset({"epoch", "lease_until", "seen"})
"""Columns that only ever grow and mean nothing to anybody but who holds a chat."""
PASSING = frozenset({"replica", "duty", "silence", "run"})
"""Tables about processes, not about messages."""

Request = tuple[str, Sequence[Any]]


@dataclass(frozen=True)
class Flood:
    """So many different updates of both platforms, in chats of PER_CHAT messages each."""

    updates: int
    seed: int = 1
    began: float = field(default_factory=time.time)

    @property
    def codes(self) -> list[tuple[str, Code]]:
        """Every message with its channel."""
        chats = -(-self.updates // PER_CHAT)
        own = [Code(1 + n // PER_CHAT, 1 + n % PER_CHAT) for n in range(self.updates)]
        return [("telegram" if code.chat <= chats * TELEGRAM else "whatsapp", code) for code in own]

    def requests(self, chance: random.Random, times: tuple[int, int]) -> list[Request]:
        """What the platforms send, each update so many times, in any order, Telegram's several at once."""
        repeated = [one for one in self.codes for _ in range(chance.randint(*times))]
        chance.shuffle(repeated)
        made: list[Request] = [("whatsapp", [_form(code)]) for channel, code in repeated if channel == "whatsapp"]
        updates = [self._update(code) for channel, code in repeated if channel == "telegram"]
        place = 0
        while place < len(updates):
            size = chance.randint(1, BATCH)
            made.append(("telegram", updates[place : place + size]))
            place += size
        chance.shuffle(made)
        return made

    def _update(self, code: Code) -> dict[str, Any]:
        message = {
            "message_id": code.number,
            "date": int(self.began) - PER_CHAT + code.number,
            "text": question(code),
            "from": {"id": code.chat, "is_bot": False, "first_name": "Customer"},
            "chat": {"id": code.chat, "type": "private"},
        }
        return {"update_id": code.chat * 1000 + code.number, "message": message}


def _form(code: Code) -> dict[str, str]:
    sid = f"SM{code.chat:016x}{code.number:016x}"
    return {
        "MessageSid": sid, "SmsSid": sid, "SmsMessageSid": sid, "ApiVersion": "2010-04-01",
        "AccountSid": "AC" + "0" * 32, "ProfileName": "A customer",
        "From": f"whatsapp:{_phone(code.chat)}", "To": "whatsapp:+14155238886", "Body": question(code),
        "NumMedia": "0", "NumSegments": "1", "SmsStatus": "received", "MessageType": "text",
    }  # fmt: skip


def _phone(chat: int) -> str:
    return f"+45{chat:08d}"


@dataclass
class Result:
    """What a flood came to. `delivered` counts every update each time it came, `rate` how many came a second."""

    found: Findings
    updates: int
    delivered: int
    rate: float
    counts: Counter[str]


async def run(flood: Flood, store: str, processes: int) -> Result:
    """Bring everything to so many processes on this store, twice over, and look."""
    chance = random.Random(flood.seed)
    chats = MemoryChannel("telegram", parts=True), MemoryChannel("whatsapp", parts=True)
    async with AsyncExitStack() as stack:
        twilio = await stack.enter_async_context(FakeTwilio())
        several = [await stack.enter_async_context(process(store, chats, twilio)) for _ in range(processes)]
        requests = flood.requests(chance, TIMES)
        began = time.monotonic()
        await _bring(several, requests, chance)
        seconds = time.monotonic() - began
        await _quiet(several, store)
        before = await asyncio.to_thread(tables, store)
        again = flood.requests(chance, (1, 1))
        await _bring(several, again, chance)
        await _quiet(several, store)
        after = await asyncio.to_thread(tables, store)
        counts: Counter[str] = Counter()
        for one in several:
            for name in ("messages_accepted", "messages_duplicate", "bursts_settled", "writes_fenced", "leases_lost"):
                counts[name] += one.desk.counters.total(name)
    delivered = sum(len(items) for _, items in requests)
    found = _checked(flood, store, {channel.name: channel for channel in chats})
    _check_counts(
        found, flood, counts, (delivered + len(flood.codes), sum(len(c.said[k]) for c in chats for k in c.said))
    )
    for name in before:
        if before[name] != after[name]:
            found.fault("changed by a late repeat", f"table {name}")
    return Result(found, flood.updates, delivered + flood.updates, delivered / seconds, counts)


async def _bring(several: Sequence[Process], requests: Sequence[Request], chance: random.Random) -> None:
    waiting = iter([(chance.choice(several), request) for request in requests])

    async def bring() -> None:
        for taker, (channel, items) in waiting:
            if channel == "telegram":
                await taker.take(items)
            else:
                await taker.post(items[0])

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(bring())


async def _quiet(several: Sequence[Process], store: str) -> None:
    async with asyncio.timeout(QUIET):
        while True:
            for one in several:
                await one.desk.idle()
            if not await asyncio.to_thread(unfinished, store):
                return
            await asyncio.sleep(0.05)


def tables(store: str) -> dict[str, list[object]]:
    """Every row of every table about messages, without what fences writes."""
    kept = {}
    for name, table in metadata.tables.items():
        if name not in PASSING:
            columns = ", ".join(f'"{column.name}"' for column in table.columns if column.name not in FENCES)
            rows: list[object] = list(query(store, f'SELECT {columns} FROM "{name}"'))  # noqa: S608 - our own names
            kept[name] = sorted(rows, key=repr)
    return kept


def _checked(flood: Flood, store: str, channels: Mapping[str, MemoryChannel]) -> Findings:
    """The checker's word on each chat. A platform that shuffles gives no order, so of order nothing is asked."""
    written: dict[tuple[str, int], list[Code]] = {}
    for channel, code in flood.codes:
        written.setdefault((channel, code.chat), []).append(code)
    chats = []
    for (channel, chat), own in written.items():
        name = str(chat) if channel == "telegram" else _phone(chat)
        posts = tuple(channels[channel].said[name])
        chats.append(Chat(f"{channel}:{name}", Promise.ONCE, tuple(own), posts))
    found = check(chats, store)
    found.faults.pop("order violation", None)
    found.cases = [case for case in found.cases if not case.startswith("order violation")]
    return found


def _check_counts(found: Findings, flood: Flood, counts: Mapping[str, int], seen: tuple[int, int]) -> None:
    """Accepted once each and known every other time; as many ledger lines and replies as answers stand in the chats."""
    brought, posts = seen
    wanted = {"messages_accepted": flood.updates, "messages_duplicate": brought - flood.updates}
    for name, number in wanted.items():
        if counts[name] != number:
            found.fault("miscounted", f"{name} is {counts[name]}, not {number}")
    if counts["bursts_settled"] != posts:
        found.fault("miscounted", f"{counts['bursts_settled']} bursts settled, {posts} answers in the chats")
