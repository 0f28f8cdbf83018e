"""What wants to be understood beforehand: whatever has texts an encoder reads once, and learns from their vectors.

Only which texts those are and what is done with their vectors; who waits for an encoder is in `encoding`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from core.asks import to_understand
from core.conversation import Conversation
from core.meaning import Encoder, Meanings

if TYPE_CHECKING:
    from core.meaning import Vector


class Learner(Protocol):
    """A library, a classifier: it works by words until it has learned."""

    @property
    def texts(self) -> Sequence[str]:
        """What it wants to have read."""
        ...

    def learn(self, vectors: Sequence[Vector]) -> None:
        """The vectors of `texts`, in their order. Blocks; what reads meanwhile still reads as before."""
        ...


L = TypeVar("L", bound=Learner)


class Study:
    """The learners of one configuration."""

    def __init__(self) -> None:
        self._learners: list[Learner] = []

    @property
    def learners(self) -> Sequence[Learner]:
        """In the order in which they were added."""
        return tuple(self._learners)

    def add(self, learner: L) -> L:
        """The learner, to be taught with the others."""
        self._learners.append(learner)
        return learner

    def learn(self, encoder: Encoder) -> None:
        """Have everything read at once, however long it takes; what stands in several learners once."""
        texts = list(dict.fromkeys(text for learner in self._learners for text in learner.texts))
        known = dict(zip(texts, encoder.embed(texts), strict=True))
        for learner in self._learners:
            learner.learn([known[text] for text in learner.texts])


def understood(conversation: Conversation, encoder: Encoder) -> Conversation:
    """The conversation with what the customer asks understood: for whoever decides without a desk."""
    texts = to_understand(conversation)
    vectors = dict(zip(texts, encoder.embed(texts), strict=True)) if texts else {}
    return replace(conversation, meanings=Meanings(encoder.version, vectors))
