"""all-MiniLM-L6-v2 (Apache-2.0) with 8-bit weights on the processor: the encoder that ships.

English, 384 numbers a text, 128 word pieces at most. The files stand in _data/minilm with their licence; they are made
by tools/build_encoder.py, which prints how far they are from the full model. What is done with vectors is not known
here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

if TYPE_CHECKING:
    from core.meaning import Matrix

FOLDER = Path(__file__).parent / "_data" / "minilm"

PIECES = 128
"""Word pieces of a text that are read: what the model was trained on; a long burst is read at its beginning."""

TOGETHER = 16
"""Texts that go through the model at once; more are not faster on one core."""


class Onnx:
    """The model and its tokenizer, loaded. One thread at a time may use it."""

    def __init__(self, folder: Path) -> None:
        with (folder / "model.onnx").open("rb") as model:
            self.version = f"minilm-{hashlib.file_digest(model, 'sha256').hexdigest()[:12]}"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # 50 MB less, and no slower
        options.log_severity_level = 3
        file = str(folder / "model.onnx")
        self._session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(PIECES)

    def embed(self, texts: Sequence[str]) -> Matrix:
        """A row of length 1 for each text, in their order. Any string is a text."""
        found = np.zeros((len(texts), 384), np.float32)
        pieces = [encoded.ids for encoded in self._tokenizer.encode_batch([_told(text) for text in texts])]
        # By length, so that little is computed for nothing.
        order = sorted(range(len(texts)), key=lambda n: len(pieces[n]))
        for start in range(0, len(order), TOGETHER):
            some = order[start : start + TOGETHER]
            longest = len(pieces[some[-1]])
            ids, mask = np.zeros((2, len(some), longest), np.int32)
            for row, n in enumerate(some):
                ids[row, : len(pieces[n])] = pieces[n]
                mask[row, : len(pieces[n])] = 1
            (found[some],) = self._session.run(None, {"ids": ids, "mask": mask})
        return found


def _told(text: str) -> str:
    """The text without halves of surrogate pairs, which no tokenizer takes."""
    return text.encode("utf-8", "replace").decode()


def build() -> Onnx:
    """The model that ships; it has no options. OSError when its files are missing."""
    return Onnx(FOLDER)
