"""What one answer is asked for with: the prompt, the tier, who asks, and under what conditions. A value."""

from __future__ import annotations

from dataclasses import dataclass

from core.tiers import GENERAL, TEXT, Prompt, Tier


@dataclass(frozen=True, slots=True)
class Request:
    """One answer, as it is asked for.

    `conversation` is the chat's address as text, `message` the id of the first message it answers, `customer` whoever
    writes there (by the platform's id, else the chat), `channel` where. `kind` is the kind of task, as models.yaml
    tells qualities apart, `modalities` what must be read. `private`: it holds personal data, so it goes only where
    config.yaml lets those go. `start` is the tier messages start with; `upgraded`: rules ask for a stronger one.
    `replaces`: the channel can take back what it has shown. `down`: weaker tiers may answer where neither this one nor
    a stronger one can. `last` names the model that answered this chat before. `free_only`: a budget has nothing left
    for models that cost.
    """

    prompt: Prompt
    tier: Tier
    conversation: str = ""
    customer: str = ""
    channel: str = ""
    kind: str = GENERAL
    modalities: frozenset[str] = TEXT
    private: bool = False
    start: Tier = Tier.QUICK
    upgraded: bool = False
    replaces: bool = False
    down: bool = True
    last: str = ""
    free_only: bool = False
    message: str = ""
