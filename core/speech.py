"""Where the text of an answer comes from: the decision, a fixed text, the call for a person, or a tier's models.

Each function works on the burst's record; what the channel does with the text is the desk's affair.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from core.answering.request import Request
from core.asks import to_understand
from core.burst import Burst
from core.conversation import Author, MessageKind
from core.errors import Interrupted, NoAnswer
from core.meaning import vector
from core.prompt import compose
from core.records import Outcome
from core.rules import Decision, decide
from core.tiers import Tier

if TYPE_CHECKING:
    from core.handover import Handover
    from core.policy import Policy

PASSAGES = 4
"""So many passages of what the bot knows are shown to a model."""


async def understand(policy: Policy, burst: Burst) -> None:
    """Have what is asked understood, as far as that can be had in time."""
    if policy.encoding is not None:
        meanings = await policy.encoding.meanings(to_understand(burst.conversation))
        burst.conversation = replace(burst.conversation, meanings=meanings)


def read_and_decide(policy: Policy, burst: Burst) -> Decision:
    """Decide on what was heard so far, and settle on the language to answer in."""
    burst.begin_again()
    decision = burst.decision = decide(burst.conversation, policy.book)
    spoken = decision.readings.get("language")
    guesses = [str(spoken.value)] if spoken and spoken.value else []
    guesses += [m.customer.language for m in reversed(burst.conversation.messages)]
    burst.language = policy.wording.language_of(*guesses)
    return decision


def opening(policy: Policy, burst: Burst, decision: Decision) -> str:
    """What stands before the first answer ever (who is speaking, about what), and before one that a rule has words for.

    Nothing stands before the answer to somebody who wants no messages.
    """
    if burst.outcome is Outcome.OPTED_OUT:
        return ""
    lines = [policy.wording.introduction(burst.language)] if burst.conversation.first_contact else []
    said = [rule.say for name in decision.fresh if (rule := policy.book.rule(name))]
    lines += [policy.wording.pick(words, burst.language) for words in said]
    return "".join(f"{line}\n\n" for line in lines if line)


async def source(policy: Policy, people: Handover, burst: Burst, decision: Decision) -> AsyncGenerator[str, None]:
    """The text of the answer: always some, whatever fails. Closing it ends the model's call."""
    if notice := _fixed(policy, burst, decision):
        yield notice
        return
    if decision.tier is Tier.PERSON and (told := await _call_person(policy, people, burst, decision)):
        yield told
        return
    answer = policy.chain.answer(_request(policy, burst, decision))
    try:
        async with aclosing(answer.text()) as text:
            async for piece in text:
                burst.tier = answer.tier.label if answer.tier is not None else ""
                yield piece
    except Interrupted:
        yield "\n\n" + policy.wording.say("cut_off", burst.language)
    except NoAnswer:
        told = await _call_person(policy, people, burst, decision) if policy.operators else ""
        yield told or apology(policy, burst)
    finally:
        burst.calls.extend(answer.calls)


def _request(policy: Policy, burst: Burst, decision: Decision) -> Request:
    """What the tier's models are asked, for whom, and what is known of the answer they may give."""
    conversation = burst.conversation
    asked, personal = conversation.asked, decision.readings.get("personal_data")
    found = policy.library.search(asked, PASSAGES, vector(conversation.meanings, asked))
    passages = [each.article for each in found]
    tier = _models_tier(policy, burst, decision)
    return Request(
        compose(conversation, policy.persona, passages, language=burst.language, answers=policy.answers),
        tier,
        conversation=str(burst.address),
        message=burst.messages[0].id,
        customer=f"{burst.address.channel}:{conversation.last.customer.id or burst.address.chat}",
        channel=burst.address.channel,
        private=personal is not None and bool(personal.value),
        start=policy.book.start,
        upgraded=tier > policy.book.start,
        replaces=burst.replaces,
    )


def _models_tier(policy: Policy, burst: Burst, decision: Decision) -> Tier:
    """The tier to ask where no person can be called: what the other rules ask for."""
    if decision.tier is not Tier.PERSON:
        return decision.tier
    rules = [rule for name in (*decision.rules, *decision.held) if (rule := policy.book.rule(name))]
    others = [rule.sends_to(burst.address.channel) for rule in rules]
    return max([policy.book.start, *(tier for tier in others if tier is not Tier.PERSON)])


def apology(policy: Policy, burst: Burst) -> str:
    """The honest line when nothing else is left."""
    burst.outcome = Outcome.APOLOGISED
    return _say(policy, burst, "apology")


def _fixed(policy: Policy, burst: Burst, decision: Decision) -> str:
    """The desk's own answer to what no model needs to see; empty when a tier must answer."""
    asked = burst.conversation.asked.strip()
    attached = [a for m in burst.conversation.unanswered for a in m.attachments]
    if consent := _consent(policy, burst):
        return consent
    if asked.partition(" ")[0] in {"/start", "/help"}:
        notice, values = "greeting", {}
    elif attached and not asked and decision.tier is not Tier.PERSON:
        notice, values = "attachment", {"what": policy.wording.kind(attached[-1].kind, burst.language)}
    else:
        return ""
    burst.outcome = Outcome.NOTICE
    return _say(policy, burst, notice, **values)


def _consent(policy: Policy, burst: Burst) -> str:
    """What to say to somebody who wants no messages, or wants them again; empty when that is not what it is about."""
    burst.note_consent()
    if burst.outcome is Outcome.OPTED_OUT:
        return _say(policy, burst, "opted_out" if burst.consent else "still_opted_out")
    if any(m.kind is not MessageKind.OPT_IN for m in burst.heard):
        return ""
    burst.outcome = Outcome.NOTICE
    return _say(policy, burst, "opted_in" if burst.consent else "greeting")


def _say(policy: Policy, burst: Burst, notice: str, **values: str) -> str:
    burst.notice, burst.author, burst.tier = notice, Author.DESK, "desk"
    return policy.wording.say(notice, burst.language, **values)


async def _call_person(policy: Policy, people: Handover, burst: Burst, decision: Decision) -> str:
    told = await people.begin(policy, burst.conversation, decision, burst.language)
    if told is None:
        return ""
    burst.outcome = Outcome.HANDED_OVER if told.holder else Outcome.NOTICE
    burst.notice, burst.author, burst.holder = told.notice, Author.DESK, told.holder or burst.holder
    burst.tier = "person" if told.holder else "desk"
    return told.text
