"""The checker finds what it is there for: a log with each fault planted, and one without."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.reliability.kill.checker import Chat, Findings, Promise, check
from tests.reliability.kill.codes import OPENING, Code, answer, codes, question

CHAT = "telegram:7"
TABLES = """
create table inbox (conv, source_key, seq, state, message_id, message);
create table conversation (conv, head, tail, owner);
create table reply (conv, key, state);
create table reply_part (conv, reply, number, text, state);
create table ledger (conv, reply, outcome, messages);
create table turn (conv, number, kind, body);
"""
FIRST, SECOND, THIRD = (Code(7, number) for number in (1, 2, 3))


@dataclass
class World:
    """Three messages, answered in order, and all that is written of them."""

    file: Path
    promise: Promise = Promise.ONCE
    written: Sequence[Code] = (FIRST, SECOND, THIRD)
    posts: list[str] = field(default_factory=lambda: [answer([FIRST]), answer([SECOND, THIRD])])

    def make(self) -> None:
        with closing(sqlite3.connect(self.file)) as db:
            db.executescript(TABLES)
            for seq, code in enumerate(self.written, 1):
                body = json.dumps({"text": question(code)})
                db.execute("insert into inbox values (?,?,?,?,?,?)", (CHAT, f"k{seq}", seq, "settled", str(seq), body))
                db.execute("insert into turn values (?,?,'message',?)", (CHAT, seq, body))
            db.execute("insert into conversation values (?,3,3,'')", (CHAT,))
            for key, numbers in (("1", ["1"]), ("2", ["2", "3"])):
                db.execute("insert into reply values (?,?,'settled')", (CHAT, key))
                db.execute("insert into ledger values (?,?,'answered',?)", (CHAT, key, json.dumps(numbers)))
            db.commit()

    def sql(self, statement: str, *values: str) -> None:
        with closing(sqlite3.connect(self.file)) as db:
            assert db.execute(statement, values).rowcount
            db.commit()

    def check(self) -> Findings:
        return check([Chat(CHAT, self.promise, self.written, self.posts)], f"sqlite:///{self.file}")


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path / "kept.db")
    made.make()
    return made


def test_a_clean_log_has_no_fault(world: World) -> None:
    found = world.check()
    assert not found.faults
    assert found.counts["settled"] == found.counts["written"] == 3


Plant = Callable[[World], None]
PLANTED: dict[str, tuple[str, Plant]] = {
    "a message confirmed before it was committed": (
        "message lost", lambda w: w.sql("delete from inbox where seq = 3"),
    ),
    "a message nobody answered": (
        "message lost", lambda w: w.sql("update inbox set state = 'accepted' where seq = 3"),
    ),
    "a message that was settled by nothing": (
        "message lost", lambda w: w.sql("delete from ledger where reply = '2'"),
    ),
    "a message in two ledger entries": (
        "settled twice", lambda w: w.sql("insert into ledger values (?,'9','answered','[\"2\"]')", CHAT),
    ),
    "a message in the inbox under two keys": (
        "settled twice",
        lambda w: w.sql("insert into inbox select conv,'other',4,state,message_id,message from inbox where seq = 2"),
    ),
    "an answer that never came": ("answer lost", lambda w: w.posts.remove(w.posts[1])),
    "an answer that was only opened": (
        "answer lost", lambda w: w.posts.__setitem__(1, f"Your parcel left our warehouse{OPENING}"),
    ),
    "an answer that was cut short": ("answer lost", lambda w: w.posts.__setitem__(1, "Your parcel left our ware")),
    "an answer that stands twice": ("answer doubled", lambda w: w.posts.append(w.posts[1])),
    "answers in the other order": ("order violation", lambda w: w.posts.reverse()),
    "a history in the other order": (
        "order violation", lambda w: w.sql("update turn set number = 9 - number"),
    ),
    "a history with a message twice": (
        "history wrong", lambda w: w.sql("insert into turn select conv, 4, kind, body from turn where number = 3"),
    ),
    "a history without a message": ("history wrong", lambda w: w.sql("delete from turn where number = 2")),
    "a head behind its tail": ("not quiet", lambda w: w.sql("update conversation set head = 2")),
    "a lease nobody gave back": ("not quiet", lambda w: w.sql("update conversation set owner = 'somebody'")),
    "a reply that was never finished": ("not quiet", lambda w: w.sql("update reply set state = 'planned'")),
    "an apology": ("strange text", lambda w: w.posts.append("Sorry, something went wrong on our side.")),
    "an answer to nobody": ("strange text", lambda w: w.posts.append(answer([Code(8, 1)]))),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found_and_named(world: World, name: str) -> None:
    fault, plant = PLANTED[name]
    plant(world)
    assert world.check().faults[fault] >= 1


def test_a_message_set_aside_is_counted_and_may_be_apologised_for(world: World) -> None:
    world.posts.append("Sorry, something went wrong on our side.")
    assert world.check().faults == {"strange text": 1}
    world.sql("update inbox set state = 'parked' where seq = 3")
    found = world.check()
    assert not found.faults
    assert found.counts["parked"] == 1


def test_openings_left_are_counted_and_are_no_answer(world: World) -> None:
    world.posts.insert(1, f"Your parcel left our warehouse{OPENING}")
    found = world.check()
    assert not found.faults
    assert found.counts["openings left"] == 1
    assert found.openings == [(CHAT, 1)]


def test_at_most_once_allows_a_missing_answer_only_where_its_part_was_abandoned(world: World) -> None:
    world.promise = Promise.AT_MOST_ONCE
    text = world.posts.pop()
    assert world.check().faults["answer lost"] == 2
    world.sql("insert into reply_part values (?,'2',0,?,'abandoned')", CHAT, text)
    found = world.check()
    assert not found.faults
    assert found.counts["given up (at most once)"] == 2
    world.posts += [text, text]
    assert world.check().faults["answer doubled"] == 2


def test_at_least_once_allows_an_answer_twice_but_none_missing(world: World) -> None:
    world.promise = Promise.AT_LEAST_ONCE
    world.posts.append(world.posts[1])
    found = world.check()
    assert not found.faults
    assert found.counts["doubled (at least once)"] == 1
    world.posts = world.posts[:1]
    assert world.check().faults["answer lost"] == 2


def test_what_the_platform_gave_up_on_may_be_missing_and_may_come_late(world: World) -> None:
    chat = Chat(CHAT, Promise.ONCE, world.written, [answer([FIRST]), answer([THIRD]), answer([SECOND])])
    url = f"sqlite:///{world.file}"
    assert check([chat], url).faults == {"order violation": 1}
    excused = replace(chat, uncertain=frozenset({SECOND}))
    assert not check([excused], url).faults
    world.sql("delete from inbox where seq = 2")
    world.sql("delete from turn where number = 2")
    assert not check([replace(excused, posts=chat.posts[:2])], url).faults


def test_a_long_answer_is_looked_for_page_by_page(world: World) -> None:
    long = Code(7, 4, long=True)
    first, second = long.expected
    text = answer([long, THIRD])
    assert codes(text) == [first, long, THIRD]
    assert len(text) > 4096
    assert codes(text[:4000]) == [first]
    assert second == long
