"""Two small inverted indexes over text, in pure Python: by character n-grams and by word stems.

Only counting and weighing belong here; what an article is and how sure a match is live in core.library. Scores are
comparable between documents for one query, not between queries: calibration is the caller's.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from sys import intern

from core.function_words import STOP_WORDS
from core.words import words

STOP_WEIGHT = 0.25
"""What an n-gram of a small word counts beside 1.0 for the others."""

ENOUGH = 4
"""Meaningful words from which a question's small words are left out: they halve the speed and tell nothing more then,
but tell "where is my order" from "cancel my order"."""

MOST_POSTINGS = 250
"""An n-gram found in more documents than this says too little to be worth following: it bounds the time of a query."""

SHARE_OF_POSTINGS = 0.15
"""The same bound as a share of the documents, for small collections."""

FEWEST_POSTINGS = 40
"""Below this number of documents nothing is cut."""

SIZE = 3
"""Characters of an n-gram. Top-1 on data/faq (n=630): 3 0.867, 4 0.862, 5 0.837, 3 and 4 together 0.865."""

STEM = 5
"""Characters of a word that stand for it; 5 is as good as 6 or the whole word on data/faq, and forgives endings."""

LONGEST_QUERY = 60
"""Words of a question that are looked up: twice the 99th percentile of the customers' messages in data/tweetsumm."""

WORDS_REMEMBERED, LONGEST_REMEMBERED = 4_096, 32
"""Words whose n-grams are kept, and how long such a word may be: most words have been read before. A few megabytes."""

Postings = tuple[list[int], list[float]]
Asked = tuple[dict[str, float], float]
"""A question's n-grams with their weights, and the length of all weights together."""


def grams(tokens: Sequence[str]) -> dict[str, float]:
    """Each character trigram of each word with the word's borders, and its weighted count."""
    telling = [token for token in tokens if token not in STOP_WORDS]
    counts: dict[str, float] = {}
    for gram in chain.from_iterable(map(_of_word, telling)):
        counts[gram] = counts[gram] + 1 if gram in counts else 1
    if len(telling) < len(tokens):
        for gram in chain.from_iterable(_of_word(token) for token in tokens if token in STOP_WORDS):
            counts[gram] = counts.get(gram, 0.0) + STOP_WEIGHT
    return counts


class _Grams(dict[str, tuple[str, ...]]):
    """The n-grams of any word; those of short words read before are kept."""

    def __missing__(self, token: str) -> tuple[str, ...]:
        padded = f" {token} "
        cut = tuple([intern(padded[i : i + SIZE]) for i in range(len(padded) - SIZE + 1)])  # found quicker in a dict
        if len(token) <= LONGEST_REMEMBERED:
            if len(self) >= WORDS_REMEMBERED:
                self.clear()
            self[token] = cut
        return cut


_of_word = _Grams().__getitem__


def stems(tokens: Iterable[str]) -> list[str]:
    """The words that carry meaning, each cut to its stem."""
    return [token[:STEM] for token in tokens if token not in STOP_WORDS and len(token) > 1]


@lru_cache(maxsize=256)
def _asked_grams(asked: tuple[str, ...]) -> Mapping[str, float]:
    """The n-grams of a question's telling words, of all its words when few tell; several indexes are asked the same."""
    carrying = [token for token in asked if token not in STOP_WORDS]
    return grams(carrying if len(carrying) >= ENOUGH else asked)


