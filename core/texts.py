"""texts.yaml of a bot -> the fixed texts it words in its own way. Reading and checking only; texts are in `wording`."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from core.errors import Problem, SettingsError
from core.wording import SHIPPED, Texts


def read_texts(file: Path) -> Texts:
    """The notices of a texts.yaml (`notice: {language: text}`). SettingsError with everything wrong with it."""
    try:
        tree = YAML(typ="rt").load(file.read_text(encoding="utf-8")) or {}
    except MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise SettingsError([Problem(str(file), line, column, f"cannot be read: {error.problem}")]) from error
    problems = [problem for notice in tree for problem in _faults(file, tree, notice)]
    if problems:
        raise SettingsError(problems)
    return {str(notice): {str(code): str(text) for code, text in words.items()} for notice, words in tree.items()}


def _faults(file: Path, tree: Any, notice: str) -> list[Problem]:
    line, column = (place + 1 for place in tree.lc.key(notice))
    if notice not in SHIPPED:
        return [Problem(str(file), line, column, f"there is no text {notice!r}", "one of " + ", ".join(SHIPPED))]
    if not isinstance(tree[notice], dict):
        return [Problem(str(file), line, column, f"{notice!r} needs a text per language", "en: ...")]
    allowed = _fields(SHIPPED[notice]["en"])
    faults = []
    for code, text in tree[notice].items():
        line, column = (place + 1 for place in tree[notice].lc.value(code))
        try:
            unknown = _fields(str(text)) - allowed
        except ValueError:
            unknown = {"{"}
        if unknown:
            write = "only " + ", ".join(f"{{{name}}}" for name in sorted(allowed)) if allowed else "it without braces"
            faults.append(
                Problem(str(file), line, column, f"{sorted(unknown)[0]!r} in braces means nothing here", write)
            )
    return faults


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
