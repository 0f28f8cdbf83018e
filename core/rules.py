"""Which tier answers, and why: readings, conditions, rules and `decide`.

Everything here is pure and total: no clock (time is the last message's), no I/O, no randomness, no logging.
How a rule is written in YAML lives in settings; what a signal looks for lives in core/signals.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from core.conversation import Author, Conversation, HandBack, Reply
from core.tiers import Tier

LEVELS: Mapping[str, float] = {"low": 0.3, "medium": 0.5, "high": 0.7}
"""What `low`, `medium` and `high` mean for a signal whose score is a calibrated probability."""

Value = bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What one signal saw. `note` quotes the words that caused it; `score` is how sure it is, 0 to 1.

    A value of None means *nothing found*. `failed` means the signal could not read: no test holds on it.
    """

    value: Value
    note: str = ""
    score: float | None = None
    failed: bool = False

    @property
    def number(self) -> float | None:
        """What a comparison looks at: the score where there is one, else a numeric value."""
        if self.score is not None:
            return self.score
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            return None
        return float(self.value)


Signal = Callable[[Conversation], Reading]


@dataclass(frozen=True, slots=True)
class Is:
    """Holds when the value is this: yes/no asks for truth, None for nothing found, text for equality in any case."""

    wanted: bool | str | None

    def holds(self, reading: Reading) -> bool:
        """Whether the reading is what was wanted."""
        if self.wanted is None:
            return reading.value is None
        if isinstance(self.wanted, bool):
            return bool(reading.value) == self.wanted
        return str(reading.value).casefold() == self.wanted.casefold()


@dataclass(frozen=True, slots=True)
class Between:
    """Holds when the reading's number lies in [low, high]; never when it has no number."""

    low: float | None = None
    high: float | None = None

    def holds(self, reading: Reading) -> bool:
        """Whether the number lies within the bounds."""
        number = reading.number
        if number is None:
            return False
        return (self.low is None or number >= self.low) and (self.high is None or number <= self.high)


