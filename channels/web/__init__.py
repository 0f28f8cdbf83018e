"""The web chat: one small page, server-sent events down, POST up with an id the page made.

`build` is all that config.yaml knows of it: the options under `channels.web`. The parts are in the modules beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from channels.web.channel import Site, WebChannel
from channels.web.stream import Limits

__all__ = ["build"]


def build(
    *,
    origins: Sequence[str] = (),
    title: str = "",
    suggestions: Mapping[str, Sequence[str]] | Sequence[str] = (),
    per_visitor: int = 4,
    pages: int = 2_000,
) -> WebChannel:
    """The web channel; its routes() are mounted by whoever has the server.

    `origins` (`https://shop.example`) may show the chat in a frame; it must then be served by HTTPS. `suggestions` are
    first questions a newcomer can press, a list or one for each language. At most `per_visitor` pages of one visitor
    and `pages` in all are served at a time.
    """
    chips = suggestions if isinstance(suggestions, Mapping) else {"": suggestions}
    site = Site(
        tuple(origin.rstrip("/") for origin in origins),
        title or "Support",
        {language: tuple(texts) for language, texts in chips.items()},
    )
    return WebChannel(site, Limits(per_visitor=per_visitor, pages=pages))
