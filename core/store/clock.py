"""The database's own clock as an SQL expression: leases and silences are never judged by a process's clock."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class now_micros(FunctionElement[int]):  # noqa: N801 - reads as the SQL function it is
    """Microseconds since 1970 when the statement began, so that it is one instant wherever it stands in it."""

    type = BigInteger()
    inherit_cache = True


@compiles(now_micros)
def _sqlite(_element: now_micros, _compiler: Any, **_options: Any) -> str:
    return "now_micros()"  # registered by `sqlite`: its own clock functions count milliseconds


@compiles(now_micros, "postgresql")
def _postgresql(_element: now_micros, _compiler: Any, **_options: Any) -> str:
    return "(extract(epoch FROM statement_timestamp()) * 1000000)::bigint"
