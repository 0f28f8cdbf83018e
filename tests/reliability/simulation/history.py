"""What happened in a seed, line by line, and what of it a checker asks for. Who does what is not known here."""

from __future__ import annotations

from typing import Any

from tests.reliability.simulation.loop import Process, VirtualLoop

Event = tuple[float, str, str, str]
ROUTINE = {"look", "beat", "show_life", "renew", "size", "hold", "silences"}
"""Units of work that are only told of when they went wrong."""


class History:
    """`events` is every line; `surprises` are errors nobody planned.

    `commits` are writes under a claim in their order: the chat, who, the epoch and what. `settled`, `admitted` and
    `told` say when: of a reply by its chat and key, of a message by its key; `told`: when its process knew of it.
    """

    def __init__(self, loop: VirtualLoop) -> None:
        self.events: list[Event] = []
        self.surprises: list[str] = []
        self.commits: list[tuple[str, str, int, str]] = []
        self.settled: dict[tuple[str, str], float] = {}
        self.admitted: dict[str, float] = {}
        self.told: dict[str, float] = {}
        self._loop = loop

    def note(self, process: Process | None, what: str, detail: str) -> None:
        """One line."""
        self.events.append((self._loop.time(), process.name if process else "-", what, detail))

    def surprise(self, what: str) -> None:
        """Something that must not happen."""
        self.note(None, "SURPRISE", what)
        self.surprises.append(what)

    def committed(
        self, process: Process, name: str, given: dict[str, Any], outcome: tuple[Any, Exception | None], fault: str
    ) -> None:
        """A unit of work was done, or not."""
        result, error = outcome
        lost = name == "renew" and error is None and len(result) != len(given["claims"])
        nothing = name == "claim" and not result and not error
        if nothing or (name in ROUTINE and not (error or fault or lost)):
            return
        self.note(process, "store", f"{name} {said(given)} {fault} -> {error or short(result)}")
        if error is not None:
            return
        now = self._loop.time()
        if claim := given.get("claim"):
            self.commits.append((str(claim.address), process.name, claim.epoch, name))
        if name == "admit":
            self.admitted.setdefault(given["arrival"].key, now)
        if name == "settle":
            self.settled.setdefault((str(given["settlement"].address), given["settlement"].key), now)


def short(value: object) -> str:
    """A result as a log shows it."""
    text = repr(value)
    return text if len(text) < 160 else f"{text[:80]} .. {text[-70:]}"


def said(given: dict[str, Any]) -> str:
    """What a unit of work was given, as a log shows it."""
    found = []
    for name, value in given.items():
        match name:
            case "arrival":
                found.append(f"{value.key} {value.message.kind if value.message else ''}")
            case "settlement":
                found.append(f"{value.address} {value.key} {value.entry.outcome} {[m.id for m in value.messages]}")
            case "part":
                found.append(f"{value.reply}/{value.index} {value.state} {value.sent_as}")
            case "claim" if value is not None:
                found.append(f"{value.address} epoch {value.epoch} attempts {value.attempts}")
            case "claims":
                found.append(f"[{', '.join(f'{c.address} epoch {c.epoch}' for c in value)}]")
            case "address" | "progress" | "name" | "tried":
                found.append(f"{name}={value}")
    return ", ".join(found)
