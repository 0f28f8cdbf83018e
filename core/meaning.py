"""What texts mean, as an encoder sees it: a vector of length 1 each, so that likeness is their product.

Values and the encoder's port only. How vectors are made is in `core/encoder`, who waits for them in `encoding`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]
    """One text's: shape (d,), of length 1."""

    Matrix = NDArray[np.float32]
    """Several texts': shape (n, d), a row each."""


class Encoder(Protocol):
    """Texts to vectors. `version` identifies the encoder in every decision it took part in."""

    version: str

    def embed(self, texts: Sequence[str]) -> Matrix:
        """A row for each text, in their order. Blocks, and is called by one thread at a time."""
        ...


@dataclass(frozen=True, slots=True)
class Meanings:
    """The vectors of some texts, by text, and which encoder made them. What is not there was not known in time."""

    version: str = ""
    vectors: Mapping[str, Vector] = field(default_factory=dict, repr=False, compare=False)

    def of(self, text: str) -> Vector | None:
        """The vector of a text that was encoded."""
        return self.vectors.get(text)


def vector(meanings: Meanings | None, text: str) -> Vector | None:
    """The vector of a text, if it was encoded in time."""
    return meanings.of(text) if meanings is not None else None


BUILT_IN = "minilm-"
"""What the versions of the encoder that ships begin with."""


def native(meanings: Meanings | None, text: str) -> Vector | None:
    """The same where the encoder that ships made it: weights that ship were fitted to its vectors and no others."""
    return meanings.of(text) if meanings is not None and meanings.version.startswith(BUILT_IN) else None
