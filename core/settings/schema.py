"""The shape of config.yaml: every section and name, with what an editor shows about it.

Shape only: what a name refers to (a signal, a tier, a list) is checked where the parts are joined. The first example
of a field is what an error tells a lead to write.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

TierName = Literal["quick", "standard", "expert"]
Outcome = Literal["quick", "standard", "expert", "person"]

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_DURATION = re.compile(r"(\d+(?:[.,]\d+)?)\s*(second|minute|hour|day)s?")
_LASTS = re.compile(r"([1-9]\d{0,2}) answers?")
_MODE = re.compile(r"canary (\d{1,3}(?:[.,]\d+)?)\s?%")
_CRON_FIELD = r"(?:\*|[a-z0-9]+(?:-[a-z0-9]+)?)(?:/\d+)?"
_CRON = re.compile(rf"{_CRON_FIELD}(?:,{_CRON_FIELD})*(?: +{_CRON_FIELD}(?:,{_CRON_FIELD})*){{4}}", re.IGNORECASE)


def wrong(what: str, write: str) -> PydanticCustomError:
    """A fault in words of our own, which `problems` passes on unchanged."""
    return PydanticCustomError("wrong", "{what}", {"what": what, "write": write})


def _duration(value: Any) -> timedelta:
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        raise wrong("a length of time is a number and a unit", "24 hours")
    seconds = float(found[1].replace(",", ".")) * _UNITS[found[2]]
    if not 60 <= seconds <= 366 * 86400:
        raise wrong("a length of time lies between 1 minute and 366 days", "24 hours")
    return timedelta(seconds=seconds)


def _lasts(value: Any) -> int | None:
    if value == "this conversation":
        return None
    if value == "this answer":
        return 1
    found = _LASTS.fullmatch(value) if isinstance(value, str) else None
    if not found:
        number = re.search(r"[1-9]\d{0,2}", str(value))
        what = "how long a rule lasts is 'this answer', a number of answers, or 'this conversation'"
        raise wrong(what, f"{number[0]} answers" if number else "3 answers")
    return int(found[1])


def _mode(value: Any) -> float | None:
    """The share of customers a rule acts on, -1 for off, None for shadow."""
    fixed: dict[Any, float | None] = {"live": 1.0, "off": -1.0, False: -1.0, "shadow": None}
    if isinstance(value, str | bool) and value in fixed:
        return fixed[value]
    found = _MODE.fullmatch(value) if isinstance(value, str) else None
    share = float(found[1].replace(",", ".")) / 100 if found else 0.0
    if not 0 < share <= 1:
        number = re.search(r"(?<!\d)[1-9]\d?(?!\d)", str(value))
        write = f"canary {number[0]}%" if number else "live"
        raise wrong("a rule's mode is off, shadow, canary with a percentage from 1% to 100%, or live", write)
    return share


def _zone(value: Any) -> str:
    try:
        return ZoneInfo(value).key
    except Exception:  # noqa: BLE001 - zoneinfo raises ValueError, OSError and KeyError, depending on the odd name
        raise PydanticCustomError("zone", "not a time zone") from None


def _cron(value: Any) -> str:
    if not isinstance(value, str) or (value and not _CRON.fullmatch(value.strip())):
        what = "a time is five words: minute, hour, day of the month, month, day of the week"
        raise wrong(what, '"0 8 * * mon-fri"')
    return value.strip()


def _nothing(value: Any) -> Any:
    """A section with nothing under it, because every line of it is commented out, is an empty one."""
    return {} if value is None else value


def _no_items(value: Any) -> Any:
    return [] if value is None else value


Text = Annotated[str, Field(min_length=1)]
Options = Annotated[dict[str, Any], BeforeValidator(_nothing)]
Duration = Annotated[timedelta, BeforeValidator(_duration), WithJsonSchema({"type": "string"})]
YesNo = Annotated[bool, WithJsonSchema({"enum": ["yes", "no", True, False]})]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$", examples=["en"])]


class Section(BaseModel):
    """A group of settings; a name that is not one of them is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class OperatorsText(Section):
    """Who takes over, and where cards and reports go."""

    chat: str = Field(
        default="", description="channel:chat, for example telegram:-1001234567890", examples=["telegram:-100123"]
    )
    people: Annotated[tuple[str, ...], BeforeValidator(_no_items)] = Field(
        default=(), description="who may act in that chat, channel:id; empty: everybody in it", examples=["telegram:42"]
    )


class ServerText(Section):
    """Where the web chat, health and metrics are served."""

    host: Text = Field(default="127.0.0.1", examples=["127.0.0.1"])
    port: int = Field(default=8080, ge=0, le=65535, examples=[8080])
    operator_key: str = Field(default="", examples=["${FIRSTLINE_OPERATOR_KEY}"])


class ConversationText(Section):
    """When a conversation ends, and how much of it a model is shown."""

    idle: Duration = Field(
        default=timedelta(hours=24), description="silence after which a new conversation begins", examples=["24 hours"]
    )
    answers_in_prompt: int = Field(default=20, ge=0, le=200, examples=[20])


