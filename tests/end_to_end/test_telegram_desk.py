"""The real desk on Telegram: the shipped bot, a SQLite file, the real channel, and a server that refuses what Telegram
would. What a customer and the operators see, from the first draft to the ledger.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from channels.telegram.testing import Call, FakeBotApi, Post
from core import lane
from core.conversation import Address
from core.records import Outcome
from core.tiers import Chunk, Delta, ModelCard, Prompt

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Shop, TelegramDesk

DISCLOSURE = "I'm an AI assistant, not a person."
KNOWN = "Where is my order?"
ANSWER = 'You can follow every order under "My orders"'
OPERATORS = -1007


@dataclass
class Scripted:
    """A model that says its words, and goes on when it is let."""

    words: tuple[str, ...]
    asked: list[Prompt] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def stream(self, prompt: Prompt, card: ModelCard) -> AsyncGenerator[Chunk, None]:
        self.asked.append(prompt)
        self.begun.set()
        try:
            for word in self.words:
                yield Delta(word)
            await self.go_on.wait()
            yield Delta("It comes on Friday.")
        finally:
            self.closed.set()

    async def ready(self) -> str:
        return ""

    async def aclose(self) -> None:
        return


def texts(api: FakeBotApi, chat: int) -> list[str]:
    """What stands in a chat of what the bot said."""
    return [post.text for post in api.chat(chat)]


def newest(api: FakeBotApi, chat: int) -> str:
    """The id of the customer's last message."""
    return str(max(post.id for post in api.world.chats[chat].posts.values() if not post.by_bot))


def calls_to(api: FakeBotApi, chat: int) -> list[Call]:
    return [call for call in api.log if call.params.get("chat_id") == chat]


def buttons(card: Post) -> dict[str, str]:
    """What is written on a card's buttons -> what a press sends."""
    rows = card.raw["reply_markup"]["inline_keyboard"]
    return {button["text"]: button["callback_data"] for row in rows for button in row}


async def ask(api: FakeBotApi, desk: TelegramDesk, chat: int, text: str, **more: Any) -> str:
    """A customer's message, answered; its id."""
    before = desk.inbox.heard
    api.says(chat, text, **more)
    message = newest(api, chat)
    await desk.inbox.until(before + 1)
    await desk.settled()
    return message


def all_is_settled(shop: Shop) -> bool:
    """Whether every message heard has one line of the ledger, and nothing waits."""
    kept = shop.kept()
    return set(kept.states) == {"settled"} and kept.covered.keys() == kept.heard and set(kept.covered.values()) == {1}


async def test_a_question_is_acknowledged_opened_and_answered_and_only_the_first_answer_says_who_answers(
    api: FakeBotApi, desk: TelegramDesk, shop: Shop
) -> None:
    await ask(api, desk, 42, KNOWN)
    calls = calls_to(api, 42)
    assert [call.outcome for call in calls] == ["ok"] * len(calls)
    steps = [(call.method, call.params.get("text", "")) for call in calls]
    assert steps[0] == ("sendMessageDraft", "")
    opening = next(n for n, (method, _) in enumerate(steps) if method == "sendMessage")
    assert steps[opening][1].endswith(" …")
    assert len(steps[opening][1]) <= 80
    assert {method for method, _ in steps[:opening]} == {"sendMessageDraft"}
    assert [method for method, _ in steps[opening:]] == ["sendMessage", "editMessageText"]
    (first,) = texts(api, 42)
    assert DISCLOSURE in first
    assert ANSWER in first
    assert steps[-1][1] == first

    await ask(api, desk, 42, "do you ship to Norway?")
    _, second = texts(api, 42)
    assert DISCLOSURE not in second
    assert "We ship to all EU countries and to Norway" in second
    assert api.drafts(42) == []
    assert all_is_settled(shop)


async def test_a_question_nobody_wrote_an_answer_to_is_told_so_by_a_better_tier(
    api: FakeBotApi, desk: TelegramDesk
) -> None:
    message = await ask(api, desk, 42, "do your elephants dream of violins?")
    assert "I don't have an answer to that" in texts(api, 42)[0]
    receipt = await desk.receipt("42", message)
    assert receipt.entry.tier == "standard"
    assert receipt.entry.rules == ("Nothing we know",)


async def test_a_burst_is_answered_once_with_all_of_it(api: FakeBotApi, desk: TelegramDesk, shop: Shop) -> None:
    model = Scripted(())
    desk.use(model)
    api.says(42, "my lamp")
    await asyncio.wait_for(model.begun.wait(), 5)
    for text in ("came broken", "what now?"):
        api.says(42, text)
    await desk.inbox.until(3)
    model.go_on.set()
    await desk.settled()
    (answer,) = texts(api, 42)
    assert answer.endswith("It comes on Friday.")
    assert model.asked[-1].question == "my lamp\ncame broken\nwhat now?"
    (entry,) = await desk.entries()
    assert (len(entry.messages), entry.outcome) == (3, Outcome.ANSWERED)
    assert all_is_settled(shop)


async def test_money_goes_to_the_expert_and_the_decision_says_why(api: FakeBotApi, desk: TelegramDesk) -> None:
    message = await ask(api, desk, 42, "I want a refund!!")
    receipt = await desk.receipt("42", message)
    assert receipt.entry.tier == "expert"
    assert receipt.decision is not None
    assert "Money" in receipt.decision.rules
    assert "refund" in receipt.decision.readings["money"].note
    message = await ask(api, desk, 42, "how long does delivery take?")
    assert (await desk.receipt("42", message)).entry.rules == ("Money",), "the rule lasts three answers"


