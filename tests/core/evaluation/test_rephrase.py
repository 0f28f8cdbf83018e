"""evaluate rephrase: pairs of rephrasings, and labelled turns of dialogues."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from core.errors import SettingsError
from core.evaluation._measures import Task
from core.evaluation.rephrase import evaluate

if TYPE_CHECKING:
    from core.meaning import Matrix

QUERIES = """\
faq_id,query
1,where is my parcel
1,where is my parcel now
2,refund for broken lamp
2,refund for that broken lamp
3,where is my parcel shop
3,where is parcel shop
"""
TURNS = [
    ("customer", "where is my parcel?"),
    ("agent", "We will look."),
    ("customer", "where is my parcel?!"),
    ("agent", "Soon."),
    ("customer", "do you sell big lamps?"),
]


class Bag:
    """Texts that share words mean the same."""

    version = "minilm-bag"

    def embed(self, texts: Sequence[str]) -> Matrix:
        rows = np.zeros((len(texts), 256), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().strip("?!").split():
                row[zlib.crc32(word.encode()) % 256] += 1
        rows /= np.maximum(np.sqrt((rows * rows).sum(1, keepdims=True)), 1e-9)
        return rows


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def turns(path: Path, labels: str) -> Path:
    dialogue = {"id": "d", "turns": [{"speaker": speaker, "text": text} for speaker, text in TURNS]}
    write(path / "dialogues.jsonl", json.dumps(dialogue) + "\n")
    return write(path / "turns.csv", f"dialogue,burst,rephrase,sample\n{labels}")


def test_pairs_of_an_entry_stand_against_the_nearest_and_against_any_other(tmp_path: Path) -> None:
    found = evaluate(Task(write(tmp_path / "queries.csv", QUERIES), None, Bag()))
    assert found.n == 3 + 6 + 6
    assert found.metrics["auc_hard"].n == found.metrics["auc_random"].n == 9
    assert found.metrics["auc_random"].value > found.metrics["auc_hard"].value
    assert found.baseline["auc_hard_cosine"].value == pytest.approx(5 / 6)  # 0.89 thrice; 0.89 twice, 0.8, 0.75, 0, 0
    assert found.metrics["taken_same"].n == 3
    assert found.metrics["taken_same"].value == 1
    assert found.metrics["taken_random"].value < 1
    assert set(found.baseline) == {f"auc_{kind}_{way}" for kind in ("hard", "random") for way in ("cosine", "trigrams")}


def test_a_faq_beside_the_queries_or_given_is_known(tmp_path: Path) -> None:
    faq = "faq_id,question\n1,where is my parcel\n2,refund for broken lamp\n3,where is parcel shop\n"
    queries = write(tmp_path / "queries.csv", QUERIES)
    given = evaluate(Task(queries, write(tmp_path / "other.csv", faq), Bag())).metrics
    write(tmp_path / "faq.csv", faq)
    assert evaluate(Task(queries, None, Bag())).metrics == given
    assert given["auc_hard_faq_known"].value >= given["auc_hard"].value
    assert given["taken_hard_faq_known"].value < given["taken_hard"].value


def test_turns_are_right_where_signal_and_label_agree(tmp_path: Path) -> None:
    found = evaluate(Task(turns(tmp_path, "d,2,1,random\nd,4,0,alike\n"), None, Bag()))
    assert found.n == 2
    assert (found.metrics["precision"].value, found.metrics["recall"].value) == (1, 1)
    assert found.metrics["precision_random"].n == 1
    assert found.metrics["auc"].value == found.baseline["auc_cosine"].value == 1
    wrong = evaluate(Task(turns(tmp_path, "d,2,0,random\nd,4,1,alike\n"), None, Bag()))
    assert (wrong.metrics["precision"].value, wrong.metrics["recall"].value) == (0, 0)


def test_the_dialogues_can_lie_elsewhere(tmp_path: Path) -> None:
    labels = turns(tmp_path, "d,2,1,random\nd,4,0,random\n")
    (tmp_path / "dialogues.jsonl").rename(tmp_path / "more.jsonl")
    assert evaluate(Task(labels, tmp_path / "more.jsonl", Bag())).n == 2
    with pytest.raises(SettingsError, match="dialogues"):
        evaluate(Task(labels, None, Bag()))


def test_labels_of_one_kind_only_measure_nothing(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="turns of both kinds"):
        evaluate(Task(turns(tmp_path, "d,2,1,random\n"), None, Bag()))


@pytest.mark.parametrize("row", ["d,0,1,random", "d,3,1,random", "d,x,1,random", "d,9,1,random", "e,2,1,random"])
def test_a_turn_that_is_not_there_is_named(tmp_path: Path, row: str) -> None:
    with pytest.raises(SettingsError, match="has no burst"):
        evaluate(Task(turns(tmp_path, f"{row}\n"), None, Bag()))


@pytest.mark.parametrize(
    "text", ["", "a,b\n1,2\n", "faq_id,query\n", "faq_id,query\n1,a\n1,b\n", "faq_id,query\n1,a\n2,b\n"]
)
def test_a_faulty_file_says_what_to_write(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match="write"):
        evaluate(Task(write(tmp_path / "queries.csv", text), None, Bag()))


@pytest.mark.parametrize("text", ["{", '{"id": 1}', "[]", '{"id": "d", "turns": [{"who": "x"}]}'])
def test_dialogues_of_another_shape_are_a_settings_error(tmp_path: Path, text: str) -> None:
    labels = turns(tmp_path, "d,2,1,random\n")
    write(tmp_path / "dialogues.jsonl", text)
    with pytest.raises(SettingsError, match="dialogue"):
        evaluate(Task(labels, None, Bag()))
