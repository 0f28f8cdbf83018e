"""A vector for each word piece, added up: for machines without room or time for the model. English.

Distilled from the built-in model by tools/distil.py: the table (int8, 256 numbers a piece with a scale each) is the one
whose sums come nearest to that model's vectors. It knows topics, not questions: see docs/signals.md before choosing it.
Signals whose weights were fitted to the model's own vectors go by words with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer

if TYPE_CHECKING:
    from core.meaning import Matrix

FOLDER = Path(__file__).parent / "_data" / "static"
TOKENIZER = Path(__file__).parent / "_data" / "minilm" / "tokenizer.json"

PIECES = 256
"""Word pieces of a text that are read."""


class Static:
    """The table and the tokenizer, loaded."""

    def __init__(self, folder: Path) -> None:
        with (folder / "table.npy").open("rb") as table:
            self.version = f"static-{hashlib.file_digest(table, 'sha256').hexdigest()[:12]}"
        self._table = np.load(folder / "table.npy", allow_pickle=False)
        self._scale = np.load(folder / "scale.npy", allow_pickle=False)
        self._tokenizer = Tokenizer.from_file(str(TOKENIZER))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(PIECES)

    def embed(self, texts: Sequence[str]) -> Matrix:
        """A row of length 1 for each text, in their order; of zeros where a text has no word."""
        found = np.zeros((len(texts), self._table.shape[1]), np.float32)
        told = [text.encode("utf-8", "replace").decode() for text in texts]
        for row, pieces in enumerate(self._tokenizer.encode_batch(told, add_special_tokens=False)):
            if pieces.ids:
                found[row] = self._scale[pieces.ids] @ self._table[pieces.ids].astype(np.float32)
        found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), np.float32(1e-9))
        return found


def build() -> Static:
    """The table that ships; it has no options. OSError when its files are missing."""
    return Static(FOLDER)
