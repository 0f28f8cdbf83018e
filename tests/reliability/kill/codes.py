"""The codes customers write and answers carry: what lets a reader of a chat tell lost from doubled from out of order.

`KK-7-12` is the twelfth message of chat 7. With an L at the end its answer has two pages, and the first one carries
`KK-7-12L/1`. Pure; nothing of the product is known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_CODE = re.compile(r"\bKK-(\d+)-(\d+)(L?)(/1)?(?![\w/-])")
OPENING = " …"
"""How a message ends that was opened and whose answer has not come."""


@dataclass(frozen=True, slots=True, order=True)
class Code:
    """One message of one chat; `page` is 1 on the first page of an answer in two, else 0."""

    chat: int
    number: int
    long: bool = False
    page: int = 0

    def __str__(self) -> str:
        return f"KK-{self.chat}-{self.number}{'L' * self.long}{'/1' * self.page}"

    @property
    def expected(self) -> tuple[Code, ...]:
        """What its answer carries, in this order."""
        return (Code(self.chat, self.number, True, 1), self) if self.long else (self,)


def codes(text: str) -> list[Code]:
    """Every code in a text, in its order."""
    found = _CODE.findall(text)
    return [Code(int(chat), int(number), bool(long), len(page) // 2) for chat, number, long, page in found]


def question(code: Code) -> str:
    """What a customer writes."""
    return f"Where is parcel {code}"


def answer(asked: Iterable[Code]) -> str:
    """The answer to these messages; no code stands in its first clause, which opens a message before its text is there.

    A long one fits no single message of any platform, and is cut before its second page.
    """
    wanted = list(dict.fromkeys(asked))
    names = ", ".join(map(str, wanted))
    last = f"Your parcel left our warehouse, the carrier has it now and it will be with you by Friday noon ({names})."
    first = [page for code in wanted for page in code.expected if page.page]
    if not first:
        return last
    filling = "The carrier weighs it, measures it and writes both down. " * 72
    return f"Every step it took, one after another ({', '.join(map(str, first))}). {filling}{SECOND_PAGE}{last}"


SECOND_PAGE = "\n\nTo come to the end: "
