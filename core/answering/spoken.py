"""Which model answered a chat last: its vendor has the start of that chat's prompt in its cache."""

from __future__ import annotations

MOST = 10_000
"""Chats remembered; a vendor's cache forgets within minutes anyway."""


class Spoken:
    """The last model of each chat, by name, in this process."""

    def __init__(self) -> None:
        self._models: dict[str, str] = {}

    def last(self, conversation: str) -> str:
        """Empty where nobody knows."""
        return self._models.get(conversation, "")

    def note(self, conversation: str, model: str) -> None:
        """This model has answered there."""
        self._models.pop(conversation, None)
        self._models[conversation] = model
        if len(self._models) > MOST:
            del self._models[next(iter(self._models))]
