"""Whether a model may be tried for a request at all: does it fit, can it read it, may the text go there.

Pure, and asked before anything is spent. Whether the model is up is the breaker's to say, whether it can be paid for
the purse's. The fit goes by the likely number of tokens: by the most that is possible a long history would close
models that could have answered it, while a prompt that is a little too long after all costs one refused call.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from core.answering.request import Request
from core.answering.tokens import estimate
from core.tiers import ModelCard

HERE = "here"
"""The region of what runs on your own machine: its text goes nowhere, so it is allowed everywhere."""


@dataclass(frozen=True, slots=True)
class Places:
    """The regions texts may go to: `regions` for every request, `private` besides for those with personal data.

    Empty: no such limit. Where there is one, a model whose region is unknown is not asked.
    """

    regions: frozenset[str] = frozenset()
    private: frozenset[str] = frozenset()


ANYWHERE = Places()


def obstacle(card: ModelCard, request: Request, where: Places = ANYWHERE) -> str:
    """Why this model cannot be asked, in words for an operator; empty when it can.

    A model whose context is unknown is given the benefit of the doubt.
    """
    if not request.modalities <= card.modalities:
        return f"it does not read {_listed(request.modalities - card.modalities)}"
    if where.regions and not _allowed(card, where.regions):
        return f"text may go to {_listed(where.regions)} only, and {_whereabouts(card)}"
    if request.private and where.private and not _allowed(card, where.private):
        return f"personal data may go to {_listed(where.private)} only, and {_whereabouts(card)}"
    if card.context and (need := estimate(request.prompt).likely + request.prompt.max_tokens) > card.context:
        return f"about {need} tokens are needed, and its context holds {card.context}"
    return ""


def _allowed(card: ModelCard, regions: Set[str]) -> bool:
    return card.region == HERE or card.region in regions


def _whereabouts(card: ModelCard) -> str:
    return f"it is in {card.region}" if card.region else "where it is is unknown"


def _listed(names: Set[str]) -> str:
    return ", ".join(sorted(names))
