"""Makes the trigram weights of the language signal and prints how good the signal is.

    python tools/fit_language.py PROFILES ../shared/data

PROFILES is the folder `langdetect/profiles` of the PyPI package langdetect 1.0.9 (Apache-2.0): per language how often
each run of one to three letters stands in Wikipedia's abstracts. What is printed is measured on other text:
requests.csv (xSID), the tweets of tweetsumm, and benchmarks/data/asks_for_person.csv.
"""

# ruff: noqa: T201 - a script prints

from __future__ import annotations

import csv
import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import log
from pathlib import Path

from core.evaluation._measures import calibration_error, share
from core.evaluation.language import DIALECTS, Told, is_counted, tell
from core.signals import language
from core.signals._language import CODES, FIRST_FLOOR, FLOOR, WEIGHTS, bare, frequent_words
from core.signals.language import DOT

MARKLESS = 0.15
"""How much of the text is taken to be typed without accents."""

LEAST = 2
"""A smaller gain is not written down."""

HEADER = """\
# How much likelier each language makes a trigram than chance does, in tenths of a nat: `gain: trigram trigram ...`.
# `_` is the border of a word. Made by tools/fit_language.py from the letter counts in the package langdetect 1.0.9
# (Copyright 2010-2014 Cybozu Labs and contributors, Apache License 2.0), which were counted on Wikipedia's abstracts.
"""
Row = tuple[str, str, str]
"""(set, text, language)."""


def runs(code: str, profiles: Path) -> Iterator[tuple[str, float]]:
    """Trigrams and how often they stand in a language's text; without a profile, in the list of its frequent words."""
    if not (profiles / code).exists():
        padded = [f" {word} " for word in frequent_words()[code]]
        yield from ((word[start : start + 3], 1.0) for word in padded for start in range(len(word) - 2))
        return
    for run, count in json.loads((profiles / code).read_text(encoding="utf-8"))["freq"].items():
        if len(run) == 3 and all(c == " " or (c.isalpha() and c < "\u0370") for c in run):
            yield run.lower().replace(DOT, ""), count


def gains(code: str, profiles: Path) -> dict[str, int]:
    """Trigram -> gain of one language."""
    counts: defaultdict[str, float] = defaultdict(float)
    for trigram, count in runs(code, profiles):
        counts[trigram] += count * (1 - MARKLESS)
        counts[bare(trigram)] += count * MARKLESS
    before: defaultdict[str, float] = defaultdict(float)
    for trigram, count in counts.items():
        before[_before(trigram)] += count
    found = {}
    for trigram, count in counts.items():
        floor = FIRST_FLOOR if trigram[0] == " " else FLOOR
        found[trigram] = round(floor + 10 * log(0.93 * count / before[_before(trigram)] + 1e-4))
    return {trigram: gain for trigram, gain in found.items() if gain >= LEAST}


def _before(trigram: str) -> str:
    """What a trigram's last letter is told from; at the start of a word its first two letters are told at once."""
    return " " if trigram[0] == " " else trigram[:2]


def written(profiles: Path) -> Iterator[str]:
    """The lines of the weights' file."""
    for code in CODES:
        levels = defaultdict(list)
        for trigram, gain in gains(code, profiles).items():
            levels[gain].append(trigram.replace(" ", "_"))
        yield f"[{code}]"
        for gain in sorted(levels, reverse=True):
            yield f"{gain}: {' '.join(sorted(levels[gain]))}"


def rows(shared: Path) -> Iterator[Row]:
    """Every message of three words or more, addresses left out; of five letters or more in zh, ja and th."""
    with (shared / "lang" / "requests.csv").open(encoding="utf-8", newline="") as lines:
        every: list[Row] = [("requests", line["text"], line["language"]) for line in csv.DictReader(lines)]
    with (shared / "tweetsumm" / "dialogues.jsonl").open(encoding="utf-8") as lines:
        every += [("tweets", turn["text"], "en") for line in lines for turn in json.loads(line)["turns"]]
    asks = Path(__file__).parents[1] / "benchmarks" / "data" / "asks_for_person.csv"
    if asks.exists():
        with asks.open(encoding="utf-8", newline="") as lines:
            every += [("chat", line["text"], line["language"]) for line in csv.DictReader(lines)]
    yield from (row for row in every if is_counted(row[1], row[2]))


def report(every: Sequence[Row], languages: Sequence[str]) -> None:
    """A line for each set and language: n, share right with its interval, share wrong, share unknown."""
    signal = language.build(languages=languages)
    found: dict[tuple[str, str], list[Told]] = defaultdict(list)
    for (name, _, wanted), told in zip(every, tell([row[1:] for row in every], signal), strict=True):
        found[name, wanted].append(told)
    print(f"\nconfigured: {', '.join(languages) or 'none'}")
    for (name, wanted), some in sorted(found.items()):
        rights, unknown, n = sum(one.right for one in some), sum(not one.named for one in some), len(some)
        right = share(rights, n)
        told_right = (
            f"right {right.value:.3f} ({right.low:.3f}-{right.high:.3f}) wrong {(n - rights - unknown) / n:.3f}"
        )
        print(f"{name:9} {wanted:6} n {n:5} {told_right} unknown {unknown / n:.3f}")
    for name in sorted({name for name, _ in found}):
        named = [one for (a, w), some in found.items() if a == name and w not in DIALECTS for one in some if one.named]
        error = calibration_error([one.score for one in named], [one.right for one in named])
        print(f"{name}: calibration error of what is named {error:.3f} (n {len(named)})")


def main(profiles: Path, shared: Path) -> None:
    """Write the weights and print the figures."""
    WEIGHTS.write_text(HEADER + "\n".join(written(profiles)) + "\n", encoding="utf-8")
    every = list(rows(shared))
    for languages in ((), ("en", "da", "de")):
        report(every, languages)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
