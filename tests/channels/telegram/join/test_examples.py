"""The programs of docs/examples as they stand, with the real desk, offline answers and the strict server."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from telegram.ext import ApplicationBuilder

from channels.telegram.testing import FakeBotApi

EXAMPLES = Path(__file__).parents[4] / "docs" / "examples"
ROOT = EXAMPLES.parents[1]
CONFIG = """\
version: 1
bot: tiny
time_zone: Europe/Copenhagen
languages: [en]
channels:
  telegram:
    token: "42:TEST"
    library: {library}
    base_url: {url}
store: sqlite:///data/tiny.db
server: {{port: 0}}
providers:
  offline: {{}}
tiers:
  quick: [offline/faq]
signals:
  faq: {{file: bots/tiny/faq.yaml}}
escalation: []
"""
FAQ = "- {id: opening, question: When are you open?, answer: From nine to five.}\n"
MODELS = "offline/faq: {price: free, pinned: no}\n"


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def config(tmp_path: Path) -> Callable[[FakeBotApi, str], str]:
    def write(api: FakeBotApi, library: str) -> str:
        (tmp_path / "bots/tiny").mkdir(parents=True)
        (tmp_path / "bots/tiny/faq.yaml").write_text(FAQ, "utf-8")
        (tmp_path / "models.yaml").write_text(MODELS, "utf-8")
        (tmp_path / "config.yaml").write_text(CONFIG.format(library=library, url=api.url), "utf-8")
        return str(tmp_path / "config.yaml")

    return write


def aiogram_bot(api: FakeBotApi) -> Bot:
    return Bot(api.token, session=AiohttpSession(api=TelegramAPIServer.from_base(api.url)))


async def talk(api: FakeBotApi) -> None:
    api.says(7, "/points")
    api.says(7, "When are you open?")
    await api.wait_for(lambda: "You have 12 points." in [post.text for post in api.chat(7)], 10)
    await api.wait_for(lambda: any(post.text.endswith("From nine to five.") for post in api.chat(7)), 10)
    await api.wait_for(lambda: not api.updates.pending)


async def test_the_aiogram_example_answers_beside_its_commands(config: Callable[[FakeBotApi, str], str]) -> None:
    async with FakeBotApi(flood=None) as api:
        program = asyncio.create_task(example("join_aiogram").polling(aiogram_bot(api), config(api, "aiogram")))
        await talk(api)
        signal.raise_signal(signal.SIGTERM)
        await program
        assert len(api.chat(7)) == 2


async def test_the_ptb_example_answers_beside_its_commands(config: Callable[[FakeBotApi, str], str]) -> None:
    async with FakeBotApi(flood=None) as api:
        stop = asyncio.Event()
        builder = ApplicationBuilder().token(api.token).base_url(api.base_url)
        program = asyncio.create_task(example("join_ptb").polling(builder, stop, config(api, "ptb")))
        await talk(api)
        stop.set()
        await program
        assert len(api.chat(7)) == 2


async def test_the_aiogram_example_takes_webhooks(
    config: Callable[[FakeBotApi, str], str], unused_tcp_port: int
) -> None:
    async with FakeBotApi(flood=None) as api:
        at = f"http://127.0.0.1:{unused_tcp_port}"
        webhook = example("join_aiogram").webhook(
            aiogram_bot(api), at, "secret", unused_tcp_port, config(api, "aiogram")
        )
        program = asyncio.create_task(webhook)
        await talk(api)
        assert "message_reaction" in api.calls("setWebhook")[0].params["allowed_updates"]
        program.cancel()
        await asyncio.wait({program})
        assert len(api.chat(7)) == 2


async def test_the_ptb_example_takes_webhooks(config: Callable[[FakeBotApi, str], str], unused_tcp_port: int) -> None:
    async with FakeBotApi(flood=None) as api:
        stop = asyncio.Event()
        at = f"http://127.0.0.1:{unused_tcp_port}"
        builder = ApplicationBuilder().token(api.token).base_url(api.base_url)
        webhook = example("join_ptb").webhook(builder, stop, at, "secret", unused_tcp_port, config(api, "ptb"))
        program = asyncio.create_task(webhook)
        await talk(api)
        stop.set()
        await program
        assert len(api.chat(7)) == 2


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("channels.telegram.join.aiogram", "telegram"),
        ("channels.telegram.join.ptb", "aiogram"),
        ("channels.telegram", "channels.telegram.join"),
        ("bots.joining", "channels.telegram.join.aiogram"),
        ("bots.joining", "aiogram"),
        ("bots.joining", "telegram"),
    ],
)
def test_joining_one_library_does_not_load_the_other(module: str, absent: str) -> None:
    program = f"import sys, {module}; sys.exit({absent!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0
