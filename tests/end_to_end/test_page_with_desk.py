"""The whole product as a newcomer meets it: `firstline run` in a process of its own, and its pages in Chromium.

FIRSTLINE_SHOTS names a folder for pictures of the pages.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import ConsoleMessage, Locator, Page, ViewportSize, async_playwright, expect

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Shop, Start

CHROMIUM = shutil.which("chromium")
SHOTS = os.environ.get("FIRSTLINE_SHOTS")
SCREEN = ViewportSize(width=900, height=1100)
PHONE = ViewportSize(width=390, height=844)
KNOWN = "Where is my order?"
ANSWER = 'You can follow every order under "My orders"'
LINES = """cells => cells.map(cell => {
  const text = document.createRange();
  text.selectNodeContents(cell);
  return text.getClientRects().length;
})"""
RULE = """\
  - name: Orders
    why: For today
    when:
      words: [order]
    send_to: expert

"""

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine"),
    pytest.mark.timeout(60),
]

Visit = Callable[..., Awaitable[Page]]


@pytest.fixture
async def visit() -> AsyncIterator[Visit]:
    """Open a page in a window of its own; anything it complains about but a server that was stopped fails the test."""
    complaints: list[str] = []

    def note(said: ConsoleMessage) -> None:
        if said.type == "error" and "net::ERR_" not in said.text:
            complaints.append(said.text)

    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

        async def opened(url: str) -> Page:
            context = await chromium.new_context(locale="en-GB", viewport=SCREEN)
            context.set_default_timeout(10_000)
            page = await context.new_page()
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", note)
            await page.goto(url)
            return page

        yield opened
        await chromium.close()
    assert complaints == []


async def ask(page: Page, text: str) -> Locator:
    """The answer to what a customer types."""
    answers = page.locator(".turn:not(.customer)")
    before = await answers.count()
    await page.get_by_label("Your message").fill(text)
    await page.keyboard.press("Enter")
    await expect(answers).to_have_count(before + 1)
    return answers.nth(before)


async def why(page: Page, answer: Locator) -> tuple[str, list[str]]:
    """The tier and the rules the drawer names, and closes it again."""
    await answer.get_by_role("button", name="Why?").click()
    drawer = page.get_by_role("dialog", name="Why this answer")
    tier = await drawer.locator(".facts .tier").inner_text()
    rules = await drawer.locator(".rule-name").all_inner_texts()
    lines = await drawer.locator("td.number").evaluate_all(LINES)
    assert max(lines) == 1, "a number is never broken into lines"
    await shoot(page, f"desk-why-{tier}")
    await drawer.get_by_role("button", name="Close").click()
    return tier, rules


async def shoot(page: Page, name: str) -> None:
    """Keep a picture for whoever wants to look."""
    if SHOTS:
        await page.screenshot(path=Path(SHOTS) / f"{name}.png")


async def test_a_newcomer_is_answered_may_ask_why_and_finds_the_conversation_again(start: Start, visit: Visit) -> None:
    async with start() as firstline:
        assert firstline.ready["channels"]["web"] == ""
        page = await visit(firstline.url)
        known = await ask(page, KNOWN)
        await expect(known.locator(".bubble")).to_contain_text("I'm an AI assistant, not a person.")
        await expect(known.locator(".bubble")).to_contain_text(ANSWER)
        assert await why(page, known) == ("quick", [])
        unknown = await ask(page, "Do your elephants dream of violins?")
        await expect(unknown.locator(".bubble")).to_contain_text("I don't have an answer to that")
        assert await why(page, unknown) == ("standard", ["Nothing we know"])
        refund = await ask(page, "I want a refund!!")
        await expect(refund.locator(".bubble")).not_to_contain_text("AI assistant")
        tier, rules = await why(page, refund)
        assert tier == "expert"
        assert "Money" in rules
        person = await ask(page, "human please")
        await expect(person.locator(".bubble")).to_contain_text("I can't bring a person into this chat right now")
        said = await page.locator(".turn .bubble").all_inner_texts()
        assert len(said) == 8
        await shoot(page, "desk-conversation-light")
        await page.reload()
        await expect(page.locator(".turn .bubble")).to_have_text(said, use_inner_text=True)
        await looks(page)
        assert await firstline.end(signal.SIGTERM) == 0


async def looks(page: Page) -> None:
    """The same conversation in the dark and on a phone."""
    await page.emulate_media(color_scheme="dark")
    await shoot(page, "desk-conversation-dark")
    await page.emulate_media(color_scheme="light")
    await page.set_viewport_size(PHONE)
    wide, seen = await page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= seen
    await page.locator(".turn").last.scroll_into_view_if_needed()
    await shoot(page, "desk-conversation-phone")


async def test_an_operator_takes_over_writes_and_gives_the_chat_back_to_the_bot(start: Start, visit: Visit) -> None:
    async with start() as firstline:
        page = await visit(firstline.url)
        await ask(page, "human please")
        operator = await visit(f"{firstline.url}/operator")
        await operator.locator(".row").click()
        await expect(operator.locator(".turn.customer .bubble")).to_have_text("human please")
        await operator.get_by_role("button", name="Take over").click()
        await expect(page.locator(".turn .bubble").last).to_have_text(
            "A person has joined and is reading your messages."
        )
        await operator.get_by_label("Reply to the customer").fill("Hello, which parcel is it?")
        await operator.keyboard.press("Enter")
        person = page.locator(".turn.person")
        await expect(person.locator(".bubble")).to_have_text("Hello, which parcel is it?")
        await expect(person.locator(".badge")).to_have_text("Person")
        await page.get_by_label("Your message").fill(KNOWN)
        await page.keyboard.press("Enter")
        await expect(operator.locator(".turn.customer .bubble").last).to_have_text(KNOWN)
        await expect(page.get_by_role("status")).to_have_text("Received. A person will answer here")
        await expect(page.locator(".turn .bubble").last).to_have_text(KNOWN)
        notice = operator.locator(".turn .bubble").filter(has_text="A person has joined and is reading your messages.")
        box = await notice.bounding_box()
        assert box is not None
        assert box["width"] > 3 * box["height"], "what the desk said stands in one line"
        await shoot(operator, "desk-operator")
        await operator.get_by_role("button", name="Back to bot").click()
        await operator.get_by_role("button", name="Give back").click()
        await expect(page.locator(".turn .bubble").last).to_have_text("You're back with the AI assistant.")
        answer = await ask(page, KNOWN)
        await expect(answer.locator(".bubble")).to_contain_text(ANSWER)
        assert await firstline.end(signal.SIGTERM) == 0


async def test_a_rule_written_into_config_yaml_counts_from_the_next_message_on_and_a_broken_one_changes_nothing(
    shop: Shop, start: Start, visit: Visit
) -> None:
    async with start() as firstline:
        page = await visit(firstline.url)
        assert await why(page, await ask(page, KNOWN)) == ("quick", [])
        shop.edit("escalation:\n", f"escalation:\n{RULE}")
        await firstline.said("rules reloaded")
        assert await why(page, await ask(page, "Can I cancel my order?")) == ("expert", ["Orders"])
        shop.edit("words: [order]\n    send_to: expert", "words: [order]\n    send_to: exprt")
        said = await firstline.said("config not applied")
        line = shop.config.read_text("utf-8").splitlines().index("    send_to: exprt") + 1
        assert f"config.yaml:{line}:" in said
        tier, rules = await why(page, await ask(page, "Can I change my order after I placed it?"))
        assert tier == "expert"
        assert "Orders" in rules


async def test_a_stop_ends_the_process_in_time_though_a_page_is_open(shop: Shop, start: Start, visit: Visit) -> None:
    async with start() as firstline:
        page = await visit(firstline.url)
        await ask(page, KNOWN)
        assert await firstline.end(signal.SIGTERM) == 0  # which waits for ten seconds at most
        assert not [line for line in firstline.log if "exception" in line.casefold()]
    kept = shop.kept()
    assert (dict(kept.states), set(kept.covered.values())) == ({"settled": 1}, {1})
