"""What a browser may send the web channel and what it is told."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

GOOD = {"id": "abcdefgh12", "text": "hello"}


async def test_the_page_gives_every_visitor_a_cookie_scripts_cannot_read(open_site: Any) -> None:
    site = await open_site()
    client = await site.browser()
    async with client.get("/", cookies={"firstline_visitor": "forged"}) as page:
        cookie = page.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    assert len(cookie.split(";")[0].split("=")[1]) == 22


async def test_a_visitor_who_returns_keeps_the_same_cookie(open_site: Any) -> None:
    site = await open_site()
    client = await site.browser()
    before = site.visitor(client)
    async with client.get("/"):
        assert site.visitor(client) == before


async def test_an_embedded_chat_has_a_partitioned_cookie_and_may_be_framed_by_its_sites_only(open_site: Any) -> None:
    site = await open_site(origins=["https://shop.example/"])
    client = await site.browser()
    async with client.get("/") as page:
        assert page.headers["Set-Cookie"].endswith("HttpOnly; SameSite=None; Secure; Partitioned")
        assert page.headers["Content-Security-Policy"].endswith("frame-ancestors https://shop.example")


async def test_the_page_runs_and_loads_nothing_but_its_own_files(open_site: Any) -> None:
    site = await open_site(title="Shop <support>")
    client = await site.browser()
    async with client.get("/") as page:
        html = await page.text()
        assert page.headers["Content-Security-Policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
            "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )
        assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert "Shop &lt;support&gt;" in html
    assert "Shop <support>" not in html


async def test_a_script_is_kept_for_ever_by_its_version_and_asked_about_without(open_site: Any) -> None:
    site = await open_site()
    client = await site.browser()
    async with client.get("/") as page:
        versioned = (await page.text()).split('src="/static/chat.js')[1].split('"')[0]
    async with client.get(f"/static/chat.js{versioned}") as kept, client.get("/static/chat.js") as asked:
        assert "immutable" in kept.headers["Cache-Control"]
        assert asked.headers["Cache-Control"] == "no-cache"
        tag = asked.headers["ETag"]
        assert asked.content_type == "text/javascript"
    async with client.get("/static/chat.js", headers={"If-None-Match": tag}) as known:
        assert known.status == 304
        assert await known.read() == b""


@pytest.mark.parametrize("name", ["chat.html", "nothing.js", "..%2fchannel.py", "%2e%2e%2f%2e%2e%2fpyproject.toml"])
async def test_only_scripts_styles_and_pictures_are_static(open_site: Any, name: str) -> None:
    site = await open_site()
    client = await site.browser()
    async with client.get(f"{site.url}/static/{name}") as response:
        assert response.status == 404


async def test_a_message_is_accepted_with_who_wrote_it_and_in_which_language(open_site: Any) -> None:
    site = await open_site()
    client = await site.browser()
    headers = {"Accept-Language": "da-DK,en;q=0.5"}
    async with client.post("/chat/messages", json=GOOD | {"text": " hej \n"}, headers=headers) as response:
        assert response.status == 202
    (arrival,) = site.desk.arrivals
    address = site.visitor(client)
    assert arrival.key == f"web:{address.chat}:abcdefgh12"
    assert json.loads(arrival.raw)["id"] == "abcdefgh12"
    assert arrival.message.address == address
    assert arrival.message.text == "hej"
    assert arrival.message.customer.language == "da"
    assert arrival.message.at.tzinfo is not None


async def test_a_double_click_is_one_message_and_confirmed_twice(open_site: Any) -> None:
    site = await open_site()
    client = await site.browser()
    assert await site.say(client, "hello") == 202
    assert await site.say(client, "hello") == 202
    assert len(site.desk.arrivals) == 1


async def test_what_the_store_cannot_keep_is_not_confirmed(open_site: Any) -> None:
    site = await open_site()
    client = await site.browser()
    site.desk.down = True
    async with client.post("/chat/messages", json=GOOD) as response:
        assert response.status == 503
        assert int(response.headers["Retry-After"]) > 0
        assert (await response.json())["problem"]
    site.desk.down = False
    assert await site.say(client, "hello", GOOD["id"]) == 202


async def test_before_the_desk_listens_and_after_it_stopped_nothing_is_confirmed(open_site: Any) -> None:
    site = await open_site()
    client = await site.browser()
    await site.stop_listening()
    assert await site.say(client, "hello") == 503
    assert site.desk.arrivals == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"\xff\xfe",
        b"[" * 60_000,
        b'{"text": "no id"}',
        b'{"id": "short", "text": "x"}',
        b'{"id": "with spaces!", "text": "x"}',
        b'{"id": 12345678, "text": "x"}',
        b'{"id": "abcdefgh12"}',
        b'{"id": "abcdefgh12", "text": "  \\u0000 "}',
        b'{"id": "abcdefgh12", "text": 5}',
        json.dumps({"id": "abcdefgh12", "text": "x" * 4001}).encode(),
    ],
)
async def test_bad_input_is_refused_in_words(open_site: Any, body: bytes) -> None:
    site = await open_site()
    client = await site.browser()
    async with client.post("/chat/messages", data=body) as response:
        assert response.status == 400
        assert len((await response.json())["problem"]) > 5
    assert site.desk.arrivals == []


async def test_a_body_over_64_kb_is_refused_unread(open_site: Any) -> None:
    site = await open_site()
    client = await site.browser()
    async with client.post("/chat/messages", data=b"x" * (64 * 1024 + 1)) as response:
        assert response.status == 413
        assert "64 KB" in (await response.json())["problem"]
    assert site.desk.arrivals == []


async def test_4000_characters_fit(open_site: Any) -> None:
    site = await open_site()
    client = await site.browser()
    assert await site.say(client, "x" * 4000) == 202


async def test_half_a_surrogate_pair_and_nul_reach_no_store(open_site: Any) -> None:
    site = await open_site()
    client = await site.browser()
    body = b'{"id": "abcdefgh12", "text": "a\\ud83d \\u0000b \\ud83d\\ude00"}'
    async with client.post("/chat/messages", data=body) as response:
        assert response.status == 202
    text = site.desk.arrivals[0].message.text
    assert text == "a� b 😀"
    assert text.encode()


@pytest.mark.parametrize("path", ["/chat/messages", "/chat/stop"])
@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://"}, {"Sec-Fetch-Site": "cross-site"}],
)
async def test_a_page_from_elsewhere_may_not_write(open_site: Any, path: str, headers: dict[str, str]) -> None:
    site = await open_site()
    client = await site.browser()
    async with client.post(path, json=GOOD, headers=headers) as response:
        assert response.status == 403
    assert site.desk.arrivals == []
    assert site.desk.stopped.empty()


async def test_our_own_page_and_a_configured_site_may_write(open_site: Any) -> None:
    site = await open_site(origins=["https://shop.example"])
    client = await site.browser()
    visitor = {"Cookie": "firstline_visitor=" + "v" * 22}  # the jar rightly keeps Secure cookies off plain HTTP
    for n, origin in enumerate((site.url, "https://shop.example")):
        sent = {"Origin": origin} | visitor
        async with client.post("/chat/messages", json=GOOD | {"id": f"abcdefgh{n}"}, headers=sent) as response:
            assert response.status == 202


@pytest.mark.parametrize("cookie", [None, "guessed", "x" * 300, "a" * 21 + "!"])
async def test_without_a_cookie_of_ours_nothing_is_taken(open_site: Any, cookie: str | None) -> None:
    site = await open_site()
    client = await site.browser()
    client.cookie_jar.clear()
    headers = {"Cookie": f"firstline_visitor={cookie}"} if cookie else {}
    async with client.post("/chat/messages", json=GOOD, headers=headers) as response:
        assert response.status == 400
        assert "cookie" in (await response.json())["problem"]
    async with client.get("/chat/events", headers=headers) as response:
        assert response.status == 400


async def test_stop_reaches_the_desk_for_this_visitor(open_site: Any) -> None:
    site = await open_site()
    client = await site.browser()
    async with client.post("/chat/stop") as response:
        assert response.status == 202
    assert site.desk.stopped.get_nowait() == site.visitor(client)


async def test_a_body_that_never_arrives_whole_is_given_up(open_site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels.web.door.BODY_SECONDS", 0.05)
    site = await open_site()
    client = await site.browser()
    host, port = site.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    cookie = f"firstline_visitor={site.visitor(client).chat}"
    head = f"POST /chat/messages HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nContent-Length: 50\r\n\r\n{{"
    writer.write(head.encode())
    try:
        async with asyncio.timeout(5):
            assert b" 400 " in await reader.readline()
    finally:
        writer.close()
        await writer.wait_closed()
