"""A model of known words: it names the codes it was asked about, and takes a few milliseconds that a seed decides."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator

from core.tiers import Chunk, Delta, ModelCard, Prompt, Usage
from tests.reliability.kill.codes import answer, codes

QUICKEST, SLOWEST = 0.005, 0.06  # seconds an answer takes
PIECES = 3


def build(*, seed: int = 0) -> Scripted:
    """The same question takes the same time in every process with this seed."""
    return Scripted(seed)


class Scripted:
    def __init__(self, seed: int) -> None:
        self._seed = seed

    async def stream(self, prompt: Prompt, card: ModelCard) -> AsyncGenerator[Chunk, None]:
        text = answer(codes(prompt.question))
        seconds = random.Random(f"{self._seed} {text}").uniform(QUICKEST, SLOWEST)
        size = -(-len(text) // PIECES)
        for place in range(0, len(text), size):
            await asyncio.sleep(seconds / PIECES)
            yield Delta(text[place : place + size])
        yield Usage(0, 0)

    async def ready(self) -> str:
        return ""

    async def aclose(self) -> None:
        pass
