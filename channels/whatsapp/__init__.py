"""WhatsApp by way of Twilio: a business number whose customers are answered.

`build` puts the channel together from its options in config.yaml; `channel` is where a reader starts. Nothing outside
this package knows how WhatsApp or Twilio work. `testing` is Twilio's side of the wire, for tests.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from channels.whatsapp import fees, media, unsure, words
from channels.whatsapp.channel import Ways, WhatsAppChannel
from channels.whatsapp.client import Account, Client, Limits
from channels.whatsapp.door import Door
from channels.whatsapp.forms import PREFIX
from channels.whatsapp.line import Line, Timing
from channels.whatsapp.silence import Silence
from channels.whatsapp.statuses import Names
from core.plugins import PluginError

__all__ = ["Options", "WhatsAppChannel", "assembled", "build"]


@dataclass(frozen=True, kw_only=True, repr=False)
class Options:
    """The section `channels.whatsapp` of config.yaml.

    `account` (AC...) and `token` are the Twilio account's; `number` is the sender (`whatsapp:+14155238886`);
    `public_url` is the https address Twilio reaches the server under. With `api_key` (SK...) and `api_secret` calls are
    made as that key; requests from Twilio are signed with `token` all the same. `typing` shows that somebody is
    writing, which also marks messages read. `template` is the Content SID (HX...) of an approved template whose
    variable 1 takes the text of an answer that comes after the 24-hour window. `opt_out` and `opt_in` are whole
    messages for each language. `unsure` says what is done about a message of which nobody can tell whether it arrived:
    `answers`, `people` (what a person wrote) and `notices` are each `send again` or `leave`. `fees` is the
    dated table of what messages cost. `languages` comes from the rest of config.yaml.
    """

    account: str
    token: str
    number: str
    public_url: str
    languages: Sequence[str]
    api_key: str = ""
    api_secret: str = ""
    typing: bool = False
    template: str = ""
    opt_out: Mapping[str, Sequence[str]] = field(default_factory=dict)
    opt_in: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unsure: Mapping[str, Any] = field(default_factory=dict)
    fees: Mapping[str, Any] = field(default_factory=dict)
    base_url: str = "https://api.twilio.com"
    messaging_url: str = "https://messaging.twilio.com"


# What each of these options must look like: a pattern, and what to write instead.
SHAPES = {
    "account": (r"AC[0-9a-fA-F]{32}", "the Account SID from Twilio's console: AC and 32 characters"),
    "token": (r"\S+", "the auth token from Twilio's console"),
    "number": (r"whatsapp:\+[0-9]{5,15}", "the sender as Twilio writes it: whatsapp:+14155238886"),
    "api_key": (r"(SK[0-9a-fA-F]{32})?", "the SID of an API key: SK and 32 characters"),
    "template": (r"(HX[0-9a-fA-F]{32})?", "the Content SID of the template: HX and 32 characters"),
    "base_url": (r"https?://[^\s/]+/?", "https://api.twilio.com"),
    "messaging_url": (r"https?://[^\s/]+/?", "https://messaging.twilio.com"),
}


def build(**options: Any) -> WhatsAppChannel:
    """The channel for these Options. Raises PluginError for one that does not fit."""
    return assembled(Options(**options))


# So that whoever reads the signature sees the options: there are more of them than a function should have parameters.
build.__signature__ = inspect.signature(Options)  # type: ignore[attr-defined]


def assembled(
    options: Options, timing: Timing | None = None, limits: Limits | None = None, others: tuple[str, ...] = ()
) -> WhatsAppChannel:
    """The channel with its parts. `others` are further origins files may come from, for tests. PluginError."""
    for name, (shape, write) in SHAPES.items():
        # No value in the message: it may be a secret in the wrong place.
        if not re.fullmatch(shape, str(getattr(options, name))):
            raise PluginError(f"{name} does not look right", write, name)
    if bool(options.api_key) != bool(options.api_secret):
        missing = "api_secret" if options.api_key else "api_key"
        raise PluginError("api_key and api_secret belong together", f"{missing}: ...", missing)
    user, password = (options.api_key, options.api_secret) if options.api_key else (options.account, options.token)
    account = Account(options.account, user, password, options.base_url, options.messaging_url)
    line = Line(
        client=Client(account, limits),
        number=options.number,
        template=options.template,
        fees=fees.read(options.fees),
        names=Names(options.token),
        now=_now,
        silence=Silence(f"whatsapp:{options.account}:{options.number.removeprefix(PREFIX)}", _now),
        unsure=unsure.read(options.unsure),
        timing=timing or Timing(),
    )
    ways = Ways(
        options.account,
        words.words(options.languages, options.opt_out, options.opt_in),
        media.Source(options.base_url, user, password, others),
        options.typing,
    )
    return WhatsAppChannel(ways, line, partial(Door, options.public_url, options.token))


def _now() -> datetime:
    return datetime.now(UTC)
