"""Between the bot and people: who holds a conversation, the card operators get, and what they write back.

Only this module says that a person was called, because only it calls one. When the bot answers is the desk's affair.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.board import Board
from core.burst import Unkept, ended, kept_box, once, paid, unasked
from core.conversation import Address, Author, Conversation, HandBack, Holder, Message, MessageKind, Reply
from core.errors import (
    ChannelError,
    NotSent,
    OptedOut,
    StoreError,
    Throttled,
    Unconfirmed,
    Unreachable,
    WindowClosed,
)
from core.policy import Policy
from core.ports import Channel, Store
from core.records import Outcome
from core.rules import Decision

log = logging.getLogger(__name__)

MOMENT = 5.0
"""Seconds an operator's words to one customer may keep what operators wrote to others waiting."""

REASONS = {
    Unreachable: "they take no messages",
    NotSent: "the platform cannot be reached; nothing was sent, try again later",
    Throttled: "the platform takes no more messages for now; nothing was sent, try again later",
    Unconfirmed: "the platform did not confirm it; it may have arrived all the same",
}
"""Errors in words for an operator."""

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
        clock: Callable[[], datetime],
        withdraw: Callable[[Address], None],
        board: Board,
    ) -> None:
        self._store = store
        self._channels = channels
        self._clock = clock
        self._withdraw = withdraw
        self._board = board

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
        """Do what an operator's message in the operators' chat asks: a reply to a card, or a press of its buttons."""
        if policy.people and f"{message.address.channel}:{message.customer.id}" not in policy.people:
            return
        if message.kind is MessageKind.PRESS:
            what, _, where = message.text.partition(" ")
            act = {"take": self.take, "back": self.back}.get(what)
            if act:
                await self._within(self._do(message.address, act(policy, Address.parse(where), message.id)))
            return
        customer = await self._store.card(message.address, message.reply_to) if message.reply_to else None
        if message.text.startswith("//"):
            return
        if customer is None:
            if message.reply_to:
                await self._tell(message.address, "That belongs to no customer; reply to a customer's card.")
            return
        if message.text.strip().casefold() in BACK:
            await self._within(self._do(message.address, self.back(policy, customer, message.id)))
        elif not message.text:
            await self._tell(message.address, "Only text can be passed on so far; that was not sent.")
        else:
            await self._within(self._do(message.address, self.reply(policy, customer, message.text, message.id)))

    async def _within(self, work: Coroutine[Any, Any, None]) -> None:
        """Let one customer's platform keep the other customers' people waiting for a moment only. Raises StoreError.

        By then what is to be said is planned, so a restart goes on with it.
        """
        failed: list[StoreError] = []

        async def noted() -> None:
            try:
                await work
            except StoreError as error:
                failed.append(error)

        await asyncio.wait({self._board.beside(noted())}, timeout=MOMENT)
        if failed:
            raise failed[0]

    async def _do(self, desk: Address, work: Coroutine[Any, Any, None]) -> None:
        """What an operator asked for; where it does not reach the customer the operator is told why."""
        try:
            await work
        except ChannelError as error:
            log.warning("a person's words did not arrive: %s", type(error).__name__)
            known = isinstance(error, (WindowClosed, OptedOut))
            why = str(error) if known else REASONS.get(type(error), "the platform refused it")
            await self._tell(desk, f"That did not reach the customer: {why}.")

    async def take(self, policy: Policy, customer: Address, key: str) -> None:
        """A person takes the conversation; the customer is told, once."""
        conversation = await self._willing(customer)
        if conversation.holder is not Holder.PERSON:
            await self._send(policy, customer, self._notice(policy, conversation, "person_joined"), key, Holder.PERSON)

    async def reply(self, policy: Policy, customer: Address, text: str, key: str) -> None:
        """What a person wrote goes to the customer, and the conversation is that person's. ChannelError."""
        await self._willing(customer)
        await self._send(policy, customer, Reply(text, self._clock(), Author.PERSON, "person"), key, Holder.PERSON)

    async def back(self, policy: Policy, customer: Address, key: str, note: str = "") -> None:
        """Give the conversation back to the bot; every hold ends and the customer is told."""
        conversation = await self._store.load(customer)
        if conversation.holder not in WITH_PEOPLE:
            return
        try:
            await self._send(policy, customer, self._notice(policy, conversation, "back_to_bot"), key, None)
        finally:  # the customer may be out of reach for now: the bot has the chat all the same
            await self._store.append(customer, HandBack(self._clock(), note), Holder.BOT)

    async def _willing(self, customer: Address) -> Conversation:
        """The conversation; OptedOut when the customer wants no messages."""
        conversation = await self._store.load(customer)
        if conversation.holder is Holder.OPTED_OUT:
            raise OptedOut("this customer asked for no more messages; only they can change that, by writing START")
        return conversation

    async def _send(self, policy: Policy, to: Address, reply: Reply, key: str, holder: Holder | None) -> None:
        settlement = unasked(to, reply, f"desk-{key}", holder)
        if holder is Holder.PERSON:
            self._withdraw(to)
        box = kept_box(self._store, settlement)
        try:
            await self._channel(to).deliver(to, once(reply.text), box)
        except ChannelError:  # whoever wrote it is told, and may write again: it must not come by itself as well
            await self._store.settle(paid(ended(settlement, Outcome.UNDELIVERABLE, box.stands), box))
            raise
        self._board.miss(policy, to, await self._store.settle(paid(settlement, box)))
        if holder is Holder.PERSON:
            self._withdraw(to)  # what the bot began before the store knew

    def _notice(self, policy: Policy, conversation: Conversation, notice: str) -> Reply:
        language = policy.wording.language_of(*(m.customer.language for m in reversed(conversation.messages)))
        return Reply(policy.wording.say(notice, language), self._clock(), Author.DESK, notice=notice)

    async def _tell(self, desk: Address, text: str) -> None:
        await self._channel(desk).deliver(desk, once(text), Unkept())

    def _channel(self, to: Address) -> Channel:
        channel = self._channels.get(to.channel)
        if channel is None:
            raise NotSent(f"the channel {to.channel!r} is off")
        return channel
