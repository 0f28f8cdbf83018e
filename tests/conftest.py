"""For all tests: how long an example takes says something about the machine, never about the code."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("no clock", deadline=None)
settings.load_profile("no clock")
