"""Between the bot and people: who holds a conversation, the card operators get, and what they write back.

Only this module says that a person was called, because only it calls one. When the bot answers is the desk's affair.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.burst import Unkept, kept_box, once, unasked
from core.conversation import Address, Author, Conversation, HandBack, Holder, Message, MessageKind, Reply
from core.errors import ChannelError, NotSent, Rejected, Unreachable
from core.policy import Policy
from core.ports import Button, Cards, Channel, Store
from core.rules import Decision

log = logging.getLogger(__name__)

LONGEST_CARD = 3500
"""Characters of a card: it must be one message, because a reply to it names the customer."""

CARD_TEXT = 700
"""At most so many characters of one message stand on a card."""

WHERE_FROM = {"web": "Web chat", "telegram": "Telegram", "whatsapp": "WhatsApp", "console": "Terminal"}
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
    ) -> None:
        self._store = store
        self._channels = channels
        self._clock = clock
        self._withdraw = withdraw

    async def begin(
        self, policy: Policy, conversation: Conversation, decision: Decision, language: str
    ) -> HandedOver | None:
        """Call a person. None when nobody can be called and the customer was told so already: then the bot answers."""
        if policy.operators and await self._post_card(policy.operators, conversation, decision):
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
        said = "\n".join(_words(m) for m in messages)
        await self._post(policy.operators, conversation.address, f"{_who(conversation)} wrote:\n{said}")

    async def hear(self, policy: Policy, message: Message) -> None:
        """Do what an operator's message in the operators' chat asks: a reply to a card, or a press of its buttons."""
        if policy.people and f"{message.address.channel}:{message.customer.id}" not in policy.people:
            return
        if message.kind is MessageKind.PRESS:
            what, _, where = message.text.partition(" ")
            act = {"take": self.take, "back": self.back}.get(what)
            if act:
                await act(policy, Address.parse(where), message.id)
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
            try:
                await self.reply(policy, customer, message.text, message.id)
            except (Rejected, Unreachable) as error:
                log.warning("a person's reply on %s cannot arrive: %s", customer.channel, type(error).__name__)
                await self._tell(message.address, "That cannot be delivered: this customer takes no messages.")

    async def take(self, policy: Policy, customer: Address, key: str) -> None:
        """A person takes the conversation; the customer is told, once."""
        conversation = await self._store.load(customer)
        if conversation.holder is not Holder.PERSON:
            await self._send(customer, self._notice(policy, conversation, "person_joined"), key, Holder.PERSON)

    async def reply(self, policy: Policy, customer: Address, text: str, key: str) -> None:
        """What a person wrote goes to the customer, and the conversation is that person's. ChannelError."""
        await self._send(customer, Reply(text, self._clock(), Author.PERSON, "person"), key, Holder.PERSON)

    async def back(self, policy: Policy, customer: Address, key: str, note: str = "") -> None:
        """Give the conversation back to the bot; every hold ends and the customer is told."""
        conversation = await self._store.load(customer)
        if conversation.holder is Holder.BOT:
            return
        await self._send(customer, self._notice(policy, conversation, "back_to_bot"), key, None)
        await self._store.append(customer, HandBack(self._clock(), note), Holder.BOT)

    async def _send(self, to: Address, reply: Reply, key: str, holder: Holder | None) -> None:
        settlement = unasked(to, reply, f"desk-{key}", holder)
        if holder is Holder.PERSON:
            self._withdraw(to)
        await self._channel(to).deliver(to, once(reply.text), kept_box(self._store, settlement))
        await self._store.settle(settlement)
        if holder is Holder.PERSON:
            self._withdraw(to)  # what the bot began before the store knew

    def _notice(self, policy: Policy, conversation: Conversation, notice: str) -> Reply:
        language = policy.wording.language_of(*(m.customer.language for m in reversed(conversation.messages)))
        return Reply(policy.wording.say(notice, language), self._clock(), Author.DESK, notice=notice)

    async def _post_card(self, desk: Address, conversation: Conversation, decision: Decision) -> bool:
        last = next((r for r in reversed(conversation.replies) if r.author is Author.BOT), None)
        lines = [
            f"{_who(conversation)} needs a person.",
            f"Why: {', '.join((*decision.rules, *decision.held)) or 'no model could answer'}",
            f"First: {_words(conversation.messages[0])}",
            *([f"Now: {_words(m)}" for m in conversation.unanswered if m is not conversation.messages[0]]),
            *([f"The bot's last answer: {last.text[:CARD_TEXT]}"] if last else []),
            "Reply to this message to write to the customer; /back gives the chat back to the bot.",
        ]
        return await self._post(desk, conversation.address, "\n".join(lines))

    async def _post(self, desk: Address, customer: Address, text: str) -> bool:
        channel = self._channels.get(desk.channel)
        if not isinstance(channel, Cards):
            return False
        text = text if len(text) <= LONGEST_CARD else f"{text[:LONGEST_CARD]} …"
        buttons = (Button("Take", f"take {customer}"), Button("Back to bot", f"back {customer}"))
        try:
            async with asyncio.timeout(10):
                sent_as = await channel.post(desk, text, buttons)
        except (ChannelError, TimeoutError) as error:
            log.error("the operators' chat could not be reached: %s", type(error).__name__)  # noqa: TRY400 - expected
            return False
        await self._store.remember_card(customer, desk, sent_as)
        return True

    async def _tell(self, desk: Address, text: str) -> None:
        await self._channel(desk).deliver(desk, once(text), Unkept())

    def _channel(self, to: Address) -> Channel:
        channel = self._channels.get(to.channel)
        if channel is None:
            raise NotSent(f"the channel {to.channel!r} is off")
        return channel


def _words(message: Message) -> str:
    what = [message.text, *(f"[{a.kind}{': ' + a.note if a.note else ''}]" for a in message.attachments)]
    return " ".join(w for w in what if w)[:CARD_TEXT]


def _who(conversation: Conversation) -> str:
    name = next((m.customer.name for m in reversed(conversation.messages) if m.customer.name), "")
    where = WHERE_FROM.get(conversation.address.channel, conversation.address.channel)
    return f"{name} ({where})" if name else f"A customer ({where})"
