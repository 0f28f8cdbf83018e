"""The classifier on vectors made for the purpose: what it learns from how few, what it doubts, what stays the same."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from core.classifier import Classifier, Evidence, Learned
from core.nearness import MOST_COMPARED, NEARNESS, Blocks, Weights, density, spread, weigh
from core.softmax import regress

if TYPE_CHECKING:
    from core.meaning import Matrix

WIDE = 32


def unit(rows: Matrix) -> Matrix:
    found: Matrix = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return found


class Clouds:
    """Sentences of made-up intents: points around a middle of their own."""

    def __init__(self, intents: int, spread_out: float = 0.6) -> None:
        self.chance = np.random.default_rng(1)
        self.middles = unit(self.chance.standard_normal((intents, WIDE)).astype(np.float32))
        self.spread_out = spread_out

    def some(self, intent: int, many: int) -> Matrix:
        noise = self.chance.standard_normal((many, WIDE)) * self.spread_out / math.sqrt(WIDE) * 2
        return unit((self.middles[intent] + noise).astype(np.float32))

    def outside(self, many: int) -> Matrix:
        return unit(self.chance.standard_normal((many, WIDE)).astype(np.float32))

    def taught(self, examples: int) -> Classifier:
        names = [f"intent_{n}" for n in range(len(self.middles))]
        classifier = Classifier({name: [f"{name} {i}" for i in range(examples)] for name in names})
        rows = [row for n in range(len(names)) for row in self.some(n, examples + 1)]
        classifier.learn(rows)
        return classifier


def test_before_it_has_learned_it_has_no_opinion() -> None:
    classifier = Classifier({"a": ["one"], "b": ["two"]})
    assert classifier.guess(np.ones(3, np.float32)) is None
    assert classifier.evidence(np.ones(3, np.float32)) is None


def test_an_intents_name_is_read_as_words_after_its_examples() -> None:
    classifier = Classifier({"track_order": ["where is it", "find it"], "get-refund": ["money back"]})
    assert classifier.texts == ("where is it", "find it", "track order", "money back", "get refund")


@pytest.mark.parametrize(("examples", "share"), [(1, 0.7), (5, 0.9), (30, 0.95)])
def test_unseen_sentences_are_told_apart_and_more_examples_help(examples: int, share: float) -> None:
    clouds = Clouds(20)
    classifier = clouds.taught(examples)
    read = [(n, row) for n in range(20) for row in clouds.some(n, 20)]
    right = [guess.name == f"intent_{n}" for n, row in read if (guess := classifier.guess(row))]
    assert len(right) == 400
    assert sum(right) / 400 >= share


def test_the_nearest_example_of_the_intent_is_named() -> None:
    rows = np.eye(6, dtype=np.float32)
    classifier = Classifier({"a": ["a1", "a2"], "b": ["b1", "b2"]})
    classifier.learn(list(rows))
    for at, text in enumerate(("a1", "a2", "a", "b1", "b2", "b")):
        guess = classifier.guess(rows[at])
        assert guess is not None
        assert (guess.name, guess.example) == (text[0], text)


def test_what_is_unlike_every_example_is_about_none_of_them() -> None:
    clouds = Clouds(12, 0.4)
    classifier = clouds.taught(20)
    inside = [guess.any for n in range(12) for row in clouds.some(n, 10) if (guess := classifier.guess(row))]
    outside = [guess.any for row in clouds.outside(120) if (guess := classifier.guess(row))]
    assert np.quantile(inside, 0.1) > np.quantile(outside, 0.9)


def test_probabilities_are_probabilities_and_multiply() -> None:
    clouds = Clouds(5)
    classifier = clouds.taught(4)
    for row in (*clouds.outside(50), np.zeros(WIDE, np.float32)):
        guess = classifier.guess(row)
        assert guess is not None
        assert 0 <= guess.any <= 1
        assert 0 < guess.chosen <= 1
        assert guess.probability == guess.any * guess.chosen


def test_the_chosen_intents_probability_is_how_often_it_is_right() -> None:
    clouds = Clouds(20, 0.9)
    classifier = clouds.taught(30)
    read = [(n, row) for n in range(20) for row in clouds.some(n, 50)]
    guesses = [(n, guess) for n, row in read if (guess := classifier.guess(row))]
    right = np.mean([guess.name == f"intent_{n}" for n, guess in guesses])
    assert 0.6 < right < 0.97
    assert abs(right - np.mean([guess.chosen for _, guess in guesses])) < 0.08


@pytest.mark.parametrize("intents", [1, 2, 3, 4])
def test_few_intents_are_enough(intents: int) -> None:
    clouds = Clouds(intents, 0.2)
    classifier = clouds.taught(1)
    for n in range(intents):
        guess = classifier.guess(clouds.some(n, 1)[0])
        assert guess is not None
        assert guess.name == f"intent_{n}"
        assert guess.chosen <= 1


def test_no_intents_is_no_opinion() -> None:
    classifier = Classifier({})
    classifier.learn([])
    assert classifier.texts == ()
    assert classifier.guess(np.ones(3, np.float32)) is None


def test_learning_again_gives_the_same_to_the_bit() -> None:
    def found() -> Evidence | None:
        clouds = Clouds(7)
        return clouds.taught(12).evidence(clouds.some(3, 1)[0])

    assert found() == found()


def test_an_intent_with_many_examples_is_compared_with_a_bounded_number_of_them() -> None:
    rows = unit(np.random.default_rng(0).standard_normal((602, WIDE)).astype(np.float32))
    learned = Learned(rows, np.repeat([0, 1], 301), 2)
    assert [len(block) for block in learned.blocks.rows] == [MOST_COMPARED, MOST_COMPARED]
    assert spread(np.arange(10), 4).tolist() == [0, 3, 6, 9]


def test_the_examples_held_back_decide_what_counts() -> None:
    """Where outputs say nothing and the nearest example says all, nearness gets weight; the other way round none."""
    chance = np.random.default_rng(3)
    rows = unit(chance.standard_normal((300, WIDE)).astype(np.float32))
    owners = np.arange(300) % 3
    twins = unit(rows + 0.03 * chance.standard_normal(rows.shape).astype(np.float32))
    blocks = Blocks(rows, owners, 3)
    shipped = Weights(1.0, NEARNESS)
    silent = np.zeros((300, 3), np.float32)
    telling = np.eye(3, dtype=np.float32)[owners] * 4
    assert weigh(silent, blocks, twins, owners, shipped).nearness >= 0.2
    blind = Blocks(unit(chance.standard_normal((300, WIDE)).astype(np.float32)), owners, 3)
    assert weigh(telling, blind, twins, owners, shipped).nearness <= 0.1
    assert weigh(telling, blind, twins, owners, shipped).scale > 1.2
    assert weigh(telling, blind, twins, (owners + 1) % 3, shipped).scale < 0.5


def test_nearness_counts_as_much_as_it_weighs() -> None:
    clouds = Clouds(2, 0.3)
    stray = clouds.some(0, 1)
    rows = np.concatenate([clouds.some(0, 20), clouds.some(1, 19), stray])
    learned = Learned(rows, np.repeat([0, 1], 20), 2)
    learned.weights = Weights(1.0, 0.0)
    assert learned.evidence(stray[0]).intent == 0
    learned.weights = Weights(1.0, 5.0)
    assert learned.evidence(stray[0]).intent == 1


def test_density_is_the_logarithm_of_the_mean_nearness() -> None:
    assert density(np.array([1.0, 1.0], np.float32)) == pytest.approx(0)
    assert density(np.array([1.0, -1.0], np.float32)) == pytest.approx(math.log(0.5))
    assert math.isfinite(density(np.array([-1.0], np.float32)))


def test_regression_finds_the_weights_a_slow_search_finds() -> None:
    clouds = Clouds(4, 1.2)
    rows = np.concatenate([clouds.some(n, 30) for n in range(4)])
    labels = np.repeat(np.arange(4), 30)
    quick, slow = regress(rows, labels, 4, 15), np.zeros((WIDE + 1, 4))
    ones, truth = np.concatenate([rows, np.ones((120, 1))], axis=1), np.eye(4)[labels]
    pull = np.full((WIDE + 1, 1), 1 / (10 * 120))
    pull[-1] = 1e-6
    for _ in range(20_000):
        chances = np.exp(ones @ slow)
        chances /= chances.sum(axis=1, keepdims=True)
        slow -= ones.T @ (chances - truth) / 120 + pull * slow
    apart = quick[:-1] - slow[:-1]
    assert np.abs(apart - apart.mean(axis=1, keepdims=True)).max() < 0.05 * np.abs(slow).max()


def test_regression_continues_from_where_it_was() -> None:
    clouds = Clouds(4)
    rows = np.concatenate([clouds.some(n, 20) for n in range(4)])
    labels = np.repeat(np.arange(4), 20)
    learned = regress(rows, labels, 4, 40)
    assert np.allclose(regress(rows, labels, 4, 1, learned), learned, atol=0.1)
