"""Measuring frustration: the file it reads, what it reports, what it says to a faulty file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from core.encoder import onnx
from core.errors import SettingsError
from core.evaluation import frustration
from core.evaluation._frustration import FOLDS, folds, refit
from core.evaluation._measures import Task, auc

ENCODER = onnx.build()
SHARED = Path(os.environ.get("FIRSTLINE_SHARED", Path(__file__).parents[3].parent / "shared"))
RATED = SHARED / "data" / "frustration" / "dialogues_odd.csv"
HEADER = "dialogue,turn,speaker,text,median,mean"
ANGRY = (
    "awful service, I am furious",
    "nobody answers, this is useless",
    "terrible, I am fed up",
    "still waiting, a joke",
)
CALM = ("thanks, that worked", "where can I see the lamp?", "great, see you", "is the shop open today?")
needs_data = pytest.mark.skipif(not RATED.exists(), reason="the shared data is not here")


def table(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "rated.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def sample(folder: Path, *, wrong: bool = False) -> Path:
    rows = []
    for n in range(12):
        for k, (texts, median) in enumerate(((ANGRY, 4), (CALM, 0))):
            rating = 4 - median if wrong else median
            rows.append(f'{2 * n + k},0,USER,"{texts[n % 4]}",{rating},{rating}')
            rows.append(f"{2 * n + k},1,SUPP,Sorry.,,")
    return table(folder, *rows)


def test_the_signal_is_measured_beside_vader(tmp_path: Path) -> None:
    found = frustration.evaluate(Task(sample(tmp_path), None, ENCODER))
    assert found.signal == "frustration"
    assert found.n == 24
    assert set(found.metrics) == {
        "auc_2", "auc_3", "auc_2_words", "auc_3_words", "ece", "precision_high", "recall_high",
    }  # fmt: skip
    assert set(found.baseline) == {"auc_2", "auc_3"}
    assert found.metrics["auc_3"].value == 1
    assert found.metrics["precision_high"].value == 1
    assert found.metrics["recall_high"].value >= 0.5


def test_ratings_turned_around_turn_the_figures_around(tmp_path: Path) -> None:
    found = frustration.evaluate(Task(sample(tmp_path, wrong=True), None, ENCODER))
    assert found.metrics["auc_3"].value == 0
    assert found.metrics["precision_high"].value == 0


def test_other_data_fits_the_formula_anew(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = sample(tmp_path / "other", wrong=True)
    found = frustration.evaluate(Task(sample(tmp_path), other, ENCODER))
    assert found.metrics["auc_3"].value < 0.2
    assert found.metrics["auc_3_words"].value < 0.2


def test_other_data_without_a_known_vector_fits_words_alone(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    texts = (("det er for dårligt", 4), ("tak for det, det virker nu", 0))
    other = table(tmp_path / "other", *(f'{n},0,USER,"{texts[n % 2][0]}",{texts[n % 2][1]},' for n in range(20)))
    found = frustration.evaluate(Task(sample(tmp_path), other, ENCODER))
    assert found.metrics["auc_3"] == found.metrics["auc_3_words"]


def test_a_case_is_a_rated_customer_turn_with_all_that_came_before(tmp_path: Path) -> None:
    path = table(
        tmp_path, "a,0,USER,one ///  two,3,2.5", "a,1,SUPP,Sorry.,,", "a,2,USER,three,,", "a,3,SUPP,Sorry.,,",
        "a,4,USER,four,2,", "b,0,USER,five,1,1",
    )  # fmt: skip
    found = frustration.cases(path, ENCODER)
    assert [case.talk.asked for case in found] == ["one\ntwo", "four", "five"]
    assert [(case.dialogue, case.median, case.mean) for case in found] == [("a", 3, 2.5), ("a", 2, 2), ("b", 1, 1)]
    assert [len(case.talk.turns) for case in found] == [1, 5, 1]
    assert found[0].talk.meanings is not None
    assert "one\ntwo" in found[0].talk.meanings.vectors


@pytest.mark.parametrize(
    ("rows", "header", "complaint"),
    [
        (("a,hello",), "dialogue,text", "has no column speaker and no column median"),
        ((), HEADER, "has no rows"),
        (("a,0,USER,hello,,",), HEADER, "holds no rated turn"),
        (("a,0,USER,hello,angry,",), HEADER, "the rating 'angry' in row 2"),
        (("a,0,USER,hello,7,",), HEADER, "the rating '7' in row 2"),
        (("a,0,USER,hello,nan,",), HEADER, "the rating 'nan' in row 2"),
    ],
)
def test_a_faulty_file_is_told_in_words(tmp_path: Path, rows: tuple[str, ...], header: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        frustration.evaluate(Task(table(tmp_path, *rows, header=header), None, ENCODER))


def test_a_dialogue_is_never_in_two_folds(tmp_path: Path) -> None:
    path = table(tmp_path, *(f"{n // 3},0,USER,text {n},{n % 5},{n % 5}" for n in range(60)))
    rows = frustration.rated(frustration.cases(path, ENCODER))
    fold = folds(rows, 1)
    assert len({(row.dialogue, f) for row, f in zip(rows, fold, strict=True)}) == 20
    assert set(fold) == set(range(FOLDS))
    assert (folds(rows, 1) == fold).all()
    assert (folds(rows, 2) != fold).any()


@needs_data
def test_fitted_on_some_dialogues_it_beats_vader_on_others(tmp_path: Path) -> None:
    some = table(
        tmp_path,
        *RATED.read_text(encoding="utf-8").splitlines()[1:481],
        header="dialogue,turn,speaker,text,a1,a2,a3,median,mean",
    )
    found = frustration.cases(some, ENCODER)
    rows = frustration.rated(found)
    fold = folds(rows, 0)
    formula = refit([row for row, f in zip(rows, fold, strict=True) if f < 3])
    rest = [n for n, f in enumerate(fold) if f >= 3]
    truths = np.array([rows[n].median >= 3 for n in rest])
    scores = np.array([formula.probability(rows[n].evidence) for n in rest])
    vader = np.array(frustration.vader([found[n].talk for n in rest]))
    area = auc(scores.tolist(), truths.tolist()).value
    assert area >= 0.76
    assert area >= auc(vader.tolist(), truths.tolist()).value + 0.05
