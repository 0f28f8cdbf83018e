"""Texts to vectors for whoever waits for them: one thread, what waits together is encoded together, recent ones known.

Which encoder it is, and what vectors are good for, is not known here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.errors import EncoderError
from core.meaning import Encoder, Meanings
from core.study import Study

if TYPE_CHECKING:
    from core.meaning import Vector

log = logging.getLogger(__name__)

IN_TIME = 0.05
"""Seconds a decision waits for the meaning of a message; without it, it is made on words alone."""

AGAIN = 30.0
"""Seconds until texts that could not be learned are tried again."""

KNOWN = 4_096
"""Vectors kept in memory, those used last: 6 MB."""

TOGETHER = 16
"""Texts of one step at most, so that a customer's message never waits for a whole FAQ."""

Vectors = Mapping[str, "Vector"]


@dataclass(slots=True)
class _Wanted:
    """Texts somebody waits for. `gone` once nobody does."""

    texts: Sequence[str]
    future: asyncio.Future[Vectors]
    loop: asyncio.AbstractEventLoop
    gone: bool = field(default=False)


class Encoding:
    """An encoder in a thread of its own, loaded there. Use as an async context manager.

    `make` builds the encoder; when it fails, so does every call, with EncoderError, and everything else goes on.
    `in_time` is how many seconds a decision waits, `again` how many pass before texts are learned that could not be.
    """

    def __init__(self, make: Callable[[], Encoder], in_time: float = IN_TIME, again: float = AGAIN) -> None:
        self._make = make
        self._in_time = in_time
        self._again = again
        self._jobs: queue.SimpleQueue[_Wanted | None] = queue.SimpleQueue()
        self._known: OrderedDict[str, Vector] = OrderedDict()
        self._thread = threading.Thread(target=self._serve, name="encoder", daemon=True)
        self.version = ""

    async def __aenter__(self) -> Encoding:
        self._thread.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    async def meanings(self, texts: Iterable[str]) -> Meanings | None:
        """What these texts mean, None where that is not known in time. Never raises."""
        wanted = list(dict.fromkeys(text for text in texts if text))
        try:
            async with asyncio.timeout(self._in_time):
                return Meanings(self.version, await self._vectors(wanted))
        except (TimeoutError, EncoderError):
            return None

    async def encode(self, texts: Sequence[str]) -> Sequence[Vector]:
        """A vector for each text, however long it takes; messages of customers go between. EncoderError."""
        found: dict[str, Vector] = {}
        for start in range(0, len(texts), TOGETHER):
            found |= await self._vectors(texts[start : start + TOGETHER])
        return [found[text] for text in texts]

    async def learn(self, study: Study) -> None:
        """Have everything of it read; until then words alone are compared. EncoderError."""
        for learner in study.learners:
            vectors = await self.encode(learner.texts)
            await asyncio.to_thread(learner.learn, vectors)  # a classifier takes its time

    @asynccontextmanager
    async def learning(self, study: Study) -> AsyncIterator[None]:
        """While inside, that goes on in the background; that there is no encoder is told where it is loaded."""

        async def learn() -> None:
            while True:
                with contextlib.suppress(EncoderError):
                    return await self.learn(study)
                if not self.version:
                    return None
                await asyncio.sleep(self._again)

        task = asyncio.create_task(learn())
        try:
            yield
        finally:
            task.cancel()

    async def _vectors(self, texts: Sequence[str]) -> Vectors:
        known = {text: self._known[text] for text in texts if text in self._known}
        if len(known) == len(set(texts)) and self.version:
            for text in known:
                self._known.move_to_end(text)
            return known
        if not self._thread.is_alive():
            raise EncoderError("the encoder is closed")
        loop = asyncio.get_running_loop()
        wanted = _Wanted([text for text in texts if text not in known], loop.create_future(), loop)
        self._jobs.put(wanted)
        try:
            fresh = await wanted.future
        finally:
            wanted.gone = True
        self._known.update(fresh)
        while len(self._known) > KNOWN:
            self._known.popitem(last=False)
        return {**known, **fresh}

    def _serve(self) -> None:
        """The thread: load, then take what waits together until told to stop."""
        encoder: Encoder | None = None
        problem = ""
        try:
            encoder = self._make()
            self.version = encoder.version
        except Exception as error:  # noqa: BLE001 - whatever a library raises, signals go on with words alone
            problem = f"the encoder cannot be loaded: {type(error).__name__}: {error}"
            log.error("%s; signals read words only", problem)  # noqa: TRY400 - said in words
        while (first := self._jobs.get()) is not None:
            group = [first]
            while sum(len(job.texts) for job in group) < TOGETHER and not self._jobs.empty():
                another = self._jobs.get()
                if another is None:
                    self._jobs.put(None)
                    break
                group.append(another)
            self._do(encoder, problem, [job for job in group if not job.gone])
        if (close := getattr(encoder, "close", None)) is not None:
            close()

    def _do(self, encoder: Encoder | None, problem: str, group: Sequence[_Wanted]) -> None:
        texts = list(dict.fromkeys(text for job in group for text in job.texts))
        error = EncoderError(problem)
        found: Vectors = {}
        if encoder is not None:
            try:
                found = dict(zip(texts, encoder.embed(texts), strict=True))
            except Exception as caught:  # noqa: BLE001 - as above
                error = EncoderError(f"texts could not be encoded: {type(caught).__name__}")
                log.warning("%s", error)
        for job in group:
            _tell(job, {text: found[text] for text in job.texts} if found or not texts else None, error)


def _tell(job: _Wanted, found: Vectors | None, error: EncoderError) -> None:
    def deliver() -> None:
        if job.future.done():
            return
        if found is None:
            job.future.set_exception(error)
        else:
            job.future.set_result(found)

    with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
        job.loop.call_soon_threadsafe(deliver)
