"""How well `faq` finds the entry that answers, and keeps quiet where none does.

A folder with faq.csv (`faq_id,question,answers`) and queries.csv (`faq_id,query`): the right entry first with all of
them there (`top1`); then half of them removed, six draws that are always the same, so that half of the queries have
no answer: how many of the answers given at the shipped threshold are right, how many of the answerable get the right
one, how many of the others get any, and how far the probability is from the truth. A query counts once a draw; the
intervals resample entries.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from core.evaluation._measures import Evaluation, Figure, Task, calibration_error, resampled, share
from core.evaluation._rows import fault, table
from core.library import Article, Library
from core.signals.faq import AT_LEAST
from core.words import words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.evaluation._measures import Indices
    from core.meaning import Encoder, Vector

    Scores = NDArray[np.float64]

DRAWS = 6
SIZES = (3, 4, 5)
"""Characters of the n-grams of the baseline."""

SATURATION, LENGTH = 1.2, 0.75
"""BM25's usual constants."""


@dataclass(frozen=True, slots=True)
class _Set:
    """Entries and (entry's id, query) pairs, and the vectors of all their texts."""

    articles: tuple[Article, ...]
    asked: tuple[tuple[str, str], ...]
    meanings: dict[str, Vector]

    def library(self, kept: frozenset[str]) -> Library:
        """A library of these entries that has learned what they mean."""
        library = Library([article for article in self.articles if article.id in kept])
        library.learn([self.meanings[text] for text in library.texts])
        return library


@dataclass(frozen=True, slots=True)
class _Case:
    """The best match of one query: its probability, whether it is right, whether an answer was there; whose it is."""

    probability: float
    right: bool
    answerable: bool
    entry: str


def evaluate(task: Task) -> Evaluation:
    """The figures on a folder. SettingsError when a file is missing or its queries ask for entries it has not."""
    given = _read(task.data, task.encoder)
    ids = [article.id for article in given.articles]
    whole = _cases(given, frozenset(ids))
    drawn = [case for seed in range(DRAWS) for case in _cases(given, frozenset(_half(ids, seed)))]
    metrics = {"top1": share(sum(case.right for case in whole), len(whole)), **_with_half(drawn)}
    return Evaluation("faq", len(whole), metrics, _baseline(given))


def _read(folder: Path, encoder: Encoder) -> _Set:
    if not folder.is_dir():
        raise fault(folder, "is not a folder", "a folder with faq.csv and queries.csv")
    entries = table(folder / "faq.csv", "faq_id", "question", "answers")
    queries = table(folder / "queries.csv", "faq_id", "query")
    articles = tuple(Article(row["faq_id"], row["question"], row["answers"]) for row in entries)
    known = Counter(article.id for article in articles)
    if len(known) < 4 or len(known) < len(articles):
        raise fault(folder / "faq.csv", "has too few entries, or one faq_id twice", "four entries or more")
    for row in queries:
        if row["faq_id"] not in known:
            raise fault(folder / "queries.csv", f"asks for {row['faq_id']!r}, no entry of faq.csv", "its faq_id")
    asked = tuple((row["faq_id"], row["query"]) for row in queries)
    texts = list(dict.fromkeys((*Library(articles).texts, *(query for _, query in asked))))
    return _Set(articles, asked, dict(zip(texts, encoder.embed(texts), strict=True)))


def _half(ids: Sequence[str], seed: int) -> list[str]:
    shuffled = list(ids)
    Random(seed).shuffle(shuffled)  # noqa: S311 - the same halves every time
    return shuffled[: len(shuffled) // 2]


def _cases(given: _Set, kept: frozenset[str]) -> list[_Case]:
    """Every query asked of a library of these entries."""
    library, cases = given.library(kept), []
    for entry, query in given.asked:
        best = library.search(query, 1, given.meanings[query])[0]
        cases.append(_Case(best.score, best.article.id == entry, entry in kept, entry))
    return cases


def _with_half(cases: Sequence[_Case]) -> dict[str, Figure]:
    """What is right, covered and wrongly answered at the shipped threshold, and the calibration error."""
    chances, right, answerable = (
        np.array([getattr(case, name) for case in cases], np.float64) for name in ("probability", "right", "answerable")
    )
    told = (chances >= AT_LEAST).astype(np.float64)
    groups = [case.entry for case in cases]

    def part(of: Scores, among: Scores) -> Figure:
        """The share of `of` in `among`, entries resampled."""
        counted = resampled(lambda some: float(of[some].sum() / max(1.0, among[some].sum())), groups)
        return Figure(counted.value, int(among.sum()), counted.low, counted.high)

    def error(some: Indices) -> float:
        return calibration_error(chances[some], right[some] > 0)

    return {
        "precision": part(told * right, told),
        "coverage": part(told * right, answerable),
        "out_of_scope_answered": part(told * (1 - answerable), 1 - answerable),
        "ece": resampled(error, groups),
    }


def _baseline(given: _Set) -> dict[str, Figure]:
    """Top-1 of what is simpler, none removed, over the entries' questions (BM25: with their answers)."""
    queries = [query for _, query in given.asked]
    questions = [article.question for article in given.articles]
    whole = [f"{article.question} {article.answer}" for article in given.articles]
    right = np.array([[article.id == entry for article in given.articles] for entry, _ in given.asked])
    cosine = np.stack([given.meanings[q] for q in queries]) @ np.stack([given.meanings[q] for q in questions]).T
    scores = {
        "top1_bm25": _bm25([Counter(words(text)) for text in whole], [words(query) for query in queries]),
        "top1_ngrams": _tf_idf([_ngrams(text) for text in questions], [_ngrams(query) for query in queries]),
        "top1_cosine": cosine,
    }
    each = np.arange(len(queries))
    return {name: share(int(right[each, found.argmax(1)].sum()), len(each)) for name, found in scores.items()}


def _ngrams(text: str) -> Counter[str]:
    padded = f" {' '.join(words(text))} "
    return Counter(padded[at : at + size] for size in SIZES for at in range(len(padded) - size + 1))


def _bm25(documents: Sequence[Counter[str]], queries: Sequence[Sequence[str]]) -> Scores:
    average = sum(map(Counter.total, documents)) / len(documents) or 1.0
    frequency = Counter(word for document in documents for word in document)
    scores = np.zeros((len(queries), len(documents)))
    for column, document in enumerate(documents):
        damping = SATURATION * (1 - LENGTH + LENGTH * document.total() / average)
        for row, query in enumerate(queries):
            for word in query:
                if word in document:
                    rarity = math.log(1 + (len(documents) - frequency[word] + 0.5) / (frequency[word] + 0.5))
                    scores[row, column] += rarity * document[word] * (SATURATION + 1) / (document[word] + damping)
    return scores


def _tf_idf(documents: Sequence[Counter[str]], queries: Sequence[Counter[str]]) -> Scores:
    frequency = Counter(gram for document in documents for gram in document)
    places = {gram: place for place, gram in enumerate(frequency)}
    rarity = np.array([1 + math.log((1 + len(documents)) / (1 + frequency[gram])) for gram in places])

    def unit(counted: Sequence[Counter[str]]) -> Scores:
        rows = np.zeros((len(counted), len(places)))
        for row, counts in zip(rows, counted, strict=True):
            for gram, count in counts.items():
                if gram in places:
                    row[places[gram]] = 1 + math.log(count)
        rows *= rarity
        length: Scores = np.maximum(np.sqrt((rows * rows).sum(1, keepdims=True)), 1e-9)
        return rows / length

    found: Scores = unit(queries) @ unit(documents).T
    return found
