"""Fits the weights of the complexity signal and prints how good they are.

    python tools/fit_complexity.py ../shared/data

Rows: routing/routellm_mmlu.csv and routing/routellm_gsm8k.csv, together. What is printed: the area each ranking wins
(APGR, core/evaluation/complexity.py), five folds, near-duplicates kept together; each table's formula on the other
table; and how messages of bitext/, banking77/ and tweetsumm/ read. Reading the vectors of the questions takes minutes;
they are kept in the folder named second, if one is.
"""

# ruff: noqa: T201 - a script prints

from __future__ import annotations

import csv
import json
import sys
from collections import Counter as Tally
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.encoder import onnx
from core.evaluation._complexity import Sample, both, calibration, fit, out_of_fold, rank
from core.evaluation._measures import calibration_error
from core.evaluation.complexity import Table, apgr, asked, sampled, table_of
from core.meaning import Encoder
from core.signals import complexity
from core.signals._complexity_weights import FOLDER, save_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.evaluation._measures import Floats
    from core.meaning import Matrix

TABLES = ("routellm_mmlu", "routellm_gsm8k")
EVERY = 5
"""Of the messages of other sets every fifth is read."""

HEADER = """\
# Weights of the complexity signal, made by tools/fit_complexity.py. Source and licence: SOURCE.md."""


def vectors_of(name: str, texts: Sequence[str], encoder: Encoder, kept: Path | None) -> Matrix:
    """The vectors of some texts, from the folder where they were kept, or read now."""
    file = kept / f"{name}.npy" if kept else None
    if file and file.exists():
        return np.asarray(np.load(file), np.float32)
    found = encoder.embed(texts)
    if file:
        np.save(file, found)
    return found


def messages(shared: Path) -> Iterator[tuple[str, str]]:
    """(set, text) of customers' messages."""
    for name, column in (("bitext", "utterance"), ("banking77", "text")):
        with (shared / name / "train.csv").open(encoding="utf-8", newline="") as lines:
            yield from ((name, line[column]) for line in csv.DictReader(lines))
    with (shared / "tweetsumm" / "dialogues.jsonl").open(encoding="utf-8") as lines:
        turns = (turn for line in lines for turn in json.loads(line)["turns"])
        yield from (("tweetsumm", turn["text"]) for turn in turns if turn["speaker"] == "customer")


def report(samples: dict[str, Sample]) -> None:
    """Each table alone and together, out of fold, and on the other table."""
    for name, sample in samples.items():
        for by_meaning in (True, False):
            scores = out_of_fold(sample, by_meaning=by_meaning)
            how = "counts, terms and vector" if by_meaning else "counts alone"
            print(f"{name} n {len(scores)}, five folds, {how}: APGR {apgr(scores, sample.gain):.3f}")
        for other, unseen in samples.items():
            if other != name:
                print(f"fitted on {name}, {other}: APGR {apgr(rank(sample).scores(unseen), unseen.gain):.3f}")
    mmlu, gsm8k = samples.values()
    together = both(mmlu, gsm8k)
    for by_meaning in (True, False):
        scores, n = out_of_fold(together, by_meaning=by_meaning), len(mmlu.weak)
        areas = apgr(scores[:n], mmlu.gain[:n]), apgr(scores[n:], gsm8k.gain)
        print(f"together, five folds, by meaning {by_meaning}: MMLU {areas[0]:.3f}, GSM8K {areas[1]:.3f}")
        print(f"calibration error at the tables' own share {miscalibrated(scores, together.gain > 0):.3f}")


def miscalibrated(scores: Floats, truths: NDArray[np.bool_]) -> float:
    """The calibration error of every second case, calibrated on the others, at the share of the truth among all."""
    slope, offset = calibration(scores[::2], truths[::2])
    odds = np.log(truths.mean() / (1 - truths.mean()))
    return calibration_error(1 / (1 + np.exp(-(scores[1::2] * slope + offset + odds))), truths[1::2])


def read_others(shared: Path, encoder: Encoder, kept: Path | None) -> None:
    """How many customers' messages are of each level."""
    signal = complexity.build()
    every = list(messages(shared))[::EVERY]
    vectors = vectors_of("messages", [text for _, text in every], encoder, kept)
    levels: dict[str, Tally[str]] = {}
    for (name, text), vector in zip(every, vectors, strict=True):
        levels.setdefault(name, Tally())[str(signal(asked(text, encoder.version, vector)).value)] += 1
    for name, tally in levels.items():
        print(name, f"n {tally.total()}", {level: f"{count / tally.total():.3f}" for level, count in tally.items()})


def main(shared: Path, kept: Path | None) -> None:
    """Print the figures and write the weights."""
    encoder = onnx.build()
    tables: dict[str, Table] = {name: table_of(shared / "routing" / f"{name}.csv") for name in TABLES}
    vectors = {name: vectors_of(name, table.texts, encoder, kept) for name, table in tables.items()}
    samples = {name: sampled(table, vectors[name]) for name, table in tables.items()}
    report(samples)
    together = both(*samples.values())
    weights = fit(together, encoder.version)
    save_weights(weights, FOLDER, HEADER)
    read_others(shared, encoder, kept)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
