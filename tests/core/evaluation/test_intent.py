"""Measuring `intent`: what is learned and what is read, the figures beside the simpler ones, and faulty files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from core.errors import SettingsError
from core.evaluation._measures import Task
from core.evaluation._sentences import NONE, fewer, rounds
from core.evaluation.intent import evaluate

if TYPE_CHECKING:
    from core.meaning import Matrix

INTENTS = ("refund", "parcel", "password", "invoice")


class ByFirstWord:
    """An encoder that tells a text by its first word; the rest of it is noise."""

    version = "first word"

    def embed(self, texts: Sequence[str]) -> Matrix:
        rows = np.stack([self._point(text) for text in texts])
        found: Matrix = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return found

    @staticmethod
    def _point(text: str) -> Matrix:
        first, rest = (np.random.default_rng(list(part.encode())) for part in (text.split(maxsplit=1)[0], text))
        point: Matrix = (first.standard_normal(24) + 0.5 * rest.standard_normal(24)).astype(np.float32)
        return point


def task(data: Path, train: Path | None = None) -> Task:
    return Task(data, train, ByFirstWord())


def sentences(many: int, start: int = 0) -> list[tuple[str, str]]:
    return [(f"{name} {n}", name) for n in range(start, start + many) for name in INTENTS]


def as_table(path: Path, rows: Sequence[tuple[str, str]], first: str = "text,category") -> Path:
    path.write_text("\n".join([first, *(f"{text},{label}" for text, label in rows)]) + "\n", encoding="utf-8")
    return path


def as_json(path: Path, **parts: Sequence[tuple[str, str]]) -> Path:
    path.write_text(json.dumps(parts), encoding="utf-8")
    return path


@pytest.fixture
def assistant(tmp_path: Path) -> Path:
    outside = [(f"{word} 1", NONE) for word in ("moon", "poem", "chess", "salt", "river", "opera")]
    return as_json(tmp_path / "a.json", train=sentences(20), val=sentences(5, 50), oos_train=outside, oos_val=outside)


def test_a_table_alone_is_read_in_folds_that_leave_nothing_out(tmp_path: Path) -> None:
    every = rounds(task(as_table(tmp_path / "t.csv", sentences(10))))
    assert len(every) == 5
    assert sorted(s.row for each in every for s in each.read) == list(range(40))
    for each in every:
        assert not {s.row for s in each.taught} & {s.row for s in each.read}


def test_a_table_alone_is_measured_beside_simpler_methods(tmp_path: Path) -> None:
    found = evaluate(task(as_table(tmp_path / "t.csv", sentences(20))))
    assert (found.signal, found.n) == ("intent", 80)
    assert found.metrics["accuracy"].value >= 0.95
    assert {"ece", "score_ece", "answered", "answered_right", "accuracy_5", "accuracy_10"} < set(found.metrics)
    assert "oos_auroc" not in found.metrics
    assert {"nearest_accuracy", "logistic_accuracy", "logistic_ece", "logistic_accuracy_5"} < set(found.baseline)


def test_labels_that_say_nothing_are_found_out(tmp_path: Path) -> None:
    shuffled = [(text, INTENTS[n * 7 % 11 % 4]) for n, (text, _) in enumerate(sentences(20))]
    found = evaluate(task(as_table(tmp_path / "t.csv", shuffled)))
    assert found.metrics["accuracy"].value < 0.6
    assert found.baseline["nearest_accuracy"].value < 0.6


def test_another_table_is_read_with_what_one_teaches(tmp_path: Path) -> None:
    train = as_table(tmp_path / "train.csv", sentences(20), "utterance,intent")
    found = evaluate(task(as_table(tmp_path / "t.csv", sentences(5, 70)), train))
    assert found.n == 20
    assert found.metrics["accuracy"].value >= 0.95
    assert found.metrics["accuracy"].n == 20


def test_json_is_learned_from_its_first_part_and_read_in_the_others(assistant: Path) -> None:
    (each,) = rounds(task(assistant))
    assert (len(each.taught), len(each.read)) == (80, 26)
    assert sum(s.label == NONE for s in each.read) == 6
    found = evaluate(task(assistant))
    assert found.metrics["in_scope_accuracy"] == found.metrics["accuracy"]
    assert found.metrics["in_scope_accuracy"].n == 20
    assert found.metrics["oos_auroc"].value >= 0.9
    assert found.metrics["oos_auroc"].n == 26
    assert 0 <= found.metrics["none_answered"].value <= 1
    assert {"nearest_oos_auroc", "logistic_oos_auroc"} < set(found.baseline)


def test_json_with_parts_of_any_name_is_read_with_what_another_teaches(assistant: Path, tmp_path: Path) -> None:
    test = as_json(tmp_path / "t.json", test=sentences(3, 80), oos_test=[("moon 7", "refund")])
    (each,) = rounds(task(test, assistant))
    assert (len(each.taught), len(each.read)) == (80, 13)
    assert [s.text for s in each.read if s.label == NONE] == ["moon 7"]


def test_a_table_may_hold_what_is_about_no_intent(tmp_path: Path) -> None:
    rows = [*sentences(20), *((f"moon {n}", NONE) for n in range(10))]
    found = evaluate(task(as_table(tmp_path / "t.csv", rows)))
    assert found.metrics["accuracy"].n == 80
    assert found.metrics["oos_auroc"].n == 90


def test_fewer_examples_are_drawn_the_same_every_time_and_only_where_there_are_more(assistant: Path) -> None:
    every = rounds(task(assistant))
    five = fewer(every, 5)
    assert [len(each.taught) for each in five] == [20] * 5
    assert five == fewer(every, 5)
    assert five[0].taught != five[1].taught
    assert all(s.label != NONE for each in five for s in each.read)
    assert fewer(every, 20) == []


def test_an_intent_that_is_read_but_not_taught_is_named(tmp_path: Path) -> None:
    train = as_table(tmp_path / "train.csv", sentences(3))
    data = as_table(tmp_path / "t.csv", [("moon 1", "moon"), *sentences(1)])
    with pytest.raises(SettingsError, match="'moon'"):
        evaluate(task(data, train))


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("t.csv", "", "no rows"),
        ("t.csv", "text,label\na,b\n", "has no column category"),
        ("t.csv", "text,category\n", "no rows"),
        ("t.csv", "text,category\na,b\nc,\n", "without a category"),
        ("t.csv", "text,category\n" + "a,b\n" * 10, "fewer than two intents"),
        ("t.csv", "text,category\n" + "a,oos\n" * 10, "fewer than two intents"),
        ("t.json", "{", "is not JSON"),
        ("t.json", "[]", "no object"),
        ("t.json", '{"train": [["a"]]}', "no list of pairs"),
        ("t.json", '{"train": [["a", 1]]}', "no list of pairs"),
        ("t.json", '{"train": [["a", "b"], ["c", "d"]], "oos_val": [["e", "oos"]]}', "about an intent"),
        ("gone.csv", None, "cannot be read"),
    ],
)
def test_a_faulty_file_says_what_is_wrong(tmp_path: Path, name: str, content: str | None, part: str) -> None:
    if content is not None:
        (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match=part):
        evaluate(task(tmp_path / name))
