"""WhatsApp's markup: what is formatted is what was meant, and every word arrives."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from channels.whatsapp.markup import LEADS, LIKE, plain, written
from core.markup import Rich, convert

KINDS = {"bold": "*", "italic": "_", "code": "`", "strikethrough": "~"}
ORIGINALS = {ord(like): mark for mark, like in (LIKE | LEADS).items()}
pieces = st.sampled_from(
    ["*", "**", "_", "__", "~", "~~", "`", "```", "\n", "\n```\n", " ", ">", "> ", "- ", "# ", "(", ")", ".", "!", "a",
     "b1", "word", "æ", "\U0001f69a", "10*20", "a_b", "10 * 20", "<name>"]
)  # fmt: skip
texts = st.lists(pieces, max_size=25).map("".join)


@pytest.mark.parametrize(
    ("markdown", "body"),
    [
        ("**bold** and *italic* and `code`", "*bold* and _italic_ and `code`"),
        ("**bold *and italic* too**", "*bold _and italic_ too*"),
        ("```py\nx * y * z\n```", "```x * y * z```"),
        ("> one\n> **two**\n\nthree", "> one\n> *two*\n\nthree"),
        ("# Title", "*Title*"),
        ("- one\n- two", "• one\n• two"),
        ("[here](https://shop.example/a_(b))", "here (https://shop.example/a_(b))"),
        ("[https://shop.example](https://shop.example)", "https://shop.example"),
        ("[shop.example](https://shop.example/)", "shop.example"),
        ("[write](mailto:help@shop.example)", "write (help@shop.example)"),
        ("[+45 12](tel:+4512)", "+45 12 (+4512)"),
        ("**[here](https://shop.example)**", "*here (https://shop.example)*"),
        ("**un**believable", "unbelievable"),
        ("**two\nlines**", "**two\nlines**"),
    ],
)
def test_markdown_becomes_whatsapps_own_marks(markdown: str, body: str) -> None:
    assert written(convert(markdown)) == body


@pytest.mark.parametrize(
    "text",
    ["10*20 cm and a*b*c", "<name>", "$5", "snake_case_name", "2 * 3 * 4", "a ~ b", "5 > 3", "it's *", "* Terms"],
)
def test_marks_that_mean_nothing_stay_as_they_are(text: str) -> None:
    assert written(Rich(text)).translate(ORIGINALS) == text
    assert [c for c in written(Rich(text)) if c in LIKE.values()] == ([LIKE["*"]] if text.startswith("* ") else [])


@pytest.mark.parametrize(
    "text", ["*bold*", "_it_", "~no~", "`code`", "(*bold*)", "*a* *b*", "```x```", "__init__", "> q"]
)
def test_literal_marks_are_not_taken_for_formatting(text: str) -> None:
    assert not list(_formatted(written(Rich(text))))
    assert written(Rich(text)).translate(ORIGINALS) == text


@pytest.mark.parametrize("address", ["https://shop.example/_a_/*b*", "http://x.example/~me~", "www.shop.example/_a_"])
def test_an_address_is_never_changed(address: str) -> None:
    assert address in written(Rich(f"see {address} now"))
    assert address in plain(written(convert(f"**see** {address} now")))


@settings(max_examples=500)
@given(texts)
@example("*a **b** c*")
@example("**a*** b*")
@example("_**x**_ *y")
@example("~> *~*")
@example("*x ~* y~")
def test_only_what_was_meant_is_formatted(markdown: str) -> None:
    rich = convert(markdown)
    meant = set(_meant(rich))
    for mark, words in _formatted(written(rich)):
        assert (mark, words.translate(ORIGINALS)) in meant


@settings(max_examples=500)
@given(texts)
def test_every_word_arrives(markdown: str) -> None:
    rich = convert(markdown)
    shown = _visible(written(rich)).translate(ORIGINALS)
    assert re.sub(r"\s+", " ", shown).strip() == re.sub(r"\s+", " ", rich.text).strip()


@settings(max_examples=500)
@given(texts)
@example("# (`>`")
def test_without_its_marks_a_body_says_the_same_and_formats_nothing(markdown: str) -> None:
    body = written(convert(markdown))
    assert plain(body).translate(ORIGINALS).split() == _visible(body).translate(ORIGINALS).split()
    assert not list(_formatted(plain(body)))


@given(texts)
def test_a_text_without_entities_is_never_formatted(text: str) -> None:
    assert not list(_formatted(written(Rich(text))))


def _fences(body: str) -> list[tuple[int, int]]:
    return [found.span() for found in re.finditer(r"```.+?```", body, re.DOTALL)]


def _pairs(body: str) -> Iterator[tuple[str, int, int]]:
    """Where WhatsApp formats, read as widely as its behaviour allows: a mark that opens before a word at no word's end,
    up to the first one that closes on the same line; in code nothing else.
    """
    for start, end in _fences(body):
        yield "```", start, end - 3
    taken = [*_fences(body), *(found.span() for found in re.finditer(r"https?://\S+", body))]
    for mark in "`*_~":
        for line in re.finditer(r"[^\n]+", body):
            at = line.start()
            while at < line.end():
                stop = _close(body, mark, at, line.end(), taken)
                if stop is None:
                    at += 1
                    continue
                yield mark, at, stop
                if mark == "`":
                    taken.append((at, stop + 1))
                at = stop + 1


def _close(body: str, mark: str, at: int, end: int, taken: list[tuple[int, int]]) -> int | None:
    def free(place: int) -> bool:
        return body[place] == mark and not any(low <= place < high for low, high in taken)

    before, after = body[at - 1 : at] if at else "", body[at + 1 : at + 2]
    if not free(at) or before.isalnum() or not after.strip():
        return None
    for stop in range(at + 2, end):
        if free(stop) and body[stop - 1].strip() and not body[stop + 1 : stop + 2].isalnum():
            return stop
    return None


def _marks(body: str) -> set[int]:
    gone: set[int] = set()
    for mark, start, stop in _pairs(body):
        gone |= {*range(start, start + len(mark)), *range(stop, stop + len(mark))}
    return gone


def _formatted(body: str) -> Iterator[tuple[str, str]]:
    gone = _marks(body)
    for mark, start, stop in _pairs(body):
        yield mark, "".join(body[at] for at in range(start, stop) if at not in gone)
    for line in re.finditer(r"^> (.*)", body, re.MULTILINE):
        if not any(low < line.start() < high for low, high in _fences(body)):
            yield ">", "".join(body[at] for at in range(line.start(1), line.end()) if at not in gone)


def _visible(body: str) -> str:
    gone = _marks(body)
    for line in re.finditer(r"^> ", body, re.MULTILINE):
        if not any(low < line.start() < high for low, high in _fences(body)):
            gone |= set(range(*line.span()))
    return "".join(c for at, c in enumerate(body) if at not in gone)


def _meant(rich: Rich) -> Iterator[tuple[str, str]]:
    units = rich.text.encode("utf-16-le")
    for entity in rich.entities:
        words = units[2 * entity.offset : 2 * (entity.offset + entity.length)].decode("utf-16-le")
        if entity.kind == "pre":
            yield "```", words
        for line in words.split("\n"):
            yield (">", line) if entity.kind.endswith("blockquote") else (KINDS.get(entity.kind, ""), line.strip())
