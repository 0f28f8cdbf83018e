"""The one place where parts meet: settings -> signals, models, channels, store and desk.

`open_house` opens everything and takes it apart again; how each part is made of its section is in `parts`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bots import tiers
from bots.parts import Parts, close, read_settings
from bots.tiers import Lasting, lasting
from core.answering.availability import Availability
from core.desk import Desk
from core.encoding import Encoding
from core.ports import Channel, Provider
from core.settings import Settings
from core.store.sql import SqlStore, open_store


@dataclass(frozen=True, slots=True)
class House:
    """A desk with everything around it, open for business. `file` is the config.yaml it was made from.

    `closing` takes over a provider made later, to be closed with the rest.
    """

    file: Path
    settings: Settings
    desk: Desk
    store: SqlStore
    channels: Mapping[str, Channel]
    availability: Availability
    encoding: Encoding
    closing: Callable[[Provider], Provider]
    lasting: Lasting


@asynccontextmanager
async def open_house(
    file: Path, *, store: str | None = None, channels: Mapping[str, Channel] | None = None
) -> AsyncIterator[House]:
    """Everything config.yaml asks for, open; `store` and `channels` replace what it names."""
    parts = Parts(read_settings(file), file)
    async with AsyncExitStack() as stack:
        providers = parts.providers()

        def closing(provider: Provider) -> Provider:
            """The provider, to be closed with the house."""
            stack.push_async_callback(provider.aclose)
            return provider

        for provider in providers.values():
            closing(provider)
        availability = Availability(providers)
        encoding = await stack.enter_async_context(Encoding(parts.encoder, parts.settings.encoder.wait))
        lasts = lasting(parts.settings)
        policy = parts.policy(providers, availability, encoding, lasts)
        kept = lasts.till = await stack.enter_async_context(open_store(store or parts.store))
        policy.chain.means = tiers.paying(policy.chain.means, parts.settings, kept)
        around = dict(channels) if channels is not None else parts.channels()
        parts.check_licence(around, policy)
        for channel in around.values():
            stack.push_async_callback(close, channel)
        desk = await stack.enter_async_context(Desk(kept, around, policy))
        async with encoding.learning(parts.study):
            yield House(file, parts.settings, desk, kept, around, availability, encoding, closing, lasts)
