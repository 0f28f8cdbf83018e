"""python-telegram-bot behind `Client`: what each answer of a server means, over real HTTP on loopback."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from channels.telegram.client import Client, Me, Place, Reason, Refused, WrongToken
from channels.telegram.libraries.ptb import build
from core.errors import ChannelError, NotSent, Throttled, Unconfirmed, Unreachable
from core.markup import Entity, Rich

TOKEN = "99:Canary-of-a-Token"
PLACE = Place(42)
SENT = {"ok": True, "result": {"message_id": 7, "date": 1790000000, "chat": {"id": 42, "type": "private"}, "text": "x"}}

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Server:
    """Answers every call the same way and remembers what it was asked."""

    answer: Answer
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        form = {key: str(value) for key, value in {**request.query, **await request.post()}.items()}
        self.calls.append((request.match_info["method"], form))
        return await self.answer(request)


def says(status: int, body: Any) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=body if isinstance(body, str) else json.dumps(body))

    return answer


def refuses(status: int, description: str, **parameters: int) -> Answer:
    body = {"ok": False, "error_code": status, "description": description}
    return says(status, {**body, "parameters": parameters} if parameters else body)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server(says(200, SENT))
    app = web.Application()
    app.router.add_post(f"/bot{TOKEN}/{{method}}", server.handle)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    client = build(token=TOKEN, base_url=server.url)
    yield client
    await client.aclose()


async def error_of(call: Awaitable[Any]) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        await call
    return caught.value


async def test_a_message_goes_out_with_its_entities_and_comes_back_as_its_id(server: Server, client: Client) -> None:
    rich = Rich("see docs", (Entity("text_link", 4, 4, url="https://example.com/"),))
    assert await client.send_message(Place(-100, 31), rich, reply_to=5, buttons=[("Yes", "yes:1")]) == "7"
    method, form = server.calls[0]
    assert method == "sendMessage"
    assert (form["chat_id"], form["message_thread_id"], form["text"]) == ("-100", "31", "see docs")
    assert json.loads(form["entities"]) == [
        {"type": "text_link", "offset": 4, "length": 4, "url": "https://example.com/"}
    ]
    assert json.loads(form["reply_parameters"]) == {"message_id": 5, "allow_sending_without_reply": True}
    assert json.loads(form["reply_markup"]) == {"inline_keyboard": [[{"text": "Yes", "callback_data": "yes:1"}]]}
    assert "parse_mode" not in form


async def test_a_draft_carries_the_stop_button_the_library_does_not_know(server: Server, client: Client) -> None:
    server.answer = says(200, {"ok": True, "result": True})
    await client.send_draft(PLACE, 5, Rich("so far"))
    assert server.calls == [
        ("sendMessageDraft", {"chat_id": "42", "draft_id": "5", "text": "so far", "can_stop": "true"})
    ]


async def test_updates_come_as_they_are_even_when_the_library_could_not_read_them(
    server: Server, client: Client
) -> None:
    updates = [{"update_id": 1, "message": {"no": "fields"}}, "not even an object", {"update_id": 2, "message": None}]
    server.answer = says(200, {"ok": True, "result": updates})
    assert await client.get_updates(8, 0, ["message"]) == updates
    assert server.calls == [("getUpdates", {"offset": "8", "timeout": "0", "allowed_updates": '["message"]'})]


async def test_who_the_bot_is(server: Server, client: Client) -> None:
    user = {"id": 99, "is_bot": True, "first_name": "Shop", "username": "shop_bot"}
    server.answer = says(200, {"ok": True, "result": user})
    assert await client.get_me() == Me(99, "shop_bot")


@pytest.mark.parametrize(
    ("status", "description", "expected"),
    [
        (400, "Bad Request: chat not found", Unreachable),
        (400, "Bad Request: message text is empty", Refused),
        (401, "Unauthorized", WrongToken),
        (403, "Forbidden: bot was blocked by the user", Unreachable),
        (403, "Forbidden: user is deactivated", Unreachable),
        (404, "Not Found", WrongToken),
        (409, "Conflict: terminated by other getUpdates request", NotSent),
        (413, "Request Entity Too Large", Refused),
        (429, "Too Many Requests: retry later", Throttled),
        (500, "Internal Server Error", Unconfirmed),
        (502, "Bad Gateway", Unconfirmed),
        (503, "<html>no json</html>", Unconfirmed),
    ],
)
async def test_trap_07_every_refusal_is_told_apart_from_a_fault_of_the_network(
    status: int, description: str, expected: type[ChannelError], server: Server, client: Client
) -> None:
    server.answer = refuses(status, description)
    assert type(await error_of(client.send_message(PLACE, Rich("x")))) is expected


@pytest.mark.parametrize(
    ("description", "reason"),
    [
        ("Bad Request: message is not modified: specified new message content is exactly the same", Reason.SAME_TEXT),
        ("Bad Request: MESSAGE IS NOT MODIFIED", Reason.SAME_TEXT),
        ("Bad Request: message to edit not found", Reason.NO_MESSAGE),
        ("Bad Request: message thread not found", Reason.NO_TOPIC),
        ("Bad Request: can't parse entities: unsupported", Reason.BAD_ENTITIES),
        ("Bad Request: something new", Reason.OTHER),
    ],
)
async def test_trap_06_a_refusal_says_why_however_it_is_capitalised(
    description: str, reason: Reason, server: Server, client: Client
) -> None:
    server.answer = refuses(400, description)
    error = await error_of(client.edit_message(PLACE, "7", Rich("x")))
    assert isinstance(error, Refused)
    assert error.reason is reason


async def test_a_flood_says_how_long_to_wait(server: Server, client: Client) -> None:
    server.answer = refuses(429, "Too Many Requests: retry after 31", retry_after=31)
    error = await error_of(client.send_message(PLACE, Rich("x")))
    assert isinstance(error, Throttled)
    assert error.retry_after == 31.0


async def test_trap_13_a_moved_group_says_where_it_is_now(server: Server, client: Client) -> None:
    server.answer = refuses(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=-100200301)
    error = await error_of(client.send_message(PLACE, Rich("x")))
    assert isinstance(error, Refused)
    assert (error.reason, error.moved_to) == (Reason.MOVED, -100200301)


@pytest.mark.parametrize(
    "body", ['{"ok": true, "result": {"chat": 5}}', '{"ok": true}', '{"ok": true, "result": null}', "x"]
)
async def test_trap_08_an_answer_of_unexpected_shape_may_stand_in_the_chat(
    body: str, server: Server, client: Client
) -> None:
    server.answer = says(200, body)
    assert type(await error_of(client.send_message(PLACE, Rich("x")))) is Unconfirmed


async def test_trap_08_a_connection_cut_after_the_request_may_have_delivered_it(server: Server, client: Client) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    server.answer = cut
    assert type(await error_of(client.send_message(PLACE, Rich("x")))) is Unconfirmed


async def test_a_refused_connection_sent_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = build(token=TOKEN, base_url=f"http://127.0.0.1:{port}")
    assert type(await error_of(client.send_message(PLACE, Rich("x")))) is NotSent
    await client.aclose()


async def test_trap_09_of_1000_sends_on_100_connections_those_that_wait_are_known_to_be_unsent(server: Server) -> None:
    client = build(token=TOKEN, base_url=server.url, connections=100, patience=1.0)
    release = asyncio.Event()

    async def hang(_request: web.Request) -> web.StreamResponse:
        await release.wait()
        return web.json_response(SENT)

    server.answer = hang
    sends = [asyncio.create_task(client.send_message(PLACE, Rich("x"))) for _ in range(1000)]
    waiting: list[asyncio.Task[str]] = []
    async with asyncio.timeout(15):
        while len(waiting) < 925:
            await asyncio.wait(sends, return_when=asyncio.FIRST_COMPLETED, timeout=1.0)
            waiting = [send for send in sends if send.done()]
        assert {type(send.exception()) for send in waiting} == {NotSent}
        release.set()
        results = await asyncio.gather(*sends, return_exceptions=True)
    await client.aclose()
    assert results.count("7") == len(server.calls) == 75


async def test_the_token_is_in_no_log_no_error_and_no_repr(
    server: Server, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    texts = [repr(client), str(client)]
    for answer in (says(200, SENT), refuses(401, f"Unauthorized {TOKEN}"), refuses(400, f"Bad Request: {TOKEN}")):
        server.answer = answer
        try:
            await client.send_message(PLACE, Rich("x"))
        except ChannelError as error:
            texts += [str(error), repr(error)]
    assert len(server.calls) == 3
    assert not [text for text in (*texts, caplog.text) if "canary" in text.lower()]