@dataclass(frozen=True, slots=True)
class Condition:
    """One line under `when:`: a signal's name and the test its reading must pass."""

    signal: str
    test: Is | Between

    def holds(self, readings: Mapping[str, Reading]) -> bool:
        """False as well where the signal is unknown or failed."""
        reading = readings.get(self.signal)
        return reading is not None and not reading.failed and self.test.holds(reading)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds when one of its conditions does."""

    conditions: tuple[Condition, ...]

    def holds(self, readings: Mapping[str, Reading]) -> bool:
        """Whether at least one condition holds."""
        return any(c.holds(readings) for c in self.conditions)


Clause = Condition | AnyOf

WHOLE_CONVERSATION = None
"""`lasts: this conversation`, as a value of `Rule.lasts`."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Sentences a lead wrote to pin a rule down; `check` runs them."""

    should_match: tuple[str, ...] = ()
    should_not_match: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One escalation rule. All clauses of `when` must hold; it is excused when all of a non-empty `unless` hold.

    `lasts` counts answers, the one that caused it included; None lasts the whole conversation. `canary` is the share
    of customers it acts on, 0 to 1. A `shadow` rule is recorded and never acts.
    """

    name: str
    when: tuple[Clause, ...]
    tier: Tier
    unless: tuple[Clause, ...] = ()
    channels: Mapping[str, Tier] = field(default_factory=dict)
    lasts: int | None = 1
    say: Mapping[str, str] = field(default_factory=dict)
    why: str = ""
    locked: bool = False
    shadow: bool = False
    canary: float = 1.0
    examples: Examples = Examples()

    def applies(self, readings: Mapping[str, Reading]) -> bool:
        """Whether this rule's conditions hold on these readings."""
        for clause in self.when:
            if not clause.holds(readings):
                return False
        return not self.unless or not all(clause.holds(readings) for clause in self.unless)

    def sends_to(self, channel: str) -> Tier:
        """The tier this rule asks for on a channel."""
        return self.channels.get(channel, self.tier)

    def acts_on(self, who: str) -> bool:
        """Whether it acts for this customer: always live, never in shadow, by a stable hash as a canary."""
        if self.shadow or self.canary >= 1:
            return not self.shadow
        digest = hashlib.sha256(f"{self.name}\0{who}".encode()).digest()
        return int.from_bytes(digest[:6]) / 2**48 < self.canary


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All rules and signals in force, never mutated: a reload swaps it whole. `hash` identifies its source text.

    `band`: a signal whose number lies in there is not sure, and the answer comes from one tier up.
    """

    rules: tuple[Rule, ...]
    signals: Mapping[str, Signal]
    start: Tier = Tier.QUICK
    hash: str = ""
    band: Mapping[str, Between] = field(default_factory=dict)

    def rule(self, name: str) -> Rule | None:
        """The rule of that name, if there is one."""
        return next((r for r in self.rules if r.name == name), None)


@dataclass(frozen=True, slots=True)
class Decision:
    """Which tier answers and everything that led there.

    `rules` applied by themselves; `held` are earlier ones that still last; `fresh` are those of `rules` that did not
    already apply to the previous answer (what `say:` looks at); `shadow` would have applied. `without` gives, for
    each rule in `rules` and `held`, the tier had it not been there. `encoder` made the meanings it read, or is empty.
    `unsure` are the signals in whose band a reading lies: because of them the tier is one above what the rules ask for.
    """

    tier: Tier
    rules: tuple[str, ...]
    held: tuple[str, ...]
    fresh: tuple[str, ...]
    shadow: tuple[str, ...]
    readings: Mapping[str, Reading]
    without: Mapping[str, Tier]
    book: str = ""
    encoder: str = ""
    unsure: tuple[str, ...] = ()


def decide(conversation: Conversation, book: Rulebook) -> Decision:
    """Try every rule on the conversation; the strongest outcome wins, and lasting ones are remembered.

    The conversation must end with at least one message of the customer's. The order of the rules never matters.
    """
    readings = {name: _read(signal, conversation) for name, signal in book.signals.items()}
    last = conversation.last
    who = last.customer.id or str(conversation.address)
    matching = [rule for rule in book.rules if rule.applies(readings)]
    acting = {rule.name: rule for rule in matching if rule.acts_on(who)}
    held = {rule.name: rule for rule in _held(conversation, book) if rule.name not in acting}
    votes = {name: rule.sends_to(conversation.address.channel) for name, rule in (acting | held).items()}
    strongest, *weaker = sorted((book.start, *votes.values()), reverse=True)
    before = conversation.replies[-1].earned if conversation.replies else ()
    unsure = tuple(name for name, band in book.band.items() if name in readings and band.holds(readings[name]))
    return Decision(
        tier=_up(strongest, unsure),
        rules=tuple(acting),
        held=tuple(held),
        fresh=tuple(name for name in acting if name not in before),
        shadow=tuple(rule.name for rule in matching if rule.name not in acting),
        readings=readings,
        without={name: _up(weaker[0] if tier is strongest else strongest, unsure) for name, tier in votes.items()},
        book=book.hash,
        encoder=conversation.meanings.version if conversation.meanings else "",
        unsure=unsure,
    )


def _up(tier: Tier, unsure: tuple[str, ...]) -> Tier:
    """One tier up where a signal was not sure; nobody is called for that alone."""
    return Tier(tier + 1) if unsure and tier < Tier.EXPERT else tier


def _held(conversation: Conversation, book: Rulebook) -> list[Rule]:
    """Rules that applied to an earlier answer and still last. A hand-back by a person ends them all."""
    ago: dict[str, int] = {}
    answers = 0
    for turn in reversed(conversation.turns):
        if isinstance(turn, HandBack):
            break
        if isinstance(turn, Reply) and turn.author is not Author.PERSON:
            answers += 1
            for name in turn.earned:
                ago.setdefault(name, answers)
    earned = [rule for rule in book.rules if rule.name in ago and not rule.shadow]
    return [rule for rule in earned if rule.lasts is WHOLE_CONVERSATION or ago[rule.name] < rule.lasts]


def _read(signal: Signal, conversation: Conversation) -> Reading:
    """One signal's reading; a signal that raises must not cost the customer the answer."""
    try:
        return signal(conversation)
    except Exception as error:  # noqa: BLE001 - signals are plug-ins: whatever one raises, the others still decide
        return Reading(None, f"could not read: {type(error).__name__}: {error}", failed=True)
