"""evaluate personal_data: pieces found in the original text, by kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import SettingsError
from core.evaluation._measures import Evaluation, Task
from core.evaluation.personal_data import evaluate, read_by_signal
from core.meaning import Encoder

EMAIL = {"entity_type": "EMAIL_ADDRESS", "start_position": 11, "end_position": 26}


def measured(path: Path, rows: Any, encoder: Encoder | None = None) -> Evaluation:
    path.write_text(json.dumps(rows), encoding="utf-8")
    return evaluate(Task(path, None, encoder))  # type: ignore[arg-type]


def row(text: str, **kinds: str) -> dict[str, Any]:
    """A text, and the pieces of it that are labelled: `EMAIL_ADDRESS="me@example.org"`."""
    spans = [
        {"entity_type": kind, "start_position": text.index(piece), "end_position": text.index(piece) + len(piece)}
        for kind, piece in kinds.items()
    ]
    return {"full_text": text, "spans": spans}


def test_what_is_found_and_what_is_missed_is_counted_by_kind(tmp_path: Path) -> None:
    rows = [
        row("my mail is me@example.org", EMAIL_ADDRESS="me@example.org"),
        row("my mail is that of the shop", EMAIL_ADDRESS="that of the shop"),
        row("card 4111 1111 1111 1111 please", CREDIT_CARD="4111 1111 1111 1111"),
        row("where is my order?"),
    ]
    found = measured(tmp_path / "a.json", rows)
    assert found.n == 4
    assert found.metrics["recall"].value == pytest.approx(2 / 3)
    assert found.metrics["recall_email"].value == pytest.approx(0.5)
    assert found.metrics["recall_card"].value == 1
    assert found.metrics["precision"].value == 1
    assert found.metrics["clean"].value == 1
    assert found.metrics["recall"].n == 3


def test_kinds_that_are_not_claimed_are_no_misses(tmp_path: Path) -> None:
    rows = [row("this is Mar at me@example.org", PERSON="Mar", EMAIL_ADDRESS="me@example.org")]
    found = measured(tmp_path / "a.json", rows)
    assert found.metrics["recall"].value == 1
    assert found.metrics["not_read"].value == pytest.approx(0.5)


def test_what_nobody_labelled_lowers_precision_and_so_does_another_kind(tmp_path: Path) -> None:
    rows = [row("write to me@example.org"), row("call 4111 1111 1111 1111", PHONE_NUMBER="4111 1111 1111 1111")]
    found = measured(tmp_path / "a.json", rows)
    assert found.metrics["precision"].value == 0
    assert found.metrics["recall_phone"].value == 0
    assert found.metrics["clean"].value == 0


def test_the_place_is_that_of_the_original_text(tmp_path: Path) -> None:
    text = "\u00c6\ufb01\u00ad\u200b: m\u200be@example.org!"
    (piece,) = read_by_signal()(text)
    assert text[piece.start : piece.end] == "m\u200be@example.org"
    before = row(text, EMAIL_ADDRESS="\u00c6\ufb01\u00ad\u200b:")
    assert measured(tmp_path / "a.json", [before]).metrics["recall"].value == 0


def test_the_baseline_is_measured_on_the_same_texts(tmp_path: Path) -> None:
    rows = [row("order 1234 5678 9012 3456 is late"), row("ip 10.0.0.7", IP_ADDRESS="10.0.0.7")]
    found = measured(tmp_path / "a.json", rows)
    assert found.baseline["precision"].value == pytest.approx(0.5)
    assert found.metrics["precision"].value == 1
    assert found.baseline["recall_ip"].value == 1


@pytest.mark.parametrize(
    "rows",
    [
        {},
        [],
        ["text"],
        [{"full_text": "x"}],
        [{"full_text": "x", "spans": [{"entity_type": "PERSON"}]}],
        [{"full_text": "short", "spans": [EMAIL]}],
        [{"full_text": "x", "spans": [{"entity_type": "PERSON", "start_position": None, "end_position": 1}]}],
        [{"full_text": None, "spans": [EMAIL]}],
        [{"full_text": "x", "spans": [{"entity_type": [], "start_position": 0, "end_position": 1}]}],
    ],
)
def test_another_shape_is_a_complaint(tmp_path: Path, rows: Any) -> None:
    with pytest.raises(SettingsError, match=r"a\.json"):
        measured(tmp_path / "a.json", rows)


def test_what_is_no_json_is_a_complaint(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("full_text", encoding="utf-8")
    with pytest.raises(SettingsError, match="not JSON"):
        evaluate(Task(tmp_path / "a.json", None, None))  # type: ignore[arg-type]
