"""WhatsApp lets a bot start only under conditions: each one that is missing is named, and nothing starts."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from bots import service
from bots.assembly import open_house
from core.errors import SettingsError

if TYPE_CHECKING:
    from conftest import Bot  # type: ignore[import-not-found,unused-ignore]

WHATSAPP = """\
  whatsapp:
    account: ${TINY_ACCOUNT}
    token: ${TINY_TOKEN}
    number: "whatsapp:+14155238886"
    public_url: https://bot.example.com
"""
OPERATORS = "operators:\n  chat: telegram:-1001\n"
SCOPE = "scope:\n  en: I help with lamps.\n"


@pytest.fixture(autouse=True)
def secrets(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TINY_ACCOUNT", "TINY_TOKEN"):
        monkeypatch.setenv(name, f"AC{'0' * 32}")
    monkeypatch.setenv("TINY_TELEGRAM_TOKEN", "42:TEST")


def arrange(bot: Bot, *, operators: bool = True, rule: bool = True, scope: bool = True, french: bool = False) -> None:
    """The tiny bot with WhatsApp, and with what WhatsApp asks for unless it is to be missing."""
    bot.edit("store:", f"{WHATSAPP}{OPERATORS if operators else ''}store:")
    if not rule:
        bot.edit("send_to: person", "send_to: expert")
    if french:
        bot.edit("languages: [en]", "languages: [en, fr]")
    (bot.folder / "bots/tiny/texts.yaml").write_text(SCOPE if scope else "", "utf-8")


async def refusals(bot: Bot) -> str:
    """What `firstline run` says when it refuses to start; empty when it would."""
    try:
        async with open_house(bot.config, store="sqlite://"):
            return ""
    except SettingsError as error:
        return str(error)


SAID = {
    "operators": "nobody is named who takes over from the bot",
    "rule": "no rule gives a customer who asks for a person one",
    "scope": "no text in 'en' that says what the bot helps with",
}


@pytest.mark.parametrize("there", list(product([True, False], repeat=3)))
async def test_the_start_is_refused_exactly_for_what_is_missing_and_names_it(
    bot: Bot, there: tuple[bool, bool, bool]
) -> None:
    given = dict(zip(SAID, there, strict=True))
    arrange(bot, **given)
    said = await refusals(bot)
    assert {name: words not in said for name, words in SAID.items()} == given
    assert said.count("\n") + 1 == 3 - sum(there) or all(there)
    assert ("config.yaml:9:3" in said) is not all(there)


async def test_a_language_without_its_texts_and_opt_out_words_is_named(bot: Bot) -> None:
    arrange(bot, french=True)
    said = await refusals(bot)
    assert "fr" in said
    assert "opt_out" in said
    bot.edit("public_url: https://bot.example.com", "public_url: https://bot.example.com\n    opt_out: {fr: [arret]}")
    bot.edit("opt_out: {fr: [arret]}", "opt_out: {fr: [arret]}\n    opt_in: {fr: [reprendre]}")
    said = await refusals(bot)
    assert "no text in 'fr' that says that an AI answers" in said
    assert "no text in 'fr' that says what the bot helps with" in said


@pytest.mark.parametrize(
    "weak",
    [
        "mode: shadow",
        "mode: canary 10%",
        "unless:\n      money: yes",
        "channels:\n      whatsapp:\n        send_to: expert",
    ],
)
async def test_a_rule_that_does_not_always_lead_to_a_person_is_no_way_to_one(bot: Bot, weak: str) -> None:
    arrange(bot)
    bot.edit("    send_to: person\n", f"    send_to: person\n    {weak}\n")
    assert SAID["rule"] in await refusals(bot)


async def test_operators_in_a_chat_that_is_off_are_no_way_to_a_person(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrange(bot)
    monkeypatch.delenv("TINY_TELEGRAM_TOKEN")
    assert "operators.chat is in telegram, which is off" in await refusals(bot)


async def test_without_its_secrets_whatsapp_is_off_and_nothing_is_asked(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrange(bot, operators=False, scope=False)
    monkeypatch.delenv("TINY_TOKEN")
    assert await refusals(bot) == ""


def test_check_names_what_is_missing_too(bot: Bot) -> None:
    arrange(bot, operators=False)
    status, found = bot.json("check")
    assert status == 1
    assert SAID["operators"] in found["problems"][0]["what"]
    assert "operators:" in found["problems"][0]["write"]


async def test_a_change_that_takes_the_way_to_a_person_away_is_not_applied_while_running(bot: Bot) -> None:
    arrange(bot)
    async with open_house(bot.config, store="sqlite://") as house:
        before = house.desk.policy
        bot.edit(OPERATORS, "")
        with pytest.raises(SettingsError, match="nobody is named"):
            await service.applier(house)("")
        assert house.desk.policy is before


async def test_a_language_whose_opt_out_words_are_missing_is_not_applied_while_running(bot: Bot) -> None:
    arrange(bot)
    texts = "scope:\n  en: Lamps.\n  fr: Lampes.\ndisclosure:\n  fr: Je suis une IA.\n"
    (bot.folder / "bots/tiny/texts.yaml").write_text(texts, "utf-8")
    async with open_house(bot.config, store="sqlite://") as house:
        bot.edit("languages: [en]", "languages: [en, fr]")
        with pytest.raises(SettingsError, match="opt_out"):
            await service.applier(house)("")


async def test_the_bot_says_what_it_helps_with_when_it_first_speaks(bot: Bot) -> None:
    arrange(bot)
    async with open_house(bot.config, store="sqlite://") as house:
        assert house.desk.policy.wording.introduction("en").endswith("person at any time. I help with lamps.")


def test_explain_says_until_when_free_text_can_be_sent_on_whatsapp(bot: Bot) -> None:
    arrange(bot)
    status, found = bot.json("explain", "my lamp is broken", "--channel", "whatsapp")
    assert status == 0
    assert "UTC" in found["limits"]
    assert bot.json("explain", "my lamp is broken")[1]["limits"] == ""
    assert found["limits"] in bot.run("explain", "my lamp is broken", "--channel", "whatsapp")[1].replace("\n", " ")


def test_explain_says_what_is_missing_to_know_that_where_whatsapp_is_off(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrange(bot)
    monkeypatch.delenv("TINY_TOKEN")
    status, found = bot.json("explain", "my lamp is broken", "--channel", "whatsapp")
    assert status == 0
    assert "set TINY_TOKEN" in found["limits"]
