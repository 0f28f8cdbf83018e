"""Answers without a model: the bot's own words, or an honest no."""

from __future__ import annotations

from typing import Any

import pytest

from core.library import Article, Found
from core.providers.offline import build
from core.tiers import Delta, Line, ModelCard, Prompt, Usage

CARD = ModelCard("offline", "faq", free=True)
RETURNS = Article("returns", "How do I return something?", "Within 30 days.\n\nSend it  back.", (), "en", "faq")
PARCEL = Article("parcel", "Where is my parcel?", "Look at the link.", (), "en", "faq")
STAFF = Article("staff", "Who works here?", "Nice people.", (), "en", "knowledge")


class Shelf:
    """A library that finds what the test says."""

    def __init__(self, *found: Found) -> None:
        self.found = list(found)
        self.asked: list[str] = []

    def search(self, text: str, limit: int = 5, meaning: object = None) -> list[Found]:
        self.asked.append(text)
        return self.found[:limit]


async def answer(shelf: Any, language: str = "en") -> str:
    prompt = Prompt("", (Line("user", "hello"), Line("user", "send it back?")), language)
    chunks = [chunk async for chunk in build(knowledge=shelf).stream(prompt, CARD)]
    assert chunks[-1] == Usage(0, 0)
    assert all(isinstance(c, Delta) and c.text.strip() for c in chunks[:-1])
    return "".join(c.text for c in chunks[:-1] if isinstance(c, Delta))


async def test_the_likeliest_article_is_given_word_for_word() -> None:
    shelf = Shelf(Found(PARCEL, 0.6), Found(RETURNS, 0.9))
    assert await answer(shelf) == RETURNS.answer
    assert shelf.asked == ["send it back?"]


async def test_an_answer_streams_a_few_words_at_a_time() -> None:
    prompt = Prompt("", (Line("user", "x"),))
    chunks = [c async for c in build(knowledge=Shelf(Found(RETURNS, 0.9))).stream(prompt, CARD)]  # type: ignore[arg-type]
    pieces = [chunk.text for chunk in chunks if isinstance(chunk, Delta)]
    assert len(pieces) > 1
    assert all(len(piece.split()) <= 5 for piece in pieces)
    assert "".join(pieces) == RETURNS.answer


async def test_an_unlikely_article_is_offered_not_given() -> None:
    text = await answer(Shelf(Found(STAFF, 0.25), Found(RETURNS, 0.49), Found(PARCEL, 0.3), Found(RETURNS, 0.21)))
    assert RETURNS.answer not in text
    assert text.splitlines()[1:3] == ["- How do I return something?", "- Where is my parcel?"]
    assert "Who works here?" not in text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "a person"),
        ("da", "et menneske"),
        ("da-DK", "et menneske"),
        ("de", "Menschen"),
        ("fr", "a person"),
        ("", "a"),
    ],
)
async def test_not_knowing_is_said_in_the_customers_language(language: str, words: str) -> None:
    for shelf in (Shelf(), Shelf(Found(RETURNS, 0.1))):
        text = await answer(shelf, language)
        assert words in text
        assert "return" not in text


async def test_it_is_always_ready() -> None:
    provider = build(knowledge=Shelf())  # type: ignore[arg-type]
    assert await provider.ready() == ""
    await provider.aclose()
