"""Between the bot and people: who holds a conversation, the card operators get, and what they write back.

What operators ask for becomes a message in the customer's line, so that one process does it, in its turn, and a crash
loses none of it. Only this module says that a person was called, because only it calls one. When the bot answers is the
desk's affair.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from core.board import Board
from core.burst import Unkept, ended, once, ordered, paid
from core.conversation import Address, Author, Conversation, Customer, HandBack, Holder, Message, MessageKind, Reply
from core.errors import (
    ChannelError,
    NotSent,
    OptedOut,
    Throttled,
    Unconfirmed,
    Unreachable,
    WindowClosed,
    Withdrawn,
)
from core.lane import Lane
from core.policy import Policy
from core.ports import Channel, Store
from core.records import Outcome, Settlement
from core.rules import Decision

if TYPE_CHECKING:
    from core.ending import Ending

log = logging.getLogger(__name__)

MOMENT = 5.0
"""Seconds an operator's page waits to learn how it went."""

PRESSES = {"take": MessageKind.TAKE, "back": MessageKind.BACK}
"""What the buttons under a card mean."""

REASONS = {
    Unreachable: "they take no messages",
    NotSent: "the platform cannot be reached; nothing was sent, try again later",
    Throttled: "the platform takes no more messages for now; nothing was sent, try again later",
    Unconfirmed: "the platform did not confirm it; it may have arrived all the same",
}
"""Errors in words for an operator."""

NO_MORE = "this customer asked for no more messages; only they can change that, by writing START"

WITH_PEOPLE = frozenset({Holder.WAITING, Holder.PERSON})
"""Who holds a conversation that the bot keeps out of."""

