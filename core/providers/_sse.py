"""Server-sent events, incrementally: bytes in, events out, whatever way the network cut them.

Pure: no socket, no clock, no JSON. What an event means is the provider's business. The format is the WHATWG one
(HTML Living Standard, 9.2): lines end in LF, CR or CRLF, a blank line ends an event, a line starting with a colon is a
comment. Fields other than `data` are not read: both vendors' protocols repeat the event's name inside the data.
"""

from __future__ import annotations

from core.errors import Interrupted

MAX_EVENT = 256 * 1024
"""Bytes one event, and one line, may have; a token's event has about 300."""

_BOM = b"\xef\xbb\xbf"


class EventReader:
    """Collects bytes until events are whole. One reader per stream; not usable after it raised."""

    __slots__ = ("_after_cr", "_data", "_fresh", "_limit", "_line", "_line_size", "_size")

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._line: list[bytes] = []
        self._line_size = 0
        self._data: list[bytes] = []
        self._size = 0
        self._after_cr = False
        self._fresh = True

    def feed(self, data: bytes) -> list[bytes]:
        """The data of every event these bytes completed, in order. Raises Interrupted when one is over the limit."""
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
            self._after_cr = False
        if not data:
            return []
        self._after_cr = data.endswith(b"\r")
        events: list[bytes] = []
        for piece in data.splitlines(keepends=True):
            self._collect(piece.rstrip(b"\r\n"))
            if piece.endswith((b"\r", b"\n")):
                self._end_line(events)
        return events

    def _collect(self, piece: bytes) -> None:
        self._line_size += len(piece)
        if self._line_size > self._limit:
            raise Interrupted(f"a line of the stream is over {self._limit} bytes")
        self._line.append(piece)

    def _end_line(self, events: list[bytes]) -> None:
        line = b"".join(self._line)
        self._line.clear()
        self._line_size = 0
        if self._fresh:
            line = line.removeprefix(_BOM)
            self._fresh = False
        if not line:
            if self._data:
                events.append(b"\n".join(self._data))
            self._data.clear()
            self._size = 0
            return
        field, _, value = line.partition(b":")
        if field == b"data":
            self._add(value.removeprefix(b" "))

    def _add(self, value: bytes) -> None:
        self._size += len(value) + 1
        if self._size > self._limit:
            raise Interrupted(f"an event of the stream is over {self._limit} bytes")
        self._data.append(value)
