"""Files through the whole channel, in and out, against the strict Bot API server and with every library."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from channels.telegram import build
from channels.telegram.channel import Manners, TelegramChannel
from channels.telegram.client import Reason, Refused, WrongToken
from channels.telegram.files import LARGEST_PICTURE, LONGEST_CAPTION
from channels.telegram.intake import Door
from channels.telegram.testing import FakeBotApi
from channels.telegram.testing.refusal import Upload
from core.abilities import MOST_BYTES, Files, Media, Shows
from core.conversation import Address, Attachment
from core.errors import NotSent, Rejected, Throttled, Unconfirmed, Unreachable

if TYPE_CHECKING:
    from tests.channels.telegram.conftest import RecordingInbox, ScriptedClient

SHARED = Path(os.environ.get("FIRSTLINE_SHARED", Path(__file__).parents[4] / "shared"))
PRIVATE = Address("telegram", "42")
JPEG = Media(b"\xff\xd8\xff\xe0", "image/jpeg", "broken lamp.jpg")


@pytest.fixture
async def api() -> AsyncIterator[FakeBotApi]:
    async with FakeBotApi(SHARED if (SHARED / "peers").exists() else None) as api:
        api.says(42, "hello")
        yield api


@pytest.fixture
async def channel(api: FakeBotApi, library: str) -> AsyncIterator[TelegramChannel]:
    channel = build(token=api.token, library=library, base_url=api.url)
    yield channel
    await channel.aclose()


def uploads(api: FakeBotApi) -> list[Upload]:
    return [upload for name, upload in api.world.files.items() if name.startswith("file")]


def test_the_channel_fetches_and_shows_files(client: ScriptedClient) -> None:
    channel = TelegramChannel(client, Door("", "", ""), Manners())
    assert isinstance(channel, Files)
    assert isinstance(channel, Shows)


def kinds(api: FakeBotApi) -> dict[str, tuple[dict[str, Any], str, bytes]]:
    """Each kind of file a customer can send: its field, the type it has then and its content."""
    voice, photo, letter = b"OggS", b"\xff\xd8\xff", b"%PDF-1.7"
    names = {content: api.file(content) for content in (voice, photo, letter)}
    small = {"file_id": "small", "file_unique_id": "s", "width": 90, "height": 60}
    large = {"file_id": names[photo], "file_unique_id": "l", "width": 900, "height": 600}
    about = {"file_unique_id": "u", "file_size": 8}
    pdf = {"mime_type": "application/pdf", "file_name": "../../bill.pdf"}
    return {
        "voice": ({"voice": {"file_id": names[voice], "mime_type": "audio/ogg"} | about}, "audio/ogg", voice),
        "photo": ({"photo": [small, large]}, "image/jpeg", photo),
        "document": ({"document": {"file_id": names[letter]} | pdf | about}, "application/pdf", letter),
        "sticker": ({"sticker": {"file_id": names[photo]} | about}, "application/octet-stream", photo),
    }


@pytest.mark.parametrize("kind", ["voice", "photo", "document", "sticker"])
async def test_what_a_customer_sends_is_fetched_from_its_attachment(
    kind: str, api: FakeBotApi, channel: TelegramChannel, inbox: RecordingInbox
) -> None:
    fields, mime, content = kinds(api)[kind]
    api.says(42, "", **fields)
    listening = asyncio.create_task(channel.run(inbox))
    await inbox.until(lambda: len(inbox.messages) == 2)
    listening.cancel()
    await asyncio.wait({listening})
    (attachment,) = inbox.messages[1].attachments
    assert attachment.kind == kind
    media = await channel.fetch(attachment)
    assert (media.content, media.mime) == (content, mime)
    assert media.name == ("bill.pdf" if kind == "document" else "")


async def test_a_file_telegram_does_not_know_is_rejected(channel: TelegramChannel) -> None:
    with pytest.raises(Rejected):
        await channel.fetch(Attachment("voice", handle="nobody-sent-this"))


async def test_a_file_that_is_gone_when_it_is_fetched_is_rejected(api: FakeBotApi, channel: TelegramChannel) -> None:
    handle = api.file(b"x" * (MOST_BYTES + 1))
    with pytest.raises(Rejected):
        await channel.fetch(Attachment("document", handle=handle))


@pytest.mark.parametrize(
    "attachment",
    [Attachment("location", note="1.0, 2.0"), Attachment("video", size=MOST_BYTES + 1, handle="too-large")],
)
async def test_what_cannot_be_fetched_is_rejected_without_a_call(
    attachment: Attachment, api: FakeBotApi, channel: TelegramChannel
) -> None:
    with pytest.raises(Rejected):
        await channel.fetch(attachment)
    assert not api.calls("getFile")


async def test_a_fetch_is_repeated_when_telegram_was_away(api: FakeBotApi, channel: TelegramChannel) -> None:
    api.fail_next("getFile", 0, "cut")
    api.fail_next("getFile", 502, "Bad Gateway")
    api.fail_next("getFile", 429, "Too Many Requests", {"retry_after": 1})
    assert (await channel.fetch(Attachment("voice", handle=api.file(b"OggS")))).content == b"OggS"
    assert [call.outcome[:3] for call in api.calls("getFile")] == ["dro", "502", "429", "ok"]


@pytest.mark.parametrize("error", [NotSent("x"), Unconfirmed("x"), Throttled("x", 0.0)])
async def test_a_fetch_is_given_up_after_eight_tries(
    error: Exception, client: ScriptedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    async def download(file_id: str, most: int) -> bytes:
        tries.append((file_id, most))
        raise error

    monkeypatch.setattr("channels.telegram.outlet.pause", lambda _: 0.0)
    client.download = download  # type: ignore[method-assign]
    with pytest.raises(type(error)):
        await TelegramChannel(client, Door("", "", ""), Manners()).fetch(Attachment("voice", handle="f"))
    assert tries == [("f", MOST_BYTES)] * 8


async def test_a_wrong_token_is_told_at_once(client: ScriptedClient) -> None:
    async def download(file_id: str, most: int) -> bytes:
        raise WrongToken(f"{file_id}, {most} bytes")

    client.download = download  # type: ignore[method-assign]
    with pytest.raises(WrongToken):
        await TelegramChannel(client, Door("", "", ""), Manners()).fetch(Attachment("voice", handle="f"))


@pytest.mark.parametrize(
    ("mime", "content", "method"),
    [
        ("image/jpeg", b"\xff\xd8", "sendPhoto"),
        ("image/png", b"\x89PNG" + bytes(LARGEST_PICTURE - 4), "sendPhoto"),
        ("image/png", b"\x89PNG" + bytes(LARGEST_PICTURE - 3), "sendDocument"),
        ("image/gif", b"GIF", "sendDocument"),
        ("application/pdf", b"%PDF", "sendDocument"),
        ("audio/ogg", b"OggS", "sendDocument"),
    ],
)
async def test_a_file_is_shown_as_a_picture_when_it_is_one_and_as_a_document_otherwise(
    mime: str, content: bytes, method: str, api: FakeBotApi, channel: TelegramChannel
) -> None:
    number = await channel.show(PRIVATE, Media(content, mime, "a name"), "from **a customer**")
    (post,) = api.chat(42)
    assert (str(post.id), post.text) == (number, "from a customer")
    assert [entity["type"] for entity in post.entities] == ["bold"]
    assert [call.method for call in api.log if call.method.startswith("send")] == [method]
    (upload,) = uploads(api)
    assert (upload.name, upload.content) == ("a name", content)


async def test_a_file_is_shown_in_the_topic_it_is_for(api: FakeBotApi, channel: TelegramChannel) -> None:
    api.joins(-1001, forum=True)
    api.says(-1001, "x", message_thread_id=7, is_topic_message=True)
    await channel.show(Address("telegram", "-1001:7"), JPEG, "")
    (post,) = api.chat(-1001)
    assert (post.raw["message_thread_id"], post.text) == (7, "")


async def test_a_caption_too_long_for_one_goes_before_the_file(api: FakeBotApi, channel: TelegramChannel) -> None:
    fits, too_long = "x" * LONGEST_CAPTION, "x" * (LONGEST_CAPTION + 1)
    for caption in (fits, too_long):
        await channel.show(PRIVATE, JPEG, caption)
    assert [(post.text, "photo" in post.raw) for post in api.chat(42)] == [(fits, True), (too_long, False), ("", True)]
    assert [call.outcome for call in api.log] == ["ok"] * 3


async def test_a_picture_telegram_does_not_take_as_one_is_shown_as_a_document(
    api: FakeBotApi, channel: TelegramChannel
) -> None:
    api.fail_next("sendPhoto", 400, "Bad Request: PHOTO_INVALID_DIMENSIONS")
    await channel.show(PRIVATE, JPEG, "a very narrow one")
    (post,) = api.chat(42)
    assert (post.text, post.raw["document"]["file_name"]) == ("a very narrow one", "broken lamp.jpg")


async def test_a_file_is_not_sent_twice_when_nobody_said_whether_it_arrived(
    api: FakeBotApi, channel: TelegramChannel
) -> None:
    api.fail_next("sendPhoto", 0, "cut", after_effect=True)
    with pytest.raises(Unconfirmed):
        await channel.show(PRIVATE, JPEG, "once")
    assert len(api.chat(42)) == 1


async def test_a_file_waits_out_a_flood_and_follows_a_group_that_moved(
    api: FakeBotApi, channel: TelegramChannel
) -> None:
    api.joins(-5)
    api.migrates(-5, -1005)
    api.fail_next("sendPhoto", 429, "Too Many Requests", {"retry_after": 1})
    await channel.show(Address("telegram", "-5"), JPEG, "")
    assert [call.outcome[:3] for call in api.calls("sendPhoto")] == ["429", "400", "ok"]
    assert len(api.chat(-1005)) == 1


async def test_a_file_for_somebody_who_blocked_the_bot_is_unreachable(
    api: FakeBotApi, channel: TelegramChannel
) -> None:
    api.blocks(42)
    with pytest.raises(Unreachable):
        await channel.show(PRIVATE, JPEG, "")
    assert len(api.calls("sendPhoto")) == 1


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("/etc/passwd", "passwd"),
        ("..\\..\\secrets.txt", "secrets.txt"),
        ('a"; name="chat_id', "a__ name=_chat_id"),
        ("a\r\nX-Header: b.pdf", "aX-Header: b.pdf"),
        ("größe 📦.pdf", "größe 📦.pdf"),
        ("", "file.pdf"),
        ("/", "file.pdf"),
    ],
)
async def test_trap_20_a_customers_file_name_is_a_label_and_never_a_path(
    name: str, shown: str, api: FakeBotApi, channel: TelegramChannel
) -> None:
    await channel.show(PRIVATE, Media(b"%PDF", "application/pdf", name), "")
    (upload,) = uploads(api)
    assert (upload.name, upload.content) == (shown, b"%PDF")
    assert [call.outcome for call in api.log] == ["ok"]


@pytest.mark.parametrize("content", [b"", "/etc/hostname", __file__])
async def test_trap_20_what_is_not_bytes_is_rejected_before_any_library_sees_it(
    content: Any, api: FakeBotApi, channel: TelegramChannel
) -> None:
    with pytest.raises(Rejected):
        await channel.show(PRIVATE, Media(content, "text/plain", "x"), "")
    assert not api.log


async def test_a_refusal_of_a_document_is_told(client: ScriptedClient) -> None:
    client.errors = [Refused("no", Reason.OTHER), Refused("no", Reason.OTHER)]
    with pytest.raises(Refused):
        await TelegramChannel(client, Door("", "", ""), Manners()).show(PRIVATE, JPEG, "")
    assert len(client.calls) == 2
