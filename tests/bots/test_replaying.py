"""Replaying on one desk and on several side by side."""

from __future__ import annotations

import pytest

from bots import replaying
from bots.replaying import NothingToAnswerWith, Task, play
from core.errors import FirstlineError
from core.learning.dialogues import Dialogue, Said
from core.learning.tally import Tally
from tests.bots.conftest import Bot


def talks() -> list[Dialogue]:
    said = ["hello", "a refund please", "human please", "When are you open?"]
    return [
        Dialogue(str(n), str(n), (Said(True, said[n % 4]), Said(False, "ok"), Said(True, "thanks"))) for n in range(12)
    ]


def test_desks_side_by_side_do_what_one_does(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    task = Task(bot.config, talks(), "memory", live=False)
    steps: list[int] = []
    alone = play(task, steps.append)
    assert (alone.desks, sum(steps)) == (1, 24)
    monkeypatch.setattr(replaying, "WORTH_IT", 0)
    monkeypatch.setattr(replaying, "processors", lambda: 2)
    steps.clear()
    together = play(task, steps.append)
    assert (together.desks, sum(steps)) == (2, 24)
    assert together.tally.data(1) == {**alone.tally.data(1), "tiers": together.tally.data(1)["tiers"]}
    assert dict(together.tally.data(1)["tiers"]) == dict(alone.tally.data(1)["tiers"])


def test_a_fault_in_a_process_of_its_own_is_told_in_words(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "WORTH_IT", 0)
    monkeypatch.setattr(replaying, "processors", lambda: 2)
    wrong = bot.edit("money: {}", "money: {wrods: x}")
    with pytest.raises(FirstlineError, match="wrods"):
        play(Task(wrong, talks(), "memory", live=False), lambda _: None)


def test_without_an_offline_model_nothing_is_called(bot: Bot) -> None:
    bot.edit("quick: [cloud/large, offline/faq]", "quick: [cloud/large]")
    path = bot.edit("expert: [offline/faq]", "expert: [cloud/large]")
    with pytest.raises(NothingToAnswerWith, match="--live"):
        play(Task(path, talks(), "memory", live=False), lambda _: None)


def test_tallies_add_up() -> None:
    one, other = Tally(1, 2, answered=1, with_person=1), Tally(2, 3, answered=3)
    one.tiers["quick"].messages = 1
    other.tiers["quick"].messages = 3
    one.add(other)
    data = one.data(1)
    assert (data["dialogues"], data["messages"], data["answered"], data["unanswered"]) == (3, 5, 4, 0)
    assert data["tiers"] == {"quick": 4}
