"""The servers the other tests stand on do what those tests take for granted."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.reliability import installation as places
from tests.reliability.installation import Installation, MissingError
from tests.reliability.pair import Pair
from tests.reliability.pgbouncer import CONNECTIONS
from tests.reliability.postgres import GIVEN, Cluster, Server, serving, wait_until

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.timeout(90)  # a whole server or two at the pace of a busy disk


@pytest.fixture(scope="module")
def steady(installation: Installation) -> Iterator[Cluster]:
    """A server of ours no test stops."""
    made = Cluster(installation)
    made.start()
    yield made
    made.remove()


def kept(url: str) -> list[int]:
    with closing(psycopg.connect(url)) as connection:
        return [number for (number,) in connection.execute("SELECT number FROM kept ORDER BY number")]


def keep(url: str, *numbers: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (number int PRIMARY KEY)")
        for number in numbers:
            connection.execute("INSERT INTO kept VALUES (%s)", [number])


def test_each_database_is_empty_and_gone_afterwards(postgres: Server) -> None:
    with postgres.database() as url:
        keep(url, 1)
        with postgres.database() as other:
            assert postgres.query("SELECT 1 FROM pg_class WHERE relname = 'kept'", database=name(other)) == []
    assert postgres.query("SELECT 1 FROM pg_database WHERE datname IN (%s, %s)", name(url), name(other)) == []


def test_a_database_goes_even_when_a_connection_was_forgotten(postgres: Server) -> None:
    with postgres.database() as url:
        forgotten = psycopg.connect(url)
    with closing(forgotten), pytest.raises(psycopg.OperationalError):
        forgotten.execute("SELECT 1")


def test_a_database_may_be_a_copy_of_a_prepared_one(postgres: Server, database: str) -> None:
    keep(database, 7)
    with postgres.database(template=name(database)) as url:
        assert kept(url) == [7]


def test_what_was_acknowledged_goes_to_disk(steady: Cluster) -> None:
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        assert steady.query(f"SHOW {setting}") == [("on",)]


def test_a_fast_restart_keeps_port_and_data_and_an_immediate_stop_only_what_was_committed(cluster: Cluster) -> None:
    url = cluster.url()
    keep(url, 1)
    cluster.restart()
    assert cluster.url() == url
    assert kept(url) == [1]
    assert "automatic recovery in progress" not in cluster.log()

    with closing(psycopg.connect(url)) as open_transaction:
        open_transaction.execute("INSERT INTO kept VALUES (2)")
        cluster.stop("immediate")
        assert not cluster.running
        with pytest.raises(psycopg.OperationalError):
            open_transaction.commit()
    with pytest.raises(psycopg.OperationalError):
        cluster.query("SELECT 1")
    cluster.start()
    assert kept(url) == [1]
    assert "automatic recovery in progress" in cluster.log()


def test_a_server_that_cannot_start_says_why(steady: Cluster, installation: Installation) -> None:
    second = Cluster(installation)
    second.port = steady.port
    with pytest.raises(RuntimeError, match="could not create any TCP/IP sockets"):
        second.start()
    assert not second.running
    second.remove()


def test_nothing_runs_as_root(steady: Cluster) -> None:
    process = int((steady.data / "postmaster.pid").read_text().split()[0])
    assert Path(f"/proc/{process}").stat().st_uid != 0


def test_a_commit_waits_for_the_standby_and_so_survives_fail_over_and_back(pair: Pair) -> None:
    first, second = pair.primary, pair.standby
    keep(pair.url(), 1)
    second.stop("immediate")
    waiting = threading.Thread(target=keep, args=(pair.url(), 2))
    waiting.start()
    wait_until(lambda: waits_for_standby(first), lambda: "nobody waits for the standby")
    second.start()
    waiting.join()
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        keep(second.url(), 3)

    pair.fail_over()
    assert not first.running
    keep(pair.url(), 3)
    pair.rejoin()
    assert pair.synchronous()
    keep(pair.url(), 4)

    pair.fail_over()
    assert kept(pair.url()) == kept(first.url()) == [1, 2, 3, 4]


def test_pgbouncer_lends_its_few_connections_for_a_transaction_only(pgbouncer: Server) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(closing(psycopg.connect(pgbouncer.url()))) for _ in range(20)]
        servers = set()
        for client in clients:
            servers |= {client.execute("SELECT pg_backend_pid()").fetchone()}
            client.commit()
    assert len(servers) <= CONNECTIONS


def test_a_database_may_be_made_and_dropped_through_pgbouncer(pgbouncer: Server, postgres: Server) -> None:
    with pgbouncer.database() as url:
        keep(url, 1)
        assert kept(postgres.url(name(url))) == [1]


def test_a_given_server_is_preferred_and_left_running(steady: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(GIVEN, steady.url().replace("postgresql:", "postgresql+psycopg:"))
    with serving() as server, server.database() as url:
        assert urlsplit(url).port == steady.port
        keep(url, 1)
    assert steady.running


def test_a_password_is_not_shown() -> None:
    assert "geheim" not in repr(Server("postgresql://someone:geheim@127.0.0.1/postgres"))


def test_without_programs_the_reason_names_what_was_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(GIVEN, raising=False)
    monkeypatch.setattr(places, "WHEEL", "not_there")
    monkeypatch.setattr(places, "DEBIAN", tmp_path)
    with pytest.raises(MissingError, match=r"not_there.*"), serving():
        pass


DIES = """
import os
from tests.reliability.installation import installed
from tests.reliability.postgres import Cluster

with installed() as installation:
    cluster = Cluster(installation)
    cluster.start()
    print(installation.home, (cluster.data / "postmaster.pid").read_text().split()[0], flush=True)
    os.kill(os.getpid(), 9)
"""


@pytest.mark.usefixtures("installation")  # skips where there is none
def test_a_test_run_that_is_killed_leaves_no_server_and_no_folder() -> None:
    done = subprocess.run([sys.executable, "-c", DIES], cwd=ROOT, capture_output=True, text=True)
    home, process = done.stdout.split()
    traces = (Path(home), Path("/proc") / process)
    wait_until(lambda: not any(trace.exists() for trace in traces), lambda: f"left behind: {traces}")


def waits_for_standby(primary: Cluster) -> bool:
    return primary.query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'") != []


def name(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")
