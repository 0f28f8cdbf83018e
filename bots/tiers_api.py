"""How the tiers do, over HTTP: what `firstline breakers`, `models` and `budgets` ask a process that runs.

What the answers are made of is in `breakers`, `measured` and `budgets`; here it is only asked for and sent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from aiohttp import web

from bots import breakers, trace
from bots.assembly import House
from bots.budgets import TOP, rows, wanted
from bots.gate import Gate
from bots.measured import measured
from bots.parked_api import AWAY, NO_STORE
from channels.web import door
from core.errors import StoreError

T = TypeVar("T")

MODEL_CHARACTERS = 300
MESSAGE_CHARACTERS = 300
DAYS = timedelta(days=7)


def routes(house: House, operator_key: str) -> Sequence[web.AbstractRouteDef]:
    """What the server mounts."""
    pages = _Pages(house, Gate(operator_key))
    return (
        web.get("/operator/api/breakers", pages.breakers),
        web.post("/operator/api/breakers/close", pages.close),
        web.get("/operator/api/models", pages.models),
        web.get("/operator/api/budgets", pages.budgets),
        web.get("/operator/api/trace", pages.trace),
    )


class _Pages:
    def __init__(self, house: House, gate: Gate) -> None:
        self._house = house
        self._gate = gate
        self._circuits = house.lasting.circuits

    async def breakers(self, request: web.Request) -> web.Response:
        self._gate.check(request)
        found = breakers.rows(self._circuits)
        return _json({"breakers": found, "summary": breakers.summary(found)})

    async def close(self, request: web.Request) -> web.Response:
        self._gate.check_post(request)
        model = door.words(door.object_in(await door.body_of(request)).get("model"), "model", MODEL_CHARACTERS)
        try:
            breakers.close(self._circuits, model)
        except breakers.NoSuchModel as error:
            raise door.refuse(404, str(error)) from None
        return _json({"done": f"{model} is called again"})

    async def models(self, request: web.Request) -> web.Response:
        self._gate.check(request)
        states = {row["model"]: row["state"] for row in breakers.rows(self._circuits)}
        now = datetime.now(UTC)
        found = measured(await _asked(self._house.store.entries(now - DAYS, now)))
        return _json({"models": {n: {**found.get(n, {}), "breaker": states.get(n)} for n in sorted({*found, *states})}})

    async def budgets(self, request: web.Request) -> web.Response:
        self._gate.check(request)
        budgets, at = self._house.lasting.budgets, datetime.now(UTC)
        zone = ZoneInfo(self._house.settings.time_zone)
        asking = [wanted(budget, at, zone) for budget in budgets]
        balances = {each: await _asked(self._house.store.balances(*each, TOP)) for each in asking}
        return _json({"budgets": rows(budgets, balances, at, zone)})

    async def trace(self, request: web.Request) -> web.Response:
        self._gate.check(request)
        message = door.words(request.query.get("message"), "message", MESSAGE_CHARACTERS)
        return _json({"found": [trace.row(life) for life in await _asked(self._house.store.lives(message))]})


async def _asked(answer: Awaitable[T]) -> T:
    try:
        return await answer
    except StoreError:
        raise door.refuse(503, AWAY, retry_after="2") from None


def _json(told: dict[str, Any]) -> web.Response:
    return web.json_response(told, headers=NO_STORE)
