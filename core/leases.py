"""Which chats this process holds: claimed when there is room, renewed while something is done in them.

The store's clock and the chat's epoch decide; hints from other processes only make it quicker. What is done in a chat
is the desk's affair.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from core.abilities import Follows
from core.conversation import Address, Message
from core.errors import StoreError, Unreadable
from core.fleet import HEARTBEAT, LEASE, LOOK, Fleet
from core.lane import Interrupt, Lane
from core.lanes import Lanes
from core.patience import patiently
from core.ports import Channel, Store
from core.records import Claim, Hint, Promise, Rumour

log = logging.getLogger(__name__)

AT_ONCE = 100
"""Chats claimed in one transaction at most."""

MOMENT = 5.0
"""Seconds others wait at most while something is tried of which processes have died."""

GAP = 0.1
"""Seconds between two looks however many hints arrive."""


class Leases:
    """The fleet's side of the lanes. `run` goes on beside the answers for as long as the desk is open."""

    def __init__(
        self,
        store: Store,
        channels: Mapping[str, Channel],
        lanes: Lanes,
        fleet: Fleet,
        acknowledge: Callable[[Message], asyncio.Task[None]],
    ) -> None:
        self._counters = lanes.counters
        self._acknowledge = acknowledge
        self._suspects = asyncio.Lock()
        self._calm = asyncio.Event()
        self._calm.set()
        self._store = store
        self._channels = channels
        self._lanes = lanes
        self._fleet = fleet
        self._news = asyncio.Event()
        self._closing = False

    async def run(self) -> None:
        """Look for work, renew and hear hints until cancelled; a failure of one round is only logged."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._for_ever("renewing", self.beat, self._heartbeat))
            group.create_task(self._for_ever("looking", self.look, self._until_news))
            group.create_task(self._hear())

    async def look(self) -> int:
        """Claim what nobody holds while there is room; how many chats. StoreError."""
        found = 0
        while not self._closing and (most := min(AT_ONCE, self._lanes.room)):
            claims = await self._store.claim(most, list(self._channels))
            for claim in claims:
                self._counters.count("chats_taken_over" if claim.taken else "chats_claimed")
                self._lanes.open(claim, stale=True)
            found += len(claims)
            if len(claims) < most:
                break
        return found

    async def beat(self) -> None:
        """Renew what is held; a chat that is another process's by now is dropped at once. StoreError."""
        held = {lane.address: (lane, lane.claim) for lane in self._lanes}
        ours = await self._store.renew([claim for _, claim in held.values()])
        for address, (lane, claim) in held.items():
            if address not in ours and not (lane.released or lane.settling) and lane.claim.epoch == claim.epoch:
                self._counters.count("leases_lost")
                log.warning("a chat on %s was taken over by another process", address.channel)
                self._lanes.lose(lane)
        self._fleet.size = await self._store.size()
        self._fleet.seen()

    async def fill(self, lane: Lane) -> None:
        """Bring into a lane whatever waits in its chat; when nothing does, give it back."""
        waits = await self._bring(lane)
        if lane.waiting or lane.unfinished or lane.released:
            return
        try:
            # What could not be settled stays for the next who claims the chat, and counts as an attempt.
            await self._store.release([lane.claim], tried=waits)
        except StoreError as error:
            log.warning("a chat on %s is free when its lease is over: %s", lane.address.channel, error)
        lane.released = True

    async def _bring(self, lane: Lane) -> bool:
        """Let everything that waits join the lane, whatever is under way in it; whether anything does."""
        news, what = lane.news, f"what waits on {lane.address.channel}"
        promises = await patiently(what, lambda: self._unsettled(lane), StoreError)
        lane.known = max(lane.known, news)
        if lane.released or self._lanes.get(lane.address) is not lane:
            return False  # it may be somebody else's by now
        for promise in promises:
            if promise.plan is not None:
                lane.resume(promise.plan)
            else:
                for message in promise.messages:
                    if lane.join(message):
                        lane.heard.append(self._acknowledge(message))
        lane.arrange([message.id for promise in promises for message in promise.messages])
        return bool(promises)

    async def _unsettled(self, lane: Lane) -> Sequence[Promise]:
        """What waits in the chat; what nobody can read waits for a person instead."""
        try:
            return await self._store.unsettled(lane.address)
        except Unreadable:
            number = await self._store.set_aside(lane.claim)
            self._counters.count("messages_parked", number, channel=lane.address.channel)
            log.error("%d messages on %s are parked: they cannot be read", number, lane.address.channel)  # noqa: TRY400
            return await self._store.unsettled(lane.address)

    async def catch_up(self, lane: Lane) -> None:
        """Before anything is taken from a lane: what came before it by way of another process."""
        while lane.stale:
            await self._bring(lane)

    @asynccontextmanager
    async def trying(self, lane: Lane) -> AsyncIterator[None]:
        """While something is done in a chat: counted before it begins, and alone where processes have died of it."""
        async with contextlib.AsyncExitStack() as stack:
            if lane.suspect:
                await stack.enter_async_context(self._suspects)
                self._calm.clear()
                stack.callback(self._calm.set)
            else:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(MOMENT):
                        await self._calm.wait()
            if not lane.claim.counted:
                what = f"a try on {lane.address.channel}"
                lane.claim = await patiently(what, lambda: self._store.attempt(lane.claim), StoreError)
            yield

    async def give_back(self, claims: Sequence[Claim]) -> None:
        """Leave these chats to whoever wants them; call it when nothing is done in them any more."""
        if claims:
            try:
                async with asyncio.timeout(LOOK):
                    await self._store.release(claims, tried=False)
            except (StoreError, TimeoutError) as error:
                log.warning("chats are free when their lease is over: %s", error)

    def close(self) -> None:
        """Claim nothing more."""
        self._closing = True

    def tell(self, rumour: Rumour, address: Address) -> None:
        """Let the other processes know of something in a chat."""
        self._counters.count("hints_sent", rumour=rumour)
        self._store.hint(Hint(rumour, address))

    async def _hear(self) -> None:
        async for hint in self._store.hints():
            self._counters.count("hints_received", rumour=hint.rumour)
            lane = self._lanes.get(hint.address)
            channel = self._channels.get(hint.address.channel)
            match hint.rumour:
                case Rumour.JOINED if lane is not None:
                    lane.news += 1
                    self._lanes.beside(self.catch_up(lane))
                case Rumour.JOINED:
                    self._news.set()
                case Rumour.STOPPED if lane is not None:
                    lane.interrupt(Interrupt.STOP)
                case Rumour.SETTLED if isinstance(channel, Follows):
                    self._lanes.beside(channel.follow(hint.address))

    async def _heartbeat(self) -> None:
        await asyncio.sleep(HEARTBEAT)

    async def _until_news(self) -> None:
        await asyncio.sleep(GAP)
        try:
            async with asyncio.timeout(LOOK - GAP):
                await self._news.wait()
        except TimeoutError:
            pass
        self._news.clear()

    async def _for_ever(
        self, what: str, work: Callable[[], Awaitable[object]], pause: Callable[[], Awaitable[None]]
    ) -> None:
        while True:
            await pause()
            try:
                async with asyncio.timeout(LEASE):
                    await work()
            except (StoreError, TimeoutError) as error:
                self._counters.count("store_errors", what=what)
                log.warning("%s failed: %s: %s", what, type(error).__name__, error)
            except Exception:
                log.exception("%s broke", what)
