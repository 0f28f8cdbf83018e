"""The pages in a real browser: asking, reloading, why, operators, keyboard only, small screens, hostile text."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright, expect

from bots import tiers_api
from bots.office import AppliedRule, Receipt, Summary
from bots.office_api import routes
from core.abilities import Media
from core.answering.breaker import BreakerRules, Verdict
from core.answering.circuit import Circuits
from core.budgets import Balance, Budget, Scope
from core.conversation import Address, Attachment, Author, Conversation, Holder, Message
from core.rules import Reading
from core.tiers import ModelCard

CHROMIUM = shutil.which("chromium")
SHOTS = os.environ.get("FIRSTLINE_SHOTS")
PHONE = {"width": 320, "height": 640}
HOSTILE = '<img src=x onerror="window.stolen=1"><script>window.stolen=1</script> [x](javascript:window.stolen=1) **b**'

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine"),
    pytest.mark.timeout(60),
]


class PersonsOutbox:
    """What a person of ours writes goes out under it."""

    author = Author.PERSON


class DeskOffice:
    """An office over the tiny desk."""

    def __init__(self, desk: Any) -> None:
        self.desk = desk
        self.notes: list[str] = []

    async def conversations(self) -> list[Summary]:
        return [
            Summary(a, "A visitor", c.turns[-1].text, c.turns[-1].at, c.holder, c.turns[-1].at, "Asks for a person")
            for a, c in self.desk.chats.items()
            if c.turns
        ]

    async def transcript(self, address: Address) -> Conversation:
        return await self.desk.history(address)  # type: ignore[no-any-return]

    def limits(self, conversation: Conversation) -> str:
        return ""

    async def file(self, address: Address, message_id: str, number: int) -> Media | None:
        return Media(b"pixels", "image/jpeg", "lamp.jpg")

    async def why(self, address: Address, message_id: str) -> Receipt | None:
        rules = (AppliedRule("Money", "Refunds need care", "quick"),)
        return Receipt("expert", "free", rules, {"money": Reading(True, "<b>refund</b>", 0.9)}, 12.0, 340.0, "b00k")

    async def take(self, address: Address, who: str) -> None:
        self.desk.hold(address, Holder.PERSON)

    async def reply(self, address: Address, text: str, who: str) -> None:
        async def once() -> AsyncGenerator[str, None]:
            yield text

        await self.desk.channel.deliver(address, once(), PersonsOutbox())
        self.desk.settle(address, text, Author.PERSON, Holder.PERSON)

    async def back(self, address: Address, note: str) -> None:
        self.notes.append(note)
        self.desk.hold(address, Holder.BOT)


class TinyHouse:
    """What the page asks about models: circuits, and what is spent of each customer's one euro a day."""

    def __init__(self) -> None:
        self.circuits = Circuits(BreakerRules(in_a_row=1), clock=lambda: 0.0, chance=lambda: 0.5)
        budget = Budget(Scope.CUSTOMER, soft=Decimal("0.50"), hard=Decimal(1), currency="EUR")
        self.lasting = SimpleNamespace(circuits=self.circuits, budgets=(budget,))
        self.settings = SimpleNamespace(time_zone="UTC")
        self.store = self
        self.spent: dict[str, int] = {}

    def called(self, name: str, verdict: Verdict) -> None:
        provider, _, model = name.partition("/")
        circuit = self.circuits.of(ModelCard(provider, model, None))
        permit = circuit.admit()
        assert permit is not None
        circuit.end(permit, verdict, seconds=0.1)

    async def balances(self, prefix: str, period: str, name: str, top: int) -> list[Balance]:
        return [Balance(prefix + who, period, amount, 0) for who, amount in self.spent.items()]


@pytest.fixture
def house() -> TinyHouse:
    return TinyHouse()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        await chromium.close()


Visit = Callable[..., Awaitable[Page]]


@pytest.fixture
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    """Open a page in a window of its own; anything it complains about fails the test."""
    complaints: list[str] = []

    async def opened(url: str, path: str = "/", **options: Any) -> Page:
        context = await browser.new_context(**({"locale": "en-GB"} | options))
        context.set_default_timeout(10_000)
        page = await context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        await page.goto(url + path)
        return page

    yield opened
    assert complaints == []


@pytest.fixture
def pieces() -> asyncio.Queue[str | None]:
    return asyncio.Queue()


