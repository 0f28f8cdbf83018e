"""The screens in docs/operators.md, made by the commands themselves: `python -m tests.bots.screens` writes them anew.

The house they show is the shipped config.yaml with the sections the guide tells a reader to write, at a fixed time and
with fixed values. A screen stands after `<!-- screen: ARGUMENTS -->`, a section after `<!-- config -->`.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from aiohttp import web
from ruamel.yaml import YAML

from bots import tiers_api
from bots.__main__ import main
from core.answering.breaker import BreakerRules, Verdict
from core.answering.circuit import Circuits
from core.budgets import Hold, Scope, Spender, accounts, pico
from core.conversation import Address, Arrival, Message, Reply
from core.records import Call, Entry, Outcome, Purpose, Settlement
from core.rules import Decision
from core.settings import load
from core.store.sql import SqlStore, open_store
from core.tiers import ModelCard, Money, Tier, Usage

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "operators.md"
SCREEN = re.compile(r"(?<=<!-- screen: )([\w -]+)( -->\n```text\n)(.*?)(```\n)", re.DOTALL)
CONFIG = re.compile(r"<!-- config -->\n```yaml\n(.*?)```\n", re.DOTALL)
SECTION = r"^{name}:.*\n(?:(?:[ #].*)?\n)*"
WIDE = {"COLUMNS": "200", "NO_COLOR": "1"}

NOW = datetime(2026, 11, 21, 14, 30, tzinfo=UTC)
CHAT = Address("telegram", "42")


class Standing(datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override] # what it is called with here is a zone
        return NOW.astimezone(tz)


@dataclass(frozen=True)
class Small:
    """The folder of the house; its config.yaml stands in it."""

    folder: Path

    def run(self, *arguments: str) -> str:
        """What a command prints there."""
        out, before = io.StringIO(), Path.cwd()
        os.chdir(self.folder)
        try:
            with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
                main(arguments)
        finally:
            os.chdir(before)
        return "".join(f"{line.rstrip()}\n" for line in out.getvalue().rstrip("\n").split("\n"))


def sections() -> str:
    """The shipped config.yaml with the sections of the guide in place of its own."""
    text = (ROOT / "config.yaml").read_text("utf-8")
    for block in CONFIG.findall(GUIDE.read_text("utf-8")):
        for name in YAML().load(block):
            text, found = re.subn(SECTION.format(name=name), "", text, count=1, flags=re.MULTILINE)
            assert found == 1, name
        text += "\n" + block
    return text


@contextlib.contextmanager
def house(folder: Path) -> Iterator[Small]:
    """The small house with what happened in it, and a server that knows its breakers."""
    (folder / "bots").mkdir()
    (folder / "bots" / "shop").symlink_to(ROOT / "bots" / "shop")
    text = sections()
    _write_models(text, folder / "models.yaml")
    with asyncio.Runner() as runner, patch.dict(os.environ, WIDE), contextlib.ExitStack() as stack:
        for module in ("bots.commands.budgets", "bots.commands.models"):
            stack.enter_context(patch(f"{module}.datetime", Standing))
        port, told = runner.run(_served(_circuits()))
        (folder / "config.yaml").write_text(text.replace("  port: 8080", f"  port: {port}"), "utf-8")
        runner.run(_happened(folder))
        stack.enter_context(patch("bots.commands.breakers.run_async", runner.run))  # where the server is
        stack.callback(lambda: runner.run(told.cleanup()))
        stack.callback(_logging_as_it_is())
        yield Small(folder)


def _logging_as_it_is() -> Callable[[], None]:
    """What puts logging back after commands have set it up for a process of their own."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level

    def back() -> None:
        root.handlers, root.level = handlers, level
        logging.captureWarnings(False)

    return back


def _write_models(config: str, file: Path) -> None:
    """The shipped rows of the models that tiers name; all of them would make a long screen."""
    named = {model for models in YAML().load(config)["tiers"].values() for model in models}
    rows = YAML().load((ROOT / "models.yaml").read_text("utf-8"))
    for name in [name for name in rows if name not in named]:
        del rows[name]
    with file.open("w", encoding="utf-8") as out:
        YAML().dump(rows, out)


async def _served(circuits: Circuits) -> tuple[int, web.AppRunner]:
    house: Any = SimpleNamespace(lasting=SimpleNamespace(circuits=circuits))
    app = web.Application()
    app.add_routes(tiers_api.routes(house, ""))
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner.addresses[0][1], runner


def _circuits() -> Circuits:
    """Four models that are well, one that fails, one whose key was refused."""
    made = Circuits(BreakerRules(), clock=lambda: 0.0, chance=lambda: 0.0)

    def called(provider: str, model: str, verdict: Verdict, firsts: Sequence[float]) -> None:
        circuit = made.of(ModelCard(provider, model))
        for first in firsts:
            permit = circuit.admit()
            assert permit is not None
            seen = first if verdict is Verdict.GOOD else None
            circuit.end(permit, verdict, seen, first + 1.0, Usage(900, 90))

    called("groq", "openai/gpt-oss-20b", Verdict.FAILED, [0.1] * 5)
    called("bedrock", "openai.gpt-oss-20b", Verdict.GOOD, [0.30 + 0.01 * n for n in range(30)])
    called("groq", "openai/gpt-oss-120b", Verdict.GOOD, [0.25 + 0.01 * n for n in range(22)])
    called("cerebras", "gpt-oss-120b", Verdict.GOOD, [0.2] * 3)
    called("anthropic", "claude-sonnet-5-5", Verdict.DENIED, [0.2])
    called("openai", "gpt-4o-2024-11-20", Verdict.GOOD, [0.6 + 0.02 * n for n in range(24)])
    return made


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


