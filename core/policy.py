"""What a support lead can change: everything a reload replaces as a whole. A value; it does nothing itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from core.conversation import Address
from core.rules import Rulebook

if TYPE_CHECKING:
    from core.answering.chain import Chain
    from core.encoding import Encoding
    from core.hours import Hours
    from core.library import Library
    from core.wording import Wording


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules, words and models in force for the messages decided from now on.

    `operators` is the chat where people take over, None when nobody is named; `people` restricts who of that chat may
    act (`telegram:42`), empty for everybody in it. `answers` is how many earlier answers a model is shown.
    `encoding` says what messages mean; without it they are read by their words.
    """

    book: Rulebook
    chain: Chain
    wording: Wording
    library: Library
    persona: str = ""
    operators: Address | None = None
    people: tuple[str, ...] = ()
    hours: Hours | None = None
    idle: timedelta = timedelta(hours=24)
    answers: int = 20
    encoding: Encoding | None = None
