"""One event is one line, and no secret is in it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from bots import logs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _root_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    logging.captureWarnings(False)


def test_one_event_is_one_line_of_json_whatever_the_text_holds() -> None:
    out = io.StringIO()
    logs.configure(stream=out)
    logging.getLogger("core.x").warning('forged\n{"event": 1}\x1b[2J %s', "a\u2028b", extra={"chat": "web:1\r2"})
    (line,) = out.getvalue().splitlines()
    event = json.loads(line)
    assert event["event"] == 'forged\\n{"event": 1}\\x1b[2J a\\u2028b'
    assert (event["logger"], event["level"], event["chat"]) == ("core.x", "warning", "web:1\\r2")


def test_a_terminal_gets_no_control_characters_of_a_strangers() -> None:
    out = Terminal()
    logs.configure(stream=out)
    logging.getLogger("x").warning("clear\x1b[2Jscreen\nand forge")
    assert "clear\\x1b[2Jscreen\\nand forge" in out.getvalue()
    assert out.getvalue().count("\n") == 1


def test_secrets_are_masked_in_message_fields_and_traceback() -> None:
    out = io.StringIO()
    logs.configure(["s3cret-value"], stream=out)
    try:
        raise ValueError("refused s3cret-value of a@example.com")
    except ValueError:
        logging.getLogger("x").exception("failed with %s", "s3cret-value", extra={"token": "short"})
    written = out.getvalue()
    assert "s3cret-value" not in written
    assert "a@example.com" not in written
    assert json.loads(written)["token"] == "***"
    assert "ValueError" in json.loads(written)["exception"]


def test_libraries_that_log_every_request_are_heard_from_warning_on() -> None:
    out = io.StringIO()
    logs.configure(stream=out)
    logging.getLogger("httpx").info("HTTP Request: GET https://x/bot1:2/getUpdates")
    logging.getLogger("httpx").warning("slow")
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["slow"]
