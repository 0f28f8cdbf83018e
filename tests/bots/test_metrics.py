"""What /metrics, /readyz and /healthz say, to whom, and that operators can look every number up."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import make_mocked_request
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from bots import metrics as metrics_module
from bots.metrics import Metrics, is_near, metrics_route, usual_gauges
from bots.parts import close
from bots.readiness import Readiness
from bots.server import serve_http
from channels.memory import MemoryChannel
from core.conversation import Address, Arrival, Message
from core.counters import MEANINGS, TIMES, Counters
from core.errors import StoreError
from core.plugins import build
from core.ports import Channel
from core.store import backlog
from core.store.backlog import Backlog
from core.store.sql import open_store

ROOT = Path(__file__).parents[2]
KEY = "a long operator key"
NAME = re.compile(r"firstline_[a-z][a-z0-9_]*")
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "telegram": {"token": "123:abc"},
    "whatsapp": {
        "languages": ["en"],
        "account": "AC" + "0" * 32,
        "token": "t",
        "number": "whatsapp:+14155238886",
        "public_url": "https://a.b",
    },
}
LABELS = {"channel", "outcome", "rumour", "what", "version", "python", "reason", "provider", "model", "tier"} | {
    "purpose",
    "kind",
    "check",
    "currency",
    "state",
    "le",
}


class Counting(MemoryChannel):
    """A channel that counts."""

    def counts(self) -> Mapping[str, int]:
        return {"orphans": 3, "replies_unknown": 0}


class TinyStore:
    """What waits, how often it was asked for, and what is in the way."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None
        self.hangs = False

    async def backlog(self) -> Backlog:
        self.asked += 1
        if self.error is not None:
            raise self.error
        if self.hangs:
            await asyncio.Event().wait()
        return Backlog(7, 12.5, 2)


@pytest.fixture
def store() -> TinyStore:
    return TinyStore()


@pytest.fixture
def counters() -> Counters:
    return Counters()


@pytest.fixture
def metrics(store: TinyStore, counters: Counters) -> Metrics:
    channels = cast("Mapping[str, Channel]", {"telegram": Counting(), "console": MemoryChannel()})
    gauges = usual_gauges(lambda: 4, lambda: 3, lambda: 2, list(channels), lambda: {"telegram"})
    return Metrics(counters, channels, store.backlog, gauges)


Serve = Callable[..., Awaitable[ClientSession]]


@pytest.fixture
async def serve(metrics: Metrics) -> AsyncIterator[Serve]:
    """A server with this key and readiness, and a client of it."""
    async with AsyncExitStack() as stack:

        async def start(key: str = KEY, ready: Callable[[], str] = str) -> ClientSession:
            pages = (metrics_route(metrics, key),)
            url = await stack.enter_async_context(serve_http({}, pages, ready=ready, at=("127.0.0.1", 0)))
            return await stack.enter_async_context(ClientSession(url))

        yield start


async def read(metrics: Metrics) -> dict[str, Metric]:
    """Every family by its name."""
    body, _ = await metrics.text("")
    return {family.name: family for family in parse(body.decode())}


def values(family: Metric) -> dict[tuple[str, ...], float]:
    return {tuple(sample.labels.values()): sample.value for sample in family.samples}


async def test_the_desk_s_counters_are_there_from_the_start_and_grow_by_their_labels(
    metrics: Metrics, counters: Counters
) -> None:
    before = await read(metrics)
    assert {f"firstline_{name}" for name in MEANINGS} <= set(before)
    assert values(before["firstline_messages_accepted"]) == {(): 0}
    counters.count("messages_accepted", channel="telegram")
    counters.count("messages_accepted", 2, channel="web")
    counters.count("messages_accepted", channel="web")
    assert values((await read(metrics))["firstline_messages_accepted"]) == {("telegram",): 1, ("web",): 3}


async def test_every_count_of_the_desk_has_a_meaning_and_every_meaning_is_counted() -> None:
    counted = re.compile(r"""counters\.count\((?:\s*)"(\w+)"(?: if [^,)]*? else "(\w+)")?""")
    files = (Path(__file__).parents[2] / "core").rglob("*.py")
    found = {name for file in files for names in counted.findall(file.read_text("utf-8")) for name in names if name}
    assert found | {"messages_parked", "messages_accepted", "messages_duplicate"} == set(MEANINGS)


