"""Answers that are read whole before any of it is shown: gathered from their streams, voted on, or judged."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from core.answering.attempt import Attempt
from core.answering.hedge import Opened
from core.answering.judge import JudgeRules, drawn
from core.answering.request import Request
from core.answering.vote import vote
from core.tiers import ModelCard

AGREED = 0.5
"""The least agreement of the elected text with the others for it to count as their answer."""


@dataclass(frozen=True, slots=True)
class Judging:
    """The independent model that judges, how, and within how many seconds: after those the answer goes out unjudged."""

    card: ModelCard
    rules: JudgeRules
    within: float

    def wants(self, request: Request) -> bool:
        """Whether the answer to this request is among those it judges."""
        return drawn(self.rules.share, request.conversation, request.prompt.question)


async def gathered(opened: Opened) -> str:
    """All of a call's text that may be shown; empty unless it is whole."""
    async with aclosing(opened.rest) as pieces:
        text = "".join([piece async for piece in pieces])
    return text if opened.attempt.answered else ""


async def voted(opened: Sequence[Opened]) -> tuple[Attempt, str, bool]:
    """Of several models' whole texts the one most agree on, who made it, and whether they do agree."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(gathered(one)) for one in opened]
    made = [(one.attempt, task.result()) for one, task in zip(opened, tasks, strict=True) if task.result()]
    if not made:
        return opened[0].attempt, "", False
    ballot = vote([text for _, text in made])
    attempt = next(attempt for attempt, text in made if text == ballot.text)
    return attempt, ballot.text, len(made) == 1 or ballot.agreement >= AGREED
