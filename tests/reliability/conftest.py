"""A server for all tests, a database for each, and servers a test may stop. Without PostgreSQL they skip."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.reliability.installation import Installation, MissingError, installed
from tests.reliability.pair import Pair
from tests.reliability.pgbouncer import bouncing
from tests.reliability.postgres import GIVEN, Cluster, Server


@pytest.fixture(scope="session")
def installation() -> Iterator[Installation]:
    """What a test makes servers of its own from."""
    try:
        with installed() as made:
            yield made
    except MissingError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[Server]:
    """One server for the whole run: the one whose URL was given, else one of our own."""
    if given := os.environ.get(GIVEN):
        yield Server(given)
        return
    cluster = Cluster(request.getfixturevalue("installation"))
    cluster.start()
    yield cluster
    cluster.remove()


@pytest.fixture
def database(postgres: Server) -> Iterator[str]:
    """The URL of an empty database of this test's own."""
    with postgres.database() as url:
        yield url


@pytest.fixture
def cluster(installation: Installation) -> Iterator[Cluster]:
    """A running server of this test's own, to be stopped and started at will."""
    made = Cluster(installation)
    made.start()
    yield made
    made.remove()


@pytest.fixture
def pair(installation: Installation) -> Iterator[Pair]:
    """A running primary with a synchronous standby."""
    made = Pair(installation)
    made.start()
    yield made
    made.remove()


@pytest.fixture
def pgbouncer(installation: Installation, postgres: Server) -> Iterator[Server]:
    """The server for all tests through PgBouncer in transaction mode."""
    try:
        with bouncing(installation, postgres) as bouncer:
            yield bouncer
    except MissingError as missing:
        pytest.skip(str(missing))
