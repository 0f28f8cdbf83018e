"""Syntax errors of YAML, said in words a support lead understands, with the corrected line where there is one.

A table: what the parser said, what the line looks like, what is wrong, what to write. The first row that fits wins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from core.errors import Problem
from core.settings.secrets import mask

_WIDEST = 1_000
"""Characters of a line that are looked at."""
_KEY = r"[a-z_][\w-]*:\s+"
_HEAD = rf"(?P<head>\s*(?:- +)?(?:{_KEY})?(?:- +)?)"
"""What may stand before a value: indentation, a dash, a key."""
_KEYED = rf"(?P<head>\s*(?:- +)?{_KEY}|\s*- +)"


class Row(NamedTuple):
    """`said` is searched in the parser's words, `line` fits the line at fault, `on` chooses which line that is.

    What `write` gives goes in the place of the group `text` of that line, or of the line where it has none.
    """

    said: str
    line: str
    what: str
    write: str | Callable[[re.Match[str]], str]
    on: str = "here"


def _quoted(found: re.Match[str]) -> str:
    text = re.sub(r"\s+#\s.*$", "", found["text"]).strip()
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _quoted_variable(found: re.Match[str]) -> str:
    return re.sub(r"(?<![\"'])\$\{\w+\}", lambda v: f'"{v[0]}"', found["text"]).strip()


def _requoted(found: re.Match[str]) -> str:
    """One pair of double quotes around everything that stood between the outer ones."""
    inner = found["text"][1:-1]
    inner = inner.replace("''", "'") if found["mark"] == "'" else inner
    return '"' + re.sub(r'(?<!\\)"', r"\"", inner) + '"'


def _joined(found: re.Match[str]) -> str:
    return '"' + re.sub(r"\s+#\s.*$", "", found["text"]).replace('"', "").strip() + '"'


def _single(found: re.Match[str]) -> str:
    return "'" + found["text"][1:-1].replace("'", "''") + "'"


def _spaced(found: re.Match[str]) -> str:
    return found["text"].strip().replace(":", ": ", 1)


ROWS = (
    Row("cannot start any token", r"[ ]*\t.*", "a tab stands here, and YAML wants spaces",
        lambda m: f"spaces in front of {m[0].strip()}"),
    Row("cannot start any token", r"\s*(?P<text>[^\t]*\S *\t.*)", "a tab stands here, and YAML wants spaces",
        lambda m: re.sub(r"\s*\t\s*", " ", m["text"]).strip()),
    Row("cannot start any token", _HEAD + r"(?P<text>[@`%].*)",
        "a text that starts with @, % or ` needs quotes", _quoted),
    Row("cannot start any token", r".*?(?P<text>[@`%|>][^,\]}]*).*",
        "a text that starts with @, %, |, > or ` needs quotes", _quoted),
    Row("got '\\{'|got '\\['|got '<scalar>'", r"\s*(?P<text>.*\$\{\w+\}.*)",
        "inside { } a variable needs quotes", _quoted_variable),
    Row("alphabetic or numeric|block end", _HEAD + r"(?P<text>[&*!].*)",
        "a text that starts with &, * or ! needs quotes", _quoted),
    Row("scanning a tag|expected URI|expected ' '|tag handle", _HEAD + r"(?P<text>!.*)",
        "a text that starts with ! needs quotes", _quoted),
    Row("comment or a line break|chomping", _HEAD + r"(?P<text>[|>].*)",
        "a text that starts with | or > needs quotes", _quoted),
    Row("block end>, but found '<scalar>'|document separator|could not find", _HEAD + r"(?P<text>\"[^\"]*|'[^']*)",
        "the quote that opens here is never closed", "the same quote at the end of the text", "unclosed"),
    Row("block end|line break", _HEAD + r"(?P<text>(?P<mark>['\"]).*(?P=mark))\s*(?:#.*)?",
        "the quotes end in the middle of the text", _requoted),
    Row("block end", _HEAD + r"(?P<text>\"[^\"]*\"[^\"#]+)", "words stand after the closing quote", _joined),
    Row("unknown escape|escape sequence", _HEAD + r"(?P<text>\".*\")\s*(?:#.*)?",
        "a \\ inside double quotes has a meaning of its own", _single),
    Row("mapping values", _KEYED + r"(?P<text>[^\"'\[{\s].*?:(?: .*)?)\s*",
        "a sentence with ':' in it needs quotes", _quoted),
    Row("mapping values", r"\s*(?P<text>[\w-]+:\S.*)", "a space is missing after ':'", _spaced, "above"),
    Row("mapping values", r"\s*(?P<text>[\w-]+:(?:\s.*)?)",
        "this line is further in than the line before, which already has a value",
        "it as far in as the line before", "indented"),
    Row("mapping values", r"\s*(?:- )?(?P<text>[\w-]+)\s*", "a ':' is missing after the name",
        lambda m: f"{m['text']}:", "above"),
    Row("could not find expected", r"\s*(?P<text>[\w-]+:\S.*)", "a space is missing after ':'", _spaced, "start"),
    Row("could not find expected", r"\s*(?:- )?(?P<text>[\w-]+)\s*", "a ':' is missing after the name",
        lambda m: f"{m['text']}:", "start"),
    Row("could not find expected", r".*\S.*", "a ':' is missing in this line", "name: value", "start"),
    Row("block end|mapping values|sequence entries", r".*[\]}](?P<text>[^\s,\]}#:\"].*)",
        "words stand after a closing bracket", "nothing after the bracket"),
    Row("sequence entries", r"\s*[^:]+:\s+(?P<text>-\s.*)", "a list starts on a line of its own",
        "the '- ' lines under it, each further in"),
    Row("block end>, but found '-'", r"\s*-.*", "a list item stands where a setting is expected",
        "either '- ' before every line of the list, or before none"),
    Row("<block end>, but found '\\?'", r".*", "a setting stands in the middle of a list",
        "it with '- ' in front, or as far in as the name of the list"),
    Row("<block end>", r".*", "this line starts further in, or less far in, than the lines it belongs with",
        "it exactly as far in as they are"),
    Row("unexpected end of stream|document separator", r".*", "the quote that opens here is never closed",
        "the same quote at the end of the text", "start"),
    Row("or '\\]'", r".*", "the [ that opens here is never closed, or a comma is missing", "[one, two]", "start"),
    Row("or '\\}'", r".*", "the { that opens here is never closed, or a comma is missing", "{name: value}", "start"),
    Row("node content", r".*,\s*[,\]}].*", "a word is missing between two commas", "a word there, or one comma less"),
    Row("node content", _HEAD + r"(?P<text>[,\]}?:].*)", "a text that starts with , ] } ? or : needs quotes", _quoted),
    Row("document start>', but found \\('<block", r".*", "the lines above are further in than this one",
        "all of them as far in as this one"),
    Row("document start|directive", r".*%.*", "no line starts with %", "the line without %", "percent"),
)  # fmt: skip


def reword(error: YAMLError, text: str, file: str) -> Problem:
    """The parser's error as a Problem at the line the lead has to change."""
    if isinstance(error, ReaderError):
        return _unprintable(error, text, file)
    lines = [line[:_WIDEST] for line in text.splitlines()] or [""]
    said = f"{getattr(error, 'context', '') or ''}: {getattr(error, 'problem', '') or ''}"
    for row in ROWS:
        if not re.search(row.said, said):
            continue
        line, column = _CHOICES[row.on](error, lines)
        found = re.fullmatch(row.line, lines[line])
        if found and (row.on != "indented" or _is_further_in(lines, line)):
            at = found.start("text") if "text" in found.groupdict() else column
            write = row.write if isinstance(row.write, str) else row.write(found)
            return Problem(file, line + 1, at + 1, row.what, mask(write))
    line, column = _here(error, lines)
    what = "this line cannot be read: a quote, a ':' or the indentation is wrong"
    return Problem(file, line + 1, column + 1, what, "name: value")


