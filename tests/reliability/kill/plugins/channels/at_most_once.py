"""The posting platform where nothing may ever stand twice."""

from __future__ import annotations

from tests.reliability.kill.posting import PostingChannel


def build(*, url: str) -> PostingChannel:
    """What may have been sent is not sent again."""
    return PostingChannel("at_most_once", url, again=False)
