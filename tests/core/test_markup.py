"""Markdown to entities: what is marked up, what is left alone, and how it is cut."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.markup import Entity, Rich, convert, split
from core.text import utf16_length


def over(rich: Rich) -> list[tuple[str, str]]:
    """Each entity's kind and the text it lies over."""
    units = rich.text.encode("utf-16-le")
    return [(e.kind, units[2 * e.offset : 2 * (e.offset + e.length)].decode("utf-16-le")) for e in rich.entities]


@pytest.mark.parametrize(
    "text",
    ["10*20 cm", "a*b*c", "<name>", "$5", "snake_case", "2*3*4", "2**3**4", "__init__.py", "a * b * c", "5 > 3",
     "[x](javascript:alert(1))",
     "[x](tg://user?id=1)", "**", "*", "`", "``", "[a](b)", "-5", "#tag", "a\\*b", "* * *", "---", "***", "+ 45 12 34",
     ">5 kg", ">>> print(1)", "price 5* and 6*", "(*) needed (*) also", "*.txt and *.csv*", "f(*args, **kw) and g(*a)",
     "¯\\_(ツ)_/¯", "^_^ and -_-", "*_*", "@_user_name_", "x **kwargs, **opts", "2 ** 3 ** 4", "[ ](https://e.com)",
     "*x (*)", "*a\\* b", "-_- and -_-", "a|b\nc-d|e", "https://x.com/Paris,_Texas_(film)",
     "https://x.com/_next/static_ ok", "see http://x.com/a*b*c", "<https://x.com/_a_>", "[a](https://e.com \"title\")"],
)  # fmt: skip
def test_trap_14_what_only_looks_like_markup_is_left_unchanged(text: str) -> None:
    assert convert(text) == Rich(text)


@pytest.mark.parametrize(
    ("markdown", "text", "entities"),
    [
        ("**bold** and *it* or _it_", "bold and it or it", [("bold", "bold"), ("italic", "it"), ("italic", "it")]),
        ("***both***", "both", [("bold", "both"), ("italic", "both")]),
        ("**Liefer**zeit", "Lieferzeit", [("bold", "Liefer")]),
        ("run `a*b*c`", "run a*b*c", [("code", "a*b*c")]),
        ("`` a`b ``", "a`b", [("code", "a`b")]),
        ("这是**重点**内容", "这是重点内容", [("bold", "重点")]),
        ("**중요**한", "중요한", [("bold", "중요")]),
        ("_**x**_ **_y_**", "x y", [("italic", "x"), ("bold", "x"), ("italic", "y"), ("bold", "y")]),
        ("**a *b*** ***c* d**", "a b c d", [("bold", "a b"), ("italic", "b"), ("bold", "c d"), ("italic", "c")]),
        ("*a **b* c**", "a **b c**", [("italic", "a **b")]),
        ("[**a** [b] `c`](https://e.com)", "a [b] c", [("bold", "a"), ("text_link", "a [b] c")]),
        ("**see [a](https://e.com) now**", "see a now", [("bold", "see a now"), ("text_link", "a")]),
        ("# Using C# ##", "Using C#", [("bold", "Using C#")]),
        ("# Learn C#", "Learn C#", [("bold", "Learn C#")]),
        ("[a [b](https://e.com) c](https://f.com)", "[a b c](https://f.com)", [("text_link", "b")]),
        ("*a _b_ c*", "a b c", [("italic", "a b c")]),
        ("# **a** b", "a b", [("bold", "a b")]),
        ("> > twice\n>\n> `code`", "twice\n\ncode", [("blockquote", "twice\n\ncode"), ("code", "code")]),
        ("1. do\n    ~~~sh\n      ls\n    ~~~\nend", "1. do\n  ls\nend", [("pre", "  ls")]),
        ("```py file=x\na\n```\nend", "file=x\na\nend", [("pre", "file=x\na")]),
        ("```\nstill being written", "still being written", [("pre", "still being written")]),
        ("a|b\n-|:-:\n1|2\nend", "a|b\n-|:-:\n1|2\nend", [("pre", "a|b\n-|:-:\n1|2")]),
        ("**a `b` c**", "a b c", [("bold", "a "), ("code", "b"), ("bold", " c")]),
        ("# Title", "Title", [("bold", "Title")]),
        ("- one\n* two", "• one\n• two", []),
        ("> a\n> b", "a\nb", [("blockquote", "a\nb")]),
        ("> 1\n> 2\n> 3\n> 4\n> 5\n> 6", "1\n2\n3\n4\n5\n6", [("expandable_blockquote", "1\n2\n3\n4\n5\n6")]),
        ("```py\nx = 1\n```", "x = 1", [("pre", "x = 1")]),
        ("|a|b|\n|--|--|\n|1|2|", "|a|b|\n|--|--|\n|1|2|", [("pre", "|a|b|\n|--|--|\n|1|2|")]),
        ("📦 **ok** 👩‍👩‍👧", "📦 ok 👩‍👩‍👧", [("bold", "ok")]),
    ],
)  # fmt: skip
def test_marks_become_entities(markdown: str, text: str, entities: list[tuple[str, str]]) -> None:
    rich = convert(markdown)
    assert rich.text == text
    assert sorted(over(rich)) == sorted(entities)


