"""What a monitoring system reads at /metrics, in Prometheus' text format: counters of the desk and of the channels, and
gauges asked for at each reading.

Who may read: whoever asks this process directly from the same machine or a private network, and whoever gives the
operator key as a bearer token. A scraper comes from another machine and must not need a key that opens every chat; the
numbers name no customer, but how many there are is nobody else's business, so a request that came through a proxy, as
every one from outside does, is refused. What cannot be known is left out: a gauge is never a zero that means unknown.
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
import platform
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import accumulate

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

from bots.gate import FORWARDED, Gate
from core.abilities import Counted
from core.counters import BUCKETS, MEANINGS, TIMES, Counters, Labels
from core.errors import StoreError
from core.ports import Channel
from core.store.backlog import Backlog

KEPT = 5.0
"""Seconds what the store told is told again: however many scrapers there are, it is asked this seldom."""

PATIENCE = 2.0
"""Seconds the store may take to answer; a scraper gives up after 10."""

BUILD = ("version", "python")


@dataclass(frozen=True, slots=True)
class Gauge:
    """A number as it is now, by the labels given; `read` returns one number for each tuple of their values."""

    name: str
    meaning: str
    read: Callable[[], Mapping[tuple[str, ...], float]]
    labels: tuple[str, ...] = ()


def plain(name: str, meaning: str, read: Callable[[], float]) -> Gauge:
    """A gauge without labels."""
    return Gauge(name, meaning, lambda: {(): read()})


class Metrics:
    """Everything /metrics says. `backlog` asks the store what waits; StoreError means that it cannot be reached."""

    def __init__(
        self,
        counters: Counters,
        channels: Mapping[str, Channel],
        backlog: Callable[[], Awaitable[Backlog]],
        gauges: Sequence[Gauge] = (),
    ) -> None:
        self._counters = counters
        self._channels = channels
        self._ask = backlog
        self._gauges = gauges
        self._build = (version("firstline"), platform.python_version())
        self._asked = float("-inf")
        self._asking = asyncio.Lock()
        self._backlog: Backlog | None = None
        self._registry = CollectorRegistry()
        self._registry.register(self)

    async def text(self, accept: str) -> tuple[bytes, str]:
        """What is to be sent to a scraper that accepts this, and its content type."""
        async with self._asking:
            if time.monotonic() - self._asked > KEPT:
                self._backlog = await self._look()
                self._asked = time.monotonic()
        encoder, content_type = choose_encoder(accept)
        return encoder(self._registry), content_type

    async def _look(self) -> Backlog | None:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._ask()
        except (StoreError, TimeoutError):
            return None

    def describe(self) -> Sequence[Metric]:
        """Nothing beforehand: registering must not read anything."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Every family of numbers."""
        yield _family(GaugeMetricFamily, "build_info", "What runs here; always 1.", {self._build: 1.0}, BUILD)
        for name, counts in self._counters.snapshot().items():
            yield from _desk_family(name, counts)
        yield from (_times_family(name, times) for name, times in self._counters.times().items() if times)
        yield from self._channel_families()
        for gauge in self._gauges:
            yield _family(GaugeMetricFamily, gauge.name, gauge.meaning, gauge.read(), gauge.labels)
        yield from self._store_families()

    def _channel_families(self) -> Iterator[Metric]:
        found: dict[str, dict[tuple[str, ...], float]] = {}
        for channel, part in self._channels.items():
            for name, number in (part.counts() if isinstance(part, Counted) else {}).items():
                found.setdefault(name, {})[channel,] = number
        for name, counts in sorted(found.items()):
            words = f"{name.replace('_', ' ').capitalize()}, counted by the channel."
            yield _family(CounterMetricFamily, f"channel_{name}", words, counts, ("channel",))

    def _store_families(self) -> Iterator[Metric]:
        known = self._backlog
        yield _gauge("store_reachable", "1 when the store answered just now, else 0.", float(known is not None))
        if known is not None:
            yield _gauge("messages_waiting", "Messages committed and not settled, of all processes.", known.waiting)
            yield _gauge("oldest_message_age_seconds", "How long the oldest of them has waited.", known.oldest)
            yield _gauge("parked_rows", "Arrivals that wait for a person: firstline parked list.", known.parked)


def usual_gauges(
    lanes: Callable[[], int],
    leases: Callable[[], int],
    fleet: Callable[[], int],
    channels: Collection[str],
    listening: Callable[[], Collection[str]],
) -> Sequence[Gauge]:
    """What `firstline run` shows of itself, each told by whoever knows it."""

    def heard() -> Mapping[tuple[str, ...], float]:
        return {(name,): float(name in listening()) for name in channels}

    return (
        plain("chats_answering", "Chats this process works on now.", lanes),
        plain("leases_held", "Chats this process holds in the store.", leases),
        plain("fleet_size", "Processes with a sign of life, as this one sees it.", fleet),
        Gauge("channel_listening", "1 while the channel listens, else 0.", heard, ("channel",)),
    )


def metrics_route(metrics: Metrics, operator_key: str) -> web.RouteDef:
    """GET /metrics, for those who may."""
    gate = Gate(operator_key)

    async def handle(request: web.Request) -> web.Response:
        if not is_near(request):
            gate.check(request)
        body, content_type = await metrics.text(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})

    return web.get("/metrics", handle)


def is_near(request: web.Request) -> bool:
    """Whether the asker is on this machine or a private network and came without a proxy."""
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    if not isinstance(peer, tuple) or any(name in request.headers for name in FORWARDED):
        return False
    try:
        address = ipaddress.ip_address(str(peer[0]).partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_private


def _desk_family(name: str, counts: Mapping[tuple[tuple[str, str], ...], int]) -> Iterator[Metric]:
    """One name of the desk's; its labels are those it was counted with, a missing one is empty."""
    labels = sorted({label for key in counts for label, _ in key})
    rows = {tuple(dict(key).get(label, "") for label in labels): float(number) for key, number in counts.items()}
    yield _family(CounterMetricFamily, name, MEANINGS[name], rows, labels)


def _times_family(name: str, times: Mapping[Labels, tuple[float, Sequence[float]]]) -> Metric:
    """A histogram; its buckets hold everything up to their bound."""
    labels = sorted({label for key in times for label, _ in key})
    family = HistogramMetricFamily(f"firstline_{name}", TIMES[name], labels=labels)
    bounds = ["+Inf" if math.isinf(bound) else str(bound) for bound in BUCKETS]
    for key, (total, buckets) in times.items():
        values = [dict(key).get(label, "") for label in labels]
        family.add_metric(values, list(zip(bounds, accumulate(buckets), strict=True)), total)
    return family


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return _family(GaugeMetricFamily, name, meaning, {(): value}, ())


def _family(
    kind: type[CounterMetricFamily] | type[GaugeMetricFamily],
    name: str,
    meaning: str,
    rows: Mapping[tuple[str, ...], float],
    labels: Sequence[str],
) -> Metric:
    """A family under the product's prefix; the client adds `_total` to counters."""
    family = kind(f"firstline_{name}", meaning, labels=labels)
    for values, number in rows.items():
        family.add_metric(values, number)
    return family
