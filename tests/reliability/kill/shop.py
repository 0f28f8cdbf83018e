"""A copy of the shipped bot that talks to the platforms of a test and to a scripted model."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PUBLIC = "https://bot.example.com"
OPERATORS = -1007
TIERS = re.compile(r"^  (quick|standard|expert): \[.*\]$", re.MULTILINE)
SECTION = "{name}:\n(?:(?:  .*| *#.*|)\n)*"


@dataclass(frozen=True)
class Shop:
    """Its folder, its store's URL and the environment its processes get."""

    folder: Path
    store: str
    env: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"


def open_shop(folder: Path, store: str, channels: str, seed: int, env: Mapping[str, str]) -> Shop:
    """A shop in this folder with these channels, given as the lines of the section in config.yaml."""
    shutil.copytree(ROOT / "bots" / "shop", folder / "bots" / "shop")
    for name, most in (("faq.yaml", 8), ("intents.yaml", 3)):
        _shorten(folder / "bots" / "shop" / name, most)
    shutil.rmtree(folder / "bots" / "shop" / "knowledge")
    models = (ROOT / "models.yaml").read_text("utf-8") + "scripted/any: {price: free, pinned: no}\n"
    (folder / "models.yaml").write_text(models, "utf-8")
    text = (ROOT / "config.yaml").read_text("utf-8")
    text = _with_section(text, "channels", channels)
    text = _with_section(text, "providers", f"  offline: {{}}\n  scripted: {{seed: {seed}}}\n")
    text = _with_section(text, "reports", "")
    text = _with_section(text, "checks", "  {}\n")  # what the scripted model says to fill a page, it says over and over
    text = TIERS.sub(r"  \1: [scripted/any]", text)
    text, found = re.subn(
        r"^store: .*$", f"operators: {{chat: telegram:{OPERATORS}}}\nstore: {store}", text, flags=re.M
    )
    assert found == 1
    (folder / "config.yaml").write_text(text, "utf-8")
    return Shop(folder, store, dict(env))


def _with_section(text: str, name: str, lines: str) -> str:
    """The configuration with a top section's lines replaced; without lines the section is gone."""
    made, found = re.subn(f"^{SECTION.format(name=name)}", lines and f"{name}:\n{lines}\n", text, flags=re.MULTILINE)
    assert found == 1, name
    return made


def _shorten(file: Path, most: int) -> None:
    """Keep a list's first entries: what is not asked about here would cost every start a tenth of a second to read."""
    entries = re.split(r"^(?=- )", file.read_text("utf-8"), flags=re.MULTILINE)
    file.write_text("".join(entries[: most + 1]), "utf-8")
