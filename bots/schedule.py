"""Reports sent by themselves: at its cron line a report is made over the days since the last one and delivered.

Every process of the fleet wakes for it, and whichever writes the run down in the store first makes it. A run missed
while no process was there is caught up once; what was begun is never sent twice. Nothing that goes wrong here reaches
the rest of the process.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bots.assembly import House
from core.burst import Unkept, once
from core.conversation import Address
from core.documents import Report
from core.errors import ChannelError, FirstlineError, NotSent, Throttled
from core.periods import DAY, Window, days, yesterday
from core.plugins import build
from core.ports import Channel
from core.settings import ReportSettings, Settings

log = logging.getLogger(__name__)

BEFORE = Path("data/reports.json")
"""Where, beside config.yaml, runs were written down before the store kept them; read once, for what it lacks."""

LONGEST = 31
"""A report caught up after a long absence covers at most so many days."""

PAUSES = (2.0, 15.0, 60.0)
"""Seconds between tries while nothing has reached the platform."""


class UnknownReport(FirstlineError):
    """There is no report of that name, or its options do not fit."""


def build_report(settings: Settings, name: str) -> Report:
    """The report with its options from config.yaml, or with none where it is not named there. UnknownReport."""
    section = settings.reports.get(name)
    options: dict[str, Any] = dict(section.options) if section else {}
    if section and section.currency:
        options["currency"] = section.currency
    idle = settings.conversation.idle / timedelta(hours=1)
    try:
        report: Report = build("core.reports", name, options, {"idle_hours": idle})
    except (FirstlineError, ValueError, TypeError) as error:
        raise UnknownReport(f"reports: {name}: {error}") from error
    return report


async def send(channels: Mapping[str, Channel], to: Address, text: str) -> None:
    """Deliver a text; tried again only while nothing has reached the platform. ChannelError when it did not."""
    channel = channels.get(to.channel)
    if channel is None:
        raise NotSent(f"the channel {to.channel!r} is off")
    for pause in PAUSES:
        try:
            await channel.deliver(to, once(text), Unkept())
        except Throttled as error:
            await asyncio.sleep(min(error.retry_after, PAUSES[-1]))
        except NotSent:
            await asyncio.sleep(pause)
        else:
            return
    await channel.deliver(to, once(text), Unkept())


async def run(house: House) -> None:
    """Send reports until cancelled; returns at once when none has both a time and a chat to go to."""
    due = {name: report for name, report in house.settings.reports.items() if report.at and report.send}
    if not due:
        return
    cron = importlib.import_module("bots.cron")
    zone = ZoneInfo(house.settings.time_zone)
    triggers = {name: cron.trigger(report.at, zone) for name, report in due.items()}
    woken: asyncio.Queue[str] = asyncio.Queue()
    runs = Runs(house, due, lambda name, after, until: cron.newest(triggers[name], after, until))
    with cron.waking(triggers, woken.put_nowait):
        for name in due:
            await runs.settle(name)
        while True:
            await runs.settle(await woken.get())


class Runs:
    """Which runs are due and which were made. `newest` says when a report was due last between two instants."""

    def __init__(
        self,
        house: House,
        due: Mapping[str, ReportSettings],
        newest: Callable[[str, datetime, datetime], datetime | None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._house = house
        self._due = due
        self._newest = newest
        self._clock = clock
        self._before = house.file.resolve().parent / BEFORE
        self._zone = ZoneInfo(house.settings.time_zone)

    async def settle(self, name: str) -> None:
        """Make the run that is due, if one is; a report seen for the first time is due from now on."""
        now, store = self._clock(), self._house.store
        try:
            last = await store.last_due(name)
            if last is None:
                last = self._read_before().get(name, now)
                if not await store.due(name, None, last):
                    return
            at = self._newest(name, last, now)
            # Before sending: a run that breaks off is lost, not repeated.
            if at is not None and await store.due(name, last, at) and self._wall(at) != self._wall(last):
                await self._send(name, self._window(last, at))
        except Exception:
            log.exception("the report %s was not sent", name)

    def _wall(self, at: datetime) -> datetime:
        """What a clock on the wall shows: the same twice in the hour that is repeated, and that is one run."""
        return at.astimezone(self._zone).replace(tzinfo=None)

    def _window(self, last: datetime, at: datetime) -> Window:
        """The whole days since the run before this one; always at least yesterday."""
        until = yesterday(at, self._zone)
        end = until.day(until.start)
        first = min(end, last.astimezone(self._zone).date())
        return days(max(first, end - (LONGEST - 1) * DAY), end, self._zone)

    async def _send(self, name: str, window: Window) -> None:
        to = self._due[name].send
        if to is None:
            return
        entries = await self._house.store.entries(window.start, window.end)
        document = build_report(self._house.settings, name)(entries, window)
        try:
            await send(self._house.channels, to, document.text)
        except ChannelError as error:
            log.error("the report %s could not be delivered: %s", name, type(error).__name__)  # noqa: TRY400 - expected
        else:
            log.info("report %s sent for %s", name, window.title)

    def _read_before(self) -> dict[str, datetime]:
        try:
            found = json.loads(self._before.read_text("utf-8"))
            return {name: datetime.fromisoformat(at) for name, at in found.items()}
        except FileNotFoundError:
            return {}
        except (ValueError, AttributeError, TypeError):
            log.warning("%s is not readable; reports are due from now on", self._before.name)
            return {}
