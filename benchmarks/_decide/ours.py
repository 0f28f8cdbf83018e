"""Our own decision, timed: a rulebook of fifty rules over all signals, an FAQ of any size, chats of twenty turns.

The book is built as the bot builds it: from config.yaml and each signal's build(). What is printed is not decided here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks._decide.chats import chats, entries, steps
from benchmarks._harness import ROOT
from bots.parts import Parts, read_settings
from core import plugins
from core.conversation import Conversation
from core.meaning import Encoder
from core.rules import AnyOf, Between, Clause, Condition, Is, Reading, Rule, Rulebook, Signal, decide
from core.study import Study, understood
from core.tiers import Tier

if TYPE_CHECKING:
    from core.meaning import Matrix, Vector

FACTS = ("wait", "burst", "attachment", "repeat_contact")
"""Signals that are read beside those of config.yaml."""

RULES = 50


@dataclass(frozen=True, slots=True)
class Timed:
    """Microseconds of each decision on a chat of twenty turns: beyond the encoder, with it, and of each signal."""

    beyond: list[float]
    along: list[float]
    encoder: list[float]
    signals: Mapping[str, list[float]]


def book(faq: int, folder: Path, encoder: Encoder) -> Rulebook:
    """Fifty rules over every signal of config.yaml and FACTS; the FAQ has that many entries, understood beforehand."""
    file = folder / f"faq-{faq}.yaml"
    written = [
        {"id": f"e{n}", "question": question, "answer": "As it stands on our page."}
        for n, question in enumerate(entries(faq))
    ]
    file.write_text(json.dumps(written), encoding="utf-8")
    parts, study = Parts(read_settings(ROOT / "config.yaml"), ROOT / "config.yaml"), Study()
    options: dict[str, Mapping[str, Any]] = {**parts.settings.signals, **{name: {} for name in FACTS}}
    options["faq"] = {**options["faq"], "file": str(file)}
    around = {
        "root": ROOT,
        "lists": parts.settings.lists,
        "languages": parts.settings.languages,
        "time_zone": parts.settings.time_zone,
        "study": study,
    }
    signals = {name: plugins.build("core.signals", name, given, around) for name, given in options.items()}
    study.learn(encoder)
    return Rulebook(tuple(map(_rule, range(RULES))), signals)


class Remembering:
    """An encoder that reads each text once, as the desk's does."""

    def __init__(self, encoder: Encoder) -> None:
        self.version = encoder.version
        self._encoder = encoder
        self._known: dict[str, Vector] = {}

    def embed(self, texts: Sequence[str]) -> Matrix:
        """A row for each text, in their order."""
        if fresh := [text for text in dict.fromkeys(texts) if text not in self._known]:
            self._known.update(zip(fresh, self._encoder.embed(fresh), strict=True))
        return np.stack([self._known[text] for text in texts])


def timed(rules: Rulebook, encoder: Encoder, count: int) -> Timed:
    """The last decision of that many chats; the ones before it are made, and not timed."""
    found: dict[str, list[float]] = {name: [] for name in rules.signals}
    watched = replace(rules, signals={name: _watched(signal, found[name]) for name, signal in rules.signals.items()})
    told, known = Timed([], [], [], found), Remembering(encoder)
    together = chats(3 * count)
    known.embed([text for texts in together[: 2 * count] for text in texts])
    for texts in together[:count]:
        chat = understood(_led_to(texts, rules, known), known)
        began = time.perf_counter_ns()
        decide(chat, rules)
        told.beyond.append((time.perf_counter_ns() - began) / 1e3)
    for texts in together[count : 2 * count]:
        decide(understood(_led_to(texts, rules, known), known), watched)
    for texts in together[2 * count :]:
        last = _led_to(texts, rules, known)
        began = time.perf_counter_ns()
        chat = understood(last, known)
        encoded = time.perf_counter_ns()
        decide(chat, rules)
        told.encoder.append((encoded - began) / 1e3)
        told.along.append((time.perf_counter_ns() - began) / 1e3)
    return told


def _led_to(texts: list[str], rules: Rulebook, encoder: Encoder) -> Conversation:
    """The chat before its last decision, with all earlier ones made."""
    *before, last = steps(texts)
    for chat in before:
        decide(understood(chat, encoder), rules)
    return last


def _watched(signal: Signal, took: list[float]) -> Signal:
    def read(conversation: Conversation) -> Reading:
        began = time.perf_counter_ns()
        reading = signal(conversation)
        took.append((time.perf_counter_ns() - began) / 1e3)
        return reading

    return read


_TESTS: tuple[Condition | AnyOf, ...] = (
    Condition("asks_for_person", Is(True)),
    Condition("money", Is(True)),
    Condition("personal_data", Is(True)),
    Condition("frustration", Between(low=0.7)),
    Condition("rephrase", Between(low=2)),
    Condition("turns", Between(low=6)),
    AnyOf((Condition("faq", Is(None)), Condition("intent", Is(None)))),
    Condition("language", Is("da")),
    Condition("wait", Between(low=600)),
    Condition("attachment", Is("photo")),
)


def _rule(number: int) -> Rule:
    """Two conditions and, in every second rule, an exception; in all they use every kind of test."""
    first, second = _TESTS[number % len(_TESTS)], _TESTS[(number * 3 + 1) % len(_TESTS)]
    unless: tuple[Clause, ...] = (Condition("burst", Between(low=3)),) if number % 2 else ()
    return Rule(f"rule {number}", (first, second), Tier(1 + number % 3), unless, lasts=(1, 3, None)[number % 3])
