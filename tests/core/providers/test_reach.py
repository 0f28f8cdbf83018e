"""What doctor learns of a keyed provider without calling a model."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from core.providers import anthropic, openai_chat

KEY = "sk-test-0123456789"


@pytest.fixture
async def vendor() -> AsyncIterator[str]:
    async def models(request: web.Request) -> web.Response:
        given = request.headers.get("x-api-key") or request.headers.get("Authorization", "").removeprefix("Bearer ")
        return web.json_response({"data": []}, status=200 if given == KEY else 401)

    app = web.Application()
    app.router.add_get("/v1/models", models)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    await runner.cleanup()


@pytest.mark.parametrize("build", [openai_chat.build, anthropic.build])
@pytest.mark.parametrize(("key", "said"), [(KEY, ""), ("sk-test-of-nobody-1234", "the key is refused"), ("", "no key")])
async def test_a_key_is_tried_on_the_list_of_models(vendor: str, build, key: str, said: str) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    provider = build(url=vendor, key=key)
    assert await provider.reach() == said
    await provider.aclose()


async def test_a_server_that_is_away_is_named() -> None:
    provider = openai_chat.build(url="http://127.0.0.1:1/v1", key=KEY)
    assert await provider.reach() == "nothing answers at http://127.0.0.1:1/v1"
    await provider.aclose()
