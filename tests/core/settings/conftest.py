from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from core.settings import Settings, load

BASE = """\
version: 1
bot: shop
time_zone: Europe/Copenhagen
languages: [en, da, no]
channels:
  web: {}
  telegram:
    token: ${TELEGRAM_TOKEN}
    library: ptb
operators:
  chat: telegram:-100123
  people: [telegram:42]
store: sqlite:///data/firstline.db
server:
  host: 127.0.0.1
  port: 8080
  operator_key: ${FIRSTLINE_OPERATOR_KEY}
conversation: {idle: 24 hours, answers_in_prompt: 20}
providers:
  groq: {uses: openai_chat, url: https://api.groq.com/openai/v1, key: "${GROQ_API_KEY}"}
  offline: {}
tiers:
  quick: [groq/llama-3.1-8b-instant, offline/faq]
  expert: [offline/faq]
start_with: quick
hours:
  mon-fri: "09:00-18:00"
  sat: "10:00-14:00"
  closed_on: lists/holidays.txt
lists:
  vip: lists/vip.csv
signals:
  faq: {file: bots/shop/faq.yaml}
  frustration: {}
  rephrase: {}
  money: {}
  language: {}
  turns: {}
escalation:
  - name: Money
    why: it is theirs
    when:
      money: yes
    send_to: expert
    lasts: 3 answers
    locked: true
    examples:
      should_match:
        - I want my money back
  - name: Words
    when:
      words: [refund, charge]
      customer_in: vip
      hours: open
    unless:
      frustration: high
    send_to: person
    channels:
      telegram:
        send_to: expert
    mode: canary 10%
    say:
      en: Sorry about that.
  - name: Nothing we know
    when:
      any:
        - faq: none
        - turns: at least 6
    send_to: expert
reports:
  cost:
    at: "0 8 * * mon-fri"
    send: operators.chat
    currency: EUR
"""

FILES = {
    "lists/vip.csv": "customer,name\ntelegram:42,Somebody\n# a comment\n77,Another # why\n",
    "lists/holidays.txt": "# closed\n2026-12-25 first day\n2026-12-26\n",
}

Loader = Callable[..., Settings]


@pytest.fixture
def base() -> str:
    return BASE


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content, "utf-8")
    return tmp_path


@pytest.fixture
def loaded(root: Path) -> Loader:
    """Loads a text with the list files above and the environment given."""

    def load_text(text: str = BASE, env: Mapping[str, str] | None = None) -> Settings:
        return load(text, file="config.yaml", root=root, env=env or {})

    return load_text
