"""What of an answer may be shown, however its stream is cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.answering.checks import empty, forbidden, language, leak, not_knowing, policy, refusal, schema, voice
from core.answering.request import Request
from core.answering.screen import HELD, LONGEST_SENTENCE, Check, Screen, Watch
from core.errors import Unfit
from core.tiers import Line, Prompt, Tier

SOURCE = "You can return a bicycle within 30 days. Returning it costs 49 EUR. Write to help@bikes.example."
SYSTEM = f"Secret rules: the owner of this shop never wants to hear about cheap bells again.\n\nPassage: {SOURCE}"
PROMPT = Prompt(SYSTEM, (Line("user", "Can I return bike 4471?"),), "en", sources=(SOURCE,))
DEFAULT = (refusal.build(), not_knowing.build(), empty.build(), language.build(), leak.build())
EVERY = (*DEFAULT, policy.build(), forbidden.build(["cheap bells", "lawsuit*"]), voice.build(words=["mate"]))

PIECES = (
    *("Yes, you can. ", "It costs 49 EUR. ", "It costs 48 EUR. ", "We will refund you. ", "I don't know. ", "\n"),
    *(
        "as an AI language model",
        "I can't help with that.",
        "never wants to hear about cheap bells again",
        "help@bikes.example",
    ),
    *(
        "30 days",
        " thirty ",
        "e.g. ",
        "!",
        "...",
        " ",
        "mate",
        "30.",
        "\u200b",
        "ß",
        "Straße ",
        "\u00e9",
        "lawsuits",
        "4471",
    ),
    *(
        "Der er ikke nogen af dem, og vi har det ikke her. ",
        "x" * 30,
        "a b " * 40,
        "the the the the the the ",
        "。",
        "\ud800",
    ),
)
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=12), max_size=12).map("".join)


def screen(checks: Sequence[Check], last: bool = False) -> Screen:
    return Screen(checks, PROMPT, Request(PROMPT, Tier.QUICK), last)


def shown(checks: Sequence[Check], pieces: Sequence[str]) -> tuple[str, str]:
    """What was shown of an answer, and the name of the check that found it unfit."""
    at_work, out = screen(checks), list[str]()
    try:
        for piece in pieces:
            out.append(at_work.feed(piece))
        out.append(at_work.close())
    except Unfit as found:
        return "".join(out), f"{found.check}: {found}"
    return "".join(out), ""


def cut(text: str, places: Sequence[int]) -> list[str]:
    ends = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in pairwise(ends)]


def about(watch: Watch, name: str = "mine", last_resort: bool = False) -> Check:
    return Check(name, last_resort, lambda _prompt, _request: watch)


@given(TEXTS, st.lists(st.integers(0, 10_000), max_size=30))
@example("It costs 48 EUR", list(range(16)))
@example("Yes, you can return it. " * 4 + "It costs 48 EUR.", list(range(120)))
def test_any_cutting_gives_the_same_text_and_the_same_verdict(text: str, places: list[int]) -> None:
    whole, verdict = shown(EVERY, [text])
    parted, other = shown(EVERY, cut(text, places))
    assert other == verdict
    if verdict:
        assert text.startswith(parted)
    else:
        assert whole == parted == text


@given(TEXTS)
def test_one_character_at_a_time_shows_the_same_as_the_whole(text: str) -> None:
    assert shown(DEFAULT, list(text))[1] == shown(DEFAULT, [text])[1]


def test_without_checks_a_piece_is_given_back_as_it_is() -> None:
    piece = str(["a piece of its own"])
    assert screen(()).feed(piece) is piece
    assert screen(()).close() == ""


def test_a_check_that_has_nothing_to_look_at_costs_nothing() -> None:
    nothing = Check("nothing", False, lambda _prompt, _request: None)
    assert screen([nothing]).feed("a") == "a"


def test_nothing_is_shown_before_the_opening_stands() -> None:
    at_work = screen(DEFAULT)
    assert at_work.feed("x" * (HELD - 1)) == ""
    assert at_work.feed("y") == "x" * (HELD - 1) + "y"


def test_a_sentence_that_is_long_enough_ends_the_opening() -> None:
    assert screen(DEFAULT).feed("Bring the bicycle back to the shop in town. Th") == (
        "Bring the bicycle back to the shop in town. Th"
    )


def test_a_greeting_does_not_end_the_opening() -> None:
    assert shown(DEFAULT, ["Hello! ", "Thanks for asking. ", "I'm sorry, but I can't help with that."]) == (
        "",
        'refusal: it refuses: "i can\'t help with that"',
    )


def test_a_short_answer_is_judged_at_its_end() -> None:
    assert shown(DEFAULT, ["Yes", "."]) == ("Yes.", "")
    assert shown(DEFAULT, ["I don't", " know."])[0] == ""


def test_an_unfit_sentence_is_held_from_its_first_mark() -> None:
    before = "You can bring the bicycle back to us at any time you like. "
    text, verdict = shown([*DEFAULT, policy.build()], list(before + "It costs 48 EUR to return it."))
    assert verdict == "policy: no source holds the amount '48 eur'"
    assert text == before + "It costs "


def test_what_a_check_holds_is_shown_once_its_sentence_is_fit() -> None:
    at_work = screen([policy.build()])
    assert at_work.feed("It costs 49 EUR") == "It costs "
    assert at_work.feed(" to return it. ") == "49 EUR to return it. "


def test_at_the_last_resort_checks_that_allow_it_are_not_asked() -> None:
    text = "I don't know that, please ask a person."
    at_work = screen(EVERY, last=True)
    assert at_work.feed(text) + at_work.close() == text
    at_work = screen(EVERY, last=True)
    assert at_work.feed("It costs 48 EUR, I don't know why. ") == ""
    with pytest.raises(Unfit, match="48"):
        at_work.close()


def test_an_answer_that_has_to_be_complete_is_shown_at_its_end_only() -> None:
    at_work = screen([schema.build({"a": "number"})])
    assert [at_work.feed('{"a": '), at_work.feed("1}\n\n" + " " * 200), at_work.close()] == [
        "",
        "",
        '{"a": 1}\n\n' + " " * 200,
    ]


def test_sentences_are_judged_in_order_and_none_is_left_out() -> None:
    seen: list[str] = []
    watch = Watch(sentence=lambda text: seen.append(text) or "")  # type: ignore[func-returns-value]
    text = "One. Two! Three? It is 3.5 e.g. here\nFour 4. still four\u3002five" + "z" * (2 * LONGEST_SENTENCE)
    shown([about(watch)], cut(text, range(0, len(text), 7)))
    assert "".join(seen) == text
    assert seen[:4] == ["One. ", "Two! ", "Three? ", "It is 3.5 e.g. "]
    assert max(map(len, seen)) <= LONGEST_SENTENCE


def test_a_check_adds_its_ending_as_the_last_piece() -> None:
    at_work = screen([about(Watch(ending=lambda text: f" ({len(text)})"))])
    assert [at_work.feed("abc"), at_work.close()] == ["abc", " (3)"]


def test_an_opening_is_the_same_however_much_comes_at_once() -> None:
    seen: list[str] = []
    watch = Watch(opening=lambda text: seen.append(text) or "")  # type: ignore[func-returns-value]
    text = "It is so long that no sentence ends in it for quite a while, " * 3 + "then it ends. And goes on."
    for pieces in ([text], list(text), [text[:50], text[50:]]):
        shown([about(watch)], pieces)
    assert seen == [text[:HELD]] * 3


def test_a_word_that_may_become_risky_is_held_until_it_ends() -> None:
    at_work = screen([policy.build()])
    assert [at_work.feed(piece) for piece in ("It takes thir", "ty da", "ys. ")] == ["It takes ", "", "thirty days. "]


@given(st.lists(st.sampled_from(("ab", "abcdefgh", "a" * 11)), min_size=50, max_size=200), st.integers(1, 9))
@example(["abcdefgh"] * 100, 1)
def test_words_without_an_end_of_sentence_are_shown_once(words: list[str], size: int) -> None:
    text, reading = " ".join(words), about(Watch(sentence=lambda _: ""))
    assert shown([reading], [text[at : at + size] for at in range(0, len(text), size)]) == (text, "")


@given(st.integers(1, 200), st.integers(1, 9))
def test_an_answer_that_goes_on_is_read_as_one_text_and_only_its_rest_is_shown(begun: int, size: int) -> None:
    rest = ", as we said on the phone last week and wrote in the letter that came with the bill" + " and so on" * 3
    text = f"Yes, you can return it. It is no trouble. It takes a while{rest}. Write to us."
    seen = list[str]()

    def note(sentence: str) -> str:
        seen.append(sentence)
        return ""

    watch = Watch(sentence=note, whole=lambda whole: "" if whole == text else "another text")
    prompt = replace(PROMPT, begun=text[:begun])
    at_work = Screen([about(watch), *DEFAULT], prompt, Request(prompt, Tier.QUICK))
    out = [at_work.feed(text[at : at + size]) for at in range(begun, len(text), size)]
    assert text[:begun] + "".join(out) + at_work.close() == text
    assert "".join(seen) == text
