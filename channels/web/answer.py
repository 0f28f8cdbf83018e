"""One answer as it is written: the first piece goes out at once, later ones gathered. Who sees it, the feed knows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from core.text import Anew

COALESCE_SECONDS = 0.05
"""The least time between two pieces of one answer, so that a fast model does not cost an event per token."""


class Answer:
    """`grow` is told of more text to show, or what to show instead.

    `asked` names the message being answered when the first piece comes.
    """

    def __init__(self, grow: Callable[[Answer, str], None], asked: Callable[[], str]) -> None:
        self._grow = grow
        self._asked = asked
        self._pieces: list[str] = []
        self._shown = 0
        self._timer: asyncio.TimerHandle | None = None
        self.began = False
        self.asked = ""

    @property
    def text(self) -> str:
        """What the pages have been shown."""
        return "".join(self._pieces[: self._shown])

    def add(self, piece: str) -> None:
        """One more piece of the text."""
        if not self.began:
            self.began, self.asked = True, self._asked()
        if isinstance(piece, Anew):
            self._begin_again(piece)
            return
        self._pieces.append(piece)
        if self._timer is None:
            self._show()

    def whole(self) -> str:
        """The whole text, nothing of which is shown any more by itself."""
        if self._timer is not None:
            self._timer.cancel()
        return "".join(self._pieces)

    def _begin_again(self, text: Anew) -> None:
        self._pieces, self._shown = [text], 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(COALESCE_SECONDS, self._show)
        self._grow(self, text)

    def _show(self) -> None:
        self._timer = None
        if self._shown == len(self._pieces):
            return
        text = "".join(self._pieces[self._shown :])
        self._shown = len(self._pieces)
        self._timer = asyncio.get_running_loop().call_later(COALESCE_SECONDS, self._show)
        self._grow(self, text)
