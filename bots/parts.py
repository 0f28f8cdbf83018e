"""From config.yaml to the parts it asks for: signals, rules, channels, providers, checks, words, knowledge.

Nothing is made at import, and nothing is opened: that is `assembly`'s. What the parts do is theirs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from bots import licence, tiers
from bots.tiers import Lasting, lasting
from core.answering.availability import Availability
from core.answering.chain import Chain
from core.answering.means import Means
from core.answering.registry import Registry
from core.answering.registry import read as read_registry
from core.answering.screen import Check
from core.encoding import Encoding
from core.errors import Problem, SettingsError
from core.library import Library, read_faq, read_knowledge
from core.meaning import Encoder
from core.plugins import PluginError
from core.plugins import build as build_plugin
from core.policy import Policy
from core.ports import Channel, Provider
from core.rules import Rulebook
from core.settings import Settings, load, options_for, rulebook, source
from core.study import Study
from core.texts import read_texts
from core.tiers import ModelCard, Tier
from core.wording import Wording

MODELS = "models.yaml"


def read_settings(file: Path) -> Settings:
    """config.yaml as settings; SettingsError with everything that is wrong with it."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError([Problem(str(file), 1, 1, f"cannot be read: {error.strerror}")]) from error
    return load(text, file=file.name, root=file.resolve().parent, env=os.environ)


def nearest(folder: Path, name: str) -> Path:
    """The file of that name in the folder or the nearest one around it; in the folder itself when there is none."""
    return next((f / name for f in (folder, *folder.parents) if (f / name).is_file()), folder / name)


def beside(store: str, root: Path) -> str:
    """A store URL with a relative SQLite path made absolute."""
    scheme, slashes, name = store.partition(":///")
    if scheme != "sqlite" or not name or name.startswith((":", "/")):
        return store
    return f"{scheme}{slashes}{root / name}"


async def close(*parts: object) -> None:
    """Give back the connections of channels and providers that have any."""
    for part in parts:
        if (aclose := getattr(part, "aclose", None)) is not None:
            await aclose()


