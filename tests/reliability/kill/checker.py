"""What became of every message, from two witnesses: the platform (what stands in the chats) and the database.

Independent of the product: it knows the tables by their names, never its code, and reads them with plain SQL. Nothing
here decides when to look; it is asked once all is quiet.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import psycopg

from tests.reliability.kill.codes import OPENING, Code, codes

Row = tuple[Any, ...]


class Promise(StrEnum):
    """What a channel promises about each answer."""

    ONCE = "exactly once"
    AT_MOST_ONCE = "at most once"
    AT_LEAST_ONCE = "at least once"


@dataclass(frozen=True)
class Chat:
    """What one witness says of a chat: what its customer wrote, in that order, and the posts that stand, oldest first.

    `uncertain` are messages the platform itself gave up on: they may be there or not, but no answer twice.
    """

    address: str
    promise: Promise
    written: Sequence[Code]
    posts: Sequence[str]
    uncertain: frozenset[Code] = frozenset()


@dataclass
class Findings:
    """Counts by name, and a line for each single case. `faults` are the names that must be 0.

    `openings` are the posts that were opened and left so, by chat and place.
    """

    counts: Counter[str] = field(default_factory=Counter)
    cases: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    openings: list[tuple[str, int]] = field(default_factory=list)

    def fault(self, name: str, case: str) -> None:
        """Something that was promised never to happen."""
        self.faults[name] += 1
        self.cases.append(f"{name}: {case}")

    def add(self, other: Findings) -> None:
        """Count another run's findings in."""
        self.counts += other.counts
        self.faults += other.faults
        self.cases += other.cases


ANSWERS = ("parcel", "weighs")
"""Words of answers: pages in between carry no code."""

FAULTS = (
    "message lost",
    "settled twice",
    "answer lost",
    "answer doubled",
    "order violation",
    "history wrong",
    "not quiet",
    "strange text",
)
"""The names of all faults."""


def query(url: str, sql: str) -> list[Row]:
    """The rows of a statement on `sqlite:///file` or `postgresql://...`, in a transaction that changes nothing."""
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(f"file:{url.removeprefix('sqlite:///')}?mode=ro", uri=True)) as db:
            return db.execute(sql).fetchall()
    with psycopg.connect(url, autocommit=True) as server:
        return server.execute(sql.encode()).fetchall()


def unfinished(url: str) -> int:
    """Messages and replies the store has not brought to an end."""
    messages, replies = "select 1 from inbox where state = 'accepted'", "select 1 from reply where state = 'planned'"
    return len(query(url, messages)) + len(query(url, replies))


def check(chats: Sequence[Chat], url: str) -> Findings:
    """Everything there is to say, once the store is quiet and every message was taken."""
    found = Findings()
    kept = Kept(url)
    for chat in chats:
        _check_messages(chat, kept, found)
        _check_posts(chat, kept, found)
        _check_history(chat, kept, found)
    _check_quiet(kept, found)
    found.counts["written"] += sum(len(chat.written) for chat in chats)
    return found


class Kept:
    """The database, read once."""

    def __init__(self, url: str) -> None:
        self.inbox: defaultdict[str, dict[Code, tuple[str, str]]] = defaultdict(dict)
        self.twice: list[str] = []
        for conv, state, number, body in query(
            url, "select conv, state, message_id, message from inbox where message is not null order by conv, seq"
        ):
            for code in codes(json.loads(body)["text"])[:1]:
                if code in self.inbox[conv]:
                    self.twice.append(f"{conv} {code}")
                self.inbox[conv][code] = (state, number)
        ledger = query(url, "select conv, messages, outcome from ledger")
        self.covered = Counter((conv, number) for conv, numbers, _ in ledger for number in json.loads(numbers))
        self.outcomes = Counter(outcome for _, numbers, outcome in ledger if json.loads(numbers))
        self.abandoned: defaultdict[str, set[Code]] = defaultdict(set)
        for conv, text in query(url, "select conv, text from reply_part where state = 'abandoned'"):
            self.abandoned[conv].update(codes(text))
        self.turns: defaultdict[str, list[Code]] = defaultdict(list)
        for conv, kind, body in query(url, "select conv, kind, body from turn order by conv, number"):
            if kind == "message":
                self.turns[conv] += codes(json.loads(body)["text"])[:1]
        self.parts = Counter(state for (state,) in query(url, "select state from reply_part"))
        self.lines = query(url, "select conv, head, tail from conversation where head <> tail")
        self.unfinished = unfinished(url)
        self.leases = leases(url)


def leases(url: str) -> list[Row]:
    """Chats somebody still holds."""
    return query(url, "select conv, owner from conversation where owner is not null and owner <> ''")


