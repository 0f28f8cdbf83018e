"""Opt-out and opt-in words: which messages are one, and what start-up refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.whatsapp.words import OPT_IN, OPT_OUT, plain, words
from core.conversation import MessageKind
from core.plugins import PluginError

ALL = words(("en", "da", "de"))


@pytest.mark.parametrize(
    "text", ["stop", "STOP", " Stop. ", "stop!!!", "stop ?!", "\u200bstop\n", "ＳＴＯＰ", "Stop  all"]
)
def test_a_whole_message_that_is_the_word_opts_out(text: str) -> None:
    assert ALL.kind(text) is MessageKind.OPT_OUT


@pytest.mark.parametrize("text", ["afmeld", "Frameld!", "stopp", "ABMELDEN", "abbestellen.", "unsubscribe", "opt-out"])
def test_each_language_has_words_of_its_own(text: str) -> None:
    assert ALL.kind(text) is MessageKind.OPT_OUT


@pytest.mark.parametrize("text", ["start", "START!", "unstop", "tilmeld", "Wieder anmelden."])
def test_a_whole_message_that_is_the_word_opts_in(text: str) -> None:
    assert ALL.kind(text) is MessageKind.OPT_IN


@pytest.mark.parametrize(
    "text",
    ["", "!", "please stop", "stop the order", "non-stop", "stopping", "'stop", "start over", "cancel", "yes", "end"],
)
def test_the_word_inside_a_message_is_a_message(text: str) -> None:
    assert ALL.kind(text) is MessageKind.TEXT


@given(st.text(), st.text(min_size=1).filter(lambda t: plain(t) != ""))
def test_no_text_around_the_word_opts_out(before: str, after: str) -> None:
    assert ALL.kind(f"{before} stop {after}x") is MessageKind.TEXT


@given(st.text())
def test_any_text_has_a_kind(text: str) -> None:
    assert ALL.kind(text) in {MessageKind.TEXT, MessageKind.OPT_OUT, MessageKind.OPT_IN}
    assert plain(plain(text)) == plain(text)


def test_only_the_languages_spoken_here_count() -> None:
    assert words(("en",)).kind("afmeld") is MessageKind.TEXT


def test_words_of_the_configuration_replace_those_shipped_for_a_language() -> None:
    chosen = words(("en", "es"), {"es": ["alto", "¡Basta!"], "en": ["leave me alone"]}, {"es": ["hola"]})
    assert chosen.kind("¡ALTO!") is MessageKind.OPT_OUT
    assert chosen.kind("basta") is MessageKind.OPT_OUT
    assert chosen.kind("Leave me alone.") is MessageKind.OPT_OUT
    assert chosen.kind("stop") is MessageKind.TEXT
    assert chosen.kind("hola") is MessageKind.OPT_IN


@pytest.mark.parametrize("option", ["opt_out", "opt_in"])
def test_a_language_without_words_is_refused_by_name(option: str) -> None:
    given_words = {"opt_out": {"fr": ["arrêt"]}, "opt_in": {"fr": ["reprendre"]}}
    del given_words[option]
    with pytest.raises(
        PluginError, match=f"{option} has no words for the language 'fr'; write {option}: {{fr:"
    ) as found:
        words(("en", "fr"), **given_words)
    assert found.value.option == option


@pytest.mark.parametrize(
    "wrong", [{"en": "stop"}, {"en": []}, {"en": None}, {"en": [""]}, {"en": ["!"]}, {"en": [7]}, ["stop"]]
)
def test_words_that_are_none_are_refused(wrong: object) -> None:
    with pytest.raises(PluginError, match="opt_out"):
        words(("en",), wrong)  # type: ignore[arg-type]


def test_a_word_cannot_mean_both() -> None:
    with pytest.raises(PluginError, match="'stop' cannot mean"):
        words(("en",), None, {"en": ["Stop!"]})


def test_what_is_shipped_is_written_as_it_is_compared() -> None:
    assert set(OPT_OUT) == set(OPT_IN) == {"en", "da", "de"}
    assert all(plain(word) == word for table in (OPT_OUT, OPT_IN) for listed in table.values() for word in listed)
