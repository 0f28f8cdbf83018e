"""The chats as they now stand: messages, drafts, topics, buttons waiting for an answer, files. Changed by calls only.

Values and their keeping; which call may change what is in `calls`, who writes from the other side in `customers`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from channels.telegram.testing.refusal import Refusal, Upload
from channels.telegram.testing.texts import Text

BOT = {"id": 42, "is_bot": True, "first_name": "Firstline test", "username": "firstline_test_bot"}
DRAFT_SECONDS = 30.0
GENERAL = 1
"""The topic of a forum that is always there."""
CUSTOMER = 1000
"""Who writes in a group unless a test says so."""

Raw = dict[str, Any]


@dataclass(slots=True)
class Post:
    """One message as it now stands. `raw` is the rest of it as the Bot API has it; `reaction` is the bot's."""

    id: int
    text: str
    entities: tuple[Mapping[str, Any], ...]
    raw: Raw
    by_bot: bool = True
    edits: int = 0
    reaction: str = ""


@dataclass(slots=True)
class Draft:
    """A draft as it was last shown; `shown` counts how often. It is gone after 30 s or once the bot sends a message."""

    id: int
    text: str
    entities: tuple[Mapping[str, Any], ...]
    can_stop: bool
    keep_on_stop: bool
    thread: int | None
    until: float
    shown: int = 1
    ended: bool = False


@dataclass(slots=True)
class Chat:
    """One chat. `moved_to` is its id after it became a supergroup, `blocked` that its user wants no bot."""

    raw: Raw
    posts: dict[int, Post] = field(default_factory=dict)
    drafts: dict[int, Draft] = field(default_factory=dict)
    threads: set[int] = field(default_factory=set)
    blocked: bool = False
    moved_to: int = 0

    @property
    def id(self) -> int:
        """The Bot API's number for it; negative for groups."""
        number: int = self.raw["id"]
        return number


@dataclass(slots=True)
class World:
    """Everything one bot can see. `clock` gives seconds that never go back; dates are the wall's."""

    clock: Callable[[], float] = time.monotonic
    chats: dict[int, Chat] = field(default_factory=dict)
    queries: set[str] = field(default_factory=set)
    files: dict[str, Upload] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)

    def chat(self, number: Any) -> Chat:
        """The chat with this id. Refusal when the bot may not write there."""
        known = self.chats.get(number) if isinstance(number, int) else None
        if known is None:
            raise Refusal(400, "Bad Request: chat not found")
        if known.moved_to:
            description = "Bad Request: group chat was upgraded to a supergroup chat"
            raise Refusal(400, description, {"migrate_to_chat_id": known.moved_to})
        if known.blocked:
            raise Refusal(403, "Forbidden: bot was blocked by the user")
        return known

    def meet(self, about: Mapping[str, Any]) -> Chat:
        """The chat this JSON tells about, from now on known to the bot."""
        known = self.chats.setdefault(about["id"], Chat(dict(about)))
        known.raw |= about
        return known

    def number(self, chat: Chat) -> int:
        """The next message id: supergroups count for themselves, private chats together."""
        key = min(chat.id, 0)
        self.numbers[key] = self.numbers.get(key, GENERAL) + 1  # a topic's number is a message's, and 1 is General
        return self.numbers[key]

    def post(self, chat: Chat, text: Text, more: Raw) -> Post:
        """A message of the bot's now stands in the chat, and its drafts are gone."""
        number = self.number(chat)
        raw = {"message_id": number, "date": int(time.time()), "chat": chat.raw, "from": BOT, **more}
        chat.posts[number] = Post(number, text.text, text.entities, raw)
        for draft in chat.drafts.values():
            draft.ended = True
        return chat.posts[number]

    def keep(self, upload: Upload) -> str:
        """Keep a file; its id."""
        file_id = f"file{len(self.files) + 1}"
        self.files[file_id] = upload
        return file_id


def live(draft: Draft, now: float) -> bool:
    """Whether a draft is still on the screen."""
    return not draft.ended and now < draft.until


def shown(post: Post) -> Raw:
    """A message as the Bot API shows it."""
    if not post.text:
        return post.raw
    is_caption = "photo" in post.raw or "document" in post.raw
    words, marks = ("caption", "caption_entities") if is_caption else ("text", "entities")
    return {**post.raw, words: post.text} | ({marks: list(post.entities)} if post.entities else {})
