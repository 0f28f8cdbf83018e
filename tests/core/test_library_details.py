"""What a library does not confuse (numbers, yes and no, opposites), and that its shortcuts find what matters."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from core.details import Details, details, differ
from core.encoder import onnx
from core.library import Article, Library
from core.likeness import MANY, MeaningIndex
from core.retrieval import GramIndex
from core.words import words

if TYPE_CHECKING:
    from core.meaning import Matrix

PROJECT = Path(__file__).parents[2]
PAIRS = PROJECT / "benchmarks" / "data" / "faq_minimal_pairs.csv"


def read(text: str) -> Details:
    return details(words(text))


def unit(count: int, size: int, seed: int) -> Matrix:
    rows: Matrix = np.random.default_rng(seed).normal(size=(count, size)).astype(np.float32)
    rows /= np.sqrt((rows * rows).sum(1, keepdims=True))
    return rows


@pytest.fixture(scope="module")
def encoder() -> onnx.Onnx:
    return onnx.build()


def understood(encoder: onnx.Onnx, *questions: str) -> Library:
    library = Library([Article(str(n), question, "") for n, question in enumerate(questions)])
    library.learn(list(encoder.embed(library.texts)))
    return library


@pytest.mark.parametrize(
    ("question", "wording", "numbers", "others"),
    [
        ("after 30 days", "within 14 days", 1, 0),
        ("after 14 days", "within 14 days", 0, 0),
        ("for three people", "a table for 3", 0, 0),
        ("after 30 days", "how long", 0, 0),
        ("can't I pay", "can I pay", 0, 0.5),
        ("I can't not pay", "can I pay", 0, 0),
        ("turn it off", "turn it on", 0, 0.5),
        ("turn it on and off", "turn it on", 0, 0),
        ("without a card", "with a card", 0, 1),
        ("das geht nicht", "das geht", 0, 0.5),
        ("", "", 0, 0),
    ],
)
def test_two_texts_differ_in_numbers_and_in_yes_or_no(
    question: str, wording: str, numbers: float, others: float
) -> None:
    assert differ(read(question), read(wording)) == (numbers, others)


def test_another_number_of_days_is_less_likely_than_the_same(encoder: onnx.Onnx) -> None:
    library = understood(encoder, "Can I return an item within 14 days?", "How do I pay?", "Where is my parcel?")
    right, other = ("can I send it back within 14 days", "can I send it back after 30 days")
    meanings = encoder.embed([right, other])
    probabilities = [library.search(q, 1, m)[0].score for q, m in zip((right, other), meanings, strict=True)]
    assert probabilities[0] > 0.6 > probabilities[1] + 0.1


@pytest.mark.parametrize(
    ("question", "number"),
    [("may I order without signing up", 1), ("I cannot see my invoice", 3), ("my child is not yet 12, is it free", 5)],
)
def test_of_two_entries_that_differ_in_one_detail_the_right_one_comes_first(
    encoder: onnx.Onnx, question: str, number: int
) -> None:
    questions = ("Do I need an account to order?", "How do I order without an account?", "Why can I see my invoice?")
    more = ("Why can't I see my invoice?", "Can children under 6 travel free?", "Can children under 12 travel free?")
    library = understood(encoder, *questions, *more)
    assert library.search(question, 1, encoder.embed([question])[0])[0].article.id == str(number)


def test_of_66_pairs_that_differ_in_one_detail_most_are_told_apart(encoder: onnx.Onnx) -> None:
    with PAIRS.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    library = understood(encoder, *(row[f"question_{side}"] for row in rows for side in "ab"))
    queries = [row[f"query_{side}"] for row in rows for side in "ab"]
    found = [library.search(q, 1, m)[0].article.id for q, m in zip(queries, encoder.embed(queries), strict=True)]
    right = sum(found[2 * n : 2 * n + 2] == [str(2 * n), str(2 * n + 1)] for n in range(len(rows)))
    assert len(rows) == 66
    assert right / len(rows) >= 0.89


@pytest.mark.parametrize("wordings", [40, MANY + 200])
def test_the_best_articles_are_those_the_whole_sum_ranks_first(wordings: int) -> None:
    owners = [n // 3 for n in range(wordings)]
    near, bodies = unit(wordings, 48, 1), unit(owners[-1] + 1, 48, 2)
    index = MeaningIndex(owners, list(near), list(bodies), 0.7)
    for meaning in near[:20] + unit(20, 48, 3) / 2:
        ranks = np.maximum.reduceat(near @ meaning, np.arange(0, wordings, 3)) + 0.7 * (bodies @ meaning)
        best = index.best(meaning, 4)
        assert [each.article for each in best] == (-ranks).argsort()[:4].tolist()
        for each in best:
            own = [n for n in range(wordings) if owners[n] == each.article]
            assert each.wording == max(own, key=lambda n: float(near[n] @ meaning))
            assert each.cosine == pytest.approx(float(near[each.wording] @ meaning), abs=1e-5)
            assert each.whole == pytest.approx(float(bodies[each.article] @ meaning), abs=1e-5)
            assert index.compare(each.article, meaning).wording == each.wording


def test_a_few_documents_are_as_like_as_a_search_says() -> None:
    documents = ["where is my order", "cancel my order", "opening hours on sundays", "xyz"]
    index = GramIndex(documents)
    asked = words("can I cancel the order from sunday")
    found, like = index.search(asked), index.like(asked)
    assert [like(n) for n in (3, 1, 2, 0)] == pytest.approx([found.get(n, 0.0) for n in (3, 1, 2, 0)])


def test_the_lead_is_over_the_best_other_article(encoder: onnx.Onnx) -> None:
    library = understood(encoder, "How do I pay?", "How do I pay by card?", "Where are you?")
    question = "which ways to pay are there"
    meaning = encoder.embed([question])[0]
    (_, first), (_, second), (_, third) = library.meant(question, meaning, 3)
    assert first.lead == pytest.approx(first.wording - max(second.wording, third.wording))
    assert second.lead == pytest.approx(second.wording - max(first.wording, third.wording))
