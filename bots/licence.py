"""What a platform asks of everybody who runs a bot on it, looked for before such a channel listens.

Only whether it is there; what the texts say is the owner's affair. Which channel asks for what, the channel says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from core.abilities import Cards, Licensed
from core.errors import Problem
from core.ports import Channel
from core.rules import AnyOf, Rule
from core.settings import Settings
from core.settings.source import Document
from core.tiers import Tier
from core.wording import Wording

ASKS = "asks_for_person"


def faults(
    settings: Settings, channels: Mapping[str, Channel], wording: Wording, document: Document
) -> Iterator[Problem]:
    """A problem for each condition of a channel that this installation does not meet."""
    for name, channel in channels.items():
        if isinstance(channel, Licensed):
            for condition in channel.conditions:
                for what, write in CONDITIONS[condition](settings, channels, wording, name):
                    yield document.problem(("channels", name), f"{name} may not start: {what}", write, key=True)


def _person(
    settings: Settings, channels: Mapping[str, Channel], _wording: Wording, name: str
) -> Iterator[tuple[str, str]]:
    chat = settings.operators.chat
    if chat is None:
        yield "nobody is named who takes over from the bot", "operators: and under it chat: telegram:-100..."
    elif not isinstance(channels.get(chat.channel), Cards):
        yield f"operators.chat is in {chat.channel}, which is off or shows no cards", "a chat of a channel that is on"
    if not any(_leads_to_person(rule, name) for rule in settings.escalation):
        yield "no rule gives a customer who asks for a person one", f"a rule with {ASKS}: yes and send_to: person"


def _leads_to_person(rule: Rule, channel: str) -> bool:
    """Whether asking for a person is enough, always and for everybody."""
    if rule.shadow or rule.canary < 1 or rule.unless or len(rule.when) != 1:
        return False
    clause = rule.when[0]
    signals = {c.signal for c in clause.conditions} if isinstance(clause, AnyOf) else {clause.signal}
    return ASKS in signals and rule.sends_to(channel) is Tier.PERSON


def _texts(notice: str, what: str) -> Callable[..., Iterator[tuple[str, str]]]:
    def missing(settings: Settings, _channels: Any, wording: Wording, _name: str) -> Iterator[tuple[str, str]]:
        for language in settings.languages:
            if not wording.has(notice, language):
                write = f"{notice}: and under it {language}: ..., in bots/{settings.bot}/texts.yaml"
                yield f"there is no text in {language!r} that says {what}", write

    return missing


CONDITIONS: Mapping[str, Callable[..., Iterator[tuple[str, str]]]] = {
    "person": _person,
    "disclosure": _texts("disclosure", "that an AI answers"),
    "scope": _texts("scope", "what the bot helps with"),
}
