"""Everything HTTP on one port: what channels mount, the operators' pages, health and metrics.

No rule and no answer is made here. `/healthz` says that the process and its event loop live: who restarts processes
asks that. `/readyz` says whether customers may be sent here: balancers ask that, and get 503 with the reason in a word.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Protocol, runtime_checkable

from aiohttp import web

from core.errors import FirstlineError
from core.ports import Channel

BODY = 256 * 1024
"""Bytes of a request body at most; no channel needs more (channels research, section 8)."""

FRESH = {"Cache-Control": "no-store"}


@runtime_checkable
class Mounted(Protocol):
    """A channel that hears by HTTP."""

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """What the server mounts for it."""
        ...


@asynccontextmanager
async def serve_http(
    channels: Mapping[str, Channel],
    pages: Iterable[web.AbstractRouteDef],
    *,
    ready: Callable[[], str],
    at: tuple[str, int],
) -> AsyncIterator[str]:
    """Listen at (host, port) while inside; yields the URL. FirstlineError when the port is taken.

    `pages` are those for operators and their machines. `ready` returns "" when customers may be sent here, else why
    not, in a word.
    """

    async def alive(_request: web.Request) -> web.Response:
        return web.Response(text="ok\n", headers=FRESH)

    async def is_ready(_request: web.Request) -> web.Response:
        why = ready()
        return web.Response(text=f"{why or 'ready'}\n", status=503 if why else 200, headers=FRESH)

    app = web.Application(client_max_size=BODY)
    app.router.add_routes([web.get("/healthz", alive), web.get("/readyz", is_ready)])
    app.router.add_routes(pages)
    for channel in channels.values():
        if isinstance(channel, Mounted):
            app.router.add_routes(channel.routes())
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    host, port = at
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise FirstlineError(f"port {port} on {host} cannot be used; stop what uses it, or give --port") from error
        yield f"http://{'localhost' if host in {'127.0.0.1', '::1'} else host}:{_port_of(runner)}"
    finally:
        await runner.cleanup()


def _port_of(runner: web.AppRunner) -> int:
    port: int = runner.addresses[0][1]
    return port
