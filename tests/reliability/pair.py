"""A primary and its synchronous standby: what was acknowledged is on both disks, so one of them may go.

The operator's side only (fail over, rejoin), as a program for high availability would do it; no client is in here.
"""

from __future__ import annotations

import secrets

from tests.reliability.installation import Installation
from tests.reliability.postgres import Cluster, wait_until


class Pair:
    """Two servers; which one is primary changes at every fail-over."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        name = f"pair-{secrets.token_hex(4)}"
        self._clusters = (Cluster(installation, f"{name}-a"), Cluster(installation, f"{name}-b"))
        self.primary, self.standby = self._clusters

    def url(self, database: str = "postgres") -> str:
        """The one URL that stays right over every fail-over: both hosts, and whichever of them takes writes."""
        hosts = ",".join(f"127.0.0.1:{cluster.port}" for cluster in self._clusters)
        return f"postgresql://postgres@{hosts}/{database}?target_session_attrs=read-write"

    def start(self) -> None:
        """Primary, standby, and no commit any more that the standby has not got on its disk."""
        self.primary.start()
        self.rejoin()

    def fail_over(self) -> None:
        """The primary crashes, the standby becomes primary. Until `rejoin` it commits on its own."""
        self.primary.stop("immediate")
        self.promote()

    def promote(self) -> None:
        """The second half of a fail-over: the standby becomes primary, wherever the old one is."""
        ((promoted,),) = self.standby.query("SELECT pg_promote(true, 30)")
        if not promoted:
            raise RuntimeError(f"{self.standby.name} was not promoted:\n{self.standby.log()[-2000:]}")
        self.primary, self.standby = self.standby, self.primary

    def rejoin(self) -> None:
        """Build the standby anew from the primary; return once commits wait for it."""
        self.standby.remove()
        source = f"host=127.0.0.1 port={self.primary.port} user=postgres"
        self._installation.run("pg_basebackup", "-D", self.standby.name, "-d", source, "-R", "-c", "fast", "-N")
        self.standby.start()
        # only now: a standby that copied this would, once promoted, wait for a standby of its own
        self.primary.query("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.primary.query("SELECT pg_reload_conf()")
        wait_until(self.synchronous, lambda: f"the standby does not follow:\n{self.standby.log()[-2000:]}")

    def synchronous(self) -> bool:
        """Whether the primary waits for the standby now."""
        return self.primary.query("SELECT sync_state FROM pg_stat_replication") == [("sync",)]

    def remove(self) -> None:
        """Stop both and throw their data away."""
        for cluster in self._clusters:
            cluster.remove()
