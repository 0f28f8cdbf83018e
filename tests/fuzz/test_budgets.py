"""A short run of the budgets beside their model; the long one is `python -m tests.fuzz.budgets`."""

from __future__ import annotations

import pytest

from tests.fuzz.budgets import run


@pytest.mark.timeout(120)
def test_budgets_do_what_a_list_of_reservations_says() -> None:
    assert run(1000, anew=False) >= 1000
