"""`firstline doctor`: what this installation stands on, and what is missing. Secrets by name only, never by value."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Protocol, runtime_checkable
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape

from bots.commands._common import DEFAULT, Config, Json, emit, run_async, screen, table
from bots.ledger import file_of
from bots.parts import Parts, beside, close, read_settings
from core.abilities import Examined
from core.answering.availability import Availability
from core.errors import SettingsError
from core.settings import Settings
from core.store.examination import examine

LIBRARIES = ("firstline", "aiohttp", "sqlalchemy", "pydantic", "python-telegram-bot", "aiogram", "twilio", "uvloop")
SAFE_SQLITE = (3, 51, 3)
"""Before this version two connections that write can corrupt a WAL file (SQLite's release notes, March 2026)."""

LITTLE_DISK = 500 * 2**20
CLOCK_STEP = 0.05
CLOCK_DRIFT = 0.02
MARKS = {"ok": "[green]ok[/]", "warning": "[yellow]warning[/]", "failed": "[red]failed[/]", "off": "[dim]off[/]"}


@runtime_checkable
class Reachable(Protocol):
    """A provider that can be tried without calling a model."""

    async def reach(self) -> str:
        """Empty when the server answers and takes our key, else what is wrong in words. Never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `state` is ok, warning, failed (an essential thing does not work) or off."""

    part: str
    name: str
    state: str
    detail: str


def command(config: Config = DEFAULT, as_json: Json = False) -> None:
    """Look at everything and say what was found."""
    findings = [*_versions(), *_clock(), *run_async(_configured(config))]
    failed = any(f.state == "failed" for f in findings)
    if as_json:
        emit({"ok": not failed, "findings": [asdict(f) for f in findings]})
    else:
        rows = table("", "", "", "")
        for f in findings:
            rows.add_row(f.part, escape(f.name), MARKS[f.state], escape(f.detail))
        screen(as_json=False).print(rows)
    raise typer.Exit(1 if failed else 0)


def _versions() -> Iterator[Finding]:
    yield Finding("version", "python", "ok", platform.python_version())
    safe = sqlite3.sqlite_version_info >= SAFE_SQLITE
    why = "" if safe else "; before 3.51.3 never let two processes write to one store"
    yield Finding("version", "sqlite", "ok" if safe else "warning", sqlite3.sqlite_version + why)
    for name in LIBRARIES:
        yield Finding("version", name, "ok", version(name))


def _clock() -> Iterator[Finding]:
    """A wall clock that jumps makes windows and time-outs lie; one that is years off breaks every TLS connection."""
    wall, steady = time.time(), time.monotonic()
    time.sleep(CLOCK_STEP)
    drift = abs((time.time() - wall) - (time.monotonic() - steady))
    now = datetime.now(UTC)
    state = "ok" if drift < CLOCK_DRIFT and now.year >= 2026 else "failed"
    yield Finding(
        "clock", "wall clock", state, f"{now:%Y-%m-%d %H:%M:%S} UTC, {drift * 1000:.1f} ms against the steady one"
    )


async def _configured(config: Path) -> list[Finding]:
    """What the configuration asks for; without a sound one only that is said."""
    try:
        settings = read_settings(config)
    except SettingsError as error:
        return [Finding("config", config.name, "failed", str(problem)) for problem in error.problems]
    found = [Finding("config", config.name, "ok", f"bot {settings.bot}, hash {settings.hash[:12]}")]
    local = datetime.now(ZoneInfo(settings.time_zone))
    found.append(Finding("clock", settings.time_zone, "ok", f"{local:%H:%M %Z}, UTC{local:%z}"))
    found += [*_keys(settings), *_store(settings, config)]
    return found + await _platforms(settings, config) + await _providers(settings, config)


async def _platforms(settings: Settings, config: Path) -> list[Finding]:
    """What each channel that is on finds out about its platform's set-up."""
    try:
        channels = Parts(settings, config).channels()
    except SettingsError as error:
        return [Finding("channel", "", "failed", str(problem)) for problem in error.problems]
    found = []
    for name, channel in channels.items():
        if isinstance(channel, Examined):
            found += [Finding(name, check.name, check.state, check.detail) for check in await channel.examine()]
        await close(channel)
    return found


def _keys(settings: Settings) -> Iterator[Finding]:
    for name, section in settings.channels.items():
        state = "off" if section.missing else "ok"
        yield Finding("channel", name, state, f"set {', '.join(section.missing)}" if section.missing else "")
    if not settings.operators.chat:
        yield Finding(
            "channel", "operators", "off", "nobody is called for a customer: name operators.chat in config.yaml"
        )


def _store(settings: Settings, config: Path) -> Iterator[Finding]:
    url = beside(settings.store, config.resolve().parent)
    file = file_of(url)
    if not url.startswith("sqlite:"):
        for check in examine(url):
            yield Finding("store", check.name, check.state, check.detail)
        return
    if file is None:
        yield Finding("store", "database", "warning", "kept in memory: everything is lost at the end")
        return
    folder = next(p for p in file.resolve().parents if p.exists())
    size = sum(f.stat().st_size for f in file.parent.glob(f"{file.name}*")) if file.parent.exists() else 0
    writable = os.access(file if file.exists() else folder, os.W_OK)
    detail = f"{size / 2**20:.1f} MB" if file.exists() else "will be made at the first start"
    yield Finding(
        "store",
        settings.store.partition("///")[2],
        "ok" if writable else "failed",
        detail if writable else "cannot be written to",
    )
    free = shutil.disk_usage(folder).free
    yield Finding("store", "disk", "ok" if free > LITTLE_DISK else "warning", f"{free / 2**30:.1f} GB free")


async def _providers(settings: Settings, config: Path) -> list[Finding]:
    """Each provider asked whether it is ready, without calling a model; some tier must have one that is."""
    try:
        providers = Parts(settings, config).providers()
    except SettingsError as error:
        return [Finding("provider", "", "failed", str(problem)) for problem in error.problems]
    try:
        ready = Availability(providers)
        await ready.ask()
        asked = {name: p.reach() for name, p in providers.items() if isinstance(p, Reachable) and ready.is_ready(name)}
        reached = dict(zip(asked, await asyncio.gather(*asked.values()), strict=True))
    finally:
        for provider in providers.values():
            await provider.aclose()
    states = {name: missing or reached.get(name, "") for name, missing in ready.state().items()}
    found = []
    for name, missing in states.items():
        unset = settings.providers[name].missing
        detail = f"set {', '.join(unset)}" if missing and unset else missing
        found.append(Finding("provider", name, "off" if missing else "ok", detail))
    for tier, models in settings.tiers.items():
        usable = [model for model in models if not states.get(model.partition("/")[0], "unknown")]
        found.append(
            Finding("tier", tier.label, "ok" if usable else "warning", ", ".join(usable) or "no model can answer")
        )
    if not any(f.state == "ok" for f in found if f.part == "tier"):
        found.append(Finding("tier", "all", "failed", "nothing can answer: set a key or name offline/faq in a tier"))
    return found
