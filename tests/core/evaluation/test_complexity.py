"""evaluate complexity: the measures of a router, and fitting on data of one's own."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from core.errors import SettingsError
from core.evaluation._complexity import alike, calibration, out_of_fold, rank
from core.evaluation._measures import Task
from core.evaluation.complexity import apgr, evaluate, needed, sampled, table_of

if TYPE_CHECKING:
    from core.meaning import Matrix


class Stub:
    """Vectors that say nothing, the same for the same text, and all of one side of the sphere."""

    version = "stub"

    def embed(self, texts: Sequence[str]) -> Matrix:
        drawn = [np.random.default_rng(zlib.crc32(text.encode())).normal(1, 1, 16) for text in texts]
        rows = np.array(drawn, np.float32).reshape(len(texts), 16)
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        return rows


def written(path: Path, rows: Sequence[tuple[str, int, int]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows([("prompt", "weak", "strong"), *rows])
    return path


def questions(start: int, many: int = 240) -> list[tuple[str, int, int]]:
    """Where "the integral" stands only the strong model is right; elsewhere mostly both."""
    return [
        (
            f"Number {n}: what is the {'integral' if n % 3 == 0 else 'name'} of thing {n * 7} in the list of {n + 1}, "
            "as it stands in the book that was on the table?",
            int(n % 3 != 0),
            int(n % 5 != 1),
        )
        for n in range(start, start + many)
    ]


def test_hindsight_wins_all_and_no_opinion_wins_half() -> None:
    gain = np.array([1.0, 0.0, 0.0, 0.0])
    assert apgr(gain, gain) == pytest.approx(1 - 1 / 8)
    assert apgr(np.zeros(4), gain) == pytest.approx(0.5)
    assert apgr(-gain, gain) == pytest.approx(1 / 8)
    assert apgr(np.array([4.0, 3, 2, 1]), np.array([1.0, 0, 1, 0])) == pytest.approx((0.25 + 0.5 + 0.75 + 1) / 4)


def test_calls_needed_are_the_fewest_that_recover_the_share() -> None:
    gain = np.array([1.0, 0, 1, 0, 0, 0, 0, 0, 0, 0])
    order = np.arange(10, 0, -1.0)
    assert needed(order, gain, 0.5) == pytest.approx(0.1)
    assert needed(order, gain, 0.8) == pytest.approx(0.3)


def test_other_data_teach_what_is_hard(tmp_path: Path) -> None:
    data, train = written(tmp_path / "a.csv", questions(0)), written(tmp_path / "b.csv", questions(1_000))
    taught = evaluate(Task(data, train, Stub()))
    assert taught.n == 240
    assert taught.metrics["apgr"].value > 0.8
    assert "apgr_cv" not in taught.metrics
    assert taught.baseline["oracle"].value > taught.metrics["apgr"].value
    assert taught.baseline["random"].value == pytest.approx(0.5)
    assert taught.metrics["accuracy"].value <= taught.metrics["oracle_at_rate"].value


def test_without_other_data_the_shipped_weights_and_five_folds_are_measured(tmp_path: Path) -> None:
    found = evaluate(Task(written(tmp_path / "a.csv", questions(0)), None, Stub()))
    assert found.metrics["apgr_cv"].value > 0.8 > found.metrics["apgr"].value
    low, high = found.metrics["apgr_cv"].low, found.metrics["apgr_cv"].high
    assert low < found.metrics["apgr_cv"].value < high


def test_what_was_fitted_on_is_not_what_is_measured_out_of_fold(tmp_path: Path) -> None:
    chance = np.random.default_rng(3)
    rows = [(f"{text} {n}", int(chance.random() < 0.5), 1) for n, (text, _, _) in enumerate(questions(0))]
    table = table_of(written(tmp_path / "a.csv", rows))
    sample = sampled(table, Stub().embed(table.texts))
    assert abs(apgr(out_of_fold(sample), sample.gain) - 0.5) < 0.12
    assert apgr(rank(sample).scores(sample), sample.gain) > apgr(out_of_fold(sample), sample.gain) + 0.05


def test_near_duplicates_are_one_group_however_they_hang_together() -> None:
    turned = [(np.cos(a), np.sin(a)) for a in (0.0, 0.8, 0.4, 2.5, 2.6)]
    groups = alike(np.array(turned)).tolist()
    assert groups[0] == groups[1] == groups[2] != groups[3] == groups[4]


def test_calibration_counts_both_sides_the_same() -> None:
    chance = np.random.default_rng(1)
    truths = np.array([n % 10 == 0 for n in range(4_000)])
    slope, offset = calibration(chance.normal(size=4_000) + 2 * truths, truths)
    assert slope == pytest.approx(2, abs=0.3)
    assert offset == pytest.approx(-2, abs=0.3)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("prompt,weak\nx,1\n", "no column strong"),
        ("prompt,weak,strong\n", "no rows"),
        ("prompt,weak,strong\nx,yes,1\n", "row 1"),
        ("prompt,weak,strong\n ,1,1\n", "row 1"),
        ("prompt,weak,strong\n" + "x,1,1\n" * 40, "no stronger model"),
        ("prompt,weak,strong\nx,0,1\n", "no stronger model"),
    ],
)
def test_a_faulty_table_is_a_complaint(tmp_path: Path, text: str, what: str) -> None:
    file = tmp_path / "a.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=what):
        evaluate(Task(file, None, Stub()))
