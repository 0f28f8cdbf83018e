"""What operators are shown in their chat: cards, what customers wrote and sent, and answers that did not arrive.

Only telling belongs here, and it never raises ChannelError; what operators do then is in `handover`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from core import cards
from core.abilities import Cards, Files, Limited, Shows
from core.conversation import Address, Conversation, Holder, Message, MessageKind
from core.counters import Counters
from core.errors import ChannelError, StoreError, Unreachable
from core.policy import Policy
from core.ports import Channel, Store
from core.records import Part, PartState, said
from core.rules import Decision

log = logging.getLogger(__name__)

MOST_FILES = 10
"""So many of a customer's files are shown to operators at most, the newest."""

FILE_SECONDS = 30.0
"""Seconds fetching and showing one file may take."""

UNSURE = "nobody can tell whether it arrived, and it is not sent again"

CARD_SECONDS = 10.0
"""Seconds posting one card may take."""


class Board:
    """The operators' chat, as the desk writes into it. `beside` does what nobody waits for."""

    def __init__(
        self,
        store: Store,
        channels: Mapping[str, Channel],
        beside: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        counters: Counters,
    ) -> None:
        self._counters = counters
        self._store = store
        self._channels = channels
        self.beside = beside

    async def call(self, policy: Policy, conversation: Conversation, decision: Decision) -> bool:
        """Call a person for this customer; whether anybody was reached."""
        card = cards.asked_for(conversation, decision, self._limits(conversation))
        if policy.operators is None or not await self._post(policy.operators, conversation.address, card):
            return False
        self.beside(self._show(policy.operators, conversation.messages))
        return True

    async def forward(self, policy: Policy, conversation: Conversation, messages: Sequence[Message]) -> None:
        """Show operators what the customer wrote while a person has the chat; a failure is logged, the text is kept."""
        if policy.operators is None:
            return
        await self._post(policy.operators, conversation.address, cards.wrote(conversation, messages))
        self.beside(self._show(policy.operators, messages))

    async def undelivered(
        self, policy: Policy, conversation: Conversation, text: str, why: ChannelError
    ) -> Holder | None:
        """Tell a person of an answer that cannot arrive; WAITING when somebody was told.

        Nobody is called for a customer who takes no messages, or wants none.
        """
        log.error("an answer on %s cannot arrive: %s", conversation.address.channel, why)
        unwanted = any(m.kind is MessageKind.OPT_OUT for m in conversation.unanswered)
        if isinstance(why, Unreachable) or unwanted or policy.operators is None:
            return None
        card = cards.not_delivered(conversation, text, str(why), self._limits(conversation))
        return Holder.WAITING if await self._post(policy.operators, conversation.address, card) else None

    async def lost(self, policy: Policy, customer: Address, text: str, why: str) -> None:
        """Tell a person of an answer that the platform took and then did not deliver."""
        log.error("an answer on %s was not delivered: %s", customer.channel, why)
        conversation = await self._store.load(customer)
        if policy.operators is not None and conversation.holder is not Holder.OPTED_OUT:
            card = cards.not_delivered(conversation, text, why, self._limits(conversation))
            await self._post(policy.operators, customer, card)

    def miss(self, policy: Policy, customer: Address, refused: Sequence[Part]) -> None:
        """Tell a person of parts that the customer lacks, or may lack, though their answer is settled."""
        for part in refused:
            why = UNSURE if part.state is PartState.ABANDONED else "the platform refused it later"
            self.beside(self.lost(policy, customer, part.text, why))

    async def stuck(self, policy: Policy, customer: Address, why: Exception) -> None:
        """Tell a person that an answer has been waiting for long; it goes out by itself once it can."""
        if policy.operators is not None and customer != policy.operators:
            try:
                waiting = said(await self._store.unsettled(customer))
                conversation = (await self._store.load(customer)).heard(*waiting)
            except StoreError:
                conversation = Conversation(customer)
            with contextlib.suppress(StoreError):
                await self._post(policy.operators, customer, cards.stuck(conversation, type(why).__name__))

    async def set_aside(self, policy: Policy, customer: Address) -> None:
        """Tell a person of a message that nobody could answer."""
        if policy.operators is not None and customer != policy.operators:
            conversation = await self._store.load(customer)
            await self._post(policy.operators, customer, cards.set_aside(conversation))

    async def _post(self, desk: Address, customer: Address, text: str) -> bool:
        channel = self._channels.get(desk.channel)
        if not isinstance(channel, Cards):
            return False
        try:
            async with asyncio.timeout(CARD_SECONDS):
                sent_as = await channel.post(desk, cards.cut(text), cards.buttons(customer))
        except (ChannelError, TimeoutError) as error:
            self._counters.count("cards_failed")
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
