"""How well `rephrase` tells the same question again from another one: on pairs of rephrasings, or on labelled turns.

Pairs (`faq_id,query`): every two queries of one entry, against each query's nearest of another entry by the encoder's
cosine (hard) and against one far away in the file (random). Where the entries are known too, in a faq.csv beside it or
as other data, the same once more by a signal that knows the bot's FAQ. Turns (`dialogue,burst,rephrase,sample`): the
dialogues come from dialogues.jsonl beside the file, or as other data.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.articles import Article
from core.conversation import Address, Conversation, Message, Reply
from core.evaluation._measures import Evaluation, Figure, Task, auc, share
from core.evaluation._rows import fault, lines, table
from core.meaning import Meanings
from core.signals._rephrase_known import Known
from core.signals.rephrase import AT_LEAST, Comparing
from core.words import fold, likeness, trigrams

if TYPE_CHECKING:
    from core.meaning import Vector

AT, PLACE = datetime(2026, 1, 1, tzinfo=UTC), Address("memory", "1")
ANSWER = "This is all I know about it."
"""What stands between two queries of a pair: a reply that asks nothing."""

CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two queries by number, and their kind: same, hard or random."""

    first: int
    second: int
    kind: str


def evaluate(task: Task) -> Evaluation:
    """Pairs or turns, by the columns of the file. SettingsError for anything else."""
    header = (lines(task.data) or [""])[0]
    return _turns(task) if "burst" in header.split(",") else _pairs(task)


def _pairs(task: Task) -> Evaluation:
    rows = table(task.data, "faq_id", "query")
    texts, owners = [row["query"] for row in rows], [row["faq_id"] for row in rows]
    if len(set(owners)) < 2 or len(set(owners)) == len(owners):
        raise fault(task.data, "holds no two entries with two queries", "several queries of each of several faq_id")
    meanings = task.encoder.embed(texts)
    known_meanings = Meanings(task.encoder.version, dict(zip(texts, meanings, strict=True)))
    pairs = list(_drawn(np.array(owners), meanings))
    cosines = [float(meanings[p.first] @ meanings[p.second]) for p in pairs]
    grams = [trigrams(fold(text)) for text in texts]
    spelled = [likeness(grams[p.first], grams[p.second]) for p in pairs]
    metrics: dict[str, Figure] = {}
    for name, known in (("", None), ("_faq_known", _known(task))):
        if name and known is None:
            continue
        scores = _scores(pairs, texts, known_meanings, Comparing(known))
        metrics |= _areas(pairs, owners, scores, name) | _taken(pairs, scores, name)
    baseline = _areas(pairs, owners, cosines, "_cosine") | _areas(pairs, owners, spelled, "_trigrams")
    return Evaluation("rephrase", len(pairs), metrics, baseline)


