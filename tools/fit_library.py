"""Fits the calibration of core/evidence.py and prints what a match is worth, by words and by meaning.

    python tools/fit_library.py ../shared/data

Half of the entries are removed, so half of the questions have no answer in the library. Constants for a figure are
fitted on other entries: public FAQ entries in two halves, each measured with constants from the other half plus
intents of a bank and a shop used as if they were FAQ entries with 1 or 4 wordings. The printed constants are fitted
on everything.
"""

# ruff: noqa: T201, S311 - a script prints, and shuffles repeatably

from __future__ import annotations

import csv
import random
import sys
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from logistic import fit, squash

from core.encoder.onnx import build
from core.evaluation._measures import calibration_error
from core.library import Article, Library
from core.meaning import Encoder

if TYPE_CHECKING:
    from core.meaning import Vector

RIDGE = 0.001
DRAWS = 6
OTHERS_LEFT_OUT = 5
"""By meaning one of so many cases of a bank and a shop is learned from: their intents lie closer together than a FAQ's
entries, so that all of them make the formula too cautious for a FAQ."""

LEVELS = (0.5, 0.55, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, slots=True)
class Set:
    """Articles and (article id, question) pairs."""

    articles: tuple[Article, ...]
    questions: tuple[tuple[str, str], ...]

    def only(self, ids: Iterable[str]) -> Set:
        """The part of it about these articles."""
        kept = frozenset(ids)
        return Set(tuple(a for a in self.articles if a.id in kept), tuple(q for q in self.questions if q[0] in kept))


@dataclass(frozen=True, slots=True)
class Case:
    """The best match of one question: its evidence, whether it is right, whether an answer was there at all."""

    evidence: tuple[float, ...]
    right: bool
    answerable: bool


def rows(path: Path) -> list[dict[str, str]]:
    """A CSV file's rows."""
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def faq(data: Path) -> Set:
    """The public FAQ entries and other people's rephrasings."""
    articles = (Article(r["faq_id"], r["question"], r["answers"]) for r in rows(data / "faq" / "faq.csv"))
    return Set(tuple(articles), tuple((r["faq_id"], r["query"]) for r in rows(data / "faq" / "queries.csv")))


def classes(path: Path, label: str, text: str, wordings: int) -> Set:
    """Labelled sentences as articles of so many wordings, eight other sentences of each as questions."""
    by: dict[str, list[str]] = {}
    for row in rows(path):
        by.setdefault(row[label], []).append(row[text])
    shuffle = random.Random(1)
    for sentences in by.values():
        shuffle.shuffle(sentences)
    articles = (Article(name, s[0], "", tuple(s[1:wordings])) for name, s in by.items())
    return Set(tuple(articles), tuple((name, t) for name, s in by.items() for t in s[-8:]))


class Asked:
    """A library as it is asked: by words or, given an encoder, by meaning."""

    vectors: ClassVar[dict[str, Vector]] = {}

    def __init__(self, library: Library, encoder: Encoder | None) -> None:
        self._library = library
        self._encoder = encoder
        if encoder:
            library.learn(self._meanings(library.texts))

    def best(self, questions: Sequence[str]) -> list[tuple[str, tuple[float, ...]]]:
        """For each question the best article's id and what speaks for it; none where no word is known."""
        if self._encoder is None:
            found = [self._library.evidence(question, limit=1) for question in questions]
            return [(f[0][0].id, astuple(f[0][1])[:-1]) if f else ("", (0.0,) * 6) for f in found]
        meanings = self._meanings(questions)
        meant = [self._library.meant(question, m, 1)[0] for question, m in zip(questions, meanings, strict=True)]
        return [(article.id, astuple(evidence)[:4]) for article, evidence in meant]

    def _meanings(self, texts: Sequence[str]) -> list[Vector]:
        new = [text for text in dict.fromkeys(texts) if text not in self.vectors]
        if self._encoder and new:
            self.vectors.update(zip(new, self._encoder.embed(new), strict=True))
        return [self.vectors[text] for text in texts]


def cases(given: Set, seed: int, encoder: Encoder | None, share: float = 0.5) -> list[Case]:
    """Every question asked of a library of which a random share of the articles is left."""
    ids = [a.id for a in given.articles]
    random.Random(seed).shuffle(ids)
    kept = frozenset(ids[: int(len(ids) * share)])
    asked = Asked(Library(given.only(kept).articles), encoder)
    best = asked.best([question for _, question in given.questions])
    return [
        Case(evidence, found == name, name in kept)
        for (name, _), (found, evidence) in zip(given.questions, best, strict=True)
    ]


def learn(known: Sequence[Case]) -> tuple[list[float], float]:
    """Weights and intercept."""
    return fit([c.evidence for c in known], [c.right for c in known], RIDGE)


def show(name: str, known: Sequence[Case], weights: Sequence[float], intercept: float) -> None:
    """Precision, coverage and out-of-scope share at each level."""
    scored = [(squash(intercept + sum(w * x for w, x in zip(weights, c.evidence, strict=True))), c) for c in known]
    inside = sum(c.answerable for c in known)
    print(f"{name}: n={len(known)}, answerable {inside}, ", end="")
    print(f"calibration error {calibration_error([p for p, _ in scored], [c.right for _, c in scored]):.3f}")
    for level in LEVELS:
        given = [c for p, c in scored if p >= level]
        right = sum(c.right for c in given)
        wrongly = sum(not c.answerable for c in given) / (len(known) - inside)
        shares = f"precision {right / len(given):.3f}, coverage {right / inside:.3f}, out of scope {wrongly:.3f}"
        print(f"  from {level}: {shares}")


def report(data: Path, encoder: Encoder | None) -> None:
    """Print the figures and the constants."""
    entries = faq(data)
    top = [case.right for case in cases(entries, 0, encoder, share=1.0)]
    print(f"\nfaq, nothing removed: top-1 {sum(top) / len(top):.3f} (n={len(top)})")
    ids = [a.id for a in entries.articles]
    random.Random(7).shuffle(ids)
    halves = (entries.only(ids[:32]), entries.only(ids[32:]))
    bank, shop = data / "banking77" / "train.csv", data / "bitext" / "train.csv"
    others = [
        case
        for wordings in (1, 4)
        for given in (classes(bank, "category", "text", wordings), classes(shop, "intent", "utterance", wordings))
        for case in cases(given, 3, encoder)
    ]
    if encoder:
        others = others[::OTHERS_LEFT_OUT]
    drawn = [[c for seed in range(DRAWS) for c in cases(half, seed, encoder)] for half in halves]
    for learned, measured in ((0, 1), (1, 0)):
        show(f"faq half {measured}", drawn[measured], *learn(drawn[learned] + others))
    weights, intercept = learn(drawn[0] + drawn[1] + others)
    show("bank and shop intents (constants fitted on them as well)", others, weights, intercept)
    print("WEIGHTS =", tuple(round(w, 2) for w in weights))
    print("INTERCEPT =", round(intercept, 2))


if __name__ == "__main__":
    report(Path(sys.argv[1]), None)
    report(Path(sys.argv[1]), build())