class GramIndex:
    """TF-IDF cosine between a text and short documents. `add` all documents by giving them at once."""

    def __init__(self, documents: Sequence[str]) -> None:
        counted = [grams(words(document)) for document in documents]
        frequency = Counter(gram for counts in counted for gram in counts)
        self._rarity = _rarity(frequency, len(counted))
        self._unseen = 1.0 + math.log(1 + len(counted))
        most = max(FEWEST_POSTINGS, min(MOST_POSTINGS, int(SHARE_OF_POSTINGS * len(counted))))
        units = [self._unit(counts) for counts in counted]
        self._documents = [{g: w for g, w in unit.items() if frequency[g] <= most} for unit in units]
        self._postings: dict[str, Postings] = {}
        for number, document in enumerate(self._documents):
            for gram, weight in document.items():
                numbers, weights = self._postings.setdefault(gram, ([], []))
                numbers.append(number)
                weights.append(weight)

    def search(self, tokens: Sequence[str]) -> dict[int, float]:
        """Document number -> cosine, 0 to 1, for every document that shares an n-gram with the words."""
        scores: dict[int, float] = {}
        earlier, postings = scores.get, self._postings.get
        asked, length = self._asked(tokens)
        for gram, weight in asked.items():
            found = postings(gram)
            if found:
                part = weight / length
                for number, share in zip(*found, strict=True):
                    scores[number] = earlier(number, 0.0) + part * share
        return scores

    def like(self, tokens: Sequence[str]) -> Callable[[int], float]:
        """What gives the cosine with a document by its number; for a few far quicker than `search`."""
        asked, length = self._asked(tokens)

        def cosine(document: int) -> float:
            known = self._documents[document].items()
            products = [weight * asked[gram] for gram, weight in known if gram in asked]
            return math.fsum(products) / length  # exact: in any order the same

        return cosine

    def _asked(self, tokens: Sequence[str]) -> Asked:
        """The n-grams of a question with their weights, to be compared with documents."""
        rarity, unseen = self._rarity, self._unseen
        counts = _asked_grams(tuple(tokens[:LONGEST_QUERY]))
        weights = {  # not with get(): half the time
            gram: (rarity[gram] if gram in rarity else unseen) * (1 if count == 1 else _damped(count))  # noqa: SIM401
            for gram, count in counts.items()
        }
        return weights, math.hypot(*weights.values()) or 1.0

    def _unit(self, counts: Mapping[str, float]) -> dict[str, float]:
        weighed = {gram: _damped(count) * self._rarity[gram] for gram, count in counts.items()}
        length = math.hypot(*weighed.values()) or 1.0
        return {gram: weight / length for gram, weight in weighed.items()}


class StemIndex:
    """BM25 (k1 1.2, b 0.6) by stems over longer documents, as a share of what a perfect match would score."""

    SATURATION, LENGTH = 1.2, 0.6

    def __init__(self, documents: Sequence[str]) -> None:
        counted = [Counter(stems(words(document))) for document in documents]
        frequency = Counter(stem for counts in counted for stem in counts)
        self._rarity = _rarity(frequency, len(counted))
        self._unseen = 1.0 + math.log(1 + len(counted))
        average = sum(counts.total() for counts in counted) / (len(counted) or 1) or 1.0
        self._postings: dict[str, Postings] = {}
        for number, counts in enumerate(counted):
            damping = self.SATURATION * (1 - self.LENGTH + self.LENGTH * counts.total() / average)
            for stem, count in counts.items():
                numbers, weights = self._postings.setdefault(stem, ([], []))
                numbers.append(number)
                weights.append(self._rarity[stem] * count / (count + damping))

    def search(self, tokens: Sequence[str]) -> dict[int, float]:
        """Document number -> share of the words' weight found in it, 0 to 1."""
        wanted = set(stems(tokens[:LONGEST_QUERY]))
        whole = sum(self._rarity.get(stem, self._unseen) for stem in wanted)
        scores: dict[int, float] = {}
        for stem in sorted(wanted):
            found = self._postings.get(stem)
            if found and len(found[0]) <= max(FEWEST_POSTINGS, 4 * MOST_POSTINGS):
                for number, share in zip(*found, strict=True):
                    scores[number] = scores.get(number, 0.0) + share / whole
        return scores

    def known(self, tokens: Sequence[str]) -> float:
        """The share of the words' weight that stands in any document at all; 0 when no word carries meaning."""
        wanted = set(stems(tokens[:LONGEST_QUERY]))
        whole = sum(self._rarity.get(stem, self._unseen) for stem in wanted)
        return sum(self._rarity[s] for s in sorted(wanted) if s in self._rarity) / whole if whole else 0.0


def _damped(count: float) -> float:
    return count if count <= 1 else 1 + math.log(count)


def _rarity(frequency: Mapping[str, int], documents: int) -> dict[str, float]:
    return {term: 1.0 + math.log((1 + documents) / (1 + count)) for term, count in frequency.items()}