@pytest.fixture
async def site(open_site: Any, tiny_desk: Any, pieces: asyncio.Queue[str | None], house: Any) -> Any:
    """A site whose answers the test writes into `pieces`, with the operator page beside it."""

    async def answer(asked: Message) -> AsyncGenerator[str, None]:
        while (piece := await pieces.get()) is not None:
            yield piece

    desk = tiny_desk(answer=answer)
    mounted = (*routes(DeskOffice(desk), ""), *tiers_api.routes(house, ""))
    return await open_site(desk, mounted, title="Shop support", suggestions={"en": ["Where is it?"]})


async def ask(page: Page, text: str) -> None:
    await page.get_by_label("Your message").fill(text)
    await page.keyboard.press("Enter")


async def shoot(page: Page, name: str) -> None:
    """Keep a picture for whoever wants to look: FIRSTLINE_SHOTS names the folder."""
    if SHOTS:
        await page.screenshot(path=Path(SHOTS) / f"{name}.png")


async def test_a_question_is_answered_piece_by_piece_and_a_reload_keeps_it(
    site: Any, visit: Visit, pieces: asyncio.Queue[str | None]
) -> None:
    page = await visit(site.url)
    await expect(page.get_by_text("Hi! How can we help?")).to_be_visible()
    await ask(page, "Where is my order?")
    await expect(page.locator("#live .bubble span")).to_have_count(3)
    pieces.put_nowait("It is **on")
    await expect(page.locator("#live .bubble")).to_have_text("It is on")
    await expect(page.get_by_role("status")).to_have_text("Writing…")
    await expect(page.get_by_role("button", name="Stop the answer")).to_be_visible()
    assert await page.get_by_role("log").get_by_text("It is").count() == 0
    pieces.put_nowait(" its** way.")
    pieces.put_nowait(None)
    answer = page.locator(".turn.bot .bubble")
    await expect(answer).to_have_text("It is on its way.")
    await expect(answer.locator("strong")).to_have_text("on its")
    await expect(page.locator("#live")).to_be_hidden()
    await expect(page.get_by_role("status")).to_have_text("")
    await shoot(page, "answered")
    await page.reload()
    await expect(page.locator(".turn .bubble")).to_have_text(["Where is my order?", "It is on its way."])


async def test_markup_is_shown_and_counted_as_javascript_counts(
    site: Any, visit: Visit, pieces: asyncio.Queue[str | None]
) -> None:
    page = await visit(site.url)
    await ask(page, "How?")
    markdown = (
        "😀 👩‍👩‍👧 **Returns** take *five* days. Run `check`:\n\n- [the form](https://shop.example/a_(b))\n- see https://shop.example.\n\n"
        "> as agreed\n\n```python\nx = 1\n```\nDone."
    )
    for piece in (markdown, None):
        pieces.put_nowait(piece)
    answer = page.locator(".turn.bot .bubble")
    for tag, words in [("strong", "Returns"), ("em", "five"), ("code", "check"), ("pre", "x = 1")]:
        await expect(answer.locator(tag)).to_have_text(words)
    await expect(answer.locator("blockquote")).to_have_text("as agreed")
    links = await answer.locator("a").evaluate_all("all => all.map(a => [a.textContent, a.href, a.rel])")
    rel = "noopener noreferrer nofollow"
    assert links == [
        ["the form", "https://shop.example/a_(b)", rel],
        ["https://shop.example", "https://shop.example/", rel],
    ]
    await shoot(page, "markup")


async def test_a_suggestion_asks_and_stop_stops(site: Any, visit: Visit, pieces: asyncio.Queue[str | None]) -> None:
    page = await visit(site.url)
    await page.get_by_role("button", name="Where is it?").click()
    await expect(page.get_by_label("Your message")).to_be_focused()
    pieces.put_nowait("A long ")
    await page.get_by_role("button", name="Stop the answer").click()
    await expect(page.get_by_label("Your message")).to_be_focused()
    await asyncio.wait_for(site.desk.stopped.get(), 5)
    pieces.put_nowait(None)
    await expect(page.locator(".turn.bot .bubble")).to_have_text("A long")
    await expect(page.get_by_role("button", name="Stop the answer")).to_be_hidden()