def _here(error: YAMLError, lines: list[str]) -> tuple[int, int]:
    """Line and column (from 0) at which the parser gave up."""
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    return (min(mark.line, len(lines) - 1), mark.column) if mark else (0, 0)


def _start(error: YAMLError, lines: list[str]) -> tuple[int, int]:
    """Where the thing began that the parser could not finish."""
    mark = error.context_mark if isinstance(error, MarkedYAMLError) else None
    return (min(mark.line, len(lines) - 1), mark.column) if mark else _here(error, lines)


def _above(error: YAMLError, lines: list[str]) -> tuple[int, int]:
    """The line before that says something."""
    here, _ = _here(error, lines)
    line = max((i for i in range(here) if lines[i].strip() and not lines[i].lstrip().startswith("#")), default=here)
    return line, _indent(lines[line])


def _indented(error: YAMLError, lines: list[str]) -> tuple[int, int]:
    line, _ = _here(error, lines)
    return line, _indent(lines[line])


def _unclosed(error: YAMLError, lines: list[str]) -> tuple[int, int]:
    """The first line before that opens a quote and does not close it."""
    here, _ = _here(error, lines)
    opens = (i for i in range(here) if re.fullmatch(_HEAD + r"(?:\"[^\"]*|'[^']*)", lines[i]))
    return next(opens, here), 0


def _percent(error: YAMLError, lines: list[str]) -> tuple[int, int]:
    return next((i for i, line in enumerate(lines) if line.startswith("%")), 0), 0


_CHOICES: Mapping[str, Callable[[YAMLError, list[str]], tuple[int, int]]] = {
    "here": _here,
    "start": _start,
    "above": _above,
    "indented": _indented,
    "unclosed": _unclosed,
    "percent": _percent,
}


def _is_further_in(lines: list[str], line: int) -> bool:
    above = next((lines[i] for i in range(line - 1, -1, -1) if lines[i].strip()), "")
    return _indent(lines[line]) > _indent(above)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _unprintable(error: ReaderError, text: str, file: str) -> Problem:
    before = text[: error.position]
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1) + 1
    return Problem(file, line, column, "an invisible character stands here", "the line again by hand, without it")
