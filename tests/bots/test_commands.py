"""What each command prints for people and for machines, and how it ends."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bots.__main__ import COMMANDS
from core.conversation import Address, Message, Reply
from core.records import Call, Entry, Outcome, Settlement
from core.store.sql import open_store
from core.tiers import Money, Usage
from tests.bots.conftest import Bot
from tests.core.store.turns import append

TALKS = [
    {
        "id": "a",
        "turns": [{"speaker": "customer", "text": "When are you open?"}, {"speaker": "agent", "text": "Nine to five."}],
    },
    {
        "id": "b",
        "turns": [
            {"speaker": "customer", "text": "hello"},
            {"speaker": "customer", "text": "I want a refund"},
            {"speaker": "agent", "text": "Sure."},
            {"speaker": "customer", "text": "thanks"},
        ],
    },
]


@pytest.fixture
def talks(bot: Bot) -> str:
    file = bot.folder / "talks.jsonl"
    file.write_text("\n".join(map(json.dumps, TALKS)), "utf-8")
    return str(file)


def test_every_command_is_listed_and_every_listed_one_says_what_it_takes(bot: Bot) -> None:
    assert bot.run("--help")[0] == 0
    for name in COMMANDS:
        status, out = bot.run(name, "--help")
        assert status == 0
        assert "--config" in out
        assert "--json" in out


def test_help_loads_no_command_and_no_library_of_theirs() -> None:
    script = (
        "import sys, bots.__main__ as m\ntry: m.main(['--help'])\nexcept SystemExit: pass\nprint(sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1]
    for heavy in ("aiohttp", "sqlalchemy", "pydantic", "uvloop", "bots.commands", "telegram"):
        assert f"'{heavy}'" not in loaded


def test_a_command_that_does_not_exist_is_wrong_usage(bot: Bot) -> None:
    status, _ = bot.run("chek")
    assert status == 2
    assert "check" in bot.err


# -- check -----------------------------------------------------------------------------------------------------------


def test_a_sound_configuration_passes_with_its_examples(bot: Bot) -> None:
    assert bot.json("check") == (0, {"ok": True, "problems": [], "warnings": [], "examples": 2})
    status, out = bot.run("check", str(bot.config))
    assert status == 0
    assert "in order; 2 examples hold" in out


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        (
            "I want my money back",
            "my shoes are blue",
            "  - name: Money",
            "does not match 'my shoes are blue' (money is no)",
        ),
        ("hello there", "a refund please", "  - name: Money", "matches 'a refund please'"),
        ("  web: {}", "  web: {colour: red}", "colour", "'web' has no option 'colour'"),
        ("cloud/large", "cloud/larger", "cloud/larger", "the model 'cloud/larger' has no row"),
        ("money: {}", "money: {wrods: x}", "wrods", "'wrods'"),
        ("currency: EUR", "currency: EUR\n    rates: {USD: 1}", "  cost:", "rates: USD"),
        ("currency: EUR", "currency: EUR\n    at: 99 8 * * *\n    send: web:1", "at: 99", "not a time to send it at"),
        ("send_to: expert", "send_to: exprt", "exprt", "exprt"),
        ("money: yes", "money: high", "money: high", "money is yes or no"),
        ("reports:", "operators:\n  chat: web:12\nreports:", "chat: web:12", "shows no cards"),
        ("bot: tiny", "bot: tinny", "bot: tinny", "no folder bots/tinny"),
        ("store: sqlite:///data/tiny.db", "store: mysql://u@h/db", "store:", "no store is called 'mysql'"),
        ("store: sqlite:///data/tiny.db", "store: postgresql://u:hunter2@h/db", "store:", "a password stands here"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(bot: Bot, old: str, new: str, line: str, what: str) -> None:
    path = bot.edit(old, new, "other.yaml")
    status, data = bot.json("check", str(path))
    assert status == 1
    assert not data["ok"]
    (problem,) = data["problems"]
    lines = path.read_text("utf-8").splitlines()
    assert problem["file"] == "other.yaml"
    assert line in lines[problem["line"] - 1]
    assert what in problem["what"]
    status, out = bot.run("check", str(path))
    assert status == 1
    assert out.startswith(f"other.yaml:{problem['line']}:{problem['column']} ")


@pytest.mark.parametrize("command", [["explain", "hi"], ["doctor"], ["report", "cost"], ["chat"], ["run"]])
def test_no_command_answers_a_wrong_configuration_with_a_traceback(bot: Bot, command: list[str]) -> None:
    bot.edit("send_to: expert", "send_to: exprt")
    status, out = bot.run(*command)
    assert status == 1
    assert "config.yaml:26" in out + bot.err
    assert "Traceback" not in out + bot.err


def test_a_configuration_that_is_not_there_is_told_as_data_too(bot: Bot) -> None:
    status, data = bot.json("explain", "hi", "--config", "nowhere.yaml")
    assert status == 1
    assert data["problems"][0]["file"] == "nowhere.yaml"


# -- explain ---------------------------------------------------------------------------------------------------------


def test_explaining_gives_tier_rules_readings_and_what_each_rule_changes(bot: Bot) -> None:
    status, data = bot.json("explain", "a refund please")
    assert status == 0
    assert (data["tier"], data["rules"]) == ("expert", ["Money"])
    assert data["without_rule"] == {"Money": "quick"}
    assert data["readings"]["money"]["value"] is True
    assert "refund" in data["readings"]["money"]["note"]
    assert set(data["readings"]) >= {"faq", "money", "asks_for_person"}


def test_explaining_in_words_says_why_and_what_without(bot: Bot) -> None:
    _, out = bot.run("explain", "a refund please")
    assert "This goes to expert." in out
    assert "Money applies: money is yes" in out
    assert "It asks for expert for 3 answers; without it this would go to quick." in out
    assert "Does not apply: Asks for a person." in out
    assert "No rule applies" in bot.run("explain", "hello")[1]


def test_explaining_shows_what_rules_ask_of_each_reading(bot: Bot) -> None:
    _, data = bot.json("explain", "a refund please")
    assert data["readings"]["money"]["rules"] == [{"rule": "Money", "asks": "yes", "holds": True}]
    assert "yes (Money)" in bot.run("explain", "a refund please")[1]


def test_a_dialogue_before_the_text_counts_with_the_holds_it_would_have_left(bot: Bot) -> None:
    before = bot.folder / "before.jsonl"
    before.write_text(json.dumps(TALKS[1]), "utf-8")
    _, data = bot.json("explain", "and one more thing", "--dialogue", str(before))
    assert (data["tier"], data["held"]) == ("expert", ["Money"])
    assert "still holds" in bot.run("explain", "and one more thing", "--dialogue", str(before))[1]


# -- replay ----------------------------------------------------------------------------------------------------------


def test_a_replay_counts_what_the_whole_desk_did(bot: Bot, talks: str) -> None:
    status, data = bot.json("replay", talks)
    assert status == 0
    assert {k: data[k] for k in ("dialogues", "messages", "answered", "with_person", "unanswered")} == {
        "dialogues": 2,
        "messages": 4,
        "answered": 4,
        "with_person": 0,
        "unanswered": 0,
    }
    assert data["tiers"] == {"quick": 2, "expert": 2}
    assert data["rules"] == {"Money": 2}
    assert data["cost"] == {"known": "0", "currency": "", "unknown_calls": 0, "currencies": {}}
    assert data["messages_per_second"] > 0
    assert not (bot.folder / "data").exists(), "a replay leaves nothing behind"


def test_a_replay_never_calls_a_model_unless_told_to(bot: Bot, talks: str) -> None:
    bot.edit("quick: [cloud/large, offline/faq]", "quick: [cloud/large]")
    bot.edit("expert: [offline/faq]", "expert: [cloud/large]")
    status, out = bot.run("replay", talks)
    assert (status, out) == (1, "")
    assert "say --live" in bot.err


def test_a_replay_against_other_rules_says_who_moves(bot: Bot, talks: str) -> None:
    other = bot.edit("lasts: 3 answers", "lasts: this answer", "other.yaml")
    _, data = bot.json("replay", talks, "--against", str(other))
    assert (data["moved"]["messages"], data["moved"]["of"]) == (1, 4)
    assert data["moved"]["pairs"][0]["samples"][0]["text"] == "thanks"
    _, out = bot.run("replay", talks, "--against", str(other))
    assert "with the other rules 1 of 4 messages go elsewhere" in out
    assert "expert -> quick: 1" in out


async def _talk(url: str) -> None:
    chat, at = Address("web", "ann"), datetime.now(UTC)
    async with open_store(url) as store:
        await append(store, chat, Message("m0", chat, "an old question", at - timedelta(days=9)))
        await append(store, chat, Message("m1", chat, "I want my money back", at - timedelta(hours=2)))
        await append(store, chat, Reply("Send it back.", at - timedelta(hours=2), tier="expert"))
        await append(store, chat, Message("m2", chat, "thanks", at - timedelta(hours=1)))


def test_a_replay_of_the_last_days_takes_what_was_said_here(bot: Bot) -> None:
    asyncio.run(_talk(f"sqlite:///{bot.folder}/data/tiny.db"))
    status, data = bot.json("replay", "--days", "2")
    assert (status, data["dialogues"], data["messages"], data["unanswered"]) == (0, 1, 2, 0)
    assert data["rules"] == {"Money": 2}


def test_a_replay_wants_a_file_or_days_and_not_both(bot: Bot, talks: str) -> None:
    assert bot.run("replay")[0] == 2
    assert bot.run("replay", talks, "--days", "2")[0] == 2


def test_speakers_of_another_name_are_mapped(bot: Bot) -> None:
    file = bot.folder / "user.jsonl"
    file.write_text('{"id": 1, "turns": [{"speaker": "USER", "text": "hi"}]}', "utf-8")
    status, _ = bot.run("replay", str(file))
    assert status == 1
    assert "--customer USER" in bot.err
    assert bot.json("replay", str(file), "--customer", "USER")[1]["answered"] == 1


# -- report ----------------------------------------------------------------------------------------------------------


async def _spend(folder: Path) -> None:
    address, at = Address("web", "1"), datetime(2026, 11, 20, 12, tzinfo=UTC)
    message = Message("m", address, "hi", at)
    call = Call("cloud", "large", "answered", 1.0, Usage(10, 5), Money(Decimal("0.0125"), "USD"))
    entry = Entry(at, address, ("m",), Outcome.ANSWERED, "quick", calls=(call,))
    async with open_store(f"sqlite:///{folder}/data/tiny.db") as store:
        await store.settle(Settlement("k", address, (message,), entry, (message,), Reply("yes", at, tier="quick")))


async def test_a_report_is_printed_in_each_form_beside_a_running_firstline(bot: Bot) -> None:
    await _spend(bot.folder)
    async with open_store(f"sqlite:///{bot.folder}/data/tiny.db"):
        text = bot.run("report", "cost", "--from", "2026-11-20")[1]
        table = bot.run("report", "cost", "--from", "2026-11-20", "--format", "csv")[1]
        data = bot.json("report", "cost", "--from", "2026-11-20")[1]
    assert "web: 1 conversations, 1 messages" in text
    assert "cost 0.01 USD" in text
    assert "Add USD with rate" in text
    assert table.splitlines()[1].endswith(",USD,0.0125,0")
    assert data["total"]["cost"] == {"USD": "0.0125"}
    assert {"window", "zone", "currency", "channels", "total"} <= set(data)


def test_a_report_without_a_store_or_of_a_wrong_name_is_refused_in_one_line(bot: Bot) -> None:
    assert bot.run("report", "cost")[0] == 1
    assert "nothing has been recorded" in bot.err
    assert bot.run("report", "cots")[0] == 1
    assert "did you mean" in bot.err


@pytest.mark.parametrize("wrong", [["--from", "x"], ["--zone", "Mars/Base"], ["--send", "nowhere"]])
def test_days_zones_and_addresses_that_are_none_are_wrong_usage(bot: Bot, wrong: list[str]) -> None:
    assert bot.run("report", "cost", *wrong)[0] == 2


# -- doctor, schema, chat --------------------------------------------------------------------------------------------


def test_doctor_names_what_is_missing_and_never_a_secret(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINY_CLOUD_KEY", "sk-very-secret-value-123456")
    status, data = bot.json("doctor")
    assert status == 0
    found = {(f["part"], f["name"]): f for f in data["findings"]}
    assert found["channel", "telegram"]["detail"] == "set TINY_TELEGRAM_TOKEN"
    assert found["provider", "offline"]["state"] == "ok"
    assert found["tier", "expert"]["detail"] == "offline/faq"
    assert found["version", "sqlite"]["state"] in {"ok", "warning"}
    assert found["store", "data/tiny.db"]["state"] == "ok"
    assert "very-secret" not in json.dumps(data) + bot.run("doctor")[1]


def test_doctor_fails_when_nothing_can_answer(bot: Bot) -> None:
    bot.edit("quick: [cloud/large, offline/faq]", "quick: [cloud/large]")
    bot.edit("  expert: [offline/faq]\n", "")
    bot.edit("send_to: expert", "send_to: quick")
    status, data = bot.json("doctor")
    assert status == 1
    assert [f["name"] for f in data["findings"] if f["state"] == "failed"] == ["all"]


def test_the_schema_is_json(bot: Bot) -> None:
    assert json.loads(bot.run("schema")[1])["type"] == "object"


def test_chat_answers_a_pipe_line_by_line_and_keeps_nothing(bot: Bot) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bots", "chat"],
        input="When are you open?\nhuman please\n",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "From nine to five." in done.stdout
    assert done.stdout.index("From nine to five.") < done.stdout.index("I can't bring a person")
    assert not (bot.folder / "data").exists()


def test_run_says_what_is_on_and_what_would_turn_the_rest_on_and_stops_when_told(bot: Bot) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "bots", "run"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        said: list[str] = []
        deadline = time.monotonic() + 15
        while not (said and said[-1].startswith("Stop it")) and time.monotonic() < deadline:
            said.append(child.stdout.readline())
        child.terminate()
        assert child.wait(15) == 0, child.stderr and child.stderr.read()
        if child.stderr is not None:
            child.stderr.read()
    assert len(said) <= 20
    assert any(line.split() == ["telegram", "off:", "set", "TINY_TELEGRAM_TOKEN"] for line in said)
    assert any(line.split()[:2] == ["web", "on"] for line in said)
    assert any("http://" in line for line in said)


def test_a_chat_for_machines_gives_each_answer_as_one_object_and_nothing_else(bot: Bot) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "bots", "chat", "--json", "--config", str(bot.config)],
        input="When are you open?\nI want a refund\n",
        capture_output=True,
        text=True,
        timeout=15,
    )
    answers = [json.loads(line)["text"] for line in said.stdout.splitlines()]
    assert (said.returncode, len(answers)) == (0, 2)
    assert "nine to five" in answers[0]
