"""What `firstline run` does while it runs: reloading, and who can be called."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bots import service
from bots.assembly import open_house
from bots.front_office import FrontOffice
from channels.memory import MemoryChannel
from core.conversation import Address
from core.errors import FirstlineError, SettingsError
from core.tiers import Tier

if TYPE_CHECKING:
    from conftest import Bot  # type: ignore[import-not-found,unused-ignore]


async def test_a_provider_and_model_written_into_the_file_answer_from_the_next_message_on(bot: Bot) -> None:
    async with open_house(bot.config, store="sqlite://", channels={"memory": MemoryChannel()}) as house:
        (bot.folder / "models.yaml").write_text(
            "near/small: {price: free, pinned: no}\noffline/faq: {price: free, pinned: no}\n", "utf-8"
        )
        bot.edit("quick: [cloud/large, offline/faq]", "quick: [near/small, offline/faq]")
        bot.edit("  offline: {}", '  near: {uses: openai_chat, url: "http://127.0.0.1:1/v1"}\n  offline: {}')
        await service.applier(house)("")
        assert [card.name for card in house.desk.policy.chain.tiers[Tier.QUICK]] == ["near/small", "offline/faq"]
        await house.availability.ask()
        assert "nothing answers" in house.availability.state()["near"]
        assert not house.availability.is_ready("near")


async def test_what_only_a_restart_changes_is_said(bot: Bot, caplog: pytest.LogCaptureFixture) -> None:
    async with open_house(bot.config, store="sqlite://", channels={"memory": MemoryChannel()}) as house:
        bot.edit("port: 0", "port: 1")
        await service.applier(house)("")
    assert "in force from the next start on: server" in caplog.text


async def test_a_file_that_cannot_be_put_into_force_leaves_the_old_rules(bot: Bot) -> None:
    async with open_house(bot.config, store="sqlite://", channels={"memory": MemoryChannel()}) as house:
        before = house.desk.policy
        bot.edit("send_to: expert", "send_to: exprt")
        with pytest.raises(SettingsError, match="exprt"):
            await service.applier(house)("")
        assert house.desk.policy is before


async def test_a_person_is_on_only_where_one_can_be_called(bot: Bot) -> None:
    async with open_house(bot.config, store="sqlite://", channels={"memory": MemoryChannel()}) as house:
        assert "name operators" in service._person(house)
        there = replace(house.settings.operators, chat=Address("memory", "desk"))
        assert service._person(replace(house, settings=replace(house.settings, operators=there))) == ""
        off = replace(house.settings.operators, chat=Address("telegram", "-1"))
        assert service._person(replace(house, settings=replace(house.settings, operators=off))) == "TINY_TELEGRAM_TOKEN"


@pytest.mark.parametrize("address", ["web:nobody", "telegram:9"])
async def test_an_operator_s_reply_to_somebody_who_never_wrote_is_refused(bot: Bot, address: str) -> None:
    async with open_house(bot.config, store="sqlite://", channels={"memory": MemoryChannel()}) as house:
        with pytest.raises(FirstlineError, match="nobody by that address"):
            await FrontOffice(house.desk, house.store, house.channels).reply(Address.parse(address), "hello", "op")


async def test_a_reload_keeps_what_is_known_of_the_judge_and_obeys_the_share_of_extra_calls(bot: Bot) -> None:
    judged = "\nanswering: {judge: {model: cloud/large}, extra_calls: 50%}\n"
    bot.edit("[cloud/large, offline/faq]", "[offline/faq]")
    bot.config.write_text(bot.config.read_text("utf-8") + judged, "utf-8")
    async with open_house(bot.config, store="sqlite://", channels={"memory": MemoryChannel()}) as house:
        means = house.desk.policy.chain.means
        assert means.judging is not None
        before = means.circuit(means.judging.card)
        bot.edit("extra_calls: 50%", "extra_calls: 100%")
        await service.applier(house)("")
        after = house.desk.policy.chain.means
        assert after.circuit(means.judging.card) is before
        left = after.retries.left
        for _ in range(40):
            after.retries.call()
        assert after.retries.left == left + 30  # the first ten pay the reserve back
