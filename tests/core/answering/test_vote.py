"""A vote among answers, the sums in one, and how sure one can be of it."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.answering.arithmetic import sums
from core.answering.confidence import FEATURES, WEIGHTS, confidence, features
from core.answering.vote import Ballot, agreement, said, vote


def test_the_answer_most_agree_with_is_chosen() -> None:
    texts = ["It is 18 dollars.", "She makes 20.", "The total comes to $18.00"]
    assert vote(texts) == Ballot("It is 18 dollars.", 2 / 3)


def test_a_yes_is_no_no() -> None:
    yes, no = "Yes, you can return it in the shop.", "No, you can not return it in the shop."
    assert vote([no, yes, yes + " Bring it."]).text.startswith("Yes")
    assert agreement(said(yes), said(no)) == 0


def test_without_numbers_the_words_are_compared() -> None:
    alike = ["Bring it back to the shop with the receipt.", "You bring it to the shop, with the receipt."]
    assert vote(["We are closed.", *alike]).text in alike


def test_one_answer_is_its_own_vote_and_none_is_no_vote() -> None:
    assert vote(["a"]) == Ballot("a", 1.0)
    with pytest.raises(ValueError, match="needs an answer"):
        vote([])


@given(st.lists(st.text(max_size=40), min_size=1, max_size=5))
def test_the_winner_is_one_of_the_answers(texts: list[str]) -> None:
    ballot = vote(texts)
    assert ballot.text in texts
    assert 1 / len(texts) <= ballot.agreement <= 1
    assert vote(texts) == ballot


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("16 - 3 = 13 eggs", [True]),
        ("9 * $2 = $<<9*2=18>>18.", [True]),
        ("9 x 2 = 19", [False]),
        ("3 sprints x 60 meters = 180 meters", [True]),
        ("2 + 3 * 4 = 14", [True]),
        ("2 + 3 * 4 = 20", [False]),
        ("20% * 50 = 10", [True]),
        ("10 / 3 = 3.33", [True]),
        ("22 + 4 x 12 = 22 + 48 = 70", [True, True]),
        ("1,234.50 + 0.50 = 1,235", [True]),
        ("1 / 0 = 5", []),
        ("7x + 11x = 162", []),
        ("(2 + 3) * 4 = 20", []),
        ("a = 5", []),
        ("5 = 5", []),
        ("= = =", []),
        ("3 - 5 = 2", [False]),
    ],
)
def test_a_sum_holds_or_does_not(text: str, holds: list[bool]) -> None:
    assert [made.holds for made in sums(text)] == holds


@given(st.integers(0, 999), st.sampled_from("+-*"), st.integers(0, 999), st.integers(-3, 3))
def test_a_sum_holds_when_it_is_right(one: int, sign: str, other: int, off: int) -> None:
    right = {"+": one + other, "-": one - other, "*": one * other}[sign]
    if right + off >= 0:
        [made] = sums(f"So {one} {sign} {other} = {right + off} in all.")
        assert made.holds == (abs(off) <= max(Fraction(1, 100), Fraction(right + off, 100)))


@given(st.text(max_size=300), st.text(max_size=100))
def test_any_answer_has_a_confidence(text: str, question: str) -> None:
    assert 0 <= confidence(text, question) <= 1
    assert set(features(text, question)) == set(FEATURES) == set(WEIGHTS)


GOOD = "Ann has 16 eggs and eats 3, so she has 16 - 3 = 13 eggs. She sells 13 * 2 = 26 dollars worth.\n#### 26"
QUESTION = "Ann has 16 eggs, eats 3 and sells the rest for $2 each. How much does she make?"


@pytest.mark.parametrize("worse", [GOOD[:60], GOOD.replace("= 13", "= 14"), "Maybe. However, I am not sure.", ""])
def test_a_worse_answer_has_a_lower_confidence(worse: str) -> None:
    assert confidence(worse, QUESTION) < confidence(GOOD, QUESTION) - 0.1
