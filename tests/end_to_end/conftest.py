"""The product whole: a copy of the shipped bot, the real desk on a file, `firstline run`, and what it kept on disk."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bots.assembly import House, open_house
from channels.telegram import build
from channels.telegram.channel import TelegramChannel
from channels.telegram.limits import Limits, Rates
from channels.telegram.outlet import Outlet
from channels.telegram.testing import FakeBotApi
from core.answering.availability import Availability
from core.answering.chain import Chain
from core.conversation import Address, Arrival, Conversation
from core.ports import Provider
from core.records import Entry, Progress
from core.store.books import Receipt
from core.tiers import ModelCard, Tier

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("FIRSTLINE_SHARED", ROOT.parent / "shared"))
TIERS = re.compile(r"^  (quick|standard|expert): \[.*\]$", re.MULTILINE)
UNLIMITED = Rates(bot=(10_000, 1.0), group=(10_000, 1.0), chat=(1_000.0, 1_000.0), pace=0.02)
SECRETS = ("_TOKEN", "_KEY", "_SID")


@dataclass
class Shop:
    """A copy of the shipped bot in a folder of its own; unless told otherwise it answers offline."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def database(self) -> Path:
        return self.folder / "data" / "firstline.db"

    def use(self, model: str) -> None:
        """Every tier has this model and no other."""
        text, count = TIERS.subn(rf"  \1: [{model}]", self.config.read_text("utf-8"))
        assert count == 3
        self.config.write_text(text, "utf-8")

    def edit(self, old: str, new: str) -> None:
        """Replace the first place a piece of config.yaml stands."""
        text = self.config.read_text("utf-8")
        assert old in text
        self.config.write_text(text.replace(old, new, 1), "utf-8")

    def kept(self) -> Kept:
        """What is on disk now."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as db:
            states = db.execute("select state, count(*) from inbox where message is not null group by state")
            ledger = db.execute("select conv, messages, outcome from ledger").fetchall()
            # What a person of ours asked for stands in the customer's line, too, and is no message of the customer's.
            customers = "select conv, message_id from inbox where message is not null and message_id not like 'desk-%'"
            heard = db.execute(customers).fetchall()
            return Kept(
                dict(states.fetchall()),
                Counter((conv, message) for conv, messages, _ in ledger for message in json.loads(messages)),
                Counter(outcome for _, _, outcome in ledger),
                set(heard),
            )


@dataclass(frozen=True)
class Kept:
    """Inbox rows by state, how often the ledger covers each (chat, message), its outcomes, and every message heard."""

    states: Mapping[str, int]
    covered: Counter[tuple[str, str]]
    outcomes: Counter[str]
    heard: set[tuple[str, str]]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shutil.copytree(ROOT / "bots" / "shop", tmp_path / "bots" / "shop")
    for name in ("config.yaml", "models.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    made = Shop(tmp_path)
    made.use("offline/faq")
    return made


# -- the desk in this process ----------------------------------------------------------------------------------------


class Inbox:
    """The desk, with a count of the messages it has committed."""

    def __init__(self, house: House) -> None:
        self.desk = house.desk
        self.fleet = house.desk.fleet
        self.heard = 0
        self._news = asyncio.Condition()

    async def accept(self, arrival: Arrival) -> bool:
        new = await self.desk.accept(arrival)
        if new and arrival.message is not None:
            self.heard += 1
            async with self._news:
                self._news.notify_all()
        return new

    async def history(self, address: Address) -> Conversation:
        return await self.desk.history(address)

    async def stop(self, address: Address) -> None:
        await self.desk.stop(address)

    async def progress(self, progress: Progress) -> None:
        await self.desk.progress(progress)

    async def chat_of(self, channel: str, names: Sequence[str]) -> Address:
        return await self.desk.chat_of(channel, names)

    async def names_of(self, address: Address) -> Sequence[str]:
        return await self.desk.names_of(address)

    async def until(self, heard: int) -> None:
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: self.heard >= heard)


@dataclass
class TelegramDesk:
    """The real desk, on a file, listening to a Bot API server."""

    house: House
    inbox: Inbox

    def use(self, provider: Provider) -> None:
        """Every tier is answered by this provider alone."""
        card = ModelCard("scripted", "m", free=True)
        cards = {tier: [card] for tier in (Tier.QUICK, Tier.STANDARD, Tier.EXPERT)}
        providers = {"scripted": provider}
        self.set(chain=Chain(cards, providers, Availability(providers)))

    def set(self, **settings: Any) -> None:
        """Replace settings of the policy in force."""
        self.house.desk.policy = replace(self.house.desk.policy, **settings)

    async def settled(self) -> None:
        """Return once nothing is being answered."""
        assert await self.house.desk.idle(10)

    async def entries(self) -> list[Entry]:
        """The whole ledger."""
        now = datetime.now(UTC)
        return list(await self.house.store.entries(now - timedelta(days=1), now + timedelta(days=1)))

    async def receipt(self, chat: str, message: str) -> Receipt:
        """Why that message was answered as it was."""
        found = await self.house.store.receipt(Address("telegram", chat), message)
        assert found is not None
        return found


OpenDesk = Callable[..., AbstractAsyncContextManager[TelegramDesk]]


def telegram(url: str, **options: str) -> TelegramChannel:
    """The real channel at a server that may be called as often as one likes."""
    channel = build(token=FakeBotApi.token, base_url=url, **options)
    channel._outlet = Outlet(channel._client, Limits(UNLIMITED))
    return channel


@pytest.fixture
def open_desk(shop: Shop) -> OpenDesk:
    """Open the desk of the shop on the Bot API server at this address; keyword arguments are the channel's options."""

    @asynccontextmanager
    async def opened(url: str, **options: str) -> AsyncIterator[TelegramDesk]:
        channel = telegram(url, **options)
        store = f"sqlite:///{shop.database}"
        async with open_house(shop.config, store=store, channels={"telegram": channel}) as house:
            inbox = Inbox(house)
            async with asyncio.TaskGroup() as tasks:
                listening = tasks.create_task(channel.run(inbox))
                yield TelegramDesk(house, inbox)
                listening.cancel()

    return opened


