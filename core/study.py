"""What wants to be understood beforehand: libraries whose texts an encoder reads once.

Only which texts those are and what is done with their vectors; who waits for an encoder is in `encoding`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.conversation import Conversation
from core.library import Library
from core.meaning import Encoder, Meanings


class Study:
    """The libraries of one configuration."""

    def __init__(self) -> None:
        self._libraries: list[Library] = []

    @property
    def libraries(self) -> Sequence[Library]:
        """In the order in which they were added."""
        return tuple(self._libraries)

    def add(self, library: Library) -> Library:
        """The library, to be understood with the others."""
        self._libraries.append(library)
        return library

    def learn(self, encoder: Encoder) -> None:
        """Have everything read at once, however long it takes; what stands in several libraries once."""
        texts = list(dict.fromkeys(text for library in self._libraries for text in library.texts))
        known = dict(zip(texts, encoder.embed(texts), strict=True))
        for library in self._libraries:
            library.learn([known[text] for text in library.texts])


def understood(conversation: Conversation, encoder: Encoder) -> Conversation:
    """The conversation with what the customer asks understood: for whoever decides without a desk."""
    asked = conversation.asked
    return replace(conversation, meanings=Meanings(encoder.version, {asked: encoder.embed([asked])[0]}))
