"""Markdown to entities: what is marked up, what is left alone, and how it is cut."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.markup import Entity, Rich, convert, split
from core.text import first_clause, utf16_length


def over(rich: Rich) -> list[tuple[str, str]]:
    """Each entity's kind and the text it lies over."""
    units = rich.text.encode("utf-16-le")
    return [(e.kind, units[2 * e.offset : 2 * (e.offset + e.length)].decode("utf-16-le")) for e in rich.entities]


@pytest.mark.parametrize(
    "text",
    ["10*20 cm", "a*b*c", "<name>", "$5", "snake_case", "2*3*4", "2**3**4", "__init__.py", "a * b * c", "5 > 3", "[x](javascript:alert(1))",
     "[x](tg://user?id=1)", "**", "*", "`", "``", "[a](b)", "-5", "#tag", "a\\*b"],
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


marked = st.text(alphabet=st.sampled_from("ab_*`[]()#> |-\n~.é📦\u200d1"), max_size=200)


@given(marked)
def test_every_character_but_marks_survives_in_order(text: str) -> None:
    shown = iter(convert(text).text.replace("• ", "").replace("•", ""))
    kept = [c for c in text if c not in "*_`[]()#>-\n \r" and not c.isspace()]
    seen = [c for c in shown if c not in "*_`[]()#>-\n " and not c.isspace()]
    assert seen == [c for c in kept] or "](" in text or "```" in text


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
    assert all(utf16_length(p.text) <= limit and p.text == p.text.strip() and p.text for p in parts)
    assert "".join("".join(p.text.split()) for p in parts) == "".join(rich.text.split())


@pytest.mark.parametrize(
    "unit", ["*", "[", "`", "** ", "_a ", "*a ", "`a ``b ", "> ", "[a](http://x ", "**a", "|\n-|-\n", "```\n"]
)
def test_hostile_text_is_converted_in_linear_time(unit: str) -> None:
    def took(size: int) -> float:
        text = unit * (size // len(unit))
        began = time.process_time()
        split(convert(text))
        return time.process_time() - began

    took(1000)
    assert took(80_000) < 40 * max(took(8_000), 0.002)


@given(st.text(min_size=1, max_size=300))
def test_an_opening_is_short_ends_in_dots_and_is_never_the_whole_answer(text: str) -> None:
    opening = first_clause(text)
    assert utf16_length(opening) <= 80
    assert opening.endswith("…")
    assert text.strip() == "" or opening[:-1].strip() != text.strip()
    assert not opening or unicodedata.combining(opening[0]) == 0 or unicodedata.combining(text.strip()[0]) != 0


def test_an_opening_ends_with_its_first_clause() -> None:
    assert first_clause("Yes, we do. It takes two days.") == "Yes …"
    assert first_clause("Returns are free. You have 30 days.") == "Returns are free …"
    assert first_clause("Done") == "…"
