from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from core.conversation import Address, Conversation, Customer, Message
from core.errors import SettingsError
from core.rules import Reading, decide
from core.settings import Settings, json_schema, load, named_files, options_for, rulebook
from core.tiers import Tier

Loader = Callable[..., Settings]
CHECKOUT = Path(__file__).parents[3]
SHARED = Path(os.environ.get("FIRSTLINE_SHARED", CHECKOUT.parent / "shared"))


def test_every_section_arrives_as_a_value(loaded: Loader) -> None:
    settings = loaded()
    assert (settings.version, settings.bot, settings.time_zone) == (1, "shop", "Europe/Copenhagen")
    assert settings.languages == ("en", "da", "no")
    assert settings.operators.chat == Address("telegram", "-100123")
    assert settings.operators.people == ("telegram:42",)
    assert settings.store == "sqlite:///data/firstline.db"
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8080)
    assert settings.conversation.idle == timedelta(hours=24)
    assert settings.conversation.answers_in_prompt == 20
    assert settings.tiers == {
        Tier.QUICK: ("groq/llama-3.1-8b-instant", "offline/faq"),
        Tier.EXPERT: ("offline/faq",),
    }
    assert settings.start_with is Tier.QUICK
    assert settings.lists == {"vip": ("customer", "telegram:42", "77")}
    assert settings.signals["faq"] == {"file": "bots/shop/faq.yaml"}
    assert settings.signals["turns"] == {}
    cost = settings.reports["cost"]
    assert (cost.at, cost.send, cost.currency) == ("0 8 * * mon-fri", Address("telegram", "-100123"), "EUR")


MINIMAL = "version: 1\nbot: mini\nproviders: {offline: {}}\ntiers: {quick: [offline/faq]}\n"
TONGUES = (
    "encoder: {uses: openai_compatible, url: https://vectors.example/v1, model: m, key: '${VECTORS}', wait_ms: 300}\n"
)


def test_an_encoder_is_a_name_or_a_section_with_options(root: Path) -> None:
    short = load(MINIMAL + "encoder: static\n", file="config.yaml", root=root, env={}).encoder
    assert (short.uses, dict(short.options), short.wait) == ("static", {}, 0.05)
    long = load(MINIMAL + TONGUES, file="config.yaml", root=root, env={"VECTORS": "k-123"}).encoder
    assert (long.uses, long.wait) == ("openai_compatible", 0.3)
    assert options_for(long) == {"url": "https://vectors.example/v1", "model": "m", "key": "k-123"}
    assert "k-123" not in repr(long)


def test_an_encoder_whose_key_is_not_set_is_a_fault_where_it_stands(root: Path) -> None:
    with pytest.raises(SettingsError, match=r"config\.yaml:5:1 the environment variable VECTORS is not set"):
        load(MINIMAL + TONGUES, file="config.yaml", root=root, env={})


