"""The syntax of FAQ and knowledge files: text in, articles out, every fault with its line and column.

YAML 1.2 (a list of entries), CSV (question, answer, asked_as) and Markdown (a heading is a question). No file is opened
here, and what is done with an article is not known.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePath

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from core.errors import Problem, SettingsError
from core.words import words

Mark = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Article:
    """One thing the bot knows: a question with other wordings of it, and the answer.

    `id` is unique in its file, `language` an ISO 639-1 code or empty, `kind` is faq, knowledge or intent.
    """

    id: str
    question: str
    answer: str
    asked_as: tuple[str, ...] = ()
    language: str = ""
    kind: str = "faq"


@dataclass(frozen=True, slots=True)
class _Entry:
    """One mapping of a YAML list: its texts by key, and where each key stands."""

    texts: dict[str, tuple[str, ...]]
    marks: dict[str, Mark]
    mark: Mark


class Faults:
    """The problems found so far in one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[Problem] = []

    def add(self, mark: Mark, what: str, write: str = "") -> None:
        """Note a problem at (line, column), both counted from 1."""
        self.found.append(Problem(self.file, *mark, what, write))

    def end(self) -> None:
        """Raise SettingsError when there was any."""
        if self.found:
            raise SettingsError(sorted(self.found, key=lambda p: (p.line, p.column)))


def parse_faq_yaml(text: str, file: str) -> tuple[Article, ...]:
    """Entries with question and answer, and where wanted id, asked_as and language.

    The newest files are remembered: several parts of one bot read the same FAQ, which takes 70 ms each time.
    """
    return _faq_yaml(text, file)


@lru_cache(maxsize=4)
def _faq_yaml(text: str, file: str) -> tuple[Article, ...]:
    faults = Faults(file)
    rows = []
    for entry in _entries(text, faults, lists=frozenset({"asked_as"}), single=("id", "question", "answer", "language")):
        if _has(entry, faults, "question", "answer"):
            one = {key: value[0] for key, value in entry.texts.items() if key != "asked_as"}
            asked = entry.texts.get("asked_as", ())
            rows.append((entry.marks.get("id", entry.mark), _article(one, asked)))
    return _unique(rows, faults)


def parse_intents_yaml(text: str, file: str) -> tuple[Article, ...]:
    """Entries with name and examples, as articles of kind intent without an answer."""
    faults = Faults(file)
    rows = []
    for entry in _entries(text, faults, lists=frozenset({"examples"}), single=("name",)):
        if _has(entry, faults, "name", "examples"):
            first, *more = entry.texts["examples"]
            article = Article(entry.texts["name"][0], first, "", tuple(more), kind="intent")
            rows.append((entry.marks["name"], article))
    return _unique(rows, faults)


def parse_csv(text: str, file: str) -> tuple[Article, ...]:
    """Rows with the columns question and answer; id, asked_as (wordings parted by |) and language where wanted."""
    faults = Faults(file)
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = {"question", "answer"} - set(reader.fieldnames or ())
    if missing:
        faults.add((1, 1), f"the first line names no column {sorted(missing)[0]!r}", "question,answer,asked_as")
        faults.end()
    rows = []
    for row in reader:
        one = {key: value.strip() for key, value in row.items() if isinstance(key, str) and isinstance(value, str)}
        if one.get("question") and one.get("answer"):
            asked = tuple(part.strip() for part in one.get("asked_as", "").split("|") if part.strip())
            rows.append(((reader.line_num, 1), _article(one, asked)))
        else:
            faults.add((reader.line_num, 1), "this row has no question or no answer", "both, or remove the row")
    return _unique(rows, faults)


def parse_faq_markdown(text: str, file: str) -> tuple[Article, ...]:
    """Each second-level heading is a question, the text under it the answer."""
    faults = Faults(file)
    rows = []
    for mark, level, heading, body in _sections(text):
        if level == 2 and body:
            rows.append((mark, _article({"question": heading, "answer": body}, ())))
        elif level == 2:
            faults.add(mark, f"{heading!r} has no answer under it", "the answer in the next line")
    return _unique(rows, faults)


