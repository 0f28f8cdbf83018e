"""What goes wrong on the way to a model: refusals, cuts and nonsense."""

from __future__ import annotations

import traceback
from contextlib import aclosing
from typing import Any

import pytest

from core.errors import BadPrompt, Busy, Denied, Interrupted, ProviderError, Unavailable
from core.providers._http import LONGEST_ANSWER
from core.providers.openai_chat import OpenAIChat, build
from core.tiers import Delta, ModelCard, Prompt

KEY = "sk-very-secret-0123456789"
COUNT = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15, "prompt_tokens_details": {"cached_tokens": 8}}


def piece(text: Any, finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}], **more}


ANSWER = (
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
    piece("It is "),
    piece("on \N{DELIVERY TRUCK}"),
    piece(None, "stop"),
    {"choices": [], "usage": COUNT},
    "[DONE]",
)


async def ask(provider: OpenAIChat, prompt: Prompt, card: ModelCard) -> list[Any]:
    try:
        async with aclosing(provider.stream(prompt, card)) as chunks:
            return [chunk async for chunk in chunks]
    finally:
        await provider.aclose()


async def test_a_new_connection_that_is_cut_before_the_answer_is_not_tried_again(
    serving: Any, prompt: Prompt, card: ModelCard
) -> None:
    async with serving(lambda v: v.hang_up()) as vendor:
        with pytest.raises(Unavailable):
            await ask(build(url=vendor.url), prompt, card)
    assert len(vendor.requests) == 1


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"error": {"message": f"Incorrect API key provided: {KEY}"}}, Denied),
        (403, None, Denied),
        (429, {"error": {"message": "slow down", "type": "requests"}}, Busy),
        (429, {"error": {"code": "insufficient_quota"}}, Denied),
        (400, {"error": {"code": "context_length_exceeded"}}, BadPrompt),
        (404, {"error": {"code": "model_not_found"}}, BadPrompt),
        (503, "down", Unavailable),
        (529, None, Busy),
        (302, None, Unavailable),
    ],
)
async def test_a_refusal_becomes_the_error_of_its_kind(
    serving: Any, prompt: Prompt, card: ModelCard, status: int, body: Any, kind: type[ProviderError]
) -> None:
    async with serving(lambda v: v.refuse(status, body, Retry_After="3", Location="/v1/elsewhere")) as vendor:
        with pytest.raises(ProviderError) as caught:
            await ask(build(url=vendor.url, key=KEY), prompt, card)
    assert type(caught.value) is kind
    if isinstance(caught.value, Busy):
        assert caught.value.retry_after == 3.0
    assert len(vendor.requests) == 1


def everything_an_error_shows(error: BaseException) -> str:
    """Its text, the traceback, and the representations of every error it leads to."""
    seen, queue = [], [error]
    while queue:
        one = queue.pop()
        seen += [repr(one), str(one), repr(one.args), repr(vars(one))]
        queue += [e for e in (one.__cause__, one.__context__) if e is not None]
    return "".join([*seen, *traceback.format_exception(error)])


async def test_no_error_and_no_repr_shows_the_key(serving: Any, prompt: Prompt, card: ModelCard) -> None:
    async def cut(vendor: Any) -> None:
        await vendor.head()
        await vendor.events(piece("half"))
        await vendor.hang_up()

    shown = []
    for script in (lambda v: v.refuse(401, {"error": {"message": KEY}}), cut):
        async with serving(script) as vendor:
            provider = build(url=vendor.url, key=KEY)
            with pytest.raises(ProviderError) as caught:
                await ask(provider, prompt, card)
            shown += [repr(provider), everything_an_error_shows(caught.value)]
    for url in ("http://127.0.0.1:9/v1", "nonsense", "http://[::1"):
        with pytest.raises(Unavailable) as down:
            await ask(build(url=url, key=KEY), prompt, card)
        shown.append(everything_an_error_shows(down.value))
    for bad in (KEY + "\r\nX: y", KEY + "\N{SNOWMAN}"):
        with pytest.raises(Denied) as denied:
            await ask(build(url="http://127.0.0.1:9/v1", key=bad), prompt, card)
        shown.append(everything_an_error_shows(denied.value))
    assert KEY not in "".join(shown)


async def _cut_at_once(vendor: Any) -> None:
    await vendor.head()
    await vendor.hang_up()


async def _cut_after_text(vendor: Any) -> None:
    await vendor.head()
    await vendor.events(piece("half"))
    await vendor.hang_up()


async def _ends_without_finish(vendor: Any) -> None:
    await vendor.head()
    await vendor.events(piece("half"))
    await vendor.end()


async def _not_json(vendor: Any) -> None:
    await vendor.head()
    await vendor.events(piece("half"), '{"choices": [{"delta"')


async def _wrong_shape(vendor: Any) -> None:
    await vendor.head()
    await vendor.events({"choices": ["text"]})


async def _deep(vendor: Any) -> None:
    await vendor.head()
    await vendor.events("[" * 100_000)


async def _endless_line(vendor: Any) -> None:
    await vendor.head()
    await vendor.raw(b"data: " + b"x" * 300_000)


async def _error_event(vendor: Any) -> None:
    await vendor.head()
    await vendor.events(piece("half"), {"error": {"message": "boom", "code": 500}})


async def _a_page(vendor: Any) -> None:
    await vendor.head(200, "text/html")
    await vendor.raw(b"<html><body>Please log in to the hotel network</body></html>")
    await vendor.end()


CUT = (_cut_at_once, _cut_after_text, _ends_without_finish)
MALFORMED = (_not_json, _wrong_shape, _deep, _endless_line, _error_event, _a_page)


@pytest.mark.parametrize("script", [*CUT, *MALFORMED])
async def test_a_broken_stream_is_interrupted(serving: Any, prompt: Prompt, card: ModelCard, script: Any) -> None:
    async with serving(script) as vendor:
        with pytest.raises(Interrupted):
            await ask(build(url=vendor.url), prompt, card)


async def test_a_server_that_ignores_the_token_limit_is_cut(serving: Any, prompt: Prompt, card: ModelCard) -> None:
    async def script(vendor: Any) -> None:
        await vendor.head()
        while not vendor.reader.at_eof():
            await vendor.events(piece("word " * 200))

    async with serving(script) as vendor:
        with pytest.raises(Interrupted, match=str(LONGEST_ANSWER)):
            await ask(build(url=vendor.url), prompt, card)


async def test_a_finished_answer_takes_no_harm_from_how_its_stream_ends(
    serving: Any, prompt: Prompt, card: ModelCard
) -> None:
    async def script(vendor: Any) -> None:
        await vendor.head()
        await vendor.events(*ANSWER[:-1])
        await vendor.hang_up()

    async with serving(script) as vendor:
        assert (await ask(build(url=vendor.url), prompt, card))[:2] == [Delta("It is "), Delta("on \N{DELIVERY TRUCK}")]
