"""models.yaml: exact money, a source and a day for each price, and a place for every fault."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from core.answering.registry import Registry, read
from core.errors import SettingsError
from core.tiers import ModelCard, Price

SHIPPED = Path(__file__).parents[3] / "models.yaml"
GOOD = 'input: "0.05", output: "0.08", currency: USD, dated: 2026-11-01, source: https://p.example'
FREE = "price: free, pinned: no"


def load(tmp_path: Path, text: str) -> Registry:
    file = tmp_path / "models.yaml"
    file.write_text(text, encoding="utf-8")
    return read(file)


def faults(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, text)
    return [str(problem) for problem in caught.value.problems]


def test_rows_become_cards(tmp_path: Path) -> None:
    registry = load(
        tmp_path,
        f'groq/small: {{{GOOD}, cached: "0.025", per: 1M tokens, context: 131072, pinned: no}}\n'
        "groq/family/large-2026-11-01: {input: 3, output: 15, currency: EUR, dated: '2026-11-01', "
        "source: https://p.example}\n"
        "ollama/llama: {price: free, pinned: no, region: here}\n"
        "acme/new: {price: unknown, context: 8192, pinned: yes, pinned_source: https://p.example, "
        "modalities: [text, image], limits: {requests: 30, tokens: 6000}, region: eu, weights: llama-3.3-70b, "
        "quality: {general: 0.71, code: 1}, quality_source: https://q.example, continues: yes}\n",
    )
    page, day = "https://p.example", date(2026, 11, 1)
    price = Price(Decimal("0.05"), Decimal("0.08"), "USD", day, page, Decimal("0.025"))
    new = registry.cards["acme/new"]
    assert tuple(registry.cards.values()) == (
        ModelCard("groq", "small", price, context=131072, pinned=False),
        ModelCard("groq", "family/large-2026-11-01", Price(Decimal(3), Decimal(15), "EUR", day, page)),
        ModelCard("ollama", "llama", free=True, pinned=False, region="here"),
        ModelCard(
            "acme", "new", context=8192, pinned=True, modalities=frozenset({"text", "image"}), requests=30, tokens=6000,
            region="eu", weights="llama-3.3-70b", quality=new.quality, continues=True,
        ),
    )  # fmt: skip
    assert new.quality == {"general": 0.71, "code": 1.0}
    assert registry.pick(["acme/new"]) == (new,)


@pytest.mark.parametrize(
    "name",
    [
        "openai/gpt-4o-2024-11-20",
        "openai/gpt-4-0613",
        "anthropic/claude-sonnet-4-5-20250929",
        "vertex/claude-3-5-sonnet@20240620",
        "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0",
        "google/gemini-1.5-pro-002",
        "mistral/mistral-large-2411",
        "cohere/command-r-08-2024",
        "own/model@sha256:0123456789abcdef",
    ],
)
def test_a_dated_name_stands_for_one_version(tmp_path: Path, name: str) -> None:
    assert load(tmp_path, f"{name}: {{price: unknown}}\n").cards[name].pinned
    assert not load(tmp_path, f"{name}: {{price: unknown, pinned: no}}\n").cards[name].pinned


@pytest.mark.parametrize(
    "name",
    [
        "openai/gpt-4o",
        "openai/gpt-4o-latest",
        "openai/gpt-3.5-turbo-16k",
        "openai/gpt-4o-2024-11-20-preview",
        "anthropic/claude-sonnet-5-5",
        "groq/openai/gpt-oss-120b",
        "groq/llama-3.1-8b-instant",
        "mistral/mixtral-8x22b-v0.1",
        "ollama/llama3.2",
        "ollama/llama3.2:1b",
        "together/meta-llama/Llama-4-Scout-17B-16E-Instruct",
    ],
)
def test_a_name_without_a_version_is_a_fault_until_the_row_owns_up_to_it(tmp_path: Path, name: str) -> None:
    (said,) = faults(tmp_path, f"{name}: {{price: unknown}}\n")
    assert said.startswith(f"models.yaml:1:1 {name!r} names no version")
    assert "write pinned: no" in said
    assert not load(tmp_path, f"{name}: {{price: unknown, pinned: no}}\n").cards[name].pinned


def test_that_a_name_never_changes_is_believed_of_a_page_only(tmp_path: Path) -> None:
    (said,) = faults(tmp_path, "a/b: {price: unknown, pinned: yes}\n")
    assert said.startswith("models.yaml:1:23 'a/b' carries no date, and nobody vouches that it never changes")
    source = "pinned_source: https://p.example"
    assert load(tmp_path, f"a/b: {{price: unknown, pinned: yes, {source}}}\n").cards["a/b"].pinned


def test_a_price_has_to_be_given_or_owned_up_to(tmp_path: Path) -> None:
    assert "'a/b' has no 'input'" in faults(tmp_path, "a/b: {pinned: no}\n")[0]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (GOOD.replace('"0.05"', "0.05"), "1:7 0.05 is a binary fraction"),
        (GOOD.replace('"0.05"', '"five"'), "1:7 'five' is not an amount of money"),
        (GOOD.replace('"0.05"', '"-1"'), "1:7 '-1' is not an amount of money"),
        (GOOD.replace('"0.05"', '"NaN"'), "1:7 'NaN' is not an amount of money"),
        (GOOD.replace('"0.05"', "yes"), "1:7 'yes' is not an amount of money"),
        (GOOD.replace('"0.05"', "true"), "1:7 True is not an amount of money"),
        (GOOD.replace("USD", "dollars"), "1:38 'dollars' is not a currency's code"),
        (GOOD.replace("2026-11-01", "last week"), "1:53 'last week' is not a day"),
        (GOOD.replace("https://p.example", "a friend"), "1:72 the source is not a page"),
        (GOOD.replace("currency: USD, ", ""), "1:1 'a/b' has no 'currency'"),
        (GOOD + ", per: token", "1:99 prices are per 1M tokens, not 'token'"),
        (GOOD + ", cahced: '1'", "1:99 there is no field 'cahced'; write cached"),
        (GOOD + ", context: big", "1:99 'big' is not a number of tokens"),
        (FREE + ", context: 0", "1:32 0 is not a number of tokens; write context: 131072"),
        (FREE + ", pinned_source: a friend", "1:32 the source is not a page"),
        ("price: free, pinned: maybe", "1:20 'maybe' is neither yes nor no; write pinned: no"),
        (FREE + ", continues: 1", "1:32 1 is neither yes nor no; write continues: no"),
        (FREE + ", modalities: image", "1:32 'image' is not what a model reads"),
        (FREE + ", modalities: [image]", "1:32 ['image'] is not what a model reads"),
        (FREE + ", modalities: [text, smell]", "1:32 ['text', 'smell'] is not what a model reads"),
        (FREE + ", modalities: [text, [image]]", "1:32 "),
        (FREE + ", limits: 30", "1:32 30 is not limits; write limits: {requests: 30, tokens: 6000}"),
        (FREE + ", limits: {request: 30}", "1:41 there are no limits of 'request'"),
        (FREE + ", limits: {requests: 0}", "1:41 0 is not a number of requests a minute"),
        (FREE + ", limits: {tokens: 1.5}", "1:41 1.5 is not a number of tokens a minute"),
        (FREE + ", region: The Moon", "1:32 'The Moon' is not a name in small letters; write region: eu"),
        (FREE + ", weights: 70", "1:32 70 is not a name in small letters; write weights: llama-3.3-70b"),
        (FREE + ", quality: {general: 0.7}", "1:32 a quality without a source is a guess"),
        (FREE + ", quality: {general: 71}, quality_source: https://q", "1:42 71 is not a quality, which is 0 to 1"),
        (FREE + ", quality: {general: good}, quality_source: https://q", "1:42 'good' is not a quality"),
        (FREE + ", quality: 0.7, quality_source: https://q", "1:32 0.7 is not quality; write quality: {general: 0.71}"),
        (FREE + ", quality: {general: 0.7}, quality_source: me", "1:57 the source is not a page"),
        ("price: cheap", "1:7 'cheap' is not a price; write price: free, or price: unknown"),
        ("price: free, input: '1'", "1:20 a row with 'price' has no 'input'"),
    ],
)
def test_a_fault_names_its_place_and_what_to_write(tmp_path: Path, row: str, fault: str) -> None:
    pinned = "" if "pinned" in row else ", pinned: no"
    [said] = faults(tmp_path, f"a/b: {{{row}{pinned}}}\n")
    assert said.startswith("models.yaml:" + fault)
    assert "; write " in said


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "1:1 there are no rows"),
        ("- a/b\n", "1:1 there are no rows"),
        ("a/b: free\n", "1:1 'a/b' has no fields"),
        ("\nmodel: {price: free}\n", "2:1 'model' is not a model; write provider/model"),
        ("a/b: {price: free}\na/b: {price: free}\n", "2:1 found duplicate key"),
        ("a/b: {price: free\nc: ]\n", "2:"),
    ],
)
def test_a_file_of_the_wrong_shape_is_said_so(tmp_path: Path, text: str, fault: str) -> None:
    assert faults(tmp_path, text)[0].startswith("models.yaml:" + fault)


def test_every_fault_is_found_in_one_go(tmp_path: Path) -> None:
    text = "a/b: {price: cheap, pinned: no}\nc: {price: free}\nd/e: {price: dear, dated: x}\n"
    assert [said.split(" ", 1)[0] for said in faults(tmp_path, text)] == [
        "models.yaml:1:7", "models.yaml:2:1", "models.yaml:3:7", "models.yaml:3:20", "models.yaml:3:1",
    ]  # fmt: skip


def test_a_file_that_is_not_there_is_a_settings_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        read(tmp_path / "models.yaml")


def test_a_model_without_a_row_is_told_which_row_to_write(tmp_path: Path) -> None:
    registry = load(tmp_path, "groq/llama-3.1-8b-instant: {price: unknown, pinned: no}\n")
    with pytest.raises(SettingsError) as caught:
        registry.pick(["groq/llama-3.1-8b-instnat", "groq/llama-3.1-8b-instant", "zzz/q"])
    first, second = caught.value.problems
    assert "did you mean groq/llama-3.1-8b-instant?" in first.what
    assert first.write.startswith('the row groq/llama-3.1-8b-instnat: {input: "0.00"')
    assert "did you mean" not in second.what


def test_the_shipped_file_is_sound_and_every_price_has_a_page_and_a_day() -> None:
    cards = read(SHIPPED).cards
    assert {"ollama/llama3.2", "offline/faq"} == {name for name, card in cards.items() if card.free}
    for card in cards.values():
        assert card.price is None or (card.price.source.startswith("https://") and card.price.dated <= date.today())  # noqa: DTZ011


def test_an_open_model_is_had_from_several_vendors_in_the_shipped_file() -> None:
    served: dict[str, set[str]] = {}
    for card in read(SHIPPED).cards.values():
        served.setdefault(card.weights, set()).add(card.provider)
    assert {"groq", "cerebras", "together"} <= served["gpt-oss-120b"]
    assert {"groq", "bedrock", "together"} <= served["gpt-oss-20b"]


def test_the_shipped_file_pins_what_its_vendors_vouch_for() -> None:
    assert {card.model for card in read(SHIPPED).cards.values() if card.pinned} == {
        "gpt-4o-mini-2024-07-18", "gpt-4o-2024-11-20", "claude-sonnet-4-5-20250929", "claude-sonnet-5-5",
    }  # fmt: skip
