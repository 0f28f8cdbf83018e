"""The static table: small, quick, and worth what is said of it."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.encoder import onnx, static

PARCEL, REFUND = "Where is my parcel?", "I want my money back"
SHARED = static.build()
DATA = Path(os.environ.get("FIRSTLINE_SHARED", Path(__file__).parents[4] / "shared")) / "data"


@pytest.fixture(scope="module")
def encoder() -> static.Static:
    return SHARED


def test_every_text_with_a_word_has_a_row_of_length_one(encoder: static.Static) -> None:
    found = encoder.embed([PARCEL, "ok", REFUND * 40])
    assert found.shape == (3, 256)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_a_text_without_a_word_is_like_nothing(encoder: static.Static) -> None:
    assert not encoder.embed(["", "   "]).any()
    assert encoder.embed([]).shape == (0, 256)


def test_what_is_about_the_same_is_nearer_than_what_is_not(encoder: static.Static) -> None:
    parcel, package, key = encoder.embed([PARCEL, "the package has not arrived", "How do I write an essay?"])
    assert parcel @ package > parcel @ key + 0.2


def test_it_fits_in_8_mb() -> None:
    assert sum(file.stat().st_size for file in static.FOLDER.glob("*.npy")) <= 8_000_000


def test_its_version_is_not_the_models() -> None:
    assert SHARED.version.startswith("static-")
    assert not SHARED.version.startswith(onnx.build().version[:7])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=300), max_size=4))
def test_any_string_is_a_text(texts: list[str]) -> None:
    assert np.isfinite(SHARED.embed(texts)).all()


@pytest.mark.skipif(not DATA.is_dir(), reason="the public data is not beside this checkout")
def test_of_public_questions_86_of_100_are_nearest_to_their_entry(encoder: static.Static) -> None:
    entries, queries = (_rows(name) for name in ("faq", "queries"))
    near = encoder.embed([row["query"] for row in queries]) @ encoder.embed([row["question"] for row in entries]).T
    right = [entries[n]["faq_id"] == row["faq_id"] for n, row in zip(near.argmax(1), queries, strict=True)]
    assert np.mean(right) >= 0.86


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / "faq" / f"{name}.csv").open(encoding="utf-8", newline="") as told:
        return list(csv.DictReader(told))
