"""The bot's written knowledge as a library of articles that can be searched: FAQ entries and knowledge pages.

What an article is and how it is found belong here; how sure a match is lives in core.evidence, counting n-grams in
core.retrieval, vectors in core.likeness, the syntax of the files in core.articles. The files are read once, when the
library is built.
"""

from __future__ import annotations

import heapq
from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from core.articles import Article, parse_csv, parse_faq_markdown, parse_faq_yaml, parse_intents_yaml, parse_knowledge
from core.details import details, differ
from core.errors import Problem, SettingsError
from core.evidence import Evidence, Meant
from core.likeness import MeaningIndex, Near
from core.retrieval import GramIndex, StemIndex, stems
from core.words import clip, words

if TYPE_CHECKING:
    from core.meaning import Vector

__all__ = ["Article", "Evidence", "Found", "Library", "Meant", "read_faq", "read_intents", "read_knowledge"]

WORDINGS = 3
"""The power mean by which several wordings of one article support each other: 1 would add them up, a high power take
the best alone. 3 is best or level with 2 and 4 on data/banking77 and data/bitext at 1 to 12 wordings."""

WHOLE, WORDS, UNLIKE = 0.7, 0.2, 0.2
"""What ranks articles beside the cosine with the nearest wording, once meanings are known: cosine with the whole
article and likeness in words; what differs in detail counts against. Top-1 on data/faq (n=630): 0.983; the first alone
0.976."""

LOOKED_AT = 6
"""Articles nearest in meaning that are compared by words and details as well."""

POLITE = frozenset({"please", "hi", "hello", "hey", "thanks", "hej", "tak", "venligst", "hallo", "bitte", "danke"})
"""Words that do not stand in the way of being the same question."""

LONGEST_NUMBER = 5
"""A word with a digit and this many characters is a number of something, never part of the question."""


@dataclass(frozen=True, slots=True)
class Found:
    """One article a search brought up; `score` is the calibrated probability that it answers, 0 to 1.

    `meant` when it was found by what the question means, not by its words alone.
    """

    article: Article
    score: float
    meant: bool = False


REMEMBERED, MOST_FOUND = 256, 5
"""Questions whose articles are remembered (one answer asks several times), and how many of each."""


