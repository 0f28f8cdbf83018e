"""What operators read about a customer: the text of a card, of what was forwarded, and of what did not arrive. Pure.

Operators read English; what customers read is in `wording`. Posting is `handover`'s.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.abilities import Button
from core.conversation import Address, Author, Conversation, Message
from core.rules import Decision

LONGEST_CARD = 3500
"""Characters of a card: it must be one message, because a reply to it names the customer."""

CARD_TEXT = 700
"""At most so many characters of one message stand on a card."""

WHERE_FROM = {"web": "Web chat", "telegram": "Telegram", "whatsapp": "WhatsApp", "console": "Terminal"}
HOW = "Reply to this message to write to the customer; /back gives the chat back to the bot."


def asked_for(conversation: Conversation, decision: Decision, limits: str) -> str:
    """The card for a customer who needs a person."""
    last = next((r for r in reversed(conversation.replies) if r.author is Author.BOT), None)
    first, asked = conversation.messages[0], conversation.unanswered
    files = [m for m in conversation.messages if m.attachments and m is not first and m not in asked]
    lines = [
        f"{who(conversation)} needs a person.",
        f"Why: {', '.join((*decision.rules, *decision.held)) or 'no model could answer'}",
        *([f"Came by: {first.referral[:CARD_TEXT]}"] if first.referral else []),
        f"First: {words(first)}",
        *([f"Sent: {words(m)}" for m in files]),
        *([f"Now: {words(m)}" for m in asked if m is not first]),
        *([f"The bot's last answer: {last.text[:CARD_TEXT]}"] if last else []),
        *([limits] if limits else []),
        HOW,
    ]
    return "\n".join(lines)


def wrote(conversation: Conversation, messages: Sequence[Message]) -> str:
    """What a customer wrote while a person has the chat."""
    return "\n".join([f"{who(conversation)} wrote:", *(words(m) for m in messages)])


def not_delivered(conversation: Conversation, text: str, why: str, limits: str) -> str:
    """The card for an answer a customer did not get."""
    lines = [f"{who(conversation)} did not get an answer of ours: {why}."]
    lines += [f"They wrote: {words(m)}" for m in conversation.messages[-1:]]
    lines += [f"It said: {text[:CARD_TEXT]}"] if text else []
    return "\n".join([*lines, *([limits] if limits else []), HOW])


def stuck(conversation: Conversation, why: str) -> str:
    """The card for an answer that has been waiting for long."""
    lines = [f"{who(conversation)} has been waiting for an answer for minutes: it cannot be sent ({why})."]
    lines += [f"They wrote: {words(m)}" for m in conversation.messages[-1:]]
    return "\n".join([*lines, "It goes out by itself once it can."])


def set_aside(conversation: Conversation) -> str:
    """The card for a message that was parked because every try to answer it ended badly."""
    return (
        f"{who(conversation)} wrote something that could not be answered; it is kept: `firstline parked list`.\n{HOW}"
    )


def cut(text: str) -> str:
    """The text as it fits one card."""
    return text if len(text) <= LONGEST_CARD else f"{text[:LONGEST_CARD]} …"


def buttons(customer: Address) -> tuple[Button, ...]:
    """What an operator can press under a card about this customer."""
    return Button("Take", f"take {customer}"), Button("Back to bot", f"back {customer}")


def words(message: Message) -> str:
    """A message in one line: its text and what came with it."""
    what = [message.text, *(f"[{a.kind}{': ' + a.note if a.note else ''}]" for a in message.attachments)]
    return " ".join(w for w in what if w)[:CARD_TEXT]


def who(conversation: Conversation) -> str:
    """The customer by name where there is one, and where they write from."""
    name = next((m.customer.name for m in reversed(conversation.messages) if m.customer.name), "")
    where = WHERE_FROM.get(conversation.address.channel, conversation.address.channel)
    return f"{name} ({where})" if name else f"A customer ({where})"