async def test_a_person_takes_over_in_the_operators_group_writes_and_gives_the_chat_back(
    api: FakeBotApi, desk: TelegramDesk, shop: Shop
) -> None:
    api.joins(OPERATORS)
    desk.set(operators=Address("telegram", str(OPERATORS)))
    message = await ask(api, desk, 42, "human please")
    assert "I've passed this on" in texts(api, 42)[-1]
    assert (await desk.receipt("42", message)).entry.outcome is Outcome.HANDED_OVER
    (card,) = api.chat(OPERATORS)
    assert "needs a person" in card.text
    assert "Asks for a person" in card.text
    assert "human please" in card.text
    assert buttons(card) == {"Take": "take telegram:42", "Back to bot": "back telegram:42"}

    await ask(api, desk, OPERATORS, "We are looking for it.", reply_to_message=as_reply_to(card))
    assert texts(api, 42)[-1] == "We are looking for it."
    shown = len(texts(api, 42))
    message = await ask(api, desk, 42, KNOWN)
    assert len(texts(api, 42)) == shown, "the bot is silent while a person has the chat"
    assert (await desk.receipt("42", message)).entry.outcome is Outcome.WITH_PERSON
    assert KNOWN in texts(api, OPERATORS)[-1]

    before = desk.inbox.heard
    api.presses(OPERATORS, card.id, buttons(card)["Back to bot"])
    await desk.inbox.until(before + 1)
    await desk.settled()
    assert texts(api, 42)[-1] == "You're back with the AI assistant."
    await api.wait_for(lambda: len(api.calls("answerCallbackQuery")) == 1)
    await ask(api, desk, 42, KNOWN)
    assert ANSWER in texts(api, 42)[-1]
    assert all(call.outcome == "ok" for call in api.log)
    assert all_is_settled(shop)


def as_reply_to(post: Post) -> dict[str, Any]:
    return {**post.raw, "text": post.text}


async def test_trap_03_stop_ends_the_models_call_within_200_ms_and_keeps_what_was_shown(
    api: FakeBotApi, desk: TelegramDesk, shop: Shop
) -> None:
    model = Scripted(("Your parcel ", "left us "))
    desk.use(model)
    api.says(42, KNOWN)
    await api.wait_for(lambda: any("left us" in draft.text for draft in api.drafts(42)))
    (draft,) = api.drafts(42)
    pressed = time.monotonic()
    api.stops(42, draft.id)
    await asyncio.wait_for(model.closed.wait(), 5)
    assert time.monotonic() - pressed < 0.2
    await desk.settled()
    (answer,) = texts(api, 42)
    assert answer.endswith("Your parcel left us")
    (entry,) = await desk.entries()
    assert entry.outcome is Outcome.STOPPED
    assert [call.outcome for call in entry.calls] == ["cancelled"]
    assert all_is_settled(shop)


async def test_trap_12_an_album_is_answered_once_and_a_late_part_of_it_not_at_all(
    api: FakeBotApi, desk: TelegramDesk, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "ALBUM_QUIET", 0.5)
    for number in range(10):
        photo(api, caption="my mug came broken, what now?" if number == 2 else "")
        if number == 0:
            await desk.inbox.until(1)
            assert not await desk.house.desk.idle(0.1), "its parts are waited for"
    await desk.inbox.until(10)
    await desk.settled()
    assert len(texts(api, 42)) == 1
    photo(api)
    await desk.inbox.until(11)
    await desk.settled()
    assert len(texts(api, 42)) == 1
    entries = await desk.entries()
    assert sorted((len(entry.messages), str(entry.outcome)) for entry in entries) == [(1, "noted"), (10, "answered")]
    assert all_is_settled(shop)


def photo(api: FakeBotApi, caption: str = "") -> None:
    """The next part of one album."""
    sizes = [{"file_id": f"f{n}", "file_unique_id": f"u{n}", "width": n, "height": n} for n in (90, 1280)]
    words = {"caption": caption} if caption else {}
    api.says(42, "", photo=sizes, media_group_id="13377331", **words)


async def test_trap_13_a_group_that_moves_between_question_and_answer_is_answered_once_in_the_new_chat(
    api: FakeBotApi, desk: TelegramDesk, shop: Shop
) -> None:
    model = Scripted(("Your parcel left us. ",))
    desk.use(model)
    api.joins(-1001)
    api.says(-1001, "@firstline_test_bot where is my order?")
    await api.wait_for(lambda: bool(api.calls("sendChatAction")))
    api.migrates(-1001, -1002)
    model.go_on.set()
    await api.wait_for(lambda: any(post.text.endswith("Friday.") for post in api.chat(-1002)))
    await desk.settled()
    assert texts(api, -1001) == []
    assert len(texts(api, -1002)) == 1
    assert all_is_settled(shop)


async def test_an_answer_to_a_customer_who_blocked_the_bot_is_settled_as_undeliverable(
    api: FakeBotApi, desk: TelegramDesk, shop: Shop
) -> None:
    model = Scripted(("Your parcel left us. ",))
    desk.use(model)
    api.says(42, KNOWN)
    await api.wait_for(lambda: any(draft.text for draft in api.drafts(42)))
    api.blocks(42)
    model.go_on.set()
    await desk.settled()
    assert texts(api, 42) == []
    assert [entry.outcome for entry in await desk.entries()] == [Outcome.UNDELIVERABLE]
    assert all_is_settled(shop)
    await ask(api, desk, 43, KNOWN)
    assert len(texts(api, 43)) == 1, "nobody else suffers"
