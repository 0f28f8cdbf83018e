"""procrastinate: a job a message, the chat as its lock, so that a chat's jobs run one at a time in order of insertion.

Its worker is told of a new job by NOTIFY but not of a lock that became free: the next job of a chat waits for the poll.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from procrastinate import App, PsycopgConnector  # type: ignore[import-not-found]

from benchmarks._queues.worker import SETTLED, Accepts, Post, main

CONCURRENCY = 100
"""Jobs a worker runs at once: more than a third of the chats of any workload."""

POLL = 0.05
"""Seconds; the default of 5 s measures nothing but this figure."""

CONNECTIONS = 10


def _app(url: str) -> Any:
    return App(connector=PsycopgConnector(conninfo=url, min_size=1, max_size=CONNECTIONS))


class Procrastinate:
    """The shipped asynchronous worker on the shipped psycopg pool."""

    async def prepare(self, url: str) -> None:
        """Its own schema."""
        async with _app(url).open_async() as app:
            await app.schema_manager.apply_schema_async()

    async def count(self, url: str) -> int:
        """Jobs that succeeded."""
        async with _app(url).open_async() as app:
            return len(list(await app.job_manager.list_jobs_async(status="succeeded")))

    @asynccontextmanager
    async def replica(self, post: Post) -> AsyncIterator[Accepts]:
        """One worker beside the application that defers jobs, in one process."""
        app = _app(post.url)
        answer = app.task(post.work, name="answer")

        async def accept(chat: str, number: int) -> None:
            await answer.configure(lock=chat).defer_async(chat=chat, number=number)

        finish = app.job_manager.finish_job

        async def finished(job: Any, **how: Any) -> None:
            await finish(job=job, **how)
            post.tell(SETTLED, **job.task_kwargs)

        app.job_manager.finish_job = finished
        async with app.open_async():
            worker = asyncio.create_task(
                app.run_worker_async(
                    name=post.name,
                    concurrency=CONCURRENCY,
                    fetch_job_polling_interval=POLL,
                    install_signal_handlers=False,
                )
            )
            yield accept
            worker.cancel()
            await asyncio.wait([worker])


if __name__ == "__main__":
    main(Procrastinate())
