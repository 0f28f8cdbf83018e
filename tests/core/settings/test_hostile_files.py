"""Whatever stands in the file, it ends in settings or in problems: in time, and never in another error."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.errors import Problem, SettingsError
from core.settings import Settings, load

Loader = Callable[..., Settings]


@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_typed_ends_in_settings_or_in_problems(data: st.DataObject, base: str, root: Path) -> None:
    at = data.draw(st.integers(0, len(base) - 1))
    typed = data.draw(st.text("\"'[]{}:#&*!|>%@`,-? \n\t~09aé$\\", max_size=6))
    text = base[:at] + typed + base[at + data.draw(st.integers(0, 8)) :]
    problems: tuple[Problem, ...] | None = None
    try:
        load(text, file="config.yaml", root=root, env={})
    except SettingsError as error:
        problems = error.problems
    assert problems != ()
    lines = text.count("\n") + 1
    assert all(1 <= p.line <= lines and p.column >= 1 and p.what and p.write for p in problems or ())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "hello\n",
        "- 1\n",
        "[" * 5000,
        "a: " + "[" * 5000,
        "a: " + "{a: " * 5000,
        "- " * 5000,
        "a: " * 300,
        "{" * 40 + "}" * 40,
        "\x00",
    ],
)
def test_a_file_that_is_no_settings_is_a_problem(text: str, root: Path) -> None:
    with pytest.raises(SettingsError):
        load(text, file="config.yaml", root=root, env={})


@pytest.mark.parametrize(
    "typed", ["1" * 90_000, "-" + "9" * 5_000, "1e999", "a_" * 40_000, "${" * 40_000, "x: " * 20_000]
)
@pytest.mark.parametrize(
    "old", ["ptb", "8080", "shop", "it is theirs", "at least 6", "telegram:42", "24 hours", "09:00-18:00"]
)
def test_a_monstrous_value_ends_in_settings_or_in_problems_too(base: str, loaded: Loader, old: str, typed: str) -> None:
    with suppress(SettingsError):
        loaded(base.replace(old, typed, 1))


def test_a_file_beyond_all_bounds_is_refused_unread(root: Path) -> None:
    with pytest.raises(SettingsError, match="longer than"):
        load("a: 1\n" * 100_000, file="config.yaml", root=root, env={})
