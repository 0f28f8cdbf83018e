"""`firstline models`: the registry with what was measured, from the ledger or from the process that runs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from bots.commands.models import command  # noqa: F401 - what `main` loads by name is what is tested
from bots.measured import measured
from core.conversation import Address
from core.records import Call, Entry, Outcome
from core.tiers import Usage
from tests.bots.conftest import Bot

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
CHAT = Address("web", "ann")
MODELS = """\
cloud/large-2026-01-02:
  input: "2"
  cached: "0.5"
  output: "10"
  currency: USD
  dated: 2026-11-01
  source: https://p.example
  context: 128000
  region: eu
  limits: {requests: 30, tokens: 6000}
  quality: {general: 0.9, code: 0.5}
  quality_source: https://q.example
cloud/small:
  input: "1"
  output: "2"
  currency: USD
  dated: 2026-11-02
  source: https://p.example
  pinned: no
  quality: {general: 0.6}
  quality_source: https://q.example
spare/dark: {price: unknown, pinned: no}
offline/faq: {price: free, pinned: no, region: here}
"""


@pytest.fixture
def shop(bot: Bot) -> Bot:
    """The small bot with two models of the cloud and a registry that says something."""
    (bot.folder / "models.yaml").write_text(MODELS, "utf-8")
    bot.edit("quick: [cloud/large, offline/faq]", "quick: [cloud/small, offline/faq]")
    bot.edit("expert: [offline/faq]", "expert: [cloud/large-2026-01-02, offline/faq]")
    return bot


def call(outcome: str = "answered", first: float | None = 0.5, seconds: float = 2.5, **more: Any) -> Call:
    return Call("cloud", "small", outcome, seconds, more.pop("usage", Usage(100, 50)), first=first, **more)


def entry(*calls: Call, at: datetime = AT) -> Entry:
    return Entry(at, CHAT, ("1",), Outcome.ANSWERED, "quick", calls=calls)


# -- measuring -------------------------------------------------------------------------------------------------------


def only(calls: Sequence[Call]) -> dict[str, Any]:
    return measured([entry(*calls)])["cloud/small"]


def test_nothing_called_is_nothing_measured() -> None:
    assert measured([]) == {}
    assert measured([entry()]) == {}


def test_models_are_told_apart_by_provider_and_name() -> None:
    other = Call("spare", "small", "answered", 1.0, first=0.9)
    found = measured([entry(call()), entry(other, call())])
    assert {name: row["calls"] for name, row in found.items()} == {"cloud/small": 2, "spare/small": 1}


def test_success_is_the_share_of_calls_that_gave_a_text() -> None:
    failed = [call(outcome, None) for outcome in ("failed", "refused", "empty")]
    assert only([call(), *failed])["success"] == 0.25
    assert only([call("unfit"), call()])["success"] == 1.0


def test_what_we_ended_ourselves_says_nothing_of_the_model() -> None:
    assert only([call(), call("cancelled"), call("cancelled", None)])["success"] == 1.0
    assert only([call("cancelled", None)])["success"] is None
    assert only([call("cancelled", None)])["calls"] == 1


def test_first_text_is_told_by_its_percentiles() -> None:
    found = only([call(first=n / 100, seconds=9.0) for n in range(1, 101)])
    assert (found["first_p50"], found["first_p95"]) == (0.5, 0.95)


def test_without_any_text_its_time_is_unknown() -> None:
    found = only([call("failed", None), call("empty", None)])
    assert (found["first_p50"], found["first_p95"], found["tokens_per_second"]) == (None, None, None)


def test_a_call_given_up_on_says_that_it_takes_longer() -> None:
    texts = [call(first=0.2, seconds=1.0)] * 4
    hedged = [call("cancelled", None, seconds=0.8)] * 4
    assert only(texts)["first_p95"] == 0.2
    assert only([*texts, *hedged])["first_p95"] == 0.8


def test_speed_is_of_the_time_after_the_first_text() -> None:
    assert only([call(first=0.5, seconds=2.5, usage=Usage(100, 50))])["tokens_per_second"] == 25.0
    slow = call(first=1.0, seconds=11.0, usage=Usage(100, 70))
    assert only([call(), slow])["tokens_per_second"] == 10.0


@pytest.mark.parametrize("odd", [call(usage=None), call(first=2.5), call(first=None), call("failed")])
def test_speed_is_unknown_where_tokens_or_times_are(odd: Call) -> None:
    assert only([odd])["tokens_per_second"] is None


# -- the command -----------------------------------------------------------------------------------------------------


def test_the_registry_is_shown_as_the_tiers_use_it(shop: Bot) -> None:
    status, data = shop.json("models")
    assert status == 0
    assert [(row["model"], [(t["tier"], t["place"]) for t in row["tiers"]]) for row in data["models"]] == [
        ("cloud/small", [("quick", 1)]),
        ("offline/faq", [("quick", 2), ("expert", 2)]),
        ("cloud/large-2026-01-02", [("expert", 1)]),
        ("spare/dark", []),
    ]
    large = data["models"][2]
    assert large["price"] == {
        "input": "2", "output": "10", "cached": "0.5", "currency": "USD", "dated": "2026-11-01",
        "source": "https://p.example",
    }  # fmt: skip
    assert (large["context"], large["region"], large["pinned"]) == (128000, "eu", True)
    assert large["limits"] == {"requests": 30, "tokens": 6000}
    assert large["quality"] == {"general": 0.9, "code": 0.5}


def test_what_is_unknown_is_said_to_be_unknown_and_never_0(shop: Bot) -> None:
    _, data = shop.json("models")
    dark = data["models"][3]
    assert (dark["free"], dark["price"], dark["context"], dark["region"], dark["quality"]) == (
        False,
        None,
        None,
        None,
        None,
    )
    assert dark["limits"] == {"requests": None, "tokens": None}
    assert set(dark["measured"].values()) == {None}
    assert data["measured"]["source"] is None
    assert "there is no store" in data["measured"]["why"]
    status, out = shop.run("models")
    assert [line.split() for line in out.splitlines() if line.startswith("spare/dark")] == [
        ["spare/dark", "in", "no", "tier", "unknown", "unknown"],
        ["spare/dark", *["unknown"] * 4, "no", "unknown"],
        ["spare/dark", *["unknown"] * 5],
    ]
    assert status == 0
    assert "Nothing is measured: there is no store" in out


def test_what_is_known_is_shown_whole_however_narrow_the_screen(shop: Bot) -> None:
    _, out = shop.run("models")
    assert [line.rstrip() for line in out.splitlines() if line.startswith("cloud/large")][:2] == [
        "cloud/large-2026-01-02  expert 1             2 / 10 / 0.5 USD  2026-11-01",
        "cloud/large-2026-01-02  128,000        30            6,000  eu       yes     general 0.9, code 0.5",
    ]
    assert "1 / 2 / as new USD" in out
    assert ["offline/faq", "quick", "2,", "expert", "2", "free", "-"] in map(str.split, out.splitlines())


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> list[Entry]:
    """What the ledger holds, and the windows it was asked for."""
    held: list[Entry] = []

    def read(_url: str, window: Any) -> list[Entry]:
        now = datetime.now(UTC)
        assert timedelta(days=6, hours=23) < now - window.start < timedelta(days=7, hours=1)
        assert abs(now - window.end) < timedelta(hours=1)
        return held

    monkeypatch.setattr("bots.commands.models.read_entries", read)
    return held


def test_what_the_ledger_holds_stands_beside_the_models(shop: Bot, ledger: list[Entry]) -> None:
    ledger += [entry(call(first=0.25, seconds=1.25, usage=Usage(10, 40))), entry(call("failed", None, seconds=0.1))]
    _, data = shop.json("models")
    small = data["models"][0]["measured"]
    assert small == {
        "calls": 2, "success": 0.5, "first_p50": 0.25, "first_p95": 0.25, "tokens_per_second": 40.0, "breaker": None,
    }  # fmt: skip
    assert data["measured"]["source"] == "ledger"
    _, out = shop.run("models")
    assert ["cloud/small", "2", "50.0%", "0.25", "s", "0.25", "s", "40"] in map(str.split, out.splitlines())
    assert "Measured over the last 7 days." in out


def test_what_the_ledger_does_not_mention_was_not_called(shop: Bot, ledger: list[Entry]) -> None:
    ledger += [entry(call())]
    _, data = shop.json("models")
    assert data["models"][3]["measured"] == {
        "calls": 0, "success": None, "first_p50": None, "first_p95": None, "tokens_per_second": None, "breaker": None,
    }  # fmt: skip


async def test_without_a_ledger_the_process_that_runs_is_asked(shop: Bot, unused_tcp_port: int) -> None:
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization", ""))
        told = {
            "calls": 7,
            "success": 1.0,
            "first_p50": 0.1,
            "first_p95": 0.2,
            "tokens_per_second": 9,
            "breaker": "open",
        }
        return web.json_response({"models": {"cloud/small": told}})

    app = web.Application()
    app.add_routes([web.get("/operator/api/models", answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    shop.edit("port: 0", f"port: {unused_tcp_port}\n  operator_key: a-key-that-is-long-enough")
    try:
        _, data = await asyncio.to_thread(shop.json, "models")
        _, out = await asyncio.to_thread(shop.run, "models")
    finally:
        await runner.cleanup()
    assert data["measured"]["source"] == "running"
    assert (data["models"][0]["measured"]["calls"], data["models"][0]["measured"]["breaker"]) == (7, "open")
    assert data["models"][3]["measured"]["calls"] is None
    assert ["cloud/small", "7", "100.0%", "0.10", "s", "0.20", "s", "9", "open"] in map(str.split, out.splitlines())
    assert seen == ["Bearer a-key-that-is-long-enough"] * 2


def test_pareto_says_who_is_beaten_and_by_whom(shop: Bot, ledger: list[Entry]) -> None:
    fast = Call("cloud", "large-2026-01-02", "answered", 1.0, first=0.1)
    slow = Call("cloud", "small", "answered", 1.0, first=0.9)
    ledger += [entry(fast, slow)]
    (shop.folder / "models.yaml").write_text(
        MODELS.replace('"2"\n  cached', '"0.1"\n  cached').replace('"10"', '"1"'), "utf-8"
    )
    status, data = shop.json("models", "--pareto")
    assert status == 0
    assert {row["model"]: row["beaten_by"] for row in data["models"]} == {
        "cloud/small": ["cloud/large-2026-01-02"], "offline/faq": [], "cloud/large-2026-01-02": [], "spare/dark": [],
    }  # fmt: skip
    _, out = shop.run("models", "--pareto")
    verdicts = {line.split()[0]: line for line in out.split("verdict")[1].splitlines() if "/" in line.split(" ")[0]}
    assert verdicts["cloud/small"].rstrip().endswith("beaten by cloud/large-2026-01-02")
    assert verdicts["cloud/large-2026-01-02"].rstrip().endswith("worth it")
    assert "cannot tell: quality, cost, speed unknown" in verdicts["spare/dark"]
    assert "0.0003 USD" in verdicts["cloud/large-2026-01-02"]


def test_without_pareto_nobody_is_judged(shop: Bot) -> None:
    _, data = shop.json("models")
    assert all("beaten_by" not in row for row in data["models"])
    assert "verdict" not in shop.run("models")[1]


# -- check -----------------------------------------------------------------------------------------------------------


def test_check_warns_of_a_stronger_tier_that_is_cheaper_and_not_better(shop: Bot) -> None:
    assert shop.json("check")[1]["warnings"] == []
    cheaper = (
        MODELS.replace("general: 0.9", "general: 0.6")
        .replace('"2"\n  cached', '"0.1"\n  cached')
        .replace('"10"', '"1"')
    )
    (shop.folder / "models.yaml").write_text(cheaper, "utf-8")
    status, data = shop.json("check")
    (warning,) = data["warnings"]
    assert (status, data["problems"]) == (0, [])
    assert warning["what"] == (
        "cloud/large-2026-01-02 costs less than cloud/small, the first of quick, and is not better by models.yaml"
    )
    assert "expert: [cloud/large" in shop.config.read_text("utf-8").splitlines()[warning["line"] - 1]
    assert "a better model first" in shop.run("check")[1]


def test_check_refuses_a_version_nobody_owns_up_to(shop: Bot) -> None:
    (shop.folder / "models.yaml").write_text(MODELS.replace(", pinned: no}\noffline", "}\noffline"), "utf-8")
    status, data = shop.json("check")
    assert status == 1
    assert {(p["file"], p["line"]) for p in data["problems"]} == {("models.yaml", 22)}
    assert "names no version" in data["problems"][0]["what"]
