"""`firstline replay`: recorded conversations through the whole desk; with `--against`, who would go where else.

Only the bot's own offline answers are used unless `--live` is said: a replay never calls a paid model by accident.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bots import logs
from bots.commands._common import DEFAULT, Config, Json, emit, screen, table
from bots.ledger import read_dialogues
from bots.parts import Parts, read_settings
from bots.replaying import Played, Task, play
from core.errors import Problem, SettingsError
from core.learning.dialogues import CUSTOMER, Dialogue, parse
from core.learning.moves import Moves, compare
from core.learning.replay import timed
from core.learning.tally import Share
from core.study import understood

STRONGEST_FIRST = ("person", "expert", "standard", "quick", "desk")


def command(
    file: Annotated[Path | None, typer.Argument(help="Conversations, one JSON object a line.")] = None,
    days: Annotated[int, typer.Option(min=0, max=366, help="Instead of a file: what was said here lately.")] = 0,
    against: Annotated[Path | None, typer.Option(metavar="FILE", help="Another config.yaml to compare with.")] = None,
    customer: Annotated[str, typer.Option(metavar="NAME", help="What the customer is called there.")] = CUSTOMER,
    channel: Annotated[str, typer.Option(help="The channel they count as coming from.")] = "memory",
    live: Annotated[bool, typer.Option("--live", help="Call the models for real. This costs money.")] = False,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Play every conversation and print what the desk made of it."""
    logs.configure(level=logging.ERROR)
    if (file is None) == (days == 0):
        raise typer.BadParameter("give a file of conversations, or --days")
    parts = Parts(read_settings(config), config)
    start = datetime.now(UTC) - timedelta(days=days)
    dialogues = _read(file, customer) if file else read_dialogues(parts.store, start)
    played = _play(Task(config, dialogues, channel, live))
    tally, seconds = played.tally, played.ended - played.began
    with Console(stderr=True).status("comparing") if against else nullcontext():
        moves = _moves(parts, against, dialogues, channel) if against else None
    if as_json:
        emit({**tally.data(seconds), "desks": played.desks, **({"moved": moves.data()} if moves else {})})
    else:
        out = screen(as_json=False)
        _tell(out, played)
        if moves:
            _tell_moves(out, moves)
    raise typer.Exit(1 if tally.unanswered else 0)


def _read(file: Path, customer: str) -> list[Dialogue]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([Problem(str(file), 1, 1, f"cannot be read ({type(error).__name__})")]) from error
    return parse(lines, str(file), customer)


def _play(task: Task) -> Played:
    bar = Progress(
        TextColumn("replaying"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    bar.disable = not bar.console.is_terminal
    with bar:
        row = bar.add_task("", total=task.messages)
        return play(task, lambda more: bar.advance(row, more))


def _moves(parts: Parts, against: Path, dialogues: Sequence[Dialogue], channel: str) -> Moves:
    """Both books over the same conversations; a person keeps a conversation only where one can be called."""
    other = Parts(read_settings(against), against)
    people, encoder = parts.settings.operators.chat is not None, parts.encoder()
    now, then = parts.book(), other.book()
    for each in (parts, other):
        each.study.learn(encoder)
    told = (tuple(timed(d, channel)) for d in dialogues)
    return compare(told, now, then, people=people, understand=lambda c: understood(c, encoder))


def _tell(out: Console, played: Played) -> None:
    tally, seconds = played.tally, played.ended - played.began
    out.print(
        f"{tally.dialogues} conversations, {tally.messages} messages of customers in {seconds:.1f} s"
        f" ({tally.messages / max(seconds, 1e-9):,.0f} a second"
        + (f", {played.desks} desks side by side)\n" if played.desks > 1 else ")\n")
        + f"answered {tally.answered}, with a person {tally.with_person}, unanswered {tally.unanswered}"
        + (f", of the answers {tally.apologised} were apologies" if tally.apologised else "")
        + "\n"
    )
    tiers = {name: tally.tiers[name] for name in STRONGEST_FIRST if name in tally.tiers}
    out.print(_shares("answered by", tiers, tally.answered))
    rules = dict(sorted(tally.rules.items(), key=lambda item: -item[1].messages))
    if rules:
        out.print()
        out.print(_shares("rule", rules, tally.messages))


def _shares(title: str, shares: Mapping[str, Share], of: int) -> Any:
    rows = table(title, "#messages", "#share", "#cost")
    for name, share in shares.items():
        rows.add_row(escape(name), str(share.messages), f"{share.messages / max(of, 1):.1%}", _cost(share))
    return rows


def _cost(share: Share) -> str:
    known = " + ".join(
        f"{amount:f} {currency}" for currency, amount in sorted(share.cost.items()) if amount != Decimal()
    )
    unknown = f"{share.unknown} calls unknown" if share.unknown else ""
    return " and ".join(filter(None, (known, unknown))) or "free"


def _tell_moves(out: Console, moves: Moves) -> None:
    data = moves.data()
    out.print(f"\nwith the other rules {data['messages']} of {data['of']} messages go elsewhere")
    for pair in data["pairs"]:
        out.print(f"\n{pair['from']} -> {pair['to']}: {pair['messages']}")
        for sample in pair["samples"]:
            rules = f"  [dim]{escape(', '.join(sample['rules']))}[/]" if sample["rules"] else ""
            out.print(f"  {escape(sample['text'])}{rules}")
    out.print("\n[dim]It shows who would be sent elsewhere; not what another model would have said.[/]")
