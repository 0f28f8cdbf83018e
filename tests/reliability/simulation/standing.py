"""What stands in the chats of the platforms, held against what the store says of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from core.conversation import MessageKind
from tests.reliability.kill.codes import OPENING, Code, codes
from tests.reliability.simulation.kept import Kept
from tests.reliability.simulation.posting import AT_MOST

if TYPE_CHECKING:
    from tests.reliability.simulation.world import World

SILENT = {"stopped", "taken over", "with person", "undeliverable", "opted out", "noted", "handed over", "apologised"}
"""Outcomes after which a customer may be without an answer of the bot's."""
STANDS = {"sent", "delivered", "read"}


def edited(chat: int, world: World, kept: Kept) -> Iterator[str]:
    """On Telegram every part that was sent stands once, and nothing else does but openings."""
    conv = f"telegram:{chat}"
    stands = Counter(post.text for post in world.telegram.posts[chat] if not post.text.endswith(OPENING))
    sent = Counter(text for _, _, text, state in kept.parts[conv] if state in STANDS)
    unsure = doubtful(chat, world, kept)
    for text, times in ((stands - sent) + (sent - stands)).items():
        if text in unsure:
            continue
        which = "doubled or unknown" if stands[text] > sent[text] else "lost"
        yield f"{conv}: {which} ({times}): it stands {stands[text]} times, {sent[text]} parts say so: {text[-60:]!r}"
    once = Counter(code for text in stands.elements() for code in codes(text))
    odd = {outcome for (where, _), (outcome, _) in kept.ledger.items() if where == conv} & {"undeliverable", "parked"}
    for code, times in once.items():
        if times > 1 and not odd:
            yield f"{conv}: {code} was answered {times} times"
    yield from missing(conv, set(once), world, kept)


def doubtful(chat: int, world: World, kept: Kept) -> set[str]:
    """Texts of parts that were refused in the end though an edit had arrived: a platform that contradicts itself.

    Ours refuses by chance what it took before; whoever was refused cannot know that its words stand.
    """
    refused = {text for _, _, text, state in kept.parts[f"telegram:{chat}"] if state == "rejected"}
    return refused if chat in world.telegram.blocked else refused & world.telegram.edited


def missing(conv: str, seen: set[Code], world: World, kept: Kept) -> Iterator[str]:
    """Who was answered according to the ledger has the answer."""
    given_up = {
        code for _, _, text, state in kept.parts[conv] if state in {"abandoned", "rejected"} for code in codes(text)
    }
    for asked in world.customers.asked:
        outcomes = kept.covered[conv, asked.id] if asked.address == conv else []
        if asked.kind is not MessageKind.TEXT or "answered" not in outcomes:
            continue
        for code in asked.code.expected:
            if code not in seen | given_up and not cut_off(conv, kept):
                yield f"{conv}: {code} is called answered, and its answer stands nowhere"


def cut_off(conv: str, kept: Kept) -> bool:
    """Whether a model broke off in this chat: its answer may hold no code."""
    return any("My answer was cut off" in body.get("text", "") for kind, body in kept.turns[conv] if kind == "reply")


def posted(conv: str, world: World, kept: Kept) -> Iterator[str]:
    """Where nothing can be edited: at most once is never twice, at least once never missing; nothing after STOP."""
    stands = world.posting.chats[conv]
    times = Counter(code for sent in stands for code in codes(sent.text))
    if conv.startswith(AT_MOST):
        texts = Counter((sent.text) for sent in stands if codes(sent.text))
        for text, many in texts.items():
            planned = sum(text == part for _, _, part, _ in kept.parts[conv])
            if many > planned:
                yield f"{conv}: {text[-60:]!r} stands {many} times, planned {planned}"
    else:
        for reply, _, text, state in kept.parts[conv]:
            outcome = kept.ledger.get((conv, reply), ("", []))[0]
            if state in {"unknown", "sending", "abandoned", "planned"} and outcome not in SILENT:
                yield f"{conv}: {outcome}, but a part is left {state}: {text[-60:]!r}"
            if state in STANDS and not any(sent.text == text for sent in stands):
                yield f"{conv}: lost, though its part is {state}: {text[-60:]!r}"
    yield from missing(conv, set(times), world, kept)
    yield from after_stop(conv, world, kept)


def after_stop(conv: str, world: World, kept: Kept) -> Iterator[str]:
    """Nothing but the word about it is asked for after an opting out was settled, until the customer opts in."""
    consent = {a.id: a.kind for a in world.customers.asked if a.address == conv}
    changes: list[tuple[float, MessageKind]] = []
    for (where, key), at in world.settled.items():
        if where == conv and (line := kept.ledger.get((where, key))):
            said = [consent[m] for m in line[1] if consent.get(m) in {MessageKind.OPT_OUT, MessageKind.OPT_IN}]
            changes += [(at, said[-1])] if said else []
    for sent in world.posting.chats[conv]:
        last = next((kind for at, kind in reversed(changes) if at < sent.asked), None)
        reply = next((reply for reply, _, text, _ in kept.parts[conv] if text == sent.text), "")
        wanted = any(consent.get(m) is MessageKind.OPT_IN for m in kept.ledger.get((conv, reply), ("", []))[1])
        if last is MessageKind.OPT_OUT and codes(sent.text) and not wanted:
            yield f"{conv}: said after an opting out: {sent.text[-60:]!r}"