@pytest.fixture(params=["ptb", "aiogram"])
def library(request: pytest.FixtureRequest) -> str:
    """Every library that speaks to Telegram, one after the other."""
    name: str = request.param
    return name


@pytest.fixture
async def api() -> AsyncIterator[FakeBotApi]:
    async with FakeBotApi(SHARED if (SHARED / "peers").exists() else None, flood=None) as api:
        yield api


@pytest.fixture
async def desk(api: FakeBotApi, open_desk: OpenDesk) -> AsyncIterator[TelegramDesk]:
    async with open_desk(api.url) as opened:
        yield opened


# -- the desk in a process of its own --------------------------------------------------------------------------------


@dataclass
class Firstline:
    """`firstline run --json`. `ready` is the line it announced itself with, `log` what it wrote to standard error."""

    process: asyncio.subprocess.Process
    ready: dict[str, Any]
    log: list[str] = field(default_factory=list)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        return str(self.ready["url"])

    async def said(self, words: str) -> str:
        """The first line of the log with these words; waits for it."""

        def found() -> str:
            return next((line for line in self.log if words in line), "")

        async with asyncio.timeout(10), self.news:
            await self.news.wait_for(found)
        return found()

    async def listen(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.log.append(line.decode().rstrip())
            async with self.news:
                self.news.notify_all()

    async def end(self, number: signal.Signals) -> int:
        """Send a signal and wait, ten seconds at most; the exit status, negative for death by a signal."""
        self.process.send_signal(number)
        async with asyncio.timeout(10):
            return await self.process.wait()


Start = Callable[..., AbstractAsyncContextManager[Firstline]]


@pytest.fixture
def start(shop: Shop) -> Start:
    """Start `firstline run` in the shop's folder; keyword arguments are further environment variables."""

    @asynccontextmanager
    async def started(**variables: str) -> AsyncIterator[Firstline]:
        inherited = {name: value for name, value in os.environ.items() if not name.endswith(SECRETS)}
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("firstline"),
            *("run", "--config", str(shop.config), "--port", "0", "--json"),
            cwd=shop.folder,
            env=inherited | {"PYTHONPATH": str(ROOT)} | variables,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        made = Firstline(process, {})
        listening = asyncio.create_task(made.listen())
        try:
            async with asyncio.timeout(15):
                line = await process.stdout.readline()
            assert line, made.log
            made.ready = json.loads(line)
            yield made
        finally:
            if process.returncode is None:
                process.kill()
            async with asyncio.timeout(10):
                await process.wait()
                await listening

    return started
