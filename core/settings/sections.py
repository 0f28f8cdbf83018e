"""The plain sections of config.yaml -> values: channels, providers, tiers, operators, server, reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from core.conversation import Address
from core.hours import Hours
from core.settings.answering import answering, budgets
from core.settings.schema import File
from core.settings.secrets import (
    SECTIONS,
    Secret,
    expand,
    is_literal_secret,
    malformed,
    reveal,
    variable_for,
)
from core.settings.source import Path
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
from core.tiers import Tier

if TYPE_CHECKING:
    from core.settings.escalation import Compiled
    from core.settings.problems import Faults

K = TypeVar("K")
V = TypeVar("V")

OPERATORS_CHAT = "operators.chat"


class Sections:
    """The sections of one file; faults go to where the rest of the file's go."""

    def __init__(self, shape: File, faults: Faults, env: Mapping[str, str]) -> None:
        self._shape = shape
        self._faults = faults
        self._env = env
        self._tree = faults.document.tree

    def names(self, section: str) -> tuple[str, ...]:
        """Names under a section as typed, those of faulty members too, so that one fault is told once."""
        typed = self._tree.get(section)
        return tuple(typed) if isinstance(typed, dict) else ()

    def tiers(self) -> tuple[str, ...]:
        """The tiers that have models; all of them once one is spelt wrong, for that is told already."""
        labels = tuple(tier.label for tier in Tier if tier is not Tier.PERSON)
        typed = self.names("tiers")
        return typed if set(typed) <= set(labels) else labels

    def languages(self) -> tuple[str, ...]:
        """The bot's languages as typed."""
        typed = self._tree.get("languages", ["en"])
        return tuple(map(str, typed)) if isinstance(typed, list) else self._shape.languages

    def settings(
        self, *, hours: Hours | None, lists: Mapping[str, tuple[str, ...]], compiled: Compiled, digest: str
    ) -> Settings:
        """All of it as values; meaningless once a fault was found."""
        shape = self._shape
        self._variables()
        server = shape.server
        key = expand(server.operator_key, self._env, "operator_key").value
        tiers = self._tiers()
        return Settings(
            version=shape.version,
            bot=shape.bot,
            time_zone=shape.time_zone,
            languages=shape.languages,
            channels=_frozen({name: self._channel(options) for name, options in shape.channels.items()}),
            operators=self._operators(),
            store=self._needed(("store",), shape.store),
            server=Server(self._needed(("server", "host"), server.host), server.port, _secret(key)),
            encoder=self._encoder(),
            conversation=Talk(shape.conversation.idle, shape.conversation.answers_in_prompt),
            providers=_frozen({name: self._provider(name) for name in shape.providers}),
            tiers=_frozen(tiers),
            start_with=self._start(tiers),
            answering=answering(shape, self._faults),
            checks=None if shape.checks is None else _frozen(shape.checks),
            budgets=budgets(shape, self._faults),
            hours=hours,
            lists=_frozen(lists),
            signals=_frozen(shape.signals),
            escalation=tuple(compiled.rules),
            conditions=_frozen(compiled.signals),
            reports=_frozen({name: self._report(name) for name in shape.reports}),
            warnings=tuple(self._faults.warnings),
            hash=digest,
        )

    def _variables(self) -> None:
        """Every text that names a variable, or should: allowed in SECTIONS, written `${NAME}`."""
        for path, place in self._faults.document.places.items():
            if not path or not place.text:
                continue
            if path[0] not in SECTIONS:
                if place.text.startswith("${") and place.text.endswith("}"):
                    allowed = "channels, encoder, providers, server and store"
                    self._faults.add(path, f"variables are filled in under {allowed} only", "the value itself")
                continue
            if malformed(place.text):
                self._faults.add(path, "a variable is written ${NAME}", variable_for(str(path[-2:][0]), str(path[-1])))
            elif is_literal_secret(str(path[-1]), place.text):
                name = variable_for(str(path[-2:][0]), str(path[-1]))
                what = f"a secret stands in the file: put it into an environment variable and write {name}"
                self._faults.warn(path, what, f'"{name}"')

    def _needed(self, path: Path, text: str) -> str:
        """A text that cannot be left out: an unset variable in it is a fault."""
        expanded = expand(text, self._env)
        if expanded.missing:
            name = expanded.missing[0]
            self._faults.add(path, f"the environment variable {name} is not set", f"a value, or set {name}")
        return str(reveal(expanded.value))

    def _channel(self, options: Mapping[str, Any]) -> ChannelSettings:
        expanded = expand(options, self._env)
        return ChannelSettings(_frozen(expanded.value), expanded.missing)

    def _provider(self, name: str) -> ProviderSettings:
        text = self._shape.providers[name]
        expanded = expand(text.model_extra or {}, self._env)
        return ProviderSettings(text.uses or name, _frozen(expanded.value), expanded.missing)

    def _encoder(self) -> EncoderSettings:
        text = self._shape.encoder
        expanded = expand(text.model_extra or {}, self._env)
        for name in expanded.missing:
            what = f"the environment variable {name} is not set"
            self._faults.add(("encoder",), what, f"a value, or set {name}", key=True)
        return EncoderSettings(text.uses, _frozen(expanded.value), text.wait_ms / 1000)

    def _tiers(self) -> dict[Tier, tuple[str, ...]]:
        providers = self.names("providers")
        for name, models in self._shape.tiers.items():
            for n, model in enumerate(models):
                path: Path = ("tiers", name, n)
                provider, slash, rest = model.partition("/")
                if path not in self._faults.document.places:
                    continue
                if not (provider and slash and rest):
                    self._faults.add(path, f"{model!r} is not a model, which is written provider/model", "offline/faq")
                elif provider not in providers:
                    what = f"there is no provider {provider!r} under providers:"
                    self._unknown_provider(path, what, model, providers)
        return {Tier.named(name): models for name, models in sorted(self._shape.tiers.items(), key=_strength)}

    def _unknown_provider(self, path: Path, what: str, model: str, providers: Iterable[str]) -> None:
        rest = model.partition("/")[2]
        self._faults.unknown(path, what, model, [f"{name}/{rest}" for name in providers])

    def _start(self, tiers: Mapping[Tier, tuple[str, ...]]) -> Tier:
        start = self._shape.start_with
        if start is None:
            return min(tiers)
        if start not in self.tiers():
            what = f"the tier {start!r} has no models under tiers:"
            self._faults.add(("start_with",), what, " or ".join(tier.label for tier in tiers))
        return Tier.named(start)

    def _operators(self) -> Operators:
        text = self._shape.operators
        chat = self._address(("operators", "chat"), text.chat) if text.chat else None
        for n, person in enumerate(text.people):
            self._address(("operators", "people", n), person)
        return Operators(chat, text.people)

    def _report(self, name: str) -> ReportSettings:
        text = self._shape.reports[name]
        if text.send == OPERATORS_CHAT:
            chat = self._shape.operators.chat
            send = Address.parse(chat) if ":" in chat.strip(":") else None
        else:
            send = self._address(("reports", name, "send"), text.send) if text.send else None
        return ReportSettings(text.at, send, text.currency, _frozen(text.model_extra or {}))

    def _address(self, path: Path, text: str) -> Address | None:
        """`channel:chat` whose channel is configured."""
        try:
            address = Address.parse(text)
        except ValueError:
            self._faults.add(path, f"{text!r} is not an address, which is written channel:chat", "telegram:42")
            return None
        if address.channel not in self.names("channels"):
            what = f"there is no channel {address.channel!r} under channels:"
            others = [f"{name}:{address.chat}" for name in self.names("channels")]
            self._faults.unknown(path, what, text, others)
        return address


def options_for(section: ChannelSettings | EncoderSettings | ProviderSettings) -> dict[str, Any]:
    """The options with their secrets given out: only for the `build` of the plug-in they belong to."""
    return {name: reveal(value) for name, value in section.options.items()}


def _secret(value: Any) -> Secret:
    return value if isinstance(value, Secret) else Secret(str(value))


def _strength(item: tuple[str, Any]) -> Tier:
    return Tier.named(item[0])


def _frozen(mapping: Mapping[K, V]) -> Mapping[K, V]:
    return MappingProxyType(dict(mapping))
