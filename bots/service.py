"""`firstline run`: everything started in order and stopped in order: listening ends first, promises are kept.

The order is the whole of this file; what is started is made in `assembly`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from bots import office_api, parked_api, schedule, tiers_api
from bots.assembly import House, open_house
from bots.front_office import FrontOffice
from bots.metrics import Metrics, metrics_route, usual_gauges
from bots.metrics_tiers import tier_gauges
from bots.parked import Shelf
from bots.parts import Parts, read_settings
from bots.readiness import Readiness
from bots.reload import watch
from bots.server import Mounted, serve_http
from core.abilities import Cards
from core.errors import EncoderError, Problem, StoreError
from core.ports import Channel

log = logging.getLogger(__name__)

GRACE = 8.0
"""Seconds answers under way get at a stop; what is left then is answered at the next start."""

AT_START = ("channels", "languages", "store", "server", "encoder", "reports", "time_zone")
"""Sections that are read at the start only; the others are in force from the next message on."""

ORPHANS = 30.0
"""Seconds between two looks for money nobody will settle."""

RESTART = (1.0, 2.0, 5.0, 15.0, 30.0)
"""Seconds before a channel that fell over listens again; the last one from then on."""


@dataclass(frozen=True, slots=True)
class Started:
    """What an operator wants to know at the start. Values are empty when on, else what is missing in words."""

    url: str
    bot: str
    person: str
    channels: dict[str, str]
    tiers: dict[str, list[str]]
    providers: dict[str, str]
    resumed: int


async def serve(
    file: Path, *, host: str | None = None, port: int | None = None, announce: Callable[[Started], None]
) -> None:
    """Run until SIGTERM or SIGINT. SettingsError, StoreError or FirstlineError when it cannot start."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with open_house(file) as house, contextlib.AsyncExitStack() as stack:
        readiness = readiness_of(house)
        url = await stack.enter_async_context(serving(house, readiness, host, port))
        await house.availability.ask()
        await _tell_of_silent_channels(house)
        async with listening(house, readiness):
            resumed = await house.desk.resume()
            readiness.open()
            announce(_started(house, url, resumed))
            await stop.wait()
            readiness.stop()
        if not await house.desk.idle(GRACE):
            log.warning("stopping with answers under way; another process goes on with them, or the next start")


def readiness_of(house: House) -> Readiness:
    """Whether a balancer may send customers to this house."""
    by_http = [name for name, channel in house.channels.items() if isinstance(channel, Mounted) and channel.routes()]
    return Readiness(by_http, lambda: house.desk.fleet.silent_for)


def serving(
    house: House, readiness: Readiness, host: str | None = None, port: int | None = None
) -> contextlib.AbstractAsyncContextManager[str]:
    """Everything HTTP of a house, at its own address unless told otherwise; gives the URL."""
    desk, server = house.desk, house.settings.server
    gauges = usual_gauges(
        lambda: len(desk.lanes),
        lambda: sum(not lane.released for lane in desk.lanes),
        lambda: desk.fleet.size,
        house.channels,
        lambda: readiness.heard,
    )
    kept = house.lasting
    gauges = (*gauges, *tier_gauges(kept.circuits, kept.retries))
    metrics = Metrics(desk.counters, house.channels, house.store.backlog, gauges)
    key = server.operator_key.reveal()
    pages = (
        metrics_route(metrics, key),
        *office_api.routes(FrontOffice(desk, house.store, house.channels), key),
        *parked_api.routes(Shelf(house.store, house.channels), key),
        *tiers_api.routes(house, key),
    )
    at = (host or server.host, server.port if port is None else port)
    return serve_http(house.channels, pages, ready=readiness, at=at)


async def _tell_of_silent_channels(house: House) -> None:
    """What waits on channels that are off is for the operator to know."""
    for name in house.settings.channels:
        if name not in house.channels and (waiting := await house.store.waiting(name)):
            log.error("%d messages on %s wait: that channel is off", waiting, name)