def _drawn(owners: Any, meanings: Vector) -> Iterator[_Pair]:
    same = owners[:, None] == owners[None]
    for first, second in zip(*np.nonzero(np.triu(same, 1)), strict=True):
        yield _Pair(int(first), int(second), "same")
    nearest = np.where(same, -9.0, meanings @ meanings.T).argmax(1)
    for query, other in enumerate(nearest):
        yield _Pair(query, int(other), "hard")
        others = np.flatnonzero(~same[query])
        yield _Pair(query, int(others[(query + len(others) // 2) % len(others)]), "random")


def _known(task: Task) -> Known | None:
    """What the bot's FAQ knows, where one was given or lies beside the queries."""
    path = task.train or task.data.parent / "faq.csv"
    if task.train is None and not path.is_file():
        return None
    known = Known([Article(row["faq_id"], row["question"], "") for row in table(path, "faq_id", "question")])
    known.learn(list(task.encoder.embed(known.texts)))
    return known


def _scores(pairs: Sequence[_Pair], texts: Sequence[str], known: Meanings, comparing: Comparing) -> list[float]:
    """The signal's probability for each pair, as a conversation of two bursts; where it goes by words, 1 or 0."""
    found = []
    for pair in pairs:
        turns = (
            Message("1", PLACE, texts[pair.first], AT),
            Reply(ANSWER, AT),
            Message("2", PLACE, texts[pair.second], AT),
        )
        repeats = comparing.repeats(Conversation(PLACE, turns, meanings=known))
        found.append(float(len(repeats.texts) > 1) if repeats.probability is None else repeats.probability)
    return found


def _areas(pairs: Sequence[_Pair], owners: Sequence[str], scores: Sequence[float], name: str) -> dict[str, Figure]:
    """AUC against both kinds of negatives, resampled by entry."""
    found = {}
    for kind in ("hard", "random"):
        chosen = [n for n, pair in enumerate(pairs) if pair.kind in ("same", kind)]
        truths, groups = [pairs[n].kind == "same" for n in chosen], [owners[pairs[n].first] for n in chosen]
        found[f"auc_{kind}{name}"] = auc([scores[n] for n in chosen], truths, groups)
    return found


def _taken(pairs: Sequence[_Pair], scores: Sequence[float], name: str) -> dict[str, Figure]:
    """The share of each kind of pair that the shipped threshold calls a repeat."""
    found = {}
    for kind in ("same", "hard", "random"):
        of_kind = [score for pair, score in zip(pairs, scores, strict=True) if pair.kind == kind]
        found[f"taken_{kind}{name}"] = share(sum(score >= AT_LEAST for score in of_kind), len(of_kind))
    return found


def _turns(task: Task) -> Evaluation:
    rows = table(task.data, "dialogue", "burst", "rephrase", "sample")
    dialogues = _dialogues(task.train or task.data.parent / "dialogues.jsonl")
    conversations = [_conversation(task.data, dialogues, row) for row in rows]
    texts = sorted({turn.text for c in conversations for turn in c.turns if isinstance(turn, Message)})
    meanings = Meanings(task.encoder.version, dict(zip(texts, task.encoder.embed(texts), strict=True)))
    truths, comparing = [row["rephrase"] == "1" for row in rows], Comparing()
    read = [comparing.repeats(Conversation(PLACE, c.turns, meanings=meanings)) for c in conversations]
    worded = [comparing.repeats(c) for c in conversations]
    if len(set(truths)) < 2:
        raise fault(task.data, "has turns of one kind only", "turns of both kinds, rephrase 1 and 0")
    drawn = [n for n, row in enumerate(rows) if row["sample"] == "random"]
    found, by_words = ([len(each.texts) > 1 for each in which] for which in (read, worded))
    metrics = _shares(found, truths, range(len(rows)), "") | _shares(found, truths, drawn, "_random")
    groups = [row["dialogue"] for row in rows]
    metrics["auc"] = auc([each.probability or 0.0 for each in read], truths, groups)
    cosines = [_cosine(c, meanings) for c in conversations]
    baseline = _shares(by_words, truths, range(len(rows)), "_words") | _shares(by_words, truths, drawn, "_words_random")
    return Evaluation("rephrase", len(rows), metrics, {**baseline, "auc_cosine": auc(cosines, truths, groups)})


def _shares(found: Sequence[bool], truths: Sequence[bool], rows: Sequence[int], name: str) -> dict[str, Figure]:
    both = sum(found[n] and truths[n] for n in rows)
    precision, recall = share(both, sum(found[n] for n in rows)), share(both, sum(truths[n] for n in rows))
    return {f"precision{name}": precision, f"recall{name}": recall}


def _cosine(conversation: Conversation, meanings: Meanings) -> float:
    """The cosine of the newest burst with the one before it."""
    texts = [turn.text for turn in conversation.turns if isinstance(turn, Message)]
    return float(meanings.vectors[texts[-1]] @ meanings.vectors[texts[-2]])


def _dialogues(path: Path) -> dict[str, list[tuple[str, str]]]:
    """The bursts of each dialogue: who speaks, and the texts joined."""
    try:
        return {each["id"]: _bursts(each["turns"]) for each in map(json.loads, lines(path))}
    except (ValueError, KeyError, TypeError) as error:
        raise fault(path, f"is not a dialogue a line: {error}", '{"id": ..., "turns": [{"speaker", "text"}]}') from None


def _bursts(given: Sequence[Mapping[str, str]]) -> list[tuple[str, str]]:
    bursts: list[tuple[str, list[str]]] = []
    for turn in given:
        if not bursts or bursts[-1][0] != turn["speaker"]:
            bursts.append((turn["speaker"], []))
        bursts[-1][1].append(turn["text"])
    return [(speaker, "\n".join(texts)) for speaker, texts in bursts]


def _conversation(
    path: Path, dialogues: Mapping[str, Sequence[tuple[str, str]]], row: Mapping[str, str]
) -> Conversation:
    """The dialogue up to the burst of a row, each burst one turn."""
    bursts = dialogues.get(row["dialogue"], ())
    last = int(row["burst"]) if row["burst"].isdecimal() else -1
    if not 2 <= last < len(bursts) or bursts[last][0] != CUSTOMER:
        what = f"{row['dialogue']} has no burst {row['burst']} of the customer's with another before it"
        raise fault(path, what, "the dialogue's id and the burst's number")
    turns = [
        Message(str(n), PLACE, text, AT) if speaker == CUSTOMER else Reply(text, AT)
        for n, (speaker, text) in enumerate(bursts[: last + 1])
    ]
    return Conversation(PLACE, tuple(turns))
