"""Files in both directions: what a customer sent is fetched, what people are to see is shown as a picture or document.

Only values and their limits are decided here; every call leaves through `outlet`. Limits: research, channels, 1.
"""

from __future__ import annotations

import logging
import mimetypes
from dataclasses import replace
from functools import partial

from channels.telegram.client import Place, Refused
from channels.telegram.contents import file_name
from channels.telegram.outlet import Outlet
from channels.telegram.parts import rendered
from core.abilities import MOST_BYTES, Media
from core.conversation import Attachment
from core.errors import Rejected
from core.markup import Rich
from core.text import utf16_length

log = logging.getLogger(__name__)

LONGEST_CAPTION = 1024  # UTF-16 units
PICTURES = {"image/jpeg", "image/png"}
LARGEST_PICTURE = 10 * 2**20  # bytes
# Telegram sends every photo as JPEG and says no type with it.
UNSAID = {"photo": "image/jpeg"}
MARKS = str.maketrans('"\\;', "___")  # of the header a name travels in; not every reader of it takes them quoted
ANY = "application/octet-stream"


async def fetch(outlet: Outlet, attachment: Attachment) -> Media:
    """The file behind an attachment's handle. Raises ChannelError, Rejected when there is none or it is too large."""
    if not attachment.handle:
        raise Rejected(f"there is no file behind a {attachment.kind}")
    if attachment.size > MOST_BYTES:
        raise Rejected(f"the file is larger than {MOST_BYTES} bytes")
    content = await outlet.ask(lambda: outlet.client.download(attachment.handle, MOST_BYTES))
    return Media(content, attachment.mime or UNSAID.get(attachment.kind, ANY), attachment.name)


async def show(outlet: Outlet, place: Place, media: Media, caption: str) -> str:
    """Post a file with a caption in Markdown; its id. Too long a caption goes before it. Raises ChannelError."""
    if not isinstance(media.content, bytes) or not media.content:
        raise Rejected("a file is bytes, and there are none")
    media = replace(media, name=_label(media))
    *before, words = rendered(caption) or [Rich("")]
    if utf16_length(words.text) > LONGEST_CAPTION:
        before, words = [*before, words], Rich("")
    send = partial(outlet.client.send_file, media=media, caption=words)
    for rich in before:
        await outlet.must(place, partial(outlet.client.send_message, rich=rich))
    if media.mime in PICTURES and len(media.content) <= LARGEST_PICTURE:
        try:
            return await outlet.must(place, partial(send, photo=True))
        except Refused as error:  # too narrow, damaged: what does not do as a picture is a document still
            log.info("a picture goes out as a document: %s", error)
    return await outlet.must(place, partial(send, photo=False))


def _label(media: Media) -> str:
    """The name it is shown under: never a path, never empty."""
    return file_name(media.name).translate(MARKS) or f"file{mimetypes.guess_extension(media.mime) or ''}"
