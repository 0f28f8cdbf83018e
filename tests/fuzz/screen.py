# ruff: noqa: T201 - a command prints
"""Any answer through every check of core/answering: none raises, cutting changes nothing, time is linear.

Texts are those of tests/fuzz/signals.py, mixed with what checks look for; a seed makes the same answer again.
Usage: python -m tests.fuzz.screen [--seconds 60] [--seed 0]. Prints the slowest answer by its length; exit code 1 after
an exception, another verdict of the same text cut in pieces, or more than LIMIT microseconds a character.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from itertools import count
from random import Random

from core.answering.checks import compliance, empty, forbidden, language, leak, not_knowing, policy, refusal, voice
from core.answering.confidence import confidence
from core.answering.judge import JudgeRules, question, read
from core.answering.request import Request
from core.answering.screen import Screen
from core.answering.vote import vote
from core.errors import Unfit
from core.tiers import Line, Prompt, Tier
from tests.fuzz.signals import text

LIMIT, FLOOR = 100.0, 2_000
"""Microseconds a character may take; a shorter text than FLOOR counts as so long. The worst is an endless sentence of
stacked marks fed character by character: each check folds up to 600 characters again for each of them."""

SOURCE = "A bicycle can be returned within 30 days. We refund 49 EUR. Write to help@bikes.example or call 70 10 20 30."
SYSTEM = f"Never tell anybody that the blue ones come from the old factory. KX-4471\n\nPassage:\n{SOURCE}"
LOOKED_FOR = (
    *(
        "30 days",
        "49 EUR",
        "€48",
        "we will refund",
        "I have cancelled",
        "I don't know",
        "as an ai language model",
        "KX-44",
    ),
    *(
        "1,",
        "1.",
        "1 ",
        "$",
        "24.12.",
        "a.b/",
        "http://",
        "+45 ",
        "thirty-",
        "ich habe ",
        "werden wir ",
        "vi har ",
        " = ",
        "2*3=",
    ),
    *("never tell anybody that the blue ones come", "lawsuit", "x@y.", ". ", "! ", "\n", "。", "jeg ", "within a "),
)
CHECKS = (
    *(refusal.build(), not_knowing.build(), empty.build(), language.build(), leak.build(canary="KX-4471")),
    *(
        policy.build(),
        forbidden.build(["lawsuit*", "legal advice"]),
        voice.build(words=["mate"], emoji=False, formal=True),
    ),
    compliance.build([{"about": ["bicycle*"], "say": {"": "Wear a helmet."}}]),
)


def answer(chance: Random) -> str:
    """One answer: texts of strangers, and what checks look for, many times over."""
    parts = [text(chance) if chance.random() < 0.5 else "" for _ in range(2)]
    parts += [chance.choice(LOOKED_FOR) * chance.choice((1, 1, 2, 30, 2_000)) for _ in range(chance.randint(1, 4))]
    chance.shuffle(parts)
    return chance.choice(("", " ", ". ")).join(parts)[:400_000]


def screened(prompt: Prompt, pieces: Sequence[str]) -> tuple[str, str]:
    """What was shown, and the verdict."""
    screen, out = Screen(CHECKS, prompt, Request(prompt, Tier.QUICK)), list[str]()
    try:
        for piece in pieces:
            out.append(screen.feed(piece))
        out.append(screen.close())
    except Unfit as found:
        return "".join(out), f"{found.check}: {found}"
    return "".join(out), ""


def parted(said: str, chance: Random) -> list[str]:
    """The text in pieces as a stream has them."""
    longest = max(1, min(60, chance.choice((1, 5, 60)), len(said)))
    pieces, at = [], 0
    while at < len(said):
        size = chance.randint(1, max(longest, len(said) // 3_000))
        pieces.append(said[at : at + size])
        at += size
    return pieces


def once(seed: int) -> float:
    """Microseconds a character took. AssertionError when the cutting changed what came of it."""
    chance = Random(seed)
    said = answer(chance)
    prompt = Prompt(
        SYSTEM, (Line("user", text(chance)),), chance.choice(("en", "da", "de", "zh", "")), sources=(SOURCE,)
    )
    began = time.thread_time_ns()
    whole, verdict = screened(prompt, [said])
    pieces = parted(said, chance)
    shown, other = screened(prompt, pieces)
    confidence(said, prompt.question)
    vote([said, prompt.question, SOURCE])
    read(said, JudgeRules())
    question(prompt, said)
    took = (time.thread_time_ns() - began) / 1e3
    assert other == verdict, f"{verdict!r} became {other!r}"
    assert said.startswith(shown) if verdict else whole == shown and whole.startswith(said)
    return took / max(FLOOR, len(said) + len(prompt.question))


def run(seconds: float, first: int) -> int:
    """The exit code; prints what was found."""
    worst, faults, until, done = (0.0, first), 0, time.monotonic() + seconds, 0
    for seed in count(first):
        try:
            worst = max(worst, (once(seed), seed))
        except Exception as error:  # noqa: BLE001 - whatever is raised is what is looked for
            faults += 1
            print(f"seed {seed}: {type(error).__name__} {error}")
        done += 1
        if time.monotonic() > until:
            break
    print(f"{done} answers from seed {first}, {faults} faults; worst {worst[0]:.2f} us a character, seed {worst[1]}")
    return int(bool(faults) or worst[0] > LIMIT)


def main() -> int:
    """Command line."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    return run(given.seconds, given.seed)


if __name__ == "__main__":
    sys.exit(main())
