from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import Problem, SettingsError
from core.settings import Settings
from core.settings.files import LARGEST

Loader = Callable[..., Settings]


def fault(loaded: Loader) -> Problem:
    with pytest.raises(SettingsError) as caught:
        loaded()
    return caught.value.problems[0]


def test_a_list_is_one_entry_a_line_without_comments(base: str, loaded: Loader, root: Path) -> None:
    (root / "lists/vip.txt").write_text("\ufeffone\n\n  two words  \n# none\nthree # why\nfour#4\n", "utf-8")
    settings = loaded(base.replace("lists/vip.csv", "lists/vip.txt"))
    assert settings.lists["vip"] == ("one", "two words", "three", "four#4")


def test_a_csv_gives_its_first_column(loaded: Loader, root: Path) -> None:
    (root / "lists/vip.csv").write_text('"telegram:1",x\n\n2;y\n , empty\n"a, b",z\n', "utf-8")
    assert loaded().lists["vip"] == ("telegram:1", "2;y", "a, b")


def test_a_file_that_is_not_text_is_a_problem(loaded: Loader, root: Path) -> None:
    (root / "lists/vip.csv").write_bytes(b"\xff\xfe\x00x")
    assert "not a text file in UTF-8" in fault(loaded).what


def test_a_folder_is_not_a_list(loaded: Loader, root: Path) -> None:
    (root / "lists/vip.csv").unlink()
    (root / "lists/vip.csv").mkdir()
    assert "cannot be read" in fault(loaded).what


def test_a_huge_list_is_refused_unread(loaded: Loader, root: Path) -> None:
    (root / "lists/vip.csv").write_bytes(b"x" * (LARGEST + 1))
    assert "larger than" in fault(loaded).what


@pytest.mark.parametrize(
    ("line", "write"), [("25.12.2026", "2026-12-25"), ("2026-02-30", "2026-12-25"), ("Christmas", "2026-12-25")]
)
def test_a_closed_day_that_is_no_date_is_told_by_its_own_line(
    loaded: Loader, root: Path, line: str, write: str
) -> None:
    (root / "lists/holidays.txt").write_text(f"# closed\n2026-12-26 second day\n{line}\n")
    problem = fault(loaded)
    assert (problem.file, problem.line, problem.write) == ("lists/holidays.txt", 3, write)
