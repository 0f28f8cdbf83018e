"""Which providers can be asked now, and what is missing where one cannot: what `run` and `doctor` show.

Providers are asked, never called: nothing here costs a token. Judging a model by how its calls go is a breaker's
business, not this file's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NoReturn

from core.ports import Provider

ASK_WITHIN = 0.9
"""Seconds one provider has to say whether it is ready; all are asked at once."""


class Availability:
    """The state of each provider by name. Until first asked every provider counts as ready."""

    def __init__(self, providers: Mapping[str, Provider], every: float = 15.0) -> None:
        self._providers = dict(providers)
        self._missing = dict.fromkeys(self._providers, "")
        self._asked: set[str] = set()
        self._every = every

    def state(self) -> Mapping[str, str]:
        """What each provider lacks, in words for an operator; empty for those that are ready."""
        return dict(self._missing)

    def adopt(self, providers: Mapping[str, Provider]) -> None:
        """Know these providers from now on; one that is new or another object counts as ready until it is asked."""
        for name, provider in providers.items():
            if self._providers.get(name) is not provider:
                self._providers[name] = provider
                self._missing[name] = ""
                self._asked.discard(name)

    def is_ready(self, provider: str) -> bool:
        """Whether this provider can be asked now."""
        return not self._missing.get(provider, "")

    async def ask(self) -> None:
        """Ask every provider not known to be ready, all at once; the first time that is all of them."""
        names = [name for name, missing in self._missing.items() if missing or name not in self._asked]
        answers = await asyncio.gather(*(_missing(self._providers[name]) for name in names))
        self._missing.update(zip(names, answers, strict=True))
        self._asked.update(names)

    async def run(self) -> NoReturn:
        """Ask at once and then again and again until cancelled; the caller owns the task."""
        while True:
            await self.ask()
            await asyncio.sleep(self._every)


async def _missing(provider: Provider) -> str:
    try:
        async with asyncio.timeout(ASK_WITHIN):
            return await provider.ready()
    except TimeoutError:
        return f"no word within {ASK_WITHIN} seconds"
    except Exception as error:  # noqa: BLE001 - providers are plug-ins: a broken one must not hide the others
        return f"cannot be asked ({type(error).__name__})"
