"""Folding against dodging: what becomes of hidden text, and that every place leads back to where it was written."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.signals._folding import LONGEST_OF_ONE, folded, index, place
from core.words import find, split


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("REFUND", "refund"),
        ("re\u00adfu\u200bnd", "refund"),
        ("re\U000e0041fu\U000e0101nd\ufe0f", "refund"),
        ("\uff32\uff25\uff26\uff35\uff2e\uff24", "refund"),
        ("\U0001d42b\U0001d41e\U0001d41f\U0001d42e\U0001d427\U0001d41d", "refund"),
        ("r\u0336e\u0301\u0316f\u20ddund", "refund"),
        ("r\u0435fund", "refund"),
        ("\u0440\u0430\u0443", "pay"),
        ("r e f u n d", "refund"),
        ("r.e.f.u.n.d", "refund"),
        ("r_e_f_u_n_d", "refund"),
        ("a b c d", "a b c d"),
        ("4 5 3 9 1 4", "453914"),
        ("\u0664\u0665\u0663\u0669", "4539"),
        ("\u096a\u096b\u0969\u096f", "4539"),
        ("\uff14\uff15", "45"),
        ("R\u00fcckerstattung", "ruckerstattung"),
        ("z\u0142", "zl"),
        ("\u0130ADE", "iade"),
        ("\u0641\u064e\u0627\u062a\u064f\u0648\u0631\u0629", "\u0641\u0627\u062a\u0648\u0631\u0647"),
        ("\ud800x", " x"),
        ("20\u201321", "20-21"),
        ("don\u2019t", "don't"),
        ("\ufdfa", " "),
        ("\u043f\u0440\u0438\u0432\u0435\u0442, \u044d\u0442\u043e \u0441\u043e\u0440", None),
        ("\u0930\u093f\u092b\u0902\u0921 \u091a\u093e\u0939\u093f\u090f", None),
        ("\u6211\u8981\u9000\u6b3e", None),
    ],
)
def test_a_hidden_text_becomes_plain_and_a_plain_one_stays(text: str, plain: str | None) -> None:
    assert folded(text).text == (text if plain is None else plain)


@pytest.mark.parametrize(
    ("text", "word", "written"),
    [
        ("a RE\u00adFUND!", "refund", "RE\u00adFUND"),
        ("\ufb01ne r e f u n d, ok", "refund", "r e f u n d"),
        ("\u00df\u00df r\u0301efund\u0336\u0336 x", "refund", "r\u0301efund\u0336\u0336"),
        ("\U0001f468\u200d\U0001f469 re\u200bfund", "refund", "re\u200bfund"),
        ("4-5-3-9-1-4 and x", "453914", "4-5-3-9-1-4"),
        ("refund", "refund", "refund"),
    ],
)
def test_a_place_leads_back_to_what_was_written(text: str, word: str, written: str) -> None:
    view = folded(text)
    start = view.text.index(word)
    assert view.piece(start, start + len(word)) == written


def test_an_empty_place_is_refused() -> None:
    with pytest.raises(ValueError, match="empty place"):
        folded("refund").span(2, 2)


def test_a_word_stands_where_its_number_says() -> None:
    text = "it's 'so so' so, so"
    among = split(text)
    spans = [place(text, among, at, 1) for at in range(len(among))]
    assert [text[slice(*span)] for span in spans] == among
    assert spans == sorted(set(spans))
    assert text[slice(*place(text, among, 1, 2))] == "so so"


def test_a_list_of_look_alikes_is_known_in_both_scripts() -> None:
    known = index(["\u0441\u043e\u0440"])
    for text in ("\u0441\u043e\u0440", "\u044d\u0442\u043e \u0441\u043e\u0440", "cop"):
        assert find(known, split(folded(text).text))


WILD = st.text(
    alphabet=st.one_of(
        st.characters(),
        st.sampled_from("aе4 .-\u0301\u200b\u00ad\ufe0f\u093f\u3099\u0430\u03b1\ud800\ufdfa\u00df\ufb03\U000e0041"),
    ),
    max_size=120,
)


@settings(deadline=None)
@given(WILD)
def test_any_text_folds_into_few_characters_and_leads_back(text: str) -> None:
    view = folded(text)
    assert len(view.text) <= LONGEST_OF_ONE * len(text)
    assert not any(unicodedata.category(c) in {"Cf", "Cs"} for c in view.text)
    for at in range(len(view.text)):
        start, end = view.span(at, at + 1)
        assert 0 <= start < end <= len(text)
    if view.text:
        start, end = view.span(0, len(view.text))
        assert not folded(text[:start]).text
        assert not folded(text[end:]).text


@settings(deadline=None)
@given(WILD, WILD)
def test_places_keep_their_order(one: str, other: str) -> None:
    view = folded(f"{one}|{other}")
    starts = [view.span(at, at + 1)[0] for at in range(len(view.text))]
    assert starts == sorted(starts)


@settings(deadline=None)
@given(st.text(max_size=100))
def test_folding_again_changes_nothing(text: str) -> None:
    once = folded(text)
    assert once.runs or folded(once.text).runs or folded(once.text).text == once.text
