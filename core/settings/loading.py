"""config.yaml whole: read, shape, join, check. A reader of this package starts at `load`.

No clock and no environment: both are handed in where needed. What a section means in detail lives in its own module.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from core.errors import SettingsError
from core.rules import Rulebook, Signal
from core.settings import files, opening, source, traps
from core.settings.conditions import BUILT_IN
from core.settings.escalation import Known, compile_rules
from core.settings.problems import Faults, from_pydantic
from core.settings.schema import File
from core.settings.sections import Sections
from core.settings.values import Settings

_LISTED = frozenset({"channels", "providers", "lists", "signals", "escalation", "reports", "tiers", "checks"})
"""Sections of many alike: a fault in one member leaves the others to be checked."""
_NEEDED: Mapping[str, Any] = {"version": 1, "bot": "bot", "tiers": {"quick": ["-"]}}
"""What stands in for a faulty section while the rest is checked; such settings are never used."""


def load(text: str, *, file: str, root: Path, env: Mapping[str, str]) -> Settings:
    """The settings in `text`. `file` names it in problems, `root` is where file names start, `env` fills `${NAME}`.

    Raises SettingsError with every problem found.
    """
    document = source.read(text, file)
    faults = Faults(document)
    shape, positions = _shape(document, faults)
    lists = {name: files.read(root, path, ("lists", name), faults) for name, path in shape.lists.items()}
    closed = shape.hours.get(opening.CLOSED_ON)
    holidays = files.read(root, str(closed), ("hours", opening.CLOSED_ON), faults) if closed else None
    hours = opening.opening_hours(shape.hours, shape.time_zone, holidays, faults)
    entries = {name: found.texts for name, found in lists.items()}
    sections = Sections(shape, faults, env)
    known = Known(
        signals=sections.names("signals"),
        channels=sections.names("channels"),
        tiers=sections.tiers(),
        languages=sections.languages(),
        lists={name: entries.get(name, ()) for name in sections.names("lists")},
        hours=hours if hours or not shape.hours else opening.NEVER,
    )
    _reserved(shape, faults)
    traps.look(faults)
    compiled = compile_rules(zip(positions, shape.escalation, strict=True), known, faults)
    settings = sections.settings(
        hours=hours,
        lists=entries,
        compiled=compiled,
        digest=files.digest(text, {f.file: f for f in (*lists.values(), holidays) if f}),
    )
    if faults.found:
        raise SettingsError(faults.in_order())
    return settings


def rulebook(settings: Settings, signals: Mapping[str, Signal]) -> Rulebook:
    """The rules of the settings over the signals built from them. ValueError when a configured signal is not there."""
    absent = [name for name in settings.signals if name not in signals]
    if absent:
        raise ValueError(f"signals configured and not built: {', '.join(absent)}")
    everything = {**signals, **settings.conditions}
    return Rulebook(settings.escalation, everything, settings.start_with, settings.hash, settings.answering.band)


def _shape(document: source.Document, faults: Faults) -> tuple[File, list[int]]:
    """The file by its schema, without what is faulty, and where each of its rules stood."""
    written = document.tree.get("escalation")
    rules = written if isinstance(written, list) else []
    positions = list(range(len(rules)))
    try:
        return File.model_validate(document.tree), positions
    except ValidationError as error:
        found = from_pydantic(error, document)
    faults.found += [problem for _, problem in found]
    paths = [path for path, _ in found]
    faulty = {path[:2] if path[0] in _LISTED else path[:1] for path in paths}
    kept: dict[str, Any] = {}
    for section, value in document.tree.items():
        if (section,) in faulty:
            continue
        if isinstance(value, dict):
            kept[section] = {k: v for k, v in value.items() if (section, k) not in faulty}
        else:
            kept[section] = value
    mended = {n: _mended(rules[n], [p[2:] for p in paths if p[:2] == ("escalation", n)], n) for n in positions}
    kept["escalation"] = [rule for rule in mended.values() if rule is not None]
    if not kept.get("tiers"):
        kept.pop("tiers", None)
    return File.model_validate({**_NEEDED, **kept}), [n for n, rule in mended.items() if rule is not None]


def _mended(rule: Any, faulty: list[source.Path], number: int) -> dict[str, Any] | None:
    """The rule without its faulty settings, so that its other lines are checked; None when too little is left."""
    settings = {path[0] for path in faulty if path}
    if () in faulty or "when" in settings:
        return None
    return {"name": f"rule {number}", "send_to": "person"} | {k: v for k, v in rule.items() if k not in settings}


def _reserved(shape: File, faults: Faults) -> None:
    for name in shape.signals:
        if name in BUILT_IN:
            faults.add(
                ("signals", name), f"{name!r} is a condition every bot has, not a signal", "no such line", key=True
            )
