"""Notices that config.yaml, or a file it names, was changed on disk, and hands the new text over.

Nothing is parsed here beyond finding the names of files; whether the text is sound is for `apply` to say. A file that
is missing, half written or wrong leaves the rules in force as they are.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import FirstlineError, Problem, SettingsError
from core.settings import named_files

MOST = 1_000
"""Files watched; a bot's folder may hold more knowledge than that, and the rest is then read at the next start."""

Apply = Callable[[str], Awaitable[None]]
Report = Callable[[Sequence[Problem]], None]
Tick = Callable[[float], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Look:
    """What stood on disk at one moment. `text` is None when config.yaml could not be read; equal looks, equal files."""

    text: str | None
    files: str


async def watch(
    path: Path,
    apply: Apply,
    report: Report,
    *,
    root: Path | None = None,
    every: float = 1.0,
    tick: Tick = asyncio.sleep,
) -> None:
    """Call `apply` with the text of `path` after each change, until cancelled. What stands there first is in force.

    A change counts once two looks in a row, `every` seconds apart, see the same. SettingsError and any other failure
    of `apply` goes to `report`; the same content is not tried again. Files are named from `root`, else from where
    `path` lies. `tick` is what waits between two looks.
    """
    base = root or path.parent
    known = before = await asyncio.to_thread(look, path, base)
    while True:
        await tick(every)
        now = await asyncio.to_thread(look, path, base)
        if now == before and now != known:
            known = now
            problems = await _tried(apply, now, path.name)
            if problems:
                report(problems)
        before = now


async def _tried(apply: Apply, seen: Look, name: str) -> Sequence[Problem]:
    """What stood in the way of applying it; nothing when it is in force now."""
    if seen.text is None:
        return (Problem(name, 1, 1, "the file is gone or cannot be read; the rules stay as they were", "it again"),)
    try:
        await apply(seen.text)
    except SettingsError as error:
        return error.problems
    except FirstlineError as error:
        return (Problem(name, 1, 1, f"it could not be put into force: {error}"),)
    except Exception as error:  # noqa: BLE001 - whatever a plug-in's build raises, the running bot must outlive an edit
        return (Problem(name, 1, 1, f"it could not be put into force: {type(error).__name__}"),)
    return ()


def look(path: Path, root: Path) -> Look:
    """One look: the text whole, other files by size and time of change."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return Look(None, "")
    seen = hashlib.sha256()
    for count, file in enumerate(_files(text, root)):
        if count == MOST:
            break
        seen.update(f"{file}\0{_state(file)}\0".encode())
    return Look(text, seen.hexdigest())


def _files(text: str, root: Path) -> Iterator[Path]:
    for place in named_files(text, root):
        if place.is_dir():
            yield from sorted(inside for inside in place.rglob("*") if inside.is_file())
        else:
            yield place


def _state(file: Path) -> str:
    try:
        found = file.stat()
    except OSError:
        return ""
    return f"{found.st_mtime_ns} {found.st_size} {found.st_ino}"
