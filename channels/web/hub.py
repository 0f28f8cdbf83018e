"""The feeds of all visitors: how many there may be, which page is in which, and which should look at the store now.

What a feed shows is its own business.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

from channels.web.feed import CLOSED, Feed
from channels.web.stream import Limits, Page


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
        feed.touched = asyncio.get_running_loop().time()
        return feed

    def known(self, visitor: str) -> Feed | None:
        """The visitor's feed, if there is one."""
        return self._feeds.get(visitor)

    def due(self, *, others: bool) -> Sequence[str]:
        """Whose feeds should look at the store now, the longest due first.

        Those with a page open and no answer under way here; without `others`, only those where somebody waits.
        """
        now = asyncio.get_running_loop().time()
        since = {
            visitor: feed.due() for visitor, feed in self._feeds.items() if feed.watched and (others or feed.waits)
        }
        return sorted((visitor for visitor, due in since.items() if due <= now), key=since.__getitem__)

    def close(self) -> None:
        """End every stream. The pages start afresh when they return: what happens until then is in no feed."""
        for feed in self._feeds.values():
            for page in feed.pages:
                page.end()
        self._feeds.clear()
