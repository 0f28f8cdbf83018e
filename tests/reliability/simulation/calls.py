"""Calls of a process to a platform, over a network that may lose them, delay them, or lose only the answer.

What a call does on the platform is the caller's; what each platform is like is in `telegram` and `posting`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from core.errors import ChannelError, NotSent, Throttled, Unconfirmed
from tests.reliability.simulation.loop import Process, answer

if TYPE_CHECKING:
    from tests.reliability.simulation.world import World

FAULTS = ("call_fails", "call_loses", "call_late", "throttled", "dies_at_call", "stops_at_call", "call_slow")
LATEST = 30.0
"""Seconds after which an answer that was lost is given up, and a call that was late has arrived."""


class Line:
    """One process's way to one platform."""

    def __init__(self, world: World, process: Process) -> None:
        self.world = world
        self.process = process

    async def call(self, what: str, effect: Callable[[], Any]) -> Any:
        """What the effect gives, or raises as the platform's refusal. ChannelError as the network has it."""
        world, loop = self.world, self.world.loop
        future: asyncio.Future[Any] = loop.create_future()
        if world.over:
            raise asyncio.CancelledError
        fault = world.faults.one_of(*FAULTS)
        world.note(self.process, "calls", f"{what} {fault}".rstrip())
        early = world.dice.random() < 0.5
        wait = world.wait(fault, "call_slow", "call_late", most=LATEST)
        match fault:
            case "call_fails":
                world.after(wait, lambda: answer(future, None, NotSent("no connection")))
            case "throttled":
                seconds = world.dice.choice((1.0, 2.0, 5.0, 20.0))
                world.after(wait, lambda: answer(future, None, Throttled("too many requests", seconds)))
            case "call_late":
                world.after(wait, lambda: self._done(what, effect, future))
                world.after(wait * world.dice.random(), lambda: answer(future, None, Unconfirmed("no answer")))
            case "call_loses":
                if early:
                    world.after(wait, lambda: self._done(what, effect, future))
                world.after(wait + world.dice.choice((0.1, 1.0, LATEST)), lambda: answer(future, None, Unconfirmed("")))
            case "dies_at_call":
                if early:
                    world.after(wait, lambda: self._done(what, effect, future))
                world.after(
                    world.dice.choice((0.0, wait, 2 * wait)), lambda: world.fleet.kill(self.process, f"at {what}")
                )
                world.after(wait, lambda: answer(future, None, Unconfirmed("")))
            case "stops_at_call":  # its bytes leave when it goes on; what may have happened meanwhile it does not know
                wait += world.fleet.stop(self.process)
                world.after(wait, lambda: answer(future, *self._done(what, effect, future)))
            case _:
                world.after(wait, lambda: answer(future, *self._done(what, effect, future)))
        return await future

    def _done(
        self, what: str, effect: Callable[[], Any], future: asyncio.Future[Any]
    ) -> tuple[Any, ChannelError | None]:
        self.world.unheard = future.done() or not self.process.alive
        try:
            result = effect()
        except ChannelError as error:
            self.world.note(self.process, "refused", f"{what}: {error}")
            return None, error
        self.world.note(self.process, "arrives", what)
        return result, None
