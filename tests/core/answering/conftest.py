"""Providers that do what a test says, and a chain around them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest

from core.tiers import Chunk, Delta, Line, ModelCard, Prompt, Usage


class Puppet:
    """A provider that plays steps: text, a Usage, an error to raise, or an Event to wait for before going on."""

    def __init__(self, *steps: Any, missing: str = "") -> None:
        self.steps: Sequence[Any] = steps
        self.missing = missing
        self.asked: list[str] = []
        self.closed = 0
        self.waiting = asyncio.Event()

    async def stream(self, prompt: Prompt, card: ModelCard) -> AsyncGenerator[Chunk, None]:
        self.asked.append(card.model)
        try:
            for step in self.steps:
                if isinstance(step, BaseException):
                    raise step
                if isinstance(step, asyncio.Event):
                    self.waiting.set()
                    await step.wait()
                else:
                    yield Delta(step) if isinstance(step, str) else step
        finally:
            self.closed += 1

    async def ready(self) -> str:
        return self.missing

    async def aclose(self) -> None:
        """Nothing is held."""


@pytest.fixture
def puppet() -> type[Puppet]:
    """The class, to be made with the steps a test needs."""
    return Puppet


@pytest.fixture
def prompt() -> Prompt:
    """A question."""
    return Prompt("", (Line("user", "Where is my parcel?"),))


@pytest.fixture
def usage() -> Usage:
    """A count of tokens."""
    return Usage(100, 10)
