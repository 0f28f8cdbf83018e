"""The chats that are decided on: ten messages of 14 to 22 words in each, ten answers between them.

Written by us. No sentence comes twice: each has two slots, so what is read has not been read before, while the words
have, as in a shop's day. It measures nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from random import Random

from core.conversation import Address, Conversation, Customer, Message, Reply

MESSAGES = 10
"""Messages of the customer's in one chat; with the answers between them it has twenty turns."""

PLACE, AT = Address("memory", "1"), datetime(2026, 11, 20, 12, tzinfo=UTC)

THINGS = (
    *("teapot", "kettle", "mug", "grinder", "filter", "lamp", "chair", "toaster", "blanket", "scarf"),
    *("jacket", "rucksack", "tent", "bottle", "notebook", "clock", "vase", "mirror", "drawer", "shelf"),
    *("blender", "whisk", "pan", "knife", "board", "tray", "basket", "candle", "cushion", "duvet"),
    *("towel", "rug", "curtain", "ladder", "drill", "hammer", "radio", "speaker", "charger", "keyboard"),
)
WHENS = (
    *("on Monday", "on Tuesday", "last Friday", "three weeks ago", "yesterday", "this morning", "in October"),
    *("last month", "for my sister", "for the office", "from your shop", "with express delivery", "in the sale"),
    *("as a gift", "on the phone", "at the weekend", "in the blue colour", "from the new range", "without a receipt"),
    *("after the holidays", "before the summer", "twice already", "for my parents", "with a voucher", "online"),
)
SENTENCES = (
    "Hi, I ordered a {thing} {when} and it still has not arrived at my door.",
    "The {thing} I bought {when} came in a torn box and the handle is broken.",
    "Could you please tell me whether the {thing} I chose {when} can still be exchanged?",
    "I would like to know how long the guarantee on the {thing} lasts that I got {when}.",
    "My neighbour took the parcel with the {thing} {when} but says nobody rang at all.",
    "Is it possible to have the {thing} I reserved {when} sent to a different address instead?",
    "The instructions for the {thing} that I received {when} are missing from the package.",
    "It does not say anywhere which size the {thing} is that I put aside {when}.",
    "You wrote that the {thing} was on its way {when} and now the page shows nothing.",
    "I was charged 49.90 for the {thing} {when} although the label said 39.90 in the window.",
    "Why does the {thing} that you repaired {when} make the same noise as it did before?",
    "We would need four more of the {thing} we ordered {when}, do you still have them?",
    "Honestly, this is the third time I am writing about the {thing} I paid for {when}!",
    "The colour of the {thing} looks nothing like the photograph I saw {when} on your page.",
    "Thanks for the quick answer about the {thing}, I had asked for it {when}.",
    "Order 48213 with the {thing} was promised {when} and my tracking number is still empty.",
    "I tried to log in to see the invoice of the {thing} {when} and my password fails.",
    "If the {thing} from {when} cannot be mended, may I send it back to you?",
)
ANSWERS = (
    "Thank you for writing. Could you tell me the order number, please?",
    "I have looked it up: the parcel has left our warehouse and is with the carrier.",
    "You can send it back within thirty days; the label is in your account.",
)


def chats(count: int, seed: int = 1) -> list[list[str]]:
    """That many chats, each the texts of the customer; every sentence of them all is another."""
    written = [sentence.format(thing=t, when=w) for sentence, t, w in product(SENTENCES, THINGS, WHENS)]
    needed = MESSAGES * count
    if needed > len(written):
        raise ValueError(f"there are sentences for {len(written) // MESSAGES} chats only")
    texts = Random(seed).sample(written, needed)
    return [texts[n : n + MESSAGES] for n in range(0, len(texts), MESSAGES)]


def steps(texts: list[str]) -> Iterator[Conversation]:
    """The chat as it stands each time the customer has written; the last time it has twenty turns."""
    at, chat = AT, Conversation(PLACE).answered(Reply("Hello, how can we help?", AT))
    for number, text in enumerate(texts):
        at += timedelta(minutes=2)
        chat = chat.heard(Message(f"m{number}", PLACE, text, at, Customer("customer 1")))
        yield chat
        chat = chat.answered(Reply(ANSWERS[number % len(ANSWERS)], at, tier="quick", earned=("rule 1",)))


def entries(count: int) -> list[str]:
    """Questions of an FAQ of that many entries."""
    asked = (f"{how} the {t} {w}?" for how, w, t in product(_HOW, _ABOUT, THINGS))
    return [question for question, _ in zip(asked, range(count), strict=False)]


_HOW = (
    *(
        "How do I clean",
        "Where can I buy",
        "How long does delivery take for",
        "Can I return",
        "What does it cost to mend",
    ),
    *("Which size is", "Is there a guarantee on", "How do I set up", "What is inside", "Can I change my order of"),
)
_ABOUT = (
    *("after a year of use", "with a voucher", "from abroad", "without a receipt", "in winter", "as a company"),
    *(
        "in another colour",
        "for a school",
        "that came as a gift",
        "from the sale",
        "on a Sunday",
        "by phone",
        "in bulk",
    ),
)
