"""That every mistake of the table can still be made, and that three of them are caught; the rest is
`python -m tests.reliability.planted`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reliability.planted.bugs import BUGS, Bug
from tests.reliability.planted.plant import ROOT, PlantError, caught, changed, copied, outcome_of, planted

FEWEST = 14
QUICK = (
    "the offset moves on before the commit",
    "no fence",
    "what may have arrived is sent again without looking for it",
)


@pytest.fixture(scope="module")
def copy() -> Iterator[Path]:
    with copied() as folder:
        yield folder


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_mistake_can_still_be_made(bug: Bug) -> None:
    compile(changed((ROOT / bug.file).read_text("utf-8"), bug), bug.file, "exec")
    for test in bug.tests:
        file, _, name = test.partition("::")
        assert name.partition("[")[0] in (ROOT / file).read_text("utf-8"), test


def test_there_are_enough_mistakes_and_no_two_alike() -> None:
    assert len({bug.name for bug in BUGS}) == len({(bug.file, bug.old, bug.new) for bug in BUGS}) == len(BUGS)
    assert len(BUGS) >= FEWEST


def test_a_mistake_whose_place_is_gone_is_refused() -> None:
    with pytest.raises(PlantError, match="0 times"):
        changed("nothing of the kind", BUGS[0])


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", QUICK)
def test_the_mistake_is_caught(copy: Path, name: str) -> None:
    (bug,) = (bug for bug in BUGS if bug.name == name)
    with planted(copy, bug):
        assert caught(outcome_of(copy, bug.tests))


@pytest.mark.timeout(120)
def test_without_a_mistake_nothing_is_caught(copy: Path) -> None:
    clean = outcome_of(copy, BUGS[2].tests)
    assert (clean.status, clean.failed) == (0, ()), clean.told
