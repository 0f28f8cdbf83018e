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
        f'groq/small: {{{GOOD}, cached: "0.025", per: 1M tokens, context: 131072}}\n'
        "groq/family/large: {input: 3, output: 15, currency: EUR, dated: '2026-11-01', source: https://p.example}\n"
        "ollama/llama: {price: free}\nacme/new: {price: unknown, context: 8192}\n",
    )
    page, day = "https://p.example", date(2026, 11, 1)
    assert registry.pick(["groq/small", "groq/family/large", "ollama/llama", "acme/new"]) == (
        ModelCard(
            "groq", "small", Price(Decimal("0.05"), Decimal("0.08"), "USD", day, page, Decimal("0.025")), False, 131072
        ),
        ModelCard("groq", "family/large", Price(Decimal(3), Decimal(15), "EUR", day, page)),
        ModelCard("ollama", "llama", free=True),
        ModelCard("acme", "new", context=8192),
    )


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
        ("price: cheap", "1:7 'cheap' is not a price; write price: free, or price: unknown"),
        ("price: free, input: '1'", "1:20 a row with 'price' has no 'input'"),
    ],
)
def test_a_fault_names_its_place_and_what_to_write(tmp_path: Path, row: str, fault: str) -> None:
    [said] = faults(tmp_path, f"a/b: {{{row}}}\n")
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
    assert len(faults(tmp_path, "a/b: {price: cheap}\nc: {price: free}\nd/e: {price: dear, dated: x}\n")) == 4


def test_a_file_that_is_not_there_is_a_settings_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        read(tmp_path / "models.yaml")


def test_a_model_without_a_row_is_told_which_row_to_write(tmp_path: Path) -> None:
    registry = load(tmp_path, "groq/llama-3.1-8b-instant: {price: unknown}\n")
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
