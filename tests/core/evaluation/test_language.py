"""evaluate language: who is counted, and as what."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import SettingsError
from core.evaluation._measures import Evaluation, Task
from core.evaluation.language import by_stop_words, evaluate, is_counted

ROWS = """\
where is my order from last week,en
how do I send the shoes back,en
hvor bliver min pakke af i dag,da
wo ist denn meine Bestellung geblieben,de
"""


def measured(path: Path, rows: str, header: str = "text,language") -> Evaluation:
    path.write_text(f"{header}\n{rows}", encoding="utf-8")
    return evaluate(Task(path, None, None))  # type: ignore[arg-type]


def test_right_wrong_and_unknown_add_up(tmp_path: Path) -> None:
    found = measured(tmp_path / "a.csv", ROWS + "xq zzv wqx,en\nwhere is my order from last month,da\n")
    assert found.n == 6
    assert found.metrics["accuracy"].value == pytest.approx(4 / 6)
    assert found.metrics["wrong"].value == pytest.approx(1 / 6)
    assert found.metrics["unknown"].value == pytest.approx(1 / 6)
    assert found.metrics["accuracy_en"].value == pytest.approx(2 / 3)
    assert found.metrics["accuracy_da"].value == pytest.approx(1 / 2)


def test_short_messages_and_links_do_not_count(tmp_path: Path) -> None:
    assert measured(tmp_path / "a.csv", ROWS + "ok thanks,en\nsee https://example.org/a now,en\n").n == 4
    assert is_counted("我的订单在哪里", "zh")
    assert not is_counted("你好", "zh")


def test_dialects_are_told_with_their_language_and_not_summed_up(tmp_path: Path) -> None:
    found = measured(tmp_path / "a.csv", ROWS + "wo ist denn meine Bestellung geblieben,gsw\n")
    assert found.metrics["accuracy_gsw"].value == 1
    assert found.metrics["accuracy"].n == 4


def test_a_file_of_dialects_alone_is_measured(tmp_path: Path) -> None:
    found = measured(tmp_path / "a.csv", "wo ist denn meine Bestellung geblieben,gsw\n")
    assert found.metrics["accuracy"].n == 0


def test_baselines_are_of_the_same_rows(tmp_path: Path) -> None:
    found = measured(tmp_path / "a.csv", ROWS)
    assert found.baseline["common"].value == pytest.approx(0.5)
    assert found.baseline["stop_words"].value == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [("где мой заказ", "ru"), ("注文はどこ", "ja"), ("订单在哪", "zh"), ("123", ""), ("xqzv", "")],
)
def test_scripts_and_small_words_tell(text: str, code: str) -> None:
    assert by_stop_words(text) == code


@pytest.mark.parametrize(
    ("rows", "header", "what"),
    [
        (ROWS, "text,code", "no column language"),
        ("", "text,language", "no rows"),
        ("ok,en\n", "text,language", "3 words"),
    ],
)
def test_a_faulty_file_is_a_complaint(tmp_path: Path, rows: str, header: str, what: str) -> None:
    with pytest.raises(SettingsError, match=what):
        measured(tmp_path / "a.csv", rows, header)
