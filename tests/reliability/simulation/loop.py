"""An asyncio event loop whose time is made up, and the processes in it that can be killed or stopped between two steps.

Nothing waits: when nothing is ready, time jumps to the next timer. All runs in one thread in an order that only the
seed decides. What goes wrong and when is in `faults`; what the processes do is not known here.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import Handle, TimerHandle
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any

START = 1_000.0
"""Seconds on every loop's clock at its beginning."""


class Process:
    """What runs on its own and dies as a whole: after a `kill -9` nothing of it takes a step, not even a `finally`.

    While it is stopped (SIGSTOP) its steps wait; time goes on for all others. `fault` is called after `left` steps.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.stopped = False
        self.tasks: list[asyncio.Task[Any]] = []
        self.skew = 0.0
        self.left = 0
        self.fault: Callable[[Process], None] | None = None
        self._waiting: list[Handle] = []
        self._context = copy_context()
        self._context.run(PROCESS.set, self)

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begin something in this process, whoever asks for it."""
        return asyncio.get_running_loop().create_task(work, context=self._context.copy())

    def takes(self, handle: Handle) -> bool:
        """Whether this step may be made now."""
        if self.alive and not self.stopped and self.fault is not None:
            self.left -= 1
            if self.left <= 0:
                self.fault(self)
        if self.alive and not self.stopped:
            return True
        self._waiting.append(handle)
        return False

    def go_on(self) -> list[Handle]:
        """End the stop; the steps that waited."""
        waited, self._waiting, self.stopped = self._waiting, [], False
        return waited


PROCESS: ContextVar[Process | None] = ContextVar("PROCESS", default=None)


class NumberedTask(asyncio.Task[Any]):
    """A task whose hash is a number of its loop's: sets of tasks are walked in the same order in every run."""

    def __init__(self, coro: Any, *, loop: VirtualLoop, context: Context | None = None) -> None:
        loop.made += 1
        self._number = loop.made
        super().__init__(coro, loop=loop, context=context)
        if (process := PROCESS.get() if context is None else context.get(PROCESS)) is not None:
            process.tasks.append(self)
        self._log_destroy_pending = False

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class StuckError(Exception):
    """Nothing is ready and no timer runs: everybody waits for ever."""


class VirtualLoop(asyncio.BaseEventLoop):
    """`steps` counts what was run; `made` counts tasks."""

    _ready: Any
    _scheduled: list[TimerHandle]

    def __init__(self) -> None:
        self._now = START
        self.steps = 0
        self.made = 0
        super().__init__()
        self._clock_resolution = 1e-6
        self.set_task_factory(lambda loop, coro, **more: NumberedTask(coro, loop=loop, **more))

    def time(self) -> float:
        return self._now

    def _write_to_self(self) -> None:
        """Nobody sleeps."""

    def _process_events(self, event_list: Any) -> None:
        """There are none."""

    def again(self, handles: list[Handle]) -> None:
        """Run these soon: steps of a process that was stopped."""
        self._ready.extend(handles)

    def _run_once(self) -> None:
        timers, ready = self._scheduled, self._ready
        while timers and timers[0]._cancelled:
            heapq.heappop(timers)
        if not ready:
            if not timers:
                raise StuckError("nothing is ready and no timer runs")
            self._now = max(self._now, timers[0].when())
        while timers and timers[0].when() <= self._now + self._clock_resolution:
            handle = heapq.heappop(timers)
            self._now = max(self._now, handle.when())  # what is due within the resolution is due in one instant
            handle._scheduled = False  # type: ignore[attr-defined]
            ready.append(handle)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            process = handle._context.get(PROCESS)
            if process is None or process.takes(handle):
                self.steps += 1
                handle._run()


def answer(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    """Tell whoever still waits how it went."""
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