def _check_messages(chat: Chat, kept: Kept, found: Findings) -> None:
    """Each message the bot took is in the store once and was settled once."""
    rows = kept.inbox[chat.address]
    for code in chat.written:
        state, number = rows.get(code, ("", ""))
        times = kept.covered[chat.address, number]
        if not state and code in chat.uncertain:
            found.counts["given up by the platform"] += 1
        elif not state:
            found.fault("message lost", f"{chat.address} {code} was confirmed and is in no inbox")
        elif state == "parked":
            found.counts["parked"] += 1
            found.cases.append(f"parked: {chat.address} {code}")
        elif state and (state != "settled" or not times):
            found.fault("message lost", f"{chat.address} {code} is {state}, in {times} ledger entries")
        if times > 1:
            found.fault("settled twice", f"{chat.address} {code} is in {times} ledger entries")
        found.counts["settled"] += state == "settled"


def _check_posts(chat: Chat, kept: Kept, found: Findings) -> None:
    """Each answer stands as often as was promised, in the order of its questions, and nothing else stands there."""
    seen: list[Code] = []
    for place, text in enumerate(chat.posts):
        carried = codes(text)
        if text.endswith(OPENING) and not carried:
            found.counts["openings left"] += 1
            found.openings.append((chat.address, place))
        elif not carried and not any(word in text for word in ANSWERS) and not _some_parked(chat, kept):
            found.fault("strange text", f"{chat.address}: {text[:100]!r}")
        seen += carried
    if chat.promise is Promise.AT_LEAST_ONCE:
        found.counts["doubled (at least once)"] += len(chat.posts) - len(set(chat.posts))
    times = Counter(seen)
    due = {expected for code in chat.written for expected in code.expected}
    for code in sorted(due):
        _check_answer(chat, kept, found, (code, times[code]))
    for code in times.keys() - due:
        found.fault("strange text", f"{chat.address} {code} was never asked for")
    for code in misplaced(seen, chat.uncertain):
        found.fault("order violation", f"{chat.address} {code} stands after a later one")


def _some_parked(chat: Chat, kept: Kept) -> bool:
    """Whether an apology may stand here: a message set aside is the one thing that is told so."""
    return any(state == "parked" for state, _ in kept.inbox[chat.address].values())


def _check_answer(chat: Chat, kept: Kept, found: Findings, seen: tuple[Code, int]) -> None:
    code, times = seen
    state, _ = kept.inbox[chat.address].get(Code(code.chat, code.number, code.long), ("", ""))
    if not times and state == "settled":
        if chat.promise is Promise.AT_MOST_ONCE and code in kept.abandoned[chat.address]:
            found.counts["given up (at most once)"] += 1
        else:
            found.fault("answer lost", f"{chat.address} {code}")
    if times > 1 and state == "parked":
        found.counts["parked with its answer in the chat"] += 1
    elif times > 1 and chat.promise is not Promise.AT_LEAST_ONCE:
        found.fault("answer doubled", f"{chat.address} {code} stands {times} times")


def misplaced(seen: Iterable[Code], uncertain: frozenset[Code] = frozenset()) -> list[Code]:
    """Codes that first appear after a later one."""
    late: list[Code] = []
    newest: dict[int, int] = {}
    for code in dict.fromkeys(seen):
        if any((code.chat, code.number) == (other.chat, other.number) for other in uncertain):
            continue
        if code.number < newest.get(code.page, 0):
            late.append(code)
        newest[code.page] = max(code.number, newest.get(code.page, 0))
    return late


def _check_history(chat: Chat, kept: Kept, found: Findings) -> None:
    """The history holds every settled message once, as it was written."""
    parked = {code for code, (state, _) in kept.inbox[chat.address].items() if state == "parked"}
    turns = [code for code in kept.turns[chat.address] if code not in parked]
    settled = Counter(code for code, (state, _) in kept.inbox[chat.address].items() if state == "settled")
    if Counter(turns) != settled:
        wrong = (Counter(turns) - settled) + (settled - Counter(turns))
        found.fault("history wrong", f"{chat.address}: {', '.join(map(str, wrong))}")
    for code in misplaced(turns, chat.uncertain):
        found.fault("order violation", f"{chat.address} {code} is a turn after a later one")


def _check_quiet(kept: Kept, found: Findings) -> None:
    for case in kept.twice:
        found.fault("settled twice", f"{case} is in the inbox twice")
    for conv, head, tail in kept.lines:
        found.fault("not quiet", f"{conv}: head {head}, tail {tail}")
    for conv, owner in kept.leases:
        found.fault("not quiet", f"{conv} is held by {owner}")
    if kept.unfinished:
        found.fault("not quiet", f"{kept.unfinished} messages or replies wait")
    for outcome, times in kept.outcomes.items():
        found.counts[f"outcome {outcome}"] += times
    for state, times in kept.parts.items():
        found.counts[f"parts {state}"] += times