def _call(name: str, outcome: str, at: float, seconds: float, cost: str | None = None, **more: Any) -> Call:
    provider, _, model = name.partition("/")
    usage = Usage(931, 84) if cost else None
    began = NOW - timedelta(minutes=5) + timedelta(seconds=at)
    return Call(provider, model, outcome, seconds, usage, usd(cost) if cost else None, at=began, **more)


DOWN = (
    _call("groq/openai/gpt-oss-20b", "failed", 0.012, 0.003, tier="quick", error="Unavailable"),
    _call("bedrock/openai.gpt-oss-20b", "answered", 0.016, 0.911, "0.00009037", tier="quick", first=0.34),
)
UNFIT = (
    _call("bedrock/openai.gpt-oss-20b", "unfit", 0.012, 0.402, tier="quick", first=0.331,
          verdict='not_knowing: it does not know: "i don\'t have any information"'),
    _call("groq/openai/gpt-oss-120b", "answered", 0.416, 1.204, "0.00019005", tier="standard", first=0.29),
    _call("cerebras/gpt-oss-120b", "answered", 1.622, 0.38, "0.00038885", tier="standard", first=0.2,
          purpose=Purpose.VALIDATION),
)  # fmt: skip


async def _happened(folder: Path) -> None:
    """Two messages were answered, and calls were paid for by four customers."""
    async with open_store(f"sqlite:///{folder}/data/firstline.db") as store:
        quick = Decision(Tier.QUICK, (), (), (), (), {}, {})
        await _answered(store, "m-0001", quick, "quick", DOWN, (0.36, 0.93))
        await _answered(store, "m-0002", quick, "standard", UNFIT, (2.01, 2.02))
        await _spend(store, folder)


async def _answered(
    store: SqlStore, name: str, decision: Decision, tier: str, calls: tuple[Call, ...], times: tuple[float, float]
) -> None:
    came = NOW - timedelta(minutes=5)
    message = Message(name, CHAT, "How long does delivery take?", came.replace(microsecond=0))
    await store.admit(Arrival(name, "{}", message), room=False)
    entry = Entry(came, CHAT, (name,), Outcome.ANSWERED, tier, decision.rules, calls, *times)
    await store.settle(Settlement(name, CHAT, (message,), entry, (message,), Reply("Two days.", came), decision))


async def _spend(store: SqlStore, folder: Path) -> None:
    text = (folder / "config.yaml").read_text("utf-8")
    budgets = load(text, file="config.yaml", root=folder, env={}).budgets
    zone = ZoneInfo("Europe/Copenhagen")
    for customer, amounts in {
        "telegram:42": ("0.17", "0.05"),
        "web:k3T9": ("0.008",),
        "telegram:77": ("0.031",),
    }.items():
        spender = Spender("shop", customer, customer.partition(":")[0])
        found = accounts([b for b in budgets if b.scope is not Scope.UPGRADES], spender, NOW, zone)
        for number, amount in enumerate(amounts):
            hold = f"{customer}-{number}"
            await store.reserve(Hold(hold, pico(Decimal(amount)), found, "USD", f"{CHAT}"))
            entry = Entry(NOW, CHAT, (), Outcome.ANSWERED, "expert", calls=(_paid(hold, amount),))
            await store.settle(Settlement(hold, CHAT, (), entry))
        caps = accounts([b for b in budgets if b.scope is Scope.UPGRADES], spender, NOW, zone)
        for number in range(20 if customer == "telegram:42" else 3):
            await store.reserve(Hold(f"{customer}-up-{number}", 1, caps, final=True))
    found = accounts(
        [b for b in budgets if b.scope is not Scope.UPGRADES], Spender("shop", "web:k3T9", "web"), NOW, zone
    )
    await store.reserve(Hold("under way", pico(Decimal("0.0176")), found, "USD", f"{CHAT}", lasts=3600.0))


def _paid(hold: str, amount: str) -> Call:
    return Call("openai", "gpt-4o-2024-11-20", "answered", 1.6, Usage(900, 90), usd(amount), first=0.7, at=NOW,
                reservation=hold)  # fmt: skip


def filled(text: str, small: Small) -> str:
    """The guide with every screen as the commands print it now."""
    return SCREEN.sub(lambda found: f"{found[1]}{found[2]}{small.run(*found[1].split())}{found[4]}", text)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made, house(Path(made)) as small:
        before = GUIDE.read_text("utf-8")
        after = filled(before, small)
        GUIDE.write_text(after, "utf-8")
        sys.stderr.write("written\n" if after != before else "nothing has changed\n")
