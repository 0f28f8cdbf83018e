"""A replay's desks: one in this process for a few conversations, one on every processor for many.

Each desk has its share of the conversations and a store of its own in memory; conversations do not know each other, so
the shares only have to be counted together. What is printed is the command's affair.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import uvloop

from bots import logs
from bots.parts import Parts, read_settings
from channels.memory import MemoryChannel
from core.answering.availability import Availability
from core.answering.chain import Chain
from core.conversation import Address
from core.desk import Desk
from core.encoding import Encoding
from core.errors import FirstlineError, SettingsError
from core.learning.dialogues import Dialogue
from core.learning.replay import RecordedHistory, feed
from core.learning.tally import Tally, count
from core.policy import Policy
from core.ports import Provider
from core.store.sql import open_store

OFFLINE = "offline"
WORTH_IT = 500
"""Messages from which on a second process pays for its start of about a second."""

PATIENT = 60.0
"""Seconds a replay waits for the meaning of a message: it has no customer who waits, and is to be repeatable."""

LOOK = 0.1
"""Seconds between two looks at how far the processes are."""


class NothingToAnswerWith(FirstlineError):
    """No tier names a model that answers without being called."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be replayed and how. `live` calls the models for real; without it only offline answers are used."""

    config: Path
    dialogues: Sequence[Dialogue]
    channel: str
    live: bool

    @property
    def messages(self) -> int:
        """The customers' messages in it."""
        return sum(dialogue.messages for dialogue in self.dialogues)


@dataclass(frozen=True, slots=True)
class Played:
    """What the desks did, and between which moments (Unix seconds) they were fed."""

    tally: Tally
    began: float
    ended: float
    desks: int = 1


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def play(task: Task, progress: Callable[[int], None]) -> Played:
    """Replay it; `progress` is told how many more messages are done. NothingToAnswerWith, SettingsError."""
    desks = processors()
    if task.live or desks == 1 or task.messages < WORTH_IT:
        return _run(task, lambda: progress(1))
    context = multiprocessing.get_context("spawn")
    done = context.Value("q", 0)
    shares = [replace(task, dialogues=task.dialogues[n::desks]) for n in range(desks)]
    with ProcessPoolExecutor(desks, context, _remember, (done,)) as pool:
        futures = [pool.submit(_work, share) for share in shares]
        seen = 0
        while not all(future.done() for future in futures):
            time.sleep(LOOK)
            progress(done.value - seen)
            seen = done.value
        played = [future.result() for future in futures]
    tally = Tally(0, 0)
    for each in played:
        tally.add(each.tally)
    return Played(tally, min(each.began for each in played), max(each.ended for each in played), desks)


_done: Any = None


def _remember(done: Any) -> None:
    logs.configure(level=logging.ERROR)
    global _done  # noqa: PLW0603 - a shared counter can only reach a process while it starts
    _done = done


def _work(task: Task) -> Played:
    try:
        return _run(task, _step)
    except SettingsError as error:  # it would not survive the way between processes: its text does
        raise FirstlineError(str(error)) from None


def _step() -> None:
    with _done.get_lock():
        _done.value += 1


def _run(task: Task, step: Callable[[], None]) -> Played:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_play(task, step))


async def _play(task: Task, step: Callable[[], None]) -> Played:
    parts = Parts(read_settings(task.config), task.config)
    async with AsyncExitStack() as stack:
        providers = parts.providers()
        for provider in providers.values():
            stack.push_async_callback(provider.aclose)
        encoding = await stack.enter_async_context(Encoding(parts.encoder, in_time=PATIENT))
        policy = await _policy(parts, providers, task, encoding)
        await encoding.learn(parts.study)
        history = RecordedHistory(await stack.enter_async_context(open_store("sqlite://")))
        channels = {task.channel: MemoryChannel(task.channel)}
        desk = await stack.enter_async_context(Desk(history, channels, policy))
        began = time.time()
        await feed(task.dialogues, task.channel, desk, history, step)
        ended = time.time()
        return Played(count(history.settlements, len(task.dialogues), task.messages), began, ended)


async def _policy(parts: Parts, providers: Mapping[str, Provider], task: Task, encoding: Encoding) -> Policy:
    """The policy in force, answering offline, with an operators' chat of its own where one is named."""
    ready = Availability(providers)
    policy = parts.policy(providers, ready, encoding)
    operators = Address(task.channel, "operators") if policy.operators else None
    policy = replace(policy, operators=operators, people=())
    if task.live:
        await ready.ask()
        return policy
    free = {name for name, section in parts.settings.providers.items() if section.uses == OFFLINE}
    tiers = {tier: tuple(c for c in cards if c.provider in free) for tier, cards in policy.chain.tiers.items()}
    if not any(tiers.values()):
        raise NothingToAnswerWith("no tier names the offline provider: write offline/faq under tiers:, or say --live")
    chain = Chain(tiers, {name: providers[name] for name in free}, ready, policy.chain.means)
    return replace(policy, chain=chain)
