"""The encoder that ships: what it makes of texts, whatever they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.encoder import onnx

PARCEL, REFUND = "Where is my parcel?", "I want my money back"
SHARED = onnx.build()


@pytest.fixture(scope="module")
def encoder() -> onnx.Onnx:
    return SHARED


def test_every_text_has_a_row_of_length_one_in_its_order(encoder: onnx.Onnx) -> None:
    texts = [PARCEL, "", "ok", REFUND * 40, PARCEL]
    found = encoder.embed(texts)
    assert found.shape == (5, 384)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(found[0], found[4], atol=1e-5)


def test_what_means_the_same_is_nearer_than_what_shares_a_word(encoder: onnx.Onnx) -> None:
    parcel, package, key = encoder.embed([PARCEL, "the package has not arrived", "Where is my key?"])
    assert parcel @ package > parcel @ key


def test_who_else_is_encoded_with_a_text_hardly_changes_it(encoder: onnx.Onnx) -> None:
    alone = encoder.embed([PARCEL])[0]
    beside = encoder.embed([PARCEL, *(f"{REFUND} {'again ' * n}" for n in range(40))])[0]
    assert alone @ beside > 0.99


def test_no_text_is_no_row(encoder: onnx.Onnx) -> None:
    assert encoder.embed([]).shape == (0, 384)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=300), max_size=4))
def test_any_string_is_a_text(texts: list[str]) -> None:
    found = SHARED.embed(texts)
    assert found.shape == (len(texts), 384)
    assert np.isfinite(found).all()


def test_a_very_long_text_is_read_at_its_beginning(encoder: onnx.Onnx) -> None:
    long, longer = encoder.embed([f"{PARCEL} " * 100, f"{PARCEL} " * 5_000])
    np.testing.assert_allclose(long, longer, atol=1e-5)


def test_the_version_names_the_weights(encoder: onnx.Onnx) -> None:
    assert encoder.version.startswith("minilm-")
    assert encoder.version == onnx.build().version
