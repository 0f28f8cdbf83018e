"""What no test elsewhere noticed when it was broken on purpose."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from channels.memory import MemoryChannel
from channels.telegram.client import Place
from channels.telegram.delivery import Delivery
from channels.telegram.limits import Limits
from channels.telegram.outlet import Outlet
from core.conversation import Address, Arrival, Message
from core.desk import Desk
from core.errors import StoreError
from core.markup import Rich
from core.records import Part, PartState
from core.store.hints import Hints
from core.store.migrate import engine_of, prepare
from core.store.database import Database
from core.store.sql import SqlStore, open_store
from sqlalchemy import Engine, event
from tests.core.store.fleet import Fleet, arrival, message, waits
from tests.reliability.redelivery.processes import policy

ADDRESS = Address("memory", "ann")


async def test_nobody_is_told_of_a_commit_before_it_is_made() -> None:
    def engine(url: str) -> Engine:
        made = engine_of(url)
        return made

    async with Database("sqlite://", prepare, engine_of("sqlite://")) as database, Hints(database, "me") as hints:
        store = SqlStore(database, hints, "me")
        await store.admit(arrival(message(1)))
