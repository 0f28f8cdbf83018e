"""Plants a mistake in a copy of the sources and runs tests there; the sources themselves are never touched."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.reliability.planted.bugs import Bug

ROOT = Path(__file__).resolve().parents[3]
PARTS = ("bots", "channels", "core", "tests")
FILES = ("config.yaml", "models.yaml", "pyproject.toml")
LEFT_OUT = shutil.ignore_patterns("data", "node_modules", "*.egg-info")
PATIENCE = 240.0
"""Seconds all tests of one mistake may take; those with a lost wake-up wait for something until they give up."""

SUMMARY = re.compile(r"^(FAILED|ERROR) (\S+)", re.MULTILINE)
WHERE = "import core.desk, tests.reliability; print(core.desk.__file__)"


class PlantError(Exception):
    """A mistake cannot be made as the table says, or the copy is not what is run."""


@dataclass(frozen=True)
class Outcome:
    """What tests said. `failed` are those that noticed, `status` pytest's own; 5 and a skip are no notice."""

    status: int
    failed: tuple[str, ...]
    passed: bool
    told: str


def changed(source: str, bug: Bug) -> str:
    """The source with the mistake. PlantError unless the old text is there exactly once."""
    if (found := source.count(bug.old)) != 1:
        raise PlantError(f"{bug.name}: the old text is in {bug.file} {found} times")
    return source.replace(bug.old, bug.new)


@contextmanager
def copied(root: Path = ROOT) -> Iterator[Path]:
    """A copy of everything tests need, with what was compiled: it is made anew for what changes."""
    with tempfile.TemporaryDirectory(prefix="firstline-planted-") as name:
        folder = Path(name)
        for part in PARTS:
            shutil.copytree(root / part, folder / part, ignore=LEFT_OUT)
        for file in FILES:
            shutil.copy2(root / file, folder / file)
        found = _python(folder, "-c", WHERE)
        if not found.stdout.strip().startswith(str(folder.resolve())):
            raise PlantError(f"another firstline than the copy is run: {found.stdout}{found.stderr}")
        yield folder


@contextmanager
def planted(folder: Path, bug: Bug) -> Iterator[None]:
    """The mistake, in a copy, for as long as the block."""
    file = folder / bug.file
    source = file.read_text("utf-8")
    file.write_text(changed(source, bug), "utf-8")
    try:
        yield
    finally:
        file.write_text(source, "utf-8")


def outcome_of(folder: Path, tests: Sequence[str], without: Sequence[str] = (), *, most: int = 1) -> Outcome:
    """These tests in the copy, until so many have failed; those `without` are left out."""
    left_out = [f"--deselect={test}" for test in without]
    options = (f"--maxfail={most}", "--tb=no", "-rfE", "-p", "no:cacheprovider")
    try:
        done = _python(folder, "-m", "pytest", *options, *left_out, *tests)
    except subprocess.TimeoutExpired:
        return Outcome(-1, (), False, f"not done after {PATIENCE:.0f} s")
    failed = tuple(name for kind, name in SUMMARY.findall(done.stdout) if kind == "FAILED")
    last = done.stdout.strip().splitlines()[-1:] or [done.stderr[-500:]]
    return Outcome(done.returncode, failed, " passed" in last[0], last[0])


def _python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        (sys.executable, *arguments),
        cwd=folder, env=inherited | {"PYTHONPATH": str(folder)}, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip


def caught(outcome: Outcome) -> bool:
    """Whether a test failed, and not merely could not be run."""
    return outcome.status == 1 and bool(outcome.failed)
