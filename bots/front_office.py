"""The Office over a real desk and store: what operators see and do in the browser."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

from bots.office import AppliedRule, Receipt, Summary
from core.abilities import Files, Limited, Media
from core.conversation import Address, Conversation, Holder
from core.desk import Desk
from core.errors import FirstlineError
from core.ports import Channel
from core.records import Entry
from core.store.books import ChatRow
from core.store.sql import SqlStore

LISTED = 100


class FrontOffice:
    """Implements bots.office.Office."""

    def __init__(self, desk: Desk, store: SqlStore, channels: Mapping[str, Channel]) -> None:
        self._desk = desk
        self._store = store
        self._channels = channels

    async def conversations(self) -> Sequence[Summary]:
        """The newest chats, waiting ones first."""
        return [_summary(row) for row in await self._store.chats(LISTED)]

    async def transcript(self, address: Address) -> Conversation:
        """One chat, with what is still being answered."""
        return await self._desk.history(address)

    def limits(self, conversation: Conversation) -> str:
        """What the channel says about writing to this customer."""
        channel = self._channels.get(conversation.address.channel)
        return channel.limits(conversation) if isinstance(channel, Limited) else ""

    async def file(self, address: Address, message_id: str, number: int) -> Media | None:
        """A file of a customer's message, from the channel it came by. ChannelError when it cannot be fetched."""
        channel = self._channels.get(address.channel)
        messages = (await self._desk.history(address)).messages
        found = next((m.attachments[number : number + 1] for m in messages if m.id == message_id), ())
        if not (found and found[0].handle and isinstance(channel, Files)):
            return None
        return await channel.fetch(found[0])

    async def why(self, address: Address, message_id: str) -> Receipt | None:
        """The decision and the ledger line behind an answer."""
        kept = await self._store.receipt(address, message_id)
        if kept is None or not kept.entry.tier:
            return None
        entry, decision, book = kept.entry, kept.decision, self._desk.policy.book
        rules = []
        for name in (*decision.rules, *decision.held) if decision else ():
            known = book.rule(name)
            without = decision.without[name].label if decision else ""
            held = decision is not None and name in decision.held
            rules.append(AppliedRule(name, known.why if known else "", without, held=held))
        return Receipt(
            tier=entry.tier,
            cost=cost_in_words(entry),
            rules=tuple(rules),
            readings=decision.readings if decision else {},
            first_text=None if entry.first_text is None else entry.first_text * 1000,
            total=entry.total * 1000,
            book=decision.book if decision else "",
        )

    async def take(self, address: Address, who: str) -> None:
        """A person takes the chat."""
        await self._desk.people.take(address, f"{who}-{uuid.uuid4()}")

    async def reply(self, address: Address, text: str, who: str) -> None:
        """A person's words to the customer. FirstlineError for somebody who never wrote, ChannelError as it comes."""
        if not (await self._store.load(address)).turns:
            raise FirstlineError("nobody by that address has written")
        await self._desk.people.reply(address, text, f"{who}-{uuid.uuid4()}")

    async def back(self, address: Address, note: str) -> None:
        """The bot has the chat again."""
        await self._desk.people.back(address, str(uuid.uuid4()), note)


def _summary(row: ChatRow) -> Summary:
    """A chat whose customer asked for a person when nobody could be called waits too, though the bot still answers."""
    if row.holder is Holder.BOT and row.unmet_since is not None:
        reason = "asked for a person"
        return Summary(row.address, row.customer, row.last_text, row.last_at, Holder.WAITING, row.unmet_since, reason)
    return Summary(row.address, row.customer, row.last_text, row.last_at, row.holder, row.held_since)


def cost_in_words(entry: Entry) -> str:
    """What the calls and the platform cost: amounts by currency, `free`, `unknown` where one has no known price."""
    amounts: defaultdict[str, Decimal] = defaultdict(Decimal)
    for cost in (*(call.cost for call in entry.calls), *(fee.cost for fee in entry.fees)):
        if cost is not None:
            amounts[cost.currency] += cost.amount
    words = [f"{amount:f} {currency}" for currency, amount in amounts.items()]
    calls = sum(call.cost is None and not call.free for call in entry.calls)
    fees = sum(fee.cost is None for fee in entry.fees)
    for count, what in ((calls, "call"), (fees, "platform fee")):
        if count:
            words.append(f"unknown for {count} {what}{'s' if count > 1 else ''}")
    return " + ".join(words) or "free"
