"""How work in a chat ends: sent as planned, silent, with an apology, set aside; then settled under the lane's claim.

What an answer says and whether there is one is the desk's affair.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from core.board import Board
from core.burst import Burst, Clock, ReplyBox, Unkept, ended, kept_box, once, paid
from core.conversation import ORDERS, Author, Conversation
from core.counters import Counters
from core.errors import ChannelError, Rejected, StoreError, Unconfirmed, Unreachable, Withdrawn
from core.lane import Lane
from core.patience import patiently
from core.policy import Policy
from core.ports import Channel, Store
from core.records import Outcome, PartState, Settlement
from core.told import tell

log = logging.getLogger(__name__)

POISON = 12
"""Tries without anything settled after which a chat's first message is set aside (research: reliability, trap 8)."""

SILENT = POISON + 2
"""Tries after which not even an apology is tried: that may be what the processes died of."""


class Ending:
    """Ends work of lanes; nothing of it is done twice, because every write is under a claim and a key."""

    def __init__(
        self, store: Store, channels: Mapping[str, Channel], board: Board, counters: Counters, clock: Clock
    ) -> None:
        self._store = store
        self._channels = channels
        self._board = board
        self.clock = clock
        self.counters = counters

    def box(self, lane: Lane, burst: Burst) -> ReplyBox:
        """The Outbox of an answer under way."""
        return ReplyBox(self._store, lane.claim, burst.plan, lambda: burst.author, lambda: lane.unwanted)

    def kept_box(self, lane: Lane, settlement: Settlement) -> ReplyBox:
        """The Outbox of what is to be said and settled as it stands; only the customer stops what a person says."""
        persons = settlement.reply is not None and settlement.reply.author is Author.PERSON
        unwanted = (lambda: lane.opted_out) if persons else (lambda: lane.unwanted)
        return kept_box(self._store, lane.claim, settlement, unwanted)

    async def settle(self, lane: Lane, policy: Policy, settlement: Settlement) -> None:
        """Commit the end of a burst; what was sent must not be sent again because the store was away. Fenced."""
        work = lambda: self._store.settle(settlement, lane.claim)  # noqa: E731 - said once, tried often
        lane.settling = True
        try:
            settled = await patiently("a settlement", work, StoreError)
        finally:
            lane.settling = False
        lane.settled(settled)
        self.counters.count("bursts_settled", channel=lane.address.channel, outcome=settlement.entry.outcome)
        tell(self.counters, settlement.entry)
        if settlement.entry.outcome is not Outcome.UNDELIVERABLE:  # of those people were told already
            self._board.miss(policy, settlement.address, settled.refused)

    async def finish(self, lane: Lane, policy: Policy, plan: Settlement) -> None:
        """Send what was planned, from the part it had come to, and settle it as planned."""
        channel, box = self._channels[plan.address.channel], self.kept_box(lane, plan)
        try:
            await channel.deliver(plan.address, once(plan.text), box)
        except Withdrawn:
            plan = ended(plan, Outcome.STOPPED, box.stands)
        except (Unreachable, Rejected) as error:
            conversation = (await self._store.load(plan.address)).heard(*plan.heard)
            called = await self._board.undelivered(policy, conversation, plan.text, error)
            plan = replace(ended(plan, Outcome.UNDELIVERABLE, box.stands), holder=plan.holder or called)
        await self.settle(lane, policy, paid(plan, box))

    async def say_nothing(self, lane: Lane, policy: Policy, burst: Burst) -> None:
        """End the acknowledgement with an empty answer: nobody is writing."""
        await self._channels[burst.address.channel].deliver(burst.address, once(""), Unkept())
        await self.settle(lane, policy, burst.settlement(""))

    async def apologise(self, lane: Lane, policy: Policy, burst: Burst, text: str) -> None:
        """Something of ours is broken: the customer gets an honest line, the ledger gets the truth."""
        channel, box = self._channels.get(burst.address.channel), self.box(lane, burst)
        if channel is not None and not burst.said:
            burst.said.append(text)
            await channel.deliver(burst.address, once(text), box)
        await self.settle(lane, policy, paid(burst.settlement(text), box))

    async def set_aside(self, lane: Lane, policy: Policy) -> None:
        """Park what every process so far has died of: the customer is told, people are, and the chat goes on."""
        if lane.unfinished:
            plan = lane.unfinished[0]
            parts = await self._store.parts(plan.address, plan.key)
            if lane.claim.attempts <= SILENT and any(part.arrived or part.state is PartState.OPEN for part in parts):
                await self.finish(lane, policy, plan)  # the customer has seen of it
                del lane.unfinished[0]
                return
            stands = "\n\n".join(part.text for part in parts if part.arrived)
            await self.settle(lane, policy, ended(plan, Outcome.PARKED, stands))
            del lane.unfinished[0]
        else:
            message = lane.take_now(1)[0]
            burst = Burst(lane.address, self.clock, [message], self.clock(), Conversation(lane.address))
            burst.outcome, burst.author, burst.notice, burst.tier = Outcome.PARKED, Author.DESK, "apology", "desk"
            if message.kind in ORDERS or lane.claim.attempts > SILENT:
                await self.settle(lane, policy, burst.settlement(""))
            else:
                text = policy.wording.say("apology", policy.wording.language_of(message.customer.language))
                await self.apologise(lane, policy, burst, text)
        self.counters.count("messages_poisoned", channel=lane.address.channel)
        log.error("a message on %s was set aside; see `firstline parked list`", lane.address.channel)
        self._board.beside(self._board.set_aside(policy, lane.address))

    async def keep(self, lane: Lane, policy: Policy, work: Callable[[], Awaitable[None]]) -> None:
        """Do it again for as long as only the store or the platform is in the way; after a while people are told."""
        what = f"an answer on {lane.address.channel}"

        async def tired(error: Exception) -> None:
            await self._board.stuck(policy, lane.address, error)
            if isinstance(error, Unconfirmed):  # each try may leave something in the chat
                raise error

        try:
            await patiently(what, work, StoreError, ChannelError, tired=tired)
        except Unconfirmed as error:
            self.counters.count("answers_unconfirmed", channel=lane.address.channel)
            log.error("%s is left for a later try: %s", what, error)  # noqa: TRY400 - expected