class Library:
    """Articles with an index over them. Building takes about 0.1 ms an article.

    `learn` adds what its texts mean, once, when an encoder has read them; without it words alone are compared.
    """

    def __init__(self, articles: Iterable[Article]) -> None:
        self.articles = tuple(articles)
        wordings = [(n, text) for n, a in enumerate(self.articles) for text in (a.question, *a.asked_as)]
        self._recent: dict[tuple[str, bool], tuple[int, list[Found]]] = {}
        self._owners = [n for n, _ in wordings]
        self._wordings = GramIndex([text for _, text in wordings])
        self._details = [details(words(text)) for _, text in wordings]
        self._exact = {_core(words(text)): n for n, text in reversed(wordings)}
        bodies = [" ".join((a.question, *a.asked_as, a.answer)) for a in self.articles]
        self._bodies = StemIndex(bodies)
        self.texts = (*(text for _, text in wordings), *bodies)
        self._meanings: MeaningIndex | None = None

    def learn(self, vectors: Sequence[Vector]) -> None:
        """The meanings of `texts`, in their order; from now on a question with a meaning is compared by it."""
        if not self.articles:
            return
        wordings = len(self._owners)
        self._meanings = MeaningIndex(self._owners, vectors[:wordings], vectors[wordings:], WHOLE)
        self._recent.clear()

    def search(self, text: str, limit: int = 5, meaning: Vector | None = None) -> list[Found]:
        """The articles that may answer the text, best first, at most `limit` of 5; empty when nothing speaks for any.

        With its `meaning`, and once meanings are learned, they are found by that, otherwise by words.
        """
        meant = meaning is not None and self._meanings is not None
        known, found = self._recent.get((text, meant), (0, []))
        if known < min(limit, MOST_FOUND):
            known = min(limit, MOST_FOUND) if meant else MOST_FOUND  # by words the first takes as long as all
            evidence = self.meant(text, meaning, known) if meaning is not None and meant else self.evidence(text)
            found = [Found(article, each.probability, meant) for article, each in evidence]
            if len(self._recent) >= REMEMBERED:
                self._recent.clear()
            self._recent[text, meant] = known, found
        return found[:limit]

    def meant(self, text: str, meaning: Vector, limit: int = 5) -> list[tuple[Article, Meant]]:
        """What speaks for each article by the meaning of a question; nothing before meanings are learned."""
        if self._meanings is None or limit < 1:
            return []
        tokens = _tokens(text)
        same = self._exact.get(_core(tokens), -1)
        near = self._meanings.best(meaning, LOOKED_AT)
        if same >= 0 and all(each.article != same for each in near):
            near.append(self._meanings.compare(same, meaning))
        found = []
        for each, alike, numbers in self._ranked(near, tokens, same, limit):
            lead = each.cosine - max([rival.cosine for rival in near if rival is not each], default=0.0)
            meant = Meant(each.cosine, each.whole, alike, lead, numbers, exact=each.article == same)
            found.append((self.articles[each.article], meant))
        return found

    def _ranked(
        self, near: Sequence[Near], tokens: Sequence[str], same: int, limit: int
    ) -> list[tuple[Near, float, float]]:
        """The best `limit`, each with its likeness in words and whether it is about other numbers. Words are compared
        only where they can change who that is, the opposite counts only beside a twin.
        """
        asked, like, twins = details(tokens), self._wordings.like(tokens), list[bool]()
        differences = [differ(asked, self._details[each.wording]) for each in near]
        hopes = [  # as if all words were the same
            (each.article != same, -_rank(each, 1.0, numbers), i)
            for i, (each, (numbers, _)) in enumerate(zip(near, differences, strict=True))
        ]
        ranked: list[tuple[bool, float, int, float]] = []
        for hope in sorted(hopes):
            if len(ranked) >= limit and hope > ranked[limit - 1]:
                break
            other, _, i = hope
            alike, (unlike, opposite) = like(near[i].wording), differences[i]
            if opposite and self._meanings is not None:
                twins = twins or self._meanings.twins([each.wording for each in near])
                unlike += opposite if twins[i] else 0.0
            insort(ranked, (other, -_rank(near[i], alike, unlike), i, alike))
        return [(near[i], alike, differences[i][0]) for _, _, i, alike in ranked[:limit]]

    def _likeness(self, tokens: Sequence[str]) -> dict[int, float]:
        """The likeness in words of each article that shares any with the question."""
        cubes: dict[int, float] = {}
        for number, likeness in self._wordings.search(tokens).items():
            owner = self._owners[number]
            cubes[owner] = cubes.get(owner, 0.0) + likeness**WORDINGS
        return {number: min(1.0, cube ** (1 / WORDINGS)) for number, cube in cubes.items()}

    def evidence(self, text: str, limit: int = 5) -> list[tuple[Article, Evidence]]:
        """Like `search`, with what speaks for each article instead of the probability."""
        tokens = _tokens(text)
        same = self._exact.get(_core(tokens), -1)
        alike = self._likeness(tokens)
        bodies = self._bodies.search(tokens)
        scored = [(likeness + bodies.get(n, 0.0), n) for n, likeness in alike.items()]
        scored += [(body, n) for n, body in bodies.items() if n not in alike]
        scored = heapq.nsmallest(max(limit, 2), scored, key=lambda pair: (pair[1] != same, -pair[0], pair[1]))
        carried = len(set(stems(tokens)))
        best, second = (scored[0][0], scored[1][0] if len(scored) > 1 else 0.0) if scored else (0.0, 0.0)
        return [
            (self.articles[n], _weigh(score, bodies.get(n, 0.0), second if i == 0 else best, carried, exact=n == same))
            for i, (score, n) in enumerate(scored[:limit])
        ]


def _rank(near: Near, alike: float, unlike: float) -> float:
    return near.cosine + WHOLE * near.whole + WORDS * alike - UNLIKE * unlike


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
        if token.isalpha():
            tokens.append(token)
        elif token.endswith("'s"):
            tokens += (token[:-2], "is")
        elif not _is_number(token):
            tokens.append(token)
    return tuple(tokens)


def _core(tokens: Iterable[str]) -> tuple[str, ...]:
    """The words that make it this question; all of them when it is nothing but polite."""
    every = tuple(tokens)
    return every if POLITE.isdisjoint(every) else tuple([each for each in every if each not in POLITE]) or every


def _is_number(token: str) -> bool:
    """Whether it is an order number or the like: unlike any article, it would only hide what is asked."""
    return len(token) >= LONGEST_NUMBER and not token.isalpha() and any(c.isdigit() for c in token)


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
