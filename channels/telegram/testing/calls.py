"""What each method does to the world, and when Telegram refuses it. One function a method, one table of them.

Parameters come checked against the description. How calls arrive, are counted and answered is in `server`; getUpdates
and the webhook methods are in `updates`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from channels.telegram.testing.methods import ACTIONS, COLOURS, EMOJI
from channels.telegram.testing.refusal import Refusal, Upload
from channels.telegram.testing.texts import LONGEST_CAPTION, Text, check_buttons, checked
from channels.telegram.testing.world import BOT, DRAFT_SECONDS, GENERAL, Chat, Draft, Raw, World, shown

Given = Mapping[str, Any]

ANSWER = 200  # characters
MEGABYTE = 1 << 20
UPLOAD, PHOTO, DOWNLOAD = 50 * MEGABYTE, 10 * MEGABYTE, 20 * MEGABYTE
# Parameters that are described, but what they do is not imitated: better refused than half done.
NOT_IMITATED = ("rich_message", "inline_message_id", "parse_mode", "business_connection_id", "direct_messages_topic_id")
SAME = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current content"
    " and reply markup of the message"
)


def perform(world: World, method: str, given: Given) -> Any:
    """Do it; the call's `result`. Raises Refusal."""
    for name in NOT_IMITATED:
        if given.get(name):
            raise Refusal(501, f"Not Implemented: this server does not imitate {name}")
    if method not in METHODS:
        raise Refusal(501, f"Not Implemented: this server does not imitate {method}")
    return METHODS[method](world, given)


def _get_me(_: World, __: Given) -> Raw:
    abilities = "can_join_groups can_read_all_group_messages supports_inline_queries has_topics_enabled"
    return BOT | {name: name == "can_join_groups" for name in abilities.split()}


def _send_message(world: World, given: Given) -> Raw:
    chat = _writable(world, given)
    text = _some(checked(given["text"], given.get("entities", ())))
    return shown(world.post(chat, text, _around(chat, given)))


def _edit_message_text(world: World, given: Given) -> Raw:
    chat = world.chat(given.get("chat_id"))
    post = chat.posts.get(given.get("message_id", 0))
    if post is None:
        raise Refusal(400, "Bad Request: message to edit not found")
    if not post.by_bot:
        raise Refusal(400, "Bad Request: message can't be edited")
    text = _some(checked(given.get("text", ""), given.get("entities", ())))
    check_buttons(given.get("reply_markup"))
    if (text.text, text.entities, given.get("reply_markup")) == (
        post.text,
        post.entities,
        post.raw.get("reply_markup"),
    ):
        raise Refusal(400, f"Bad Request: {SAME}")
    post.text, post.entities, post.edits = text.text, text.entities, post.edits + 1
    post.raw["edit_date"] = int(time.time())
    post.raw.pop("reply_markup", None)
    post.raw |= _markup(given)
    return shown(post)


def _delete_message(world: World, given: Given) -> bool:
    if world.chat(given["chat_id"]).posts.pop(given["message_id"], None) is None:
        raise Refusal(400, "Bad Request: message to delete not found")
    return True


def _send_message_draft(world: World, given: Given) -> bool:
    chat = _writable(world, given)
    if chat.raw["type"] != "private":
        raise Refusal(400, "Bad Request: TEXTDRAFT_PEER_INVALID")
    number = given["draft_id"]
    if number == 0:
        raise Refusal(400, "Bad Request: draft_id must be non-zero")
    text = checked(given.get("text", ""), given.get("entities", ()))
    for other in chat.drafts.values():
        other.ended = other.ended or other.id != number
    before = chat.drafts.pop(number, None)
    chat.drafts[number] = Draft(
        number,
        text.text,
        text.entities,
        can_stop=given.get("can_stop", False),
        keep_on_stop=given.get("keep_on_stop", False),
        thread=given.get("message_thread_id"),
        until=world.clock() + DRAFT_SECONDS,
        shown=before.shown + 1 if before else 1,
    )
    return True


def _send_chat_action(world: World, given: Given) -> bool:
    _writable(world, given)
    if given["action"] not in ACTIONS:
        raise Refusal(400, "Bad Request: wrong parameter action in request")
    return True


def _set_message_reaction(world: World, given: Given) -> bool:
    post = world.chat(given["chat_id"]).posts.get(given["message_id"])
    if post is None:
        raise Refusal(400, "Bad Request: message to react not found")
    reaction = given.get("reaction", [])
    if len(reaction) > 1:
        raise Refusal(400, "Bad Request: REACTIONS_TOO_MANY")
    if any(one["type"] != "emoji" or one.get("emoji") not in EMOJI for one in reaction):
        raise Refusal(400, "Bad Request: REACTION_INVALID")
    post.reaction = reaction[0]["emoji"] if reaction else ""
    return True


