"""The guide for operators: what it tells a reader to write is in order, and its screens are what the commands print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bots.parts import read_settings
from bots.tiers import SHIPPED
from tests.bots.conftest import Bot
from tests.bots.screens import GUIDE, ROOT, SCREEN, Small, filled, house, sections

COMMANDS = ("breakers", "budgets", "models", "trace m-0001", "trace m-0002")
ROWS = re.compile(r"<!-- models -->\n```yaml\n(.*?)```\n", re.DOTALL)
OFFERED = re.compile(r"^  # (?=\w+: [\[{\w]|- \{)", re.MULTILINE)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    with house(tmp_path_factory.mktemp("house")) as made:
        yield made


@pytest.mark.parametrize("command", COMMANDS)
def test_a_screen_in_the_guide_is_what_the_command_prints(small: Small, command: str) -> None:
    shown = {found[1]: found[3] for found in SCREEN.finditer(GUIDE.read_text("utf-8"))}
    assert small.run(*command.split()) == shown[command], "python -m tests.bots.screens writes the screens anew"


def test_the_guide_has_each_screen_once_and_writing_them_anew_changes_nothing(small: Small) -> None:
    text = GUIDE.read_text("utf-8")
    assert tuple(found[1] for found in SCREEN.finditer(text)) == COMMANDS
    assert filled(text, small) == text
    emptied = SCREEN.sub(lambda found: f"{found[1]}{found[2]}{found[4]}", text)
    assert emptied != text
    assert filled(emptied, small) == text


def in_order(bot: Bot, text: str) -> None:
    """`firstline check` finds nothing wrong with this config.yaml of the shipped bot."""
    (bot.folder / "bots" / "shop").symlink_to(ROOT / "bots" / "shop")
    (rows,) = ROWS.findall(GUIDE.read_text("utf-8"))
    (bot.folder / "models.yaml").write_text(f"{(ROOT / 'models.yaml').read_text('utf-8')}\n{rows}", "utf-8")
    bot.config.write_text(text, "utf-8")
    status, out = bot.run("check")
    assert (status, out) == (0, "config.yaml is in order; 8 examples hold.\n"), bot.err


def test_what_the_guide_tells_to_write_is_in_order(bot: Bot) -> None:
    in_order(bot, sections())


def test_every_line_the_shipped_config_offers_is_in_order_without_its_mark(bot: Bot) -> None:
    shipped = (ROOT / "config.yaml").read_text("utf-8")
    head, start, rest = shipped.partition("\nanswering:\n")
    offered, end, tail = rest.partition("\n# When people are there.")
    taken, count = OFFERED.subn("  ", offered)
    assert (bool(start), bool(end), count) == (True, True, 15)
    in_order(bot, head + start + taken + end + tail)


def test_the_shipped_checks_are_those_that_hold_without_the_section() -> None:

    assert read_settings(Path(ROOT / "config.yaml")).checks == SHIPPED
