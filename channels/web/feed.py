"""What a visitor's pages are shown: a feed per visitor, and what a page that was away still lacks.

Every event has an id `part:seq`: the part is the answer it belongs to, the sequence counts within the feed. Finished
messages are kept for a while and replayed; of an answer under way one `replace` brings the whole text. A feed that
does not know an id any more says so (None), and the page starts afresh from the settled history.
HTTP, cookies and the shape of a message live elsewhere.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from channels.web.stream import Limits, Page, frame
from core.conversation import Holder

KEPT = 32
"""Finished messages a feed keeps for replay."""
UNSETTLED_SECONDS = 10.0
"""How long after it was shown a reply may still be missing from the store: settling follows at once."""
COALESCE_SECONDS = 0.05
"""The least time between two pieces of one answer, so that a fast model does not cost an event per token."""
CLOSED = frame("closed", {})


@dataclass(frozen=True, slots=True)
class _Kept:
    seq: int
    at: float
    frame: bytes
    text: str


class Feed:
    """Everything one visitor's pages are shown, in order."""

    def __init__(self) -> None:
        self.pages: list[Page] = []
        self._holder = Holder.BOT
        self._epoch = secrets.token_hex(4)
        self._part = 0
        self._seq = 0
        self._forgotten = 0
        self._kept: deque[_Kept] = deque()
        self._state = "idle"
        self._answer: Answer | None = None

    def leave(self, page: Page) -> None:
        """The page is gone."""
        if page in self.pages:
            self.pages.remove(page)

    @property
    def idle(self) -> bool:
        """Whether it may be forgotten: nobody looks and nothing is under way."""
        return not self.pages and self._answer is None

    def begin(self) -> Answer:
        """A new answer; the pages show it as it grows."""
        self._part += 1
        self._answer = Answer(self)
        return self._answer

    def end(self, answer: Answer) -> None:
        """The answer is over, however it ended."""
        if self._answer is answer:
            self._answer = None
            self.status("idle")
        elif self._answer is not None:
            self._publish(*self._present())

    def status(self, state: str) -> None:
        """Tell the pages what is going on: idle, heard or writing."""
        self._state = state
        self._publish(self._status())

    def held_by(self, holder: Holder) -> None:
        """Who has the conversation; the pages are told when that changed."""
        if holder is not self._holder:
            self._holder = holder
            self.status(self._state)

    def say(self, event: str, data: Mapping[str, Any], text: str = "") -> None:
        """A finished message: shown, and kept for pages that are away. `text` is what the store will know it by."""
        shown = self._frame(event, data)
        self._publish(shown)
        self._kept.append(_Kept(self._seq, asyncio.get_running_loop().time(), shown, text))
        if len(self._kept) > KEPT:
            self._forgotten = self._kept.popleft().seq

    def grow(self, answer: Answer, text: str) -> None:
        """More of the answer under way. Of one that another answer has overtaken only the end is shown."""
        if self._answer is answer:
            self._publish(self._frame("delta", {"text": text}))

    def since(self, seen: str) -> list[bytes] | None:
        """What a page lacks that saw this id last; None when the feed cannot tell."""
        part, _, number = seen.rpartition(":")
        if not (part.startswith(f"{self._epoch}-") and number.isdecimal() and len(number) < 16):
            return None
        seq = int(number)
        if seq < self._forgotten or seq > self._seq:
            return None
        return [*(kept.frame for kept in self._kept if kept.seq > seq), *(self._present() if seq < self._seq else ())]

    def afresh(self, history: Mapping[str, Any], settled: Collection[str]) -> list[bytes]:
        """All a new page needs: the history, what was shown and is not in it yet, and what is going on now.

        `settled` are the texts the history holds: a reply is shown before it is settled, and must not vanish between.
        """
        recent = asyncio.get_running_loop().time() - UNSETTLED_SECONDS
        missing = [kept.frame for kept in self._kept if kept.at > recent and kept.text not in settled]
        return [self._frame("history", history), *missing, *self._present()]

    def _present(self) -> list[bytes]:
        whole = self._answer.text if self._answer is not None else ""
        return [*([self._frame("replace", {"text": whole})] if whole else []), self._status()]

    def _status(self) -> bytes:
        return self._frame("status", {"state": self._state, "holder": str(self._holder)})

    def _publish(self, *events: bytes) -> None:
        for page in self.pages:
            for event in events:
                page.offer(event)

    def _frame(self, event: str, data: Mapping[str, Any]) -> bytes:
        self._seq += 1
        return frame(event, data, f"{self._epoch}-{self._part}:{self._seq}")


class Answer:
    """One answer as it is written: the first piece goes out at once, later ones gathered."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._pieces: list[str] = []
        self._shown = 0
        self._timer: asyncio.TimerHandle | None = None
        self.began: datetime | None = None

    @property
    def text(self) -> str:
        """What the pages have been shown."""
        return "".join(self._pieces[: self._shown])

    def add(self, piece: str) -> None:
        """One more piece of the text."""
        self.began = self.began or datetime.now(UTC)
        self._pieces.append(piece)
        if self._timer is None:
            self._show()

    def whole(self) -> str:
        """The whole text, nothing of which is shown any more by itself."""
        if self._timer is not None:
            self._timer.cancel()
        return "".join(self._pieces)

    def _show(self) -> None:
        self._timer = None
        if self._shown == len(self._pieces):
            return
        text = "".join(self._pieces[self._shown :])
        self._shown = len(self._pieces)
        self._timer = asyncio.get_running_loop().call_later(COALESCE_SECONDS, self._show)
        self._feed.grow(self, text)


class Hub:
    """The feeds of all visitors, within their limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._feeds: OrderedDict[str, Feed] = OrderedDict()

    @property
    def pages(self) -> int:
        """How many pages are open."""
        return sum(len(feed.pages) for feed in self._feeds.values())

    @property
    def full(self) -> bool:
        """Whether no further page can be served now."""
        return self.pages >= self._limits.pages

    def feed(self, visitor: str) -> Feed:
        """The visitor's feed; the one unused for longest is forgotten when there are too many."""
        feed = self._feeds.get(visitor)
        if feed is None:
            feed = self._feeds[visitor] = Feed()
        self._feeds.move_to_end(visitor)
        if len(self._feeds) > self._limits.visitors:
            oldest = next((v for v, f in self._feeds.items() if f.idle and f is not feed), None)
            if oldest is not None:
                del self._feeds[oldest]
        return feed

    def join(self, visitor: str, page: Page) -> Feed:
        """From now on the page gets the visitor's events. The newest pages win where there are too many."""
        feed = self.feed(visitor)
        for lost in [p for p in feed.pages if p.gone]:
            lost.end()
            feed.pages.remove(lost)
        while len(feed.pages) >= self._limits.per_visitor:
            feed.pages.pop(0).end(CLOSED)
        feed.pages.append(page)
        return feed

    def close(self) -> None:
        """End every stream. The pages start afresh when they return: what happens until then is in no feed."""
        for feed in self._feeds.values():
            for page in feed.pages:
                page.end()
        self._feeds.clear()
