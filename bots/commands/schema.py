"""`firstline schema`: the JSON schema of config.yaml, so that an editor completes and checks while a lead types."""

from __future__ import annotations

from bots.commands._common import DEFAULT, Config, Json
from core.settings import json_schema


def command(config: Config = DEFAULT, as_json: Json = True) -> None:
    """Print it; `firstline schema > config.schema.json` puts it where the shipped config.yaml looks for it."""
    print(json_schema(), end="")
