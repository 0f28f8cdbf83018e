"""WhatsApp through other people's Twilio: npm emulate plays Twilio, Prism checks requests by Twilio's own description.

Every message of every customer is played to the real desk; each must be answered once, every message must be at Twilio
once, and the status callbacks Twilio signed must have been committed. Both are installed by tests/peers.sh.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import signal
import socket
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import ClientConnectorError, ClientSession, encode_basic_auth, web
from yarl import URL

from bots.assembly import House, open_house
from channels.memory import MemoryChannel
from channels.whatsapp import Options, assembled
from channels.whatsapp.client import Account, Client
from channels.whatsapp.door import MESSAGES
from channels.whatsapp.parts import bodies
from channels.whatsapp.posts import Post
from core.conversation import Address
from core.errors import NotSent, Rejected
from core.ports import Channel
from core.records import Entry, Outcome

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Shop

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("FIRSTLINE_SHARED", ROOT.parent / "shared"))
COLLECTION = SHARED / "data" / "tweetsumm" / "dialogues.jsonl"
SAMPLE = ROOT / "tests" / "data" / "tweetsumm" / "dialogues.jsonl"
DESCRIPTION = SHARED / "peers" / "twilio-messages.openapi.json"
REPAIRS = SHARED / "peers" / "prism_spec.py"
NODE = Path(os.environ.get("FIRSTLINE_PEERS", ROOT / "build" / "peers")) / "node" / "node_modules"
EMULATE = NODE / "emulate" / "dist" / "index.js"
PRISM = NODE / "@stoplight" / "prism-cli" / "dist" / "index.js"

COUNT = 40
ACCOUNT, TOKEN = "AC" + "0" * 32, "twilio_test_auth_token"  # emulate's own
NUMBER = "whatsapp:+15557654321"
SEED = """\
twilio:
  accounts: [{{sid: {account}, auth_token: {token}, friendly_name: test}}]
  phone_numbers: [{{phone_number: "{number}", sms_url: "{url}", sms_method: POST}}]
"""
TRAVEL = ("sent", "delivered", "read")
ANSWERS = {Outcome.ANSWERED, Outcome.NOTICE, Outcome.HANDED_OVER}

Bursts = Sequence[Sequence[str]]


def needs(*files: Path) -> pytest.MarkDecorator:
    """Skip, with what is missing for a server of Node's."""
    missing = [str(file) for file in files if not file.exists()] + ([] if shutil.which("node") else ["node"])
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}: run tests/peers.sh")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


