"""What a call's end says about the model: one table from our error tree to verdicts.

Only the judging of one call. What verdicts lead to is the breaker's affair.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Sequence

from core.answering.breaker import BreakerRules, Verdict
from core.errors import BadPrompt, Busy, Denied, Unfit, Withdrawn

_RULES = BreakerRules()

_OF: Sequence[tuple[type[BaseException], Verdict]] = (
    (CancelledError, Verdict.NEUTRAL),
    (GeneratorExit, Verdict.NEUTRAL),
    (Withdrawn, Verdict.NEUTRAL),
    (Denied, Verdict.DENIED),
    (Busy, Verdict.BUSY),
    (BadPrompt, Verdict.NEUTRAL),
    (Unfit, Verdict.GOOD),
    (Exception, Verdict.FAILED),
    (BaseException, Verdict.NEUTRAL),
)
"""The first that fits. An unfit text was delivered in time: whether it was a good one is not the breaker's question."""


def verdict_of(
    error: BaseException | None,
    first: float | None = None,
    stall: float = 0.0,
    ours: bool = False,
    rules: BreakerRules = _RULES,
) -> Verdict:
    """The verdict on a call that ended in this error, None for an answer that came whole.

    `first`: seconds to its first text, `stall`: the longest silence after it. `ours`: our own deadline ended it because
    little time was left, which says nothing about the model. Not to be asked before the call is over: a stream that
    has begun may still break.
    """
    if ours:
        return Verdict.NEUTRAL
    verdict = Verdict.GOOD if error is None else next(found for kind, found in _OF if isinstance(error, kind))
    if verdict is Verdict.GOOD and ((first or 0.0) > rules.first_within or stall > rules.stall_within):
        return Verdict.SLOW
    return verdict
