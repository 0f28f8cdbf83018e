"""The other side of the chats: what people do there, as the updates the bot hears of it.

For tests to call; nothing waits here and nothing is checked that Telegram's apps would let people do.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from typing import Any

from channels.telegram.testing.news import News
from channels.telegram.testing.refusal import Upload
from channels.telegram.testing.updates import Updates
from channels.telegram.testing.world import BOT, CUSTOMER, Chat, Draft, Post, Raw, World, live, shown
from core.text import utf16_length

MESSAGES = ("message", "edited_message", "channel_post", "business_message")


class Customers:
    """What people can do to one bot, and what they see of it."""

    def __init__(self, world: World, updates: Updates, news: News) -> None:
        self.world = world
        self.updates = updates
        self.news = news
        self._presses = itertools.count(1)

    def says(self, chat_id: int, text: str, **more: Any) -> int:
        """A person writes; the update's id. `more` are further fields of the message. A negative chat is a group."""
        chat = self._chat(chat_id)
        words: Raw = {"text": text} if text else {}
        if text.startswith("/"):
            command = text.split(maxsplit=1)[0]
            words["entities"] = [{"type": "bot_command", "offset": 0, "length": utf16_length(command)}]
        message = {"message_id": self.world.number(chat), "date": int(time.time()), "chat": chat.raw}
        return self.update({"message": message | {"from": _person(chat)} | words | more})

    def presses(self, chat_id: int, message_id: int, data: str) -> int:
        """A person presses a button under a message of the bot's; the update's id. LookupError without that button."""
        chat = self.world.chats[chat_id]
        post = chat.posts[message_id]
        rows = post.raw.get("reply_markup", {}).get("inline_keyboard", [])
        if all(button.get("callback_data") != data for row in rows for button in row):
            raise LookupError(f"message {message_id} has no button {data!r}")
        query = {"from": _person(chat), "message": shown(post), "chat_instance": str(chat_id), "data": data}
        return self.update({"callback_query": query | {"id": f"press{next(self._presses)}"}})

    def stops(self, chat_id: int, draft_id: int) -> int:
        """A person presses Stop on a draft; the update's id. LookupError when there is no such button on the screen."""
        chat = self.world.chats[chat_id]
        draft = chat.drafts.get(draft_id)
        if draft is None or not draft.can_stop or not live(draft, self.world.clock()):
            raise LookupError(f"no draft {draft_id} with a Stop button is shown")
        draft.ended = not draft.keep_on_stop
        thread = {"message_thread_id": draft.thread} if draft.thread else {}
        return self.update({"stopped_message_generation": {"chat": chat.raw, "draft_id": draft_id, **thread}})

    def joins(self, chat_id: int, *, forum: bool = False) -> int:
        """The bot is taken into a group; the update's id."""
        chat = self._chat(chat_id)
        chat.raw |= {"is_forum": True} if forum else {}
        return self.update({"my_chat_member": self._membership(chat, "left", "member")})

    def blocks(self, chat_id: int) -> int:
        """A person blocks the bot; the update's id."""
        chat = self._chat(chat_id)
        chat.blocked = True
        return self.update({"my_chat_member": self._membership(chat, "member", "kicked")})

    def migrates(self, chat_id: int, new_id: int) -> int:
        """A group becomes a supergroup under a new id, which only the error and the service message tell."""
        chat = self._chat(chat_id)
        self.world.meet({**chat.raw, "id": new_id, "type": "supergroup"})
        update = self.says(chat_id, "", migrate_to_chat_id=new_id)
        chat.moved_to = new_id
        return update

    def update(self, update: Mapping[str, Any]) -> int:
        """Anything happens, well formed or not; the update's id. An update with an id of its own comes under that."""
        for kind in MESSAGES:
            self._remember(update.get(kind))
        query = update.get("callback_query")
        if isinstance(query, dict) and isinstance(query.get("id"), str):
            self.world.queries.add(query["id"])
        return self.updates.add(update)

    def file(self, content: bytes, name: str = "", mime: str = "application/octet-stream") -> str:
        """A file somebody put into a chat; its file_id, for a message to name and getFile to find."""
        return self.world.keep(Upload(name, mime, content))

    def chat(self, chat_id: int) -> list[Post]:
        """The bot's messages in a chat as they now stand, oldest first."""
        known = self.world.chats.get(chat_id)
        return [post for post in known.posts.values() if post.by_bot] if known else []

    def drafts(self, chat_id: int) -> list[Draft]:
        """The drafts on the screen of a chat; Telegram shows at most one."""
        known = self.world.chats.get(chat_id)
        return [draft for draft in known.drafts.values() if live(draft, self.world.clock())] if known else []

    def _chat(self, chat_id: int) -> Chat:
        if known := self.world.chats.get(chat_id):
            return known
        person = {"type": "private", "first_name": "Customer"}
        group = {"type": "supergroup", "title": "Group"}
        return self.world.meet({"id": chat_id} | (group if chat_id < 0 else person))

    def _remember(self, message: Any) -> None:
        """What a message tells of its chat; a malformed one tells nothing."""
        try:
            chat = self.world.meet(message["chat"])
            if message.get("is_topic_message"):
                chat.threads.add(message["message_thread_id"])
            number, text = message["message_id"], message.get("text", "")
            chat.posts[number] = Post(number, text, (), dict(message), by_bot=False)
            self.world.numbers[min(chat.id, 0)] = max(number, self.world.numbers.get(min(chat.id, 0), 0))
        except (KeyError, TypeError, AttributeError, ValueError):
            return

    def _membership(self, chat: Chat, before: str, after: str) -> Raw:
        members = {"old_chat_member": before, "new_chat_member": after}
        until = {"kicked": {"until_date": 0}}
        states = {name: {"status": status, "user": BOT} | until.get(status, {}) for name, status in members.items()}
        return {"chat": chat.raw, "from": _person(chat), "date": int(time.time()), **states}


def _person(chat: Chat) -> Raw:
    number = chat.id if chat.id > 0 else CUSTOMER
    return {"id": number, "is_bot": False, "first_name": "Customer", "language_code": "en"}
