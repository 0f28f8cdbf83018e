"""What a decision knows of the meaning of a message: in time, kept by name, and never what an answer waits for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from core.conversation import Conversation
from core.encoding import Encoding
from core.meaning import vector
from core.rules import Reading

if TYPE_CHECKING:
    from conftest import House  # type: ignore[import-not-found,unused-ignore]

    from core.meaning import Matrix


class Lengths:
    """Encodes a text as its length."""

    version = "lengths-1"

    def embed(self, texts: Sequence[str]) -> Matrix:
        return np.array([[len(text)] for text in texts], np.float32)


def length(conversation: Conversation) -> Reading:
    """A signal that reads the meaning of what is asked."""
    found = vector(conversation.meanings, conversation.asked)
    return Reading(None if found is None else float(found[0]))


def reads_lengths(house: House, encoding: Encoding) -> None:
    book = replace(house.policy.book, signals={**house.policy.book.signals, "length": length})
    house.desk.policy = replace(house.policy, book=book, encoding=encoding)


async def test_a_signal_reads_the_meaning_of_the_burst_and_the_decision_names_the_encoder(house: House) -> None:
    async with Encoding(Lengths, in_time=10) as encoding:
        reads_lengths(house, encoding)
        message = await house.say("four")
        await house.desk.idle(5)
    receipt = await house.store.receipt(message.address, message.id)
    assert receipt.decision.readings["length"].value == 4.0
    assert receipt.decision.encoder == "lengths-1"
    assert house.scripts["quick"].asked[0].meaning[0] == 4.0


async def test_without_an_encoder_a_message_is_answered_and_the_decision_says_that_there_was_none(house: House) -> None:
    def broken() -> Lengths:
        raise OSError("no such file")

    async with Encoding(broken) as encoding:
        reads_lengths(house, encoding)
        message = await house.say("four")
        await house.desk.idle(5)
    receipt = await house.store.receipt(message.address, message.id)
    assert (receipt.decision.readings["length"].value, receipt.decision.encoder) == (None, "")
    assert house.channel.said["ann"]
