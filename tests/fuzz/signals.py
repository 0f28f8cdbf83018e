# ruff: noqa: T201 - a command prints
"""Any text through every signal of core/signals: nothing may raise, and a message costs milliseconds.

Texts are mutations of real ones (benchmarks/data) and of hostile pieces; a seed makes the same conversation again.
Usage: python -m tests.fuzz.signals [--seconds 60] [--seed 0]. Prints each signal's worst time and seed; exit code 1
after an exception or more than LIMIT milliseconds. Time is the processor's, so other programs do not count.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from bots.parts import Parts, read_settings
from core import plugins
from core.conversation import Address, Attachment, Conversation, Message, MessageKind, Reply
from core.rules import Reading, Signal
from core.study import Study, understood

if TYPE_CHECKING:
    from core.meaning import Matrix

ROOT = Path(__file__).resolve().parents[2]
PLACE, AT = Address("memory", "1"), datetime(2026, 11, 20, 12, tzinfo=UTC)
LIMIT = 25.0
"""Milliseconds one signal may take for one conversation."""

TRIES = 3
"""Times a reading is timed that took longer: a collection of garbage is nobody's fault."""

HOSTILE = (
    "",
    " ",
    "\n",
    "@",
    "a@",
    "a at ",
    "(",
    "+",
    "/",
    "'",
    "?",
    "!!",
    ">",
    "1.",
    "1:",
    "4 ",
    "41 ",
    "4111 1111 1111 1111, ",
    "de89 3704 0044 0532 0130 00",
    "+45 20 12 34 5 ",
    "0101881234 ",
    "1.2.3.4 ",
    "a:b::",
    "a@b.co ",
    "a (at) b dot com ",
    "http://a.b/c?d=",
    "www.",
    "```x=1```",
    "not ",
    "human ",
    "talk to someone ",
    "i want ",
    "third time ",
    "r e f u n d ",
    "rеfund ",
    "1 kr ",
    "\u20ac5",
    "\x00",
    "\x1b[2J",
    "\ud800",
    "\udfff\ud800",
    "\u202e",
    "\u2066\u200f",
    "\u200b",
    "\u00ad",
    "\ufeff",
    "\u0301",
    "\u0301\u0316\u0334\u0345",
    "\u0327\u0301",
    "\uff9e\u0301",
    "\u0344",
    "\ufdfa",
    "\u3316",
    "\ufb03'",
    "\u1e9e\u0130\u0131",
    "\uff14\u0664\u096a",
    "\U0001f468\u200d\U0001f469\u200d",
    "\U0001f600\ufe0f",
    "\U0001f1e9\U0001f1f0",
    "\U000e0041",
    "\U0010ffff",
    "\u6211\u8981\u4eba\u5de5",
    "\u4eba\u9593\u3068\u8a71\u3057\u305f\u3044",
    "\u0627\u0631\u064a\u062f \u0645\u0648\u0638\u0641 ",
    "\u092e\u0941\u091d\u0947 \u0907\u0902\u0938\u093e\u0928 ",
    "\uac00\u1100\u1161\u11a8",
)


