"""evaluate asks_for_person: precision and recall over the rows that count."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import SettingsError
from core.evaluation._measures import Evaluation, Task
from core.evaluation.asks_for_person import evaluate

ROWS = "let me talk to a human please,en,1,dev\ntake me home,en,1,test\nwo ist mein Paket,de,0,test\n"


def measured(path: Path, text: str) -> Evaluation:
    path.write_text(text, encoding="utf-8")
    return evaluate(Task(path, None, None))  # type: ignore[arg-type]


def test_what_is_heard_and_what_is_missed_is_counted(tmp_path: Path) -> None:
    found = measured(tmp_path / "a.csv", "text,language,asks,half\n" + ROWS + "i am only human,en,0,test\n")
    assert found.n == 4
    assert found.metrics["recall"].value == pytest.approx(0.5)
    assert found.metrics["precision"].value == 1
    assert found.baseline["precision"].value == pytest.approx(0.5)
    assert found.metrics["recall_en"].n == 2
    assert found.metrics["recall_de"].n == 0


def test_where_a_half_is_held_back_only_that_is_measured(tmp_path: Path) -> None:
    found = measured(tmp_path / "a.csv", "text,language,asks,split\n" + ROWS)
    assert found.n == 2
    assert found.metrics["recall"].value == 0


@pytest.mark.parametrize(
    ("text", "what"), [("text,asks\nx,1\n", "no column language"), ("text,language,asks\nx,en,yes\n", "row 1")]
)
def test_a_faulty_file_is_a_complaint(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(SettingsError, match=what):
        measured(tmp_path / "a.csv", text)
