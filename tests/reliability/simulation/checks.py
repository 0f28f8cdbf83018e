"""Whether every promise was kept, once the dust has settled: read from the platforms and, in plain SQL, from the store.

Independent of the product: it knows the tables by their names, and the states and outcomes by their words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from core.conversation import MessageKind
from tests.reliability.kill.codes import OPENING, codes
from tests.reliability.simulation.customers import OPERATORS, Asked
from tests.reliability.simulation.kept import Kept
from tests.reliability.simulation.standing import doubtful, edited, posted

if TYPE_CHECKING:
    from tests.reliability.simulation.world import World


def check(world: World) -> list[str]:
    """Every promise that was broken, in a sentence each."""
    kept = Kept(world)
    found = list(world.surprises)
    for asked in world.customers.asked:
        found += messages(asked, kept)
    for chat in sorted(world.telegram.posts.keys() - {OPERATORS}):
        found += edited(chat, world, kept)
    for conv in world.posting.chats:
        found += posted(conv, world, kept)
    for conv in dict.fromkeys(asked.address for asked in world.customers.asked):
        found += order(conv, world, kept)
        found += histories(conv, world, kept)
        found += holders(conv, world, kept)
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
        many, few = sorted((turns - wanted).elements()), sorted((wanted - turns).elements())
        yield f"{conv}: turns {many} too many, {few} missing"
    if not conv.startswith("telegram:") or doubtful(int(conv.partition(":")[2]), world, kept):
        return
    remembered = Counter(c for kind, body in kept.turns[conv] if kind == "reply" for c in codes(body["text"]))
    posts = world.telegram.posts.get(int(conv.partition(":")[2]), ())
    stands = Counter(c for post in posts if not post.text.endswith(OPENING) for c in codes(post.text))
    if remembered != stands:
        yield f"{conv}: the history says {dict(remembered)}, the chat {dict(stands)}"


def holders(conv: str, world: World, kept: Kept) -> Iterator[str]:
    """Who has the conversation follows from what was settled, one after another."""
    holder = next((row[4] for row in kept.chats if row[0] == conv), "bot")
    kinds = {a.id: a.kind for a in (*world.customers.asked, *world.customers.orders) if a.address == conv}
    expected = ""
    for where, key in sorted(world.settled, key=lambda key: world.settled[key]):
        if where == conv:
            outcome, named = kept.ledger.get((where, key), ("", []))
            expected = after(expected, [kinds[name] for name in named or [key] if name in kinds], outcome)
    unsure = any(o == "undeliverable" for (where, _), (o, _) in kept.ledger.items() if where == conv)
    if expected and holder != expected and not unsure:
        yield f"{conv}: the holder is {holder}, not {expected}"


def after(holder: str, said: list[MessageKind], outcome: str) -> str:
    """Who has a conversation once this was said and ended so; empty while nothing changed it."""
    consent = [kind for kind in said if kind in {MessageKind.OPT_OUT, MessageKind.OPT_IN}]
    last = (consent or said or [MessageKind.TEXT])[-1]
    handed_over = "waiting" if outcome == "handed over" else ""
    if last is MessageKind.OPT_OUT:
        return "opted out"
    if holder == "opted out":
        return handed_over or "bot" if last is MessageKind.OPT_IN else holder
    if last is MessageKind.BACK:
        return "bot"
    taken = last is MessageKind.TAKE or (last is MessageKind.SAY and outcome == "person")
    return "person" if taken else handed_over or holder


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
