"""How long one decision takes, in microseconds: every signal, fifty rules, a chat of twenty turns; and what peers take.

`beyond the encoder`: all vectors are given as values, and the chat's earlier messages were read when they came. `with
the encoder`: its vector is made first. Each figure is of the last decision of another chat, on sentences that were
never read before (benchmarks/_decide/chats.py). `signal`: that signal's own part. Processes take turns on the machine,
so run it on an idle one.

Peers, on the same messages, in an environment of their own (benchmarks/peers.sh routers): VADER reads one sentiment,
LiteLLM's complexity router one class, semantic-router's route layer one route, with the encoder that we ship.
RouteLLM's BERT is left out: it needs torch and a model of 400 MB. Usage: python -m benchmarks.decide [CHATS]; 300.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from benchmarks._decide.chats import chats, entries
from benchmarks._decide.ours import book, timed
from benchmarks._harness import ROOT, Result, percentiles, report
from core.encoder.onnx import build

PEERS = ROOT / "build" / "routers" / "venv" / "bin" / "python"
NAMES = {"litellm": "LiteLLM complexity router", "semantic_router": "semantic-router route layer"}
ALONE = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
"""Without this LiteLLM asks the network for prices when it is imported, and waits for it."""

SIZES = (200, 5_000)
"""Entries of the FAQ."""

ENCODED = 200
"""Messages the encoder alone is timed on."""


def ours(count: int) -> list[Result]:
    """Our figures at each size of the FAQ."""
    encoder, results = build(), list[Result]()
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            told = timed(book(size, Path(folder), encoder), encoder, count)
            name = f"firstline, {size:,} FAQ entries"
            results += percentiles(name, "decide beyond the encoder", told.beyond, "µs")
            results += percentiles(name, "decide with the encoder", told.along, "µs")
            for signal, took in told.signals.items():
                results += percentiles(name, f"signal {signal}", took, "µs")[:1]
    alone = each(lambda text: encoder.embed([text]), messages(ENCODED))
    return [*results, *percentiles("firstline, encoder", "one message", alone, "µs")]


def messages(count: int) -> list[str]:
    """As many texts of about twenty words."""
    return [text for chat in chats(-(-count // 10), seed=3) for text in chat][:count]


def each(read: Callable[[str], object], texts: list[str]) -> list[float]:
    """Microseconds for each text."""
    took = []
    for text in texts:
        began = time.perf_counter_ns()
        read(text)
        took.append((time.perf_counter_ns() - began) / 1e3)
    return took


def peers(count: int) -> list[Result]:
    """The peers' figures, of those that could be installed; why another is missing is said."""
    vader = SentimentIntensityAnalyzer().polarity_scores
    results = percentiles("VADER", "one message", each(vader, messages(count)), "µs")
    made = subprocess.run([ROOT / "benchmarks" / "peers.sh", "routers"], check=False)
    if made.returncode or not PEERS.exists():
        print("LiteLLM, semantic-router left out: their packages could not be installed", file=sys.stderr)
        return results
    asked = json.dumps({"texts": messages(count), "examples": entries(SIZES[0])})
    for peer, name in NAMES.items():
        command = [str(PEERS), "-m", "benchmarks._decide.peer", peer]
        done = subprocess.run(command, cwd=ROOT, env=ALONE, input=asked, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{name} left out: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}", file=sys.stderr)
            continue
        results += percentiles(name, "one message", json.loads(done.stdout.splitlines()[-1]), "µs")
    return results


if __name__ == "__main__":
    chats_timed = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    report("decide", [*ours(chats_timed), *peers(chats_timed)])