def _answer_callback_query(world: World, given: Given) -> bool:
    if given["callback_query_id"] not in world.queries:
        raise Refusal(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
    if len(given.get("text", "")) > ANSWER:
        raise Refusal(400, "Bad Request: MESSAGE_TOO_LONG")
    world.queries.discard(given["callback_query_id"])
    return True


def _send_photo(world: World, given: Given) -> Raw:
    file_id, size = _file(world, given["photo"], PHOTO)
    photo = {"file_id": file_id, "file_unique_id": f"u{file_id}", "width": 1, "height": 1, "file_size": size}
    return _send_file(world, given, {"photo": [photo]})


def _send_document(world: World, given: Given) -> Raw:
    file_id, size = _file(world, given["document"], UPLOAD)
    name = world.files[file_id].name
    document = {"file_id": file_id, "file_unique_id": f"u{file_id}", "file_name": name, "file_size": size}
    return _send_file(world, given, {"document": document})


def _get_file(world: World, given: Given) -> Raw:
    file_id = given["file_id"]
    if file_id not in world.files:
        raise Refusal(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
    size = len(world.files[file_id].content)
    if size > DOWNLOAD:
        raise Refusal(400, "Bad Request: file is too big")
    return {"file_id": file_id, "file_unique_id": f"u{file_id}", "file_size": size, "file_path": f"files/{file_id}"}


def _create_forum_topic(world: World, given: Given) -> Raw:
    chat = world.chat(given["chat_id"])
    if not chat.raw.get("is_forum"):
        raise Refusal(400, "Bad Request: the chat is not a forum")
    if not 1 <= len(given["name"]) <= 128:
        raise Refusal(400, "Bad Request: TOPIC_TITLE_INVALID")
    colour = given.get("icon_color", min(COLOURS))
    if colour not in COLOURS:
        raise Refusal(400, "Bad Request: invalid icon color specified")
    number = world.number(chat)
    chat.threads.add(number)
    return {"message_thread_id": number, "name": given["name"], "icon_color": colour}


def _writable(world: World, given: Given) -> Chat:
    """The chat, if it is there and has the topic named."""
    chat = world.chat(given["chat_id"])
    thread = given.get("message_thread_id")
    if thread is not None and (thread == GENERAL or thread not in chat.threads):
        raise Refusal(400, "Bad Request: message thread not found")
    return chat


def _around(chat: Chat, given: Given) -> Raw:
    """What a message carries besides its content: topic, reply, buttons."""
    more: Raw = {}
    if thread := given.get("message_thread_id"):
        more |= {"message_thread_id": thread, "is_topic_message": True}
    if reply := given.get("reply_parameters"):
        answered = chat.posts.get(reply["message_id"])
        if answered is not None:
            more["reply_to_message"] = shown(answered)
        elif not reply.get("allow_sending_without_reply"):
            raise Refusal(400, "Bad Request: message to be replied not found")
    check_buttons(given.get("reply_markup"))
    return more | _markup(given)


def _markup(given: Given) -> Raw:
    markup = given.get("reply_markup")
    return {"reply_markup": markup} if markup and markup.get("inline_keyboard") else {}


def _some(text: Text) -> Text:
    if not text.text:
        raise Refusal(400, "Bad Request: message text is empty")
    return text


def _send_file(world: World, given: Given, content: Raw) -> Raw:
    chat = _writable(world, given)
    caption = checked(given.get("caption", ""), given.get("caption_entities", ()), LONGEST_CAPTION)
    return shown(world.post(chat, caption, content | _around(chat, given)))


def _file(world: World, given: Any, limit: int) -> tuple[str, int]:
    if isinstance(given, str) and given in world.files:
        return given, len(world.files[given].content)
    if not isinstance(given, Upload):
        raise Refusal(400, "Bad Request: wrong remote file identifier specified")
    if not given.content:
        raise Refusal(400, "Bad Request: file must be non-empty")
    if len(given.content) > limit:
        raise Refusal(413, "Request Entity Too Large")
    return world.keep(given), len(given.content)


METHODS: Mapping[str, Callable[[World, Given], Any]] = {
    "getMe": _get_me,
    "sendMessage": _send_message,
    "editMessageText": _edit_message_text,
    "deleteMessage": _delete_message,
    "sendMessageDraft": _send_message_draft,
    "sendChatAction": _send_chat_action,
    "setMessageReaction": _set_message_reaction,
    "answerCallbackQuery": _answer_callback_query,
    "sendPhoto": _send_photo,
    "sendDocument": _send_document,
    "getFile": _get_file,
    "createForumTopic": _create_forum_topic,
}