def test_a_link_keeps_its_parentheses_and_shows_its_label() -> None:
    rich = convert("see [the page](https://example.com/a_(b)) now")
    assert rich.text == "see the page now"
    assert rich.entities == (Entity("text_link", 4, 8, "https://example.com/a_(b)"),)


def test_a_table_is_shown_as_it_was_typed_in_fixed_width() -> None:
    assert [kind for kind, _ in over(convert("| a | b |\n|---|---|\n| 1 | 2 |\nafter"))] == ["pre"]


def test_trap_15_the_hundred_and_first_entity_is_plain_text() -> None:
    rich = convert(" ".join(f"**b{n}**" for n in range(130)))
    assert len(rich.entities) == 100
    assert rich.text.endswith("b129")


def test_trap_15_splitting_never_cuts_an_emoji_a_pair_or_an_entity() -> None:
    family = "👩‍👩‍👧"
    text = "x" * 4090 + family * 3 + " **" + "bold " * 20 + "end** " + "🇩🇰" * 900
    parts = split(convert(text))
    assert "".join("".join(p.text.split()) for p in parts) == "".join(convert(text).text.split())
    for part in parts:
        assert utf16_length(part.text) <= 4096
        assert not part.text.startswith("\u200d")
        assert not part.text.endswith("\u200d")
    assert sum(("bold", "bold " * 20 + "end") in over(part) for part in parts) == 1


def test_a_cut_prefers_the_end_of_a_paragraph_then_of_a_sentence() -> None:
    paragraph = "One sentence. " * 200
    parts = split(convert(f"{paragraph}\n\n{paragraph}"))
    assert [p.text for p in parts] == [paragraph.strip(), paragraph.strip()]
    assert all(p.text.endswith(".") for p in split(convert("A longer sentence here. " * 400)))


def test_an_entity_longer_than_a_message_goes_on_in_the_next() -> None:
    parts = split(convert("```\n" + "line of code\n" * 800 + "```"))
    assert len(parts) > 2
    assert all([kind for kind, _ in over(part)] == ["pre"] for part in parts)
    assert all(part.text.endswith("line of code") for part in parts)


def test_code_keeps_the_indentation_of_its_first_line() -> None:
    (part,) = split(convert("\n```\n    deep\nflat\n```\n"))
    assert part.text == "    deep\nflat"


def test_a_word_is_cut_only_where_nothing_else_is_left() -> None:
    address = "https://example.com/" + "x" * 3000
    assert [part.text for part in split(Rich(f"see {address} and on"), 3022)] == ["see", address, "and on"]


def test_halves_of_a_character_are_joined_or_replaced_and_control_codes_are_blanks() -> None:
    assert convert("\ud83d\udce6 \ud83d \x00").text == "📦 \ufffd  "


@dataclass(frozen=True)
class Piece:
    """A bit of Markdown, and what a customer should see of it."""

    markdown: str
    text: str
    kinds: tuple[str, ...] = ()


plain = st.text(alphabet=st.sampled_from("abcé1📦ñ"), min_size=1, max_size=12)


