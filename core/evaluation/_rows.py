"""Reading the data a signal is measured on: tables and JSON, with a complaint that says where and what to write.

Only files into rows; what a row means is each evaluator's.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.errors import Problem, SettingsError


def table(path: Path, *columns: str) -> list[dict[str, str]]:
    """The rows of a CSV file that has at least these columns. SettingsError when it has not, or cannot be read."""
    lines = csv.DictReader(_text(path).splitlines(keepends=True))
    missing = [name for name in columns if name not in (lines.fieldnames or ())]
    if missing:
        raise fault(path, f"has no column {' and no column '.join(missing)}", f"a first line with {','.join(columns)}")
    rows = [row for row in lines if all(row[name] is not None for name in columns)]
    if not rows:
        raise fault(path, "has no rows", "one case a line below the first")
    return rows


def tree(path: Path) -> Any:
    """The value of a JSON file. SettingsError when it is none."""
    try:
        return json.loads(_text(path))
    except ValueError as error:
        raise fault(path, f"is not JSON: {error}", "one JSON value") from None


def lines(path: Path) -> Sequence[str]:
    """The lines of a text file. SettingsError when it cannot be read."""
    return _text(path).splitlines()


def fault(path: Path, what: str, write: str) -> SettingsError:
    """A complaint about a data file."""
    return SettingsError([Problem(str(path), 1, 1, what, write)])


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise fault(path, f"cannot be read: {error.strerror}", "the path of a file") from error
    except UnicodeDecodeError as error:
        raise fault(path, "is not UTF-8 text", "the file saved as UTF-8") from error
