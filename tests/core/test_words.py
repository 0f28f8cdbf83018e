"""Folding and splitting text: equal-looking texts are equal, and no text is too odd."""

from __future__ import annotations

import unicodedata
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.words import (
    LONGEST,
    LONGEST_REMEMBERED,
    MOST_MARKS,
    clip,
    find,
    fold,
    likeness,
    phrases,
    remembered,
    sentences,
    trigrams,
    words,
)


@pytest.mark.parametrize(
    ("odd", "plain"),
    [
        ("re\u00adfund", "refund"),
        ("re\u200bfund", "refund"),
        ("\uff32\uff25\uff26\uff35\uff2e\uff24", "refund"),
        ("Stra\u00dfe", "strasse"),
        ("don\u2019t", "don't"),
        ("\u202erefund\u202c", "refund"),
        ("re\u0301sume\u0301", "r\u00e9sum\u00e9"),
    ],
)
def test_texts_that_look_alike_fold_to_the_same(odd: str, plain: str) -> None:
    assert fold(odd) == plain


def test_words_keep_an_apostrophe_inside_and_drop_punctuation_around() -> None:
    assert words("Where's my order?! ('KK-1') — 100% gone…") == ["where's", "my", "order", "kk", "1", "100", "gone"]


def test_a_control_character_parts_words() -> None:
    assert words("my\x00order\nplease") == ["my", "order", "please"]


def test_emoji_are_no_words() -> None:
    assert words("\U0001f621\U0001f621 help \U0001f44d\U0001f3fd") == ["help", "\U0001f3fd"][:1]


def test_sentences_end_at_marks_and_lines() -> None:
    assert sentences("Hi! Where is it?\nI wait. ") == ["hi", "where is it", "i wait"]


def test_a_long_text_is_clipped_to_its_two_ends() -> None:
    text = "start" + "x" * 100_000 + "end"
    clipped = clip(text)
    assert len(clipped) == LONGEST + 1
    assert clipped.startswith("start")
    assert clipped.endswith("end")


def test_likeness_runs_from_nothing_shared_to_the_same() -> None:
    assert likeness(trigrams("order"), trigrams("order")) == 1.0
    assert likeness(trigrams("order"), trigrams("xyz")) == 0.0
    assert 0 < likeness(trigrams("order"), trigrams("orders")) < 1
    assert likeness(frozenset(), frozenset()) == 0.0


def test_find_takes_the_longest_phrase_of_whole_words() -> None:
    index = phrases(["charge", "charged me", "charged", "My Money"])
    assert find(index, words("you charged me for my charger, my money!")) == [
        (1, ("charged", "me")),
        (6, ("my", "money")),
    ]


@given(st.text())
def test_folding_never_fails_and_folding_again_changes_nothing(text: str) -> None:
    once = fold(text)
    assert fold(once) == once
    assert all(word.strip() == word and word for word in words(text))


@given(
    st.text(
        st.sampled_from("a\u0301\u0316\u0327\u0344\u0345\uff9e\uff9f\u3099\u0e31\ufdfa\ufb03\u1e9e\u0130\u09c7\u09be"),
        max_size=60,
    )
)
def test_folding_stacked_marks_again_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_of_many_marks_on_a_letter_the_first_few_stay() -> None:
    assert fold("z" + "\u0316" * 1_000 + "o") == "z" + "\u0316" * MOST_MARKS + "o"
    assert fold("\uff76" + "\uff9e" * 1_000).count("\u3099") <= MOST_MARKS
    assert fold("z" + "\u0316" * MOST_MARKS) == "z" + "\u0316" * MOST_MARKS


def test_a_character_that_unfolds_into_a_phrase_becomes_a_space() -> None:
    assert fold("a\ufdfab") == "a b"
    assert fold("5\u338f") == "5kg"


def test_a_short_text_is_read_once_and_a_long_one_is_never_kept() -> None:
    seen: list[str] = []

    @remembered
    def read(text: str) -> int:
        seen.append(text)
        return len(text)

    short, long = "a" * LONGEST_REMEMBERED, "a" * (LONGEST_REMEMBERED + 1)
    assert [read(short), read(short), read(long), read(long)] == [len(short)] * 2 + [len(long)] * 2
    assert seen == [short, long, long]


def test_the_words_of_a_text_may_be_changed_by_whoever_asked_for_them() -> None:
    words("where is it").append("gone")
    assert words("where is it") == ["where", "is", "it"]


def test_marks_that_unfold_into_two_are_few_as_well() -> None:
    once = fold("a" + "\u0344" * 1_000)
    assert len(once) <= 1 + MOST_MARKS
    assert fold(once) == once


def test_marks_are_taken_away_before_they_are_put_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    ordered: list[int] = []

    class Counting:
        category = staticmethod(unicodedata.category)

        @staticmethod
        def normalize(form: Literal["NFKC"], text: str) -> str:
            ordered.append(len(text))
            return unicodedata.normalize(form, text)

    monkeypatch.setattr("core.words.unicodedata", Counting)
    fold("z" + "\u0316\u0301" * 1_999)
    assert max(ordered) <= 1 + MOST_MARKS