class Parts:
    """Builds what settings ask for; what several parts share is built once. `file` is where complaints point to."""

    def __init__(self, settings: Settings, file: Path) -> None:
        self.settings = settings
        self.file = file
        self.root = file.resolve().parent
        inner = self.root / "bots" / settings.bot
        self.study = Study()
        self.bot = self.root if self.root.name == settings.bot and not inner.is_dir() else inner

    @property
    def store(self) -> str:
        """The store's URL; a SQLite file is looked for beside config.yaml, wherever the command was given."""
        return beside(self.settings.store, self.root)

    @cached_property
    def library(self) -> Library:
        """What the bot knows: its FAQ and the pages of its knowledge folder."""
        faq = self.settings.signals.get("faq", {}).get("file")
        pages = read_knowledge(self.bot / "knowledge") if (self.bot / "knowledge").is_dir() else ()
        return self.study.add(Library((*(read_faq(self.root / str(faq)) if faq else ()), *pages)))

    @cached_property
    def _surroundings(self) -> dict[str, Any]:
        """What plug-ins may ask for by name besides their own options."""
        return {
            "root": self.root,
            "lists": self.settings.lists,
            "languages": self.settings.languages,
            "time_zone": self.settings.time_zone,
            "knowledge": self.library,
            "study": self.study,
        }

    def book(self) -> Rulebook:
        """The rules with their signals."""
        signals = {
            name: self._plugin(("signals", name), "core.signals", name, options)
            for name, options in self.settings.signals.items()
        }
        return rulebook(self.settings, signals)

    def channels(self) -> dict[str, Channel]:
        """The channels that have what they need; the others are off."""
        return {name: self.channel(name) for name, section in self.settings.channels.items() if not section.missing}

    def channel(self, name: str) -> Channel:
        """One channel of the settings, whether it has what it needs or not."""
        made: Channel = self._plugin(("channels", name), "channels", name, options_for(self.settings.channels[name]))
        return made

    async def try_channels(self) -> None:
        """SettingsError when a channel could not be made from these settings."""
        await close(*self.channels().values())

    def check_licence(self, channels: Mapping[str, Channel], policy: Policy) -> None:
        """SettingsError with every condition of a platform that is not met; nothing may start then."""
        problems = list(licence.faults(self.settings, channels, policy.wording, self._document()))
        if problems:
            raise SettingsError(problems)

    def providers(self) -> dict[str, Provider]:
        """Every provider, with or without its key: one that has none says so itself."""
        return {name: self.provider(name) for name in self.settings.providers}

    def provider(self, name: str) -> Provider:
        """One provider of the settings."""
        section = self.settings.providers[name]
        made: Provider = self._plugin(("providers", name), "core.providers", section.uses, options_for(section))
        return made

    def check_bot(self) -> None:
        """SettingsError when there is no such bot: it would have neither a voice nor knowledge."""
        if not self.bot.is_dir():
            known = sorted(folder.parent.name for folder in self.root.glob("bots/*/persona.md"))
            raise SettingsError(
                [self._problem(("bot",), f"there is no folder bots/{self.settings.bot}", " or ".join(known))]
            )

    def encoder(self) -> Encoder:
        """What reads the meaning of texts, loaded: takes a third of a second."""
        section = self.settings.encoder
        try:
            made: Encoder = self._plugin(("encoder",), "core.encoder", section.uses, options_for(section))
        except (OSError, ImportError) as error:
            what = f"the encoder cannot be loaded ({type(error).__name__}); install firstline again"
            raise SettingsError([self._problem(("encoder",), what, "")]) from error
        return made

    def policy(
        self,
        providers: Mapping[str, Provider],
        ready: Availability,
        encoding: Encoding | None = None,
        kept: Lasting | None = None,
    ) -> Policy:
        """Everything a reload replaces; providers, the encoder and what `kept` has learnt stay."""
        settings = self.settings
        self.check_bot()
        registry = read_registry(nearest(self.root, MODELS))
        cards = {tier: registry.pick(names) for tier, names in settings.tiers.items()}
        means = self._means(registry, cards, kept or lasting(settings))
        persona, texts = self.bot / "persona.md", self.bot / "texts.yaml"
        return Policy(
            book=self.book(),
            chain=Chain(cards, providers, ready, means),
            wording=Wording(settings.languages, read_texts(texts) if texts.exists() else {}),
            library=self.library,
            persona=persona.read_text(encoding="utf-8") if persona.exists() else "",
            operators=settings.operators.chat,
            people=settings.operators.people,
            hours=settings.hours,
            idle=settings.conversation.idle,
            answers=settings.conversation.answers_in_prompt,
            encoding=encoding,
        )

    def _means(self, registry: Registry, cards: Mapping[Tier, Sequence[ModelCard]], kept: Lasting) -> Means:
        """What the tiers work with. SettingsError where a budget could not be kept with these models."""
        judge = [self.settings.answering.judge.model] if self.settings.answering.judge is not None else []
        named = {card.name: card for group in (*cards.values(), registry.pick(judge)) for card in group}
        write = "its price in models.yaml, or unpriced: allow"
        problems = [self._problem(("budgets", n), what, write) for n, what in tiers.unbounded(self.settings, named)]
        if problems:
            raise SettingsError(problems)

        def check(name: str, options: Mapping[str, Any]) -> Check:
            try:
                made: Check = self._plugin(("checks", name), tiers.CHECKS, name, options)
            except (TypeError, ValueError) as error:
                raise SettingsError([self._problem(("checks", name), str(error), "", key=True)]) from error
            return made

        return tiers.means(self.settings, registry, kept, check)

    def _plugin(self, place: tuple[str, ...], package: str, name: str, options: Mapping[str, Any]) -> Any:
        try:
            return build_plugin(package, name, options, self._surroundings)
        except PluginError as error:
            path = (*place, error.option) if error.option in options else place
            raise SettingsError([self._problem(path, error.what, error.write, key=True)]) from error

    def _problem(self, path: tuple[str | int, ...], what: str, write: str, *, key: bool = False) -> Problem:
        return self._document().problem(path, what, write, key=key)

    def _document(self) -> source.Document:
        return source.read(self.file.read_text(encoding="utf-8"), self.file.name)
