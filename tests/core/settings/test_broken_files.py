"""Every row of broken.txt: the problem names the exact place, says why, and proposes what loads."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from core.errors import Problem, SettingsError
from core.settings import Settings

Loader = Callable[..., Settings]


class Broken(NamedTuple):
    """`old` in the sound file becomes `new`; the problem says `what`; `write` put in as `fix` tells must load."""

    name: str
    old: str
    new: str
    what: str
    write: str = ""
    fix: str = ""


ESCAPES = {r"\\": "\\", r"\n": "\n", r"\t": "\t", r"\a": "\a"}


def unescaped(cell: str) -> str:
    return re.sub(r"\\[\\nta]", lambda found: ESCAPES[found[0]], cell)


def table() -> list[Broken]:
    lines = Path(__file__).with_name("broken.txt").read_text("utf-8").splitlines()
    rows = [line.split(" ¦ ") for line in lines if not line.startswith("#")]
    return [Broken(*map(unescaped, row)) for row in rows]


TABLE = table()
FIXABLE = [case for case in TABLE if case.fix]


def broken_text(case: Broken, base: str) -> tuple[str, tuple[int, int] | None]:
    assert case.old in base
    marked = base.replace(case.old, case.new, 1)
    if "‹" not in marked:
        return marked, None
    before = marked[: marked.index("‹")]
    return marked.replace("‹", ""), (before.count("\n") + 1, len(before) - before.rfind("\n"))


def problems_of(text: str, loaded: Loader) -> tuple[Problem, ...]:
    with pytest.raises(SettingsError) as caught:
        loaded(text)
    return caught.value.problems


def put_right(text: str, problem: Problem, fix: str) -> str:
    """What a lead does who writes what the problem says: in place of the key or of all that follows in the line."""
    lines = text.splitlines()
    line, start = lines[problem.line - 1], problem.column - 1
    if fix == "key":
        lines[problem.line - 1] = line[:start] + re.sub(r"^[^:]+", problem.write, line[start:])
    else:
        lines[problem.line - 1] = line[:start] + problem.write
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("case", TABLE, ids=[c.name for c in TABLE])
def test_a_broken_file_is_told_by_place_reason_and_remedy(case: Broken, base: str, loaded: Loader) -> None:
    text, place = broken_text(case, base)
    problems = problems_of(text, loaded)
    told = [p for p in problems if case.what in p.what]
    assert told, [str(p) for p in problems]
    if place:
        assert (told[0].line, told[0].column) == place, str(told[0])
    assert case.write in told[0].write, str(told[0])


@pytest.mark.parametrize("case", FIXABLE, ids=[c.name for c in FIXABLE])
def test_the_remedy_loads(case: Broken, base: str, loaded: Loader) -> None:
    text, _ = broken_text(case, base)
    told = next(p for p in problems_of(text, loaded) if case.what in p.what)
    loaded(put_right(text, told, case.fix))


@pytest.mark.parametrize("case", TABLE, ids=[c.name for c in TABLE])
def test_one_fault_is_told_once(case: Broken, base: str, loaded: Loader) -> None:
    text, _ = broken_text(case, base)
    problems = problems_of(text, loaded)
    extra = [p for p in problems if case.what not in p.what]
    assert len(problems) <= 2, [str(p) for p in extra]


def test_a_fault_that_also_ends_the_reading_is_told_once(base: str, loaded: Loader) -> None:
    problems = problems_of(base.replace("en: Sorry about", "en: *Sorry* about"), loaded)
    assert [(p.line, p.write) for p in problems] == [(63, '"*Sorry* about that."')]


def test_a_fault_before_the_one_that_ends_the_reading_is_told_too(base: str, loaded: Loader) -> None:
    text = base.replace("bot: shop", "bot: shop\nbot: shop").replace("en: Sorry", "en: @Sorry")
    assert [p.line for p in problems_of(text, loaded)] == [3, 64]
