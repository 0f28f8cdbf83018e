"""The other side of the chats: what people write, as the signed forms the bot hears of it.

For tests to call; nothing is checked that WhatsApp would let people do. Fields: Twilio's guide to webhook requests and
recorded payloads, research (channels, section 8).
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Sequence

from channels.whatsapp.testing.callbacks import Callback, Callbacks
from channels.whatsapp.testing.shapes import VERSION, media_path, segments
from channels.whatsapp.testing.webhooks import Delivery, Undelivered, Webhooks
from channels.whatsapp.testing.world import ACCOUNT, NUMBER, Message, World, new_sid, settings

ORDER = "#rc=5&rp=all"
PATH = "/whatsapp/messages"
KINDS = {"image": "image", "audio": "audio", "video": "video"}
CUSTOMER = "Customer"  # what somebody is called unless a test says so
OPT_OUT, OPT_IN = "STOP", "START"

File = tuple[bytes, str]
"""What somebody attaches: the bytes and the MIME type."""


class Customers:
    """What people can do to one bot through Twilio, and what they see of it."""

    def __init__(self, world: World, webhooks: Webhooks, callbacks: Callbacks) -> None:
        self.world = world
        self.webhooks = webhooks
        self.callbacks = callbacks
        self.url = ""
        self.webhook_lost = False
        self._order: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def connect(self, base: str, public_url: str) -> None:
        """Where the bot listens, and its public address, under which its webhook is entered as an operator would."""
        self.webhooks.connect(base, public_url)
        self.world.webhook = dict(settings(f"{public_url.rstrip('/')}{PATH}{ORDER}"))

    async def says(
        self, chat: str, text: str = "", *, media: Sequence[File] = (), name: str = "", **fields: str | None
    ) -> str:
        """A person writes; the message's sid once the bot has taken it. Raises Undelivered when it never does.

        `chat` is `+4512345678` or `US.ABC123`. `fields` replace or add fields of the form, None leaves one out; with
        the MessageSid of an earlier message it is that one once more.
        """
        form = self._form(chat, text, media, name)
        for field, value in fields.items():
            form.pop(field, None)
            if value is not None:
                form[field] = value
        return await self.brings(form)

    async def brings(self, form: dict[str, str]) -> str:
        """Bring any form to the address entered for messages; its MessageSid. Raises Undelivered.

        While `webhook_lost` Twilio has the message and the bot hears nothing of it.
        """
        sender, sid = form.get("From", ""), form.get("MessageSid", "")
        self._remember(form)
        if self.webhook_lost:
            return sid
        async with self._order[sender]:
            made = await self.webhooks.bring(self.world.webhook["callback_url"], form, is_message=True)
        if made.status // 100 != 2:
            raise Undelivered(f"the last of {len(self.webhooks.made)} requests was answered {made.status or 'nothing'}")
        return sid

    async def status(self, sid: str, status: str, code: int | None = None, *, read: bool = False) -> Delivery | None:
        """Send the status callback of a message, whatever came before; the last request. `read` says `read` instead."""
        message = self.world.messages[sid]
        return await self.callbacks.tell(Callback(message, "read" if read else status, code or 0))

    def chat(self, chat: str) -> list[Message]:
        """The bot's messages to a customer, oldest first."""
        return [message for message in self.world.outgoing() if message.to == f"whatsapp:{chat}"]

    def _form(self, chat: str, text: str, media: Sequence[File], name: str) -> dict[str, str]:
        sid = new_sid("MM" if media else "SM")
        metadata = {"type": "whatsapp", "data": {"context": {"ProfileName": name or CUSTOMER}}}
        kind = KINDS.get(media[0][1].partition("/")[0], "document") if media else "text"
        form = {
            "SmsMessageSid": sid,
            "NumMedia": str(len(media)),
            "ProfileName": name or CUSTOMER,
            "MessageType": kind,
            "SmsSid": sid,
            "SmsStatus": "received",
            "Body": text,
            "To": NUMBER,
            "NumSegments": segments(text),
            "ReferralNumMedia": "0",
            "MessageSid": sid,
            "AccountSid": ACCOUNT,
            "From": f"whatsapp:{chat}",
            "ApiVersion": VERSION,
            "ChannelMetadata": json.dumps(metadata),
        }
        if chat.startswith("+"):
            form["WaId"] = chat[1:]
        for place, (content, mime) in enumerate(media):
            kept = self.world.keep(sid, content, mime)
            form |= {f"MediaUrl{place}": f"{self.url}{media_path(kept)}", f"MediaContentType{place}": mime}
        return form

    def _remember(self, form: dict[str, str]) -> None:
        """What Twilio itself learns of a message it brings."""
        sender, sid, at = form.get("From", ""), form.get("MessageSid", ""), self.world.clock().replace(microsecond=0)
        media = tuple(value for name, value in form.items() if name.startswith("MediaUrl"))
        made = Message(sid, form.get("To", NUMBER), sender, form.get("Body", ""), at, inbound=True, status="received")
        made.media, made.sent_at = media, at
        if sid not in self.world.messages:
            self.world.hear(made)
        if form.get("OptOutType") == OPT_OUT:
            self.world.opted_out.add(sender)
        elif form.get("OptOutType") == OPT_IN:
            self.world.opted_out.discard(sender)
