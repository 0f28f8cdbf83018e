"""Lengths as platforms count them, and openings that never tear what people see as one."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text import first_clause, fitting, utf16_length, whole

FAMILY, FLAG, KEYCAP, ACCENT = "👩\u200d👩\u200d👧", "🇩🇰", "1\ufe0f\u20e3", "e\u0301"


@given(st.text(max_size=200))
def test_length_is_what_utf_16_takes(text: str) -> None:
    assert utf16_length(text) == len(text.encode("utf-16-le", "surrogatepass")) // 2


@given(st.text(max_size=100), st.integers(0, 120))
def test_what_fits_is_the_longest_beginning_that_does(text: str, limit: int) -> None:
    count = fitting(text, limit)
    assert utf16_length(text[:count]) <= limit
    assert count == len(text) or utf16_length(text[: count + 1]) > limit


@pytest.mark.parametrize("cluster", [FAMILY, FLAG, KEYCAP, ACCENT, "👍🏽", "❤\ufe0f\u200d🔥"])
def test_no_cut_divides_what_is_seen_as_one(cluster: str) -> None:
    text = f"a{cluster}b"
    for cut in range(1, len(text)):
        assert whole(text, cut) in {1, 1 + len(cluster)}
        assert whole(text, cut) <= cut


def test_flags_are_divided_between_not_within_them() -> None:
    text = FLAG * 5
    assert [whole(text, cut) for cut in range(2, 10)] == [2, 2, 4, 4, 6, 6, 8, 8]


@given(st.text(min_size=1, max_size=300))
def test_an_opening_is_short_ends_in_dots_and_is_never_the_whole_answer(text: str) -> None:
    opening = first_clause(text)
    assert utf16_length(opening) <= 80
    assert opening.endswith("…")
    assert text.strip() == "" or opening[:-1].strip() != text.strip()
    assert not opening or unicodedata.combining(opening[0]) == 0 or unicodedata.combining(text.strip()[0]) != 0


@given(st.lists(st.sampled_from([FAMILY, FLAG, KEYCAP, ACCENT, "📦"]), min_size=1, max_size=60))
def test_an_opening_of_one_long_word_ends_between_characters(clusters: list[str]) -> None:
    opening = first_clause("".join(clusters)).removesuffix("…").rstrip()
    beginnings = {"".join(clusters[:count]) for count in range(len(clusters))}
    assert opening in beginnings


@pytest.mark.parametrize(
    ("text", "opening"),
    [
        ("Yes, we do. It takes two days.", "Yes …"),
        ("Returns are free. You have 30 days.", "Returns are free …"),
        ("It costs 3.50 with tax and all", "It costs 3.50 …"),
        ("First line\nsecond line", "First line …"),
        ("Done", "…"),
        ("", "…"),
    ],
)
def test_an_opening_is_the_first_clause(text: str, opening: str) -> None:
    assert first_clause(text) == opening


def test_an_opening_of_one_long_clause_ends_between_words() -> None:
    text = "words " * 40
    opening = first_clause(text)
    assert text.startswith(opening.removesuffix("…"))
    assert opening.endswith("words …")
