"""The library of articles once an encoder has read it: what it finds then, and how sure it is."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.encoder import onnx
from core.library import Article, Found, Library, read_faq
from core.study import Study

if TYPE_CHECKING:
    from core.meaning import Matrix

PROJECT = Path(__file__).parents[2]
SHOP = PROJECT / "bots" / "shop"
SHARED = Path(os.environ.get("FIRSTLINE_SHARED", PROJECT.parent / "shared"))


class Understood:
    """The shop's FAQ once an encoder has read it."""

    def __init__(self) -> None:
        self.encoder = onnx.build()
        self.library = Library(read_faq(SHOP / "faq.yaml"))
        self.library.learn(list(self.encoder.embed(self.library.texts)))

    def search(self, question: str) -> list[Found]:
        return self.library.search(question, meaning=self.encoder.embed([question])[0])


@pytest.fixture(scope="module")
def understood() -> Understood:
    return Understood()


@pytest.mark.parametrize(
    ("question", "article"),
    [
        ("Where is my order?", "track-order"),
        ("is it possible to cancel what I ordered", "cancel-order"),
        ("when are u open on saturdays", "opening-hours"),
        ("I want my money back!!", "get-refund"),
        ("hvor er min pakke henne?", "track-order-da"),
        ("hvornår får jeg mine penge tilbage, tak", "refund-time-da"),
        ("Wo bleibt mein Paket denn", "track-order-de"),
        ("Passwort vergessen", "reset-password-de"),
        ("my order 370795561790 has not arrived", "track-order"),
    ],
)
def test_an_encoder_finds_the_entry_a_customer_means(understood: Understood, question: str, article: str) -> None:
    best, *_ = understood.search(question)
    assert (best.article.id, best.meant) == (article, True)
    assert best.score >= 0.5


@pytest.mark.parametrize(
    "question", ["who won the world cup", "write me a poem about spring", "xqzt", "", "the of and", "yes"]
)
def test_what_no_article_means_scores_low_with_an_encoder_too(understood: Understood, question: str) -> None:
    assert all(found.score < 0.5 for found in understood.search(question))


def test_a_question_in_the_words_of_an_entry_is_that_entry_whatever_it_means(understood: Understood) -> None:
    library = Library([Article("a", "Opening hours?", "Nine to five."), Article("b", "When are you open?", "Never.")])
    library.learn(list(understood.encoder.embed(library.texts)))
    best, *_ = library.search("opening hours?", meaning=understood.encoder.embed(["When are you open?"])[0])
    assert (best.article.id, best.score) == ("a", 0.99)


@pytest.mark.skipif(not (SHARED / "data" / "faq").is_dir(), reason="the public FAQ data is not here")
def test_of_public_questions_98_of_100_find_their_entry(understood: Understood) -> None:
    with (SHARED / "data" / "faq" / "faq.csv").open(encoding="utf-8", newline="") as file:
        library = Library([Article(row["faq_id"], row["question"], row["answers"]) for row in csv.DictReader(file)])
    library.learn(list(understood.encoder.embed(library.texts)))
    with (SHARED / "data" / "faq" / "queries.csv").open(encoding="utf-8", newline="") as file:
        asked = [(row["faq_id"], row["query"]) for row in csv.DictReader(file)]
    meanings = understood.encoder.embed([query for _, query in asked])
    found = [library.search(query, 1, meaning)[0] for (_, query), meaning in zip(asked, meanings, strict=True)]
    right = sum(each.article.id == wanted for each, (wanted, _) in zip(found, asked, strict=True))
    assert right / len(asked) >= 0.98


def test_a_bot_without_a_word_of_knowledge_learns_nothing_and_finds_nothing(understood: Understood) -> None:
    study, library = Study(), Library(())
    study.add(library)
    study.learn(understood.encoder)
    assert library.search("Where is my order?", meaning=understood.encoder.embed(["Where is my order?"])[0]) == []


def test_what_stands_in_two_libraries_is_read_once_and_known_to_both(understood: Understood) -> None:
    read: list[str] = []

    class Counting:
        version = "counting"

        def embed(self, texts: Sequence[str]) -> Matrix:
            read.extend(texts)
            return understood.encoder.embed(texts)

    study = Study()
    both = [study.add(Library([Article("a", "When are you open?", "Nine to five.")])) for _ in range(2)]
    study.learn(Counting())
    assert sorted(read) == sorted(both[0].texts)
    meaning = understood.encoder.embed(["opening times"])[0]
    assert all(library.search("opening times", 1, meaning)[0].meant for library in both)
