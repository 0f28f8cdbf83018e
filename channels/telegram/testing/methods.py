"""The part of the Bot API firstline uses, written down as facts: parameters, types, what is required (Bot API 10.3).

Used where the published description is not at hand. A line is `owner: name:Type`; `*` marks what is required, `|` a
choice of types, `[Type]` an array. A type that has no line here is any JSON object.
"""

from __future__ import annotations

_PLACE = "business_connection_id:String chat_id*:Integer|String message_thread_id:Integer"
_OPTIONS = (
    "disable_notification:Boolean protect_content:Boolean allow_paid_broadcast:Boolean message_effect_id:String"
    " suggested_post_parameters:SuggestedPostParameters reply_parameters:ReplyParameters"
    " reply_markup:InlineKeyboardMarkup|ReplyKeyboardMarkup|ReplyKeyboardRemove|ForceReply"
)
_SEND = f"{_PLACE} direct_messages_topic_id:Integer {_OPTIONS}"
_TEXT = "parse_mode:String entities:[MessageEntity]"
_CAPTION = "caption:String parse_mode:String caption_entities:[MessageEntity]"
_POST = "chat_id*:Integer|String message_id*:Integer"

METHODS = f"""
getMe:
getUpdates: offset:Integer limit:Integer timeout:Integer allowed_updates:[String]
setWebhook: url*:String certificate:InputFile ip_address:String max_connections:Integer allowed_updates:[String]\
 drop_pending_updates:Boolean secret_token:String
deleteWebhook: drop_pending_updates:Boolean
getWebhookInfo:
sendMessage: {_SEND} text*:String {_TEXT} link_preview_options:LinkPreviewOptions
editMessageText: business_connection_id:String chat_id:Integer|String message_id:Integer inline_message_id:String\
 text:String {_TEXT} link_preview_options:LinkPreviewOptions rich_message:InputRichMessage\
 reply_markup:InlineKeyboardMarkup
deleteMessage: {_POST}
sendMessageDraft: chat_id*:Integer message_thread_id:Integer draft_id*:Integer text:String {_TEXT} can_stop:Boolean\
 keep_on_stop:Boolean
sendChatAction: {_PLACE} action*:String
setMessageReaction: {_POST} reaction:[ReactionType] is_big:Boolean
answerCallbackQuery: callback_query_id*:String text:String show_alert:Boolean url:String cache_time:Integer
sendPhoto: {_SEND} photo*:InputFile|String {_CAPTION} show_caption_above_media:Boolean has_spoiler:Boolean
sendDocument: {_SEND} document*:InputFile|String {_CAPTION} thumbnail:InputFile|String\
 disable_content_type_detection:Boolean
getFile: file_id*:String
createForumTopic: chat_id*:Integer|String name*:String icon_color:Integer icon_custom_emoji_id:String
"""

TYPES = """
MessageEntity: type*:String offset*:Integer length*:Integer url:String user:User language:String\
 custom_emoji_id:String unix_time:Integer date_time_format:String
ReplyParameters: message_id*:Integer chat_id:Integer|String allow_sending_without_reply:Boolean quote:String\
 quote_parse_mode:String quote_entities:[MessageEntity] quote_position:Integer checklist_task_id:Integer\
 poll_option_id:String
LinkPreviewOptions: is_disabled:Boolean url:String prefer_small_media:Boolean prefer_large_media:Boolean\
 show_above_text:Boolean
InlineKeyboardMarkup: inline_keyboard*:[[InlineKeyboardButton]]
InlineKeyboardButton: text*:String icon_custom_emoji_id:String style:String url:String callback_data:String\
 web_app:WebAppInfo login_url:LoginUrl switch_inline_query:String switch_inline_query_current_chat:String\
 switch_inline_query_chosen_chat:SwitchInlineQueryChosenChat copy_text:CopyTextButton callback_game:CallbackGame\
 pay:Boolean
ReplyKeyboardMarkup: keyboard*:[[KeyboardButton]] is_persistent:Boolean resize_keyboard:Boolean\
 one_time_keyboard:Boolean input_field_placeholder:String selective:Boolean
ReplyKeyboardRemove: remove_keyboard*:Boolean selective:Boolean
ForceReply: force_reply*:Boolean input_field_placeholder:String selective:Boolean
ReactionTypeEmoji: type*:String emoji*:String
ReactionTypeCustomEmoji: type*:String custom_emoji_id*:String
ReactionTypePaid: type*:String
"""

UNIONS = {"ReactionType": ("ReactionTypeEmoji", "ReactionTypeCustomEmoji", "ReactionTypePaid")}

_EMOJI = """
❤ 👍 👎 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤‍🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕
😈 😴 😭 🤓 👻 👨‍💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡
"""
_ACTIONS = """
typing upload_photo record_video upload_video record_voice upload_voice upload_document choose_sticker find_location
record_video_note upload_video_note
"""
EMOJI = frozenset(_EMOJI.split())
"""What a bot may react with."""

ACTIONS = frozenset(_ACTIONS.split())
COLOURS = frozenset({0x6FB9F0, 0xFFD67E, 0xCB86DB, 0x8EEE98, 0xFF93B2, 0xFB6F5F})
"""What a topic's icon may have."""
