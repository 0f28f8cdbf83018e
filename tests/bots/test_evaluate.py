"""`firstline evaluate`: the figures as a table and as data, and bad data told in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bots.conftest import Bot

LINES = """\
text,category,language
where is my parcel please,order,en
hvor bliver min pakke af,order,da
wo bleibt denn mein Paket,order,de
"""


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    file = tmp_path / "lines.csv"
    file.write_text(LINES, "utf-8")
    return file


def test_the_figures_are_data_with_intervals_and_a_baseline(bot: Bot, lines: Path) -> None:
    status, data = bot.json("evaluate", "language", "--data", str(lines))
    assert status == 0
    assert (data["signal"], data["n"]) == ("language", 3)
    assert data["metrics"]["accuracy"] == 1.0
    assert data["baseline"]
    assert data["intervals"]["accuracy"]["low"] < 1.0


def test_the_figures_are_a_table_for_people(bot: Bot, lines: Path) -> None:
    status, out = bot.run("evaluate", "language", "--data", str(lines))
    assert status == 0
    assert "accuracy" in out
    assert "beside it: " in out


def test_a_signal_nobody_evaluates_is_told_with_those_there_are(bot: Bot, lines: Path) -> None:
    status, _ = bot.run("evaluate", "langage", "--data", str(lines))
    assert status == 1
    assert "'language' (did you mean that?)" in bot.err


@pytest.mark.parametrize("signal", ["faq", "frustration", "intent", "language", "personal_data", "rephrase"])
@pytest.mark.parametrize("content", ["", "\x00\xff", "a,b\n1,2\n", "{}", "[]"])
def test_data_of_another_kind_is_told_in_words(bot: Bot, tmp_path: Path, signal: str, content: str) -> None:
    file = tmp_path / "data.csv"
    file.write_bytes(content.encode("latin-1"))
    status, _ = bot.run("evaluate", signal, "--data", str(file))
    assert status == 1
    assert "data.csv" in bot.err
    assert "; write " in bot.err


def test_data_that_is_not_there_is_told(bot: Bot, tmp_path: Path) -> None:
    status, data = bot.json("evaluate", "language", "--data", str(tmp_path / "none.csv"))
    assert (status, data["ok"]) == (1, False)
    assert "cannot be read" in data["error"]