def parse_knowledge(text: str, file: str) -> tuple[Article, ...]:
    """Each section with text, as an article of kind knowledge named `page/section`; the page's title joins it."""
    page = PurePath(file).stem
    title, articles = "", []
    for _, level, heading, body in _sections(text):
        title = heading if level == 1 else title
        if body:
            name = f"{page}/{_slug(heading)}" if level > 1 else page
            question = heading if level <= 1 or not title else f"{title}: {heading}"
            articles.append(Article(name, question or page, body, kind="knowledge"))
    return tuple(articles)


def _article(one: dict[str, str], asked_as: tuple[str, ...]) -> Article:
    name = one.get("id") or _slug(one["question"])
    return Article(name, one["question"], one["answer"].strip(), asked_as, one.get("language", ""))


def _slug(text: str) -> str:
    return "-".join(words(text)[:8]) or "untitled"


def _unique(rows: list[tuple[Mark, Article]], faults: Faults) -> tuple[Article, ...]:
    seen: dict[str, Mark] = {}
    for mark, article in rows:
        if article.id in seen:
            faults.add(mark, f"{article.id!r} is used twice, first in line {seen[article.id][0]}", "another name")
        seen.setdefault(article.id, mark)
    faults.end()
    return tuple(article for _, article in rows)


def _sections(text: str) -> list[tuple[Mark, int, str, str]]:
    """(place, heading level, heading, text under it), in order; level 0 for what stands before any heading."""
    found: list[tuple[Mark, int, str, list[str]]] = [((1, 1), 0, "", [])]
    for number, line in enumerate(text.splitlines(), 1):
        marks = len(line) - len(line.lstrip("#"))
        if 0 < marks <= 6 and line[marks : marks + 1] == " ":
            found.append(((number, 1), marks, line[marks:].strip(" #"), []))
        else:
            found[-1][3].append(line)
    return [(mark, level, heading, "\n".join(lines).strip()) for mark, level, heading, lines in found]


_LISTS = frozenset({"examples"})


def _has(entry: _Entry, faults: Faults, *keys: str) -> bool:
    missing = [key for key in keys if not any(entry.texts.get(key, ()))]
    for key in missing:
        if key not in entry.texts or key in _LISTS:
            faults.add(entry.marks.get(key, entry.mark), f"this entry has no {key!r}", f"{key}: ...")
    return not missing


def _entries(text: str, faults: Faults, lists: frozenset[str], single: tuple[str, ...]) -> list[_Entry]:
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        faults.add(place, f"this is not YAML: {error.problem or error.context}", "quotes around a text with : or #")
    except YAMLError as error:
        faults.add((1, 1), f"this is not YAML: {str(error).splitlines()[0]}")
    faults.end()
    if not isinstance(root, SequenceNode):
        faults.add(_mark(root), "this file must be a list of entries", "- in front of each entry")
        faults.end()
    return [entry for node in root.value if (entry := _entry(node, faults, lists, single))]


def _entry(node: Node, faults: Faults, lists: frozenset[str], single: tuple[str, ...]) -> _Entry | None:
    if not isinstance(node, MappingNode):
        faults.add(_mark(node), "this is not an entry", f"{single[0]}: ...")
        return None
    entry = _Entry({}, {}, _mark(node))
    readers = dict[str, Reader](dict.fromkeys(single, _one)) | dict[str, Reader](dict.fromkeys(lists, _many))
    for key, value in node.value:
        name = str(key.value)
        if name not in readers:
            faults.add(_mark(key), f"unknown setting {name!r}", "one of " + ", ".join(readers))
        elif name in entry.texts:
            faults.add(_mark(key), f"{name!r} stands here twice", "it once")
        else:
            entry.marks[name] = _mark(key)
            entry.texts[name] = readers[name](value, faults)
    return entry


def _one(node: Node, faults: Faults) -> tuple[str, ...]:
    if isinstance(node, ScalarNode) and node.value.strip():
        return (node.value.strip(),)
    faults.add(_mark(node), "a text belongs here", "the text in quotes")
    return ("",)


def _many(node: Node, faults: Faults) -> tuple[str, ...]:
    if isinstance(node, SequenceNode):
        return tuple(text for item in node.value for text in _one(item, faults) if text)
    return _one(node, faults)


Reader = Callable[[Node, Faults], tuple[str, ...]]


def _mark(node: Node | None) -> Mark:
    return (node.start_mark.line + 1, node.start_mark.column + 1) if node is not None else (1, 1)
