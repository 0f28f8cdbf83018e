"""A short run of any customers at any chain; `python -m tests.fuzz.cascade` plays longer."""

from __future__ import annotations

import logging

import pytest

from tests.fuzz.cascade import Life, play


def test_whatever_vendors_do_customers_see_one_voice_and_every_call_is_booked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.CRITICAL):
        assert play(60) >= 400
    assert min(Life.counts[f"calls: {outcome}"] for outcome in ("answered", "failed", "unfit", "cancelled")) > 0
