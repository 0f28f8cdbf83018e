"""How the tiers do, over HTTP: who may ask, what is told, and what an operator may change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import ClientSession, ClientTimeout, web

from bots.tiers_api import routes
from core.answering.breaker import BreakerRules, Verdict
from core.answering.circuit import Circuits
from core.budgets import Balance, Budget, Scope
from core.conversation import Address
from core.errors import StoreError
from core.records import Call, Entry, Outcome
from core.store.lives import Life
from core.tiers import ModelCard

KEY = "a long operator key"
FROM_OUTSIDE = {"Host": "bot.example.com"}
BEARER = {"Authorization": f"Bearer {KEY}"}
ASKED = ("breakers", "models", "budgets", "trace?message=7")
NEED_THE_STORE = ("models", "budgets", "trace?message=7")
CLOSE = "/operator/api/breakers/close"


@dataclass
class TinyHouse:
    """A house of which only what these routes ask for is there; `away`: the store does not answer."""

    circuits: Circuits = field(default_factory=lambda: Circuits(BreakerRules(in_a_row=1), lambda: 0.0, lambda: 0.0))
    away: bool = False

    def __post_init__(self) -> None:
        self.store = self
        budget = Budget(Scope.CUSTOMER, hard=Decimal(2), currency="EUR")
        self.lasting = SimpleNamespace(circuits=self.circuits, budgets=(budget,))
        self.settings = SimpleNamespace(time_zone="Europe/Copenhagen")

    def fail(self, model: str) -> None:
        circuit = self.circuits.of(ModelCard("cloud", model))
        permit = circuit.admit()
        assert permit is not None
        circuit.end(permit, Verdict.FAILED, seconds=0.1)

    async def entries(self, start: datetime, end: datetime) -> list[Entry]:
        self._answer()
        assert (end - start).days == 7
        call = Call("cloud", "small", "answered", 1.0, first=0.25)
        return [Entry(end, Address("web", "1"), ("7",), Outcome.ANSWERED, "quick", calls=(call,))]

    async def balances(self, prefix: str, period: str, name: str, top: int) -> list[Balance]:
        self._answer()
        return [Balance(f"{prefix}web:1", period, 10**12, 0)]

    async def lives(self, name: str) -> list[Life]:
        self._answer()
        return []

    def _answer(self) -> None:
        if self.away:
            raise StoreError("away")


Serve = Callable[..., Awaitable[ClientSession]]


@pytest.fixture
def house() -> TinyHouse:
    return TinyHouse()


@pytest.fixture
async def serve(house: Any) -> AsyncIterator[Serve]:
    """A server with this operator key, and a client for it."""
    async with AsyncExitStack() as stack:

        async def start(key: str = KEY) -> ClientSession:
            app = web.Application()
            app.add_routes(routes(house, key))
            runner = web.AppRunner(app, shutdown_timeout=1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            return await stack.enter_async_context(
                ClientSession(f"http://{host}:{port}", timeout=ClientTimeout(total=5))
            )

        yield start


@pytest.mark.parametrize("path", ASKED)
@pytest.mark.parametrize(
    ("key", "headers", "status"),
    [
        (KEY, {}, 200),
        ("", {}, 200),
        ("", FROM_OUTSIDE, 404),
        ("", {"X-Forwarded-For": "203.0.113.9"}, 404),
        (KEY, FROM_OUTSIDE, 401),
        (KEY, FROM_OUTSIDE | {"Authorization": "Bearer another key"}, 401),
        (KEY, FROM_OUTSIDE | BEARER, 200),
    ],
)
async def test_only_operators_are_told_how_the_tiers_do(
    serve: Serve, path: str, key: str, headers: dict[str, str], status: int
) -> None:
    client = await serve(key)
    async with client.get(f"/operator/api/{path}", headers=headers) as response:
        assert response.status == status
        if status == 200:
            assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("key", "headers", "status"),
    [
        ("", FROM_OUTSIDE, 404),
        (KEY, FROM_OUTSIDE, 401),
        (KEY, {"Origin": "https://elsewhere.example.com"}, 403),
        (KEY, FROM_OUTSIDE | BEARER, 200),
        ("", {}, 200),
    ],
)
async def test_only_an_operator_on_our_own_page_closes_a_breaker(
    serve: Serve, house: TinyHouse, key: str, headers: dict[str, str], status: int
) -> None:
    house.fail("small")
    client = await serve(key)
    async with client.post(CLOSE, json={"model": "cloud/small"}, headers=headers) as response:
        assert response.status == status
    (view,) = house.circuits.views()
    assert view.breaker.state.value == ("closed" if status == 200 else "open")


async def test_a_breaker_that_was_closed_lets_calls_through_and_the_other_one_stays_open(
    serve: Serve, house: TinyHouse
) -> None:
    house.fail("small")
    house.fail("large")
    client = await serve()
    async with client.get("/operator/api/breakers") as response:
        told = await response.json()
    assert told["summary"] == "Not called at the moment: cloud/large, cloud/small."
    async with client.post(CLOSE, json={"model": "cloud/small"}) as response:
        assert await response.json() == {"done": "cloud/small is called again"}
    assert house.circuits.of(ModelCard("cloud", "small")).admit() is not None
    assert house.circuits.of(ModelCard("cloud", "large")).admit() is None


async def test_closing_a_model_nobody_knows_names_those_there_are(serve: Serve, house: TinyHouse) -> None:
    house.fail("small")
    client = await serve()
    async with client.post(CLOSE, json={"model": "cloud/smal"}) as response:
        said = await response.json()
        assert response.status == 404
    assert said["problem"] == "there is no breaker of 'cloud/smal'; there are: cloud/small"
    (view,) = house.circuits.views()
    assert view.breaker.state.value == "open"


@pytest.mark.parametrize("body", [{}, {"model": ""}, {"model": 7}, {"model": "x" * 301}, []])
async def test_a_model_without_a_name_is_refused_in_words(serve: Serve, body: Any) -> None:
    client = await serve()
    async with client.post(CLOSE, json=body) as response:
        assert response.status == 400
        assert (await response.json())["problem"]


@pytest.mark.parametrize("path", NEED_THE_STORE)
async def test_a_store_that_is_away_is_said_to_be_away(serve: Serve, house: TinyHouse, path: str) -> None:
    house.away = True
    client = await serve()
    async with client.get(f"/operator/api/{path}") as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "2")
        assert "store" in (await response.json())["problem"]


async def test_breakers_are_told_without_the_store(serve: Serve, house: TinyHouse) -> None:
    house.away = True
    house.fail("small")
    client = await serve()
    async with client.get("/operator/api/breakers") as response:
        (row,) = (await response.json())["breakers"]
    assert (row["model"], row["state"], row["wait"]) == ("cloud/small", "open", 5.0)


async def test_models_say_what_was_measured_and_how_their_breaker_stands(serve: Serve, house: TinyHouse) -> None:
    house.fail("large")
    client = await serve()
    async with client.get("/operator/api/models") as response:
        models = (await response.json())["models"]
    assert models["cloud/large"] == {"breaker": "open"}
    assert (models["cloud/small"]["calls"], models["cloud/small"]["breaker"]) == (1, None)


async def test_budgets_are_those_of_the_period_that_runs(serve: Serve) -> None:
    client = await serve()
    async with client.get("/operator/api/budgets") as response:
        (row,) = (await response.json())["budgets"]
    assert row["period"].startswith(f"day/{datetime.now(UTC).year}")
    assert row["accounts"] == [{"name": "web:1", "spent": "1", "reserved": "0", "used": 0.5, "reached": ""}]


@pytest.mark.parametrize("query", ["", "?message=", f"?message={'x' * 301}"])
async def test_a_trace_of_nothing_is_refused(serve: Serve, query: str) -> None:
    client = await serve()
    async with client.get(f"/operator/api/trace{query}") as response:
        assert response.status == 400
