from __future__ import annotations

from collections.abc import Callable

import pytest

from core.errors import SettingsError
from core.settings import Secret, Settings, options_for
from core.settings.secrets import expand, mask, reveal

Loader = Callable[..., Settings]
TOKEN = "123456789:AAExampleExampleExampleExample12345"
KEY = "gsk_exampleexampleexample1234"


def test_a_channel_without_its_variable_is_off_and_names_it(loaded: Loader) -> None:
    settings = loaded()
    assert settings.channels["telegram"].missing == ("TELEGRAM_TOKEN",)
    assert settings.channels["web"].missing == ()
    assert settings.providers["groq"].missing == ("GROQ_API_KEY",)
    assert settings.providers["offline"].missing == ()


def test_an_empty_variable_counts_as_unset(loaded: Loader) -> None:
    assert loaded(env={"TELEGRAM_TOKEN": ""}).channels["telegram"].missing == ("TELEGRAM_TOKEN",)


def test_a_plugin_gets_its_secrets_and_nobody_else_sees_them(loaded: Loader) -> None:
    settings = loaded(env={"TELEGRAM_TOKEN": TOKEN, "GROQ_API_KEY": KEY, "FIRSTLINE_OPERATOR_KEY": "opensesame"})
    assert options_for(settings.channels["telegram"]) == {"token": TOKEN, "library": "ptb"}
    assert options_for(settings.providers["groq"])["key"] == KEY
    assert settings.providers["groq"].uses == "openai_chat"
    assert settings.server.operator_key.reveal() == "opensesame"
    for shown in (repr(settings), str(settings), f"{settings.channels}", f"{settings.server!s}"):
        assert not any(secret in shown for secret in (TOKEN, KEY, "opensesame"))


def test_an_operator_key_that_is_not_set_is_empty(loaded: Loader) -> None:
    assert not loaded().server.operator_key


def test_a_password_of_the_store_is_filled_in_and_not_shown(base: str, loaded: Loader) -> None:
    text = base.replace("sqlite:///data/firstline.db", '"postgresql://me:${PW}@host/db"')
    settings = loaded(text, {"PW": "hunter22"})
    assert settings.store == "postgresql://me:hunter22@host/db"
    assert "hunter22" not in repr(settings)


@pytest.mark.parametrize(
    ("old", "new", "line", "variable"),
    [
        ("${TELEGRAM_TOKEN}", TOKEN, 8, "${TELEGRAM_TOKEN}"),
        ('"${GROQ_API_KEY}"', KEY, 20, "${GROQ_API_KEY}"),
        ("${FIRSTLINE_OPERATOR_KEY}", "opensesame", 17, "${SERVER_OPERATOR_KEY}"),
        ("sqlite:///data/firstline.db", "postgresql://me:hunter22@host/db", 13, "${STORE"),
    ],
)
def test_a_secret_written_out_works_is_warned_of_and_never_shown(
    base: str, loaded: Loader, old: str, new: str, line: int, variable: str
) -> None:
    settings = loaded(base.replace(old, new))
    (warning,) = settings.warnings
    assert warning.line == line
    assert "environment variable" in warning.what
    assert variable in warning.write
    shown = repr(settings) + str(warning)
    assert not any(secret in shown for secret in (TOKEN, KEY, "opensesame", "hunter22"))


@pytest.mark.parametrize(
    "broken",
    [
        f"    token: {TOKEN}: x\n",
        f"    token: '{TOKEN}' x\n",
        f"    token: [{TOKEN}\n",
        f"    token: &{TOKEN}\n",
        "    token: 0123456789\n",
        "    token: +4512345678\n",
        f"    token: @{TOKEN}\n",
        f"    token: {TOKEN}\n    token: {TOKEN}\n",
        f"    {TOKEN}: token\n    {TOKEN}: token\n",
    ],
)
def test_no_problem_repeats_a_secret(base: str, loaded: Loader, broken: str) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(base.replace("    token: ${TELEGRAM_TOKEN}\n", broken))
    shown = str(caught.value)
    assert not any(part in shown for part in (TOKEN, "AAExample", "0123456789", "4512345678")), shown


@pytest.mark.parametrize("old", ["8080", "openai_chat"])
def test_a_secret_pasted_at_the_wrong_place_of_a_secret_section_is_not_repeated(
    base: str, loaded: Loader, old: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(base.replace(old, "[opensesame]" if old == "openai_chat" else "opensesame"))
    assert "opensesame" not in str(caught.value)


def test_secrets_hide_however_deep_and_come_out_again() -> None:
    expanded = expand({"a": [{"b": "x ${A} y"}], "n": 3, "token": "plain"}, {"A": "top"})
    assert "top" not in repr(expanded)
    assert "plain" not in repr(expanded)
    assert reveal(expanded.value) == {"a": [{"b": "x top y"}], "n": 3, "token": "plain"}
    assert expanded.missing == ()


def test_a_secret_is_hidden_in_formatting_and_compares_by_value() -> None:
    secret = Secret("top")
    assert "top" not in f"{secret} {secret!r}"
    assert secret == Secret("top")
    assert secret != Secret("other")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"token: {TOKEN}", "token: ***"),
        ("key: ${GROQ_API_KEY}", "key: ${GROQ_API_KEY}"),
        ("postgresql://me:hunter22@host/db", "postgresql://***@host/db"),
        ("telegram:-1001234567890", "telegram:-1001234567890"),
        ("I want my money back at 10:30", "I want my money back at 10:30"),
    ],
)
def test_masking_takes_secrets_and_leaves_the_rest(text: str, masked: str) -> None:
    assert mask(text) == masked
