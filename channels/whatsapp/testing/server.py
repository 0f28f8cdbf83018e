"""FakeTwilio: the machines on loopback ports, and the handles a test has on them.

What the API answers is in `api`, what people do in `customers`, what becomes of a message in `callbacks`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Self

import aiohttp
from aiohttp import web

from channels.whatsapp.testing.api import Api, Call, Fault
from channels.whatsapp.testing.callbacks import Callbacks
from channels.whatsapp.testing.customers import Customers
from channels.whatsapp.testing.news import News
from channels.whatsapp.testing.webhooks import Delivery, Webhooks
from channels.whatsapp.testing.world import (
    ACCOUNT,
    API_KEY,
    API_SECRET,
    NUMBER,
    PICKER,
    SENDER,
    TEMPLATE,
    TOKEN,
    Message,
    World,
    utc_now,
)
from core.pacing import Bucket

DELAYS = (0.05, 0.1, 0.2, 0.5, 1.0)
RATE = 80.0  # messages a second a WhatsApp sender may send (Twilio's documentation)
WHATS = frozenset({"send", "list", "fetch", "typing", "account", "senders", "media"})


class FakeTwilio(Customers):
    """One Twilio account with one WhatsApp sender, on 127.0.0.1; `async with` it.

    `url` serves both api.twilio.com and messaging.twilio.com, `cdn` is the machine files are redirected to, `detours`
    how many more redirects lie before a file. `clock` tells the wall's time in UTC, `rate` how many messages a second
    are taken (None counts nothing), `auto` the statuses that follow an accepted message, `delays` the seconds before a
    webhook is tried again. `webhook_lost` and `list_away` (settable) take the bot's two ways to a customer's message:
    what is written is not brought, and messages cannot be listed.
    """

    account, token, number = ACCOUNT, TOKEN, NUMBER
    api_key, api_secret = API_KEY, API_SECRET
    template, picker, sender = TEMPLATE, PICKER, SENDER

    def __init__(
        self,
        *,
        clock: Callable[[], datetime] = utc_now,
        rate: float | None = RATE,
        auto: Sequence[str] = ("sent", "delivered"),
        delays: Sequence[float] = DELAYS,
    ) -> None:
        news, world = News(), World(clock)
        webhooks = Webhooks(news, delays)
        callbacks = Callbacks(world, webhooks, news)
        super().__init__(world, webhooks, callbacks)
        self.auto = auto
        self.news = news
        self._api = Api(world, callbacks, news, None if rate is None else Bucket(rate, rate))
        self._runners: list[web.AppRunner] = []

    async def __aenter__(self) -> Self:
        self.url = self._api.url = await self._serve(self._api.routes(), "127.0.0.1")
        self._api.cdn = await self._serve(self._api.files(), "localhost")
        self.webhooks.session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._api.closing.set()
        await self.callbacks.stop()
        if self.webhooks.session is not None:
            await self.webhooks.session.close()
        await asyncio.gather(*(runner.cleanup() for runner in self._runners))

    @property
    def cdn(self) -> str:
        """The machine with the files, under a name of its own."""
        return self._api.cdn

    @property
    def log(self) -> deque[Call]:
        """Every request of the bot's, oldest first."""
        return self._api.log

    @property
    def sent(self) -> list[Message]:
        """What was accepted of the bot's, oldest first."""
        return self.world.outgoing()

    @property
    def deliveries(self) -> list[Delivery]:
        """Every request made to the bot, oldest first."""
        return self.webhooks.made

    @property
    def auto(self) -> Sequence[str]:
        """The statuses that follow an accepted message by themselves, () for none."""
        return self.callbacks.auto

    @auto.setter
    def auto(self, statuses: Sequence[str]) -> None:
        self.callbacks.auto = statuses

    @property
    def detours(self) -> int:
        """How many redirects more than one lie before a file."""
        return self._api.detours

    @detours.setter
    def detours(self, count: int) -> None:
        self._api.detours = count

    @property
    def list_away(self) -> bool:
        """Whether messages cannot be listed for now."""
        return self._api.list_away

    @list_away.setter
    def list_away(self, away: bool) -> None:
        self._api.list_away = away

    def fail_next(
        self, what: str, status: int, code: int = 0, times: int = 1, after_effect: bool = False, retry_after: str = ""
    ) -> None:
        """The next calls (`send`, `list`, `fetch`, `typing`, `account`, `senders`, `media`) are answered so.

        Status 0 cuts the connection, -1 never answers. With `after_effect` the call is done first: after a cut the
        client cannot know. `retry_after` is the header a refusal carries.
        """
        if what not in WHATS:
            raise ValueError(f"there is no {what!r} to fail; it is one of {', '.join(sorted(WHATS))}")
        self._api.faults[what].extend([Fault(status, code, after_effect, retry_after)] * times)

    def lose_next(self, code: int, times: int = 1) -> None:
        """The next messages are accepted and then fail with this code, told by callback."""
        self.world.fates.extend([code] * times)

    def calls(self, method: str, ending: str = "") -> list[Call]:
        """What the log holds of a method whose path ends so, oldest first."""
        return [call for call in self.log if call.method == method and call.path.endswith(ending)]

    def hold_callbacks(self) -> None:
        """From now on status callbacks wait in `callbacks.held`; `release` brings them."""
        self.callbacks.hold()

    async def release(self, *places: int) -> None:
        """Bring the held callbacks at these places, in this order; without any, all, and hold no more."""
        await self.callbacks.release(*places)

    async def settled(self, seconds: float = 10.0) -> None:
        """Return once no callback is under way. TimeoutError after `seconds`."""
        await self.callbacks.settled(seconds)

    async def wait_for(self, predicate: Callable[[], object], timeout: float = 5.0) -> None:  # noqa: ASYNC109 - its API
        """Return once it is true, looked at after every call and callback; TimeoutError after `timeout` seconds."""
        await self.news.until(predicate, timeout)

    async def _serve(self, routes: list[web.RouteDef], name: str) -> str:
        app = web.Application()
        app.add_routes(routes)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://{name}:{runner.addresses[0][1]}"