async def test_what_could_not_be_sent_survives_a_reload_and_is_sent_later(
    open_site: Any, tiny_desk: Any, browser: Browser
) -> None:
    site = await open_site(tiny_desk())
    page = await (await browser.new_context(locale="en-GB")).new_page()
    await page.goto(site.url)
    await expect(page.locator("#connection")).to_have_text("Online")
    site.desk.down = True
    await ask(page, "Keep this")
    await expect(page.locator(".turn.customer .state")).to_have_text("Not sent yet, trying again")
    await page.reload()
    site.desk.down = False
    await expect(page.locator(".turn.customer .bubble")).to_have_text(["Keep this"])
    await expect(page.locator(".turn.customer .state")).to_have_count(0)
    assert [a.message.text for a in site.desk.arrivals] == ["Keep this"]


async def test_a_text_the_server_refuses_says_why_and_is_not_tried_again(
    open_site: Any, tiny_desk: Any, browser: Browser
) -> None:
    site = await open_site(tiny_desk())
    page = await (await browser.new_context(locale="en-GB")).new_page()
    await page.goto(site.url)
    await expect(page.locator("#connection")).to_have_text("Online")
    await page.context.clear_cookies()
    await ask(page, "Who am I?")
    await expect(page.locator(".turn.refused .state")).to_contain_text("Not sent: The chat needs a cookie")


async def test_two_tabs_show_the_same_conversation(site: Any, visit: Visit, pieces: asyncio.Queue[str | None]) -> None:
    first = await visit(site.url)
    second = await first.context.new_page()
    await second.goto(site.url)
    await expect(second.locator("#connection")).to_have_text("Online")
    await ask(first, "Both?")
    for piece in ("Yes", None):
        pieces.put_nowait(piece)
    for tab in (first, second):
        await expect(tab.locator(".turn .bubble")).to_have_text(["Both?", "Yes"])


async def test_the_drawer_says_why_on_this_machine(site: Any, visit: Visit, pieces: asyncio.Queue[str | None]) -> None:
    page = await visit(site.url)
    await ask(page, "I want a refund")
    for piece in ("Of course.", None):
        pieces.put_nowait(piece)
    await page.get_by_role("button", name="Why?").click()
    drawer = page.get_by_role("dialog", name="Why this answer")
    for words in ("expert", "free", "12 ms", "340 ms", "Money", "Refunds need care", "quick", "<b>refund</b>", "0.90"):
        await expect(drawer.get_by_text(words, exact=True).first).to_be_visible()
    await shoot(page, "why")
    await page.keyboard.press("Escape")
    await expect(drawer).to_be_hidden()
    await expect(page.get_by_role("button", name="Why?")).to_be_focused()


async def test_a_customer_elsewhere_is_offered_no_why(open_site: Any, tiny_desk: Any, visit: Visit) -> None:
    async def forbidden(request: web.Request) -> web.Response:
        return web.json_response({"allowed": False})

    async def answer(asked: Message) -> AsyncGenerator[str, None]:
        yield "Hello"

    site = await open_site(tiny_desk(answer=answer), [web.get("/why", forbidden)])
    page = await visit(site.url)
    await ask(page, "Hi")
    await expect(page.locator(".turn.bot .bubble")).to_have_text("Hello")
    assert await page.locator(".why").count() == 0


async def test_everything_works_by_keyboard_alone(site: Any, visit: Visit, pieces: asyncio.Queue[str | None]) -> None:
    page = await visit(site.url)
    await expect(page.get_by_label("Your message")).to_be_focused()
    await page.keyboard.type("one")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("two")
    await page.keyboard.press("Enter")
    await expect(page.locator(".turn.customer .bubble")).to_have_text("one\ntwo")
    await expect(page.get_by_label("Your message")).to_be_focused()
    for piece in ("Answer", None):
        pieces.put_nowait(piece)
    await expect(page.get_by_role("button", name="Why?")).to_be_visible()
    await page.keyboard.press("Shift+Tab")
    await expect(page.get_by_role("button", name="Why?")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("Your message")).to_be_focused()


async def test_nothing_anybody_writes_is_ever_run(site: Any, visit: Visit, pieces: asyncio.Queue[str | None]) -> None:
    page = await visit(site.url)
    await ask(page, HOSTILE)
    for piece in (HOSTILE[:20], HOSTILE[20:], None):
        pieces.put_nowait(piece)
    await expect(page.locator(".turn.bot .bubble")).to_contain_text("<script>window.stolen=1</script>")
    await page.reload()
    await expect(page.locator(".turn.customer .bubble")).to_have_text(HOSTILE)
    operator = await visit(site.url, "/operator")
    await operator.locator(".row").click()
    await expect(operator.locator(".turn.customer .bubble")).to_have_text(HOSTILE)
    for tab in (page, operator):
        assert await tab.evaluate("window.stolen") is None
        assert await tab.locator(".turn img, .turn script, a[href^=javascript]").count() == 0


