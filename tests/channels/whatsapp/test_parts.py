"""Long answers in messages: their size, where they end, and that nothing is lost on the way."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from channels.whatsapp.parts import LIMIT, bodies
from core.text import utf16_length

SENTENCE = "This is a sentence of some length, as people write them. "


def solid(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_a_short_answer_is_one_message() -> None:
    assert bodies("It left **this morning**.") == ["It left *this morning*."]


def test_blanks_are_no_message() -> None:
    assert bodies(" \n\n ") == []


def test_parts_aim_at_700_and_end_where_a_sentence_ends() -> None:
    parts = bodies(SENTENCE * 60)
    assert all(500 < utf16_length(part) <= 700 and part.endswith("them.") for part in parts[:-1])
    assert solid("".join(parts)) == solid(SENTENCE * 60)


def test_a_paragraph_end_is_preferred_to_a_sentence_end() -> None:
    parts = bodies(f"{SENTENCE * 8}\n\n{SENTENCE * 8}")
    assert [part.count("sentence") for part in parts] == [8, 8]


def test_a_sentence_longer_than_the_aim_stays_whole() -> None:
    sentence = "and " * 225 + "so on."
    first = bodies(f"{sentence} {SENTENCE * 3}")[0]
    assert first.startswith(sentence)
    assert first.endswith("them.")


def test_code_that_fits_a_message_is_not_cut() -> None:
    code = "\n".join(f"line {n}" for n in range(130))
    parts = bodies(f"{SENTENCE * 9}\n\n```\n{code}\n```\n\nThat is all.")
    assert any(f"```{code}```" in part for part in parts)


def test_code_longer_than_a_message_is_fenced_in_each() -> None:
    code = "\n".join(f"line {n}" for n in range(900))
    parts = bodies(f"```\n{code}\n```")
    assert len(parts) > 4
    assert all(part.startswith("```") and part.endswith("```") for part in parts)


def test_an_endless_word_is_cut_between_characters() -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    parts = bodies(family * 400)
    assert all(part == family * (len(part) // len(family)) for part in parts)


def test_many_links_make_parts_shorter_not_longer_than_the_limit() -> None:
    links = " ".join(f"[a{n}](https://shop.example/{'x' * 200}/{n})" for n in range(40))
    parts = bodies(links)
    assert max(map(utf16_length, parts)) <= LIMIT
    assert all(any(f"a{n} (https://shop.example/{'x' * 200}/{n})" in part for part in parts) for n in range(40))


def test_an_address_longer_than_a_message_still_arrives() -> None:
    address = "https://shop.example/" + "x" * 1900
    parts = bodies(f"[here]({address}) and more.")
    assert max(map(utf16_length, parts)) <= LIMIT
    assert address in "".join(parts)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from([SENTENCE, "**bold words here** ", "`code` ", "\n\n", "\n- item ", "\n```\nx = 1\n```\n",
                         "æøå " * 40, "\U0001f69a" * 30, "w" * 300, " ", "> quote\n",
                         "[a](https://shop.example/_b_) "]),
        max_size=60,
    ).map("".join)
)  # fmt: skip
def test_every_part_fits_and_no_word_is_lost(markdown: str) -> None:
    parts = bodies(markdown)
    assert all(0 < utf16_length(part) <= LIMIT for part in parts)
    words = re.findall(r"\w+", re.sub(r"[*`_]", " ", markdown))
    assert "".join(re.findall(r"\w+", re.sub(r"[*`_]", " ", " ".join(parts)))) == "".join(words)
