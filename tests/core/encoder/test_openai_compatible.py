"""The embeddings URL: what is sent, what is taken for an answer, and what stays secret."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from aiohttp import web

from core.encoder.openai_compatible import OpenAICompatible, build
from core.errors import EncoderError
from core.plugins import build as build_plugin

KEY = "a-key-nobody-may-read"


class Server:
    """Answers with the length of each text, in reversed order, or with what a test wants."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[Any] = []
        self.keys: list[str | None] = []
        self.answer: Any = None
        self.status = 200

    async def embeddings(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked.append(body)
        self.keys.append(request.headers.get("authorization"))
        rows = [{"index": n, "embedding": [len(text), 0.0]} for n, text in enumerate(body["input"])]
        answer = {"data": rows[::-1]} if self.answer is None else self.answer
        return web.json_response(answer, status=self.status)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    app = web.Application()
    app.router.add_post("/v1/embeddings", made.embeddings)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1/"
    yield made
    await runner.cleanup()


@pytest.fixture
async def encoder(server: Server) -> AsyncIterator[OpenAICompatible]:
    made = build(url=server.url, model="many-tongues", key=KEY, dimensions=2)
    yield made
    made.close()


async def test_each_text_gets_its_own_row_of_length_one(server: Server, encoder: OpenAICompatible) -> None:
    found = await asyncio.to_thread(encoder.embed, ["wo", "ist mein Paket", ""])
    assert found.shape == (3, 2)
    assert found.dtype == np.float32
    assert np.allclose(np.linalg.norm(found, axis=1), 1)
    assert server.asked == [
        {
            "model": "many-tongues",
            "encoding_format": "float",
            "dimensions": 2,
            "input": ["wo", "ist mein Paket", "-"],
        }
    ]
    assert server.keys == [f"Bearer {KEY}"]
    assert encoder.version == "many-tongues/2"


async def test_many_texts_go_in_several_requests_and_stay_in_order(server: Server, encoder: OpenAICompatible) -> None:
    texts = [f"{n:03}" for n in range(150)]
    assert (await asyncio.to_thread(encoder.embed, texts)).shape == (150, 2)
    assert [len(asked["input"]) for asked in server.asked] == [64, 64, 22]
    assert [text for asked in server.asked for text in asked["input"]] == texts


async def test_long_and_broken_texts_are_sent_as_far_as_anybody_can_read_them(
    server: Server, encoder: OpenAICompatible
) -> None:
    await asyncio.to_thread(encoder.embed, ["x" * 100_000, "half \ud83d"])
    ((long, broken),) = (asked["input"] for asked in server.asked)
    assert len(long) == 4_000
    assert broken == "half ?"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"data": []},
        {"data": [{"index": 1, "embedding": [1.0]}]},
        {"data": [{"index": 0, "embedding": [0.0, 0.0]}]},
        {"data": [{"index": 0, "embedding": []}]},
        {"data": [{"index": 0, "embedding": ["a", "b"]}]},
        {"data": [{"index": 0, "embedding": None}]},
        {"data": [{"index": 0}]},
    ],
)
async def test_what_is_no_vector_is_refused(server: Server, encoder: OpenAICompatible, answer: object) -> None:
    server.answer = answer
    with pytest.raises(EncoderError, match="embeddings server"):
        await asyncio.to_thread(encoder.embed, ["text"])


async def test_a_refusal_names_no_key(server: Server, encoder: OpenAICompatible) -> None:
    server.status = 401
    with pytest.raises(EncoderError, match="HTTP 401") as caught:
        await asyncio.to_thread(encoder.embed, ["text"])
    assert caught.value.__context__ is None
    assert KEY not in str(caught.value)


async def test_a_server_that_is_not_there_is_said_in_words(server: Server) -> None:
    encoder = build(url="http://127.0.0.1:9/v1", model="any")
    with pytest.raises(EncoderError, match="ConnectError"):
        await asyncio.to_thread(encoder.embed, ["text"])
    encoder.close()


def test_it_is_built_from_a_section_of_config_yaml() -> None:
    options = {"url": "http://127.0.0.1:9/v1", "model": "any"}
    encoder = build_plugin("core.encoder", "openai_compatible", options, {})
    assert encoder.version == "any"
    encoder.close()