@contextlib.asynccontextmanager
async def listening(house: House, readiness: Readiness) -> AsyncIterator[None]:
    """Channels, the configuration file, provider checks and reports, each in a task that is ended on the way out."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_listen(channel, house, readiness)) for channel in house.channels.values()]
        tasks.append(group.create_task(house.availability.run()))
        tasks.append(group.create_task(_reload(house)))
        tasks.append(group.create_task(_report(house)))
        tasks.append(group.create_task(_settle_orphans(house)))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def _listen(channel: Channel, house: House, readiness: Readiness) -> None:
    """One channel, listening for ever: its falling over is its own affair and never another channel's."""
    failures = 0
    while True:
        began = asyncio.get_running_loop().time()
        try:
            with readiness.listening(channel.name):
                await channel.run(house.desk)
        except Exception:
            log.exception("channel %s stopped listening", channel.name)
        if asyncio.get_running_loop().time() - began > RESTART[-1]:
            failures = 0
        await asyncio.sleep(RESTART[min(failures, len(RESTART) - 1)])
        failures += 1


async def _settle_orphans(house: House) -> NoReturn:
    """Charge what processes had set aside when they died, in one process of the fleet, where there are budgets."""
    while True:
        async with house.desk.fleet.alone("budgets"):
            while True:
                await asyncio.sleep(ORPHANS)
                try:
                    if house.desk.policy.chain.means.purse is not None and (charged := await house.store.sweep()):
                        log.warning("%d calls were paid for by processes that died; their budgets are charged", charged)
                except StoreError:  # told by whoever else needs the store; the next round does it
                    continue
                except Exception:
                    log.exception("money of processes that died was not charged")


async def _report(house: House) -> None:
    """The scheduled reports; whatever befalls them, customers are answered."""
    try:
        await schedule.run(house)
    except Exception:
        log.exception("scheduled reports stopped")


async def _reload(house: House) -> None:
    """Swap the rules when config.yaml changes; a faulty one leaves the old rules in force and says so."""

    def report(problems: Sequence[Problem]) -> None:
        for problem in problems:
            log.error("config not applied, the old rules stay: %s", problem)

    await watch(house.file, applier(house), report)


def applier(house: House) -> Callable[[str], Awaitable[None]]:
    """What puts a changed config.yaml into force: rules, words, models and providers at once, or SettingsError."""
    in_force = house.settings

    async def apply(_text: str) -> None:
        nonlocal in_force
        parts = Parts(read_settings(house.file), house.file)
        providers = dict(house.desk.policy.chain.providers)
        for name, section in parts.settings.providers.items():
            if section != in_force.providers.get(name):
                providers[name] = house.closing(parts.provider(name))
        if parts.settings.languages != in_force.languages:
            await parts.try_channels()
        policy = parts.policy(providers, house.availability, house.encoding, house.lasting)
        with contextlib.suppress(EncoderError):  # told once, where it is loaded
            await house.encoding.learn(parts.study)
        parts.check_licence(house.channels, policy)
        house.availability.adopt(providers)
        house.lasting.adopt(policy.chain, parts.settings)
        house.desk.policy, in_force = policy, parts.settings
        log.info("rules reloaded: %s", parts.settings.hash)
        later = [name for name in AT_START if getattr(parts.settings, name) != getattr(house.settings, name)]
        if later:
            log.warning("changed, and wholly in force from the next start on: %s", ", ".join(later))

    return apply


def _person(house: House) -> str:
    """Empty when a person can be called, else what is missing."""
    chat = house.settings.operators.chat
    if chat is None:
        return "name operators in config.yaml; until then take over at /operator"
    if chat.channel not in house.channels:
        missing = house.settings.channels[chat.channel].missing
        return ", ".join(missing) or f"the channel {chat.channel} is off"
    return "" if isinstance(house.channels[chat.channel], Cards) else f"operators cannot work in {chat.channel}"


def _started(house: House, url: str, resumed: int) -> Started:
    settings = house.settings
    state = house.availability.state()
    return Started(
        url=url,
        bot=settings.bot,
        person=_person(house),
        channels={name: ", ".join(section.missing) for name, section in settings.channels.items()},
        tiers={
            tier.label: [name for name in names if not state.get(name.partition("/")[0], "")]
            for tier, names in settings.tiers.items()
        },
        providers={
            name: ", ".join(section.missing) or state.get(name, "") for name, section in settings.providers.items()
        },
        resumed=resumed,
    )
