"""Whether every promise was kept, once the dust has settled: read from the platforms and, in plain SQL, from the store.

Independent of the product: it knows the tables by their names, and the states and outcomes by their words.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from core.conversation import MessageKind
from tests.reliability.kill.codes import OPENING, Code, codes
from tests.reliability.simulation.customers import OPERATORS, Asked
from tests.reliability.simulation.posting import AT_MOST

if TYPE_CHECKING:
    from tests.reliability.simulation.world import World

SILENT = {"stopped", "taken over", "with person", "undeliverable", "opted out", "noted", "handed over", "apologised"}
"""Outcomes after which a customer may be without an answer of the bot's."""
STANDS = {"sent", "delivered", "read"}


class Kept:
    """The store, read once."""

    def __init__(self, world: World) -> None:
        query = world.server.query
        self.inbox = {
            row[0]: row[1:] for row in query("select source_key, conv, state, seq, message_id, at from inbox")
        }
        self.times = Counter(key for (key,) in query("select source_key from inbox"))
        self.chats = query("select conv, head, tail, owner, holder from conversation where conv <> ''")
        self.ledger: dict[tuple[str, str], tuple[str, list[str]]] = {}
        self.covered: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for conv, reply, outcome, messages in query("select conv, reply, outcome, messages from ledger"):
            self.ledger[conv, reply] = outcome, json.loads(messages)
            for message in json.loads(messages):
                self.covered[conv, message].append(outcome)
        self.parts: defaultdict[str, list[tuple[str, int, str, str]]] = defaultdict(list)
        for conv, *rest in query("select conv, reply, number, text, state from reply_part"):
            self.parts[conv].append(tuple(rest))  # type: ignore[arg-type]
        self.turns: defaultdict[str, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
        for conv, kind, body in query("select conv, kind, body from turn order by conv, number"):
            self.turns[conv].append((kind, json.loads(body)))
        self.unfinished = query("select conv, key from reply where state = 'planned'")


def check(world: World) -> list[str]:
    """Every promise that was broken, in a sentence each."""
    kept = Kept(world)
    found = list(world.surprises)
    for asked in world.customers.asked:
        found += messages(asked, kept)
    for chat in world.telegram.posts.keys() - {OPERATORS}:
        found += edited(chat, world, kept)
    for chat in world.posting.chats:
        found += posted(chat, world, kept)
    for chat in {asked.address for asked in world.customers.asked}:
        found += order(chat, world, kept)
        found += histories(chat, world, kept)
        found += holders(chat, world, kept)
    for order_ in world.customers.orders:
        found += orders(order_, world, kept)
    found += rows(kept)
    found += epochs(world)
    return list(dict.fromkeys(found))


def messages(asked: Asked, kept: Kept) -> Iterator[str]:
    """Every message a platform was rid of is settled, once."""
    name = f"{asked.address} {asked.code}"
    if kept.times[asked.key] != 1:
        yield f"{name} is in the inbox {kept.times[asked.key]} times"
        return
    state = kept.inbox[asked.key][1]
    covered = kept.covered[asked.address, asked.id]
    if state == "parked":
        yield f"{name} was parked, though nobody dies of it"
    elif state != "settled":
        yield f"{name} is {state}"
    elif len(covered) != 1:
        yield f"{name} is in {len(covered)} ledger lines"


def edited(chat: int, world: World, kept: Kept) -> Iterator[str]:
    """On Telegram every part that was sent stands once, and nothing else does but openings."""
    conv = f"telegram:{chat}"
    stands = Counter(post.text for post in world.telegram.posts[chat] if not post.text.endswith(OPENING))
    sent = Counter(text for _, _, text, state in kept.parts[conv] if state in STANDS)
    # Where the customer blocked the bot nobody can know whether the last edit had arrived before.
    doubtful = {
        text for _, _, text, state in kept.parts[conv] if state == "rejected" and chat in world.telegram.blocked
    }
    for text, times in ((stands - sent) + (sent - stands)).items():
        if text in doubtful:
            continue
        which = "doubled or unknown" if stands[text] > sent[text] else "lost"
        yield f"{conv}: {which} ({times}): it stands {stands[text]} times, {sent[text]} parts say so: {text[-60:]!r}"
    once = Counter(code for text in stands.elements() for code in codes(text))
    odd = {outcome for (where, _), (outcome, _) in kept.ledger.items() if where == conv} & {"undeliverable", "parked"}
    for code, times in once.items():
        if times > 1 and not odd:
            yield f"{conv}: {code} was answered {times} times"
    yield from missing(conv, set(once), world, kept)


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
        last = next((kind for at, kind in reversed(sorted(changes)) if at < sent.asked), None)
        reply = next((reply for reply, _, text, _ in kept.parts[conv] if text == sent.text), "")
        wanted = any(consent.get(m) is MessageKind.OPT_IN for m in kept.ledger.get((conv, reply), ("", []))[1])
        if last is MessageKind.OPT_OUT and codes(sent.text) and not wanted:
            yield f"{conv}: said after an opting out: {sent.text[-60:]!r}"


def order(conv: str, world: World, kept: Kept) -> Iterator[str]:
    """What was written and came earlier is never answered or remembered later."""
    came = {a.code: a.key for a in world.customers.asked if a.address == conv and a.key in world.told}
    at = {key: row[4] for key, row in kept.inbox.items()}
    turns = [code for kind, body in kept.turns[conv] if kind == "message" for code in codes(body["text"])[:1]]
    if conv.startswith("telegram:"):
        posts = [
            p.text for p in world.telegram.posts.get(int(conv.partition(":")[2]), ()) if not p.text.endswith(OPENING)
        ]
    else:
        posts = [sent.text for sent in world.posting.chats.get(conv, ()) if not sent.unheard]
    answers = [code for text in posts for code in codes(text) if not code.page]
    for name, line in (("remembered", turns), ("answered", list(dict.fromkeys(answers)))):
        for place, code in enumerate(line):
            for later in line[:place]:
                mine, theirs = came.get(code), came.get(later)
                if mine and theirs and world.told[mine] < world.admitted[theirs] and at[mine] <= at[theirs]:
                    yield f"{conv}: {code} came before {later} and was {name} after it"


def histories(conv: str, world: World, kept: Kept) -> Iterator[str]:
    """Every message is one turn; what is remembered as said stands on the platform that can edit, and nothing else."""
    turns = Counter(body["id"] for kind, body in kept.turns[conv] if kind == "message")
    wanted = Counter(
        a.id for a in world.customers.asked if a.address == conv and kept.inbox.get(a.key, ("", ""))[1] == "settled"
    )
    if turns != wanted:
        yield f"{conv}: turns {sorted((turns - wanted).elements())} too many, {sorted((wanted - turns).elements())} missing"
    if not conv.startswith("telegram:") or int(conv.partition(":")[2]) in world.telegram.blocked:
        return
    remembered = Counter(c for kind, body in kept.turns[conv] if kind == "reply" for c in codes(body["text"]))
    posts = world.telegram.posts.get(int(conv.partition(":")[2]), ())
    stands = Counter(c for post in posts if not post.text.endswith(OPENING) for c in codes(post.text))
    if remembered != stands:
        yield f"{conv}: the history says {dict(remembered)}, the chat {dict(stands)}"


def holders(conv: str, world: World, kept: Kept) -> Iterator[str]:
    """Who has the conversation follows from what was settled last."""
    holder = next((row[4] for row in kept.chats if row[0] == conv), "bot")
    kinds = {a.id: a.kind for a in (*world.customers.asked, *world.customers.orders) if a.address == conv}
    opted_out, expected = False, ""
    for where, key in sorted(world.settled, key=lambda key: world.settled[key]):
        outcome, named = kept.ledger.get((where, key), ("", []))
        if where != conv:
            continue
        said = [kinds[message] for message in named or [key] if message in kinds]
        consent = [kind for kind in said if kind in {MessageKind.OPT_OUT, MessageKind.OPT_IN}]
        for kind in consent[-1:] or said[-1:] or [MessageKind.TEXT]:
            if kind is MessageKind.OPT_OUT:
                opted_out, expected = True, "opted out"
            elif kind is MessageKind.OPT_IN and opted_out:
                opted_out, expected = False, "waiting" if outcome == "handed over" else "bot"
            elif opted_out:
                continue
            elif kind is MessageKind.BACK:
                expected = "bot"
            elif kind is MessageKind.TAKE or (kind is MessageKind.SAY and outcome == "person"):
                expected = "person"
            elif outcome == "handed over":
                expected = "waiting"
    unsure = any(o == "undeliverable" for (where, _), (o, _) in kept.ledger.items() if where == conv)
    if expected and holder != expected and not unsure:
        yield f"{conv}: the holder is {holder}, not {expected}"


def orders(order_: Asked, world: World, kept: Kept) -> Iterator[str]:
    """What operators asked for is done once."""
    row, conv = kept.inbox.get(order_.key), order_.address
    if row is None:
        if order_.sure:
            yield f"{conv}: an operator's {order_.kind} ({order_.id}) never got into the line"
        return
    outcome, _ = kept.ledger.get((conv, order_.id), ("", []))
    if row[1] != "settled" or not outcome:
        yield f"{conv}: an operator's {order_.kind} ({order_.id}) is {row[1]}, {outcome or 'in no ledger line'}"
    if order_.kind is not MessageKind.SAY:
        return
    if conv.startswith("telegram:"):
        posts = world.telegram.posts.get(int(conv.partition(":")[2]), ())
        times = sum(order_.code in codes(p.text) for p in posts if not p.text.endswith(OPENING))
    else:
        times = sum(order_.code in codes(sent.text) for sent in world.posting.chats.get(conv, ()))
    states = {state for _, _, text, state in kept.parts[conv] if order_.code in codes(text)}
    refused = not states and any(a.address == conv and a.kind is MessageKind.OPT_OUT for a in world.customers.asked)
    if outcome == "person" and not times and not refused and not states & {"abandoned", "rejected"}:
        yield f"{conv}: an operator's words {order_.code} were lost"
    if times > 1 and not conv.startswith("at_least"):
        yield f"{conv}: an operator's words {order_.code} stand {times} times"


def rows(kept: Kept) -> Iterator[str]:
    """Nobody waits, nobody holds anything."""
    for conv, head, tail, owner, _ in kept.chats:
        if head != tail:
            yield f"{conv}: head {head}, tail {tail}"
        if owner is not None:
            yield f"{conv} is still held by {owner}"
    for conv, key in kept.unfinished:
        yield f"{conv}: the reply {key} is planned and was never finished"


def epochs(world: World) -> Iterator[str]:
    """No two processes committed under one epoch, and none under an older one than another before."""
    owners: dict[tuple[str, int], str] = {}
    newest: dict[str, int] = {}
    for conv, process, epoch, name in world.commits:
        if owners.setdefault((conv, epoch), process) != process:
            yield f"{conv}: {process} and {owners[conv, epoch]} both committed in epoch {epoch}"
        if epoch < newest.get(conv, 0) and name != "settle":  # a settlement that is known changes nothing
            yield f"{conv}: {process} committed {name} in epoch {epoch} after epoch {newest[conv]}"
        newest[conv] = max(epoch, newest.get(conv, 0))
