"""The bot's written knowledge as a library of articles that can be searched: FAQ entries and knowledge pages.

What an article is, how it is found and how sure the match is belong here; counting n-grams is core.retrieval's, the
syntax of the files core.articles'. The files are read once, when the library is built.

Calibration: `Found.score` is the probability that the article answers the question, where half of what customers ask is
not in the library at all. Its constants are fitted by tools/fit_library.py, which prints the figures below again:
public FAQ entries with rephrasings by other people, half of the entries removed, constants fitted on one half of the
entries and measured on the other (both ways round, 6 draws each):

    half 1, n=1860: calibration error 0.031; from 0.6: precision 0.88, coverage 0.63, out of scope answered 7.9 %
                                             from 0.7: precision 0.92, coverage 0.54, out of scope answered 4.4 %
    half 0, n=1920: calibration error 0.089; from 0.6: precision 0.96, coverage 0.66, out of scope answered 2.8 %
                                             from 0.7: precision 0.98, coverage 0.58, out of scope answered 1.4 %

Only the formula is cross-fitted: n-gram size, stem length and the other settings of the index were chosen with all of
these entries in view, and the shipped constants are fitted on everything, so expect somewhat less on other text.

Without removing any entry the best article is the right one for 0.867 of the 630 rephrasings (character n-gram TF-IDF
alone 0.795, BM25 0.656 on the same set). On intents that differ by a word it is worth less: from 0.7 precision 0.75.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from core.articles import Article, parse_csv, parse_faq_markdown, parse_faq_yaml, parse_intents_yaml, parse_knowledge
from core.errors import Problem, SettingsError
from core.retrieval import GramIndex, StemIndex, stems
from core.words import clip, words

__all__ = ["Article", "Evidence", "Found", "Library", "read_faq", "read_intents", "read_knowledge"]

WORDINGS = 3
"""The power mean by which several wordings of one article support each other: 1 would add them up, a high power take
the best alone. 3 is best or level with 2 and 4 on data/banking77 and data/bitext at 1 to 12 wordings."""

EXACT = 0.99
"""The probability where the question is one of an article's own wordings: set by hand, not measured."""

POLITE = frozenset({"please", "hi", "hello", "hey", "thanks", "hej", "tak", "venligst", "hallo", "bitte", "danke"})
"""Words that do not stand in the way of being the same question."""

LONGEST_NUMBER = 5
"""A word with a digit and this many characters is a number of something, never part of the question."""

WEIGHTS = (3.19, 2.03, 2.94, 1.6, 2.12, -0.79)
INTERCEPT = -4.53
"""The logistic formula over `Evidence`, in its order; see the module's docstring."""


@dataclass(frozen=True, slots=True)
class Found:
    """One article a search brought up; `score` is the calibrated probability that it answers, 0 to 1."""

    article: Article
    score: float


REMEMBERED, MOST_FOUND = 256, 5
"""Questions whose articles are remembered (one answer asks several times), and how many of each."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for one article: the logistic formula's inputs, all 0 to 1 but `lead`, which may be below 0.

    `wording` likeness to its wordings, `body` share of the question's weight in its text, `lead` over the best other
    article and `relative` the same as a share, `length` of the question, `single` 1 when one word carries it all.
    `exact` when the question is one of the wordings, and no formula is asked.
    """

    wording: float
    body: float
    lead: float
    relative: float
    length: float
    single: float
    exact: bool = False

    @property
    def probability(self) -> float:
        """The calibrated probability that the article answers."""
        if self.exact:
            return EXACT
        inputs = (self.wording, self.body, self.lead, self.relative, self.length, self.single)
        return 1 / (1 + math.exp(-INTERCEPT - sum(w * x for w, x in zip(WEIGHTS, inputs, strict=True))))


