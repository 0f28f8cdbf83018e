"""A disk that is away for a while, with answers under way. The long form: python -m tests.reliability.disk.outage"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reliability.disk import faults
from tests.reliability.disk.outage import CHATS, outage

SECONDS = 2.0


@pytest.mark.skipif(bool(faults.missing()), reason=faults.missing() or "strace is there")
@pytest.mark.timeout(150)
async def test_an_outage_of_the_disk_costs_nobody_an_answer_and_gives_nobody_two(tmp_path: Path) -> None:
    try:
        seen = await outage(tmp_path, SECONDS)
    except PermissionError as error:
        pytest.skip(f"strace may not attach to a running process here: {error}")
    assert seen.under_way > 0
    assert seen.refusals > 0
    assert seen.answers == {1: len(CHATS)}
    assert seen.wrong == []
