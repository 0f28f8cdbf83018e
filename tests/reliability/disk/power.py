"""What a loss of power would leave: a worker's writes and syncs, recorded by strace, are replayed up to a moment.

A write is certain once an fdatasync of its file has returned; each later one is on the disk whole, in part (whole
sectors of it) or not at all. The worst case is that none is: then every acknowledged row must still be there, which
shows that each acknowledgement was written after the sync of its commit. Names in the directory are taken as certain,
but for a removed log, which may come back. Nothing is killed or spoilt here, and `check` says what is wrong.
"""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.reliability.disk import check, faults
from tests.reliability.disk.faults import Bench

SECTOR = 512
SYNCS = {"fdatasync", "fsync"}
EVENTS = ("pwrite64", "ftruncate", "unlink", "write", *sorted(SYNCS))
CUTS_A_RUN = 100

BEGUN = re.compile(r'^(\d+) +(\w+)\((?:(\d+)<([^>]*)>|"([^"]*)")(?:, "([^"]*)")?(.*)')
RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>")


@dataclass(frozen=True)
class Event:
    """One call as it takes effect: `call` on the file `name`, or the writing of an acknowledgement."""

    call: str
    name: str
    data: bytes = b""
    at: int = 0


@dataclass
class File:
    """One file: what is certain of it, and what was written since its last sync, in order."""

    certain: bytearray
    pending: list[Event] = field(default_factory=list)
    removed: bool = False

    def sync(self) -> None:
        for event in self.pending:
            _apply(self.certain, event)
        self.pending.clear()

    def image(self, chance: random.Random | None) -> bytes:
        """What the disk holds after a cut: only what is certain, or with it a part of the rest."""
        image = bytearray(self.certain)
        for event in self.pending if chance else ():
            if chance is not None and chance.random() < 0.5:
                sectors = chance.randint(0, len(event.data) // SECTOR + 1)
                whole = event.call != "pwrite64" or chance.random() < 0.5
                _apply(image, event, len(event.data) if whole else sectors * SECTOR)
        return bytes(image)


class Disk:
    """The store's two files that matter, and what was acknowledged so far; the log's index is made anew after a cut."""

    def __init__(self, template: Path) -> None:
        self.lines: list[check.Line] = []
        self._files = {"store.db": File(bytearray(template.read_bytes())), "store.db-wal": File(bytearray())}

    def happen(self, event: Event) -> None:
        """Let one call take effect."""
        if event.call == "write":
            self.lines.append(json.loads(event.data))
            return
        file = self._files.get(event.name)
        if file is None:
            return
        if event.call in SYNCS:
            file.sync()
        elif event.call == "unlink":
            file.removed = True
        elif file.removed:
            self._files[event.name] = File(bytearray(), [event])
        else:
            file.pending.append(event)

    def cut(self, copy: Path, chance: random.Random | None) -> list[str]:
        """What is wrong when the power is cut now and only what is certain was kept, or with it a part of the rest."""
        log = copy.with_name(copy.name + "-wal")
        kept, logged = self._files.values()
        copy.write_bytes(kept.image(chance))
        if not logged.removed or (chance is not None and chance.random() < 0.5):
            log.write_bytes(logged.image(chance))
        wrong = check.faults(copy, self.lines)
        for left in (copy, log):
            left.unlink(missing_ok=True)
        return wrong


@dataclass
class Cuts:
    """How many cuts were tried, and what was wrong afterwards."""

    made: int = 0
    wrong: list[str] = field(default_factory=list)


def many(bench: Bench, cuts: int, seed: int) -> Cuts:
    """So many moments of several runs: half of them right after something was acknowledged."""
    found = Cuts()
    while found.made < cuts and not found.wrong:
        run, chance = bench.folder / f"power-{found.made}", random.Random(seed + found.made)
        options = ["--seccomp-bpf", "-xx", "-y", "-s", "70000", "-e", f"trace={','.join(EVENTS)}"]
        status, _, words = faults.traced(bench, run, options, seed + found.made)
        if status:
            return Cuts(found.made, [f"the recorded run ended with {status}: {words}"])
        events = list(read(run / "trace"))
        moments = _moments(events, min(CUTS_A_RUN, cuts - found.made), chance)
        disk = Disk(bench.template)
        for n, event in enumerate(events):
            disk.happen(event)
            if n in moments:
                found.made += 1
                wrong = disk.cut(run / "cut.db", None) + disk.cut(run / "cut.db", chance)
                found.wrong += [f"power cut in {run.name} after event {n} ({event.call}): {what}" for what in wrong]
        shutil.rmtree(run)
    return found


def _moments(events: list[Event], cuts: int, chance: random.Random) -> set[int]:
    said = [n for n, event in enumerate(events) if event.call == "write"]
    after = set(chance.sample(said, cuts // 2))
    return after | set(chance.sample(sorted(set(range(len(events))) - after), cuts - len(after)))


def _apply(image: bytearray, event: Event, most: int | None = None) -> None:
    if event.call == "ftruncate":
        image[:] = image[: event.at].ljust(event.at, b"\0")
        return
    data = event.data[:most]
    image.extend(bytes(max(0, event.at - len(image))))
    image[event.at : event.at + len(data)] = data


def read(trace: Path) -> Iterator[Event]:
    """A sync takes effect when it returns, everything else when it begins."""
    waiting: dict[str, Event] = {}
    for line in trace.read_text("ascii").splitlines():
        if match := BEGUN.match(line):
            thread, call, fd, on, path, data, rest = match.groups()
            name = Path(_bytes(on or path or "").decode()).name
            numbers = [int(number) for number in re.findall(r", (\d+)", rest.partition(")")[0])]
            event = Event(call, name, _bytes(data or ""), numbers[-1] if numbers else 0)
            if call in SYNCS and "<unfinished" in line:
                waiting[thread] = event
            elif call != "write" or fd == "1":
                yield event
        elif (match := RESUMED.match(line)) and match[1] in waiting:
            yield waiting.pop(match[1])


def _bytes(hexadecimal: str) -> bytes:
    return bytes.fromhex(hexadecimal.replace("\\x", ""))
