"""List files: one entry a line, `#` starts a comment, the first column of a .csv. The only place that reads a disk."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import SettingsError
from core.settings import source
from core.settings.source import Path as Place

if TYPE_CHECKING:
    from core.settings.problems import Faults

LARGEST = 2_000_000
"""Bytes of one list file."""

_PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)+|[\w-]+\.(?:txt|csv|yaml|yml|md)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a list file, and its line."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class ListFile:
    """A list as it stands in its file."""

    file: str
    entries: tuple[Entry, ...] = ()
    digest: str = ""

    @property
    def texts(self) -> tuple[str, ...]:
        """The entries alone."""
        return tuple(entry.text for entry in self.entries)


def read(root: Path, name: str, place: Place, faults: Faults) -> ListFile:
    """The entries of a file named in config.yaml at `place`; a fault and no entries when it cannot be read."""
    path = root / name
    try:
        content = path.read_bytes() if path.stat().st_size <= LARGEST else None
        text = None if content is None else content.decode("utf-8-sig")
    except FileNotFoundError:
        faults.add(place, f"there is no file {name!r}", _near(path, name))
    except UnicodeDecodeError:
        faults.add(place, f"{name!r} is not a text file in UTF-8", "a file saved as UTF-8")
    except OSError as error:
        faults.add(place, f"{name!r} cannot be read: {error.strerror}", "a file that can be read")
    else:
        if content is None or text is None:
            faults.add(place, f"{name!r} is larger than {LARGEST:,} bytes", "a smaller file")
        else:
            rows = _rows(text, csv_columns=name.endswith(".csv"))
            return ListFile(name, tuple(rows), hashlib.sha256(content).hexdigest())
    return ListFile(name)


def digest(text: str, files: Mapping[str, ListFile]) -> str:
    """What identifies the rules in force: the first 12 hex digits of SHA-256 over the text and its list files."""
    whole = hashlib.sha256(text.encode())
    for name in sorted(files):
        whole.update(f"\0{name}\0{files[name].digest}".encode())
    return whole.hexdigest()[:12]


def _rows(text: str, *, csv_columns: bool) -> list[Entry]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        kept = re.sub(r"(^|\s)#.*$", "", line).strip()
        if kept and csv_columns:
            kept = next(iter(next(csv.reader([kept]), [])), "").strip()
        if kept:
            found.append(Entry(number, kept))
    return found


def _near(path: Path, name: str) -> str:
    """The file in the same folder whose name is most like it; else what to do."""
    siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    close = get_close_matches(path.name, siblings, n=1)
    return str(Path(name).with_name(close[0])) if close else "the path of a file, seen from the folder of config.yaml"


def named_files(text: str, root: Path) -> tuple[Path, ...]:
    """Files and the bot's folder a configuration text names, whether they exist or not; none when it is no YAML."""
    try:
        document = source.read(text, "")
    except SettingsError:
        return ()
    named = {place.text for place in document.places.values() if _PATH.fullmatch(place.text)}
    return tuple(root / name for name in sorted(named | {f"bots/{document.tree.get('bot', '')}", "models.yaml"}))
