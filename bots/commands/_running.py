"""Asking the firstline that is running, over its own HTTP port, from a command in another process."""

from __future__ import annotations

from typing import Any

import aiohttp

from core.errors import FirstlineError
from core.settings import Settings

PATIENCE = aiohttp.ClientTimeout(total=10)


async def asked(settings: Settings, path: str) -> dict[str, Any]:
    """What the process that runs answers at `/operator/api/<path>`. FirstlineError when none answers, or refuses."""
    return await _said(settings, path, None)


async def told(settings: Settings, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The same for something it is to do."""
    return await _said(settings, path, body)


async def _said(settings: Settings, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
    server = settings.server
    host = "127.0.0.1" if server.host in {"0.0.0.0", "::", "127.0.0.1", "localhost"} else server.host  # noqa: S104
    url = f"http://{host}:{server.port}/operator/api/{path}"
    secret = server.operator_key.reveal()
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    try:
        async with aiohttp.ClientSession(timeout=PATIENCE, headers=headers) as http:
            asking = http.get(url) if body is None else http.post(url, json=body)
            async with asking as response:
                said: dict[str, Any] = await response.json()
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise FirstlineError(f"no firstline that runs answers at {url}: {type(error).__name__}") from error
    if not response.ok:
        raise FirstlineError(str(said.get("problem", f"the running firstline answered {response.status}")))
    return said