@pytest.mark.parametrize(
    ("written", "told"), [("7", "a name, or"), ("{wait_ms: 0}", ":5:20"), ("[onnx]", "a name, or")]
)
def test_an_encoder_that_is_none_is_told(root: Path, written: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        load(f"{MINIMAL}encoder: {written}\n", file="config.yaml", root=root, env={})


def test_hours_arrive_with_their_zone_and_closed_days(loaded: Loader) -> None:
    hours = loaded().hours
    assert hours is not None
    assert str(hours.zone) == "Europe/Copenhagen"
    assert hours.week == (((540, 1080),),) * 5 + (((600, 840),), ())
    assert hours.closed == {date(2026, 12, 25), date(2026, 12, 26)}


def test_what_may_be_left_out_has_a_default(root: Path) -> None:
    text = "version: 1\nbot: mini\nproviders: {offline: {}}\ntiers: {standard: [offline/faq], expert: [offline/faq]}\n"
    settings = load(text, file="config.yaml", root=root, env={})
    assert settings.time_zone == "UTC"
    assert settings.languages == ("en",)
    assert settings.start_with is Tier.STANDARD
    assert settings.operators.chat is None
    assert settings.hours is None
    assert (settings.escalation, settings.reports, settings.channels) == ((), {}, {})


def test_a_section_with_every_line_commented_out_is_empty(base: str, loaded: Loader) -> None:
    head, tail = base.split("operators:\n")
    people = tail.split("store:")[0]
    commented = "".join(f"# {line}" for line in people.splitlines(keepends=True))
    settings = loaded(f"{head}operators:\n{commented}{tail.removeprefix(people)}")
    assert settings.operators.chat is None
    assert settings.reports["cost"].send is None


def test_times_and_norwegian_need_no_quotes(base: str, loaded: Loader) -> None:
    settings = loaded(base.replace('sat: "10:00-14:00"', "sat: 9:00-13:30, 14:00-18:30"))
    assert settings.hours is not None
    assert settings.hours.week[5] == ((540, 810), (840, 1110))
    assert "no" in settings.languages


def test_a_night_shift_and_a_closed_day_can_be_written(base: str, loaded: Loader) -> None:
    settings = loaded(
        base.replace('sat: "10:00-14:00"', 'fri: "22:00-02:00"\n  wed: closed\n  sat-sun: "00:00-24:00"'), {}
    )
    assert settings.hours is not None
    assert settings.hours.week[4] == ((1320, 1560),)
    assert settings.hours.week[2] == ()
    assert settings.hours.week[6] == ((0, 1440),)


def test_all_faults_are_told_at_once_in_the_order_of_the_file(base: str, loaded: Loader, root: Path) -> None:
    (root / "lists/holidays.txt").write_text("2026-12-25\n24.12.2026\n")
    text = base.replace("bot: shop", "bot: shop\nbto: 1").replace("frustration: high", "frustation: high")
    text = text.replace("send_to: person", "send_to: persn").replace("expert: [offline/faq]", "expert: [offlin/faq]")
    with pytest.raises(SettingsError) as caught:
        loaded(text)
    problems = caught.value.problems
    assert [(p.file, p.line) for p in problems] == [
        ("config.yaml", 3),
        ("config.yaml", 25),
        ("config.yaml", 57),
        ("config.yaml", 58),
        ("lists/holidays.txt", 2),
    ]
    assert problems[-1].write == "2026-12-24"


def test_a_fault_in_one_rule_leaves_the_others_checked_at_their_lines(base: str, loaded: Loader) -> None:
    text = base.replace("lasts: 3 answers", "lasts: forever").replace("turns: at least 6", "trns: at least 6")
    with pytest.raises(SettingsError) as caught:
        loaded(text)
    assert [(p.line, p.column) for p in caught.value.problems] == [(45, 12), (68, 11)]


def test_the_hash_follows_the_text_and_its_list_files(base: str, loaded: Loader, root: Path) -> None:
    first = loaded().hash
    assert len(first) == 12
    assert loaded().hash == first
    assert loaded(base + "# a comment\n").hash != first
    (root / "lists/vip.csv").write_text("telegram:43\n")
    second = loaded().hash
    assert second != first
    (root / "lists/holidays.txt").write_text("2026-12-24\n")
    assert loaded().hash not in (first, second)


def test_named_files_are_lists_options_and_the_bots_folder(base: str, root: Path) -> None:
    names = {str(path.relative_to(root)) for path in named_files(base, root)}
    assert {"lists/vip.csv", "lists/holidays.txt", "bots/shop/faq.yaml", "bots/shop", "models.yaml"} <= names
    assert named_files("a: [", root) == ()


def message(text: str, at: datetime, customer: str = "42") -> Conversation:
    address = Address("telegram", "9")
    return Conversation(address).heard(Message("1", address, text, at, Customer(customer)))


WORKDAY = datetime(2026, 11, 20, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at", "customer", "tier"),
    [
        ("I want a REFUND, please", WORKDAY, "42", Tier.PERSON),
        ("I want a refund, please", WORKDAY, "77", Tier.PERSON),
        ("I want a refund, please", WORKDAY, "43", Tier.QUICK),
        ("I want a refund, please", WORKDAY + timedelta(hours=9), "42", Tier.QUICK),
        ("my charger is broken", WORKDAY, "42", Tier.QUICK),
    ],
)
def test_the_rulebook_decides_by_words_list_and_hours(
    base: str, loaded: Loader, text: str, at: datetime, customer: str, tier: Tier
) -> None:
    settings = loaded(
        base.replace("mode: canary 10%", "mode: live").replace(
            "    channels:\n      telegram:\n        send_to: expert\n", ""
        )
    )
    signals = {name: lambda _: Reading(0) for name in settings.signals}
    book = rulebook(settings, signals)
    assert decide(message(text, at, customer), book).tier is tier
    assert (book.start, book.hash) == (settings.start_with, settings.hash)


def test_a_rulebook_without_a_configured_signal_is_refused(loaded: Loader) -> None:
    with pytest.raises(ValueError, match="turns"):
        rulebook(
            loaded(), {name: lambda _: Reading(0) for name in ("faq", "frustration", "rephrase", "money", "language")}
        )


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared is not there")
def test_the_contract_for_names_loads(root: Path) -> None:
    text = (SHARED / "config.example.yaml").read_text("utf-8")
    (root / "lists/money.txt").write_text("refund\n")
    settings = load(text, file="config.example.yaml", root=root, env={})
    assert len(settings.escalation) == 8
    assert settings.channels["whatsapp"].missing == ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN")
    assert settings.warnings == ()


def test_the_shipped_configuration_loads_without_a_warning() -> None:
    text = (CHECKOUT / "config.yaml").read_text("utf-8")
    settings = load(text, file="config.yaml", root=CHECKOUT, env={})
    assert settings.warnings == ()
    assert settings.channels["telegram"].missing == ("TELEGRAM_TOKEN",)
    assert settings.channels["web"].missing == ()
    assert settings.operators.chat is None


def test_the_shipped_configuration_shows_operators_as_they_are_written() -> None:
    """The commented lines work once the # is taken away."""
    text = (CHECKOUT / "config.yaml").read_text("utf-8")
    shown = text.replace("# operators:\n#   chat", "operators:\n  chat").replace("\n#   people", "\n  people")
    settings = load(shown, file="config.yaml", root=CHECKOUT, env={})
    assert settings.operators.chat == Address("telegram", "-1001234567890")
    assert settings.operators.people == ("telegram:42",)
    assert settings.reports["cost"].send == settings.operators.chat


def test_the_schema_for_editors_is_the_committed_one() -> None:
    assert (CHECKOUT / "config.schema.json").read_text("utf-8") == json_schema()
