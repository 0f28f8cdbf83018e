"""`firstline report`: one report over whole days, printed in a form or sent to a chat."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from bots import logs
from bots.assembly import open_house
from bots.commands._common import DEFAULT, Config, Json, emit, run_async, screen
from bots.ledger import read_entries
from bots.parts import beside, read_settings
from bots.schedule import build_report, send
from core.abilities import Cards
from core.conversation import Address
from core.periods import Window, days, yesterday


class Form(StrEnum):
    """The forms a report is printed in."""

    TEXT = "text"
    CSV = "csv"
    JSON = "json"


FromDay = Annotated[
    str, typer.Option("--from", metavar="DAY", help="The first day, 2026-11-20; yesterday if left out.")
]
ToDay = Annotated[str, typer.Option("--to", metavar="DAY", help="The last day; the same as the first if left out.")]


def command(
    name: Annotated[str, typer.Argument(help="Which report, for example cost.")],
    first: FromDay = "",
    last: ToDay = "",
    zone: Annotated[str, typer.Option(help="The time zone whose days are meant.")] = "",
    form: Annotated[Form, typer.Option("--format")] = Form.TEXT,
    to: Annotated[str, typer.Option("--send", metavar="CHANNEL:CHAT", help="Send the text there instead.")] = "",
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Make the report and print it, or send it."""
    settings = read_settings(config)
    window = _window(first, last, zone or settings.time_zone)
    address = _address(to)
    document = build_report(settings, name)(
        read_entries(beside(settings.store, config.resolve().parent), window), window
    )
    if address is not None:
        logs.configure()
        run_async(_send(config, address, document.text))
        screen(as_json=True).print(f"Sent to {address}.")
    if as_json or form is Form.JSON:
        emit(document.data)
    elif address is None:
        print(document.csv if form is Form.CSV else document.text, end="" if form is Form.CSV else "\n")


def _window(first: str, last: str, zone: str) -> Window:
    try:
        tz = ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        raise typer.BadParameter(f"{zone!r} is not a time zone; write one such as Europe/Copenhagen") from None
    if not first and not last:
        return yesterday(datetime.now(UTC), tz)
    try:
        return days(date.fromisoformat(first or last), date.fromisoformat(last or first), tz)
    except ValueError as error:
        raise typer.BadParameter(f"--from and --to are days such as 2026-11-20, in this order ({error})") from None


def _address(text: str) -> Address | None:
    try:
        return Address.parse(text) if text else None
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


async def _send(config: Path, address: Address, text: str) -> None:
    async with open_house(config, store="sqlite://") as house:
        if not isinstance(house.channels.get(address.channel), Cards | None):
            raise typer.BadParameter(f"nobody would see it in {address.channel!r}; write a chat of operators")
        await send(house.channels, address, text)