async def test_a_small_phone_never_scrolls_sideways(site: Any, visit: Visit, pieces: asyncio.Queue[str | None]) -> None:
    page = await visit(site.url, viewport=PHONE, has_touch=True, is_mobile=True, color_scheme="dark")
    await ask(page, "W" * 120)
    for piece in ("https://shop.example/" + "a" * 200 + "\n\n```\n" + "x = 1; " * 30 + "\n```\n", None):
        pieces.put_nowait(piece)
    await expect(page.locator(".turn.bot .bubble")).to_be_visible()
    await shoot(page, "phone")
    await page.get_by_role("button", name="Why?").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await shoot(page, "phone-why")
    for part in ("document.documentElement", "document.getElementById('scroll')", "document.getElementById('drawer')"):
        wide, seen = await page.evaluate(f"(() => [{part}.scrollWidth, {part}.clientWidth])()")
        assert wide <= seen, part


async def test_the_page_speaks_the_browsers_language(site: Any, visit: Visit) -> None:
    page = await visit(site.url, locale="da-DK")
    await expect(page.get_by_label("Din besked")).to_be_focused()
    assert await page.evaluate("document.documentElement.lang") == "da"
    other = await visit(site.url, locale="fi-FI")
    await expect(other.get_by_label("Your message")).to_be_visible()


async def test_a_page_finds_back_after_the_server_was_away(open_site: Any, tiny_desk: Any, browser: Browser) -> None:
    site = await open_site(tiny_desk())
    page = await (await browser.new_context(locale="en-GB")).new_page()
    await page.goto(site.url)
    await expect(page.locator("#connection")).to_have_text("Online")
    async with page.expect_response(lambda answer: answer.url.endswith("/chat/events") and answer.status == 503):
        await site.stop_listening()
    await expect(page.locator("#connection")).to_have_text("Reconnecting")
    address = Address("web", next(c["value"] for c in await page.context.cookies() if c["name"] == "firstline_visitor"))
    site.desk.settle(address, "Written while you were away")
    async with asyncio.TaskGroup() as group:
        again = group.create_task(site.channel.run(site.desk))
        await expect(page.locator(".turn.bot .bubble")).to_have_text("Written while you were away", timeout=10_000)
        await expect(page.locator("#connection")).to_have_text("Online")
        again.cancel()


async def test_an_operator_takes_over_replies_and_gives_back(
    site: Any, visit: Visit, pieces: asyncio.Queue[str | None]
) -> None:
    customer = await visit(site.url)
    await ask(customer, "human please")
    for piece in ("I have called somebody.", None):
        pieces.put_nowait(piece)
    await expect(customer.locator(".turn.bot .bubble")).to_be_visible()
    (address,) = site.desk.chats
    async with asyncio.timeout(5):
        await site.desk.settled.wait()
    site.desk.hold(address, Holder.WAITING)
    operator = await visit(site.url, "/operator")
    row = operator.locator(".row")
    await expect(row).to_contain_text("waiting now")
    await row.click()
    await expect(operator.locator(".turn .bubble")).to_have_text(["human please", "I have called somebody."])
    await expect(operator.locator("#reason")).to_have_text("Asks for a person")
    await operator.get_by_role("button", name="Take over").click()
    await expect(operator.get_by_role("button", name="Back to bot")).to_be_visible()
    await operator.get_by_label("Reply to the customer").fill("Hello, I am a person.")
    await operator.keyboard.press("Enter")
    person = customer.locator(".turn.person")
    await expect(person.locator(".bubble")).to_have_text("Hello, I am a person.")
    await expect(person.locator(".badge")).to_have_text("Person")
    await expect(operator.locator(".turn.person")).to_have_count(1)
    await ask(customer, "Thank you")
    await expect(customer.get_by_role("status")).to_have_text("Received. A person will answer here")
    await expect(operator.locator(".turn.customer .bubble").last).to_have_text("Thank you")
    await shoot(operator, "operator")
    await operator.get_by_role("button", name="Back to bot").click()
    await operator.get_by_label("A note the bot may use").fill("Refund promised")
    await operator.get_by_role("button", name="Give back").click()
    await expect(operator.get_by_role("button", name="Take over")).to_be_visible()
    assert site.desk.chats[address].holder is Holder.BOT


