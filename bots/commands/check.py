"""`firstline check`: everything that can be known about a configuration without talking to anybody."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape

from bots import conditions
from bots.commands._common import DEFAULT, Config, Json, emit, plain, problem_rows, run_async, screen
from bots.cron import trigger
from bots.parts import MODELS, Parts, close, nearest, read_settings
from bots.schedule import UnknownReport, build_report
from core.abilities import Cards
from core.answering.availability import Availability
from core.answering.pareto import upside_down
from core.answering.registry import read as read_registry
from core.conversation import Address, Conversation, Customer, Message
from core.errors import Problem, SettingsError, StoreError
from core.meaning import Encoder
from core.rules import AnyOf, Rule, Rulebook, decide
from core.settings import Settings, source
from core.settings.source import Document
from core.store.migrate import engine_of
from core.study import understood
from core.tiers import ModelCard, Tier

EXAMPLE = Address("check", "example")
NOON = (2026, 1, 5, 12)
"""Examples are tried as if written on a Monday at noon of the bot's time zone."""


def command(
    file: Annotated[Path | None, typer.Argument(help="The configuration file.")] = None,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Read it, build everything it names, try the examples of its rules."""
    path = file or config
    problems, warnings, tried = _look(path)
    if as_json:
        rows = {"problems": problem_rows(problems), "warnings": problem_rows(warnings)}
        emit({"ok": not problems, **rows, "examples": tried})
    else:
        out = screen(as_json=False)
        for problem in problems:
            out.print(escape(str(problem)))
        for warning in warnings:
            out.print(f"[yellow]{escape(str(warning))}[/]")
        if not problems:
            out.print(f"{escape(str(path))} is in order; {tried} examples hold.")
    raise typer.Exit(1 if problems else 0)


def _look(path: Path) -> tuple[list[Problem], list[Problem], int]:
    """Problems, warnings, and how many examples were tried."""
    try:
        settings = read_settings(path)
    except SettingsError as error:
        return list(error.problems), [], 0
    document = source.read(path.read_text(encoding="utf-8"), path.name)
    parts, problems = Parts(settings, path), list[Problem]()
    book: Rulebook | None = _built(parts.book, problems)
    encoder: Encoder | None = _built(parts.encoder, problems)
    missing, upturned = _models(settings, path, document)
    problems += missing
    problems += _store(parts, document)
    problems += _reports(settings, document)
    if book is not None and encoder is not None:
        parts.study.learn(encoder)
        never = list(conditions.faults(book, document, _rules(document)))
        problems += never or _examples(book, encoder, settings, document)
    run_async(_build(parts, document, problems))
    tried = sum(len(r.examples.should_match) + len(r.examples.should_not_match) for r in settings.escalation)
    return problems, [*settings.warnings, *upturned], tried


async def _build(parts: Parts, document: Document, problems: list[Problem]) -> None:
    """Channels and providers, to see that their options fit; then, where all is well so far, the whole policy."""
    channels = _built(parts.channels, problems) or {}
    providers = _built(parts.providers, problems) or {}
    problems += _operators(parts.settings, channels, document)
    if not problems:
        policy = _built(lambda: parts.policy(providers, Availability(providers)), problems)
        if policy is not None:
            _built(lambda: parts.check_licence(channels, policy), problems)
    await close(*channels.values(), *providers.values())


def _built(build: Callable[[], Any], problems: list[Problem]) -> Any:
    try:
        return build()
    except SettingsError as error:
        problems += error.problems
        return None


def _models(settings: Settings, path: Path, document: Document) -> tuple[list[Problem], list[Problem]]:
    """Problems: models without a row, whose price would be unknown without anybody having said so.

    Warnings: a stronger tier that begins with a model that is cheaper than a weaker tier's and not better.
    """
    try:
        registry = read_registry(nearest(path.resolve().parent, MODELS))
    except SettingsError as error:
        return list(error.problems), []
    missing = [
        document.problem(("tiers", tier.label, n), *registry.missing(name))
        for tier, names in settings.tiers.items()
        for n, name in enumerate(names)
        if name not in registry.cards
    ]
    judge = settings.answering.judge
    if judge is not None and judge.model not in registry.cards:
        missing.append(document.problem(("answering", "judge", "model"), *registry.missing(judge.model)))
    if missing:
        return missing, []
    cards = {tier: registry.pick(names) for tier, names in settings.tiers.items()}
    return [], [_upturned(stronger, weaker, cards, document) for stronger, weaker in upside_down(cards)]


def _upturned(stronger: Tier, weaker: Tier, cards: Mapping[Tier, Sequence[ModelCard]], document: Document) -> Problem:
    high, low = cards[stronger][0].name, cards[weaker][0].name
    what = f"{high} costs less than {low}, the first of {weaker.label}, and is not better by models.yaml"
    return document.problem(("tiers", stronger.label, 0), what, f"a better model first, or {high} under {weaker.label}")


def _store(parts: Parts, document: Document) -> Iterator[Problem]:
    url = parts.settings.store
    try:
        engine_of(url)
    except StoreError:
        what = f"no store is called {url.partition(':')[0]!r}"
        yield document.problem(("store",), what, "sqlite:///data/firstline.db or postgresql://user@host/database")
    if urlsplit(url).password and url in parts.file.read_text("utf-8"):
        yield document.problem(("store",), "a password stands here for everybody to read", "${FIRSTLINE_STORE}")


def _operators(settings: Settings, channels: Mapping[str, Any], document: Document) -> Iterator[Problem]:
    chat = settings.operators.chat
    if chat and chat.channel in channels and not isinstance(channels[chat.channel], Cards):
        what = f"operators cannot work in {chat.channel!r}: it shows no cards"
        yield document.problem(("operators", "chat"), what, "telegram:-100...")


def _reports(settings: Settings, document: Document) -> Iterator[Problem]:
    for name, report in settings.reports.items():
        try:
            build_report(settings, name)
        except UnknownReport as error:
            yield document.problem(("reports", name), str(error), key=True)
        try:
            if report.at:
                trigger(report.at, ZoneInfo(settings.time_zone))
        except ValueError as error:
            yield document.problem(("reports", name, "at"), f"not a time to send it at: {error}", '"0 8 * * mon-fri"')


def _examples(book: Rulebook, encoder: Encoder, settings: Settings, document: Document) -> Iterator[Problem]:
    at = datetime(*NOON, tzinfo=ZoneInfo(settings.time_zone))
    places = _rules(document)
    for rule in settings.escalation:
        for text, wanted in _sentences(rule):
            message = Message("example", EXAMPLE, text, at, Customer("example"))
            decision = decide(understood(Conversation(EXAMPLE).heard(message), encoder), book)
            if (rule.name in {*decision.rules, *decision.shadow}) is not wanted:
                read = ", ".join(
                    f"{c} is {plain(decision.readings[c].value)}" for c in _read_by(rule, decision.readings)
                )
                what = f"the rule {rule.name!r} {'does not match' if wanted else 'matches'} {text!r} ({read})"
                write = "other conditions, or take the example away"
                yield document.problem(("escalation", places.get(rule.name, 0), "name"), what, write)


def _sentences(rule: Rule) -> Iterator[tuple[str, bool]]:
    yield from ((text, True) for text in rule.examples.should_match)
    yield from ((text, False) for text in rule.examples.should_not_match)


def _rules(document: Document) -> Mapping[str, int]:
    rules = document.tree.get("escalation") or []
    return {str(rule.get("name")): n for n, rule in enumerate(rules) if isinstance(rule, dict)}


def _read_by(rule: Rule, readings: Mapping[str, Any]) -> list[str]:
    """The signals the rule looks at."""
    clauses = [*rule.when, *rule.unless]
    conditions = [c for clause in clauses for c in (clause.conditions if isinstance(clause, AnyOf) else (clause,))]
    return [name for name in dict.fromkeys(c.signal for c in conditions) if name in readings]
