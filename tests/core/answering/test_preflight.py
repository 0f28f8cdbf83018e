"""What keeps a model from being asked, and how many tokens a prompt is taken for."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from core.answering.preflight import HERE, Places, obstacle
from core.answering.request import Request
from core.answering.tokens import estimate
from core.tiers import Line, ModelCard, Prompt, Tier

TEXTS = st.lists(st.text(max_size=200), max_size=6)
ROOT = Path(__file__).parents[3]


def request(
    *texts: str, max_tokens: int = 100, modalities: tuple[str, ...] = ("text",), private: bool = False
) -> Request:
    prompt = Prompt("", tuple(Line("user", text) for text in texts), max_tokens=max_tokens)
    return Request(prompt, Tier.QUICK, modalities=frozenset(modalities), private=private)


def test_fallback_into_incompatible_model() -> None:
    picture = request("what is wrong with this?", modalities=("text", "image"))
    reads, blind = ModelCard("a", "eyes", modalities=frozenset({"text", "image"})), ModelCard("b", "text")
    assert obstacle(reads, picture) == ""
    assert obstacle(blind, picture) == "it does not read image"

    long = request("word " * 4000)
    assert obstacle(ModelCard("a", "large", context=131072), long) == ""
    assert (
        obstacle(ModelCard("b", "small", context=4096), long)
        == "about 5104 tokens are needed, and its context holds 4096"
    )

    eu = Places(regions=frozenset({"eu"}))
    assert obstacle(ModelCard("a", "near", region="eu"), request("hi"), eu) == ""
    assert obstacle(ModelCard("b", "far", region="us"), request("hi"), eu) == "text may go to eu only, and it is in us"


def test_room_for_the_answer_is_part_of_what_must_fit() -> None:
    card = ModelCard("a", "b", context=1000)
    assert obstacle(card, request("hi", max_tokens=900)) == ""
    assert obstacle(card, request("hi", max_tokens=1000)) == "about 1005 tokens are needed, and its context holds 1000"


def test_the_last_token_that_fits_fits() -> None:
    asked = request("word " * 100)
    need = estimate(asked.prompt).likely + 100
    assert obstacle(ModelCard("a", "b", context=need), asked) == ""
    assert obstacle(ModelCard("a", "b", context=need - 1), asked) != ""


def test_an_unknown_context_is_no_obstacle() -> None:
    assert obstacle(ModelCard("a", "b"), request("word " * 500_000)) == ""


def test_where_regions_are_limited_an_unknown_region_is_not_allowed() -> None:
    where = Places(regions=frozenset({"eu", "ch"}))
    assert (
        obstacle(ModelCard("a", "b"), request("hi"), where) == "text may go to ch, eu only, and where it is is unknown"
    )
    assert obstacle(ModelCard("a", "b"), request("hi")) == ""


@pytest.mark.parametrize("where", [Places(), Places(frozenset({"eu"})), Places(frozenset({"eu"}), frozenset({"eu"}))])
def test_the_own_machine_may_read_everything(where: Places) -> None:
    assert obstacle(ModelCard("offline", "faq", region=HERE), request("hi", private=True), where) == ""


def test_personal_data_has_places_of_its_own() -> None:
    where = Places(private=frozenset({"eu"}))
    us, eu = ModelCard("a", "b", region="us"), ModelCard("c", "d", region="eu")
    assert obstacle(us, request("hi"), where) == ""
    assert obstacle(us, request("hi", private=True), where) == "personal data may go to eu only, and it is in us"
    assert obstacle(eu, request("hi", private=True), where) == ""


def test_personal_data_goes_nowhere_where_other_text_may_not_go() -> None:
    where = Places(regions=frozenset({"eu"}), private=frozenset({"us", "eu"}))
    assert obstacle(ModelCard("a", "b", region="us"), request("hi", private=True), where) != ""


# -- tokens ----------------------------------------------------------------------------------------------------------


def prompt_of(texts: list[str]) -> Prompt:
    return Prompt(texts[0] if texts else "", tuple(Line("user", text) for text in texts[1:]), begun="and so")


@given(TEXTS)
def test_the_likely_number_never_exceeds_the_most(texts: list[str]) -> None:
    tokens = estimate(prompt_of(texts))
    assert 0 < tokens.likely <= tokens.most


@given(TEXTS, st.integers(0, 5), st.text(min_size=1, max_size=20))
def test_more_text_is_never_fewer_tokens(texts: list[str], at: int, more: str) -> None:
    longer = list(texts or [""])
    longer[at % len(longer)] += more
    before, after = estimate(prompt_of(texts or [""])), estimate(prompt_of(longer))
    assert before.likely <= after.likely
    assert before.most < after.most


@given(TEXTS)
def test_a_token_for_every_byte_is_set_aside(texts: list[str]) -> None:
    prompt = prompt_of(texts)
    size = sum(
        len(t.encode("utf-8", "surrogatepass")) for t in (prompt.system, prompt.begun, *(x.text for x in prompt.lines))
    )
    assert estimate(prompt).most >= size


def test_what_is_set_aside_for_chinese_is_its_bytes() -> None:
    assert estimate(Prompt("", (Line("user", "\u8ba2" * 10_000),))).most >= 30_000


def test_english_is_four_characters_a_token_and_chinese_one() -> None:
    assert estimate(Prompt("", (Line("user", "abcd" * 100),))).likely == 100 + 4
    assert estimate(Prompt("", (Line("user", "\u8ba2\u5355" * 50),))).likely == 100 + 4


def test_what_was_begun_and_what_is_told_to_the_system_are_counted() -> None:
    bare = Prompt("", (Line("user", "hi"),))
    full = Prompt("word " * 100, (Line("user", "hi"),), begun="word " * 100)
    assert estimate(full).likely - estimate(bare).likely == 2 * (125 + 4)


def test_english_pages_come_to_about_what_a_real_vocabulary_makes_of_them() -> None:
    tokenizer = Tokenizer.from_file(str(ROOT / "core/encoder/_data/minilm/tokenizer.json"))
    tokenizer.no_truncation()
    pages = [page.read_text("utf-8") for page in sorted((ROOT / "bots/shop/knowledge").glob("*.md"))]
    real = sum(len(tokenizer.encode(page, add_special_tokens=False).ids) for page in pages)
    guessed = sum(estimate(Prompt("", (Line("user", page),))).likely - 4 for page in pages)
    assert 0.8 < guessed / real < 1.25