class Library:
    """Articles with an index over them. Building takes about 0.1 ms an article; it never changes afterwards."""

    def __init__(self, articles: Iterable[Article]) -> None:
        self.articles = tuple(articles)
        wordings = [(n, text) for n, a in enumerate(self.articles) for text in (a.question, *a.asked_as)]
        self._recent: dict[str, list[Found]] = {}
        self._owners = [n for n, _ in wordings]
        self._wordings = GramIndex([text for _, text in wordings])
        self._exact = {_core(words(text)): n for n, text in reversed(wordings)}
        self._bodies = StemIndex([" ".join((a.question, *a.asked_as, a.answer)) for a in self.articles])

    def search(self, text: str, limit: int = 5) -> list[Found]:
        """The articles that may answer the text, best first, at most `limit` of 5; empty when no word is known."""
        found = self._recent.get(text)
        if found is None:
            if len(self._recent) >= REMEMBERED:
                self._recent.clear()
            found = [Found(article, evidence.probability) for article, evidence in self.evidence(text, MOST_FOUND)]
            self._recent[text] = found
        return found[:limit]

    def evidence(self, text: str, limit: int = 5) -> list[tuple[Article, Evidence]]:
        """Like `search`, with what speaks for each article instead of the probability."""
        tokens = _tokens(text)
        same = self._exact.get(_core(tokens), -1)
        cubes: dict[int, float] = {}
        for number, likeness in self._wordings.search(tokens).items():
            owner = self._owners[number]
            cubes[owner] = cubes.get(owner, 0.0) + likeness**WORDINGS
        bodies = self._bodies.search(tokens)
        scored = [(c ** (1 / WORDINGS) + bodies.get(n, 0.0), n) for n, c in cubes.items()]
        scored += [(body, n) for n, body in bodies.items() if n not in cubes]
        scored = heapq.nsmallest(max(limit, 2), scored, key=lambda pair: (pair[1] != same, -pair[0], pair[1]))
        carried = len(set(stems(tokens)))
        best, second = (scored[0][0], scored[1][0] if len(scored) > 1 else 0.0) if scored else (0.0, 0.0)
        return [
            (self.articles[n], _weigh(score, bodies.get(n, 0.0), second if i == 0 else best, carried, exact=n == same))
            for i, (score, n) in enumerate(scored[:limit])
        ]


def _weigh(score: float, body: float, rival: float, carried: int, *, exact: bool) -> Evidence:
    return Evidence(
        wording=min(1.0, score - body),
        body=body,
        lead=score - rival,
        relative=(score - rival) / max(score, rival, 1e-9),
        length=min(carried, 12) / 12,
        single=1.0 if carried <= 1 else 0.0,
        exact=exact,
    )


@lru_cache(maxsize=REMEMBERED)
def _tokens(text: str) -> tuple[str, ...]:
    """The words of a question without numbers, "where's" as "where is"."""
    tokens: list[str] = []
    for token in words(clip(text)):
        if token.endswith("'s"):
            tokens += (token[:-2], "is")
        elif not _is_number(token):
            tokens.append(token)
    return tuple(tokens)


def _core(tokens: Iterable[str]) -> tuple[str, ...]:
    """The words that make it this question; all of them when it is nothing but polite."""
    every = tuple(tokens)
    return tuple(token for token in every if token not in POLITE) or every


def _is_number(token: str) -> bool:
    """Whether it is an order number or the like: unlike any article, it would only hide what is asked."""
    return len(token) >= LONGEST_NUMBER and any(c.isdigit() for c in token)


_FAQ_SYNTAXES = {".yaml": parse_faq_yaml, ".yml": parse_faq_yaml, ".csv": parse_csv, ".md": parse_faq_markdown}


def read_faq(path: Path) -> tuple[Article, ...]:
    """The entries of a FAQ file: YAML, CSV or Markdown, by its ending. Raises SettingsError with every fault found."""
    parse = _FAQ_SYNTAXES.get(path.suffix.lower())
    if parse is None:
        raise _fault(path, f"cannot read {path.suffix or 'this'} as FAQ", "a .yaml, .csv or .md file")
    return parse(_text(path), str(path))


def read_intents(path: Path) -> tuple[Article, ...]:
    """The intents of a YAML file as articles: the name is the id, the examples the wordings. Raises SettingsError."""
    return parse_intents_yaml(_text(path), str(path))


def read_knowledge(folder: Path) -> tuple[Article, ...]:
    """Every section of every Markdown page in the folder, files in alphabetical order. Raises SettingsError."""
    if not folder.is_dir():
        raise _fault(folder, "there is no such folder", "the path of a folder with .md pages")
    return tuple(article for page in sorted(folder.glob("*.md")) for article in parse_knowledge(_text(page), str(page)))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise _fault(path, f"cannot be read: {error.strerror}", "the path of a file") from error
    except UnicodeDecodeError as error:
        raise _fault(path, "is not UTF-8 text", "the file saved as UTF-8") from error


def _fault(path: Path, what: str, write: str) -> SettingsError:
    return SettingsError([Problem(str(path), 1, 1, what, write)])
