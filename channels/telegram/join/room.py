"""Where updates of a joined bot wait until it is decided whose they are: firstline's or the host program's.

    keep      commit a batch, before the host's library may confirm it     (the gate; raises StoreError)
    claim     the host's filter has spoken: firstline answers this one, or the host goes on
    release   the host has handled it

An undecided update outlives a crash and is given to the host again at the next start (`left`). How updates come from
a library and go back to it is in `aiogram` and `ptb`; nothing here knows either.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from channels.telegram.client import Client, Me
from channels.telegram.intake import Door, Intake, insist
from channels.telegram.join.waiting import Waiting
from channels.telegram.outlet import pause
from channels.telegram.updates import Ear, Heard, raw_text, read
from core.errors import StoreError
from core.ports import Inbox

log = logging.getLogger(__name__)

T = TypeVar("T")

BATCH = 100  # claimed updates committed at a time
LARGEST = 2**63 - 1  # what a row's number can be


@dataclass(frozen=True, slots=True)
class Claimed:
    """An update that firstline takes; `problem` when nobody can read it, `everybody` as in `Ear`."""

    number: int
    raw: Any
    everybody: bool = True
    problem: str = ""


class WaitingRoom(Intake):
    """Takes updates from the host's library instead of asking Telegram, and hands to the inbox what is claimed.

    `bot` is the bot's number. What is written in the chats of `own` is firstline's whatever the host's filter says.
    """

    def __init__(
        self,
        client: Client,
        react: Callable[[Heard, bool], Awaitable[None]],
        waiting: Waiting,
        bot: int,
        own: Collection[str],
    ) -> None:
        super().__init__(client, Door("", "", ""), True, react)
        self.bot = bot
        self._waiting = waiting
        self._own = frozenset(own)
        self._undecided: dict[int, Any] = {}
        self._again: set[int] = set()
        self._looked = False
        self._claimed: list[Claimed] = []
        self._decided: list[int] = []
        self._work = asyncio.Event()
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._one = asyncio.Lock()

    # -- the gate ------------------------------------------------------------------------------------------------

    async def keep(self, updates: Sequence[Any], readable: Callable[[Any], T]) -> list[tuple[Any, T]]:
        """Commit a batch; those the host is to handle, raw and as `readable` makes them. StoreError: confirm nothing.

        `readable` raises for what the host's library cannot read: that is kept for people and goes to nobody.
        """
        async with self._one:
            numbered = {_number(update): update for update in updates}
            rows = {number: raw for number, raw in numbered.items() if number not in self._again}
            if rows:
                await self._waiting.keep(self.bot, {number: raw_text(raw) for number, raw in rows.items()})
            self._again -= numbered.keys()
            return self._readable(rows, readable)

    async def left(self, readable: Callable[[Any], T]) -> list[tuple[Any, T]]:
        """What an earlier run left undecided, the first time it is asked for. StoreError: ask again."""
        async with self._one:
            if self._looked:
                return []
            rows = {number: json.loads(raw) for number, raw in (await self._waiting.kept(self.bot)).items()}
            self._looked = True
            # Telegram may not have heard that these arrived: it is told when they come again, the host is not.
            self._again = rows.keys() - self._undecided.keys()
            return self._readable({number: rows[number] for number in sorted(self._again)}, readable)

    def _readable(self, rows: Mapping[int, Any], readable: Callable[[Any], T]) -> list[tuple[Any, T]]:
        made = []
        for number, raw in rows.items():
            try:
                made.append((raw, readable(raw)))
            except Exception as error:  # noqa: BLE001 - libraries raise anything for what they do not expect
                problem = f"the host program's library could not read this update: {type(error).__name__}"
                log.warning("update %s is put aside: %s", number, problem)
                self._take_over(Claimed(number, raw, problem=problem))
            else:
                self._undecided[number] = raw
        return made

    # -- the claim -----------------------------------------------------------------------------------------------

    def holds(self, number: int) -> bool:
        """Whether this update passed the gate and nobody has it yet."""
        return number in self._undecided

    async def claim(self, number: int, said: bool) -> bool:
        """Whether firstline takes this update. `said`: the host's filter wants it answered.

        Only what can be answered is taken: the rest is the host's, whatever its filter said. Stops and moved groups
        concern both sides and are never taken.
        """
        if number not in self._undecided:  # brought twice at once, and decided meanwhile
            return True
        raw = self._undecided[number]
        heard = self._heard(Claimed(number, raw))
        if heard.stop or heard.moved:
            await self._react(heard, True)
            return False
        message = heard.arrival.message
        ours = message is not None and message.address.chat in self._own
        if message is None or not (said or ours):
            return False
        del self._undecided[number]
        self._take_over(Claimed(number, raw, everybody=not ours))
        return True

    def release(self, number: int) -> None:
        """The host has handled it, well or badly."""
        if self._undecided.pop(number, None) is not None:
            self._decided.append(number)
            self._begin()

    def _take_over(self, claimed: Claimed) -> None:
        self._claimed.append(claimed)
        self._begin()

    def _begin(self) -> None:
        self._quiet.clear()
        self._work.set()

    def _heard(self, claimed: Claimed) -> Heard:
        ear = Ear(self._me or Me(self.bot, ""), datetime.now(UTC), claimed.everybody)
        heard = read(claimed.raw, ear)
        if not claimed.problem:
            return heard
        return Heard(replace(heard.arrival, message=None, problem=heard.arrival.problem or claimed.problem))

    # -- what was decided ----------------------------------------------------------------------------------------

    async def run(self, inbox: Inbox) -> None:
        """Hand to the inbox what was claimed, and forget what was decided, until cancelled. Raises WrongToken."""
        self._me = await insist("getMe", self._client.get_me)
        if self._claimed or self._decided:
            self._work.set()
        try:
            while True:
                await self._work.wait()
                self._work.clear()
                failures = 0
                while not all([await self._hand_over(inbox), await self._forget()]):
                    failures += 1
                    await asyncio.sleep(pause(failures))
                if not self._work.is_set():
                    self._quiet.set()
        finally:
            await self._forget()

    def routes(self) -> Sequence[Any]:
        """Nothing: what the host's server mounts is the host's affair."""
        return ()

    async def quiet(self) -> None:
        """Wait until everything that was decided is also done."""
        await self._quiet.wait()

    async def _hand_over(self, inbox: Inbox) -> bool:
        """Try to commit what was claimed, in its order; whether all of it is."""
        failed = False
        while not failed and (batch := self._claimed[:BATCH]):
            heard = [self._heard(claimed) for claimed in batch]
            results = await asyncio.gather(*(inbox.accept(one.arrival) for one in heard), return_exceptions=True)
            for claimed, one, result in zip(batch, heard, results, strict=True):
                if isinstance(result, bool):
                    self._claimed.remove(claimed)
                    self._decided.append(claimed.number)
                    await self._committed(one, result)
                else:
                    failed = True
                    level = logging.WARNING if isinstance(result, StoreError) else logging.ERROR
                    log.log(level, "update %s waits: %s: %s", claimed.number, type(result).__name__, result)
        return not failed

    async def _forget(self) -> bool:
        """Try to forget what was decided; whether that is done. Until then a crash would show it to the host again."""
        numbers, self._decided = self._decided, []
        try:
            if numbers:
                await self._waiting.forget(self.bot, numbers)
        except StoreError as error:
            self._decided = numbers + self._decided
            log.warning("%d decided updates are not forgotten yet: %s", len(numbers), error)
        return not self._decided


def _number(update: Any) -> int:
    """An update's number; one made from its text, below zero, for what has none."""
    number = update.get("update_id") if isinstance(update, dict) else None
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= LARGEST:
        return number
    return -1 - int.from_bytes(hashlib.sha256(raw_text(update).encode()).digest()[:7])


def last_number(updates: Sequence[Any]) -> int | None:
    """The number of a batch's last update that has one: the host's library has to confirm up to it."""
    return next((number for update in reversed(updates) if (number := _number(update)) >= 0), None)


def parsed(body: bytes) -> Any:
    """JSON as its value; anything else as text, which no library takes for an update."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode(errors="replace")
