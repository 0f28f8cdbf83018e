"""Who waits for the meaning of texts has it in time or not at all; what an encoder does reaches nobody else."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest

from core import encoding as module
from core.encoding import Encoding
from core.errors import EncoderError
from core.library import Article, Library
from core.study import Study

if TYPE_CHECKING:
    from core.meaning import Matrix

LONG = 30.0


class Scripted:
    """Encodes a text as its length; waits where a test says so."""

    version = "scripted"

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.go = threading.Event()
        self.go.set()
        self.fails = False

    def embed(self, texts: Sequence[str]) -> Matrix:
        self.batches.append(list(texts))
        self.go.wait(LONG)
        if self.fails:
            raise RuntimeError("a library's own words")
        return np.array([[len(text), 1.0] for text in texts], np.float32)


@pytest.fixture
def encoder() -> Scripted:
    return Scripted()


def patient(make: Callable[[], Scripted]) -> Encoding:
    return Encoding(make, in_time=LONG)


async def test_a_text_has_the_encoder_s_vector_and_its_version(encoder: Scripted) -> None:
    async with patient(lambda: encoder) as encoding:
        found = await encoding.meanings(["four", "", "seven77"])
    assert found is not None
    assert found.version == "scripted"
    assert [vector[0] for text in ("four", "seven77") if (vector := found.of(text)) is not None] == [4, 7]
    assert found.of("") is found.of("other") is None


async def test_what_was_encoded_is_not_encoded_again(encoder: Scripted) -> None:
    async with patient(lambda: encoder) as encoding:
        for _ in range(3):
            await encoding.meanings(["one", "two"])
        await encoding.meanings(["two", "three"])
    assert encoder.batches == [["one", "two"], ["three"]]


async def test_texts_that_wait_together_are_encoded_together(encoder: Scripted) -> None:
    encoder.go.clear()
    async with patient(lambda: encoder) as encoding:
        first = asyncio.create_task(encoding.meanings(["first"]))
        await until(lambda: bool(encoder.batches))
        others = [asyncio.create_task(encoding.meanings([text])) for text in ("a", "bb", "a")]
        await asyncio.sleep(0)
        encoder.go.set()
        found = await asyncio.gather(first, *others)
    assert encoder.batches == [["first"], ["a", "bb"]]
    assert all(found)


async def test_a_decision_goes_on_without_a_meaning_that_takes_too_long_and_has_it_the_next_time(
    encoder: Scripted,
) -> None:
    encoder.go.clear()
    async with Encoding(lambda: encoder, in_time=0.01) as encoding:
        assert await encoding.meanings(["late"]) is None
        encoder.go.set()
        async with asyncio.timeout(LONG):
            while await encoding.meanings(["late"]) is None:  # noqa: ASYNC110 - only the thread knows
                await asyncio.sleep(0)


async def test_a_text_nobody_waits_for_any_more_is_not_encoded(encoder: Scripted) -> None:
    encoder.go.clear()
    async with Encoding(lambda: encoder, in_time=0.01) as encoding:
        await encoding.meanings(["first"])
        await encoding.meanings(["given up"])
        encoder.go.set()
        await encoding.encode(["last"])
    assert encoder.batches == [["first"], ["last"]]


async def test_an_encoder_that_cannot_be_loaded_is_told_once_and_nobody_waits_for_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken() -> Scripted:
        raise OSError("no such file")

    async with patient(broken) as encoding:
        for _ in range(3):
            assert await encoding.meanings(["text"]) is None
        with pytest.raises(EncoderError, match="cannot be loaded: OSError: no such file"):
            await encoding.encode(["text"])
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_an_encoder_that_fails_once_is_asked_again(encoder: Scripted) -> None:
    encoder.fails = True
    async with patient(lambda: encoder) as encoding:
        assert await encoding.meanings(["text"]) is None
        encoder.fails = False
        assert await encoding.meanings(["text"]) is not None


async def test_a_closed_encoding_gives_nothing(encoder: Scripted) -> None:
    async with patient(lambda: encoder) as encoding:
        pass
    assert await encoding.meanings(["text"]) is None


async def test_only_the_vectors_used_last_are_kept(encoder: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KNOWN", 2)
    async with patient(lambda: encoder) as encoding:
        for text in ("a", "b", "a", "c", "a", "b"):
            await encoding.meanings([text])
    assert encoder.batches == [["a"], ["b"], ["c"], ["b"]]


async def test_a_customer_s_message_goes_between_the_steps_of_a_long_faq(encoder: Scripted) -> None:
    faq = [f"{'long ' * n}" for n in range(1, 3 * module.TOGETHER)]
    encoder.go.clear()
    async with patient(lambda: encoder) as encoding:
        learning = asyncio.create_task(encoding.encode(faq))
        await until(lambda: bool(encoder.batches))
        message = asyncio.create_task(encoding.meanings(["now"]))
        await asyncio.sleep(0)
        encoder.go.set()
        assert await message is not None
        assert len(await learning) == len(faq)
    assert "now" in encoder.batches[1]
    assert [len(batch) for batch in encoder.batches if "now" not in batch] <= [module.TOGETHER] * 3


async def test_a_library_is_compared_by_meaning_once_it_was_learned(encoder: Scripted) -> None:
    library = Library([Article("a", "Where?", "Here."), Article("b", "Where is it now?", "There.")])
    study = Study()
    study.add(library)
    async with patient(lambda: encoder) as encoding, encoding.learning(study):
        await until(lambda: library.search("Elsewhere, and when?", 1, np.array([0, 1], np.float32))[0].meant)
    assert not library.search("Elsewhere, and when?", 1)[0].meant


async def test_what_could_not_be_learned_is_learned_later(encoder: Scripted) -> None:
    library = Library([Article("a", "Where?", "Here."), Article("b", "Where is it now?", "There.")])
    study = Study()
    study.add(library)
    encoder.fails = True
    async with Encoding(lambda: encoder, LONG, again=0.001) as encoding, encoding.learning(study):
        await until(lambda: len(encoder.batches) > 1)
        assert not library.search("Elsewhere, and when?", 1, np.array([0, 1], np.float32))[0].meant
        encoder.fails = False
        await until(lambda: library.search("Elsewhere, and when?", 1, np.array([0, 1], np.float32))[0].meant)


async def test_an_encoder_with_something_to_give_back_is_closed(encoder: Scripted) -> None:
    closed = threading.Event()
    encoder.close = closed.set  # type: ignore[attr-defined]
    async with patient(lambda: encoder):
        pass
    assert closed.is_set()


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(LONG):
        while not true():  # noqa: ASYNC110 - only the thread knows
            await asyncio.sleep(0.001)
