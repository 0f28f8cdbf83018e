"""config.yaml -> checked values -> Rulebook. `load` is where a reader starts; `loading` tells the order of things."""

from __future__ import annotations

from core.settings.files import named_files
from core.settings.loading import load, rulebook
from core.settings.schema import json_schema
from core.settings.secrets import Secret, reveal
from core.settings.sections import options_for
from core.settings.values import (
    ChannelSettings,
    EncoderSettings,
    Operators,
    ProviderSettings,
    ReportSettings,
    Server,
    Settings,
    Talk,
)

__all__ = [
    "ChannelSettings",
    "EncoderSettings",
    "Operators",
    "ProviderSettings",
    "ReportSettings",
    "Secret",
    "Server",
    "Settings",
    "Talk",
    "json_schema",
    "load",
    "named_files",
    "options_for",
    "reveal",
    "rulebook",
]
