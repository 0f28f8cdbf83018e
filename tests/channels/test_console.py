"""Talking in the terminal and through a pipe."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence

import pytest
from rich.console import Console

from channels.console import ADDRESS, ConsoleChannel, printable
from core.conversation import Address, Arrival, Conversation, Holder, MessageKind
from core.fleet import Lone
from core.records import Part, Progress


class NoOutbox:
    async def plan(self, texts: Sequence[str]) -> Sequence[Part]:
        raise AssertionError("a terminal plans nothing")

    async def mark(self, part: Part) -> None:
        raise AssertionError("a terminal marks nothing")

    async def look(self, part: Part) -> Part:
        raise AssertionError("a terminal looks for nothing")


class Desk:
    """Answers each line in two pieces, a moment after it was accepted."""

    def __init__(self, channel: ConsoleChannel, holder: Holder = Holder.BOT) -> None:
        self.fleet = Lone()
        self.channel = channel
        self.holder = holder
        self.heard: list[Arrival] = []
        self.shown: list[int] = []
        self.tasks: list[asyncio.Task[str]] = []

    async def accept(self, arrival: Arrival) -> bool:
        self.shown.append(len([t for t in self.tasks if t.done()]))
        self.heard.append(arrival)
        assert arrival.message is not None
        await self.channel.acknowledge(arrival.message)
        if self.holder is Holder.BOT:
            text = self.pieces(arrival.message.text)
            self.tasks.append(asyncio.create_task(self.channel.deliver(ADDRESS, text, NoOutbox())))
        return True

    async def pieces(self, text: str) -> AsyncIterator[str]:
        await asyncio.sleep(0.05)  # a model thinks longer than a pipe takes to give its next line
        yield f"about {text}: "
        await asyncio.sleep(0)
        yield "yes\x1b[2J"

    async def history(self, address: Address) -> Conversation:
        return Conversation(address, holder=self.holder)

    async def stop(self, address: Address) -> None:
        raise AssertionError("nobody pressed Stop")

    async def progress(self, progress: Progress) -> None:
        raise AssertionError("this platform tells nothing later")

    async def chat_of(self, channel: str, names: Sequence[str]) -> Address:
        return Address(channel, names[0])

    async def names_of(self, address: Address) -> Sequence[str]:
        return [address.chat]


def console(terminal: bool = False) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, force_terminal=terminal, width=80, highlight=False, color_system=None), out


async def test_each_line_waits_for_the_answer_to_the_one_before() -> None:
    screen, out = console()
    channel = ConsoleChannel(io.StringIO("one\n\n  two  \n"), screen)
    desk = Desk(channel)
    await asyncio.wait_for(channel.run(desk), 5)
    assert out.getvalue() == "about one: yes[2J\nabout two: yes[2J\n"
    assert desk.shown == [0, 1]
    assert len({arrival.key for arrival in desk.heard}) == 2
    assert [task.result() for task in desk.tasks] == ["about one: yes\x1b[2J", "about two: yes\x1b[2J"]


async def test_while_a_person_has_the_chat_the_next_line_is_read_without_an_answer() -> None:
    screen, out = console()
    channel = ConsoleChannel(io.StringIO("one\ntwo\n"), screen)
    await asyncio.wait_for(channel.run(Desk(channel, Holder.PERSON)), 5)
    assert out.getvalue() == ""


async def test_a_terminal_shows_a_spinner_until_the_first_words() -> None:
    screen, out = console(terminal=True)
    channel = ConsoleChannel(io.StringIO("one\n"), screen)
    desk = Desk(channel)
    await asyncio.wait_for(channel.run(desk), 5)
    written = out.getvalue()
    assert "\x1b[?25l" in written, "the spinner hides the cursor"
    assert written.rindex("\x1b[?25h") < written.index("about one"), "and is gone before the answer"


async def test_a_slash_makes_a_line_a_command() -> None:
    screen, _ = console()
    channel = ConsoleChannel(io.StringIO("/start\n"), screen)
    desk = Desk(channel)
    await asyncio.wait_for(channel.run(desk), 5)
    message = desk.heard[0].message
    assert message is not None
    assert (message.kind, message.text) == (MessageKind.COMMAND, "/start")


async def test_reading_blocks_neither_the_loop_nor_the_end() -> None:
    read, write = os.pipe()
    screen, _ = console()
    with os.fdopen(read) as lines, os.fdopen(write, "w") as typed:
        channel = ConsoleChannel(lines, screen)
        running = asyncio.create_task(channel.run(Desk(channel)))
        await asyncio.sleep(0.05)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(running, 1)
        typed.close()


def test_the_process_ends_although_a_line_is_still_awaited() -> None:
    script = """
import asyncio, sys
from rich.console import Console
from channels.console import ConsoleChannel
async def main():
    channel = ConsoleChannel(sys.stdin, Console())
    try:
        async with asyncio.timeout(0.1):
            await channel.run(None)
    except TimeoutError:
        print("left")
asyncio.run(main())
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.wait(10) == 0
        assert child.stdout.read() == "left\n"


def test_control_characters_are_not_shown() -> None:
    assert printable("a\x1b]0;title\x07b\x9b31m\n\tc\u00e9") == "a]0;titleb31m\n\tcé"
