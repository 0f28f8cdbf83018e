"""What a confidence is worth on real answers: rows of the research's list of failure modes, as tests.

Real answers are read from the public data beside the project; without it those tests are left out.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from core.evaluation.complexity import apgr

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT.parent / "shared" / "data" / "routing" / "gsm8k_responses.csv"
THRESHOLDS = (0.3, 0.5, 0.7, 0.8)


@pytest.fixture(scope="module")
def tools() -> Any:
    """The script tools/cascade.py; scripts are no package that tests can import by name."""
    sys.path.insert(0, str(ROOT))
    try:
        return import_module("tools.cascade")
    finally:
        sys.path.remove(str(ROOT))


@pytest.fixture(scope="module")
def rows(tools: Any) -> Any:
    """Real questions, both models' answers, and the truth."""
    if not FILE.exists():
        pytest.skip(f"{FILE.name} is not beside the project")
    return tools.answered(FILE)


@pytest.fixture(scope="module")
def sure(tools: Any, rows: Any) -> Any:
    """The confidence in each weak answer, by a formula fitted on the others."""
    return 1 - tools.doubts(rows)


def made(tools: Any, n: int = 400) -> Any:
    """Questions of which the weak model solves the even ones and the strong one all but every tenth."""
    return [tools.Answered(f"q{at}", ("a", "b"), (at % 2 == 0, at % 10 != 1)) for at in range(n)]


def gain(rows: Sequence[Any]) -> Any:
    weak, strong = np.array([row.right for row in rows], float).T
    return strong - weak


def below(threshold: float, sure: Any) -> Any:
    return (sure < threshold).astype(float)


def test_random_and_oracle_stand_beside_every_curve(tools: Any) -> None:
    cases = made(tools)
    found = tools.at_rate(np.array([float(not row.right[0]) for row in cases]), cases)
    assert found["sent"].value == 0.5
    assert found["right"].value == found["oracle"].value == 0.9
    assert found["random"].value == pytest.approx(0.7)


def test_a_signal_that_says_nothing_is_no_better_than_random(tools: Any) -> None:
    cases = made(tools)
    assert apgr(np.zeros(len(cases)), gain(cases)) == pytest.approx(0.5)
    wanted = [0.5 + 0.4 * part for part in tools.SHARES]
    assert tools.curve(np.zeros(len(cases)), cases) == pytest.approx(wanted, abs=0.002)


def test_a_cascade_that_sends_nothing_is_as_good_as_its_weak_model(tools: Any) -> None:
    found = tools.at_rate(np.zeros(400), made(tools))
    assert (found["sent"].value, found["right"].value, found["random"].value) == (0.0, 0.5, 0.5)


def test_learned_worse_than_random_at_same_rate(tools: Any, rows: Any, sure: Any) -> None:
    for threshold in THRESHOLDS:
        found = tools.at_rate(below(threshold, sure), rows)
        assert found["random"].value < found["right"].value < found["oracle"].value, threshold
    assert apgr(1 - sure, gain(rows)) > 0.65


def test_router_collapse_up(tools: Any, rows: Any, sure: Any) -> None:
    found = [tools.at_rate(below(threshold, sure), rows) for threshold in THRESHOLDS]
    sent, right = ([row[name].value for row in found] for name in ("sent", "right"))
    assert sent == sorted(set(sent))
    assert right == sorted(right)
    assert sent[0] > 0.05
    assert sent[1] < 0.4


def test_collapse_to_weak(tools: Any, rows: Any, sure: Any) -> None:
    weak = float(np.mean([row.right[0] for row in rows]))
    found = tools.at_rate(below(0.5, sure), rows)
    assert found["right"].value > weak + 0.08
    assert found["sent"].value > 0.1


def test_fixed_confidence_constants(sure: Any) -> None:
    assert len(np.unique(sure.round(6))) > 0.8 * len(sure)
    for threshold in THRESHOLDS:
        assert np.mean(np.abs(sure - threshold) < 0.005) < 0.1
    counts, _ = np.histogram(sure, 20, (0.0, 1.0))
    assert counts.max() < 0.5 * len(sure)
