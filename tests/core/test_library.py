"""The library of articles: its files, what it finds, and how fast."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from core.articles import parse_csv, parse_faq_markdown, parse_faq_yaml, parse_intents_yaml, parse_knowledge
from core.errors import SettingsError
from core.library import Article, Library, read_faq, read_intents, read_knowledge

PROJECT = Path(__file__).parents[2]
SHOP = PROJECT / "bots" / "shop"
SHARED = Path(os.environ.get("FIRSTLINE_SHARED", PROJECT.parent / "shared"))


@pytest.fixture(scope="module")
def shop() -> Library:
    return Library(read_faq(SHOP / "faq.yaml"))


@pytest.mark.parametrize(
    ("question", "article"),
    [
        ("Where is my order?", "track-order"),
        ("hi, where's my order please", "track-order"),
        ("when are u open on saturdays", "opening-hours"),
        ("how long does delivery take to germany", "delivery-time"),
        ("I want my money back!!", "get-refund"),
        ("hvor er min pakke henne?", "track-order-da"),
        ("hvornår får jeg mine penge tilbage, tak", "refund-time-da"),
        ("Wo bleibt mein Paket denn", "track-order-de"),
        ("Passwort vergessen", "reset-password-de"),
        ("my order 370795561790 has not arrived", "track-order"),
    ],
)
def test_the_shop_faq_finds_the_entry_a_customer_means(shop: Library, question: str, article: str) -> None:
    best, *_ = shop.search(question)
    assert best.article.id == article
    assert best.score >= 0.6


@pytest.mark.parametrize(
    "question", ["who won the world cup", "write me a poem about spring", "xqzt", "", "the of and"]
)
def test_what_the_shop_faq_does_not_know_scores_low(shop: Library, question: str) -> None:
    assert all(found.score < 0.5 for found in shop.search(question))


def test_results_come_best_first_and_no_more_than_asked_for(shop: Library) -> None:
    found = shop.search("can I return my order and get a refund", limit=3)
    assert len(found) == 3
    assert [f.score for f in found] == sorted((f.score for f in found), reverse=True)
    assert all(0 <= f.score <= 1 for f in found)


def test_wordings_of_one_article_support_each_other() -> None:
    library = Library([Article("a", "lamp parcel", "", ("parcel towel",)), Article("b", "lamp parcel", "")])
    both, one = (evidence for _, evidence in library.evidence("parcel"))
    assert both.wording > one.wording


def test_an_answer_is_searched_as_well_as_the_question() -> None:
    library = Library([Article("a", "Formatting", "use tildes to strike text through"), Article("b", "Colours", "red")])
    assert library.search("strike through")[0].article.id == "a"


def test_an_empty_library_finds_nothing() -> None:
    assert Library(()).search("where is my order") == []


@pytest.mark.skipif(not (SHARED / "data" / "faq").is_dir(), reason="the public FAQ data is not here")
def test_public_rephrasings_find_their_entry_as_often_as_measured() -> None:
    with (SHARED / "data" / "faq" / "faq.csv").open(encoding="utf-8", newline="") as lines:
        library = Library(Article(row["faq_id"], row["question"], row["answers"]) for row in csv.DictReader(lines))
    with (SHARED / "data" / "faq" / "queries.csv").open(encoding="utf-8", newline="") as lines:
        asked = list(csv.DictReader(lines))
    right = sum(library.search(row["query"], 1)[0].article.id == row["faq_id"] for row in asked)
    assert len(asked) == 630
    assert right / len(asked) >= 0.86


def test_a_yaml_faq_gives_its_entries() -> None:
    text = "- id: a\n  question: Open?\n  asked_as: [when open, hours]\n  answer: >-\n    Nine\n    to five\n"
    assert parse_faq_yaml(text, "faq.yaml") == (Article("a", "Open?", "Nine to five", ("when open", "hours")),)


def test_yaml_words_stay_text_and_an_id_is_made_from_the_question() -> None:
    (article,) = parse_faq_yaml("- question: no\n  answer: 0123\n", "faq.yaml")
    assert (article.id, article.question, article.answer) == ("no", "no", "0123")


@pytest.mark.parametrize(
    ("text", "line", "column", "part"),
    [
        ("- question: Open?\n  anwser: 9\n  answer: 9\n", 2, 3, "unknown setting 'anwser'"),
        ("- question: Open?\n", 1, 3, "no 'answer'"),
        (
            "- id: a\n  question: A\n  answer: B\n- id: a\n  question: C\n  answer: D\n",
            4,
            3,
            "used twice, first in line 1",
        ),
        ("- question: a\n  question: b\n  answer: c\n", 2, 3, "stands here twice"),
        ("question: Open?\n", 1, 1, "must be a list"),
        ("- question: [a\n", 2, 1, "not YAML"),
        ("- question: Hours: when?\n  answer: 9\n", 1, 18, "not YAML"),
        ("- just text\n", 1, 3, "not an entry"),
        ("- question:\n    a: b\n  answer: c\n", 2, 5, "a text belongs here"),
        ("", 1, 1, "must be a list"),
    ],
)
def test_a_faulty_faq_says_where_and_what(text: str, line: int, column: int, part: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_faq_yaml(text, "faq.yaml")
    problem = caught.value.problems[0]
    assert (problem.file, problem.line, problem.column) == ("faq.yaml", line, column)
    assert part in problem.what


def test_intents_become_articles_named_by_their_intent() -> None:
    text = "- name: track\n  examples:\n    - where is it\n    - track it\n"
    assert parse_intents_yaml(text, "i.yaml") == (Article("track", "where is it", "", ("track it",), kind="intent"),)


def test_an_intent_without_examples_is_a_fault() -> None:
    with pytest.raises(SettingsError, match="no 'examples'"):
        parse_intents_yaml("- name: track\n  examples: []\n", "i.yaml")


def test_a_csv_faq_gives_its_entries() -> None:
    text = 'question,answer,asked_as\nOpen?,"Nine, to five",when open|hours\n'
    assert parse_csv(text, "f.csv") == (Article("open", "Open?", "Nine, to five", ("when open", "hours")),)


@pytest.mark.parametrize(("text", "line"), [("q,a\nx,y\n", 1), ("question,answer\nOpen?,\n", 2), ("", 1)])
def test_a_faulty_csv_faq_says_where(text: str, line: int) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_csv(text, "f.csv")
    assert caught.value.problems[0].line == line


def test_a_markdown_faq_gives_an_entry_a_heading() -> None:
    text = "# FAQ\n\n## Open?\nNine to five.\n\n## Closed?\nSundays.\n"
    assert [(a.question, a.answer) for a in parse_faq_markdown(text, "f.md")] == [
        ("Open?", "Nine to five."),
        ("Closed?", "Sundays."),
    ]


def test_a_knowledge_page_is_split_at_its_headings() -> None:
    text = "# Returns\n\nIn short.\n\n## Costs\n39 kr.\n### Abroad\n6.95 euros.\n"
    assert [(a.id, a.question, a.answer) for a in parse_knowledge(text, "pages/returns.md")] == [
        ("returns", "Returns", "In short."),
        ("returns/costs", "Returns: Costs", "39 kr."),
        ("returns/abroad", "Returns: Abroad", "6.95 euros."),
    ]


def test_the_shop_knowledge_answers_what_its_faq_leaves_out() -> None:
    library = Library(read_knowledge(SHOP / "knowledge"))
    assert library.search("VAT and customs fee in Norway")[0].article.id == "delivery/norway"
    assert all(article.kind == "knowledge" for article in library.articles)


def test_every_shipped_bot_file_is_sound() -> None:
    entries = read_faq(SHOP / "faq.yaml")
    assert sum(not entry.language for entry in entries) >= 40
    assert {entry.language for entry in entries} == {"", "da", "de"}
    assert len(read_intents(SHOP / "intents.yaml")) >= 12
    assert read_faq(PROJECT / "bots" / "minimal" / "faq.yaml")


@pytest.mark.parametrize("name", ["gone.yaml", "faq.docx"])
def test_a_file_that_cannot_be_read_is_a_settings_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError):
        read_faq(tmp_path / name)


def test_a_file_in_another_encoding_is_a_settings_error(tmp_path: Path) -> None:
    (tmp_path / "faq.yaml").write_bytes(b"- question: caf\xe9\n")
    with pytest.raises(SettingsError, match="not UTF-8"):
        read_faq(tmp_path / "faq.yaml")


def test_a_missing_knowledge_folder_is_a_settings_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such folder"):
        read_knowledge(tmp_path / "gone")
