"""Folding and splitting text: equal-looking texts are equal, and no text is too odd."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.words import LONGEST, clip, find, fold, likeness, phrases, sentences, trigrams, words


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
