"""Promises and claims of having acted, in English, Danish and German: "we will refund", "I have cancelled".

A promise's form is what would be done and whether it is still to come, so "we'll refund" and "you will be refunded" are
the same one. Word lists are our own. Patterns run on RE2: linear in the length of the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import re2

_W = r"[^ ]+"
"""Any word. Classes of all letters would make patterns of a size that RE2 runs slowly."""

_DEEDS: Mapping[str, str] = {
    "refund": "refund reimburs repay repaid refunder tilbagebetal erstatt rückerstatt "
    "zurückerstatt zurückzahl zurückgezahlt",
    "cancel": "cancel annuller afbestil storn",
    "credit": "credit krediter godskriv gutschreib gutgeschrieben",
    "replace": "replac exchang ombyt erstat ersetz umtausch umgetauscht",
    "send": "send sent ship dispatch deliver mail sender sendt afsend lever gesendet schick geschickt verschick "
    "zusend zugesandt liefer geliefert",
    "contact": "call phone ring contact reach_out get_back get_in_touch be_in_touch follow_up respond reply repli "
    "email kontakt vend skriv anruf angerufen zurückruf kontaktier meld gemeldet",
    "waive": "waiv eftergiv erlass",
    "compensate": "compensat kompenser entschädig",
    "discount": "discount rabatter",
    "extend": "extend forlæng verlänger",
    "upgrade": "upgrad opgrader",
    "forward": "escalat forward transfer pass_on hand_over videresend eskaler viderestil weiterleit weitergeleitet "
    "eskalier",
    "book": "book reserv schedul arrang bestil buch gebucht reservier",
    "change": "chang updat correct fix adjust amend process remov delet block unblock reset ænd opdater rett slett "
    "änder geändert aktualisier lösch gelöscht korrigier behob",
}
_STEMS = {stem.replace("_", " "): deed for deed, stems in _DEEDS.items() for stem in stems.split()}
_STEM = "|".join(sorted(_STEMS, key=len, reverse=True))
_DEED = rf"((?:{_STEM})[^ ]*)"

_SOMEBODY = (
    rf"(?:i|we|they|someone|somebody|(?:a|an|one|my|our)(?: of)?(?: our| my| the)?(?: {_W})? ?"
    r"(?:colleagues?|agents?|team|specialists?|managers?|staff|representatives?|advis[oe]rs?|experts?|supervisors?))"
)
_NOGEN = (
    r"(?:jeg|vi|de|nogen|(?:en|min|vores|et)(?: af)?(?: vores| mine)? ?"
    r"(?:kollega|kolleger|medarbejdere?|team|kundeservice|rådgiver))"
)
_JEMAND = (
    r"(?:ich|wir|sie|jemand|(?:eine?r?|meine?|unser)(?: unserer| meiner)? ?"
    r"(?:kolleg(?:e|in|en)|mitarbeiter(?:in)?|team|kundenservice|berater(?:in)?))"
)
_THINGS: Mapping[str, str] = {
    **dict.fromkeys(("refund", "money back", "erstattung", "refusion"), "refund"),
    **dict.fromkeys(("replacement", "ersatz"), "replace"),
    **dict.fromkeys(("credit", "gutschrift", "voucher", "gutschein", "compensation", "kompensation"), "credit"),
    **dict.fromkeys(("call", "callback", "anruf", "opkald", "email", "e-mail", "confirmation"), "contact"),
    **dict.fromkeys(("discount", "rabat", "rabatt"), "discount"),
}
_THING = rf"({'|'.join(_THINGS)})"

_PATTERNS: tuple[tuple[str, Any], ...] = tuple(
    (when, re2.compile(pattern))
    for when, pattern in (
        ("will", rf"\b{_SOMEBODY}(?:'ll| will| shall|(?: am|'m| are|'re| is) going to)(?: {_W}){{0,3}}? {_DEED}"),
        ("will", rf"\b{_SOMEBODY}(?: am|'m| are|'re| is)(?: {_W}){{0,2}}? ((?:{_STEM})[a-z]*ing)\b"),
        ("done", rf"\b{_SOMEBODY}(?:'ve| have| has)(?: {_W}){{0,3}}? {_DEED}"),
        ("done", rf"\b(?:has|have)(?: {_W})? been {_DEED}"),
        ("will", rf"\b(?:will|'ll) be {_DEED}"),
        ("will", rf"\byou(?:'ll| will)(?: {_W}){{0,2}}? (?:receive|get|have)(?: {_W}){{0,4}}? {_THING}\b"),
        ("will", rf"\b{_NOGEN} (?:vil|skal nok|kommer til at)(?: {_W}){{0,4}}? {_DEED}"),
        ("will", rf"\b(?:vil|skal nok) {_NOGEN}(?: {_W}){{0,4}}? {_DEED}"),
        ("done", rf"\b{_NOGEN} har(?: {_W}){{0,4}}? {_DEED}"),
        ("done", rf"\bhar {_NOGEN}(?: {_W}){{0,4}}? {_DEED}"),
        ("will", rf"\b{_NOGEN} ((?:{_STEM})er?)\b"),
        ("done", rf"\b(?:er|blev) (?:nu |allerede )?(?:blevet )?((?:{_STEM})(?:et|t))\b"),
        ("will", rf"\bdu (?:vil få|får)(?: {_W}){{0,3}}? {_THING}"),
        ("will", rf"\b(?:{_JEMAND} (?:werden?|wird)|(?:werden?|wird) {_JEMAND})(?:,? {_W}){{0,10}}? {_DEED}"),
        ("done", rf"\b(?:{_JEMAND} (?:haben?|hat)|(?:haben?|hat) {_JEMAND})(?:,? {_W}){{0,10}}? {_DEED}"),
        ("done", rf"\b(?:wurden?|ist|sind)(?: {_W}){{0,4}}? {_DEED}(?: worden)?"),
        ("will", rf"\b(?:sie|du) (?:erhalten|bekommen|erhältst|bekommst)(?: {_W}){{0,4}}? {_THING}"),
        ("word", r"\b(?:i|we)(?: can)?(?: personally| hereby)? (guarantee|promise)\b"),
        ("word", r"\b(?:jeg|vi)(?: kan)? (garanterer?|lover)\b"),
        ("word", r"\b(?:ich|wir)(?: [^ ]+)? (garantieren?|versprechen?)\b"),
    )
)
_STATED = re2.compile(rf"\b(?:we|vi|wir|is|are|be|get|gets|bliver|wird|werden)(?: {_W}){{0,4}}? {_DEED}")
"""How a source says what a business does: "we refund ...", "orders are shipped ...", "wir erstatten ..."."""

_DENYING = frozenset(
    (
        "not",
        "never",
        "no",
        "nor",
        "unable",
        "cannot",
        "ikke",
        "aldrig",
        "ingen",
        "nicht",
        "nie",
        "kein",
        "keine",
        "keinen",
    )
)


def promises(folded: str) -> list[tuple[str, str]]:
    """What a folded text promises: (the words, the form). What it says will not be done is none."""
    return [(words, f"promise {deed} {when}") for words, deed, when in _found(folded)]


def stated(folded: str) -> frozenset[str]:
    """The forms of promises a source allows: its own, and what it states is done as a rule."""
    rules = {_deed(match.group(1)) for match in _STATED.finditer(folded) if not _denied(match.group(0))}
    return frozenset({*(form for _, form in promises(folded)), *(f"promise {deed} will" for deed in rules)})


def _found(folded: str) -> Iterator[tuple[str, str, str]]:
    spaced = " ".join(folded.split())
    for when, pattern in _PATTERNS:
        for match in pattern.finditer(spaced):
            words = match.group(0)
            if not _denied(words):
                yield words.rstrip(",;:"), "word" if when == "word" else _deed(match.group(1)), when


def _denied(words: str) -> bool:
    return not _DENYING.isdisjoint(words.split()) or "n't" in words


def _deed(word: str) -> str:
    if word in _THINGS:
        return _THINGS[word]
    return next(_STEMS[word[:end]] for end in range(len(word), 0, -1) if word[:end] in _STEMS)