@cache
def real() -> tuple[str, ...]:
    """What people wrote, from the data of the benchmarks."""
    found: list[str] = []
    for file in sorted((ROOT / "benchmarks" / "data").glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as lines:
            found += [row["text"] for row in csv.DictReader(lines) if row.get("text")]
    return tuple(found)


def _doubled(text: str, chance: Random) -> str:
    return text * chance.choice((2, 3, 40, 300, 5_000))


def _stacked(text: str, chance: Random) -> str:
    marks = chance.choice(("\u0301", "\u0301\u0316\u0334", "\u200b", "\ufe0f", "\u00ad"))
    return "".join(c + marks * chance.randint(0, 4) for c in text[:5_000])


def _spaced(text: str, chance: Random) -> str:
    return chance.choice((" ", ".", "-", "\n", "\u200b", "_")).join(text[:5_000])


def _shuffled(text: str, chance: Random) -> str:
    return "".join(chance.sample(text[:5_000], min(len(text), 5_000)))


def _strewn(text: str, chance: Random) -> str:
    pieces = text[:5_000].split(" ")
    return " ".join(piece + chance.choice(HOSTILE) if chance.random() < 0.3 else piece for piece in pieces)


def _odd(_: str, chance: Random) -> str:
    top = chance.choice((0x80, 0x700, 0x3000, 0x10000, 0x110000))
    return "".join(chr(chance.randrange(top)) for _ in range(chance.choice((5, 200, 5_000))))


def _cut(text: str, chance: Random) -> str:
    return text[chance.randint(0, len(text)) :]


def _capitals(text: str, _: Random) -> str:
    return text.upper()


def _quoted(text: str, chance: Random) -> str:
    return "\n".join(f"{'>' * depth} {text[:200]}" for depth in range(chance.randint(1, 40)))


MUTATIONS: tuple[Callable[[str, Random], str], ...] = (
    *(_doubled, _stacked, _spaced, _shuffled, _strewn, _odd, _cut, _capitals, _quoted),
)


def text(chance: Random) -> str:
    """One message: pieces put together and changed a few times; at most some hundred thousand characters."""
    pieces = [chance.choice(chance.choice((real(), HOSTILE))) for _ in range(chance.randint(1, 5))]
    made = chance.choice(("", " ", "\n")).join(pieces)
    for _ in range(chance.randint(0, 3)):
        made = chance.choice(MUTATIONS)(made, chance)[:400_000]
    return made


def conversation(seed: int) -> Conversation:
    """One to four bursts with answers between them, of one to three messages each; the last is to be answered."""
    chance, at = Random(seed), AT
    turns: list[Message | Reply] = []
    for _ in range(chance.randint(1, 4)):
        if turns:
            turns.append(Reply(chance.choice(real()) + chance.choice(("", "?")), at))
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            at += timedelta(seconds=chance.randint(0, 90_000))
            kind = chance.choice((*[MessageKind.TEXT] * 8, *MessageKind))
            things = (
                (Attachment(chance.choice(("photo", "voice")), text(chance)[:99]),) if chance.random() < 0.1 else ()
            )
            turns.append(Message(f"m{len(turns)}", PLACE, text(chance), at, kind=kind, attachments=things))
    return Conversation(PLACE, tuple(turns))


class Guessing:
    """An encoder whose vectors mean nothing: the same text has the same one."""

    version = "guess"

    def embed(self, texts: Sequence[str]) -> Matrix:
        """A row of length 1 for each text."""
        rows = [np.random.default_rng(zlib.crc32(t.encode(errors="replace"))).normal(size=384) for t in texts]
        found: Matrix = np.array([row / np.linalg.norm(row) for row in rows], np.float32)
        return found


@cache
def signals() -> Mapping[str, Signal]:
    """Every signal in the folder, built with the options of config.yaml and taught; the same ones each time."""
    settings = read_settings(ROOT / "config.yaml")
    study, library = Study(), Parts(settings, ROOT / "config.yaml").library
    around = {
        "root": ROOT,
        "lists": settings.lists,
        "languages": settings.languages,
        "time_zone": settings.time_zone,
        "knowledge": library,
        "study": study,
    }
    built = {
        name: plugins.build("core.signals", name, settings.signals.get(name, {}), around)
        for name in plugins.names("core.signals")
    }
    study.learn(Guessing())
    return built


def conversations(first: int) -> Iterator[tuple[int, Conversation]]:
    """Seeds and their conversations, every second one understood by an encoder."""
    for seed in count(first):
        made = conversation(seed)
        if made.messages:
            yield seed, understood(made, Guessing()) if seed % 2 else replace(made, meanings=None)


def milliseconds(signal: Signal, talk: Conversation) -> tuple[float, Reading]:
    """How long one reading takes, at best of TRIES where it takes long."""
    best = LIMIT * 1e3
    for _ in range(TRIES):
        began = time.thread_time_ns()
        reading = signal(talk)
        best = min(best, (time.thread_time_ns() - began) / 1e6)
        if best <= LIMIT:
            break
    return best, reading


def run(built: Mapping[str, Signal], seconds: float, first: int) -> int:
    """The exit code; prints what was found."""
    worst = dict.fromkeys(built, (0.0, first))
    faults, until, done = 0, time.monotonic() + seconds, 0
    for seed, talk in conversations(first):
        for name, signal in built.items():
            try:
                took, _ = milliseconds(signal, talk)
            except Exception as error:  # noqa: BLE001 - whatever a signal raises is what is looked for
                faults += 1
                print(f"{name} raised {type(error).__name__} on seed {seed}: {error}")
                continue
            worst[name] = max(worst[name], (took, seed))
        done += 1
        if time.monotonic() > until:
            break
    print(f"{done} conversations from seed {first}; worst by signal:")
    for name, (took, seed) in sorted(worst.items(), key=lambda row: -row[1][0]):
        print(f"{name:16} {took:8.2f} ms  seed {seed}{'  TOO SLOW' if took > LIMIT else ''}")
    return int(bool(faults) or any(took > LIMIT for took, _ in worst.values()))


def main() -> int:
    """Command line."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    return run(signals(), given.seconds, given.seed)


if __name__ == "__main__":
    sys.exit(main())
