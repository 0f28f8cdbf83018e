"""The command line: which commands there are. What one does is its module in `bots/commands`, loaded when it is called.

`firstline` and `python -m bots` are the same. Exit status: 0 fine, 1 found something or failed, 2 wrong usage.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from core.errors import FirstlineError, SettingsError

COMMANDS = {
    "run": "Start every channel that has its secrets.",
    "chat": "Talk to the bot in this terminal.",
    "check": "Is the configuration sound, and do its examples hold?",
    "explain": "Why would this message go where?",
    "replay": "The whole desk over recorded conversations.",
    "evaluate": "How good is a signal on your data?",
    "report": "What it cost: print a report, or send it.",
    "models": "Every model: its price, limits, measured speed; --pareto shows which are worth it.",
    "budgets": "What is spent and set aside of each budget.",
    "trace": "The whole life of one message, with a timeline.",
    "breakers": "Which models are called now and which are left alone; close one that was mended.",
    "parked": "What was set aside: list it, try it again, drop it.",
    "migrate": "Bring the store to the newest schema, with the rights a bot needs.",
    "doctor": "Versions, keys, store, clock, disk, providers.",
    "schema": "The JSON schema of config.yaml, for editors.",
}


class Commands(TyperGroup):
    """Knows every command by name and help; imports the module of the one that is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command as its module defines it. An unknown name is refused with the nearest one."""
        name, known, rest = super().resolve_command(ctx, args)
        return name, known and _load(str(name)), rest


def _load(name: str) -> Any:
    module = importlib.import_module(f"bots.commands.{name}")
    app = typer.Typer(add_completion=False)
    app.command(name, help=COMMANDS[name])(module.command)
    return get_command(app)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The `firstline` script, or the same with these arguments; always ends in SystemExit.

    What firstline itself refuses is told in one line each, never as a traceback.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    commands = [TyperCommand(name, help=line) for name, line in COMMANDS.items()]
    group = Commands(
        name="firstline",
        help="Support bots that answer every message from the cheapest tier able to.",
        commands=commands,
        no_args_is_help=True,
    )
    try:
        group.main(given, prog_name="firstline")
    except FirstlineError as error:
        problems = list(error.problems) if isinstance(error, SettingsError) else []
        print("\n".join(map(str, problems)) or f"firstline: {error}", file=sys.stderr)
        if "--json" in given:
            data = [{f: getattr(p, f) for f in ("file", "line", "column", "what", "write")} for p in problems]
            print(json.dumps({"ok": False, "error": str(error), "problems": data}, ensure_ascii=False))
        sys.exit(1)
    sys.exit(0)


if __name__ == "__main__":
    main()
