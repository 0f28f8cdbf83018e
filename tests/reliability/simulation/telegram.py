"""Telegram as far as the bot can tell: updates kept until they are confirmed, messages sent and edited, drafts.

The bot's side is the product's whole channel; only its library is replaced, by `Client`. Updates come by polling or to
a webhook, each until it is confirmed; what is confirmed must be in the inbox.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from channels.telegram.client import Buttons, Me, Place, Reason, Refused
from core.abilities import Media
from core.errors import NotSent, Unreachable
from core.markup import Rich
from tests.reliability.simulation.calls import Line

if TYPE_CHECKING:
    from tests.reliability.simulation.replica import Replica
    from tests.reliability.simulation.world import World

BOT = 77
SECRET = "secret"
AGAIN = 4.0
"""Seconds before an update that was not confirmed is delivered once more."""

Json = dict[str, Any]


@dataclass(slots=True)
class Post:
    """One message of the bot's in a chat."""

    number: int
    text: str


class Telegram:
    """The platform's side. `posts` by chat; `edited` are texts of edits that arrived."""

    def __init__(self, world: World, *, webhook: bool) -> None:
        self.world = world
        self.webhook = webhook
        self.posts: dict[int, list[Post]] = {}
        self.drafts: dict[int, int] = {}
        self.blocked: set[int] = set()
        self.edited: set[str] = set()
        self._numbers = 100
        self.updates: dict[int, Json] = {}
        self._news = asyncio.Event()
        self._poll: asyncio.Future[None] | None = None
        self.last = 0
        self._delivering: set[int] = set()

    def number(self) -> int:
        """A new message's number: they are one sequence, whoever sends."""
        self._numbers += 1
        return self._numbers

    def update(self, chat: int, content: Json) -> None:
        """Something happened that the bot is to hear of."""
        self.last += 1
        self.updates[self.last] = {"update_id": self.last, **content}
        self.world.note(None, "update", f"{self.last} of chat {chat}")
        self._news.set()
        if self.webhook and chat not in self._delivering:
            self._delivering.add(chat)
            self.world.spawn(self._deliver(chat))

    async def _deliver(self, chat: int) -> None:
        """To the webhook, one chat's in their order, each until somebody says 200."""
        world = self.world
        while mine := [n for n, update in self.updates.items() if chat_of(update) == chat]:
            times = 2 if world.faults.strikes("delivered_twice") else 1
            tries = [world.fleet.ask(lambda replica: self._hook(replica, mine[0])) for _ in range(times)]
            told = [await attempt for attempt in tries]
            if 200 in told and not world.faults.strikes("answer_lost"):
                self._confirm([mine[0]])
            else:
                await asyncio.sleep(AGAIN)
        self._delivering.discard(chat)

    async def _hook(self, replica: Replica, number: int) -> int:
        routes = replica.telegram.routes()
        request: Any = Request(json.dumps(self.updates.get(number, {})).encode())
        status: int = (await routes[0].handler(request)).status
        return status

    async def waiting(self, offset: int, seconds: float) -> list[Json]:
        """Updates from the offset on; those before it are confirmed. A later request ends an earlier one."""
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)
        mine = self._poll = self.world.loop.create_future()
        self._confirm([n for n in self.updates if n < offset])
        give_up = self.world.loop.time() + seconds
        while not mine.done() and not (found := [u for n, u in self.updates.items() if n >= offset]):
            left = give_up - self.world.loop.time()
            if left <= 0:
                return []
            self._news.clear()
            waiter = asyncio.ensure_future(self._news.wait())
            await asyncio.wait({waiter, mine}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            waiter.cancel()
        if mine.done():
            raise NotSent("terminated by other getUpdates request")
        return found[: self.world.dice.randint(1, 100)]

    def _confirm(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            self.world.check_confirmed(f"tg:{BOT}:{number}")
            self.updates.pop(number, None)

    def send(self, chat: int, text: str, buttons: Buttons) -> str:
        """A message stands."""
        self._let_in(chat)
        post = Post(self.number(), text)
        self.posts.setdefault(chat, []).append(post)
        if buttons:
            self.world.customers.card(post.number, buttons)
        return str(post.number)

    def edit(self, chat: int, number: str, text: str) -> None:
        """A message has another text."""
        self._let_in(chat)
        post = next((post for post in self.posts.get(chat, ()) if str(post.number) == number), None)
        if post is None:
            raise Refused("message to edit not found", Reason.NO_MESSAGE)
        if post.text == text:
            raise Refused("message is not modified", Reason.SAME_TEXT)
        post.text = text
        self.edited.add(text)

    def draft(self, chat: int, number: int) -> None:
        self._let_in(chat)
        self.drafts[chat] = number

    def _let_in(self, chat: int) -> None:
        if chat > 0 and self.world.faults.strikes("blocked"):
            self.blocked.add(chat)
        if chat in self.blocked:
            raise Unreachable("bot was blocked by the user")


def chat_of(update: Json) -> int:
    """Whose update it is."""
    body: Json = next(value for key, value in update.items() if key != "update_id")
    return int((body.get("chat") or body["message"]["chat"])["id"])


class Request:
    """A webhook's request as far as the channel looks at it."""

    def __init__(self, body: bytes) -> None:
        self.headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
        self._body = body

    async def read(self) -> bytes:
        return self._body


class Client(Line):
    """The calls of one process, as the channel's library makes them."""

    bot = BOT

    @property
    def _server(self) -> Telegram:
        return self.world.telegram

    async def get_me(self) -> Me:
        return Me(BOT, "firstline_bot")

    async def get_updates(self, offset: int, wait: int, kinds: Sequence[str]) -> list[Any]:
        process, world = self.process, self.world
        if world.over:
            raise asyncio.CancelledError
        if world.faults.strikes("call_fails"):
            await asyncio.sleep(0.1)
            raise NotSent("no connection")
        asked = world.spawn(self._server.waiting(offset, wait))
        asked.add_done_callback(lambda task: task.cancelled() or task.exception())  # whoever asked may be dead
        updates: list[Any] = await asyncio.shield(asked)
        world.note(process, "polled", f"from {offset}: {[u['update_id'] for u in updates]}")
        return updates

    async def set_webhook(self, url: str, secret: str, kinds: Sequence[str]) -> None:
        await self.call("setWebhook", lambda: None)

    async def delete_webhook(self) -> None:
        await self.call("deleteWebhook", lambda: None)

    async def send_message(self, place: Place, rich: Rich, reply_to: int = 0, buttons: Buttons = ()) -> str:
        self._maybe_refuse()
        number: str = await self.call(
            f"send {place.chat} {short(rich.text)}", lambda: self._server.send(place.chat, rich.text, buttons)
        )
        return number

    async def edit_message(self, place: Place, message: str, rich: Rich) -> None:
        self._maybe_refuse()
        await self.call(
            f"edit {place.chat}/{message} {short(rich.text)}",
            lambda: self._server.edit(place.chat, message, rich.text),
        )

    def _maybe_refuse(self) -> None:
        if self.world.faults.strikes("refused"):
            raise Refused("can't parse entities", Reason.BAD_ENTITIES)

    async def send_file(self, place: Place, media: Media, caption: Rich, photo: bool) -> str:
        raise NotImplementedError

    async def download(self, file_id: str, most: int) -> bytes:
        raise NotImplementedError

    async def send_draft(self, place: Place, draft: int, rich: Rich) -> None:
        await self.call(f"draft {place.chat} {draft}", lambda: self._server.draft(place.chat, draft))

    async def send_typing(self, place: Place) -> None:
        await self.call(f"typing {place.chat}", lambda: None)

    async def answer_press(self, query: str) -> None:
        await self.call(f"answer press {query}", lambda: None)

    async def open(self) -> None:
        """Nothing to open."""

    async def aclose(self) -> None:
        """Nothing to close."""


def short(text: str) -> str:
    """A text as a log shows it."""
    line = text.replace("\n", " / ")
    return repr(line if len(line) <= 60 else f"{line[:20]} .. {line[-36:]}")
