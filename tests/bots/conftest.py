"""A small bot in a folder of its own, and the command line called in this process."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bots.__main__ import main

CONFIG = """\
version: 1
bot: tiny
time_zone: Europe/Copenhagen
languages: [en]
channels:
  web: {}
  telegram:
    token: ${TINY_TELEGRAM_TOKEN}
store: sqlite:///data/tiny.db
server:
  port: 0
providers:
  cloud: {uses: openai_chat, url: "http://127.0.0.1:1/v1", key: "${TINY_CLOUD_KEY}"}
  offline: {}
tiers:
  quick: [cloud/large, offline/faq]
  expert: [offline/faq]
signals:
  faq: {file: bots/tiny/faq.yaml}
  money: {}
  asks_for_person: {}
escalation:
  - name: Money
    when:
      money: yes
    send_to: expert
    lasts: 3 answers
    examples:
      should_match:
        - I want my money back
      should_not_match:
        - hello there
  - name: Asks for a person
    when:
      asks_for_person: yes
    send_to: person
    lasts: this conversation
reports:
  cost:
    currency: EUR
"""
FAQ = """\
- id: opening
  question: When are you open?
  answer: From nine to five.
"""
MODELS = """\
cloud/large: {price: unknown, pinned: no}
offline/faq: {price: free, pinned: no}
"""


@dataclass
class Bot:
    """The folder, and what the last command wrote."""

    folder: Path
    capture: pytest.CaptureFixture[str]
    err: str = ""

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    def edit(self, old: str, new: str, name: str = "config.yaml") -> Path:
        """The configuration with a piece replaced, under that name."""
        text = self.config.read_text("utf-8")
        assert old in text
        path = self.folder / name
        path.write_text(text.replace(old, new), "utf-8")
        return path

    def run(self, *arguments: str) -> tuple[int, str]:
        """Exit status and standard output of a command."""
        self.capture.readouterr()
        with pytest.raises(SystemExit) as left:
            main(arguments)
        written = self.capture.readouterr()
        self.err = written.err
        return int(left.value.code or 0), written.out

    def json(self, *arguments: str) -> tuple[int, Any]:
        """The same with `--json`: the one object on standard output."""
        status, out = self.run(*arguments, "--json")
        return status, json.loads(out)


@pytest.fixture
def bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Bot]:
    (tmp_path / "bots/tiny").mkdir(parents=True)
    (tmp_path / "bots/tiny/faq.yaml").write_text(FAQ, "utf-8")
    (tmp_path / "models.yaml").write_text(MODELS, "utf-8")
    (tmp_path / "config.yaml").write_text(CONFIG, "utf-8")
    monkeypatch.chdir(tmp_path)
    for name in [n for n in os.environ if n.startswith("TINY_")]:
        monkeypatch.delenv(name)
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield Bot(tmp_path, capsys)
    root.handlers, root.level = handlers, level
    logging.captureWarnings(False)
