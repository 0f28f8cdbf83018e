"""Each library behind `Client`: what every answer of a server means, over real HTTP on loopback, the same in both."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import subprocess
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from channels.telegram.client import Client, Me, Place, Reason, Refused, WrongToken
from core.abilities import Media
from core.errors import ChannelError, NotSent, Rejected, Throttled, Unconfirmed, Unreachable
from core.markup import Entity, Rich
from core.plugins import PluginError
from core.plugins import build as build_library

ROOT = Path(__file__).parents[3]
TOKEN = "99:Canary-of-a-Token"
PLACE = Place(42)
SENT = {"ok": True, "result": {"message_id": 7, "date": 1790000000, "chat": {"id": 42, "type": "private"}, "text": "x"}}

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Server:
    """Answers every call the same way and remembers what it was asked."""

    answer: Answer
    file: Answer = field(default_factory=lambda: says(404, "{}"))
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        form = {key: str(value) for key, value in {**request.query, **await request.post()}.items()}
        self.calls.append((request.match_info["method"], form))
        return await self.answer(request)

    async def handle_file(self, request: web.Request) -> web.StreamResponse:
        return await self.file(request)


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
    app.router.add_get(f"/file/bot{TOKEN}/{{path:.*}}", server.handle_file)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


def build(library: str, url: str, **options: Any) -> Client:
    client: Client = build_library(
        "channels.telegram.libraries", library, {"token": TOKEN, "base_url": url, **options}, {}
    )
    return client


@pytest.fixture
async def client(server: Server, library: str) -> AsyncIterator[Client]:
    client = build(library, server.url)
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


async def test_a_draft_carries_the_stop_button(server: Server, client: Client) -> None:
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


# What the server says -> what it means: research, channels, section 2. A string is a body that is not the Bot API's.
REFUSALS: list[tuple[int, str | dict[str, Any], type[ChannelError]]] = [
    (400, {"description": "Bad Request: chat not found"}, Unreachable),
    (400, {"description": "Bad Request: private chat not found"}, Unreachable),
    (400, {"description": "Bad Request: PEER_ID_INVALID"}, Unreachable),
    (400, {"description": "Bad Request: message text is empty"}, Refused),
    (400, {"description": "Bad Request: message to be replied not found"}, Refused),
    (400, {"description": "Bad Request: query is too old and response timeout expired"}, Refused),
    (400, {"description": "Bad Request: file is too big"}, Refused),
    (
        400,
        {"description": "Bad Request: group chat was upgraded", "parameters": {"migrate_to_chat_id": -1002}},
        Refused,
    ),
    (401, {"description": "Unauthorized"}, WrongToken),
    (403, {"description": "Forbidden: bot was blocked by the user"}, Unreachable),
    (403, {"description": "Forbidden: user is deactivated"}, Unreachable),
    (403, {"description": "Forbidden: bot was kicked from the supergroup chat"}, Unreachable),
    (403, {"description": "Forbidden: bot is not a member of the channel chat"}, Unreachable),
    (404, {"description": "Not Found"}, WrongToken),
    (409, {"description": "Conflict: terminated by other getUpdates request"}, NotSent),
    (413, {"description": "Request Entity Too Large"}, Refused),
    (429, {"description": "Too Many Requests: retry later"}, Throttled),
    (429, {"description": "Too Many Requests: retry after 3", "parameters": {"retry_after": 3}}, Throttled),
    (418, {"description": "I am a teapot"}, Unconfirmed),
    (500, {"description": "Internal Server Error"}, Unconfirmed),
    (500, {"description": "Internal Server Error: restart"}, Unconfirmed),
    (502, {"description": "Bad Gateway"}, Unconfirmed),
    (403, "<html>Forbidden</html>", Unreachable),
    (404, "<html>Not Found</html>", WrongToken),
    (413, "<html>Request Entity Too Large</html>", Refused),
    (429, "<html>Too Many Requests</html>", Throttled),
    (502, "<html>Bad Gateway</html>", Unconfirmed),
    (503, "<html>no json</html>", Unconfirmed),
    (504, "", Unconfirmed),
    (302, "", Unconfirmed),
    (200, "<html>please sign in to this network</html>", Unconfirmed),
]


@pytest.mark.parametrize(("status", "body", "expected"), REFUSALS)
async def test_trap_07_every_refusal_is_told_apart_from_a_fault_of_the_network(
    status: int, body: str | dict[str, Any], expected: type[ChannelError], server: Server, client: Client
) -> None:
    server.answer = says(status, body if isinstance(body, str) else {"ok": False, "error_code": status, **body})
    assert type(await error_of(client.send_message(PLACE, Rich("x")))) is expected
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("description", "reason"),
    [
        ("Bad Request: message is not modified: specified new message content is exactly the same", Reason.SAME_TEXT),
        ("Bad Request: MESSAGE IS NOT MODIFIED", Reason.SAME_TEXT),
        ("Bad Request: message to edit not found", Reason.NO_MESSAGE),
        ("Bad Request: message can't be edited", Reason.NO_MESSAGE),
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


@pytest.mark.parametrize("words", ["Too Many Requests: retry after 31", "FLOOD_WAIT"])
async def test_a_flood_says_how_long_to_wait(words: str, server: Server, client: Client) -> None:
    server.answer = refuses(429, words, retry_after=31)
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


async def test_trap_08_an_answer_cut_off_in_its_middle_may_stand_in_the_chat(server: Server, client: Client) -> None:
    async def begun(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "500"})
        await response.prepare(request)
        await response.write(b'{"ok": true, "result": {"message_id')
        assert request.transport is not None
        request.transport.abort()
        return response

    server.answer = begun
    assert type(await error_of(client.send_message(PLACE, Rich("x")))) is Unconfirmed


async def test_a_refused_connection_sent_nothing(library: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = build(library, f"http://127.0.0.1:{port}")
    assert type(await error_of(client.send_message(PLACE, Rich("x")))) is NotSent
    assert type(await error_of(client.get_updates(0, 0, []))) is NotSent
    await client.aclose()


async def test_trap_09_of_1000_sends_on_100_connections_those_that_wait_are_known_to_be_unsent(
    server: Server, library: str
) -> None:
    client = build(library, server.url, connections=100, patience=1.0)
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


async def test_trap_09_a_wait_in_the_librarys_own_pool_is_known_to_be_unsent_too(server: Server, library: str) -> None:
    client: Any = build(library, server.url, connections=1)
    client._line._free = asyncio.Semaphore(2)
    arrived, release = asyncio.Event(), asyncio.Event()

    async def hang(_request: web.Request) -> web.StreamResponse:
        arrived.set()
        await release.wait()
        return web.json_response(SENT)

    server.answer = hang
    first = asyncio.create_task(client.send_message(PLACE, Rich("x")))
    await arrived.wait()
    assert type(await error_of(client.send_message(PLACE, Rich("y")))) is NotSent
    release.set()
    assert await first == "7"
    assert len(server.calls) == 1
    await client.aclose()


async def test_closing_does_not_wait(server: Server, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float, *_: Any) -> None:
        waits.append(seconds)

    await client.send_message(PLACE, Rich("x"))
    monkeypatch.setattr(asyncio, "sleep", sleep)
    await client.aclose()
    assert not any(waits)


async def test_after_it_was_closed_a_client_can_be_opened_again(server: Server, client: Client) -> None:
    for _ in range(2):
        await client.open()
        assert await client.send_message(PLACE, Rich("x")) == "7"
        await client.aclose()


async def test_the_token_is_in_no_log_no_error_and_no_repr(
    server: Server, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    texts = [repr(client), str(client)]
    refused = ({"ok": False, "error_code": 400, "description": f"Bad Request: {TOKEN}"}, f"<html>{TOKEN}</html>")
    for answer in (says(200, SENT), *(says(status, body) for status in (200, 400, 401, 500) for body in refused)):
        server.answer = answer
        for call in (client.send_message(PLACE, Rich("x")), client.get_updates(0, 0, [])):
            try:
                await call
            except ChannelError as error:
                texts += [str(error), repr(error), "".join(traceback.format_exception(error))]
    assert len(server.calls) == 18
    assert not [text for text in texts if "canary" in text.lower()]
    noisy = [r for r in caplog.records if r.levelno >= logging.INFO and not r.name.startswith("telegram.")]
    assert not [record for record in noisy if "canary" in record.getMessage().lower()]


# -- files -----------------------------------------------------------------------------------------------------------

FILE = {"file_id": "f1", "file_unique_id": "u1", "file_size": 3, "file_path": "photos/file_1.jpg"}


def gives(**about: Any) -> Answer:
    """What getFile says of the file."""
    told = {name: value for name, value in (FILE | about).items() if value is not None}
    return says(200, {"ok": True, "result": told})


async def test_a_file_is_fetched_from_where_telegram_says_it_is(server: Server, client: Client) -> None:
    paths = []

    async def file(request: web.Request) -> web.StreamResponse:
        paths.append(request.match_info["path"])
        return web.Response(body=b"\xff\xd8\xff")

    server.answer, server.file = gives(), file
    assert await client.download("f1", 3) == b"\xff\xd8\xff"
    assert server.calls == [("getFile", {"file_id": "f1"})]
    assert paths == ["photos/file_1.jpg"]


async def test_a_file_said_to_be_too_large_is_not_asked_for(server: Server, client: Client) -> None:
    async def file(_: web.Request) -> web.StreamResponse:
        raise AssertionError("nobody asks for it")

    server.answer, server.file = gives(file_size=4), file
    assert type(await error_of(client.download("f1", 3))) is Rejected


async def test_of_a_file_that_does_not_end_no_more_is_taken_than_was_allowed(server: Server, client: Client) -> None:
    written = 0
    ended = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while written < 2**28:
                await response.write(bytes(2**20))
                written += 2**20
        finally:
            ended.set()
        return response

    server.answer, server.file = gives(file_size=None), endless
    assert type(await error_of(client.download("f1", 2**20))) is Rejected
    await asyncio.wait_for(ended.wait(), 10)
    assert written <= 2**25  # what the sockets hold between the two


@pytest.mark.parametrize(
    ("status", "expected"),
    [(404, Rejected), (410, Rejected), (403, Rejected), (401, WrongToken), (429, Throttled), (502, Unconfirmed)],
)
async def test_an_address_that_gives_no_file_says_why(
    status: int, expected: type[ChannelError], server: Server, client: Client
) -> None:
    server.answer, server.file = gives(), says(status, "no")
    assert type(await error_of(client.download("f1", 3))) is expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refuses(400, "Bad Request: wrong file_id or the file is temporarily unavailable"), Refused),
        (refuses(400, "Bad Request: file is too big"), Refused),
        (gives(file_path=None), Rejected),
        (refuses(401, "Unauthorized"), WrongToken),
        (says(200, {"ok": True, "result": None}), Unconfirmed),
    ],
)
async def test_a_file_telegram_does_not_have_is_rejected(
    answer: Answer, expected: type[ChannelError], server: Server, client: Client
) -> None:
    server.answer = answer
    assert type(await error_of(client.download("f1", 3))) is expected


async def test_a_file_cut_off_in_its_middle_is_not_taken_for_the_whole_and_its_address_is_told_nobody(
    server: Server, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "500"})
        await response.prepare(request)
        await response.write(b"abc")
        assert request.transport is not None
        request.transport.abort()
        return response

    caplog.set_level(logging.INFO)
    server.answer = gives(file_size=None)
    for file, expected in ((cut, Unconfirmed), (says(404, "no"), Rejected), (says(500, "no"), Unconfirmed)):
        server.file = file
        error = await error_of(client.download("f1", 1000))
        assert type(error) is expected
        assert "canary" not in f"{error!r}{error}{error.__cause__!r}{caplog.text}".lower()


async def test_a_redirect_of_a_call_is_not_followed_with_the_token_in_its_address(
    server: Server, client: Client
) -> None:
    async def elsewhere(request: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect(f"{server.url}/bot{TOKEN}/elsewhere")

    server.answer = elsewhere
    assert type(await error_of(client.send_message(PLACE, Rich("hello")))) is Unconfirmed
    assert [method for method, _ in server.calls] == ["sendMessage"]


async def test_a_redirect_of_a_file_is_not_followed_with_the_token_in_hand(server: Server, client: Client) -> None:
    asked = []

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        raise web.HTTPFound(f"{server.url}/file/bot{TOKEN}/elsewhere")

    server.answer, server.file = gives(), elsewhere
    assert isinstance(await error_of(client.download("f1", 3)), Rejected)
    assert len(asked) == 1


@pytest.mark.parametrize(("photo", "method"), [(True, "sendPhoto"), (False, "sendDocument")])
async def test_a_file_goes_out_as_a_picture_or_as_a_document(
    photo: bool, method: str, server: Server, client: Client
) -> None:
    caption = Rich("two words", (Entity("bold", 0, 3),))
    media = Media(b"\x89PNG", "image/png", "a name, größer.png")
    assert await client.send_file(Place(-100, 31), media, caption, photo) == "7"
    ((called, form),) = server.calls
    assert (called, form["chat_id"], form["message_thread_id"], form["caption"]) == (method, "-100", "31", "two words")
    assert json.loads(form["caption_entities"]) == [{"type": "bold", "offset": 0, "length": 3}]
    (file,) = [value for value in form.values() if "FileField" in value]
    assert "filename='a name, größer.png'" in file


async def test_trap_20_content_that_is_a_path_is_never_read_from_the_disk(
    server: Server, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").write_text("the-secret", "utf-8")
    sent: list[bytes] = []

    async def takes(request: web.Request) -> web.StreamResponse:
        sent.extend(value.file.read() for value in (await request.post()).values() if isinstance(value, web.FileField))
        return web.json_response(SENT)

    server.answer = takes
    path: Any = str(tmp_path / "secret.txt")
    for photo in (True, False):
        with suppress(ChannelError):
            await client.send_file(PLACE, Media(path, "text/plain", path), Rich(""), photo)
    assert not [content for content in sent if b"the-secret" in content]


# -- the libraries themselves ----------------------------------------------------------------------------------------


@pytest.mark.timeout(90)
@pytest.mark.parametrize(("library", "other"), [("ptb", "aiogram"), ("aiogram", "telegram")])
def test_a_library_that_was_not_chosen_is_not_imported(library: str, other: str) -> None:
    code = (
        "import sys; from channels.telegram import build;"
        f"build(token='42:TEST', library={library!r});"
        f"print({other!r} in sys.modules, {library.replace('ptb', 'telegram')!r} in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("False True\n", "")


def test_what_cannot_be_a_token_is_an_option_that_does_not_fit() -> None:
    with pytest.raises(PluginError, match="token") as caught:
        build_library("channels.telegram.libraries", "aiogram", {"token": "a b", "base_url": "http://127.0.0.1"}, {})
    assert caught.value.option == "token"
    assert "a b" not in str(caught.value)