@asynccontextmanager
async def node(url: str, *command: str | Path) -> AsyncIterator[None]:
    """A server run by Node, once it answers at this address."""
    process = await asyncio.create_subprocess_exec(
        "node", *map(str, command), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(15), ClientSession() as client:
            while not await _answers(client, url):
                assert process.returncode is None
                await asyncio.sleep(0.05)
        yield
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            await process.wait()


async def _answers(client: ClientSession, url: str) -> bool:
    try:
        async with client.get(url):
            return True
    except ClientConnectorError:
        return False


# -- emulate ---------------------------------------------------------------------------------------------------------


@dataclass
class Twilio:
    """Emulate; the network behind it, where a queued message is sent, delivered and read; a proxy before the bot.

    `api` is emulate's address and `url` the bot's public one; `answered` is what the bot told Twilio: the sid, the
    status (empty for a message of a customer's), and the HTTP status of each request.
    """

    api: str
    client: ClientSession
    network: asyncio.TaskGroup
    url: str = ""
    bot: str = ""
    answered: list[tuple[str, str, int]] = field(default_factory=list)
    travels: list[asyncio.Task[None]] = field(default_factory=list)

    async def says(self, chat: str, text: str) -> None:
        """A customer writes; returns when the bot has been told."""
        await self._post("/_twilio/simulate/inbound-message", {"From": f"whatsapp:{chat}", "To": NUMBER, "Body": text})

    async def sent(self) -> list[Mapping[str, Any]]:
        """Every message of the bot's, oldest first, as Twilio's API lists them."""
        found: list[Mapping[str, Any]] = []
        path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json?PageSize=1000"
        while path:
            async with self.client.get(path) as answer:
                page = await answer.json()
            found += page["messages"]
            path = page["next_page_uri"]
        return [message for message in found if message["direction"].startswith("outbound")][::-1]

    async def pass_on(self, request: web.Request) -> web.Response:
        """Bring what Twilio posts to where the bot really listens."""
        body = await request.read()
        headers = {name: request.headers[name] for name in ("Content-Type", "X-Twilio-Signature")}
        target = URL(self.bot + request.raw_path, encoded=True)
        async with ClientSession() as proxy, proxy.post(target, data=body, headers=headers) as answer:
            form = dict(parse_qsl(body.decode()))
            status = form.get("MessageStatus", "")
            self.answered.append((form["MessageSid"], status, answer.status))
            if status == "queued":
                self.travels.append(self.network.create_task(self._travels(form["MessageSid"])))
            return web.Response(body=await answer.read(), status=answer.status, content_type=answer.content_type)

    async def arrived(self) -> None:
        """Return once everything queued has been read."""
        async with asyncio.timeout(30):
            await asyncio.gather(*self.travels)

    async def _travels(self, sid: str) -> None:
        for status in TRAVEL:
            await self._post("/_twilio/simulate/message-status", {"MessageSid": sid, "Status": status})

    async def _post(self, path: str, form: Mapping[str, str]) -> None:
        async with self.client.post(path, data=form) as answer:
            assert answer.status in (200, 201), await answer.text()


@asynccontextmanager
async def served(routes: Sequence[web.AbstractRouteDef]) -> AsyncIterator[str]:
    """These routes on a port of this machine; its address."""
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def twilio(tmp_path: Path) -> AsyncIterator[Twilio]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    headers = {"Authorization": encode_basic_auth(ACCOUNT, TOKEN)}
    async with ClientSession(url, headers=headers) as client, asyncio.TaskGroup() as network:
        made = Twilio(url, client, network)
        async with served([web.post("/{path:.*}", made.pass_on)]) as made.url:
            seed = tmp_path / "seed.yaml"
            seed.write_text(SEED.format(account=ACCOUNT, token=TOKEN, number=NUMBER, url=f"{made.url}{MESSAGES}"))
            async with node(url, EMULATE, "start", "--service", "twilio", "--port", str(port), "--seed", seed):
                yield made


@dataclass
class Desk:
    """The real desk on a file, answering on WhatsApp."""

    house: House
    shop: Shop

    async def settled(self) -> None:
        """Return once nothing is being answered."""
        assert await self.house.desk.idle(30)

    async def entries(self) -> list[Entry]:
        """The whole ledger."""
        now = datetime.now(UTC)
        return list(await self.house.store.entries(now - timedelta(days=1), now + timedelta(days=1)))

    def parts(self) -> Mapping[str, tuple[str, str]]:
        """What stands on disk of every part: its message's sid -> its text and state."""
        with closing(sqlite3.connect(f"file:{self.shop.database}?mode=ro", uri=True)) as db:
            return {
                sid: (text, state) for sid, text, state in db.execute("select sent_as, text, state from reply_part")
            }


@pytest.fixture
async def desk(twilio: Twilio, shop: Shop) -> AsyncIterator[Desk]:
    channel = assembled(
        Options(
            account=ACCOUNT,
            token=TOKEN,
            number=NUMBER,
            public_url=twilio.url,
            languages=("en",),
            base_url=twilio.api,
        )
    )
    shop.edit("reports:", "operators:\n  chat: telegram:-1001\nreports:")
    channels: dict[str, Channel] = {"whatsapp": channel, "telegram": MemoryChannel("telegram")}
    async with (
        open_house(shop.config, store=f"sqlite:///{shop.database}", channels=channels) as house,
        served(channel.routes()) as twilio.bot,
        asyncio.TaskGroup() as tasks,
    ):
        listening = tasks.create_task(channel.run(house.desk))
        yield Desk(house, shop)
        listening.cancel()


def dialogues(file: Path) -> Mapping[str, Bursts]:
    """Phone number -> what its customer wrote, in order, each time between two turns of the agent's."""
    with file.open(encoding="utf-8") as lines:
        turns = [json.loads(line)["turns"] for line in itertools.islice(lines, COUNT)]
    return {
        f"+1555123{number:04}": [
            [turn["text"] for turn in run]
            for speaker, run in itertools.groupby(dialogue, key=lambda turn: turn["speaker"])
            if speaker == "customer"
        ]
        for number, dialogue in enumerate(turns)
    }


async def play(twilio: Twilio, desk: Desk, chats: Mapping[str, Bursts]) -> None:
    """All customers at once; each writes on when the answer stands."""
    for bursts in itertools.zip_longest(*chats.values(), fillvalue=()):
        for texts in itertools.zip_longest(*bursts):
            said = zip(chats, texts, strict=True)
            await asyncio.gather(*(twilio.says(chat, text) for chat, text in said if text is not None))
        await desk.settled()


@pytest.mark.timeout(90)
@needs(EMULATE)
@pytest.mark.parametrize(
    "file",
    [
        pytest.param(SAMPLE, id="sample"),
        pytest.param(
            COLLECTION, id="collection", marks=pytest.mark.skipif(not COLLECTION.exists(), reason=f"needs {COLLECTION}")
        ),
    ],
)
async def test_every_message_of_real_customers_is_answered_once_through_npm_emulate(
    twilio: Twilio, desk: Desk, shop: Shop, file: Path
) -> None:
    chats = dialogues(file)
    await play(twilio, desk, chats)
    await twilio.arrived()
    kept, entries, sent = shop.kept(), await desk.entries(), await twilio.sent()
    assert kept.states == {"settled": sum(len(burst) for bursts in chats.values() for burst in bursts)}
    assert kept.covered.keys() == kept.heard
    assert set(kept.covered.values()) == {1}
    assert {entry.outcome for entry in entries} <= ANSWERS | {Outcome.WITH_PERSON}
    for chat, bursts in chats.items():
        settled = await desk.house.store.load(Address("whatsapp", chat))
        lines = Counter(entry.outcome in ANSWERS for entry in entries if entry.address.chat == chat)
        shown = [message["body"] for message in sent if message["to"] == f"whatsapp:{chat}"]
        assert [message.text for message in settled.messages] == [text for burst in bursts for text in burst]
        assert shown == [body for reply in settled.replies for body in bodies(reply.text)]
        assert lines[True] == len(settled.replies)
        assert len(bursts) <= lines.total()
        assert not [text for text in shown if text.endswith(" …")]
    assert desk.parts() == {message["sid"]: (message["body"], "read") for message in sent}
    told = Counter((sid, status) for sid, status, answer in twilio.answered if status and answer == 200)
    assert told == {(message["sid"], status): 1 for message in sent for status in ("queued", *TRAVEL)}
    assert {answer for _, _, answer in twilio.answered} == {200}


# -- Prism -----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def prism(tmp_path: Path) -> AsyncIterator[Client]:
    """Our client at a server that answers what Twilio's description allows, and 422 to everything else."""
    repaired = tmp_path / "twilio.json"
    repair = await asyncio.create_subprocess_exec(sys.executable, str(REPAIRS), str(DESCRIPTION), str(repaired))
    assert await repair.wait() == 0
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with node(url, PRISM, "mock", "-h", "127.0.0.1", "-p", str(port), "--errors", "-v", "silent", repaired):
        client = Client(Account("AC" + "a" * 32, "AC" + "a" * 32, "secret", url, url))
        yield client
        await client.aclose()


@needs(PRISM, DESCRIPTION, REPAIRS)
async def test_every_request_of_our_client_is_valid_by_twilio_s_description(prism: Client) -> None:
    to, callback = "whatsapp:+4512345678", "https://bot.example/x/whatsapp/status?part=tw%3AAC%3ASM.0.aF_-"
    for post in (
        Post(to, NUMBER, "*hello* \N{GRINNING FACE} & 10*20=?", status_callback=callback),
        Post("whatsapp:US.ABC123", NUMBER, "x" * 1600),
        Post(to, NUMBER, content="HX" + "a" * 32, variables={"1": 'a "b" \u00e6'}, status_callback=callback),
    ):
        assert (await prism.send(post)).sid
    assert (await prism.message("SM" + "a" * 32)).sid
    await prism.account()
    # Prism's one page always names a next one: a request it did not like would have ended otherwise.
    with pytest.raises(NotSent, match="more than 100 pages"):
        await prism.listing(to, datetime.now(UTC))


@needs(PRISM, DESCRIPTION, REPAIRS)
async def test_the_description_refuses_a_request_that_is_not_valid(prism: Client) -> None:
    for wrong in (
        Post("", NUMBER, "hello"),
        Post("whatsapp:+4512345678", NUMBER, "hello", status_callback="no address"),
        Post("whatsapp:+4512345678", NUMBER, content="HX1"),
    ):
        with pytest.raises(Rejected):
            await prism.send(wrong)