BACK = frozenset({"/back", "back to bot", "tilbage til botten", "zurück zum bot"})


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What to tell the customer, and who has the conversation now (None: still the bot)."""

    notice: str
    text: str
    holder: Holder | None


class Handover:
    """Calls people, carries what they write, and gives conversations back."""

    def __init__(
        self,
        store: Store,
        channels: Mapping[str, Channel],
        board: Board,
        ending: Ending,
        ask: Callable[[Message], Awaitable[object]],
    ) -> None:
        self._store = store
        self._channels = channels
        self._board = board
        self._ending = ending
        self._clock = ending.clock
        self._ask = ask
        self._awaited: dict[str, asyncio.Future[None]] = {}

    async def begin(
        self, policy: Policy, conversation: Conversation, decision: Decision, language: str
    ) -> HandedOver | None:
        """Call a person. None when nobody can be called and the customer was told so already: then the bot answers."""
        if await self._board.call(policy, conversation, decision):
            return self._promise(policy, conversation.last.at, language)
        told = any(r.notice in {"nobody", "contact_noted"} for r in conversation.replies)
        if not told:
            return HandedOver("nobody", policy.wording.say("nobody", language), None)
        kinds = str(getattr(decision.readings.get("personal_data"), "value", None) or "")
        noted = any(r.notice == "contact_noted" for r in conversation.replies)
        if not noted and {"email", "phone"} & {kind.strip() for kind in kinds.split(",")}:
            return HandedOver("contact_noted", policy.wording.say("contact_noted", language), None)
        return None

    @staticmethod
    def _promise(policy: Policy, at: datetime, language: str) -> HandedOver:
        opens = policy.hours.next_opening(at) if policy.hours and not policy.hours.is_open(at) else None
        if opens is None:
            return HandedOver("handed_over", policy.wording.say("handed_over", language), Holder.WAITING)
        when = opens.strftime("%Y-%m-%d %H:%M")
        text = policy.wording.say("handed_over_closed", language, opens=when)
        return HandedOver("handed_over_closed", text, Holder.WAITING)

    async def hear(self, policy: Policy, message: Message) -> None:
        """Pass on what an operator's message asks for: a reply to a card, or a press of its buttons. StoreError."""
        if policy.people and f"{message.address.channel}:{message.customer.id}" not in policy.people:
            return
        if message.kind is MessageKind.PRESS:
            what, _, where = message.text.partition(" ")
            if kind := PRESSES.get(what):
                await self._pass_on(kind, Address.parse(where), "", message)
            return
        customer = await self._store.card(message.address, message.reply_to) if message.reply_to else None
        if message.text.startswith("//"):
            return
        if customer is None:
            if message.reply_to:
                await self._tell(message.address, "That belongs to no customer; reply to a customer's card.")
            return
        if message.text.strip().casefold() in BACK:
            await self._pass_on(MessageKind.BACK, customer, "", message)
        elif not message.text:
            await self._tell(message.address, "Only text can be passed on so far; that was not sent.")
        else:
            await self._pass_on(MessageKind.SAY, customer, message.text, message)

    async def _pass_on(self, kind: MessageKind, customer: Address, text: str, asked: Message) -> None:
        """Put it into the customer's line, where whoever answers that chat does it."""
        if customer.channel not in self._channels:
            await self._tell(asked.address, f"That did not reach the customer: {customer.channel} is off.")
            return
        await self._ask(self._order(kind, customer, text, asked.id, str(asked.address)))

    def _order(self, kind: MessageKind, customer: Address, text: str, key: str, where: str = "") -> Message:
        return Message(f"desk-{key}", customer, text, self._clock(), Customer(where), kind)

    async def take(self, customer: Address, key: str) -> None:
        """A person takes the conversation; the customer is told, once. Raises as `reply` does."""
        await self._done(self._order(MessageKind.TAKE, customer, "", key))

    async def reply(self, customer: Address, text: str, key: str) -> None:
        """What a person wrote goes to the customer, and the conversation is that person's.

        Returns once it is done, or after MOMENT when it is on its way. StoreError, ChannelError as the platform has it.
        """
        await self._done(self._order(MessageKind.SAY, customer, text, key))

    async def back(self, customer: Address, key: str, note: str = "") -> None:
        """Give the conversation back to the bot; every hold ends and the customer is told. Raises as `reply` does."""
        await self._done(self._order(MessageKind.BACK, customer, note, key))

    async def _done(self, order: Message) -> None:
        if order.address.channel not in self._channels:
            raise NotSent(f"the channel {order.address.channel!r} is off")
        done = self._awaited.setdefault(order.id, asyncio.get_running_loop().create_future())
        try:
            await self._ask(order)
            with contextlib.suppress(TimeoutError):  # another process may be doing it, or the platform takes its time
                async with asyncio.timeout(MOMENT):
                    await asyncio.shield(done)
        finally:
            self._awaited.pop(order.id, None)

    async def obey(self, lane: Lane, policy: Policy, order: Message) -> None:
        """Do what a person asked for in this chat and settle it; where it does not reach the customer they are told."""
        settlement, failure = await self._obeyed(lane, policy, order)
        await self._ending.settle(lane, policy, settlement)
        awaited = self._awaited.get(order.id)
        if awaited is not None and not awaited.done():
            awaited.set_result(None) if failure is None else awaited.set_exception(failure)
        elif failure is not None and order.customer.id:
            known = isinstance(failure, (WindowClosed, OptedOut))
            why = str(failure) if known else REASONS.get(type(failure), "the platform refused it")
            with contextlib.suppress(ChannelError, TimeoutError):
                async with asyncio.timeout(MOMENT):
                    await self._tell(Address.parse(order.customer.id), f"That did not reach the customer: {why}.")

    async def _obeyed(self, lane: Lane, policy: Policy, order: Message) -> tuple[Settlement, ChannelError | None]:
        conversation = await self._store.load(order.address)
        nothing = ordered(order, None)
        if order.kind is MessageKind.BACK:
            if conversation.holder not in WITH_PEOPLE:
                return nothing, None
            given = ordered(order, self._notice(policy, conversation, "back_to_bot"), Holder.BOT)
            # The customer may be out of reach for now: the bot has the chat all the same.
            return await self._said(lane, replace(given, hand_back=HandBack(self._clock(), order.text)))
        if conversation.holder is Holder.OPTED_OUT:
            return nothing, OptedOut(
                "this customer asked for no more messages; only they can change that, by writing START"
            )
        if order.kind is MessageKind.SAY:
            words = Reply(order.text, self._clock(), Author.PERSON, "person")
            return await self._said(lane, ordered(order, words, Holder.PERSON))
        if conversation.holder is Holder.PERSON:
            return nothing, None
        return await self._said(
            lane, ordered(order, self._notice(policy, conversation, "person_joined"), Holder.PERSON)
        )

    async def _said(self, lane: Lane, settlement: Settlement) -> tuple[Settlement, ChannelError | None]:
        box = self._ending.kept_box(lane, settlement)
        failure: ChannelError | None = None
        try:
            await self._channels[settlement.address.channel].deliver(settlement.address, once(settlement.text), box)
        except Withdrawn:
            failure = OptedOut(NO_MORE)
        except ChannelError as error:  # whoever wrote it is told and may write again: it must not come by itself, too
            failure = error
        if failure is not None:
            settlement = ended(settlement, Outcome.UNDELIVERABLE, box.stands)
        return paid(settlement, box), failure

    def _notice(self, policy: Policy, conversation: Conversation, notice: str) -> Reply:
        language = policy.wording.language_of(*(m.customer.language for m in reversed(conversation.messages)))
        return Reply(policy.wording.say(notice, language), self._clock(), Author.DESK, notice=notice)

    async def _tell(self, desk: Address, text: str) -> None:
        channel = self._channels.get(desk.channel)
        if channel is None:
            raise NotSent(f"the channel {desk.channel!r} is off")
        await channel.deliver(desk, once(text), Unkept())
