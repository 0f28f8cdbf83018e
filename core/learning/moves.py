"""Two rulebooks over the same recorded conversations: who would have gone where else. Pure.

It can show who would be escalated; it cannot know what another model would have said, nor what the customer would
have answered to that.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from core.conversation import Address, Conversation, Message, Reply
from core.rules import Decision, Rulebook, decide
from core.tiers import Tier

SAMPLES = 10
"""So many moved messages are quoted for each pair of tiers, each cut to `QUOTE` characters."""

QUOTE = 160


@dataclass(slots=True)
class Moves:
    """Messages by (tier now, tier then), and some of those that move."""

    messages: int = 0
    pairs: Counter[tuple[Tier, Tier]] = field(default_factory=Counter)
    samples: defaultdict[tuple[Tier, Tier], list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    def data(self) -> dict[str, Any]:
        """The `moved` of `replay --json`."""
        moved = {pair: n for pair, n in self.pairs.most_common() if pair[0] is not pair[1]}
        return {
            "messages": sum(moved.values()),
            "of": self.messages,
            "pairs": [
                {"from": a.label, "to": b.label, "messages": n, "samples": self.samples[a, b]}
                for (a, b), n in moved.items()
            ],
        }


Told = Iterable[Message | Reply]
Names = tuple[str, ...]


Understand = Callable[[Conversation], Conversation]


def by_words(conversation: Conversation) -> Conversation:
    """The conversation as it is: without an encoder."""
    return conversation


def compare(
    dialogues: Iterable[Told], now: Rulebook, then: Rulebook, *, people: bool, understand: Understand = by_words
) -> Moves:
    """Decide every message with both books. `people`: a person who is called keeps the rest of the conversation."""
    moves = Moves()
    for dialogue in dialogues:
        turns = tuple(dialogue)
        for (message, before, _), (_, after, rules) in zip(
            _route(turns, now, people, understand), _route(turns, then, people, understand), strict=True
        ):
            moves.messages += 1
            moves.pairs[before, after] += 1
            samples = moves.samples[before, after]
            if before is not after and len(samples) < SAMPLES:
                samples.append({"id": message.id, "text": message.text[:QUOTE], "rules": list(rules)})
    return moves


def walk(
    turns: Told, book: Rulebook, address: Address, understand: Understand = by_words
) -> Iterator[tuple[Conversation, Decision | None]]:
    """The conversation after each turn, and the decision on it where the customer spoke.

    Recorded replies carry what this book decided for the burst before them, so holds are counted from there.
    """
    conversation = Conversation(address)
    earned: tuple[str, ...] = ()
    for turn in turns:
        if isinstance(turn, Reply):
            conversation = conversation.answered(replace(turn, earned=earned))
            earned = ()
            yield conversation, None
        else:
            conversation = understand(conversation.heard(turn))
            decision = decide(conversation, book)
            earned = decision.rules
            yield conversation, decision


def _route(
    turns: tuple[Message | Reply, ...], book: Rulebook, people: bool, understand: Understand
) -> Iterator[tuple[Message, Tier, Names]]:
    """Each message with the tier it goes to and the rules that led there."""
    address = next((turn.address for turn in turns if isinstance(turn, Message)), Address("nowhere", "nobody"))
    with_person = False
    for conversation, decision in walk(turns, book, address, understand):
        if decision is None:
            continue
        if with_person:
            yield conversation.last, Tier.PERSON, ()
        else:
            with_person = people and decision.tier is Tier.PERSON
            yield conversation.last, decision.tier, (*decision.rules, *decision.held)
