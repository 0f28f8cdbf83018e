"""What an operator must enter at Twilio, and whether it stands there: for `doctor`. Nothing is changed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from channels.whatsapp.client import Sender
from channels.whatsapp.codes import SetUp
from channels.whatsapp.door import Door
from channels.whatsapp.line import Line, Rounds
from core.abilities import Check
from core.errors import ChannelError

#: Twilio's sandbox number, whose settings are in the console alone (twilio.com/docs/whatsapp/sandbox).
SANDBOX = "whatsapp:+14155238886"
SECONDS = 8.0
WHERE = "enter it in Twilio's console, at the WhatsApp sender"


async def examine(line: Line, door: Door) -> Sequence[Check]:
    """The two addresses, what is found without them, whether the account answers, and what the sender has.

    Never raises.
    """
    checks = [
        Check("incoming messages", "ok", f"{door.console_url} (POST): {WHERE}"),
        Check("message states", "ok", f"{door.status_url()} (POST): {WHERE}; every message also carries it"),
        Check("lost messages", "ok", _covered(line.timing.rounds)),
    ]
    try:
        async with asyncio.timeout(SECONDS):
            await line.client.account()
            checks.append(Check("account", "ok", "Twilio lets these credentials in"))
            checks += await _sender(line, door)
    except TimeoutError:
        checks.append(Check("account", "failed", "Twilio did not answer in time"))
    except SetUp as error:
        checks.append(Check("account", "failed", str(error)))
    except ChannelError as error:
        checks.append(Check("account", "failed", f"Twilio could not be asked: {error}"))
    return checks


def _covered(rounds: Rounds) -> str:
    """What is done about messages Twilio could not bring: it tries for 15 seconds, and then no more."""
    hours = int(rounds.back.total_seconds() // 3600)
    return (
        f"what Twilio could not bring is looked for in its list every {rounds.every:.0f} s, at a start {hours} hours"
        " back, and answered then. A fallback URL at the sender would add that it is brought at once while this address"
        " is away: the address of another machine with the same store, and with that address as its public_url"
    )


async def _sender(line: Line, door: Door) -> list[Check]:
    if line.number == SANDBOX:
        return [Check("sender", "warning", "the sandbox's settings cannot be read: compare them with the two above")]
    try:
        found = await line.client.sender(line.number)
    except ChannelError as error:
        return [Check("sender", "warning", f"its settings could not be read, compare them with the two above: {error}")]
    if found is None:
        return [Check("sender", "failed", "the account has no WhatsApp sender with this `number`")]
    return _compared(found, door)


def _compared(found: Sender, door: Door) -> list[Check]:
    checks = []
    if not found.status.startswith("ONLINE"):
        checks.append(Check("sender", "failed", f"Twilio says it is {found.status or 'in no state'}, not ONLINE"))
    if found.messages_url != door.console_url:
        there = found.messages_url or "nothing"
        state = "warning" if found.messages_url == door.messages_url else "failed"
        checks.append(Check("sender", state, f"Twilio posts messages to {there}: write {door.console_url}"))
    elif found.messages_method not in {"", "POST"}:
        checks.append(Check("sender", "failed", f"Twilio calls with {found.messages_method}: choose POST"))
    if found.status_url != door.status_url():
        there = found.status_url or "nothing"
        checks.append(Check("sender", "warning", f"Twilio posts states to {there}: write {door.status_url()}"))
    return checks or [Check("sender", "ok", "the sender is ONLINE and has both addresses")]
