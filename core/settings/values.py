"""The checked settings as values: what the rest of firstline is built from. No reading, no checking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from core.budgets import Budget
from core.conversation import Address
from core.errors import Problem
from core.hours import Hours
from core.rules import Rule, Signal
from core.settings.secrets import Secret
from core.tiers import Tier

if TYPE_CHECKING:
    from core.settings.answering import Answering


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """Options of a channel, secrets wrapped. `missing` names unset variables: then the channel is off."""

    options: Mapping[str, Any]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """Options of a provider, secrets wrapped; `uses` is its file in core/providers. `missing` as for channels."""

    uses: str
    options: Mapping[str, Any]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """Options of the encoder, secrets wrapped; `uses` is its file in core/encoder. `wait`: seconds a decision waits."""

    uses: str
    options: Mapping[str, Any]
    wait: float


@dataclass(frozen=True, slots=True)
class Operators:
    """Who takes over. `chat` is None when nobody is named; empty `people` lets everybody in that chat act."""

    chat: Address | None = None
    people: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Server:
    """Where HTTP is served. An empty key lets only loopback see what operators see."""

    host: str
    port: int
    operator_key: Secret


@dataclass(frozen=True, slots=True)
class Talk:
    """The section `conversation`: the silence that ends one, and how many earlier answers a model is shown."""

    idle: timedelta
    answers_in_prompt: int


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """A report: `at` is a cron line in the bot's time zone, empty for never; `send` is None when there is nowhere to
    send it, also where it names operators.chat and no such chat is set.
    """

    at: str
    send: Address | None
    currency: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Settings:
    """All of config.yaml, checked. Tiers without models are absent from `tiers`; every list is read.

    `checks` is None where the file does not name any: then those that ship are on. `conditions` are the signals that
    built-in conditions of rules read. `store` may hold a password and is left out of the repr.
    `warnings` are problems that do not stop the bot. `hash` identifies the text and its list files.
    """

    version: int
    bot: str
    time_zone: str
    languages: tuple[str, ...]
    channels: Mapping[str, ChannelSettings]
    operators: Operators
    store: str = field(repr=False)
    server: Server
    encoder: EncoderSettings
    conversation: Talk
    providers: Mapping[str, ProviderSettings]
    tiers: Mapping[Tier, tuple[str, ...]]
    start_with: Tier
    answering: Answering
    checks: Mapping[str, Mapping[str, Any]] | None
    budgets: tuple[Budget, ...]
    hours: Hours | None
    lists: Mapping[str, tuple[str, ...]]
    signals: Mapping[str, Mapping[str, Any]]
    escalation: tuple[Rule, ...]
    conditions: Mapping[str, Signal] = field(repr=False)
    reports: Mapping[str, ReportSettings]
    warnings: tuple[Problem, ...]
    hash: str
