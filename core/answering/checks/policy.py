"""The policy lock: what a business could be held to must stand in a source (`Prompt.sources`).

Amounts, percentages, dates, spans of time, numbers, links, addresses and promises. What the customer wrote vouches for
numbers and dates ("your order 4471 of 3 May"), except in a sentence that promises something. A sentence is held from
the first mark of any of these until it ends. How they are read is in core.answering.facts and `_promises`; whether a
statement without any is true is not checked.
"""

from __future__ import annotations

from functools import lru_cache

import re2

from core.answering.checks._promises import promises, stated
from core.answering.facts import facts, grounds, plain
from core.answering.quantities import MONTHS, NUMBER_WORDS
from core.answering.request import Request
from core.answering.screen import Check, Watch
from core.tiers import Prompt
from core.words import fold

ONLY_SOURCES = frozenset({"link", "address"})
"""Kinds a customer's own words never vouch for."""

_PROMISING = (
    "will shall going have has been guarantee promise i'm we're i'll we'll i've we've they'll they've you'll am are "
    "jeg vi vil skal har er blev får garanterer lover kollega medarbejder "
    "ich wir werde werden wird habe haben hat wurde wurden ist sind garantieren garantiere verspreche versprechen "
    "erhalten erhältst bekommen bekommst"
)
_NAMES = "|".join({*_PROMISING.split(), *MONTHS, *NUMBER_WORDS, "http", "https", "www", "within"})
_RISKY = re2.compile(
    rf"([\p{{Nd}}$€£¥₹%@])|(?:^|[^\pL])({_NAMES})(?:$|[^\pL])|(\pL*'(?:ll|ve|re|m))|([\pL\pN]\.[\pL\pN])"
)


def build() -> Check:
    """The check. What it finds is never shown."""
    return Check("policy", False, _watch)


def _watch(prompt: Prompt, _: Request) -> Watch:
    return Watch(sentence=lambda text: _unfounded(text, prompt), free=_free)


def _unfounded(text: str, prompt: Prompt) -> str:
    """The first thing in the sentence that no source vouches for, in words."""
    folded = plain(text)
    if not _RISKY.search(folded):
        return ""
    promised, claimed = promises(folded), facts(text)
    for words, form in promised:
        if not any(form in _stated(source) for source in prompt.sources):
            return f"no source promises {words!r}"
    for fact in claimed:
        founded = any(not fact.forms.isdisjoint(grounds(source)) for source in prompt.sources)
        own = not promised and fact.kind not in ONLY_SOURCES
        if not founded and not (own and _said(prompt, fact.forms)):
            return f"no source holds the {fact.kind} {fact.written!r}"
    return ""


def _said(prompt: Prompt, forms: frozenset[str]) -> bool:
    """Whether the customer wrote it."""
    return any(line.role == "user" and not forms.isdisjoint(grounds(line.text)) for line in prompt.lines)


@lru_cache(maxsize=1_024)
def _stated(source: str) -> frozenset[str]:
    return stated(plain(source))


def _free(text: str) -> int:
    """All before the first risky mark; the last word may still become one."""
    folded = fold(text.replace("ß", "s"))
    if len(folded) != len(text):
        return 0
    found = _RISKY.search(folded)
    last = max(folded.rfind(" "), folded.rfind("\n")) + 1
    return min(max(map(found.start, range(1, 5))), last) if found else last
