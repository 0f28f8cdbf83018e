"""A disk that is full: nothing is confirmed that could not be kept, and the work goes on once there is room."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.reliability.disk import check, faults, full

PRIVATE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
"""Mounts made behind this are gone with the process that made them."""


@cache
def missing() -> str:
    """Why no small file system can be made on this machine; empty when it can."""
    try:
        done = subprocess.run([*PRIVATE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, text=True)
    except OSError as error:
        return f"no file system of its own can be made: {error}"
    return f"no file system of its own can be made: {done.stderr.strip()[:200]}" if done.returncode else ""


@pytest.mark.skipif(bool(missing()), reason=missing() or "there is one")
@pytest.mark.timeout(60)
def test_a_full_disk_confirms_nothing_it_cannot_keep_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    folder, kept = tmp_path / "small", tmp_path / "kept.db"
    folder.mkdir()
    script = (
        f'mount -t tmpfs -o size={full.SIZE} tmpfs "$1" && "$2" -m {full.__name__} "$1" && cp "$1/store.db" "$3"',
        *("sh", f"{folder}", sys.executable, f"{kept}"),
    )
    done = subprocess.run([*PRIVATE, "sh", "-c", *script], cwd=faults.ROOT, capture_output=True, text=True)
    lines: list[check.Line] = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, lines[-1]) == (0, ["end"]), done.stderr
    freed = lines.index(["freed"])
    assert {"full" in line[2] for line in lines if line[0] == "refused"} == {True}
    assert check.acknowledged(lines[:freed]) > 0
    assert check.acknowledged(lines[freed:]) > 0
    assert check.faults(kept, lines, ended=True) == []