def piece(word: str) -> st.SearchStrategy[Piece]:
    return st.sampled_from(
        [
            Piece(word, word),
            Piece(f"**{word}**", word, ("bold",)),
            Piece(f"*{word}*", word, ("italic",)),
            Piece(f"_{word}_", word, ("italic",)),
            Piece(f"***{word}***", word, ("bold", "italic")),
            Piece(f"`{word}_*`", f"{word}_*", ("code",)),
            Piece(f"[{word}](https://example.com/a_(b)_c)", word, ("text_link",)),
            Piece(f"[**{word}**](tel:+451234)", word, ("bold", "text_link")),
            Piece(f"{word}a_1*b{word}", f"{word}a_1*b{word}"),
        ]
    )


@given(st.lists(plain.flatmap(piece), min_size=1, max_size=30))
def test_what_was_marked_up_and_nothing_else_is_shown_with_its_marks_gone(pieces: list[Piece]) -> None:
    rich = convert(" ".join(p.markdown for p in pieces))
    assert rich.text == " ".join(p.text for p in pieces)
    assert Counter(over(rich)) == Counter((kind, p.text) for p in pieces for kind in p.kinds)


marked = st.text(alphabet=st.sampled_from("ab_*`[]()#> |-\n~.é📦\u200d1"), max_size=200)


@given(marked)
def test_every_character_but_marks_survives_in_order(text: str) -> None:
    marks = "*_`[]()#>-~•"
    shown = [c for c in convert(text).text if c not in marks and not c.isspace()]
    assert shown == [c for c in text if c not in marks and not c.isspace()] or "```" in text or "~~~" in text


@given(marked)
def test_entities_lie_within_the_text_and_nest_properly(text: str) -> None:
    rich = convert(text)
    length = utf16_length(rich.text)
    assert len(rich.entities) <= 100
    for one in rich.entities:
        assert 0 <= one.offset < one.offset + one.length <= length
        for other in rich.entities:
            disjoint = one.offset + one.length <= other.offset or other.offset + other.length <= one.offset
            inside = one.offset <= other.offset and other.offset + other.length <= one.offset + one.length
            around = other.offset <= one.offset and one.offset + one.length <= other.offset + other.length
            assert disjoint or inside or around
            if one is not other and not disjoint:
                assert {one.kind, other.kind} & {"code", "pre"} == set() or "quote" in one.kind + other.kind


@given(st.text(max_size=400), st.integers(20, 60))
@settings(max_examples=200)
def test_parts_fit_are_stripped_and_hold_everything(text: str, limit: int) -> None:
    rich = convert(text)
    parts = split(rich, limit)
    assert all(utf16_length(p.text) <= limit and p.text.strip() and p.text == p.text.rstrip() for p in parts)
    assert all(p.text == p.text.strip() or p.entities[0].kind == "pre" for p in parts)
    assert "".join("".join(p.text.split()) for p in parts) == "".join(rich.text.split())


sentences = st.lists(
    st.sampled_from(
        ["word ", "End. ", "\n", "**bold words here** ", "`code span` ", "[a link](https://e.com) ", "> quote\n"]
    )
).map("".join)


@given(st.one_of(marked, sentences), st.integers(20, 60))
@settings(max_examples=300)
def test_trap_15_an_entity_that_fits_a_part_is_whole_in_one(text: str, limit: int) -> None:
    rich = convert(text)
    cut = Counter((kind, words) for part in split(rich, limit) for kind, words in over(part))
    fitting = Counter(
        (kind, words) for kind, words in over(rich) if utf16_length(words) <= limit and words == words.strip()
    )
    assert fitting <= cut


@pytest.mark.parametrize(
    "unit",
    [
        "*",
        "[",
        "`",
        "** ",
        "_a ",
        "*a ",
        "`a ``b ",
        "> ",
        "[a](http://x ",
        "**a",
        "|\n-|-\n",
        "```\n",
        "**a** `b` ",
        "[a](http:",
        "[[a]](",
        "[a](http://x(",
        "_http://a_ ",
        "# a       ",
        "🇩🇰",
        "a\u0301",
        "👩\u200d",
        "***a ",
    ],
)
def test_hostile_text_of_300_000_characters_is_done_before_the_test_times_out(unit: str) -> None:
    assert split(convert(unit * (300_000 // len(unit)))) is not None
