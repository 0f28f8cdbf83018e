"""The life of one message, in the order it happens; a reader starts here.

    accept   commit it, place it in its chat's lane, acknowledge it       (only then may the platform be told)
    answer   hear the conversation, decide, deliver, settle
    text     what the channel pulls: nothing is shown yet -> more messages start it again

The desk knows no platform and no vendor: channels, models and the store are behind `ports`; who is called when a
person is needed is in `handover`, where a text comes from in `speech`, the bookkeeping of one answer in `burst`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace

from core.abilities import Charges
from core.board import Board
from core.burst import Burst, Clock, ReplyBox, Unkept, ended, free, kept_box, now, once, paid
from core.conversation import Address, Arrival, Conversation, Message, MessageKind
from core.errors import ChannelError, Rejected, StoreError, Unconfirmed, Unreachable, Withdrawn
from core.handover import WITH_PEOPLE, Handover
from core.lanes import BURST, Interrupt, Lane, Lanes
from core.patience import patiently
from core.policy import Policy
from core.ports import Channel, Store
from core.records import Outcome, Progress, Settlement
from core.register import Register
from core.speech import apology, opening, read_and_decide, source

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
        self._lanes = Lanes(self._group, self._answer)
        self._board = Board(store, channels, self._lanes.beside)
        self.people = Handover(store, channels, clock, self._withdraw, self._board)

    async def __aenter__(self) -> Desk:
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._lanes.cancel()
        await self._group.__aexit__(None, None, None)

    async def accept(self, arrival: Arrival) -> bool:
        """Commit an arrival and give its message a place in line; False when it was here before."""
        if arrival.message is not None and arrival.message.kind is MessageKind.NOTED:
            arrival = replace(arrival, message=None)
        if not await self._store.admit(arrival):
            return False
        if arrival.message is not None:
            self._place(arrival.message)
        return True

    def _place(self, message: Message) -> None:
        heard = self._group.create_task(self._acknowledge(message))
        self._lanes.open(message.address).join(message, heard)

    async def _acknowledge(self, message: Message) -> None:
        channel = self._channels.get(message.address.channel)
        try:
            async with asyncio.timeout(ACKNOWLEDGE):
                if channel is not None and message.address != self.policy.operators:
                    await channel.acknowledge(message)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here must not cost the answer
            log.warning("%s was not acknowledged: %s", message.address.channel, type(error).__name__)

    async def stop(self, address: Address) -> None:
        """The customer pressed Stop: the answer under way ends where it is."""
        if lane := self._lanes.get(address):
            lane.interrupt(Interrupt.STOP)

    async def progress(self, progress: Progress) -> None:
        """Commit what the platform told of a part; a failure nobody waits for any more is told to a person."""
        failed = await self._store.advance(progress)
        if failed is not None:
            self._lanes.beside(self._board.lost(self.policy, progress.address, failed.text, progress.why))

    def _withdraw(self, customer: Address) -> None:
        """A person takes the conversation: what the bot was about to say is not said."""
        if lane := self._lanes.get(customer):
            lane.interrupt(Interrupt.TAKEN)

    async def resume(self) -> int:
        """Take up what was promised before the last stop, the number of chats; call it before listening."""
        promises = await self._store.unsettled()
        for promise in promises:
            if promise.address.channel not in self._channels:
                log.error("a message on %s waits: that channel is off", promise.address.channel)
            elif promise.plan is not None:
                self._lanes.open(promise.address).unfinished.append(promise.plan)
            else:
                for message in promise.messages:
                    self._place(message)
        return len(promises)

    async def idle(self, grace: float | None = None) -> bool:
        """Wait until nothing is being answered, at most `grace` seconds; False when time ran out."""
        try:
            async with asyncio.timeout(grace):
                await self._lanes.empty()
        except TimeoutError:
            return False
        return True

    async def _answer(self, lane: Lane) -> None:
        """Take the lane's next work from heard to settled; nothing it meets may end the lane."""
        if lane.unfinished:
            plan = lane.unfinished.pop(0)
            await self._keep(lane, lambda: self._finish(plan))
            return
        messages = await lane.take()
        await lane.acknowledged()
        burst = Burst(lane.address, self._clock, messages, self._clock(), Conversation(lane.address))
        channel = self._channels.get(lane.address.channel)
        burst.received = channel.received if isinstance(channel, Charges) else free
        try:
            await self._keep(lane, lambda: self._serve(lane, burst))
        except Exception:
            log.exception("an answer on %s failed", lane.address.channel)
            await self._keep(lane, lambda: self._apologise(burst))

    async def _keep(self, lane: Lane, work: Callable[[], Awaitable[None]]) -> None:
        """Do it again for as long as only the store or the platform is in the way; after a while people are told."""
        what = f"an answer on {lane.address.channel}"

        async def tired(error: Exception) -> None:
            await self._board.stuck(self.policy, lane.address, error)
            if isinstance(error, Unconfirmed):  # each try may leave something in the chat
                raise error

        try:
            await patiently(what, work, StoreError, ChannelError, tired=tired)
        except Unconfirmed as error:
            log.error("%s is left for the next start: %s", what, error)  # noqa: TRY400 - expected

    async def _serve(self, lane: Lane, burst: Burst) -> None:
        if lane.address == self.policy.operators:
            for message in burst.messages:
                await self.people.hear(self.policy, message)
            burst.note()
            await self._settle(burst.settlement(""))
            return
        if burst.planned is not None:
            await self._finish(burst.planned)
            return
        lane.begin(len(burst.messages))
        burst.hear(await self._store.load(lane.address), self.policy.idle)
        if burst.needs_no_answer:
            burst.note()
            await self._say_nothing(burst)
            return
        with_people = burst.conversation.holder in WITH_PEOPLE
        if with_people:
            await self._board.forward(self.policy, burst.conversation, burst.heard)
        if with_people and not burst.consent:
            burst.outcome = Outcome.WITH_PERSON
            await self._say_nothing(burst)
        else:
            await self._deliver(lane, burst)

    async def _deliver(self, lane: Lane, burst: Burst) -> None:
        channel, box = self._channels[lane.address.channel], self._box(burst)
        try:
            async with aclosing(self._text(lane, burst)) as text:
                stands = await channel.deliver(lane.address, text, box)
        except Withdrawn:
            burst.outcome, stands = Outcome.STOPPED if lane.unwanted else Outcome.TAKEN, box.stands
        except (Unreachable, Rejected) as error:
            called = await self._board.undelivered(self.policy, burst.conversation, "".join(burst.said), error)
            burst.outcome, burst.holder, stands = Outcome.UNDELIVERABLE, burst.holder or called, ""
        await self._settle(paid(burst.settlement(stands), box))

    async def _text(self, lane: Lane, burst: Burst) -> AsyncGenerator[str, None]:
        """The answer as the channel pulls it, begun again for as long as nothing was shown and more was written."""
        while True:
            decision = read_and_decide(self.policy, burst)
            async with aclosing(source(self.policy, self.people, burst, decision)) as pieces:
                piece = await lane.pull(pieces)
                if piece is not None:
                    lane.shown = True
                    piece = opening(self.policy, burst, decision) + piece
                while piece is not None:
                    burst.shown(piece)
                    yield piece
                    piece = await lane.pull(pieces)
            if lane.interrupted is not Interrupt.MORE or lane.shown:
                break
            burst.messages += lane.take_now(BURST - len(burst.messages))
            lane.begin(len(burst.messages))
            burst.hear(await self._store.load(lane.address), self.policy.idle)
        if lane.interrupted is Interrupt.TAKEN:
            raise Withdrawn
        if lane.interrupted is Interrupt.STOP:
            burst.outcome = Outcome.STOPPED

    async def _finish(self, plan: Settlement) -> None:
        """Send what was planned, from the part it had come to, and settle it as planned."""
        channel, box = self._channels[plan.address.channel], kept_box(self._store, plan, self._unwanted(plan.address))
        try:
            await channel.deliver(plan.address, once(plan.text), box)
        except Withdrawn:
            plan = ended(plan, Outcome.STOPPED, box.stands)
        except (Unreachable, Rejected) as error:
            conversation = (await self._store.load(plan.address)).heard(*plan.heard)
            called = await self._board.undelivered(self.policy, conversation, plan.text, error)
            plan = replace(ended(plan, Outcome.UNDELIVERABLE), holder=plan.holder or called)
        await self._settle(paid(plan, box))

    async def _say_nothing(self, burst: Burst) -> None:
        """End the acknowledgement with an empty answer: nobody is writing."""
        await self._channels[burst.address.channel].deliver(burst.address, once(""), Unkept())
        await self._settle(burst.settlement(""))

    async def _apologise(self, burst: Burst) -> None:
        """Something of ours is broken: the customer gets an honest line, the ledger gets the truth."""
        text = apology(self.policy, burst)
        channel, box = self._channels.get(burst.address.channel), self._box(burst)
        if channel is not None and not burst.said:
            burst.said.append(text)
            await channel.deliver(burst.address, once(text), box)
        await self._settle(paid(burst.settlement(text), box))

    def _box(self, burst: Burst) -> ReplyBox:
        return ReplyBox(self._store, burst.address, burst.plan, lambda: burst.author, self._unwanted(burst.address))

    def _unwanted(self, address: Address) -> Callable[[], bool]:
        """Whether a customer who wants no more messages waits to be heard."""
        lane = self._lanes.get(address)
        return lambda: lane is not None and lane.unwanted

    async def _settle(self, settlement: Settlement) -> None:
        """Commit the end of a burst; what was sent must not be sent again because the store was away."""
        refused = await patiently("a settlement", lambda: self._store.settle(settlement), StoreError)
        self._board.miss(self.policy, settlement.address, refused)
