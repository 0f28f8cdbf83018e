"""Who writes what and when in one seed: customers in several chats, and operators who answer cards.

Everything said is remembered with the key the bot knows it under, for the checker. Nothing of the product is known here
but the shape of updates.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from core.conversation import Address, Arrival, Customer, Message, MessageKind
from tests.reliability.kill.codes import Code, question
from tests.reliability.simulation.posting import AT_LEAST, AT_MOST
from tests.reliability.simulation.telegram import BOT

if TYPE_CHECKING:
    from tests.reliability.simulation.world import World

OPERATORS = -100
OFFICE = Address("telegram", str(OPERATORS))
SAID = 500
"""The numbers of what operators say begin here, so that they can be told from customers'."""
HUMAN = "a human please, "
GAPS = (0.0, 0.05, 0.3, 1.0, 2.0, 6.0)
"""Seconds between two messages of a customer's."""


@dataclass(slots=True)
class Asked:
    """A message of a customer's or an order of an operator's: `key` in the inbox, the text's code, `kind`.

    `sure`: it must get into the chat's line.
    """

    address: str
    key: str
    id: str
    code: Code
    kind: MessageKind
    sure: bool = True


@dataclass(slots=True)
class Customers:
    """Everybody outside. `asked` is everything that was said, in the order in which it was."""

    world: World
    asked: list[Asked] = field(default_factory=list)
    orders: list[Asked] = field(default_factory=list)
    busy: int = 0
    _said: int = SAID
    _presses: int = 0

    def begin(self) -> None:
        """Everybody begins to write."""
        dice = self.world.dice
        for chat in range(1, dice.randint(2, 4)):
            self._go(self._on_telegram(chat))
        for number, name in enumerate(dice.sample((AT_MOST, AT_LEAST, AT_MOST, AT_LEAST), dice.randint(1, 3))):
            self._go(self._on_posting(Address(name, str(10 + number)), 10 + number))
        if dice.random() < 0.4:
            self._go(self._at_the_page())

    def _go(self, work: Any) -> None:
        self.busy += 1

        async def wrapped() -> None:
            await work
            self.busy -= 1

        self.world.spawn(wrapped())

    async def _on_telegram(self, chat: int) -> None:
        world, dice = self.world, self.world.dice
        for number in range(1, dice.randint(2, 7)):
            await asyncio.sleep(dice.choice(GAPS))
            code = Code(chat, number, dice.random() < 0.02)
            text = f"{HUMAN if dice.random() < 0.1 else ''}{question(code)}"
            self._write(chat, chat, text, code)
            if dice.random() < 0.08 and chat in world.telegram.drafts:
                await asyncio.sleep(dice.choice((0.0, 0.5)))
                draft = world.telegram.drafts[chat]
                world.telegram.update(chat, {"stopped_message_generation": {"chat": {"id": chat}, "draft_id": draft}})

    def _write(self, chat: int, person: int, text: str, code: Code | None, reply_to: int = 0) -> str:
        number = self.world.telegram.number()
        kind = "private" if chat > 0 else "supergroup"
        message: dict[str, Any] = {
            "message_id": number,
            "date": int(self.world.utc().timestamp()),
            "chat": {"id": chat, "type": kind},
            "from": {"id": person, "is_bot": False, "first_name": "Customer", "language_code": "en"},
            "text": text,
        }
        if reply_to:
            message["reply_to_message"] = {"message_id": reply_to, "from": {"id": BOT, "is_bot": True}}
        self.world.telegram.update(chat, {"message": message})
        if code is not None:
            key = f"tg:{BOT}:{self.world.telegram.last}"
            self.asked.append(Asked(f"telegram:{chat}", key, str(number), code, MessageKind.TEXT))
        return str(number)

    async def _on_posting(self, address: Address, chat: int) -> None:
        dice = self.world.dice
        wants = dice.random() < 0.5
        for number in range(1, dice.randint(2, 6)):
            await asyncio.sleep(dice.choice(GAPS))
            code, kind = Code(chat, number, dice.random() < 0.1), MessageKind.TEXT
            text = f"{HUMAN if dice.random() < 0.1 else ''}{question(code)}"
            if wants and dice.random() < 0.25:
                kind = dice.choice((MessageKind.OPT_OUT, MessageKind.OPT_OUT, MessageKind.OPT_IN))
                text = "STOP" if kind is MessageKind.OPT_OUT else "START"
            message = Message(f"m{number}", address, text, self.world.utc(), Customer(str(chat)), kind)
            key = f"{address}:{message.id}"
            self.asked.append(Asked(str(address), key, message.id, code, kind))
            self._go(self._posted(Arrival(key, text, message)))

    async def _posted(self, arrival: Arrival) -> None:
        """Delivered until somebody says it was taken, sometimes to two at once, sometimes once more afterwards."""
        world = self.world
        while True:
            twice = world.faults.strikes("delivered_twice")
            tries = [world.fleet.ask(lambda replica: replica.accept(arrival)) for _ in range(2 if twice else 1)]
            told = [await attempt for attempt in tries]
            if any(told):
                world.check_confirmed(arrival.key)
                if not world.faults.strikes("answer_lost"):
                    return
            await asyncio.sleep(world.dice.choice((0.5, 2.0, 5.0)))

    def card(self, number: int, buttons: Sequence[tuple[str, str]]) -> None:
        """A card was posted; an operator may do something about it."""
        customer = Address.parse(buttons[0][1].partition(" ")[2])
        if self.world.dice.random() < 0.6 and len(self.orders) < 6:
            self._go(self._at_the_card(number, customer))

    async def _at_the_card(self, card: int, customer: Address) -> None:
        dice = self.world.dice
        for what in dice.choice(
            (["take"], ["say"], ["take", "say"], ["say", "back"], ["take", "say", "back"], ["back"])
        ):
            await asyncio.sleep(dice.choice((0.2, 1.0, 4.0)))
            if what == "say":
                code = self._spoken(customer)
                text = words(code)
                known = self.world.server.query("select 1 from card where sent_as = ?", str(card))
                id_ = self._write(OPERATORS, 9, text, None, card)
                # Who is faster than the store is told that the bot does not know this card.
                self._order(customer, f"desk-{id_}", code, MessageKind.SAY, sure=bool(known))
                continue
            self._presses += 1
            query = f"q{self._presses}"
            message = {"message_id": card, "chat": {"id": OPERATORS, "type": "supergroup"}}
            press = {"id": query, "from": {"id": 9, "is_bot": False}, "data": f"{what} {customer}", "message": message}
            self.world.telegram.update(OPERATORS, {"callback_query": press})
            kind = MessageKind.TAKE if what == "take" else MessageKind.BACK
            self._order(customer, f"desk-press:{query}", Code(0, 0), kind)

    def _spoken(self, customer: Address) -> Code:
        self._said += 1
        return Code(int(customer.chat), self._said)

    def _order(self, customer: Address, id_: str, code: Code, kind: MessageKind, *, sure: bool = True) -> None:
        self.orders.append(Asked(str(customer), f"{customer}:{id_}", id_, code, kind, sure))

    async def _at_the_page(self) -> None:
        """Operators who work in the web page: they give a key of their own and try again when it fails."""
        world, dice = self.world, self.world.dice
        await asyncio.sleep(dice.choice((1.0, 4.0, 8.0)))
        if not self.asked:
            return
        customer = Address.parse(dice.choice(self.asked).address)
        code = self._spoken(customer)
        text, key = words(code), f"page{code.number}"
        self._order(customer, f"desk-{key}", code, MessageKind.SAY, sure=False)
        for _ in range(3):
            if await world.fleet.ask(lambda replica: replica.say(customer, text, key)):
                break
            await asyncio.sleep(2.0)
        if dice.random() < 0.5:
            key = f"{key}-back"
            self._order(customer, f"desk-{key}", Code(0, 0), MessageKind.BACK, sure=False)
            for _ in range(3):
                if await world.fleet.ask(lambda replica: replica.back(customer, key)):
                    break
                await asyncio.sleep(2.0)


def words(code: Code) -> str:
    """What an operator says."""
    return f"This is a colleague, I looked it up for you: it is on its way and nothing is missing ({code})."


def skewed(world: World, seconds: float) -> Any:
    """A clock that is wrong by so much."""
    return lambda: world.utc() + timedelta(seconds=seconds)
