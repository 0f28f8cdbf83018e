"""evaluate faq: what counts as right, covered and wrongly answered."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from core.errors import SettingsError
from core.evaluation._measures import Evaluation, Task
from core.evaluation.faq import evaluate

if TYPE_CHECKING:
    from core.meaning import Matrix

TOPICS = ("parcel", "refund", "lamp", "password", "invoice", "voucher", "address", "opening")


class Bag:
    """Texts that share words mean the same."""

    version = "bag"

    def embed(self, texts: Sequence[str]) -> Matrix:
        rows = np.zeros((len(texts), 256), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().split():
                row[zlib.crc32(word.encode()) % 256] += 1
        rows /= np.maximum(np.sqrt((rows * rows).sum(1, keepdims=True)), 1e-9)
        return rows


def folder(path: Path, queries: Sequence[tuple[str, str]]) -> Path:
    entries = [f"{topic},{topic} question,{topic} answer" for topic in TOPICS]
    (path / "faq.csv").write_text("\n".join(["faq_id,question,answers", *entries]), encoding="utf-8")
    asked = [f"{entry},{query}" for entry, query in queries]
    (path / "queries.csv").write_text("\n".join(["faq_id,query", *asked]), encoding="utf-8")
    return path


def measured(path: Path, queries: Sequence[tuple[str, str]]) -> Evaluation:
    return evaluate(Task(folder(path, queries), None, Bag()))


def test_clear_queries_are_all_right_and_a_removed_entry_is_not_answered(tmp_path: Path) -> None:
    found = measured(tmp_path, [(topic, f"{topic} question") for topic in TOPICS])
    assert found.n == 8
    assert found.metrics["top1"].value == 1
    assert found.metrics["precision"].value == 1
    assert found.metrics["coverage"].value == 1
    assert found.metrics["out_of_scope_answered"].value == 0
    assert found.metrics["out_of_scope_answered"].n == found.metrics["coverage"].n == 24
    assert set(found.baseline) == {"top1_bm25", "top1_ngrams", "top1_cosine"}
    assert all(figure.value == 1 for figure in found.baseline.values())


def test_a_query_labelled_with_another_entry_counts_as_wrong(tmp_path: Path) -> None:
    swapped = [(TOPICS[0], f"{TOPICS[1]} question"), *((topic, f"{topic} question") for topic in TOPICS[1:])]
    found = measured(tmp_path, swapped)
    assert found.metrics["top1"].value == 7 / 8
    assert found.metrics["precision"].value < 1
    assert 0.5 < found.metrics["coverage"].value < 1
    assert all(figure.value == 7 / 8 for figure in found.baseline.values())


def test_queries_nothing_answers_are_not_covered(tmp_path: Path) -> None:
    found = measured(tmp_path, [(topic, "something else entirely") for topic in TOPICS])
    assert found.metrics["coverage"].value == 0
    assert found.metrics["precision"].n == 0


def test_the_same_data_gives_the_same_figures(tmp_path: Path) -> None:
    queries = [(topic, f"{topic} question please") for topic in TOPICS]
    assert measured(tmp_path, queries) == measured(tmp_path, queries)


@pytest.mark.parametrize(
    ("faq", "queries", "part"),
    [
        ("id,text\n1,a\n", "faq_id,query\n1,a\n", "no column faq_id"),
        ("faq_id,question,answers\n1,a,b\n", "faq_id,query\n1,a\n", "too few entries"),
        ("faq_id,question,answers\n1,a,b\n2,c,d\n3,e,f\n4,g,h\n", "faq_id,query\n9,a\n", "asks for '9'"),
        ("faq_id,question,answers\n1,a,b\n2,c,d\n3,e,f\n3,g,h\n", "faq_id,query\n1,a\n", "one faq_id twice"),
        ("", "faq_id,query\n1,a\n", "no column"),
    ],
)
def test_faulty_data_says_what_to_write(tmp_path: Path, faq: str, queries: str, part: str) -> None:
    (tmp_path / "faq.csv").write_text(faq, encoding="utf-8")
    (tmp_path / "queries.csv").write_text(queries, encoding="utf-8")
    with pytest.raises(SettingsError, match=part):
        evaluate(Task(tmp_path, None, Bag()))


def test_a_file_instead_of_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is not a folder"):
        evaluate(Task(tmp_path / "gone", None, Bag()))
