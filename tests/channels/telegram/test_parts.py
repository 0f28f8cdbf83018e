"""Long answers as the sources of several messages."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.telegram.parts import LIMIT, rendered, sources
from core.markup import MOST_ENTITIES, convert
from core.text import utf16_length

SENTENCE = "Your parcel left our warehouse **this morning** and will reach you on Friday. "


def styled(markdown: str) -> list[tuple[str, tuple[str, ...]]]:
    """Each visible character that is no blank, with the kinds of entity over it."""
    rich = convert(markdown)
    spans = [(range(e.offset, e.offset + e.length), e.kind) for e in rich.entities]
    found, unit = [], 0
    for character in rich.text:
        if not character.isspace():
            found.append((character, tuple(sorted(kind for span, kind in spans if unit in span))))
        unit += utf16_length(character)
    return found


def assert_whole(markdown: str) -> list[str]:
    """The parts, each fitting one message, and together looking as the text does on its own."""
    parts = sources(markdown)
    assert all(len(rendered(part)) == 1 for part in parts)
    assert all(utf16_length(rendered(part)[0].text) <= LIMIT for part in parts)
    shown, whole = [look for part in parts for look in styled(part)], styled(markdown)
    if len(convert(markdown).entities) == MOST_ENTITIES:  # the parts may carry more than the whole could
        shown, whole = [(character, ()) for character, _ in shown], [(character, ()) for character, _ in whole]
    assert shown == whole
    return parts


def test_what_fits_stays_one_part() -> None:
    assert sources(" Hello **you** \n") == ["Hello **you**"]


@pytest.mark.parametrize("blank", ["", " ", "\n\t\n"])
def test_nothing_to_say_is_no_part(blank: str) -> None:
    assert sources(blank) == []


@given(st.text(alphabet=st.sampled_from("*_`~#>-|[](): \na."), min_size=1).filter(str.strip))
def test_whatever_is_not_blank_shows_something(markdown: str) -> None:
    assert [part for part in sources(markdown) if rendered(part)]


def test_trap_15_a_long_answer_is_cut_between_paragraphs() -> None:
    paragraphs = [f"Paragraph {number}: {SENTENCE * 12}".strip() for number in range(9)]
    parts = assert_whole("\n\n".join(paragraphs))
    assert len(parts) == 3
    assert all(part.startswith("Paragraph") for part in parts)


def test_trap_15_a_paragraph_too_long_is_cut_after_a_sentence() -> None:
    parts = assert_whole(SENTENCE * 150)
    assert len(parts) == 3
    assert all(part.endswith("Friday.") for part in parts)


def test_links_count_by_what_is_seen_of_them() -> None:
    link = f"[docs](https://example.com/{'x' * 500}) "
    assert len(assert_whole(link * 90)) == 1
    assert len(assert_whole(f"{SENTENCE * 60}{link * 90}")) == 2


def test_trap_15_no_mark_is_cut_in_two() -> None:
    bold = " ".join(["important"] * 60)
    parts = assert_whole(" ".join([f"**{bold}** plain words"] * 12))
    assert all(part.count("**") % 2 == 0 for part in parts)


def test_trap_15_code_cut_in_two_is_code_on_both_sides() -> None:
    code = "\n".join(f"line_{number} = compute({number})" for number in range(400))
    parts = assert_whole(f"Do this:\n\n```python\n{code}\n```\n\nThen tell us.")
    assert len(parts) > 1
    assert {e.language for part in parts for e in rendered(part)[0].entities if e.kind == "pre"} == {"python"}


@pytest.mark.parametrize("symbol", ["\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "x", "\u0645"])
def test_trap_15_one_endless_word_is_cut_between_characters(symbol: str) -> None:
    parts = sources(symbol * 9000)
    assert "".join(parts) == symbol * 9000
    assert all(part == symbol * (len(part) // len(symbol)) for part in parts)


def test_trap_15_the_101st_entity_is_plain_text() -> None:
    (part,) = sources(" ".join(["**b**"] * 150))
    assert len(rendered(part)[0].entities) == 100


PIECES = st.sampled_from(
    [SENTENCE, SENTENCE * 9, "\n\n", "\n", "- a point\n", "`code` ", "[docs](https://example.com/a) ", "> quoted\n"]
)


@settings(max_examples=40, deadline=None)
@given(st.lists(PIECES, min_size=20, max_size=60).map("".join))
def test_trap_15_parts_look_like_the_whole_however_the_answer_is_made(markdown: str) -> None:
    assert_whole(markdown)
