"""Parked arrivals over HTTP, for `firstline parked` beside a process that has the store's file. For operators only."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from bots.gate import Gate
from bots.parked import NotParked, Shelf, row
from channels.web import door
from core.errors import StoreError

NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
KEY_CHARACTERS = 300
AWAY = "The store does not answer. Try again."


def routes(shelf: Shelf, operator_key: str) -> Sequence[web.AbstractRouteDef]:
    """What the server mounts: the list, and what may be done with one of it."""
    gate = Gate(operator_key)

    async def shown(request: web.Request) -> web.Response:
        gate.check(request)
        try:
            parked = [row(found) for found in await shelf.shown()]
        except StoreError:
            raise door.refuse(503, AWAY, retry_after="2") from None
        return web.json_response({"parked": parked}, headers=NO_STORE)

    async def act(request: web.Request) -> web.Response:
        gate.check_post(request)
        key = door.words(door.object_in(await door.body_of(request)).get("key"), "key", KEY_CHARACTERS)
        try:
            if request.match_info["action"] == "retry":
                return web.json_response({"done": await shelf.retry(key)}, headers=NO_STORE)
            await shelf.drop(key)
        except NotParked as error:
            raise door.refuse(404, str(error)) from None
        except StoreError:
            raise door.refuse(503, AWAY, retry_after="2") from None
        return web.json_response({"done": "nobody will answer it"}, headers=NO_STORE)

    return (
        web.get("/operator/api/parked", shown),
        web.post("/operator/api/parked/{action:retry|drop}", act),
    )
