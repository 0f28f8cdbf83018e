"""A map that forgets its oldest entries: what the channel remembers about chats without growing for ever. Pure."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")


class Recent(Generic[K, V]):
    """At most `size` entries; writing one makes it the newest, the oldest falls out."""

    __slots__ = ("_kept", "_size")

    def __init__(self, size: int = 10_000) -> None:
        self._kept: OrderedDict[K, V] = OrderedDict()
        self._size = size

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: K, default: D) -> V | D:
        """The value kept under the key, else `default`."""
        return self._kept.get(key, default)

    def put(self, key: K, value: V) -> None:
        """Keep a value; the oldest one beyond the size is forgotten."""
        self._kept[key] = value
        self._kept.move_to_end(key)
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)

    def drop(self, key: K) -> None:
        """Forget a key, known or not."""
        self._kept.pop(key, None)
