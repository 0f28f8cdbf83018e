"""The life of one message, in the order it happens; a reader starts here.

    accept   commit it and claim its chat, place it in its lane, acknowledge it   (only then may the platform be told)
    answer   hear the conversation, decide, deliver, settle; with the last of it the chat is given back
    text     what the channel pulls: nothing is shown yet -> more messages start it again

The desk knows no platform and no vendor: channels, models and the store are behind `ports`. Which chats are this
process's is in `leases`, how an answer ends in `ending`, who is called when a person is needed in `handover`, where a
text comes from in `speech`, the bookkeeping of one answer in `burst`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace

from core.abilities import Charges, Replaces
from core.board import Board
from core.burst import Burst, Clock, free, now, paid
from core.conversation import ORDERS, Address, Arrival, Conversation, Message, MessageKind
from core.counters import Counters
from core.ending import POISON, Ending
from core.errors import Fenced, Rejected, Unreachable, Withdrawn
from core.handover import WITH_PEOPLE, Handover
from core.lane import Interrupt, Lane
from core.lanes import Lanes
from core.leases import Leases
from core.policy import Policy
from core.ports import Channel, Store
from core.records import Admission, Outcome, Progress, Rumour
from core.register import Register
from core.speech import apology, opening, read_and_decide, source, understand
from core.text import Anew

log = logging.getLogger(__name__)

ACKNOWLEDGE = 1.0
"""Seconds an acknowledgement may take before the answer goes on without it."""


class Desk(Register):
    """Answers every message once. Use as an async context manager: leaving it ends the work under way."""

    def __init__(self, store: Store, channels: Mapping[str, Channel], policy: Policy, clock: Clock = now) -> None:
        self.policy = policy
        super().__init__(store, clock)
        self._channels = channels
        self._group = asyncio.TaskGroup()
        self.counters = Counters()
        self.lanes = Lanes(self._group, self._answer, self._fill, self.counters)
        self._leases = Leases(store, channels, self.lanes, self.fleet, self._heard)
        self._board = Board(store, channels, self.lanes.beside, self.counters)
        self._ending = Ending(store, channels, self._board, self.counters, clock)
        self.people = Handover(store, channels, self._board, self._ending, self._asked)

    async def __aenter__(self) -> Desk:
        await self._group.__aenter__()
        self._keeping = self._group.create_task(self._leases.run())
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._leases.close()
        self._keeping.cancel()
        held = [lane.claim for lane in self.lanes if not lane.released]
        self.lanes.cancel()
        await self._group.__aexit__(None, None, None)
        await self._leases.give_back(held)

    async def accept(self, arrival: Arrival) -> bool:
        """Commit an arrival and give its message a place in line; False when it was here before."""
        if arrival.message is not None and arrival.message.kind is MessageKind.NOTED:
            arrival = replace(arrival, message=None)
        admission = await self._store.admit(arrival, room=self.lanes.room > 0)
        self._count(arrival, admission)
        if arrival.message is not None:
            self._place(arrival.message, admission)
        return admission.new

    def _count(self, arrival: Arrival, admission: Admission) -> None:
        channel = arrival.message.address.channel if arrival.message else ""
        what = "messages_parked" if arrival.problem else "messages_accepted"
        what = what if admission.new else "messages_duplicate"
        self.counters.count(what, channel=channel)

    def _place(self, message: Message, admission: Admission) -> None:
        """A place in the chat's lane where the chat is ours; else whoever has it is told, and finds it anyway."""
        lane = None
        if admission.claim is not None:
            lane = self.lanes.open(admission.claim, stale=not admission.alone)
        if not admission.new:
            return
        if lane is None:
            self._leases.tell(Rumour.JOINED, message.address)
        elif lane.join(message):
            lane.heard.append(self._heard(message))

    def _heard(self, message: Message) -> asyncio.Task[None]:
        return self._group.create_task(self._acknowledge(message))

    async def _asked(self, order: Message) -> bool:
        return await self.accept(Arrival(f"{order.address}:{order.id}", order.text, order))

    async def _acknowledge(self, message: Message) -> None:
        channel = self._channels.get(message.address.channel)
        try:
            async with asyncio.timeout(ACKNOWLEDGE):
                if channel is not None and message.address != self.policy.operators and message.kind not in ORDERS:
                    await channel.acknowledge(message)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here must not cost the answer
            self.counters.count("acknowledgements_failed", channel=message.address.channel)
            log.warning("%s was not acknowledged: %s", message.address.channel, type(error).__name__)

    async def stop(self, address: Address) -> None:
        """The customer pressed Stop: the answer under way ends where it is, here or in another process."""
        if lane := self.lanes.get(address):
            lane.interrupt(Interrupt.STOP)
        else:
            self._leases.tell(Rumour.STOPPED, address)

    async def progress(self, progress: Progress) -> None:
        """Commit what the platform told of a part; a failure nobody waits for any more is told to a person."""
        failed = await self._store.advance(progress)
        if failed is not None:
            self.lanes.beside(self._board.lost(self.policy, progress.address, failed.text, progress.why))

    async def resume(self) -> int:
        """Take up what was promised before and nobody holds, the number of chats; call it once channels listen."""
        found = await self._leases.look()
        self.counters.count("chats_resumed", found)
        return found

    async def idle(self, grace: float | None = None) -> bool:
        """Wait until nothing is being answered, at most `grace` seconds; False when time ran out."""
        try:
            async with asyncio.timeout(grace):
                await self.lanes.empty()
        except TimeoutError:
            return False
        return True

    async def _fill(self, lane: Lane) -> None:
        await self._leases.fill(lane)

    async def _answer(self, lane: Lane) -> None:
        """Take the lane's next work from heard to settled; nothing it meets may end the lane."""
        async with self._leases.trying(lane):
            await self._work(lane)

    async def _work(self, lane: Lane) -> None:
        ending, policy = self._ending, self.policy
        if lane.claim.attempts > POISON:
            await ending.keep(lane, policy, lambda: ending.set_aside(lane, policy))
            return
        if lane.unfinished:
            plan = lane.unfinished.pop(0)
            await ending.keep(lane, policy, lambda: ending.finish(lane, policy, plan))
            return
        await lane.quiet()
        await self._leases.catch_up(lane)
        messages = lane.take_now(lane.most)
        if messages[0].kind in ORDERS:
            await ending.keep(lane, policy, lambda: self.people.obey(lane, policy, messages[0]))
            return
        await lane.acknowledged()
        burst = Burst(lane.address, self._clock, messages, self._clock(), Conversation(lane.address))
        channel = self._channels.get(lane.address.channel)
        burst.received = channel.received if isinstance(channel, Charges) else free
        burst.replaces = isinstance(channel, Replaces) and channel.replaces
        try:
            await ending.keep(lane, policy, lambda: self._serve(lane, burst))
        except Fenced:
            raise
        except Exception:
            log.exception("an answer on %s failed", lane.address.channel)
            text = apology(self.policy, burst)
            await ending.keep(lane, policy, lambda: ending.apologise(lane, policy, burst, text))

    async def _serve(self, lane: Lane, burst: Burst) -> None:
        if lane.address == self.policy.operators:
            for message in burst.messages:
                await self.people.hear(self.policy, message)
            burst.note()
            await self._ending.settle(lane, self.policy, burst.settlement(""))
            return
        if burst.planned is not None:
            await self._ending.finish(lane, self.policy, burst.planned)
            return
        lane.begin(len(burst.messages))
        burst.hear(await self._store.load(lane.address), self.policy.idle)
        if burst.needs_no_answer:
            burst.note()
            await self._ending.say_nothing(lane, self.policy, burst)
            return
        with_people = burst.conversation.holder in WITH_PEOPLE
        if with_people:
            await self._board.forward(self.policy, burst.conversation, burst.heard)
        if with_people and not burst.consent:
            burst.outcome = Outcome.WITH_PERSON
            await self._ending.say_nothing(lane, self.policy, burst)
        else:
            await self._deliver(lane, burst)

    async def _deliver(self, lane: Lane, burst: Burst) -> None:
        channel, box = self._channels[lane.address.channel], self._ending.box(lane, burst)
        try:
            async with aclosing(self._text(lane, burst)) as text:
                stands = await channel.deliver(lane.address, text, box)
        except Withdrawn:
            burst.outcome, stands = Outcome.STOPPED if lane.opted_out else Outcome.TAKEN, box.stands
            if burst.consent:  # what was said about being written to stands, whoever speaks next
                burst.note_consent()
        except (Unreachable, Rejected) as error:
            called = await self._board.undelivered(self.policy, burst.conversation, "".join(burst.said), error)
            burst.outcome, burst.holder, stands = Outcome.UNDELIVERABLE, burst.holder or called, box.stands
        await self._ending.settle(lane, self.policy, paid(burst.settlement(stands), box))

    async def _text(self, lane: Lane, burst: Burst) -> AsyncGenerator[str, None]:
        """The answer as the channel pulls it, begun again for as long as nothing was shown and more was written."""
        while True:
            await understand(self.policy, burst)
            decision = read_and_decide(self.policy, burst)
            async with aclosing(source(self.policy, self.people, burst, decision)) as pieces:
                piece, first = await lane.pull(pieces), opening(self.policy, burst, decision)
                if piece is not None:
                    lane.show()
                    piece = first + piece
                while piece is not None:
                    piece = Anew(first + piece) if isinstance(piece, Anew) else piece
                    burst.shown(piece)
                    yield piece
                    piece = await lane.pull(pieces)
            if lane.interrupted is Interrupt.MORE and not lane.shown:
                await self._leases.catch_up(lane)
            if lane.interrupted is not Interrupt.MORE or lane.shown:
                break
            burst.messages += lane.take_more(lane.most - len(burst.messages))
            lane.begin(len(burst.messages))
            burst.hear(await self._store.load(lane.address), self.policy.idle)
        if lane.interrupted is Interrupt.TAKEN:
            raise Withdrawn
        if lane.interrupted is Interrupt.STOP:
            burst.outcome = Outcome.STOPPED
