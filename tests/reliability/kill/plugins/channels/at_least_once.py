"""The posting platform where nothing may ever be missing."""

from __future__ import annotations

from tests.reliability.kill.posting import PostingChannel


def build(*, url: str) -> PostingChannel:
    """What may have been sent is sent again."""
    return PostingChannel("at_least_once", url, again=True)
