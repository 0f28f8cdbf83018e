"""The shape of config.yaml: every section and name, with what an editor shows about it.

Shape only: what a name refers to (a signal, a tier, a list) is checked where the parts are joined. The first example
of a field is what an error tells a lead to write.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from core.settings import spelling
from core.settings.answering_schema import AnsweringText, BudgetText
from core.settings.shape import EMPTY, Duration, Options, Section, Text, TierName, YesNo

Outcome = Literal["quick", "standard", "expert", "person"]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$", examples=["en"])]


class OperatorsText(Section):
    """Who takes over, and where cards and reports go."""

    chat: str = Field(
        default="", description="channel:chat, for example telegram:-1001234567890", examples=["telegram:-100123"]
    )
    people: Annotated[tuple[str, ...], BeforeValidator(spelling.no_items)] = Field(
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


class EncoderText(BaseModel):
    """What reads the meaning of texts; everything but `uses` and `wait_ms` goes to its file in core/encoder."""

    model_config = ConfigDict(frozen=True, extra="allow")
    uses: Text = Field(default="onnx", description="the file in core/encoder", examples=["onnx"])
    wait_ms: int = Field(default=50, ge=1, le=5000, description="a decision waits no longer", examples=[50])


_ENCODER = WithJsonSchema({"type": ["string", "object"], "description": "a name, or uses: and its options"})


class ReportText(BaseModel):
    """A report, when it is made and where it goes; everything else goes to its file in core/reports."""

    model_config = ConfigDict(frozen=True, extra="allow")
    at: Annotated[str, BeforeValidator(spelling.cron)] = Field(
        default="", description="a cron line in time_zone", examples=["0 8 * * mon-fri"]
    )
    send: str = Field(default="", description="operators.chat, or channel:chat", examples=["operators.chat"])
    currency: str = Field(default="", pattern=r"^([A-Z]{3})?$", examples=["EUR"])


class ExamplesText(Section):
    """Sentences that pin a rule down; `firstline check` tries them."""

    should_match: Annotated[tuple[Text, ...], BeforeValidator(spelling.no_items)] = Field(
        default=(), examples=["- can I talk to someone"]
    )
    should_not_match: Annotated[tuple[Text, ...], BeforeValidator(spelling.no_items)] = Field(
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
    lasts: Annotated[int | None, BeforeValidator(spelling.lasts), WithJsonSchema({"type": "string"})] = Field(
        1, description="this answer, a number of answers, or this conversation", examples=["3 answers"]
    )
    mode: Annotated[float | None, BeforeValidator(spelling.mode), WithJsonSchema({"type": "string"})] = Field(
        1.0, description="off, shadow (only recorded), canary 10%, or live", examples=["live"]
    )
    say: dict[str, Text] = Field({}, description="what the customer is told first, per language")
    locked: YesNo = Field(default=False, description="must stay on", examples=["yes"])
    examples: ExamplesText = ExamplesText()


class File(Section):
    """config.yaml: how the bot is set up, and when it asks a stronger model or a person."""

    version: Literal[1] = Field(examples=[1])
    bot: str = Field(pattern=r"^[A-Za-z0-9][\w-]*$", description="the folder in bots/", examples=["shop"])
    time_zone: Annotated[str, BeforeValidator(spelling.zone)] = Field("UTC", examples=["Europe/Copenhagen"])
    languages: tuple[Language, ...] = Field(
        ("en",), min_length=1, description="the first is the default", examples=["[en, da]"]
    )
    channels: Annotated[dict[str, Options], EMPTY] = Field(default={})
    operators: Annotated[OperatorsText, EMPTY] = OperatorsText()
    store: Text = Field("sqlite:///data/firstline.db", examples=["sqlite:///data/firstline.db"])
    server: Annotated[ServerText, EMPTY] = ServerText()
    encoder: Annotated[EncoderText, BeforeValidator(spelling.encoder), _ENCODER] = Field(
        EncoderText(), examples=["onnx"]
    )
    conversation: Annotated[ConversationText, EMPTY] = ConversationText()
    providers: Annotated[dict[str, Annotated[ProviderText, EMPTY]], EMPTY] = Field(default={})
    tiers: dict[TierName, Annotated[tuple[Text, ...], Field(min_length=1)]] = Field(
        min_length=1, description="models in the order of trying, provider/model", examples=["quick: [offline/faq]"]
    )
    start_with: TierName | None = Field(None, examples=["quick"])
    answering: Annotated[AnsweringText, EMPTY] = AnsweringText()
    checks: dict[str, Options] | None = Field(
        None, description="what answers are read for before they are shown", examples=["{refusal: {}, empty: {}}"]
    )
    budgets: Annotated[tuple[BudgetText, ...], BeforeValidator(spelling.no_items)] = ()
    hours: Annotated[dict[str, Any], EMPTY, WithJsonSchema({"type": "object"})] = Field(default={})
    lists: Annotated[dict[str, Text], EMPTY] = Field(
        {}, description="a name and its file", examples=["vip: lists/vip.csv"]
    )
    signals: Annotated[dict[str, Options], EMPTY] = Field(default={})
    escalation: Annotated[tuple[RuleText, ...], BeforeValidator(spelling.no_items)] = ()
    reports: Annotated[dict[str, ReportText], EMPTY] = Field(default={})


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
