"""Two small inverted indexes over text, in pure Python: by character n-grams and by word stems.

Only counting and weighing belong here; what an article is and how sure a match is live in core.library. Scores are
comparable between documents for one query, not between queries: calibration is the caller's.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

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

Postings = tuple[list[int], list[float]]


def grams(tokens: Iterable[str]) -> dict[str, float]:
    """Each character trigram of each word with the word's borders, and its weighted count."""
    counts: dict[str, float] = {}
    earlier = counts.get
    for token in tokens:
        weight = STOP_WEIGHT if token in STOP_WORDS else 1.0
        padded = f" {token} "
        for i in range(len(padded) - SIZE + 1):
            gram = padded[i : i + SIZE]
            counts[gram] = earlier(gram, 0.0) + weight
    return counts


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
        for gram, weight in self._asked(tokens):
            found = postings(gram)
            if found:
                for number, share in zip(*found, strict=True):
                    scores[number] = earlier(number, 0.0) + weight * share
        return scores

    def likeness(self, tokens: Sequence[str], documents: Iterable[int]) -> list[float]:
        """The cosine with each of these documents; for a few far quicker than `search`."""
        asked, cosines = dict(self._asked(tokens)), []
        for number in documents:
            document = self._documents[number]
            shared = asked.keys() & document.keys()
            cosines.append(math.fsum([asked[gram] * document[gram] for gram in shared]))  # exact: in any order the same
        return cosines

    def _asked(self, tokens: Sequence[str]) -> list[tuple[str, float]]:
        """The n-grams of a question with their weights, of length 1 together."""
        rarity = self._rarity.get
        weighed = [
            (gram, (count if count <= 1 else 1 + math.log(count)) * rarity(gram, self._unseen))
            for gram, count in _asked_grams(tuple(tokens[:LONGEST_QUERY])).items()
        ]
        length = math.sqrt(sum(weight * weight for _, weight in weighed)) or 1.0
        return [(gram, weight / length) for gram, weight in weighed]

    def _unit(self, counts: Mapping[str, float]) -> dict[str, float]:
        weighed = {g: (c if c <= 1 else 1 + math.log(c)) * self._rarity[g] for g, c in counts.items()}
        length = math.sqrt(sum(w * w for w in weighed.values())) or 1.0
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


def _rarity(frequency: Mapping[str, int], documents: int) -> dict[str, float]:
    return {term: 1.0 + math.log((1 + documents) / (1 + count)) for term, count in frequency.items()}