async def test_a_time_is_shown_in_the_visitors_own_way(site: Any, visit: Visit) -> None:
    page = await visit(site.url, locale="en-GB", timezone_id="Europe/Copenhagen")
    await expect(page.locator("#connection")).to_have_text("Online")
    (cookie,) = [c["value"] for c in await page.context.cookies() if c["name"] == "firstline_visitor"]
    address = Address("web", cookie)
    at = datetime.now(UTC).replace(second=0, microsecond=0)
    await site.channel.acknowledge(Message("message-0001", address, "now", at))
    shown = await page.locator(".turn time").text_content()
    assert shown is not None
    assert len(shown) == 5
    assert int(shown[3:]) == at.minute


async def test_an_operator_sees_what_came_with_a_message_and_opens_it(site: Any, visit: Visit) -> None:
    address = Address("whatsapp", "+4511111111")
    photo = Attachment("photo", mime="image/jpeg", handle="https://example.com/1")
    place = Attachment("location", note="56.15, 10.2")
    message = Message("m1", address, "It is broken", datetime.now(UTC), attachments=(photo, place))
    site.desk.chats[address] = Conversation(address, (message,), Holder.WAITING)
    operator = await visit(site.url, "/operator")
    await operator.locator(".row").click()
    link = operator.get_by_role("link", name="photo")
    await expect(operator.locator(".attachment").last).to_have_text("location: 56.15, 10.2")
    await shoot(operator, "operator-file")
    async with operator.expect_popup() as opened:
        await link.click()
    file = await opened.value
    assert file.url.endswith("/operator/api/file?address=whatsapp%3A%2B4511111111&message=m1&number=0")
    await file.close()


async def test_a_message_that_reached_another_process_and_its_answer_are_shown_once_all_the_same(
    open_site: Any, tiny_desk: Any, visit: Visit
) -> None:
    async def answer(asked: Message) -> AsyncGenerator[str, None]:
        yield "You asked: " + asked.text

    near = tiny_desk()
    here = await open_site(near, routes(DeskOffice(near), ""))
    there = await open_site(tiny_desk(answer=answer, chats=near.chats, arrivals=near.arrivals), origins=[here.url])
    page = await visit(here.url)
    await page.route("**/chat/messages", lambda route: route.continue_(url=f"{there.url}/chat/messages"))
    await ask(page, "Where is it?")
    await expect(page.locator(".turn .bubble")).to_have_text(["Where is it?", "You asked: Where is it?"])


async def test_where_every_model_is_well_the_operator_reads_one_quiet_line(
    site: Any, visit: Visit, house: TinyHouse
) -> None:
    house.called("quiet/well", Verdict.GOOD)
    operator = await visit(site.url, "/operator")
    await expect(operator.locator("#well")).to_be_visible()
    await expect(operator.locator(".away")).to_have_count(0)
    await expect(operator.locator("#models").get_by_role("button")).to_have_count(0)


@pytest.mark.parametrize("look", [{}, {"color_scheme": "dark"}, {"viewport": PHONE}], ids=["light", "dark", "phone"])
async def test_an_operator_sees_what_is_left_alone_and_calls_it_again(
    site: Any, visit: Visit, house: TinyHouse, look: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    house.called("cloud/<b>small</b>", Verdict.FAILED)
    house.called("other/a-rather-long-name-of-a-model-2026-01-02", Verdict.DENIED)
    house.spent = {"telegram:42": 6 * 10**11, "web:7": 10**12, "web:8": 1}
    operator = await visit(site.url, "/operator", **look)
    away = operator.locator(".away")
    await expect(away).to_have_count(4)
    await expect(away.nth(0)).to_contain_text("cloud/<b>small</b>")
    await expect(away.nth(0)).to_contain_text("failed in a row; not called for a while")
    await expect(away.nth(1)).to_contain_text("forced open")
    await expect(away.nth(2)).to_contain_text("Customer telegram:42")
    await expect(away.nth(2)).to_contain_text("0.6 of 0.5 EUR")
    await expect(away.nth(3)).to_contain_text("1 of 1 EUR")
    await expect(operator.locator("#well")).to_be_hidden()
    await shoot(operator, f"operator-models-{request.node.callspec.id}")
    assert await operator.evaluate("document.documentElement.scrollWidth <= innerWidth")
    again = operator.get_by_role("button", name="Call other/a-rather-long-name-of-a-model-2026-01-02 again")
    await again.click()
    await expect(operator.locator("#models-status")).to_contain_text("is called again")
    await expect(away).to_have_count(3)
    assert [view.breaker.state.value for view in house.circuits.views()] == ["open", "closed"]
