"""Between the bot and people: who holds a conversation, the card operators get, and what they write back.

Only this module says that a person was called, because only it calls one. When the bot answers is the desk's affair.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core import cards
from core.abilities import Cards, Files, Limited, Shows
from core.burst import Unkept, kept_box, once, paid, unasked
from core.conversation import Address, Author, Conversation, HandBack, Holder, Message, MessageKind, Reply
from core.errors import ChannelError, NotSent, OptedOut, Rejected, Unreachable, WindowClosed
from core.policy import Policy
from core.ports import Channel, Store
from core.rules import Decision

log = logging.getLogger(__name__)

MOST_FILES = 10
"""So many of a customer's files are shown to operators at most, the newest."""

FILE_SECONDS = 30.0
"""Seconds fetching and showing one file may take."""

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
        beside: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._store = store
        self._channels = channels
        self._clock = clock
        self._withdraw = withdraw
        self._beside = beside

    async def begin(
        self, policy: Policy, conversation: Conversation, decision: Decision, language: str
    ) -> HandedOver | None:
        """Call a person. None when nobody can be called and the customer was told so already: then the bot answers."""
        card = cards.asked_for(conversation, decision, self._limits(conversation))
        if policy.operators and await self._post(policy.operators, conversation.address, card):
            self._beside(self._show(policy.operators, conversation.messages))
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

    async def forward(self, policy: Policy, conversation: Conversation, messages: Sequence[Message]) -> None:
        """Show operators what the customer wrote while a person has the chat; a failure is logged, the text is kept."""
        if policy.operators is None:
            return
        await self._post(policy.operators, conversation.address, cards.wrote(conversation, messages))
        self._beside(self._show(policy.operators, messages))

    async def undelivered(
        self, policy: Policy, conversation: Conversation, text: str, why: ChannelError
    ) -> Holder | None:
        """Tell a person of an answer that cannot arrive; WAITING when somebody was told.

        Nobody is called for a customer who takes no messages at all.
        """
        if isinstance(why, Unreachable) or policy.operators is None:
            return None
        card = cards.not_delivered(conversation, text, str(why), self._limits(conversation))
        return Holder.WAITING if await self._post(policy.operators, conversation.address, card) else None

    async def lost(self, policy: Policy, customer: Address, text: str, why: str) -> None:
        """Tell a person of an answer that the platform took and then did not deliver."""
        log.error("an answer on %s was not delivered: %s", customer.channel, why)
        if policy.operators is not None:
            conversation = await self._store.load(customer)
            card = cards.not_delivered(conversation, text, why, self._limits(conversation))
            await self._post(policy.operators, customer, card)

    async def hear(self, policy: Policy, message: Message) -> None:
        """Do what an operator's message in the operators' chat asks: a reply to a card, or a press of its buttons."""
        if policy.people and f"{message.address.channel}:{message.customer.id}" not in policy.people:
            return
        if message.kind is MessageKind.PRESS:
            what, _, where = message.text.partition(" ")
            act = {"take": self.take, "back": self.back}.get(what)
            if act:
                await self._do(message.address, act(policy, Address.parse(where), message.id))
            return
        customer = await self._store.card(message.address, message.reply_to) if message.reply_to else None
        if message.text.startswith("//"):
            return
        if customer is None:
            if message.reply_to:
                await self._tell(message.address, "That belongs to no customer; reply to a customer's card.")
            return
        if message.text.strip().casefold() in BACK:
            await self.back(policy, customer, message.id)
        elif not message.text:
            await self._tell(message.address, "Only text can be passed on so far; that was not sent.")
        else:
            await self._do(message.address, self.reply(policy, customer, message.text, message.id))

    async def _do(self, desk: Address, work: Coroutine[Any, Any, None]) -> None:
        """What an operator asked for; where the customer cannot be reached the operator is told why."""
        try:
            await work
        except (Rejected, Unreachable) as error:
            log.warning("a person's words cannot arrive: %s", type(error).__name__)
            why = str(error) if isinstance(error, (WindowClosed, OptedOut)) else "they take no messages"
            await self._tell(desk, f"That cannot be delivered to this customer: {why}.")

    async def take(self, policy: Policy, customer: Address, key: str) -> None:
        """A person takes the conversation; the customer is told, once."""
        conversation = await self._willing(customer)
        if conversation.holder is not Holder.PERSON:
            await self._send(customer, self._notice(policy, conversation, "person_joined"), key, Holder.PERSON)

    async def reply(self, policy: Policy, customer: Address, text: str, key: str) -> None:
        """What a person wrote goes to the customer, and the conversation is that person's. ChannelError."""
        await self._willing(customer)
        await self._send(customer, Reply(text, self._clock(), Author.PERSON, "person"), key, Holder.PERSON)

    async def back(self, policy: Policy, customer: Address, key: str, note: str = "") -> None:
        """Give the conversation back to the bot; every hold ends and the customer is told."""
        conversation = await self._store.load(customer)
        if conversation.holder not in WITH_PEOPLE:
            return
        await self._send(customer, self._notice(policy, conversation, "back_to_bot"), key, None)
        await self._store.append(customer, HandBack(self._clock(), note), Holder.BOT)

    async def _willing(self, customer: Address) -> Conversation:
        """The conversation; OptedOut when the customer wants no messages."""
        conversation = await self._store.load(customer)
        if conversation.holder is Holder.OPTED_OUT:
            raise OptedOut("this customer asked for no more messages; only they can change that, by writing START")
        return conversation

    async def _send(self, to: Address, reply: Reply, key: str, holder: Holder | None) -> None:
        settlement = unasked(to, reply, f"desk-{key}", holder)
        if holder is Holder.PERSON:
            self._withdraw(to)
        box = kept_box(self._store, settlement)
        await self._channel(to).deliver(to, once(reply.text), box)
        await self._store.settle(paid(settlement, box))
        if holder is Holder.PERSON:
            self._withdraw(to)  # what the bot began before the store knew

    def _notice(self, policy: Policy, conversation: Conversation, notice: str) -> Reply:
        language = policy.wording.language_of(*(m.customer.language for m in reversed(conversation.messages)))
        return Reply(policy.wording.say(notice, language), self._clock(), Author.DESK, notice=notice)

    async def _post(self, desk: Address, customer: Address, text: str) -> bool:
        channel = self._channels.get(desk.channel)
        if not isinstance(channel, Cards):
            return False
        try:
            async with asyncio.timeout(10):
                sent_as = await channel.post(desk, cards.cut(text), cards.buttons(customer))
        except (ChannelError, TimeoutError) as error:
            log.error("the operators' chat could not be reached: %s", type(error).__name__)  # noqa: TRY400 - expected
            return False
        await self._store.remember_card(customer, desk, sent_as)
        return True

    def _limits(self, conversation: Conversation) -> str:
        channel = self._channels.get(conversation.address.channel)
        return channel.limits(conversation) if isinstance(channel, Limited) else ""

    async def _show(self, desk: Address, messages: Sequence[Message]) -> None:
        """Show operators the files that came with messages; what cannot be shown is said."""
        into = self._channels.get(desk.channel)
        files = [(m.address, a) for m in messages for a in m.attachments if a.handle]
        for address, attachment in files[-MOST_FILES:]:
            source = self._channels.get(address.channel)
            if not (isinstance(source, Files) and isinstance(into, Shows)):
                continue
            try:
                async with asyncio.timeout(FILE_SECONDS):
                    await into.show(desk, await source.fetch(attachment), attachment.kind)
            except (ChannelError, TimeoutError) as error:
                log.warning("a customer's %s was not shown: %s", attachment.kind, type(error).__name__)
                await self._post(desk, address, f"Their {attachment.kind} could not be shown here.")

    async def _tell(self, desk: Address, text: str) -> None:
        await self._channel(desk).deliver(desk, once(text), Unkept())

    def _channel(self, to: Address) -> Channel:
        channel = self._channels.get(to.channel)
        if channel is None:
            raise NotSent(f"the channel {to.channel!r} is off")
        return channel
