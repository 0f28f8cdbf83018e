"""Ten thousand chats with work: each is claimed once, and the claims look at no more than they give."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Connection, insert, text

from core.store import leases
from core.store.schema import conversation, inbox
from tests.core.store.fleet import CHANNELS, Fleet

CHATS = 10_000
IDLE = 5_000
AT_ONCE = 250


def fill(c: Connection) -> None:
    """So many chats with a message each that nobody holds, and more in which nothing waits."""
    chats = [{"conv": f"telegram:{n}", "last_at": n * 7919 % CHATS, "tail": 1, "head": 0} for n in range(CHATS)]
    idle = [{"conv": f"telegram:idle{n}", "last_at": n, "tail": 5, "head": 5} for n in range(IDLE)]
    c.execute(insert(conversation), chats + idle)
    blank = {"seq": 1, "state": "accepted", "at": 0, "raw": "", "message_id": "1", "message": "{}", "problem": ""}
    c.execute(insert(inbox), [blank | {"conv": chat["conv"], "source_key": chat["conv"]} for chat in chats])


@pytest.fixture(params=["memory", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    return "sqlite://" if request.param == "memory" else str(request.getfixturevalue("own"))


@pytest.mark.timeout(120)
async def test_every_one_of_ten_thousand_chats_is_claimed_once_the_longest_silent_first(fleet: Fleet) -> None:
    processes = [await fleet.start() for _ in range(3)]
    await processes[0]._database.write(fill)
    claimed: list[str] = []
    for _ in range(CHATS // AT_ONCE // len(processes) + 1):
        found = await asyncio.gather(*(process.claim(AT_ONCE, CHANNELS) for process in processes))
        claimed += [str(claim.address) for claims in found for claim in claims]
    assert len(claimed) == len(set(claimed)) == CHATS
    silent = [int(chat.rpartition(":")[2]) * 7919 % CHATS for chat in claimed]
    late = [rank - place for place, rank in enumerate(silent)]
    assert max(map(abs, late)) <= 2 * AT_ONCE * len(processes)  # they run beside one another: nearly in order
    for process in processes:
        assert await process.claim(AT_ONCE, CHANNELS) == []


async def test_claiming_reads_an_index_of_the_chats_with_work_alone(
    fleet: Fleet, request: pytest.FixtureRequest
) -> None:
    store = await fleet.start()
    await store._database.write(fill)
    explain = "EXPLAIN QUERY PLAN "
    if fleet.shared:
        explain = "EXPLAIN "
        server = request.getfixturevalue("postgres")
        server.query("ANALYZE", database=urlsplit(fleet.url).path[1:])

    def plan(c: Connection) -> str:
        query = str(leases._waiting.params(most=5).compile(dialect=c.dialect, compile_kwargs={"literal_binds": True}))
        return "\n".join(str(row[-1]) for row in c.execute(text(explain + query)))

    told = await store._database.read(plan)
    assert "conversation_work" in told
    assert "Sort" not in told
    assert "TEMP B-TREE" not in told