async def test_times_are_a_histogram_whose_buckets_hold_everything_up_to_their_bound(
    metrics: Metrics, counters: Counters
) -> None:
    for seconds in (0.05, 0.3, 0.3, 60.0):
        counters.observe("model_first_text_seconds", seconds, model="m")
    samples = (await read(metrics))["firstline_model_first_text_seconds"].samples
    buckets = {sample.labels["le"]: sample.value for sample in samples if sample.name.endswith("_bucket")}
    assert (buckets["0.1"], buckets["0.25"], buckets["0.5"], buckets["20.0"], buckets["+Inf"]) == (1, 1, 3, 3, 4)
    assert [s.value for s in samples if s.name.endswith("_sum")] == [pytest.approx(60.65)]


async def test_what_channels_count_is_labelled_with_the_channel(metrics: Metrics) -> None:
    families = await read(metrics)
    assert values(families["firstline_channel_orphans"]) == {("telegram",): 3}
    assert families["firstline_channel_orphans"].type == "counter"
    assert values(families["firstline_channel_replies_unknown"]) == {("telegram",): 0}


async def test_gauges_are_read_when_they_are_asked_for(metrics: Metrics) -> None:
    families = await read(metrics)
    assert values(families["firstline_chats_answering"]) == {(): 4}
    assert values(families["firstline_leases_held"]) == {(): 3}
    assert values(families["firstline_fleet_size"]) == {(): 2}
    assert values(families["firstline_channel_listening"]) == {("telegram",): 1, ("console",): 0}
    assert values(families["firstline_messages_waiting"]) == {(): 7}
    assert values(families["firstline_oldest_message_age_seconds"]) == {(): 12.5}
    assert values(families["firstline_parked_rows"]) == {(): 2}
    assert values(families["firstline_store_reachable"]) == {(): 1}


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_store_that_does_not_answer_is_said_and_nothing_is_made_up(
    metrics: Metrics, store: TinyStore, hangs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_module, "PATIENCE", 0.05)
    store.hangs, store.error = hangs, None if hangs else StoreError("away")
    families = await read(metrics)
    assert values(families["firstline_store_reachable"]) == {(): 0}
    assert not {"firstline_messages_waiting", "firstline_oldest_message_age_seconds", "firstline_parked_rows"} & set(
        families
    )


async def test_however_many_scrapers_there_are_the_store_is_asked_seldom(metrics: Metrics, store: TinyStore) -> None:
    await asyncio.gather(*(metrics.text("") for _ in range(20)))
    assert store.asked == 1


async def test_what_the_store_told_is_not_told_for_ever(
    metrics: Metrics, store: TinyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_module, "KEPT", 0.0)
    await metrics.text("")
    store.error = StoreError("away")
    assert values((await read(metrics))["firstline_store_reachable"]) == {(): 0}


async def test_names_and_labels_keep_to_prometheus_conventions_and_name_no_customer(
    metrics: Metrics, counters: Counters
) -> None:
    for name in MEANINGS:
        counters.count(name, channel="web")
    for name in TIMES:
        counters.observe(name, 0.3, model="m")
    for family in (await read(metrics)).values():
        assert NAME.fullmatch(family.name)
        assert family.documentation.endswith(".")
        assert (family.type == "counter") is all(sample.name.endswith("_total") for sample in family.samples)
        assert {label for sample in family.samples for label in sample.labels} <= LABELS


async def test_a_scraper_that_speaks_openmetrics_gets_it(serve: Serve) -> None:
    client = await serve()
    async with client.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"}) as response:
        assert response.content_type == "application/openmetrics-text"
        assert "firstline_answers_unconfirmed" in {family.name for family in parse_openmetrics(await response.text())}  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("key", "headers", "status"),
    [
        ("", {}, 200),
        ("", {"X-Forwarded-For": "8.8.8.8"}, 404),
        (KEY, {"X-Forwarded-For": "127.0.0.1"}, 401),
        (KEY, {"X-Forwarded-For": "8.8.8.8", "Authorization": "Bearer wrong"}, 401),
        (KEY, {"X-Forwarded-For": "8.8.8.8", "Authorization": f"Bearer {KEY}"}, 200),
    ],
)
async def test_only_neighbours_and_who_has_the_key_may_read(
    serve: Serve, key: str, headers: dict[str, str], status: int
) -> None:
    client = await serve(key)
    async with client.get("/metrics", headers=headers) as response:
        assert response.status == status
        assert ("firstline_" in await response.text()) is (status == 200)


