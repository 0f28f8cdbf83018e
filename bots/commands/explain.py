"""`firstline explain`: the decision on one message in words: what was read, which rules applied, what each changes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from bots.commands._common import DEFAULT, Config, Json, emit, plain, run_async, screen, table
from bots.parts import Parts, close, read_settings
from core.abilities import Limited
from core.conversation import Address, Conversation, Customer, Message
from core.errors import Problem, SettingsError
from core.learning.dialogues import parse
from core.learning.moves import Understand, walk
from core.learning.replay import PACE, timed
from core.rules import AnyOf, Between, Condition, Decision, Is, Rule, Rulebook, decide
from core.study import understood

CUSTOMER = Customer("explained")


def command(
    text: Annotated[str, typer.Argument(help="What the customer writes.")],
    dialogue: Annotated[Path | None, typer.Option(metavar="FILE", help="A conversation that goes before it.")] = None,
    channel: Annotated[str, typer.Option(help="The channel it comes from.")] = "web",
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Decide on the text as the desk would and say why."""
    parts = Parts(read_settings(config), config)
    book, encoder = parts.book(), parts.encoder()
    parts.study.learn(encoder)
    before = _before(dialogue, channel, book, lambda c: understood(c, encoder))
    at = before.turns[-1].at + PACE if before.turns else datetime.now(UTC)
    conversation = before.heard(Message("explained", before.address, text, at, CUSTOMER))
    decision, limits = decide(understood(conversation, encoder), book), run_async(_limits(parts, conversation))
    if as_json:
        emit(_data(decision, book) | {"limits": limits})
    else:
        _tell(screen(as_json=False), decision, book, channel)
        if limits:
            print(f"\n{limits}")


async def _limits(parts: Parts, conversation: Conversation) -> str:
    """What limits writing to this customer on their channel, in words; empty where nothing does."""
    name = conversation.address.channel
    section = parts.settings.channels.get(name)
    if section is None:
        return ""
    if section.missing:
        return f"{name} is off, so what limits writing there is not known: set {', '.join(section.missing)}."
    channel = parts.channel(name)
    try:
        return channel.limits(conversation) if isinstance(channel, Limited) else ""
    finally:
        await close(channel)


def _before(file: Path | None, channel: str, book: Rulebook, understand: Understand) -> Conversation:
    """The first dialogue of the file as it would stand in the store, or nothing."""
    if file is None:
        return Conversation(Address(channel, "explained"))
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([Problem(str(file), 1, 1, f"cannot be read ({type(error).__name__})")]) from error
    turns = timed(parse(lines, str(file))[0], channel)
    conversation = Conversation(Address(channel, "explained"))
    for after, _ in walk(turns, book, conversation.address, understand):
        conversation = after
    owned = (replace(t, customer=CUSTOMER) if isinstance(t, Message) else t for t in conversation.turns)
    return replace(conversation, turns=tuple(owned))


def _data(decision: Decision, book: Rulebook) -> dict[str, Any]:
    asked = _asked(book)
    return {
        "tier": decision.tier.label,
        "rules": list(decision.rules),
        "held": list(decision.held),
        "shadow": list(decision.shadow),
        "unsure": list(decision.unsure),
        "readings": {
            name: {
                "value": r.value,
                "note": r.note,
                "score": r.score,
                "failed": r.failed,
                "rules": [{"rule": rule, "asks": words, "holds": c.holds({name: r})} for rule, words, c in asked[name]],
            }
            for name, r in decision.readings.items()
        },
        "without_rule": {name: tier.label for name, tier in decision.without.items()},
        "rulebook": decision.book,
        "encoder": decision.encoder,
    }


def _tell(out: Console, decision: Decision, book: Rulebook, channel: str) -> None:
    out.print(f"This goes to [bold]{decision.tier.label}[/].\n")
    for name in decision.rules:
        out.print(f"  [bold]{escape(name)}[/] applies: {escape(_because(book, name, decision))}.")
        out.print(f"    {_change(book, name, decision, channel)}")
    for name in decision.held:
        out.print(f"  [bold]{escape(name)}[/] applied to an earlier message and still holds.")
        out.print(f"    {_change(book, name, decision, channel)}")
    for name in decision.shadow:
        out.print(f"  {escape(name)} would apply, but is in shadow or does not act on this customer yet.")
    for name in decision.unsure:
        out.print(f"  [bold]{escape(name)}[/] lies in its band: nobody can be sure, so it goes one tier up.")
    if not (decision.rules or decision.held):
        out.print(f"  No rule applies, so it starts where every message does: {book.start.label}.")
    readings, asked = table("read", "value", "sure", "because of", "rules ask for"), _asked(book)
    for name, reading in sorted(decision.readings.items()):
        value = "could not read" if reading.failed else plain(reading.value)
        sure = "" if reading.score is None else f"{reading.score:.2f}"
        rules = ", ".join(f"{words} ({rule})" for rule, words, _ in asked[name])
        readings.add_row(escape(name), escape(value), sure, escape(reading.note), escape(rules))
    out.print()
    out.print(readings)
    quiet = [rule.name for rule in book.rules if rule.name not in {*decision.rules, *decision.held, *decision.shadow}]
    if quiet:
        out.print(f"\n[dim]Does not apply: {escape(', '.join(quiet))}.[/]")


def _asked(book: Rulebook) -> defaultdict[str, list[tuple[str, str, Condition]]]:
    """For each signal the rules that look at it: the rule's name, what it asks for in words, and the condition."""
    found = defaultdict[str, list[tuple[str, str, Condition]]](list)
    for rule in book.rules:
        for clause in (*rule.when, *rule.unless):
            for condition in clause.conditions if isinstance(clause, AnyOf) else (clause,):
                found[condition.signal].append((rule.name, _words(condition.test), condition))
    return found


def _words(test: Is | Between) -> str:
    """What a reading has to be, as a rule would write it."""
    if isinstance(test, Is):
        return plain(test.wanted)
    bounds = (("at least", test.low), ("at most", test.high))
    return " and ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)


def _because(book: Rulebook, name: str, decision: Decision) -> str:
    rule = book.rule(name)
    return ", ".join(_clauses(rule, decision)) if rule else ""


def _clauses(rule: Rule, decision: Decision) -> list[str]:
    """What of the rule's `when:` holds, with the words that caused it."""
    texts = []
    for clause in rule.when:
        for condition in clause.conditions if isinstance(clause, AnyOf) else (clause,):
            reading = decision.readings.get(condition.signal)
            if reading is not None and condition.holds(decision.readings):
                words = f" ({reading.note})" if reading.note else ""
                texts.append(f"{condition.signal} is {plain(reading.value)}{words}")
    return texts


def _change(book: Rulebook, name: str, decision: Decision, channel: str) -> str:
    rule = book.rule(name)
    asked = rule.sends_to(channel).label if rule else decision.tier.label
    without = decision.without[name].label
    lasts = "" if rule is None else _lasting(rule)
    return f"It asks for {asked}{lasts}; without it this would go to {without}."


def _lasting(rule: Rule) -> str:
    if rule.lasts is None:
        return " until the conversation ends"
    return f" for {rule.lasts} answers" if rule.lasts > 1 else ""
