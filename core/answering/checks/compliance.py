"""Guardrail: lines that must be in an answer which speaks of a topic (`always:`). A missing one is added at the end.

It never finds an answer unfit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.answering.checks._phrases import Phrases, listed
from core.answering.request import Request
from core.answering.screen import Check, Watch
from core.tiers import Prompt
from core.words import words


@dataclass(frozen=True, slots=True)
class Line:
    """What must be said where one of the words `about` a topic is. `say`: language -> text, "" for every other one."""

    about: Sequence[str]
    say: Mapping[str, str]


def build(always: Iterable[Mapping[str, Any]]) -> Check:
    """The check, which only adds. `always`: lines with `about` and `say`, as in Line. ValueError for another shape."""
    lines = [(listed(line.about), line.say) for line in map(_line, always)]

    def watch(prompt: Prompt, _: Request) -> Watch | None:
        said = [(about, say.get(prompt.language) or say.get("", "")) for about, say in lines]
        return Watch(ending=lambda text: _missing(said, text)) if any(line for _, line in said) else None

    return Check("compliance", False, watch)


def _line(given: Mapping[str, Any]) -> Line:
    about, say = given.get("about"), given.get("say")
    if not isinstance(about, list) or not isinstance(say, Mapping) or set(given) != {"about", "say"}:
        raise ValueError("always: is a list of lines with about: [words] and say: {en: text}")
    return Line([str(word) for word in about], {str(code): str(text) for code, text in say.items()})


def _missing(lines: Sequence[tuple[Phrases, str]], text: str) -> str:
    said = f" {' '.join(words(text))} "
    wanted = [line for about, line in lines if line and about.found(text)]
    return "".join(f"\n\n{line}" for line in dict.fromkeys(wanted) if f" {' '.join(words(line))} " not in said)