@pytest.mark.parametrize(
    ("peer", "near"),
    [
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("172.17.0.1", True),
        ("192.168.7.7", True),
        ("::1", True),
        ("fd00::7", True),
        ("::ffff:10.0.0.1", True),
        ("fe80::1%eth0", True),
        ("8.8.8.8", False),
        ("2001:4860:4860::8888", False),
        ("::ffff:8.8.8.8", False),
        ("nonsense", False),
        (None, False),
    ],
)
def test_a_neighbour_is_known_by_its_address(peer: str | None, near: bool) -> None:
    transport = Mock()
    transport.get_extra_info.return_value = (peer, 1) if peer else None
    assert is_near(make_mocked_request("GET", "/metrics", transport=transport)) is near


def ready(needed: tuple[str, ...] = ("web",), silent_for: Callable[[], float] = float) -> Readiness:
    return Readiness(needed, silent_for)


def test_ready_only_between_the_start_and_the_stop_and_while_channels_listen() -> None:
    readiness = ready()
    assert readiness() == "starting"
    readiness.open()
    assert readiness() == "channel"
    with readiness.listening("web"):
        assert readiness() == ""
        assert readiness.heard == {"web"}
        readiness.stop()
        assert readiness() == "stopping"
    assert readiness() == "stopping"


def test_a_channel_a_balancer_can_do_nothing_about_does_not_count() -> None:
    readiness = ready()
    readiness.open()
    with readiness.listening("web"):
        with readiness.listening("telegram"):
            assert readiness.heard == {"web", "telegram"}
        assert readiness() == ""
        assert readiness.heard == {"web"}


def test_a_channel_that_fell_over_is_said() -> None:
    readiness = ready()
    readiness.open()
    with pytest.raises(ZeroDivisionError), readiness.listening("web"):
        raise ZeroDivisionError
    assert readiness() == "channel"


def test_a_store_silent_for_longer_than_a_lease_is_said() -> None:
    silent = [9.9]
    readiness = ready((), lambda: silent[0])
    readiness.open()
    assert readiness() == ""
    silent[0] = 10.1
    assert readiness() == "store"


@pytest.mark.parametrize("why", ["starting", "stopping", "store", "channel", ""])
async def test_a_balancer_gets_503_with_the_reason_and_the_process_lives_on(serve: Serve, why: str) -> None:
    client = await serve(ready=lambda: why)
    async with client.get("/readyz") as response:
        assert (response.status, await response.text()) == ((503, f"{why}\n") if why else (200, "ready\n"))
        assert response.headers["Cache-Control"] == "no-store"
    async with client.get("/healthz") as response:
        assert (response.status, await response.text()) == (200, "ok\n")


async def test_what_waits_is_counted_by_the_store(tmp_path: Path) -> None:
    before = datetime.now(UTC) - timedelta(seconds=90)
    async with open_store(f"sqlite:///{tmp_path / 'firstline.db'}") as kept:
        assert await kept._database.read(backlog.read) == Backlog(0, 0.0, 0)
        for n in range(3):
            address = Address("web", f"v{n % 2}")
            await kept.admit(Arrival(f"web:{n}", "raw", Message(f"m{n}", address, "hi", before)))
        await kept.admit(Arrival("web:x", "raw", None, "cannot be read"))
        await kept.admit(Arrival("web:y", "raw", None))
        found = await kept._database.read(backlog.read)
    assert (found.waiting, found.parked) == (3, 1)
    assert 89 < found.oldest < 600


def test_no_command_but_run_loads_the_metrics_library() -> None:
    loads = "import sys, bots.commands.check, bots.commands.report; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loads], cwd=ROOT).returncode == 0


async def test_every_number_has_a_line_in_the_operators_guide(metrics: Metrics) -> None:
    guide = (ROOT / "docs" / "operators.md").read_text("utf-8")
    named = {name for name in await read(metrics) if not name.startswith("firstline_channel_")}
    for name, options in OPTIONS.items():
        channel = build("channels", name, options, {})
        named |= {f"firstline_channel_{count}" for count in channel.counts()}
        await close(channel)
    assert [name for name in sorted(named) if name not in guide] == []
