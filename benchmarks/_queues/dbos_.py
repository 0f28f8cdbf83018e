"""DBOS: a workflow a message on one queue partitioned by chat, one at a time in a partition.

A workflow without steps: its start and its outcome are all that is written. Ids sort by time, as its order of equal
milliseconds asks for; they are the messages' keys.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from dbos import DBOS, DBOSClient, DBOSConfig, SetEnqueueOptions, SetWorkflowID  # type: ignore[import-not-found]

from benchmarks._queues.worker import SETTLED, Accepts, Post, main

QUEUE = "chats"

POLL = 0.05
"""Seconds between two looks for work; the default of 1 s measures nothing but this figure."""


def _config(url: str, name: str) -> DBOSConfig:
    return {
        "name": "benchmark",
        "system_database_url": url,
        "executor_id": name,
        "application_version": "1",
        "log_level": "WARNING",
    }


class Dbos:
    """The shipped library, without Conductor."""

    async def prepare(self, url: str) -> None:
        """Its schema is made on launch; the queue's settings are kept in the database."""
        DBOS(config=_config(url, "prepare"))
        DBOS.launch()
        await DBOS.register_queue_async(QUEUE, partition_concurrency=1, polling_interval_sec=POLL)
        DBOS.destroy()

    async def count(self, url: str) -> int:
        """Workflows that succeeded."""
        client = DBOSClient(system_database_url=url)
        found = await asyncio.to_thread(
            client.list_workflows, status="SUCCESS", queue_name=QUEUE, load_input=False, load_output=False
        )
        client.destroy()
        return len(found)

    @asynccontextmanager
    async def replica(self, post: Post) -> AsyncIterator[Accepts]:
        """One executor with its own id."""
        dbos = DBOS(config=_config(post.url, post.name))
        answer = DBOS.workflow(name="answer")(_answering(post))
        DBOS.launch()
        _listen(dbos, post)

        async def accept(chat: str, number: int) -> None:
            with SetWorkflowID(f"{chat}:{number:06}"), SetEnqueueOptions(queue_partition_key=chat):
                await DBOS.enqueue_workflow_async(QUEUE, answer, chat, number)

        yield accept
        DBOS.destroy()


def _answering(post: Post) -> Any:
    async def answer(chat: str, number: int) -> None:
        await post.work(chat, number)

    return answer


def _listen(dbos: Any, post: Post) -> None:
    """Tell when an outcome is committed; the library has no hook for it."""
    keep = dbos._sys_db.update_workflow_outcome

    def kept(workflow_id: str, *args: Any, **more: Any) -> bool:
        landed: bool = keep(workflow_id, *args, **more)
        if landed:
            chat, _, number = workflow_id.rpartition(":")
            post.tell(SETTLED, chat, int(number))
        return landed

    dbos._sys_db.update_workflow_outcome = kept


if __name__ == "__main__":
    main(Dbos())