class ProviderText(BaseModel):
    """A vendor or server models are asked at; everything but `uses` goes to its file in core/providers."""

    model_config = ConfigDict(frozen=True, extra="allow")
    uses: str = Field(
        default="", description="the file in core/providers, where the name is another one", examples=["openai_chat"]
    )


class ReportText(BaseModel):
    """A report, when it is made and where it goes; everything else goes to its file in core/reports."""

    model_config = ConfigDict(frozen=True, extra="allow")
    at: Annotated[str, BeforeValidator(_cron)] = Field(
        default="", description="a cron line in time_zone", examples=["0 8 * * mon-fri"]
    )
    send: str = Field(default="", description="operators.chat, or channel:chat", examples=["operators.chat"])
    currency: str = Field(default="", pattern=r"^([A-Z]{3})?$", examples=["EUR"])


class ExamplesText(Section):
    """Sentences that pin a rule down; `firstline check` tries them."""

    should_match: Annotated[tuple[Text, ...], BeforeValidator(_no_items)] = Field(
        default=(), examples=["- can I talk to someone"]
    )
    should_not_match: Annotated[tuple[Text, ...], BeforeValidator(_no_items)] = Field(
        default=(), examples=["- are you a person?"]
    )


class ChannelRuleText(Section):
    """What a rule does differently on one channel."""

    send_to: Outcome = Field(examples=["person"])


class RuleText(Section):
    """One escalation rule."""

    name: Text = Field(max_length=80, description="what reports and explanations call it", examples=["Money"])
    why: str = Field(default="", description="for the next person who reads it", examples=["WhatsApp requires it"])
    when: dict[str, Any] = Field(
        description="all of these must hold: signals, words, hours, customer_in, any", min_length=1
    )
    unless: dict[str, Any] = Field({}, description="excused when all of these hold")
    send_to: Outcome = Field(examples=["expert"])
    channels: dict[str, ChannelRuleText] = Field({}, description="another outcome on one channel")
    lasts: Annotated[int | None, BeforeValidator(_lasts), WithJsonSchema({"type": "string"})] = Field(
        1, description="this answer, a number of answers, or this conversation", examples=["3 answers"]
    )
    mode: Annotated[float | None, BeforeValidator(_mode), WithJsonSchema({"type": "string"})] = Field(
        1.0, description="off, shadow (only recorded), canary 10%, or live", examples=["live"]
    )
    say: dict[str, Text] = Field({}, description="what the customer is told first, per language")
    locked: YesNo = Field(default=False, description="must stay on", examples=["yes"])
    examples: ExamplesText = ExamplesText()


class File(Section):
    """config.yaml: how the bot is set up, and when it asks a stronger model or a person."""

    version: Literal[1] = Field(examples=[1])
    bot: str = Field(pattern=r"^[A-Za-z0-9][\w-]*$", description="the folder in bots/", examples=["shop"])
    time_zone: Annotated[str, BeforeValidator(_zone)] = Field("UTC", examples=["Europe/Copenhagen"])
    languages: tuple[Language, ...] = Field(
        ("en",), min_length=1, description="the first is the default", examples=["[en, da]"]
    )
    channels: Annotated[dict[str, Options], BeforeValidator(_nothing)] = {}
    operators: Annotated[OperatorsText, BeforeValidator(_nothing)] = OperatorsText()
    store: Text = Field("sqlite:///data/firstline.db", examples=["sqlite:///data/firstline.db"])
    server: Annotated[ServerText, BeforeValidator(_nothing)] = ServerText()
    encoder: Text = Field("onnx", examples=["onnx"])
    conversation: Annotated[ConversationText, BeforeValidator(_nothing)] = ConversationText()
    providers: Annotated[dict[str, Annotated[ProviderText, BeforeValidator(_nothing)]], BeforeValidator(_nothing)] = {}
    tiers: dict[TierName, Annotated[tuple[Text, ...], Field(min_length=1)]] = Field(
        min_length=1, description="models in the order of trying, provider/model", examples=["quick: [offline/faq]"]
    )
    start_with: TierName | None = Field(None, examples=["quick"])
    hours: Annotated[dict[str, Any], BeforeValidator(_nothing), WithJsonSchema({"type": "object"})] = {}
    lists: Annotated[dict[str, Text], BeforeValidator(_nothing)] = Field(
        {}, description="a name and its file", examples=["vip: lists/vip.csv"]
    )
    signals: Annotated[dict[str, Options], BeforeValidator(_nothing)] = {}
    escalation: Annotated[tuple[RuleText, ...], BeforeValidator(_no_items)] = ()
    reports: Annotated[dict[str, ReportText], BeforeValidator(_nothing)] = {}


def json_schema() -> str:
    """JSON Schema of config.yaml for editors, as the text of config.schema.json."""
    schema = File.model_json_schema()
    sections = [schema, *schema["$defs"].values()]
    for section in sections:
        section.pop("title", None)
        for setting in section["properties"].values():
            setting.pop("title", None)
            setting.pop("default", None)
    schema["title"] = "config.yaml of firstline"
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
