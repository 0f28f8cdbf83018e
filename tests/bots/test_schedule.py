"""Reports that are sent by themselves: when, over which days, and never twice."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.interval import IntervalTrigger

from bots import cron, schedule
from bots.schedule import Runs, UnknownReport, build_report, run, send
from core.conversation import Address
from core.errors import NotSent, Throttled, Unconfirmed
from core.ports import Outbox
from core.records import Call, Entry, Outcome
from core.settings import ReportSettings
from core.tiers import Money

ZONE = ZoneInfo("Europe/Copenhagen")
CHAT = Address("telegram", "-100")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def times(line: str, start: str, count: int) -> list[str]:
    due, moment, found = cron.trigger(line, ZONE), at(start), []
    for _ in range(count):
        fire = due.get_next_fire_time(None, moment)
        assert fire is not None
        found.append(f"{fire:%a %d %H:%M}")
        moment = fire.astimezone(UTC) + timedelta(seconds=1)
    return found


@pytest.mark.parametrize(
    ("line", "days"),
    [
        ("0 8 * * 0", ["Sun 22", "Sun 29"]),
        ("0 8 * * 7", ["Sun 22", "Sun 29"]),
        ("0 8 * * 1-5", ["Fri 20", "Mon 23"]),
        ("0 8 * * mon-fri", ["Fri 20", "Mon 23"]),
        ("0 8 * * sat-mon", ["Sat 21", "Sun 22"]),
        ("0 8 * * 5-7", ["Fri 20", "Sat 21"]),
        ("0 8 * * 1,3", ["Mon 23", "Wed 25"]),
        ("0 8 * * *", ["Fri 20", "Sat 21"]),
    ],
)
def test_weekdays_are_counted_as_cron_counts_them(line: str, days: list[str]) -> None:
    assert times(line, "2026-11-20T00:00", 2) == [f"{day} 08:00" for day in days]


@pytest.mark.parametrize("line", ["0 8 * *", "0 8 * * 8", "0 8 * * funday", "99 8 * * *"])
def test_what_is_no_cron_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        cron.trigger(line, ZONE)


def test_the_newest_missed_time_is_found_without_counting_through_the_absence() -> None:
    due = cron.trigger("* * * * *", ZONE)
    found = cron.newest(due, at("2021-01-01T00:00"), at("2026-11-20T12:00:30"))
    assert found == at("2026-11-20T12:00")
    assert cron.newest(due, at("2026-11-20T12:00"), at("2026-11-20T12:00:59")) is None
    yearly = cron.trigger("0 8 1 1 *", ZONE)
    assert cron.newest(yearly, at("2024-06-01T00:00"), at("2026-11-20T12:00")) == at("2026-01-01T08:00")


async def test_waking_calls_in_the_loop_each_time_and_stops_with_its_block() -> None:
    woken: asyncio.Queue[str] = asyncio.Queue()
    with cron.waking({"cost": IntervalTrigger(seconds=0.02)}, woken.put_nowait):
        async with asyncio.timeout(5):
            assert [await woken.get(), await woken.get()] == ["cost", "cost"]
    while not woken.empty():
        woken.get_nowait()
    await asyncio.sleep(0.1)
    assert woken.empty()


class Chat:
    name = "telegram"

    def __init__(self, *fails: Exception) -> None:
        self.said: list[str] = []
        self.fails = list(fails)

    async def deliver(self, address: Address, text: AsyncIterator[str], outbox: Outbox) -> str:
        whole = "".join([piece async for piece in text])
        if self.fails:
            raise self.fails.pop(0)
        self.said.append(whole)
        return whole


class Ledger:
    def __init__(self) -> None:
        self.asked: list[tuple[datetime, datetime]] = []
        self.fails: list[Exception] = []
        self.runs: dict[str, datetime] = {}

    async def last_due(self, name: str) -> datetime | None:
        return self.runs.get(name)

    async def due(self, name: str, before: datetime | None, at: datetime) -> bool:
        if self.runs.get(name) != before:
            return False
        self.runs[name] = at
        return True

    async def entries(self, start: datetime, end: datetime) -> Sequence[Entry]:
        if self.fails:
            raise self.fails.pop()
        self.asked.append((start, end))
        call = Call("cloud", "large", "answered", 1.0, cost=Money(Decimal("1.25"), "USD"))
        return [Entry(start, Address("web", "1"), ("m",), Outcome.ANSWERED, "quick", calls=(call,))]


class Desk:
    """A house with nothing in it but what a report needs, and a clock set by hand."""

    def __init__(self, folder: Path, line: str) -> None:
        self.chat, self.ledger, self.now = Chat(), Ledger(), at("2026-11-20T12:00")
        self.reports = {"cost": ReportSettings(line, CHAT, "", {})}
        settings = SimpleNamespace(
            reports=self.reports,
            time_zone="Europe/Copenhagen",
            conversation=SimpleNamespace(idle=timedelta(hours=24)),
        )
        self.house: Any = SimpleNamespace(
            file=folder / "config.yaml", settings=settings, store=self.ledger, channels={"telegram": self.chat}
        )
        self.due = cron.trigger(line, ZONE)

    def runs(self) -> Runs:
        """As after a start: what was sent before is only known from the store."""
        newest = lambda _name, after, until: cron.newest(self.due, after, until)  # noqa: E731
        return Runs(self.house, self.reports, newest, lambda: self.now)

    async def wake(self, when: str) -> int:
        self.now = at(when)
        await self.runs().settle("cost")
        return len(self.chat.said)

    @property
    def covered(self) -> str:
        start, end = (t.astimezone(ZONE) for t in self.ledger.asked[-1])
        return f"{start:%a %d %H:%M} to {end:%a %d %H:%M}"


async def test_a_report_is_first_sent_when_it_is_first_due(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "0 8 * * *")
    assert await desk.wake("2026-11-20T12:00") == 0, "nothing was missed: it was just set up"
    assert await desk.wake("2026-11-20T23:00") == 0
    assert await desk.wake("2026-11-21T08:00:01") == 1
    assert desk.covered == "Fri 20 00:00 to Sat 21 00:00"
    assert "1.25 USD" in desk.chat.said[0]
    assert await desk.wake("2026-11-21T08:00:02") == 1, "a restart does not send it again"


async def test_runs_missed_while_down_are_caught_up_once_and_no_day_is_left_out(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "0 8 * * *")
    await desk.wake("2026-11-16T12:00")
    assert await desk.wake("2026-11-20T10:00") == 1
    assert desk.covered == "Mon 16 00:00 to Fri 20 00:00"
    assert await desk.wake("2026-11-20T10:01") == 1


async def test_mondays_report_of_a_weekday_line_covers_the_weekend(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "0 8 * * mon-fri")
    await desk.wake("2026-11-20T07:00")
    await desk.wake("2026-11-20T08:00:01")
    assert await desk.wake("2026-11-23T08:00:01") == 2
    assert desk.covered == "Fri 20 00:00 to Mon 23 00:00"


async def test_a_very_long_absence_is_covered_for_a_month(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "0 8 * * *")
    await desk.wake("2025-01-01T12:00")
    assert await desk.wake("2026-11-20T10:00") == 1
    start, end = desk.ledger.asked[-1]
    assert end - start <= timedelta(days=31, hours=1)


async def test_the_hour_that_comes_twice_sends_one_report(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "30 2 * * *")
    await desk.wake("2026-10-24T12:00")
    for moment in ("2026-10-25T00:30:01", "2026-10-25T01:30:01"):
        desk.now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        await desk.runs().settle("cost")
    assert len(desk.chat.said) == 1


async def test_a_failure_is_logged_and_the_next_report_is_sent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(tmp_path, "0 8 * * *")
    await desk.wake("2026-11-18T12:00")
    desk.ledger.fails.append(OSError("the disk is gone"))
    assert await desk.wake("2026-11-19T08:00:01") == 0
    assert "the report cost was not sent" in caplog.text
    desk.chat.fails.append(Unconfirmed("no answer"))
    assert await desk.wake("2026-11-20T08:00:01") == 0
    assert "could not be delivered: Unconfirmed" in caplog.text
    assert await desk.wake("2026-11-21T08:00:01") == 1


@pytest.mark.parametrize("broken", ["", "[]", '{"cost": 1}', "\0"])
async def test_a_state_file_nobody_can_read_stops_nothing(tmp_path: Path, broken: str) -> None:
    desk = Desk(tmp_path, "0 8 * * *")
    (tmp_path / "data").mkdir()
    (tmp_path / schedule.BEFORE).write_text(broken, "utf-8")
    assert await desk.wake("2026-11-20T12:00") == 0
    assert await desk.wake("2026-11-21T12:00") == 1


async def test_runs_written_beside_config_yaml_by_a_version_before_are_not_made_again(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "0 8 * * *")
    (tmp_path / "data").mkdir()
    (tmp_path / schedule.BEFORE).write_text(json.dumps({"cost": at("2026-11-20T08:00").isoformat()}), "utf-8")
    assert await desk.wake("2026-11-20T12:00") == 0
    assert await desk.wake("2026-11-21T08:00:01") == 1
    assert desk.covered == "Fri 20 00:00 to Sat 21 00:00"


async def test_of_many_processes_that_wake_for_a_run_one_makes_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "0 8 * * *")
    await desk.wake("2026-11-20T12:00")
    desk.now = at("2026-11-21T08:00:01")
    await asyncio.gather(*(desk.runs().settle("cost") for _ in range(5)))
    assert len(desk.chat.said) == 1


async def test_sending_is_repeated_only_while_nothing_has_reached_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "PAUSES", (0.0, 0.0))
    chat: Any = Chat(NotSent("no network"), Throttled("slow down", 0.0))
    await send({"telegram": chat}, CHAT, "the report")
    assert chat.said == ["the report"]
    unsure: Any = Chat(Unconfirmed("no answer"))
    with pytest.raises(Unconfirmed):
        await send({"telegram": unsure}, CHAT, "the report")
    with pytest.raises(NotSent, match="'telegram' is off"):
        await send({}, CHAT, "the report")


async def test_without_a_report_that_has_time_and_chat_there_is_nothing_to_run(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "0 8 * * *")
    desk.reports["cost"] = ReportSettings("0 8 * * *", None, "", {})
    await asyncio.wait_for(run(desk.house), 1)
    assert not desk.ledger.runs


async def test_a_run_missed_before_the_start_is_sent_at_the_start(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "0 8 * * *")
    await desk.wake("2026-11-01T12:00")  # long before the real clock this test runs by
    running = asyncio.create_task(run(desk.house))
    async with asyncio.timeout(5):
        while not desk.chat.said:  # noqa: ASYNC110 - a fake chat has no event to wait on
            await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def test_the_scheduler_is_loaded_only_where_a_report_is_scheduled() -> None:
    script = "import sys, bots.schedule; print('apscheduler' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_an_unknown_report_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UnknownReport, match="did you mean"):
        build_report(Desk(tmp_path, "0 8 * * *").house.settings, "csot")
