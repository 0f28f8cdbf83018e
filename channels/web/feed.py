"""What a visitor's pages are shown: a feed per visitor, and what a page that was away still lacks.

Every event has an id `part:seq`: the part is the answer it belongs to, the sequence counts within the feed. Finished
messages are kept for a while and replayed; of an answer under way one `replace` brings the whole text. A feed that
does not know an id any more says so (None), and the page starts afresh from the settled history. What another process
said in the chat is learnt from readings of the store. HTTP, cookies and the shape of a message live elsewhere.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from channels.web.answer import Answer
from channels.web.shown import Said, Shown
from channels.web.stream import Page, frame
from channels.web.turns import Line, lines, message_view, turn_views
from core.conversation import Author, Conversation, Holder, Message, Reply
from core.text import Anew

KEPT = 32
"""Finished messages a feed keeps for replay."""
UNSETTLED_SECONDS = 10.0
"""How long after it was shown a reply may still be missing from the store: settling follows at once."""
CLOSED = frame("closed", {})


LOOK_SECONDS = 2.5
"""The least time between two looks at the store for what no hint told of."""
LOOK_LATEST = 30.0
"""The most time between two looks; a feed that has been quiet for long is looked at after a tenth of that."""

PATIENCE_SECONDS = 60.0
"""How old a message without a reply may be for a page to be told that somebody is at it; the page gives up then too."""


@dataclass(frozen=True, slots=True)
class _Kept:
    seq: int
    at: float
    frame: bytes
    said: Said


class Feed:
    """Everything one visitor's pages are shown, in order."""

    def __init__(self) -> None:
        self.pages: list[Page] = []
        self.reading = asyncio.Lock()
        self.touched = _now()
        self._looked = _now()
        self._shown = Shown()
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

    @property
    def watched(self) -> bool:
        """Whether somebody looks and nothing is being written here."""
        return bool(self.pages) and self._answer is None

    @property
    def waits(self) -> bool:
        """Whether a message was heard and nothing has become of it yet."""
        return self._state == "heard"

    def due(self) -> float:
        """Since when the store should have been looked at, on the loop's clock: the longer the quiet, the later."""
        quiet = (_now() - self.touched) / 10
        return self._looked + min(LOOK_LATEST, max(LOOK_SECONDS, quiet))

    def begin(self) -> Answer:
        """A new answer; the pages show it as it grows."""
        self._part += 1
        self._answer = Answer(self.grow, lambda: self._shown.asked)
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

    def heard(self, message: Message) -> None:
        """The customer wrote this: shown once, and that it was heard."""
        known = self._shown.knows(message.id)
        if not known:
            self._say("message", message_view(message), self._shown.hear(message.id))
        if not known or self._state != "heard":
            self.status("heard")

    def finish(self, answer: Answer, whole: str, author: Author) -> None:
        """A reply of this process, whole, before it is settled. `whole` is what the store will know it by."""
        at = datetime.now(UTC)
        line = Line(Reply(whole, at, author), "" if author is Author.PERSON else answer.asked)
        self._say(line.event, line.view(), self._shown.say(whole, at))

    def grow(self, answer: Answer, text: str) -> None:
        """More of the answer under way, or all of it anew. Of one that another has overtaken only the end is shown."""
        if self._answer is answer:
            self._publish(self._frame("replace" if isinstance(text, Anew) else "delta", {"text": text}))

    def learn(self, past: Conversation, *, settled: bool = False) -> None:
        """A reading of the store: show what nobody was shown. `settled`: it was made because something was settled."""
        self._looked = _now()
        news, before = self._shown.compare(lines(past)), (self._holder, self._state)
        self._holder = past.holder
        if news.overruled:
            self._kept = deque(kept for kept in self._kept if kept.said not in news.overruled)
        if not self.pages or news.overruled:
            self._forget()
            self._publish(*(self.afresh(past, {}) if self.pages else ()))
        else:
            for line in news.lines:
                self._say(line.event, line.view(), Said(key=line.key))
        if self._answer is None and (news.lines or settled):
            self._state = "heard" if past.holder is Holder.BOT and _recent(news.waits) else "idle"
        if news.lines or before != (self._holder, self._state):
            self._publish(*self._present())

    def missed(self) -> None:
        """Something was settled while no page was open: one that comes now or returns must not lack it."""
        self._looked = -LOOK_LATEST
        self._forget()

    def _forget(self) -> None:
        """Pages that are away start afresh when they return."""
        self._seq += 1
        self._forgotten = self._seq

    def since(self, seen: str) -> list[bytes] | None:
        """What a page lacks that saw this id last; None when the feed cannot tell."""
        part, _, number = seen.rpartition(":")
        if not (part.startswith(f"{self._epoch}-") and number.isdecimal() and len(number) < 16):
            return None
        seq = int(number)
        if seq < self._forgotten or seq > self._seq:
            return None
        return [*(kept.frame for kept in self._kept if kept.seq > seq), *(self._present() if seq < self._seq else ())]

    def afresh(self, past: Conversation, suggestions: Mapping[str, Any]) -> list[bytes]:
        """All a new page needs: the history, what was shown and is not in it yet, and what is going on now.

        A reply is shown before it is settled, and must not vanish between.
        """
        recent, stored = _now() - UNSETTLED_SECONDS, {line.key for line in lines(past)}
        missing = [kept.frame for kept in self._kept if kept.at > recent and kept.said.key not in stored]
        history = {"turns": turn_views(past), "suggestions": suggestions}
        return [self._frame("history", history), *missing, *self._present()]

    def _say(self, event: str, data: Mapping[str, Any], said: Said) -> None:
        """A finished message: shown, and kept for pages that are away."""
        shown = self._frame(event, data)
        self._publish(shown)
        self._kept.append(_Kept(self._seq, _now(), shown, said))
        if len(self._kept) > KEPT:
            self._forgotten = max(self._forgotten, self._kept.popleft().seq)

    def _present(self) -> list[bytes]:
        whole = self._answer.text if self._answer is not None else ""
        return [*([self._frame("replace", {"text": whole})] if whole else []), self._status()]

    def _status(self) -> bytes:
        return self._frame("status", {"state": self._state, "holder": str(self._holder)})

    def _publish(self, *events: bytes) -> None:
        self.touched = _now()
        for page in self.pages:
            for event in events:
                page.offer(event)

    def _frame(self, event: str, data: Mapping[str, Any]) -> bytes:
        self._seq += 1
        return frame(event, data, f"{self._epoch}-{self._part}:{self._seq}")


def _now() -> float:
    return asyncio.get_running_loop().time()


def _recent(asked: datetime | None) -> bool:
    """Whether somebody may still be answering this; a message may also have been settled without a reply."""
    return asked is not None and (datetime.now(UTC) - asked).total_seconds() < PATIENCE_SECONDS
